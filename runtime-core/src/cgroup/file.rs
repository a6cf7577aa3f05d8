//! The files of a cgroup: small, made by the kernel, each read and written with one call.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use rustix::fs::{CWD, Mode, OFlags};

/// The whole of a file.
pub(super) fn read(path: impl AsRef<Path>) -> Result<Vec<u8>, Errno> {
    read_open(&open(path.as_ref(), OFlags::RDONLY)?)
}

/// The whole of an open file.
fn read_open(fd: &OwnedFd) -> Result<Vec<u8>, Errno> {
    let mut text = vec![0; 4096];
    let mut len = 0;
    while let Some(room) = text.get_mut(len..) {
        let got = rustix::io::read(fd, room).map_err(errno)?;
        len += got;
        // A file of short lines gives all it has, or about a page: a short answer is the end, and saves the question.
        if got == 0 || (len < text.len() && got < 3072) {
            break;
        }
        if len == text.len() {
            text.resize(len * 2, 0);
        }
    }
    text.truncate(len);
    Ok(text)
}

/// A file of one value, without its line end.
pub(super) fn read_text(path: impl AsRef<Path>) -> Result<String, Errno> {
    Ok(String::from_utf8_lossy(&read(path)?).trim().to_owned())
}

/// The same for a path that begins at a directory.
pub(super) fn read_text_in(dir: &OwnedFd, path: &Path) -> Result<String, Errno> {
    let text = read_open(&open_in(dir, path, OFlags::RDONLY)?)?;
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}

/// Writes one value.
pub(super) fn write(path: impl AsRef<Path>, value: &str) -> Result<(), Errno> {
    write_fd(&open(path.as_ref(), OFlags::WRONLY)?, value)
}

/// Writes one value to an open file: the kernel takes each write(2) for itself, wherever the offset stands.
pub(super) fn write_fd(fd: &OwnedFd, value: &str) -> Result<(), Errno> {
    loop {
        match rustix::io::write(fd, value.as_bytes()) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(failed) => return Err(errno(failed)),
        }
    }
}

/// Opens, never across exec.
pub(super) fn open(path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    open_in(CWD, path, flags)
}

/// The same for a path that begins at a directory.
pub(super) fn open_in(dir: impl AsFd, path: impl AsRef<Path>, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(dir, path.as_ref(), flags | OFlags::CLOEXEC, Mode::empty()).map_err(errno)
}

/// Whether a path is there.
pub(super) fn exists(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXISTS).is_ok()
}

/// The names in a directory.
pub(super) fn list(path: &Path) -> Result<Vec<OsString>, Errno> {
    let dir = rustix::fs::Dir::new(open(path, OFlags::RDONLY | OFlags::DIRECTORY)?).map_err(errno)?;
    let mut names = Vec::new();
    for entry in dir {
        let entry = entry.map_err(errno)?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(names)
}

/// rustix's error number as the one errors carry.
pub(super) fn errno(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw(errno.raw_os_error())
}
