//! Paths beneath a root that somebody hostile may have prepared, and may be changing while we look.
//!
//! In: an fd of the root and a path as the container would write it. Out: an fd of what is there, beneath that root whatever
//! symlinks say (CVE-2019-19921, CVE-2021-30465, CVE-2024-45310). Must not: look a path up in any other way.

use core::ffi::CStr;

use crate::sys::{self, Errno, Fd, OwnedFd, Result, Room};

/// How many missing parents and dangling symlinks one path may lead through.
const DEPTH: u32 = 64;

/// What is made where nothing is.
#[derive(Clone, Copy)]
pub(crate) enum New {
    /// Mode 0755.
    Directory,
    /// Empty, mode 0644.
    File,
}

/// Opens `path` as if `root` were `/`.
pub(crate) fn resolve(root: Fd, path: &CStr, flags: u32) -> Result<OwnedFd> {
    retry(|| sys::openat2(root, beneath(path), flags, 0, sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_MAGICLINKS))
}

/// Opens what is at `path` as `O_PATH`; where nothing is, makes it first, and its parents.
pub(crate) fn resolve_or_make(root: Fd, path: &CStr, new: New) -> Result<OwnedFd> {
    match resolve(root, path, sys::O_PATH) {
        Err(Errno::NOENT) => make(root, path, new, DEPTH),
        answer => answer,
    }
}

/// Calls `act` with the directory that `path` lies in, made if it is missing, and the last name of `path`.
#[inline(never)] // its room is not part of the loop's frame: stack that is not touched is not resident
pub(crate) fn in_parent<T>(root: Fd, path: &CStr, act: impl FnOnce(Fd, &CStr) -> Result<T>) -> Result<T> {
    let (parent, name) = split(beneath(path));
    if parent.is_empty() {
        return act(root, name);
    }
    let mut room = Room::new();
    let dir = directory(root, room.text(parent)?, DEPTH)?;
    act(dir.fd(), name)
}

/// The directory `path` with this mode, and its parents; one that exists stays as it is.
pub(crate) fn make_dir(root: Fd, path: &CStr, mode: u32) -> Result<()> {
    match in_parent(root, path, |dir, name| sys::mkdirat(dir, name, mode)) {
        Err(Errno::EXIST) => directory(root, path, DEPTH).map(drop),
        answer => answer,
    }
}

/// The directory `path`, and its parents, in the root that this process is in.
pub(crate) fn make_cwd(path: &CStr) -> Result<()> {
    match sys::mkdirat(Fd::CWD, path, 0o755) {
        Err(Errno::NOENT) => {
            let root = sys::openat(Fd::CWD, c"/", sys::O_PATH | sys::O_DIRECTORY)?;
            make_dir(root.fd(), path, 0o755)
        }
        answer => super::accept(answer, &[Errno::EXIST]),
    }
}

/// The path seen from the root: without leading slashes, never empty.
pub(crate) fn beneath(path: &CStr) -> &CStr {
    let bytes = path.to_bytes_with_nul();
    let slashes = bytes.iter().take_while(|byte| **byte == b'/').count();
    match bytes.get(slashes..).map(CStr::from_bytes_with_nul) {
        Some(Ok(rest)) if !rest.is_empty() => rest,
        _ => c".",
    }
}

/// Whether a path beneath the root is one name, so that calls on the root's fd need no resolution.
pub(crate) fn is_name(path: &CStr) -> bool {
    let bytes = path.to_bytes();
    !bytes.contains(&b'/') && bytes != b"." && bytes != b".."
}

/// Repeats what a signal or a rename elsewhere disturbed (`openat2(2)`, EAGAIN), but not for ever.
pub(crate) fn retry<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 0..128 {
        match call() {
            Err(Errno::AGAIN | Errno::INTR) => (),
            answer => return answer,
        }
    }
    call()
}

/// Parent and last name of a path beneath the root; slashes at its end stay with the name.
fn split(path: &CStr) -> (&[u8], &CStr) {
    let bytes = path.to_bytes_with_nul();
    let mut slash = None;
    for (at, pair) in bytes.windows(2).enumerate() {
        if let [b'/', next] = pair
            && *next != b'/'
            && *next != 0
        {
            slash = Some(at);
        }
    }
    let cut = slash.and_then(|at| Some((bytes.get(..at)?, CStr::from_bytes_with_nul(bytes.get(at + 1..)?).ok()?)));
    cut.unwrap_or((b"", path))
}

/// The directory at `path`, made if it is missing.
fn directory(root: Fd, path: &CStr, depth: u32) -> Result<OwnedFd> {
    match resolve(root, path, sys::O_PATH | sys::O_DIRECTORY) {
        Err(Errno::NOENT) => make(root, path, New::Directory, depth),
        answer => answer,
    }
}

/// Makes what is missing at `path` and opens it. What somebody else made meanwhile is taken as it is.
#[inline(never)] // see `in_parent`
fn make(root: Fd, path: &CStr, new: New, depth: u32) -> Result<OwnedFd> {
    let depth = depth.checked_sub(1).ok_or(Errno::LOOP)?;
    let (parent, name) = split(beneath(path));
    let mut room = Room::new();
    let held;
    let dir = if parent.is_empty() {
        root
    } else {
        held = directory(root, room.text(parent)?, depth)?;
        held.fd()
    };
    match new.make_at(dir, name) {
        Ok(()) => sys::openat(dir, name, sys::O_PATH | sys::O_NOFOLLOW | new.flags()),
        Err(Errno::EXIST) => match resolve(root, path, sys::O_PATH | new.flags()) {
            Err(Errno::NOENT) => make_target(root, parent, dir, name, new, depth),
            answer => answer,
        },
        Err(errno) => Err(errno),
    }
}

/// Makes what the dangling symlink `name` points to, as seen from inside: images have `/etc/resolv.conf` point into an
/// empty `/run`, and engines mount over it.
#[cold]
#[inline(never)]
fn make_target(root: Fd, parent: &[u8], dir: Fd, name: &CStr, new: New, depth: u32) -> Result<OwnedFd> {
    let mut link = Room::new();
    let mut path = Room::new();
    let target = link.readlinkat(dir, name)?;
    if !target.starts_with(b"/") {
        path.push(parent)?;
        path.push(b"/")?;
    }
    path.push(target)?;
    path.push(b"\0")?;
    let path = CStr::from_bytes_with_nul(path.bytes()).map_err(|_nul_inside| Errno::INVAL)?;
    resolve(root, path, sys::O_PATH | new.flags()).or_else(|_missing| make(root, path, new, depth))
}

impl New {
    fn make_at(self, dir: Fd, name: &CStr) -> Result<()> {
        match self {
            Self::Directory => sys::mkdirat(dir, name, 0o755),
            // Not by open(2), which would act on a device or FIFO that was put here meanwhile.
            Self::File => sys::mknodat(dir, name, sys::S_IFREG | 0o644, 0),
        }
    }

    fn flags(self) -> u32 {
        match self {
            Self::Directory => sys::O_DIRECTORY,
            Self::File => 0,
        }
    }
}
