//! The process itself: its cgroups, signals, keyring, directory, and the program it will be.

use core::ffi::CStr;

use orlop_plan::Texts;

use super::accept;
use crate::sys::{self, Errno, Fd, Result, Room};

pub(crate) fn join_cgroup(tasks: Fd) -> Result<()> {
    sys::write(tasks, b"0").map(drop)
}

/// The real-time signals end at 64.
pub(crate) fn reset_signals() -> Result<()> {
    let mut signals = (1..=64).filter(|signal| *signal != sys::SIGKILL && *signal != sys::SIGSTOP);
    signals.try_for_each(sys::default_action)?;
    sys::unblock_signals()
}

pub(crate) fn join_keyring(name: &CStr) -> Result<()> {
    accept(sys::join_session_keyring(name), &[Errno::NOSYS])
}

/// Changes the directory and asks where that is: a leaked fd of the host can make `/proc/self/fd/N` lead outside the root,
/// and the kernel then says `(unreachable)` (CVE-2024-21626).
#[inline(never)] // its room is not part of the loop's frame: stack that is not touched is not resident
pub(crate) fn chdir(path: &CStr) -> Result<()> {
    sys::chdir(path)?;
    if Room::new().getcwd()?.starts_with(b"/") { Ok(()) } else { Err(Errno::NOENT) }
}

/// The first candidate that is a file and may be executed.
pub(crate) fn look_up(candidates: Texts<'_>) -> Result<&CStr> {
    let mut answer = Errno::NOENT;
    for path in candidates.iter() {
        match executable(path) {
            Ok(()) => return Ok(path),
            Err(Errno::NOENT | Errno::NOTDIR) => (),
            Err(errno) => answer = errno,
        }
    }
    Err(answer)
}

fn executable(path: &CStr) -> Result<()> {
    sys::may_execute(path)?;
    match sys::stat(path)?.kind() {
        sys::S_IFREG => Ok(()),
        sys::S_IFDIR => Err(Errno::ISDIR),
        _ => Err(Errno::ACCES),
    }
}
