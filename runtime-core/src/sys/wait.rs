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
pub(crate) fn reap(pidfd: BorrowedFd<'_>) -> Result<Ending, Errno> {
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
