//! Stops and continues every process of a cgroup (cgroup-v2.rst, "cgroup.freeze"; cgroup-v1/freezer-subsystem.rst).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::{Cgroup, file};
use crate::error::{At as _, Error, Kind, Op, Pointer, Result};

/// How long a process may take to stop: one in an uninterruptible wait never does.
const PATIENCE: Duration = Duration::from_secs(5);

impl Cgroup {
    /// Stops every process, and waits until all have. Thaws again when that fails: nothing stays half frozen.
    pub fn freeze(&self) -> Result<()> {
        let frozen = self.stop();
        if frozen.is_err() {
            self.thaw().ok();
        }
        frozen
    }

    fn stop(&self) -> Result<()> {
        let (file, value) = self.freezer_file("FROZEN", "1")?;
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_micros(50);
        set(&file, value)?;
        while !self.is_frozen()? {
            if Instant::now() > deadline {
                return Err(Error::new(Kind::Timeout, Op::Freeze)
                    .on(&file)
                    .message(format!("not every process stopped within {} s", PATIENCE.as_secs()))
                    .hint("a process in an uninterruptible wait (state D) cannot be frozen"));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
            // A v1 freezer that met a fork or a vfork stays at FREEZING until it is asked again.
            set(&file, value)?;
        }
        Ok(())
    }

    /// Continues every process.
    pub fn thaw(&self) -> Result<()> {
        let (file, value) = self.freezer_file("THAWED", "0")?;
        set(&file, value)
    }

    /// Whether every process is stopped.
    pub fn is_frozen(&self) -> Result<bool> {
        let frozen = match (self.unified(), self.freezer()) {
            (Some(dir), _) => file::read_text(dir.path.join("cgroup.events")).map(|text| has_line(&text, "frozen 1")),
            (None, Some(dir)) => file::read_text(dir.path.join("freezer.state")).map(|state| state == "FROZEN"),
            (None, None) => Ok(false),
        };
        match frozen {
            Err(Errno::ENOENT | Errno::ENODEV) => Ok(false),
            other => other.map_err(|errno| Error::system(Op::Freeze, errno)),
        }
    }

    fn freezer_file(&self, v1: &'static str, v2: &'static str) -> Result<(PathBuf, &'static str)> {
        match (self.unified(), self.freezer()) {
            (Some(dir), _) => Ok((dir.path.join("cgroup.freeze"), v2)),
            (None, Some(dir)) => Ok((dir.path.join("freezer.state"), v1)),
            (None, None) => Err(no_freezer(self.dirs.is_empty())),
        }
    }
}

fn no_freezer(without: bool) -> Error {
    let error = Error::new(Kind::Unsupported, Op::Freeze);
    match without {
        true => error
            .message("the container has no cgroup of its own that could be frozen")
            .hint("whoever is not root needs a delegated cgroup when it is created (systemd: Delegate=yes)"),
        false => error.message("no freezer is mounted here").field(Pointer::new("/linux/cgroupsPath")),
    }
}

fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|found| found == line)
}

fn set(file: &Path, value: &str) -> Result<()> {
    file::write(file, value).at(Op::Freeze).map_err(|error| error.on(file))
}
