//! A daemon that is a service of the machine's systemd, outside of all namespaces of the tests: systemd is to know the pids that it
//! is told.
//!
//! In: the daemon's words. Out: its directory, and what systemd knows of units. It ends with its test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::{Outcome, Runtime};

/// A running daemon, with its sockets and data in a directory of its own.
#[derive(Debug)]
pub(super) struct Service {
    /// Nothing else on this machine bears its name.
    pub(super) dir: PathBuf,
}

impl Service {
    /// A directory without a daemon yet.
    pub(super) fn new(engine: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("orlop-engine-{engine}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        Self { dir }
    }

    /// Has systemd start these words.
    pub(super) fn start(&self, words: &[&str]) {
        let mut call = Command::new("systemd-run");
        call.args(["-q", "-p", "Delegate=yes", "-E", &format!("TMPDIR={}", self.dir.display()), "-u", self.unit()]);
        call.args(words);
        self.call(call).succeeds();
    }

    /// A path below its directory, as an argument.
    pub(super) fn at(&self, name: &str) -> String {
        self.dir.join(name).to_string_lossy().into_owned()
    }

    pub(super) fn call(&self, command: Command) -> Outcome {
        Runtime::at(&self.dir).spawn(command).wait()
    }

    fn unit(&self) -> &str {
        self.dir.file_name().and_then(|name| name.to_str()).expect("a name")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let mut call = Command::new("systemctl");
        call.args(["stop", self.unit()]);
        self.call(call);
        unmount_below(&self.dir);
        drop(fs::remove_dir_all(&self.dir));
    }
}

/// What systemd knows of a unit; a unit that is gone has what a new one would have.
pub(super) fn property(unit: &str, name: &str) -> String {
    let mut call = Command::new("systemctl");
    let output = call.args(["show", "--value", "-p", name, unit]).output().expect("systemctl");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Innermost first.
fn unmount_below(dir: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let points = mounts.lines().rev().filter_map(|line| line.split(' ').nth(1));
    for point in points.filter(|point| Path::new(point).starts_with(dir)) {
        drop(Command::new("umount").args(["-l", point]).status());
    }
}
