//! The mount interface by file descriptors (Linux 5.2 to 5.12), and entering a root.

use core::ffi::CStr;

use super::{Fd, OwnedFd, Result, at, call, nr, plain};

const AT_RECURSIVE: u32 = 0x8000;
const AT_EMPTY_PATH: u32 = 0x1000;
pub const MOUNT_ATTR_RDONLY: u64 = 1;

pub fn fsopen(fstype: &CStr) -> Result<OwnedFd> {
    const FSOPEN_CLOEXEC: usize = 1;
    // SAFETY: the kernel reads a NUL-terminated text.
    unsafe { call(430, [at(fstype.as_ptr()), FSOPEN_CLOEXEC]) }.map(OwnedFd::from_answer)
}

/// `fspick(2)` of the filesystem behind a descriptor.
pub fn fspick(of: Fd) -> Result<OwnedFd> {
    const FSPICK_CLOEXEC: usize = 1;
    const FSPICK_EMPTY_PATH: usize = 8;
    // SAFETY: the kernel reads an empty, NUL-terminated path.
    unsafe { call(433, [of.arg(), at(c"".as_ptr()), FSPICK_CLOEXEC | FSPICK_EMPTY_PATH]) }.map(OwnedFd::from_answer)
}

pub fn fsconfig_string(fs: Fd, key: &CStr, value: &CStr) -> Result<()> {
    const FSCONFIG_SET_STRING: usize = 1;
    // SAFETY: the kernel reads two NUL-terminated texts.
    unsafe { call(431, [fs.arg(), FSCONFIG_SET_STRING, at(key.as_ptr()), at(value.as_ptr()), 0]) }.map(drop)
}

pub fn fsconfig_flag(fs: Fd, key: &CStr) -> Result<()> {
    const FSCONFIG_SET_FLAG: usize = 0;
    // SAFETY: the kernel reads a NUL-terminated text.
    unsafe { call(431, [fs.arg(), FSCONFIG_SET_FLAG, at(key.as_ptr()), 0, 0]) }.map(drop)
}

pub fn fsconfig_create(fs: Fd) -> Result<()> {
    const FSCONFIG_CMD_CREATE: usize = 6;
    plain(431, [fs.arg(), FSCONFIG_CMD_CREATE, 0, 0, 0]).map(drop)
}

pub fn fsconfig_reconfigure(fs: Fd) -> Result<()> {
    const FSCONFIG_CMD_RECONFIGURE: usize = 7;
    plain(431, [fs.arg(), FSCONFIG_CMD_RECONFIGURE, 0, 0, 0]).map(drop)
}

pub fn fsmount(fs: Fd, attributes: u32) -> Result<OwnedFd> {
    const FSMOUNT_CLOEXEC: usize = 1;
    plain(432, [fs.arg(), FSMOUNT_CLOEXEC, attributes as usize]).map(OwnedFd::from_answer)
}

/// `open_tree(2)` with `OPEN_TREE_CLONE` of what is behind a descriptor.
pub fn clone_tree(of: Fd, recursive: bool) -> Result<OwnedFd> {
    const OPEN_TREE_CLONE: u32 = 1;
    let flags = OPEN_TREE_CLONE | super::O_CLOEXEC | AT_EMPTY_PATH | if recursive { AT_RECURSIVE } else { 0 };
    // SAFETY: the kernel reads an empty, NUL-terminated path.
    unsafe { call(428, [of.arg(), at(c"".as_ptr()), flags as usize]) }.map(OwnedFd::from_answer)
}

/// `move_mount(2)` onto what is behind a descriptor.
pub fn move_mount_on(mount: Fd, on: Fd) -> Result<()> {
    const FROM_EMPTY_TO_EMPTY: usize = 0x04 | 0x40;
    let empty = at(c"".as_ptr());
    // SAFETY: the kernel reads two empty, NUL-terminated paths.
    unsafe { call(429, [mount.arg(), empty, on.arg(), empty, FROM_EMPTY_TO_EMPTY]) }.map(drop)
}

/// `move_mount(2)` onto a name in a directory, not through a symlink.
pub fn move_mount_at(mount: Fd, dir: Fd, name: &CStr) -> Result<()> {
    const FROM_EMPTY: usize = 0x04;
    // SAFETY: the kernel reads two NUL-terminated paths.
    unsafe { call(429, [mount.arg(), at(c"".as_ptr()), dir.arg(), at(name.as_ptr()), FROM_EMPTY]) }.map(drop)
}

/// `struct mount_attr`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MountAttr {
    pub set: u64,
    pub clear: u64,
    pub propagation: u64,
    pub userns_fd: u64,
}

pub fn mount_setattr(mount: Fd, recursive: bool, attr: &MountAttr) -> Result<()> {
    let flags = AT_EMPTY_PATH | if recursive { AT_RECURSIVE } else { 0 };
    let attr = at(&raw const *attr);
    // SAFETY: the kernel reads an empty, NUL-terminated path and a whole `mount_attr`.
    unsafe { call(442, [mount.arg(), at(c"".as_ptr()), flags as usize, attr, size_of::<MountAttr>()]) }.map(drop)
}

pub fn fchdir(dir: Fd) -> Result<()> {
    plain(nr::FCHDIR, [dir.arg()]).map(drop)
}

pub fn chdir(path: &CStr) -> Result<()> {
    // SAFETY: the kernel reads a NUL-terminated path.
    unsafe { call(nr::CHDIR, [at(path.as_ptr())]) }.map(drop)
}

pub fn chroot(path: &CStr) -> Result<()> {
    // SAFETY: the kernel reads a NUL-terminated path.
    unsafe { call(nr::CHROOT, [at(path.as_ptr())]) }.map(drop)
}

pub fn pivot_root(new: &CStr, old: &CStr) -> Result<()> {
    // SAFETY: the kernel reads two NUL-terminated paths.
    unsafe { call(nr::PIVOT_ROOT, [at(new.as_ptr()), at(old.as_ptr())]) }.map(drop)
}

/// `umount2(2)` with `MNT_DETACH`.
pub fn detach(path: &CStr) -> Result<()> {
    const MNT_DETACH: usize = 2;
    // SAFETY: the kernel reads a NUL-terminated path.
    unsafe { call(nr::UMOUNT2, [at(path.as_ptr()), MNT_DETACH]) }.map(drop)
}
