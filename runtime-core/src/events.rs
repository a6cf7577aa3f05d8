//! What happens to a container while it runs: [`Container::stats`] and [`Container::watch`].

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::cgroup::{OomWatch, Stats};
use crate::container::Container;
use crate::error::{At, Op, Result};
use crate::state::Status;

/// Tells what happens to a container, one [`Event`] after the other.
#[derive(Debug)]
pub struct Watch {
    target: OwnedFd,
    oom: Option<OomWatch>,
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its processes ran out of the memory they may use.
    Oom,
    /// Its first process ended.
    End,
}

impl Container {
    /// What it has used so far.
    ///
    /// # Errors
    /// [`Kind::Status`](crate::Kind::Status) `container with id … is not running` once it has stopped.
    pub fn stats(&self) -> Result<Stats> {
        let record = self.record()?;
        match self.status(&record)? {
            Status::Stopped | Status::Creating => Err(self.gone()),
            _ => record.cgroup.stats(),
        }
    }

    /// From here on, what happens to it can be waited for.
    ///
    /// # Errors
    /// As [`Container::stats`].
    pub fn watch(&self) -> Result<Watch> {
        let record = self.record()?;
        if matches!(self.status(&record)?, Status::Stopped | Status::Creating) {
            return Err(self.gone());
        }
        Ok(Watch { target: self.target(&record)?, oom: record.cgroup.watch_oom()? })
    }

    fn gone(&self) -> crate::Error {
        self.wrong_status(Op::Wait, format!("container with id {} is not running", self.id()))
    }
}

impl Watch {
    /// Waits for what happens next, for `limit` at most: `None` where nothing did. After the end there is only the end.
    ///
    /// # Errors
    /// [`Op::Wait`] where poll(2) fails.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<Event>> {
        let begin = Instant::now();
        loop {
            let rest = limit.saturating_sub(begin.elapsed());
            let ready = self.poll(rest)?;
            // Whoever dies for want of memory is to be known to have.
            if self.oom.as_mut().is_some_and(OomWatch::happened) {
                return Ok(Some(Event::Oom));
            }
            if ready {
                return Ok(Some(Event::End));
            }
            if rest.is_zero() {
                return Ok(None);
            }
        }
    }

    /// Whether the first process ended.
    fn poll(&self, limit: Duration) -> Result<bool> {
        let limit = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        let mut fds = vec![PollFd::new(&self.target, PollFlags::IN)];
        fds.extend(self.oom.iter().map(|oom| PollFd::from_borrowed_fd(oom.as_fd(), oom.events())));
        match poll(&mut fds, Some(&limit)) {
            Err(rustix::io::Errno::INTR) => Ok(false),
            polled => {
                polled.at(Op::Wait)?;
                Ok(fds.first().is_some_and(|target| !target.revents().is_empty()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_may_be_for_ever() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let target = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
        let mut watch = Watch { target, oom: None };
        assert_eq!(watch.wait(Duration::MAX).unwrap(), Some(Event::End));
        child.wait().unwrap();
    }
}
