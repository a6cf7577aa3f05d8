//! Orlop: an OCI container runtime as a library.

pub mod error;
#[doc(hidden)] // for the tests that run the program itself
pub mod init_image;
pub mod spec;

pub use error::{Error, Kind, Op, Pointer, Result};
