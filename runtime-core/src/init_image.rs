//! The program that carries out a plan, built by `build.rs` from `init/`.

/// A static ELF executable.
pub static INIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/init"));
