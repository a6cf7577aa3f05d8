//! One command, called and timed; one process, waited for.
//!
//! Every wait has a limit. A command's output goes to a file, because the container it creates inherits it and a pipe
//! would stay open as long as the container lives.

use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};

use crate::failure::{During, Failure, Result};

/// Longer than any runtime here takes for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `command` to its end and says how many milliseconds that took; fails with its words if it fails.
pub fn timed(command: &mut Command, log: &Path, patience: Duration) -> Result<f64> {
    let words = File::create(log).during("create the log")?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
    let begin = Instant::now();
    let mut child = command.spawn().during(describe(command))?;
    let in_time = ended(&child, patience)?;
    if !in_time {
        child.kill().during("kill")?;
    }
    let status = child.wait().during("wait")?;
    let took = begin.elapsed().as_secs_f64() * 1e3;
    if status.success() {
        return Ok(took);
    }
    let why = if in_time { status.to_string() } else { format!("no end within {patience:?}") };
    let words = fs::read_to_string(log).unwrap_or_default();
    Err(Failure::new(format!("{}: {why}: {}", describe(command), words.lines().last().unwrap_or("said nothing"))))
}

/// A container's process: ours to reap, since this program is the subreaper of what the runtimes leave behind.
#[derive(Debug)]
pub struct Process {
    /// Its pid in our namespace.
    pub pid: Pid,
    pidfd: std::os::fd::OwnedFd,
}

impl Process {
    /// The process whose pid a runtime wrote to `file`.
    pub fn in_file(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).during(format_args!("read {}", file.display()))?;
        let pid = text.trim().parse().ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Failure::new(format!("{}: no pid: {text:?}", file.display())))?;
        Ok(Self { pid, pidfd: pidfd_open(pid, PidfdFlags::empty()).during("pidfd_open")? })
    }

    /// SIGKILL; a process that is gone already is as good.
    pub fn kill(&self) {
        pidfd_send_signal(&self.pidfd, Signal::KILL).unwrap_or_default();
    }

    /// Waits for its end and reaps it. Some runtimes keep a parent that reaps it before us: then there is no status.
    pub fn reap(&self, patience: Duration) -> Result<Option<i32>> {
        if !readable(self.pidfd.as_fd(), patience)? {
            return Err(Failure::new(format!("process {} did not end within {patience:?}", self.pid)));
        }
        match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
            Ok(status) => Ok(status.and_then(|status| status.exit_status())),
            Err(Errno::CHILD) => Ok(None),
            Err(error) => Err(error).during("waitid"),
        }
    }
}

/// Reaps everything that runtimes left to us, while no command is under way.
pub fn reap_strays() {
    while let Ok(Some(_)) = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {}
}

fn ended(child: &Child, patience: Duration) -> Result<bool> {
    let pid = Pid::from_child(child);
    readable(pidfd_open(pid, PidfdFlags::empty()).during("pidfd_open")?.as_fd(), patience)
}

fn readable(fd: BorrowedFd<'_>, patience: Duration) -> Result<bool> {
    let timeout = Timespec::try_from(patience).during("timeout")?;
    match poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        // A signal: ours to end on. What was waited for gets no more time.
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error).during("poll"),
    }
}

fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    format!("{} {words}", program.to_string_lossy())
}
