//! System calls that no crate offers. Unsafe lives here and says why it is sound.

pub(crate) mod bpf;
pub(crate) mod pidfd;
