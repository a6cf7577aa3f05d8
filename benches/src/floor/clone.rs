//! `clone3(2)` without `CLONE_VM`: a fork that is born in its namespaces and, on cgroup v2, in its cgroup.
#![allow(unsafe_code, reason = "no crate wraps clone3; this is the floor's only unsafe block")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `libc::CLONE_INTO_CGROUP` is 0 on gnu: the constant overflows its `c_int` (clone3 flags have 64 bits).
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// One argument of `clone3(2)`, as of Linux 5.7.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Forks into new namespaces; the child sees `None`.
pub(crate) fn clone3(namespaces: i32, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Option<i32>> {
    let mut args = CloneArgs { exit_signal: libc::SIGCHLD as u64, flags: namespaces as u64, ..CloneArgs::default() };
    if let Some(directory) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = directory.as_raw_fd() as u64;
    }
    // SAFETY: `args` outlives the call and its size is passed. Without CLONE_VM the child gets a copy of the memory,
    // and the floor has one thread, so no lock can be held by a thread that the child lacks.
    match unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<CloneArgs>()) } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => Ok(Some(pid as i32)),
    }
}
