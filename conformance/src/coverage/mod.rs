//! Which field of the specification, and which rule of its lifecycle, is observed by which test, on which machine.
//!
//! In: the lists of `conformance/coverage`, the tests that are built, and the lists of what is skipped where. Out: the
//! table of `make coverage`. There is no second list of tests: with `CONFORMANCE_COVERS=FILE` every test writes down
//! its own name and what its attribute covers, instead of running. A test counts for nothing where ours is expected to
//! fail it, or where every machine skips it.

pub mod schema;
mod table;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::expected;

pub use table::Table;

/// The variable that makes every test say what it covers, and run nothing.
const LISTING: &str = "CONFORMANCE_COVERS";

/// Whether this process shall list its tests: if so, `test` has been written down.
pub(crate) fn listed(test: &str, covers: &[&str]) -> bool {
    let Some(file) = std::env::var_os(LISTING) else { return false };
    let file = OpenOptions::new().create(true).append(true).open(file);
    // One write with O_APPEND: tests of other threads do not mix their lines.
    let line = format!("{test}\t{}\n", covers.join("\t"));
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("CONFORMANCE_COVERS names a writable file");
    true
}

/// A test that is there, and what it says it covers.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its name, as in the lists of `expected/`.
    pub test: String,
    /// Fields, values and rules.
    pub covers: Vec<String>,
}

/// The names of a list below `conformance/coverage`, without comments.
pub fn names(list: &str) -> Vec<String> {
    let path = directory("coverage").join(list);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_whitespace().next()).map(ToOwned::to_owned).collect()
}

/// What every conformance test says of itself: they are built, and asked.
pub fn claims() -> Vec<Claim> {
    let list = std::env::temp_dir().join(format!("conformance-covers-{}", std::process::id()));
    for binary in binaries() {
        let output = Command::new(&binary).arg("-q").env(LISTING, &list).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        assert!(output.status.success(), "{}: {}", binary.display(), String::from_utf8_lossy(&output.stdout));
    }
    let text = fs::read_to_string(&list).expect("the tests wrote their list");
    fs::remove_file(&list).expect("the list is ours");
    text.lines().map(claim).collect()
}

fn claim(line: &str) -> Claim {
    let mut words = line.split('\t').filter(|word| !word.is_empty()).map(ToOwned::to_owned);
    Claim { test: words.next().expect("a line begins with a test"), covers: words.collect() }
}

/// The test programs of this package, but for the rules of the source, which have no conformance test.
fn binaries() -> Vec<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["test", "--quiet", "--no-run", "--tests", "--package", "conformance", "--message-format", "json"]);
    let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo builds the tests");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = built.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let is_suite = |message: &Value| message["target"]["kind"][0] == "test" && message["target"]["name"] != "tidy";
    let programs = messages.filter(is_suite).filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    let programs: Vec<PathBuf> = programs.collect();
    assert!(!programs.is_empty(), "cargo names no test program");
    programs
}

/// A machine on which the suite runs, or would, and what it skips there.
#[derive(Debug)]
pub struct Machine {
    /// The head of its column.
    pub name: &'static str,
    /// The tests it skips; none where no such machine is at hand to write the list down.
    pub skips: Option<BTreeSet<String>>,
    /// What the names of the tests that it is asked for begin with.
    pub only: &'static str,
}

impl Machine {
    /// Whether the test runs there, as far as is known.
    pub fn runs(&self, test: &str) -> Option<bool> {
        if !test.starts_with(self.only) {
            return Some(false);
        }
        self.skips.as_ref().map(|skips| !skips.contains(test))
    }
}

/// The machines of `expected/skips-*.txt`, and one that is not at hand.
pub fn machines() -> Vec<Machine> {
    let known = [
        ("v1", "cgroup-v1", ""),
        ("v2 (vm)", "vm", ""),
        ("rootless (vm)", "vm-rootless", ""),
        ("SELinux (vm)", "vm-selinux", "oci::labels::"),
        // A processor that divides its cache or bandwidth: no list, so what it would show is unknown.
        ("hardware with resctrl", "resctrl", "oci::resctrl::"),
    ];
    known.map(|(name, list, only)| Machine { name, skips: skips(list), only }).into()
}

fn skips(list: &str) -> Option<BTreeSet<String>> {
    let text = fs::read_to_string(directory("expected").join(format!("skips-{list}.txt"))).ok()?;
    let tests = text.lines().filter_map(|line| line.strip_prefix("SKIP ")?.split_once(": "));
    Some(tests.map(|(test, _)| test.to_owned()).collect())
}

/// The tests that ours is expected to fail.
pub(crate) fn failing() -> BTreeSet<String> {
    expected::known(&expected::list("orlop")).into_iter().map(|(test, _)| test).collect()
}

/// A directory of this package.
fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
