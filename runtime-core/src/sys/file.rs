//! Whole files in few system calls.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, read, write};

/// Reads to the end, at most `limit` bytes.
pub(crate) fn read_all(file: OwnedFd, limit: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; 4096];
    let mut len = 0;
    loop {
        if len == bytes.len() {
            bytes.resize(len * 2, 0);
        }
        match read(&file, bytes.get_mut(len..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        if len > limit {
            return Err(Errno::FBIG);
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

/// Writes all of `bytes`.
pub(crate) fn write_all(file: impl AsFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match write(&file, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// One read of at most 4 KiB: enough for the files of procfs that are read here.
pub(crate) fn read_some(file: &OwnedFd) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; 4096];
    let len = rustix::io::retry_on_intr(|| read(file, &mut bytes[..]))?;
    bytes.truncate(len);
    Ok(bytes)
}

/// Replaces the file at `path` in one step: a reader sees all of it or what was there before.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Errno> {
    let name = path.file_name().ok_or(Errno::ISDIR)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    let temporary = path.with_file_name(hidden);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::open(&temporary, flags, Mode::from_raw_mode(0o644))?;
    write_all(&file, bytes)?;
    rustix::fs::rename(&temporary, path)
}
