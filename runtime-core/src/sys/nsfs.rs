//! What kind of namespace a descriptor is (ioctl_ns(2), Linux 4.11).
#![allow(unsafe_code, reason = "an ioctl that no crate offers")]

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

/// `_IO(0xb7, 0x3)` of linux/nsfs.h.
const NS_GET_NSTYPE: libc::Ioctl = 0xb703;

/// The `CLONE_NEW*` flag of the namespace behind `fd`; ENOTTY where it is not one.
pub(crate) fn kind(fd: BorrowedFd<'_>) -> Result<u32, Errno> {
    // SAFETY: this request takes no argument; `fd` stays open for the borrow.
    let answer = unsafe { libc::ioctl(fd.as_raw_fd(), NS_GET_NSTYPE) };
    Errno::result(answer).map(i32::cast_unsigned)
}
