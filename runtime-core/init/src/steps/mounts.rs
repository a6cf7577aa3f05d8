//! Mounts: made detached, attached by fd, covered, and the root they end up in.

use core::ffi::CStr;

use orlop_plan::Slot;

use super::paths::{self, New};
use crate::state::State;
use crate::sys::{self, Errno, Fd, OwnedFd, Result, Room};

/// Makes the filesystem that a context describes, as a detached mount.
pub(crate) fn fsmount(state: &mut State<'_>, fs: Slot, attributes: u32, to: Slot) -> Result<()> {
    let fs = state.take(fs)?;
    sys::fsconfig_create(fs.fd())?;
    state.fill(to, sys::fsmount(fs.fd(), attributes)?)
}

/// Gives the root of `mount` the mode of the directory at `path`; nothing there is no mode to take.
pub(crate) fn take_mode(root: Fd, path: &CStr, mount: Fd) -> Result<()> {
    let under = match paths::resolve(root, path, sys::O_PATH | sys::O_DIRECTORY) {
        Err(Errno::NOENT) => return Ok(()),
        found => found?,
    };
    sys::fchmodat(mount, c".", sys::fstat(under.fd())?.mode() & 0o7777)
}

/// Sets an extended attribute of a mount's root. The descriptor of a mount is one of `O_PATH`, which takes none.
pub(crate) fn setxattr(mount: Fd, name: &CStr, value: &CStr) -> Result<()> {
    let root = sys::openat(mount, c".", sys::O_RDONLY | sys::O_DIRECTORY)?;
    sys::fsetxattr(root.fd(), name, value.to_bytes())
}

/// The user namespace of an id-mapped mount; 0 where it has none.
pub(crate) fn userns(state: &State<'_>, slot: Slot) -> Result<u64> {
    if slot == Slot::NONE { Ok(0) } else { state.fd(slot).map(|fd| u64::from(fd.0.cast_unsigned())) }
}

/// Attaches a mount at a path, which is made first if need be.
pub(crate) fn attach(mount: Fd, root: Fd, path: &CStr, create: u8) -> Result<()> {
    let new = match create {
        0 | 3 => None,
        1 => Some(New::Directory),
        2 => Some(New::File),
        _ => return Err(Errno::INVAL),
    };
    let name = paths::beneath(path);
    if matches!(create, 1 | 3) && paths::is_name(name) && attach_by_name(mount, root, name).is_ok() {
        return Ok(());
    }
    let on = match new {
        Some(new) => paths::resolve_or_make(root, path, new),
        None if create == 3 => paths::plain_directory(root, path),
        None => paths::resolve(root, path, sys::O_PATH),
    }?;
    attach_on(mount, on.fd())
}

/// Of a file on a directory `move_mount(2)` says EINVAL, as of much else; `mount(2)` says ENOTDIR, which engines look for.
fn attach_on(mount: Fd, on: Fd) -> Result<()> {
    let is_directory = |fd| sys::fstat(fd).map(|found| found.kind() == sys::S_IFDIR);
    match sys::move_mount_on(mount, on) {
        Err(Errno::INVAL) if is_directory(mount)? != is_directory(on)? => Err(Errno::NOTDIR),
        answer => answer,
    }
}

/// Attaches at a directory with one name: that needs no resolution, so one call does for what is there and three for what
/// is not, instead of three and five. A directory cannot land on a symlink (EINVAL), which is then resolved.
fn attach_by_name(mount: Fd, root: Fd, name: &CStr) -> Result<()> {
    match sys::move_mount_at(mount, root, name) {
        Err(Errno::NOENT) => {
            sys::mkdirat(root, name, 0o755)?;
            sys::move_mount_at(mount, root, name)
        }
        answer => answer,
    }
}

/// Hides what is at a path, if anything is.
pub(crate) fn mask(state: &mut State<'_>, root: Slot, path: &CStr, file: Slot, dir: Slot) -> Result<()> {
    let on = match paths::resolve(state.fd(root)?, path, sys::O_PATH) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
        answer => answer?,
    };
    let is_dir = sys::fstat(on.fd())?.kind() == sys::S_IFDIR;
    if is_dir && state.cover != dir {
        // Linux before 6.15 clones only what is attached, so the first use attaches the mount itself.
        sys::move_mount_on(state.fd(dir)?, on.fd())?;
        state.cover = dir;
        return Ok(());
    }
    let cover = sys::clone_tree(state.fd(if is_dir { dir } else { file })?, false)?;
    sys::move_mount_on(cover.fd(), on.fd())
}

/// Covers what is at a path, if anything is, with a read-only view of itself.
pub(crate) fn protect(root: Fd, path: &CStr) -> Result<()> {
    let on = match paths::resolve(root, path, sys::O_PATH) {
        Err(Errno::NOENT) => return Ok(()),
        answer => answer?,
    };
    let view = sys::clone_tree(on.fd(), true)?;
    let read_only = sys::MountAttr { set: sys::MOUNT_ATTR_RDONLY, ..sys::MountAttr::default() };
    sys::mount_setattr(view.fd(), true, &read_only)?;
    sys::move_mount_on(view.fd(), on.fd())
}

/// Opens the root of the mount at a path.
pub(crate) fn open_mount(root: Fd, path: &CStr) -> Result<OwnedFd> {
    let found = paths::plain(root, path)?;
    if sys::fstat(found.fd())?.is_mount_root() { Ok(found) } else { Err(Errno::INVAL) }
}

/// Detaches the mount behind a descriptor. `umount2(2)` takes a path alone: that of the descriptor is looked up nowhere else.
pub(crate) fn unmount(mount: Fd, procfs: Fd) -> Result<()> {
    let mut digits = [0; 10];
    let mut rest = mount.0.cast_unsigned();
    let mut path = Room::new();
    path.push(b"self/fd/")?;
    let mut first = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        (rest, first) = (rest / 10, at);
        if rest == 0 {
            break;
        }
    }
    path.push(digits.get(first..).unwrap_or_default())?;
    path.push(b"\0")?;
    sys::fchdir(procfs)?;
    sys::detach(CStr::from_bytes_with_nul(path.bytes()).map_err(|_nul_inside| Errno::INVAL)?)
}

/// Makes `root` the root of the mount namespace and lets go of the old one (`pivot_root(2)`, "Notes").
pub(crate) fn pivot_root(root: Fd) -> Result<()> {
    sys::fchdir(root)?;
    sys::pivot_root(c".", c".")?;
    sys::detach(c".")?;
    sys::chdir(c"/")
}

/// Makes `root` the root of this process.
pub(crate) fn chroot(root: Fd) -> Result<()> {
    sys::fchdir(root)?;
    sys::chroot(c".")
}
