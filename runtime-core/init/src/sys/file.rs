//! Files, directories and what is known of them.

use core::ffi::CStr;

use super::{Errno, Fd, OwnedFd, Result, at, call, machine, nr, plain};

pub const O_RDONLY: u32 = 0;
pub const O_WRONLY: u32 = 1;
pub const O_RDWR: u32 = 2;
pub const O_CREAT: u32 = 0o100;
pub const O_EXCL: u32 = 0o200;
pub const O_NOCTTY: u32 = 0o400;
pub const O_NONBLOCK: u32 = 0o4000;
pub const O_CLOEXEC: u32 = 0o2_000_000;
pub const O_PATH: u32 = 0o10_000_000;
pub const O_DIRECTORY: u32 = machine::flag::O_DIRECTORY;
pub const O_NOFOLLOW: u32 = machine::flag::O_NOFOLLOW;

pub const RESOLVE_NO_XDEV: u64 = 0x01;
pub const RESOLVE_NO_MAGICLINKS: u64 = 0x02;
pub const RESOLVE_NO_SYMLINKS: u64 = 0x04;
pub const RESOLVE_BENEATH: u64 = 0x08;
pub const RESOLVE_IN_ROOT: u64 = 0x10;

pub const S_IFMT: u32 = 0o170_000;
pub const S_IFCHR: u32 = 0o020_000;
pub const S_IFDIR: u32 = 0o040_000;
pub const S_IFREG: u32 = 0o100_000;
pub const S_IFLNK: u32 = 0o120_000;

const AT_SYMLINK_NOFOLLOW: usize = 0x100;
const AT_EACCESS: usize = 0x200;
const AT_EMPTY_PATH: usize = 0x1000;

/// `struct open_how`.
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// `openat2(2)`; `O_CLOEXEC` is added.
pub fn openat2(dir: Fd, path: &CStr, flags: u32, mode: u32, resolve: u64) -> Result<OwnedFd> {
    let how = OpenHow { flags: u64::from(flags | O_CLOEXEC), mode: u64::from(mode), resolve };
    let args = [dir.arg(), at(path.as_ptr()), at(&raw const how), size_of::<OpenHow>()];
    // SAFETY: the kernel reads a NUL-terminated path and a whole `open_how`.
    unsafe { call(437, args) }.map(OwnedFd::from_answer)
}

/// `openat(2)` without creating; `O_CLOEXEC` is added.
pub fn openat(dir: Fd, path: &CStr, flags: u32) -> Result<OwnedFd> {
    let args = [dir.arg(), at(path.as_ptr()), (flags | O_CLOEXEC) as usize, 0];
    // SAFETY: the kernel reads a NUL-terminated path.
    unsafe { call(nr::OPENAT, args) }.map(OwnedFd::from_answer)
}

/// A call whose only pointer is a path.
fn on_path<const N: usize>(number: usize, dir: Fd, path: &CStr, rest: [usize; N]) -> Result<()> {
    let mut args = [0; 6];
    args.iter_mut().zip([dir.arg(), at(path.as_ptr())].into_iter().chain(rest)).for_each(|(to, arg)| *to = arg);
    // SAFETY: the kernel reads a NUL-terminated path; the callers below pass no other pointer.
    unsafe { call(number, args) }.map(drop)
}

pub fn mkdirat(dir: Fd, path: &CStr, mode: u32) -> Result<()> {
    on_path(nr::MKDIRAT, dir, path, [mode as usize])
}

pub fn mknodat(dir: Fd, path: &CStr, mode: u32, device: u64) -> Result<()> {
    on_path(nr::MKNODAT, dir, path, [mode as usize, device as usize])
}

/// `fchownat(2)`, not through a symlink.
pub fn fchownat(dir: Fd, path: &CStr, uid: u32, gid: u32) -> Result<()> {
    on_path(nr::FCHOWNAT, dir, path, [uid as usize, gid as usize, AT_SYMLINK_NOFOLLOW])
}

/// `faccessat2(2)` with the effective ids: may it be executed? Where a seccomp filter knows `faccessat(2)` alone, that
/// answers, for the real ids.
pub fn may_execute(path: &CStr) -> Result<()> {
    const X_OK: usize = 1;
    match on_path(439, Fd::CWD, path, [X_OK, AT_EACCESS]) {
        Err(Errno::PERM | Errno::NOSYS) => on_path(nr::FACCESSAT, Fd::CWD, path, [X_OK]),
        answer => answer,
    }
}

pub fn symlinkat(target: &CStr, dir: Fd, path: &CStr) -> Result<()> {
    // SAFETY: the kernel reads two NUL-terminated texts.
    unsafe { call(nr::SYMLINKAT, [at(target.as_ptr()), dir.arg(), at(path.as_ptr())]) }.map(drop)
}

pub fn fchown(fd: Fd, uid: u32, gid: u32) -> Result<()> {
    plain(nr::FCHOWN, [fd.arg(), uid as usize, gid as usize]).map(drop)
}

/// `fchmodat(2)`.
pub fn fchmodat(dir: Fd, path: &CStr, mode: u32) -> Result<()> {
    on_path(nr::FCHMODAT, dir, path, [mode as usize])
}

pub fn fchmod(fd: Fd, mode: u32) -> Result<()> {
    plain(nr::FCHMOD, [fd.arg(), mode as usize]).map(drop)
}

/// The part of `struct statx` that init asks for; the kernel's struct is 256 bytes on every machine.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub struct Statx {
    pub mask: u32,
    blksize: u32,
    attributes: u64,
    nlink: u32,
    pub uid: u32,
    pub gid: u32,
    mode: u16,
    spare: u16,
    pub ino: u64,
    pub size: u64,
    blocks: u64,
    attributes_mask: u64,
    times: [u64; 8],
    pub rdev_major: u32,
    pub rdev_minor: u32,
    /// Major and minor number of the filesystem.
    pub device: [u32; 2],
    rest: [u64; 14],
}

const _: () = assert!(size_of::<Statx>() == 256, "as large as the kernel's");

impl Statx {
    /// Type and permissions.
    #[must_use]
    pub fn mode(&self) -> u32 {
        u32::from(self.mode)
    }

    /// Whether it is the root of a mount (Linux 5.8).
    #[must_use]
    pub fn is_mount_root(&self) -> bool {
        const STATX_ATTR_MOUNT_ROOT: u64 = 0x2000;
        self.attributes & STATX_ATTR_MOUNT_ROOT != 0
    }

    /// One of `S_IF*`.
    #[must_use]
    pub fn kind(&self) -> u32 {
        self.mode() & S_IFMT
    }

    /// Which device a node is, as `makedev(3)` writes it.
    #[must_use]
    pub fn device(&self) -> u64 {
        let (major, minor) = (u64::from(self.rdev_major), u64::from(self.rdev_minor));
        (major & 0xfff) << 8 | (minor & 0xff) | (minor & !0xff) << 12
    }
}

fn statx(dir: Fd, path: &CStr, flags: usize) -> Result<Statx> {
    const STATX_BASIC_STATS: usize = 0x7ff;
    let mut stat = core::mem::MaybeUninit::<Statx>::zeroed();
    let args = [dir.arg(), at(path.as_ptr()), flags, STATX_BASIC_STATS, at(stat.as_mut_ptr())];
    // SAFETY: the path ends in NUL and the struct is as large as the kernel's.
    unsafe { call(nr::STATX, args) }?;
    // SAFETY: all zero bytes are a valid Statx, so whatever the kernel left out is too.
    Ok(unsafe { stat.assume_init() })
}

/// `statx(2)` of a path from the working directory, through symlinks.
pub fn stat(path: &CStr) -> Result<Statx> {
    statx(Fd::CWD, path, 0)
}

/// `statx(2)` of a name in a directory, not through a symlink.
pub fn lstatat(dir: Fd, name: &CStr) -> Result<Statx> {
    statx(dir, name, AT_SYMLINK_NOFOLLOW)
}

/// `statx(2)` of a descriptor.
pub fn fstat(fd: Fd) -> Result<Statx> {
    statx(fd, c"", AT_EMPTY_PATH)
}

pub fn write(fd: Fd, bytes: &[u8]) -> Result<usize> {
    // SAFETY: the kernel reads one live slice.
    unsafe { call(nr::WRITE, [fd.arg(), at(bytes.as_ptr()), bytes.len()]) }
}

/// `sendfile(2)`: at most `len` bytes from one file's position to another's.
pub fn sendfile(to: Fd, from: Fd, len: usize) -> Result<usize> {
    plain(nr::SENDFILE, [to.arg(), from.arg(), 0, len])
}

/// Moves a file's position to its beginning.
pub fn rewind(fd: Fd) -> Result<()> {
    const SEEK_SET: usize = 0;
    plain(nr::LSEEK, [fd.arg(), 0, SEEK_SET]).map(drop)
}

/// A file's length, by moving its position to its end.
pub fn seek_end(fd: Fd) -> Result<usize> {
    const SEEK_END: usize = 2;
    plain(nr::LSEEK, [fd.arg(), 0, SEEK_END])
}

/// `getdents64(2)`: some entries of a directory; none at its end.
pub fn getdents(dir: Fd, room: &mut [u8]) -> Result<&[u8]> {
    // SAFETY: the kernel writes at most the slice's length into the slice.
    let len = unsafe { call(nr::GETDENTS64, [dir.arg(), at(room.as_mut_ptr()), room.len()]) }?;
    Ok(room.get(..len).unwrap_or(&[]))
}

/// `flistxattr(2)`: the names, each with its NUL.
pub fn flistxattr(fd: Fd, room: &mut [u8]) -> Result<&[u8]> {
    // SAFETY: the kernel writes at most the slice's length into the slice.
    let len = unsafe { call(nr::FLISTXATTR, [fd.arg(), at(room.as_mut_ptr()), room.len()]) }?;
    Ok(room.get(..len).unwrap_or(&[]))
}

pub fn fgetxattr<'r>(fd: Fd, name: &CStr, room: &'r mut [u8]) -> Result<&'r [u8]> {
    let args = [fd.arg(), at(name.as_ptr()), at(room.as_mut_ptr()), room.len()];
    // SAFETY: the kernel writes at most the slice's length into the slice; the name ends in NUL.
    let len = unsafe { call(nr::FGETXATTR, args) }?;
    Ok(room.get(..len).unwrap_or(&[]))
}

pub fn fsetxattr(fd: Fd, name: &CStr, value: &[u8]) -> Result<()> {
    let args = [fd.arg(), at(name.as_ptr()), at(value.as_ptr()), value.len(), 0];
    // SAFETY: the kernel reads one live slice and a NUL-terminated name.
    unsafe { call(nr::FSETXATTR, args) }.map(drop)
}
