//! How many system calls `create` makes, the command and the container's process together, as `strace -f` sees them.
//!
//! Counted up to the wait for `start`: the container is killed there, never started. The same bundle gives the same
//! number on every run (Go's scheduler aside), so this figure can be compared without a quiet machine.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bundle::Bundles;
use crate::call::{PATIENCE, Process};
use crate::failure::{During, Failure, Result};
use crate::memory::discard;
use crate::place::Place;
use crate::runtime::Runtime;

/// System calls by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Calls(pub BTreeMap<String, u64>);

impl Calls {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// Traces one `create` of the default bundle.
pub fn of_create(place: &Place, bundles: &Bundles, runtime: &Runtime) -> Result<Calls> {
    let id = place.new_id();
    let trace = place.directory.join("strace");
    drop(fs::remove_file(&trace));
    let create = runtime.create(&id, &bundles.default_bundle());
    let mut command = Command::new("strace");
    command.args(["-f", "-q", "-e", "signal=none"]);
    command.arg("-o").arg(&trace).arg(create.get_program()).args(create.get_args());
    create.get_current_dir().map(|directory| command.current_dir(directory));
    let words = File::create(place.log()).during("create the log")?;
    let mut strace = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(words)
        .spawn()
        .map_err(|error| Failure::new(format!("strace: {error} (apt-get install strace)")))?;
    let outcome = created(place, &trace, &mut strace);
    let process = Process::in_file(&runtime.pid_file(&id)).ok();
    if let Some(process) = &process {
        process.kill();
    }
    // Before anything else is reaped: strace is our child too.
    let ended = end(&mut strace);
    discard(place, runtime, &id, process.as_ref());
    ended?;
    outcome.map(|text| count(&text))
}

/// The trace at the moment when `create` has returned and its child waits.
fn created(place: &Place, trace: &Path, strace: &mut Child) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        place.go_on()?;
        let text = fs::read_to_string(trace).unwrap_or_default();
        let quiet = settled(&text) || strace.try_wait().during("wait for strace")?.is_some();
        if quiet {
            // What the child does between its word to the parent and its wait.
            std::thread::sleep(Duration::from_millis(100));
            return fs::read_to_string(trace).during("read the trace");
        }
        if Instant::now() > deadline {
            return Err(Failure::new("strace saw no end of create"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// strace leaves when all it traces have gone; it is not waited for longer than that should take.
fn end(strace: &mut Child) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while strace.try_wait().during("wait for strace")?.is_none() {
        if Instant::now() > deadline {
            strace.kill().during("kill strace")?;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The first process traced is the command, and it has gone (any thread of it may have called `exit_group`).
fn settled(trace: &str) -> bool {
    let Some(first) = trace.split_whitespace().next() else { return false };
    trace.lines().any(|line| {
        line.split_once(' ').is_some_and(|(pid, call)| pid == first && call.trim_start().starts_with("+++ exited"))
    })
}

/// Counts calls where they begin: `PID name(…`; `<... name resumed>` is the second half of one, `+++` and `---` none.
fn count(trace: &str) -> Calls {
    let mut calls = BTreeMap::new();
    for line in trace.lines() {
        let begun = line.split_once(' ').and_then(|(_, call)| call.trim_start().split_once('('));
        if let Some((name, _)) = begun
            && !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    Calls(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "7 execve(\"/orlop\", [\"orlop\"], 0x7ffe /* 9 vars */) = 0
7 clone3({flags=CLONE_NEWPID}, 88 <unfinished ...>
8 mount(NULL, \"/\", NULL, MS_REC, NULL) = 0
7 <... clone3 resumed>) = 8
8 accept4(3, NULL, NULL, 0 <unfinished ...>
7 --- SIGCHLD {si_signo=SIGCHLD} ---
7 exit_group(0) = ?
7 +++ exited with 0 +++
";

    #[test]
    fn a_call_in_two_halves_counts_once_and_a_signal_not_at_all() {
        let calls = count(TRACE);
        assert_eq!(calls.total(), 5);
        assert_eq!(calls.0.get("clone3"), Some(&1));
    }

    #[test]
    fn create_is_over_when_its_first_process_leaves() {
        assert!(settled(TRACE));
        assert!(!settled(&TRACE.replace("7 +++", "8 +++")));
        assert!(!settled(""));
    }
}
