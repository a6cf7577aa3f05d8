//! Orlop: an OCI container runtime as a library. It runs containers from bundles, on Linux 5.14 and later.
//!
//! [`Runtime`] is a directory of containers: it creates, runs, finds and lists them. [`Container`] is one of them, with a method for
//! each operation of the specification. [`Process`] is a process this program started in one: its pidfd, its terminal, its end.
//!
//! ```no_run
//! use orlop::{Exec, Launch, Runtime};
//!
//! # fn main() -> orlop::Result<()> {
//! let runtime = Runtime::open("/run/orlop")?;
//! let container = runtime.create("web", "/var/lib/bundles/web".as_ref(), &Launch::default())?;
//! container.start()?;
//!
//! let process = br#"{"cwd": "/", "args": ["uname", "-a"], "env": ["PATH=/bin"]}"#;
//! let second = container.exec(&orlop::spec::Process::from_slice(process)?, &Exec::default())?;
//! println!("uname ended with {}", second.wait()?.status());
//!
//! container.kill(15, false)?;
//! container.delete(true)?;
//! # Ok(())
//! # }
//! ```
//!
//! A program that has no `config.json` hands in a [`Config`]: from bytes, or from an `oci_spec::runtime::Spec`
//! ([`Launch::config`]).
//!
//! # In any program
//!
//! Nothing is asked of the program around it: no `init` argument in its `main`, no helper on `PATH`, no handler of SIGCHLD. Any
//! thread may call, in the middle of any runtime: a process is started without copying the program's memory and executes
//! init at once. Neither environment, working directory nor umask of the program matter, and they stay as they are. The
//! calls block; `examples/embed_tokio.rs` shows them beside an event loop.
//!
//! # Modules
//!
//! ```text
//! config.json ──spec──▶ Spec ─┐
//!                             ├─compile─▶ Plan ──launch──▶ init ──execve──▶ the user's process
//! this machine ─host──▶ Host ─┘
//! ```
//!
//! | module | does | unsafe |
//! |---|---|---|
//! | `runtime`, `container`, `process` | the public operations | no |
//! | `activation` | what a service manager gives, handed on: [`Notify`] and listening sockets | no |
//! | [`error`] | [`Error`], [`Kind`], [`Op`], [`Pointer`]: what, where, why, and what to do | no |
//! | [`spec`] | `config.json` → [`spec::Spec`]: what exists is valid | no |
//! | `host` | this machine → the facts a spec needs | no |
//! | `compile` | both → [`Plan`]: every decision, no system call | no |
//! | `launch` | a plan → processes: opens, starts, talks with init | `spawn` alone: `clone3(2)` and its child |
//! | [`cgroup`] | limits and devices, cgroup v1 and v2 | no |
//! | [`seccomp`] | a profile → BPF, kept in a cache | no |
//! | `resctrl` | shares of cache and memory bandwidth | no |
//! | `state` | what is known of a container, on disk | no |
//! | [`manual`] | documents: features, kernel, compatibility, threats | no |
//! | `sys` | system calls that `nix` and `rustix` lack | yes, one call per file |
//!
//! The crates `orlop-plan`, the words of a plan, and `orlop-init`, the program that carries one out, lie below this one; init is
//! built by `build.rs` and embedded.

mod activation;
pub mod cgroup;
mod compile;
mod container;
mod criu;
pub mod error;
mod events;
mod features;
mod host;
#[doc(hidden)] // for the tests that run the program itself
pub mod init_image;
mod launch;
mod live_mounts;
pub mod manual;
mod options;
mod process;
mod resctrl;
mod root_mount;
mod runtime;
pub mod seccomp;
pub mod spec;
mod state;
mod sys;
mod trace;
mod update;

pub use activation::Notify;
pub use compile::Plan;
pub use container::{Config, Container};
pub use criu::{CgroupsMode, Checkpoint, Criu, Restore};
pub use error::{Error, Kind, Op, Pointer, Result, describe};
pub use events::{Event, Watch};
pub use features::features;
pub use options::{CgroupDriver, Exec, Launch, Stdio};
pub use process::{Exit, Process, Trace, TraceStep};
pub use runtime::Runtime;
pub use spec::Limits;
pub use state::{State, Status};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
