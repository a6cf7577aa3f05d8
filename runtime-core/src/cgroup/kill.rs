//! Signals every process of a cgroup, missing none that is forked meanwhile and hitting none that is not in it.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::{Cgroup, file};
use crate::error::{Error, Kind, Op, Result};
use crate::sys::pidfd;

/// Rounds against a fork bomb that the freezer could not stop.
const ROUNDS: usize = 1000;

impl Cgroup {
    /// Sends `signal` to every process. After SIGKILL none is left that could fork; they may still be dying.
    pub fn kill_all(&self, signal: i32) -> Result<()> {
        if signal != libc::SIGKILL {
            return self.signal_each(signal).map(drop);
        }
        if let Some(dir) = self.unified() {
            // Since Linux 5.14: one write, and the kernel takes care of forks. It misses a process whose first thread has ended.
            match file::write(dir.path.join("cgroup.kill"), "1") {
                Ok(()) => return self.kill_rounds(),
                Err(Errno::ENODEV) => return Ok(()),
                Err(Errno::ENOENT | Errno::EOPNOTSUPP) => {}
                Err(errno) => return Err(Error::system(Op::Kill, errno).on(&dir.path)),
            }
        }
        // Where no process runs, none forks. It is no failure if this one cannot be frozen: the rounds below hold as well.
        let frozen = self.freezer().is_some() && self.freeze().is_ok();
        let killed = self.kill_rounds();
        if frozen {
            // A frozen process of cgroup v1 dies when it is thawed.
            self.thaw()?;
        }
        killed
    }

    fn kill_rounds(&self) -> Result<()> {
        let mut known = Vec::new();
        for _ in 0..ROUNDS {
            let signalled = self.signal_each(libc::SIGKILL)?;
            if signalled.iter().all(|pid| known.contains(pid)) {
                return Ok(());
            }
            known = signalled;
        }
        Err(Error::new(Kind::Timeout, Op::Kill).message("processes are forked faster than they can be killed"))
    }

    /// Sends the signal and says to whom.
    fn signal_each(&self, signal: i32) -> Result<Vec<i32>> {
        let open: Vec<(i32, OwnedFd)> =
            self.processes()?.into_iter().filter_map(|pid| Some((pid, open_pidfd(pid)?))).collect();
        // A pid may have passed to a process elsewhere before its pidfd was opened: only who is still here now is meant.
        let here = self.processes()?;
        let mut signalled = Vec::new();
        for (pid, fd) in open.iter().filter(|(pid, _)| here.contains(pid)) {
            match pidfd::send_signal(fd.as_fd(), signal) {
                Ok(()) => signalled.push(*pid),
                Err(Errno::ESRCH) => {}
                Err(errno) => return Err(Error::system(Op::Kill, errno).message(format!("process {pid}"))),
            }
        }
        Ok(signalled)
    }
}

/// `None`: gone already.
fn open_pidfd(pid: i32) -> Option<OwnedFd> {
    pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()
}
