//! The verdict of one test: passed, failed, skipped, or failed as the list of the runtime under test says it does.
//!
//! The lists are lines of `"binary::module::test" = "reason"`. A listed test that passes fails too: remove the line.
//! Only a race may be won: its reason begins with `sometimes: `. What stands below `[root]` or `[rootless]` holds for a
//! runtime called so.
//!
//! Versions of a runtime differ, so `expected/runc-1.3.toml` is for runc 1.3 and `expected/runc.toml` for any version
//! without a list of its own: the oldest we test. An unknown version then fails loudly, in both directions, and the
//! machine that has it gets a list; nothing is passed over in silence.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use nix::unistd::geteuid;

use crate::coverage;
use crate::needs::Skip;
use crate::runtime::Runtime;
use crate::verdicts::{Verdict, record};

/// Tests look for children and mounts of the whole process. nextest gives each a process of its own; under
/// `cargo test` they take turns.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How the reason of a difference begins that shows only when a race is lost.
const SOMETIMES: &str = "sometimes: ";

/// Runs `test` and judges it by the list of the runtime under test. It observes what `covers` names.
pub fn judge(name: &str, covers: &[&str], test: impl FnOnce()) {
    // Tests of tests/oci/mounts.rs sit in `oci::oci::mounts`; nextest and the lists call them `oci::mounts`.
    let name = name
        .split_once("::")
        .filter(|(binary, rest)| rest.starts_with(&format!("{binary}::")))
        .map_or(name, |(_, rest)| rest);
    if coverage::listed(name, covers) {
        return;
    }
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // What a runtime leaves running becomes our child, where `leaks` finds it.
    nix::sys::prctl::set_child_subreaper(true).expect("a subreaper");
    let runtime = Runtime::name();
    let list = list(&runtime);
    let known = known(&list).into_iter().find(|(test, _)| test == name).map(|(_, reason)| reason);
    match (catch_unwind(AssertUnwindSafe(test)), known) {
        (Ok(()), Some(reason)) if !reason.starts_with(SOMETIMES) => {
            record(Verdict::Failed, name, "passes, and is listed");
            panic!("{name} passes on {runtime}: remove the line from {}", list.display());
        }
        (Ok(()), _) => record(Verdict::Passed, name, ""),
        (Err(cause), known) => failed(name, cause, known),
    }
}

/// The known differences in a list, as this user sees them: test and reason.
pub fn known(list: &Path) -> Vec<(String, String)> {
    let here = if geteuid().is_root() { "[root]" } else { "[rootless]" };
    let all = entries(list).into_iter().filter(|(section, ..)| section.is_empty() || section == here);
    all.map(|(_, name, reason)| (name, reason)).collect()
}

/// All known differences in a list: section, test and reason.
pub fn entries(list: &Path) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(list).unwrap_or_else(|error| panic!("{}: {error}", list.display()));
    let mut section = String::new();
    let mut entries = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            assert!(["[root]", "[rootless]"].contains(&line), "{}: no such section: {line}", list.display());
            line.clone_into(&mut section);
            continue;
        }
        let (name, reason) = line.split_once('=').unwrap_or_else(|| panic!("not `\"test\" = \"reason\"`: {line}"));
        let unquoted = |text: &str| text.trim().trim_matches('"').to_owned();
        entries.push((section.clone(), unquoted(name), unquoted(reason)));
    }
    entries
}

/// Where the known differences of a runtime are listed: of this version, else of any.
pub fn list(runtime: &str) -> PathBuf {
    let of = |name: &str| directory().join(format!("{name}.toml"));
    let versioned = version(runtime).map(|version| of(&format!("{runtime}-{version}"))).filter(|list| list.exists());
    versioned.unwrap_or_else(|| of(runtime))
}

/// Where all lists are.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("expected")
}

/// `1.3` of `runc version 1.3.6`. Ours has one list: it is this tree's own.
fn version(runtime: &str) -> Option<String> {
    let asked = if runtime == "orlop" { None } else { Command::new(runtime).arg("--version").output().ok() }?;
    let text = String::from_utf8_lossy(&asked.stdout).into_owned();
    let number = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut parts = number.split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

fn failed(name: &str, cause: Box<dyn Any + Send>, known: Option<String>) {
    match (cause.downcast::<Skip>(), known) {
        (Ok(skip), _) => skip.record(name),
        (Err(_), Some(reason)) => record(Verdict::Differs, name, &reason),
        (Err(cause), None) => {
            record(Verdict::Failed, name, "");
            resume_unwind(cause);
        }
    }
}
