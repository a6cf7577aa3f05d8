//! Who the process is, what it may do, and what it is called.

use super::{Fd, OwnedFd, Result, at, call, nr, plain};
use core::ffi::CStr;

/// `setgroups(2)`; the ids as bytes, four each.
pub fn setgroups(gids: &[u8]) -> Result<()> {
    // SAFETY: the kernel reads as many whole ids as the slice holds; it copies, so alignment does not matter.
    unsafe { call(nr::SETGROUPS, [gids.len() / 4, at(gids.as_ptr())]) }.map(drop)
}

pub fn setresgid(gid: u32) -> Result<()> {
    plain(nr::SETRESGID, [gid as usize; 3]).map(drop)
}

pub fn setresuid(uid: u32) -> Result<()> {
    plain(nr::SETRESUID, [uid as usize; 3]).map(drop)
}

/// `prctl(2)` for the options that take numbers. A plan asks for no other: it comes from the parent, which could do worse.
pub fn prctl(option: u32, args: [u64; 2]) -> Result<()> {
    let [a, b] = args;
    plain(nr::PRCTL, [option as usize, a as usize, b as usize, 0, 0]).map(drop)
}

/// `PR_SET_NAME`.
pub fn set_name(name: &CStr) -> Result<()> {
    const PR_SET_NAME: usize = 15;
    // SAFETY: the kernel reads at most 16 bytes and stops at the NUL.
    unsafe { call(nr::PRCTL, [PR_SET_NAME, at(name.as_ptr())]) }.map(drop)
}

pub fn capset(effective: u64, permitted: u64, inheritable: u64) -> Result<()> {
    const LINUX_CAPABILITY_VERSION_3: u32 = 0x2008_0522;
    let header = [LINUX_CAPABILITY_VERSION_3, 0];
    let sets = [effective, permitted, inheritable];
    let data = [sets.map(|set| set as u32), sets.map(|set| (set >> 32) as u32)];
    // SAFETY: the kernel reads a header of two words and, for version 3, twice three words.
    unsafe { call(nr::CAPSET, [at(&raw const header), at(&raw const data)]) }.map(drop)
}

/// `struct sock_fprog`.
#[repr(C)]
struct Program {
    len: u16,
    filter: *const u8,
}

/// `seccomp(2)` `SECCOMP_SET_MODE_FILTER`; `filter` holds instructions of eight bytes.
pub fn seccomp(flags: u32, filter: &[u8]) -> Result<()> {
    load_filter(flags, filter).map(drop)
}

/// The same with `SECCOMP_FILTER_FLAG_NEW_LISTENER`: the listener.
pub fn seccomp_listener(flags: u32, filter: &[u8]) -> Result<OwnedFd> {
    // The kernel makes it O_CLOEXEC by itself (`seccomp_set_mode_filter` in kernel/seccomp.c).
    const SECCOMP_FILTER_FLAG_NEW_LISTENER: u32 = 1 << 3;
    load_filter(flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, filter).map(OwnedFd::from_answer)
}

fn load_filter(flags: u32, filter: &[u8]) -> Result<usize> {
    const SECCOMP_SET_MODE_FILTER: usize = 1;
    let len = u16::try_from(filter.len() / 8).map_err(|_too_long| super::Errno::INVAL)?;
    let program = Program { len, filter: filter.as_ptr() };
    // SAFETY: the kernel copies `len` instructions, which the slice holds.
    unsafe { call(nr::SECCOMP, [SECCOMP_SET_MODE_FILTER, flags as usize, at(&raw const program)]) }
}

pub fn sethostname(name: &[u8]) -> Result<()> {
    // SAFETY: the kernel reads one live slice.
    unsafe { call(nr::SETHOSTNAME, [at(name.as_ptr()), name.len()]) }.map(drop)
}

pub fn setdomainname(name: &[u8]) -> Result<()> {
    // SAFETY: the kernel reads one live slice.
    unsafe { call(nr::SETDOMAINNAME, [at(name.as_ptr()), name.len()]) }.map(drop)
}

/// `prlimit64(2)` on the calling process.
pub fn setrlimit(resource: u32, soft: u64, hard: u64) -> Result<()> {
    let limit = [soft, hard];
    // SAFETY: the kernel reads one `struct rlimit64`, which is two 64-bit numbers.
    unsafe { call(nr::PRLIMIT64, [0, resource as usize, at(&raw const limit), 0]) }.map(drop)
}

/// `keyctl(2)` `KEYCTL_JOIN_SESSION_KEYRING`.
pub fn join_session_keyring(name: &CStr) -> Result<()> {
    const KEYCTL_JOIN_SESSION_KEYRING: usize = 1;
    // SAFETY: the kernel reads a NUL-terminated text.
    unsafe { call(nr::KEYCTL, [KEYCTL_JOIN_SESSION_KEYRING, at(name.as_ptr())]) }.map(drop)
}

pub fn setns(ns: Fd, flags: u32) -> Result<()> {
    plain(nr::SETNS, [ns.arg(), flags as usize]).map(drop)
}

pub fn unshare(flags: u32) -> Result<()> {
    plain(nr::UNSHARE, [flags as usize]).map(drop)
}

pub fn setsid() -> Result<()> {
    plain(nr::SETSID, []).map(drop)
}

pub fn umask(mask: u32) -> Result<()> {
    plain(nr::UMASK, [mask as usize]).map(drop)
}
