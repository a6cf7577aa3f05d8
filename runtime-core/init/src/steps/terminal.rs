//! The terminal and the standard streams.

use core::ffi::CStr;

use orlop_plan::Slot;

use super::{accept, paths};
use crate::state::State;
use crate::sys::{self, Errno, Fd, Result};

/// Opens a new pty: `terminal` is its end outside, `peer` the one inside.
pub(crate) fn open_pty(state: &mut State<'_>, root: Slot, path: &CStr, terminal: Slot, peer: Slot) -> Result<()> {
    let outside = paths::resolve(state.fd(root)?, path, sys::O_RDWR | sys::O_NOCTTY)?;
    // Whatever else an image has there could answer TIOCGPTPEER with the number of a descriptor of ours (FUSE does).
    let stat = sys::fstat(outside.fd())?;
    if (stat.kind(), stat.rdev_major, stat.rdev_minor) != (sys::S_IFCHR, 5, 2) {
        return Err(Errno::NOTTY);
    }
    sys::unlock_pty(outside.fd())?;
    let inside = sys::pty_peer(outside.fd())?;
    state.fill(terminal, outside)?;
    state.fill(peer, inside)
}

/// Puts a descriptor in the place of standard input, output and error.
pub(crate) fn stdio(fd: Fd) -> Result<()> {
    (0..=2).try_for_each(|stream| sys::dup_to(fd, stream))
}

/// Puts the null device of the container in the place of a standard stream; what is something else there stays out.
pub(crate) fn null_stream(root: Fd, path: &CStr, stream: u32) -> Result<()> {
    let Ok(null) = paths::resolve(root, path, sys::O_RDWR | sys::O_NOCTTY) else { return Ok(()) };
    let stat = sys::fstat(null.fd())?;
    match (stat.kind(), stat.rdev_major, stat.rdev_minor) {
        (sys::S_IFCHR, 1, 3) => sys::dup_to(null.fd(), stream.cast_signed()),
        _ => Ok(()),
    }
}

/// Gives a standard stream to the container's user. Pipes of a foreign user namespace and `/dev/null` stay as they are.
pub(crate) fn chown_stream(stream: u32, uid: u32) -> Result<()> {
    accept(sys::fchown(Fd(stream.cast_signed()), uid, u32::MAX), &[Errno::PERM, Errno::ROFS, Errno::INVAL])
}
