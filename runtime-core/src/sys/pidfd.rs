//! `pidfd_send_signal(2)` with a plain number: rustix has no safe way to name a real-time signal.
#![allow(unsafe_code, reason = "a system call that no crate offers for every signal")]

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

/// The process's id in this process's pid namespace, as `/proc/self/fdinfo` tells it (pidfd_open(2)).
pub(crate) fn pid(fd: BorrowedFd<'_>) -> std::io::Result<i32> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()))?;
    let pid = text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
    pid.filter(|pid| *pid > 0).ok_or_else(|| std::io::ErrorKind::NotFound.into())
}

/// Sends `signal` to the process behind `fd`.
pub(crate) fn send_signal(fd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    let no_details = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the one pointer is null, which the call allows; `fd` stays open for the borrow.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal, no_details, 0) };
    Errno::result(result).map(drop)
}
