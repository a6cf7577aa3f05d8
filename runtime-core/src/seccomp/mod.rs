//! A seccomp profile → the program that the kernel runs at every system call of the container.
//!
//! Comes in: a [`Seccomp`] (config-linux.md, "Seccomp"). Goes out: a [`Filter`], the array of `struct sock_filter` that init
//! hands to `seccomp(2)`. Loads nothing and changes nothing of the calling process; only [`cached`] touches a file.

#[cfg(test)]
mod bpf;
mod cache;
mod enosys;
mod profile;
#[cfg(test)]
mod tests;

use std::os::fd::BorrowedFd;

pub use cache::open as cache_dir;

use crate::error::{Error, Kind, Op, Pointer, Result};
use crate::spec::{Seccomp, Warning};

/// A compiled profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// `struct sock_filter[]` in the machine's byte order.
    pub bytes: Vec<u8>,
    /// `SECCOMP_FILTER_FLAG_*` for `seccomp(2)`.
    pub flags: u32,
    /// The names that were passed over.
    pub warnings: Vec<Warning>,
}

/// `sizeof(struct sock_filter)`.
const INSTRUCTION: usize = 8;

/// `BPF_MAXINSNS` of `linux/bpf_common.h`: the kernel answers a longer program with a bare EINVAL.
const MAX_INSTRUCTIONS: usize = 4096;

/// Compiles `profile`: milliseconds for a profile of some hundred names.
pub fn compile(profile: &Seccomp<'_>) -> Result<Filter> {
    let architectures = profile::architectures(profile)?;
    let (program, warnings) = profile::program(profile, &architectures)?;
    let mut bytes = enosys::prologue(profile, &architectures);
    bytes.extend(program);
    let instructions = bytes.len() / INSTRUCTION;
    if instructions > MAX_INSTRUCTIONS {
        return Err(Error::new(Kind::Unsupported, Op::CompileSeccomp)
            .field(Pointer::new("/linux/seccomp"))
            .message(format!("needs {instructions} instructions, the kernel takes {MAX_INSTRUCTIONS}")));
    }
    Ok(Filter { bytes, flags: profile.flags, warnings })
}

/// The same, from the directory `cache_dir` (see [`cache_dir`]) where it holds this profile already, and kept there otherwise.
///
/// A cache that cannot be read or written costs time, never the container.
pub fn cached(profile: &Seccomp<'_>, cache_dir: BorrowedFd<'_>) -> Result<Filter> {
    let Some(entry) = cache::Entry::of(profile) else { return compile(profile) };
    if let Some(filter) = entry.read(cache_dir, profile.flags) {
        return Ok(filter);
    }
    let filter = compile(profile)?;
    if let Err(errno) = entry.write(cache_dir, &filter) {
        log::debug!("compiled seccomp profile not kept: {errno}");
    }
    Ok(filter)
}
