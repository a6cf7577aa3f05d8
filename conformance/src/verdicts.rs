//! The verdicts of a run, one line each, for whoever counts them.
//!
//! In: the verdict of one test. Out: a line on stderr, and with `CONFORMANCE_VERDICTS=FILE` the same line there:
//! `PASS oci::names::hostname_is_set`, `SKIP <test>: <reason>`. A test that was killed leaves none.

use std::fs::OpenOptions;
use std::io::Write;

/// What a test came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The runtime does what is asked.
    Passed,
    /// It does not, or it does what a list says it does not.
    Failed,
    /// It does not, as its list says.
    Differs,
    /// This machine, or this user, lacks something. The same for every runtime.
    Skipped,
    /// The test asks nothing of this runtime.
    NotAsked,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASS",
            Self::Failed => "FAIL",
            Self::Differs => "DIFFERS",
            Self::Skipped => "SKIP",
            Self::NotAsked => "NOT ASKED",
        }
    }
}

/// Tells the verdict, and the reason unless it is empty.
pub fn record(verdict: Verdict, test: &str, reason: &str) {
    let colon = if reason.is_empty() { "" } else { ": " };
    let line = format!("{} {test}{colon}{reason}\n", verdict.word());
    if verdict != Verdict::Passed {
        eprint!("{line}");
    }
    if let Some(file) = std::env::var_os("CONFORMANCE_VERDICTS") {
        // One write with O_APPEND: parallel tests do not mix their lines.
        let file = OpenOptions::new().create(true).append(true).open(file);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("CONFORMANCE_VERDICTS names a writable file");
    }
}
