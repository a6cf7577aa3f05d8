//! Orlop: an OCI container runtime as a library.

pub mod cgroup;
mod compile;
mod container;
pub mod error;
mod features;
mod host;
#[doc(hidden)] // for the tests that run the program itself
pub mod init_image;
mod launch;
pub mod manual;
mod options;
mod process;
mod runtime;
pub mod seccomp;
pub mod spec;
mod state;
mod sys;
mod trace;

pub use compile::Plan;
pub use container::{Config, Container};
pub use error::{Error, Kind, Op, Pointer, Result};
pub use features::features;
pub use options::{Exec, Launch, Stdio};
pub use process::{Exit, Process, Trace, TraceStep};
pub use runtime::Runtime;
pub use state::{State, Status};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
