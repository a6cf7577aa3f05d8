//! Whole files in few system calls.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, read, write};

/// Reads to the end, at most `limit` bytes.
pub(crate) fn read_all(file: OwnedFd, limit: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; 16 * 1024];
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
