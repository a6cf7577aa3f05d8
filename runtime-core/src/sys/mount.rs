//! `mount_setattr(2)` in the parent: id-mapped mounts.
#![allow(unsafe_code, reason = "a system call that no crate offers")]

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

/// Gives a mount that nobody has seen the mappings of a user namespace (Linux 5.12).
pub(crate) fn map_ids(mount: BorrowedFd<'_>, recursive: bool, namespace: BorrowedFd<'_>) -> Result<(), Errno> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP,
        attr_clr: 0,
        propagation: 0,
        userns_fd: u64::from(namespace.as_raw_fd().cast_unsigned()),
    };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the kernel reads an empty, NUL-terminated path and a whole `mount_attr`, both of which outlive the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(answer).map(drop)
}
