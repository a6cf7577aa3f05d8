//! `waitid(2)` on a pidfd, also for children that no SIGCHLD announces, and with every signal number.
#![allow(unsafe_code, reason = "nix loses the status of a child killed by a real-time signal; rustix knows no __WALL")]

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Waits for the child behind `pidfd` and reaps it.
///
/// The kernel gives every process that executes a program the exit signal SIGCHLD (`de_thread` in fs/exec.c). A program that
/// ignores that signal never has a child to reap (sigaction(2), SA_NOCLDWAIT), and another part of it may have reaped ours:
/// how it ended is then in the pidfd (Linux 6.15), or lost (ECHILD).
pub(crate) fn reap(pidfd: BorrowedFd<'_>) -> Result<Ending, Errno> {
    match wait(pidfd) {
        Err(Errno::ECHILD) => remembered(pidfd),
        answer => answer,
    }
}

/// `struct pidfd_info`, as long as it was in its first version (linux/pidfd.h).
#[repr(C)]
#[derive(Default)]
struct Details {
    mask: u64,
    cgroup: u64,
    ids: [u32; 11],
    exit_code: i32,
}

const PIDFD_INFO_EXIT: u64 = 1 << 3;
/// `_IOWR(0xFF, 11, struct pidfd_info)`
const PIDFD_GET_INFO: libc::Ioctl = nix::request_code_readwrite!(0xFF, 11, size_of::<Details>());

/// How a process that is gone ended. Of one that is only about to go, the kernel says that a moment later.
fn remembered(pidfd: BorrowedFd<'_>) -> Result<Ending, Errno> {
    const TRIES: u8 = 100;
    for _ in 0..TRIES {
        let mut details = Details { mask: PIDFD_INFO_EXIT, ..Details::default() };
        // SAFETY: `details` is as long as the request says, and the kernel writes no more; `pidfd` stays open for the borrow.
        let result = unsafe { libc::ioctl(pidfd.as_raw_fd(), PIDFD_GET_INFO, &raw mut details) };
        match Errno::result(result) {
            Ok(_) if details.mask & PIDFD_INFO_EXIT != 0 => return Ok(ending(details.exit_code)),
            Ok(_) => std::thread::sleep(std::time::Duration::from_millis(1)),
            // An older kernel.
            Err(_) => break,
        }
    }
    Err(Errno::ECHILD)
}

/// A status as wait(2) words it.
fn ending(status: i32) -> Ending {
    match libc::WIFSIGNALED(status) {
        true => Ending::Signal(libc::WTERMSIG(status)),
        false => Ending::Code(libc::WEXITSTATUS(status)),
    }
}

fn wait(pidfd: BorrowedFd<'_>) -> Result<Ending, Errno> {
    let mut details = MaybeUninit::<libc::siginfo_t>::zeroed();
    let id = libc::id_t::try_from(pidfd.as_raw_fd()).map_err(|_negative| Errno::EBADF)?;
    loop {
        // SAFETY: `details` is a siginfo_t that the kernel fills; `pidfd` stays open for the borrow.
        let result = unsafe { libc::waitid(libc::P_PIDFD, id, details.as_mut_ptr(), libc::WEXITED | libc::__WALL) };
        match Errno::result(result) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(_) => break,
        }
    }
    // SAFETY: zeroed bytes are a valid siginfo_t, and waitid(2) has filled it in.
    let details = unsafe { details.assume_init() };
    // SAFETY: waitid(2) answers with the SIGCHLD form, in which the status is defined.
    let status = unsafe { details.si_status() };
    Ok(match details.si_code {
        libc::CLD_EXITED => Ending::Code(status),
        _ => Ending::Signal(status),
    })
}
