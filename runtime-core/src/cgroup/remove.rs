//! Removes the directories of a container. Idempotent: what is gone already is fine.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use rustix::fs::CWD;

use super::{Cgroup, below, file};
use crate::error::{Error, Kind, Op, Result};

/// A killed process leaves its cgroup when it has been reaped: longer than this, someone keeps it.
const PATIENCE: Duration = Duration::from_secs(3);

impl Cgroup {
    /// Removes every directory, with those the container made below. Fails while processes are in it.
    pub fn remove(&self) -> Result<()> {
        if let Some(scope) = self.scope.as_ref().filter(|_| !self.dirs.is_empty()) {
            // systemd would ask each process to end first, and give it a minute and a half.
            self.kill_all(libc::SIGKILL)?;
            scope.stop()?;
        }
        let deadline = Instant::now() + PATIENCE;
        let mut failed = None;
        for dir in &self.dirs {
            if let Err(error) = with_patience(&dir.path, deadline) {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Removes what nobody uses. A directory that has processes or children stays.
    pub fn remove_unused(&self) {
        for dir in &self.dirs {
            // Whatever the answer: what is in use is not ours.
            one(&dir.path).ok();
        }
    }
}

/// Removes one empty directory.
pub(super) fn one(path: &Path) -> Result<(), Errno> {
    one_in(CWD, path)
}

fn one_in(dir: impl AsFd, path: impl AsRef<Path>) -> Result<(), Errno> {
    match rustix::fs::unlinkat(dir, path.as_ref(), rustix::fs::AtFlags::REMOVEDIR) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(errno) => Err(file::errno(errno)),
    }
}

fn with_patience(path: &Path, deadline: Instant) -> Result<()> {
    let mut pause = Duration::from_micros(100);
    loop {
        match one(path).or_else(|errno| tree(path, errno)) {
            Ok(()) => return Ok(()),
            Err(Errno::EBUSY) if Instant::now() < deadline => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(50));
            }
            Err(errno) => return Err(refused(path, errno)),
        }
    }
}

/// EBUSY is the answer to processes and to children alike: removes the children, then tries again.
fn tree(path: &Path, errno: Errno) -> Result<(), Errno> {
    if errno != Errno::EBUSY || !below::any(path) {
        return Err(errno);
    }
    below::each(path, |dir, name| one_in(dir, name))?;
    one(path)
}

fn refused(path: &Path, errno: Errno) -> Error {
    let error = Error::system(Op::Cgroup, errno).on(path);
    match errno {
        Errno::EBUSY => {
            error.kind_is(Kind::Timeout).message("remove: processes are still in it").hint("kill them first")
        }
        _ => error.message("remove"),
    }
}
