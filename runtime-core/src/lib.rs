//! Orlop: an OCI container runtime as a library.

pub mod error;
pub mod seccomp;
pub mod spec;

pub use error::{Error, Kind, Op, Pointer, Result};
