//! The verdict of one test: passed, failed, skipped, or failed as `expected/<runtime>.toml` says it does.
//!
//! The lists are lines of `"binary::module::test" = "reason"`. A listed test that passes fails too: remove the line.
//! Only a race may be won: its reason begins with `sometimes: `.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::coverage;
use crate::needs::Skip;
use crate::runtime::Runtime;

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
    let known = known(&runtime).into_iter().find(|(test, _)| test == name).map(|(_, reason)| reason);
    match (catch_unwind(AssertUnwindSafe(test)), known) {
        (Ok(()), None) => {}
        (Ok(()), Some(reason)) if reason.starts_with(SOMETIMES) => {}
        (Ok(()), Some(_)) => panic!("{name} passes on {runtime}: remove the line from expected/{runtime}.toml"),
        (Err(cause), known) => failed(name, cause, known),
    }
}

/// The known differences of a runtime: test and reason.
pub fn known(runtime: &str) -> Vec<(String, String)> {
    let list = list(runtime);
    let text = std::fs::read_to_string(&list).unwrap_or_else(|error| panic!("{}: {error}", list.display()));
    text.lines().filter_map(entry).collect()
}

/// Where the known differences of a runtime are listed.
pub fn list(runtime: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("expected").join(runtime).with_extension("toml")
}

fn failed(name: &str, cause: Box<dyn Any + Send>, known: Option<String>) {
    match (cause.downcast::<Skip>(), known) {
        (Ok(skip), _) => skip.record(name),
        (Err(_), Some(reason)) => eprintln!("{name} fails, as expected: {reason}"),
        (Err(cause), None) => resume_unwind(cause),
    }
}

fn entry(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (name, reason) = line.split_once('=').unwrap_or_else(|| panic!("not `\"test\" = \"reason\"`: {line}"));
    let unquoted = |text: &str| text.trim().trim_matches('"').to_owned();
    Some((unquoted(name), unquoted(reason)))
}
