//! The manual: what becomes of each field and flag, what the library needs of the kernel, where it differs from runc, and what it
//! guards against.
//!
//! Documents, compiled with the code they describe.

#[doc = include_str!("features.md")]
pub mod features {}

#[doc = include_str!("kernel.md")]
pub mod kernel {}

#[doc = include_str!("compatibility.md")]
pub mod compatibility {}

#[doc = include_str!("threats.md")]
pub mod threats {}
