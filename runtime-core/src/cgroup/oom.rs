//! Learning that a cgroup ran out of memory (cgroup-v1/memory.rst, "OOM Control"; cgroup-v2.rst, `memory.events`).
//!
//! Comes in: the directory with the controller `memory`. Goes out: a descriptor to poll and the answer whether it happened since the
//! last question. Starts no thread.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use rustix::event::{EventfdFlags, PollFlags};
use rustix::fs::OFlags;

use super::{Cgroup, file};
use crate::error::{Error, Op, Result};

/// Tells when the processes of a cgroup ran out of memory.
#[derive(Debug)]
pub struct OomWatch(Source);

#[derive(Debug)]
enum Source {
    /// The kernel adds to `count` each time; `control` can be read while the cgroup is there.
    V1 { count: OwnedFd, control: OwnedFd },
    /// The kernel wakes who polls `events`; how often it killed so far.
    V2 { events: OwnedFd, kills: u64 },
}

impl Cgroup {
    /// From here on, running out of memory is noticed. `None` where no controller looks after memory.
    ///
    /// # Errors
    /// [`Op::Cgroup`] where the kernel refuses to tell.
    pub fn watch_oom(&self) -> Result<Option<OomWatch>> {
        let Some(dir) = self.dirs.iter().find(|dir| dir.has("memory")) else { return Ok(None) };
        let source = || {
            if dir.unified {
                let events = file::open(&dir.path.join("memory.events"), OFlags::RDONLY)?;
                let kills = kills(&events)?;
                return Ok(Source::V2 { events, kills });
            }
            let control = file::open(&dir.path.join("memory.oom_control"), OFlags::RDONLY)?;
            let count =
                rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(file::errno)?;
            let request = format!("{} {}", count.as_raw_fd(), control.as_raw_fd());
            file::write(dir.path.join("cgroup.event_control"), &request)?;
            Ok(Source::V1 { count, control })
        };
        let source = source().map_err(|errno: Errno| Error::system(Op::Cgroup, errno).on(&dir.path))?;
        Ok(Some(OomWatch(source)))
    }
}

impl OomWatch {
    /// What to wait for on the descriptor.
    #[must_use]
    pub fn events(&self) -> PollFlags {
        match self.0 {
            Source::V1 { .. } => PollFlags::IN,
            Source::V2 { .. } => PollFlags::PRI,
        }
    }

    /// Whether it happened since the last question. Never waits.
    pub fn happened(&mut self) -> bool {
        match &mut self.0 {
            Source::V1 { count, control } => {
                let mut number = [0; 8];
                // The removal of the cgroup is told in the same way: then its files cannot be read any more.
                rustix::io::read(&*count, &mut number).is_ok() && rustix::io::pread(&*control, &mut number, 0).is_ok()
            }
            Source::V2 { events, kills: known } => match kills(events) {
                Ok(now) => std::mem::replace(known, now) < now,
                Err(_) => false,
            },
        }
    }
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Source::V1 { count, .. } => count.as_fd(),
            Source::V2 { events, .. } => events.as_fd(),
        }
    }
}

/// `oom_kill` of `memory.events`. Reading also arms the next poll(2).
fn kills(events: &OwnedFd) -> Result<u64, Errno> {
    let mut bytes = [0; 512];
    let length = rustix::io::pread(events, &mut bytes, 0).map_err(file::errno)?;
    let text = String::from_utf8_lossy(bytes.get(..length).unwrap_or_default());
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok());
    Ok(count.unwrap_or_default())
}
