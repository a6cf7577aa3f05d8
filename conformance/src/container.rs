//! A container made from a bundle, driven by the runtime's own commands.
//!
//! In: a bundle whose `create` succeeded. Out: the outcome of each command, and the container's process as the kernel
//! shows it. Dropping it deletes it by force: the bundle inside does that.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use serde_json::Value;

use crate::bundle::Bundle;
use crate::observe::Process;
use crate::runtime::Outcome;
use crate::{eventually, leaks};

/// A container that exists.
#[derive(Debug)]
pub struct Container {
    /// The bundle it was made from.
    pub bundle: Bundle,
    out: PathBuf,
    pid: i32,
    /// The name of the runtime's process that waits for `start`.
    waiting: Option<String>,
}

impl Container {
    pub(crate) fn new(bundle: Bundle, out: PathBuf) -> Self {
        let mut container = Self { bundle, out, pid: 0, waiting: None };
        container.pid = i32::try_from(container.state()["pid"].as_i64().unwrap_or_default()).expect("a pid");
        container.waiting = container.process().status("Name");
        leaks::claim(container.pid);
        container
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.bundle.id
    }

    /// Calls `verb ID`.
    pub fn call(&self, verb: &str) -> Outcome {
        self.call_with(&[verb], &[])
    }

    /// Calls the runtime with words before and after the id.
    pub fn call_with(&self, before: &[&str], after: &[&str]) -> Outcome {
        self.bundle.runtime.call(before.iter().chain(&[self.id()]).chain(after))
    }

    /// Runs a second process in the container and waits for it.
    pub fn exec<const N: usize>(&self, args: [&str; N]) -> Outcome {
        self.exec_with(&[], args)
    }

    /// As [`Container::exec`], with flags.
    pub fn exec_with<const N: usize>(&self, flags: &[&str], args: [&str; N]) -> Outcome {
        let before: Vec<&str> = ["exec"].iter().chain(flags).copied().collect();
        self.call_with(&before, &args)
    }

    /// Runs a shell script in the container.
    pub fn sh(&self, script: &str) -> Outcome {
        self.exec(["sh", "-c", script])
    }

    /// What `state` prints.
    #[track_caller]
    pub fn state(&self) -> Value {
        let state = self.call("state").succeeds().stdout;
        serde_json::from_str(&state).unwrap_or_else(|error| panic!("{error} in {state}"))
    }

    /// The status in the state: `created`, `running` or `stopped`.
    #[track_caller]
    pub fn status(&self) -> String {
        self.state()["status"].as_str().expect("a status").to_owned()
    }

    /// Its first process, as the kernel shows it.
    pub fn process(&self) -> Process {
        Process::new(self.pid)
    }

    /// Its first process after the user's program took over from the runtime's init.
    #[track_caller]
    pub fn settled(&self) -> Process {
        let process = self.process();
        // `start` returns once execve is certain, but not always after it is done. The name changes late in execve, the
        // arguments appear last.
        let settled = || process.status("Name") != self.waiting && !process.args().is_empty();
        assert!(eventually(settled), "no execve");
        process
    }

    /// Sends a signal to its first process.
    #[track_caller]
    pub fn kill(&self, signal: &str) {
        self.call_with(&["kill"], &[signal]).succeeds();
    }

    /// Waits for the end of its first process, as a shim does: its exit status, or 128 + n after signal n.
    #[track_caller]
    pub fn wait(&self) -> i32 {
        let mut code = None;
        let ended = eventually(|| {
            code = match waitpid(Pid::from_raw(self.pid), Some(WaitPidFlag::WNOHANG))
                .expect("our child: we are a subreaper")
            {
                WaitStatus::Exited(_, code) => Some(code),
                WaitStatus::Signaled(_, signal, _) => Some(128 + signal as i32),
                _ => None,
            };
            code.is_some()
        });
        assert!(ended, "container {} does not end", self.id());
        code.expect("it ended")
    }

    /// What its first process wrote to stdout so far.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// Waits until stdout contains these words.
    #[track_caller]
    pub fn eventually_prints(&self, words: &str) {
        assert!(eventually(|| self.output().contains(words)), "`{words}` is not in stdout: {}", self.output());
    }

    /// `delete --force`; afterwards nothing may be left.
    #[track_caller]
    pub fn delete(self) {
        self.call_with(&["delete", "--force"], &[]).succeeds();
        leaks::nothing_left(&self.bundle);
    }

    /// A path as an argument.
    pub fn host(&self, name: impl AsRef<OsStr>) -> String {
        self.bundle.path().join(name.as_ref()).to_string_lossy().into_owned()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        leaks::unclaim(self.pid);
    }
}
