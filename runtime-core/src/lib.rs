//! Orlop: an OCI container runtime as a library.

pub mod cgroup;
pub mod error;
pub mod seccomp;
pub mod spec;
mod sys;

pub use error::{Error, Kind, Op, Pointer, Result};
