//! Single files: device nodes, symlinks, values written to a verified procfs and namespaces found there.

use core::ffi::CStr;

use super::{accept, paths};
use crate::sys::{self, Errno, Fd, Result};

/// Makes a device node or FIFO, and gives it to its owner. The same one that exists stays as it is; anything else in its place is
/// EEXIST.
pub(crate) fn mknod(root: Fd, path: &CStr, mode: u32, device: u64, (uid, gid): (u32, u32)) -> Result<()> {
    paths::in_parent(root, path, |dir, name| match sys::mknodat(dir, name, mode, device) {
        Ok(()) if (uid, gid) == (0, 0) => Ok(()),
        Ok(()) => sys::fchownat(dir, name, uid, gid),
        Err(Errno::EXIST) => {
            let there = sys::lstatat(dir, name)?;
            let same = there.kind() == mode & sys::S_IFMT && there.device() == device;
            if same { Ok(()) } else { Err(Errno::EXIST) }
        }
        Err(errno) => Err(errno),
    })
}

/// Makes a symlink. Whatever exists in its place stays.
pub(crate) fn symlink(root: Fd, path: &CStr, target: &CStr) -> Result<()> {
    accept(paths::in_parent(root, path, |dir, name| sys::symlinkat(target, dir, name)), &[Errno::EXIST])
}

/// The one place where a magic link is followed: procfs is the host's own.
pub(crate) fn enter_namespace(procfs: Fd, path: &CStr, flags: u32) -> Result<()> {
    sys::setns(sys::openat(procfs, path, sys::O_RDONLY)?.fd(), flags)
}

/// Writes a value with one `write(2)`: the files of procfs take it whole or not at all.
pub(crate) fn write(dir: Fd, path: &CStr, value: &[u8]) -> Result<()> {
    let resolve = sys::RESOLVE_BENEATH | sys::RESOLVE_NO_MAGICLINKS | sys::RESOLVE_NO_XDEV;
    let file = paths::retry(|| sys::openat2(dir, paths::beneath(path), sys::O_WRONLY, 0, resolve))?;
    if sys::write(file.fd(), value)? == value.len() { Ok(()) } else { Err(Errno::IO) }
}
