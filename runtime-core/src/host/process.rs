//! Facts of the calling process: what it may hand on.

use std::os::fd::BorrowedFd;

use rustix::fs::{FileType, fstat};

use crate::error::{At, Op, Result};
use crate::spec::Process;

/// The capabilities this process has, and so can grant.
pub(super) fn capabilities() -> Result<u64> {
    Ok(rustix::thread::capabilities(None).at(Op::Probe)?.permitted.bits())
}

/// The standard streams that are not the user's yet. `/dev/null` belongs to everybody and stays as it is.
pub(super) fn streams_to_own(process: &Process<'_>) -> Vec<u32> {
    if process.terminal {
        return Vec::new();
    }
    let streams = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
    (0..).zip(streams).filter(|(_, stream)| is_foreign(*stream, process.user.uid)).map(|(number, _)| number).collect()
}

fn is_foreign(stream: BorrowedFd<'_>, uid: u32) -> bool {
    match fstat(stream) {
        Ok(stat) => stat.st_uid != uid && !is_null(&stat),
        Err(_) => false,
    }
}

fn is_null(stat: &rustix::fs::Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == libc::makedev(1, 3)
}
