//! `oci-validation DIRECTORY`: runs the validation programs of runtime-tools on a runtime.
//!
//! In: what `validation/build` built, and `RUNTIME`. Out: one line for each program, a sum, and the programs that a peer passes
//! and ours does not. For ours each program passes or is listed with its reason in `expected/oci-validation.toml`; a listed one
//! that passes fails the run. Programs run one after another, each with a limit of time, a mount namespace and a state directory
//! of its own; what it leaves is removed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program of the suite: a panic is a failed run, and its lines are what it is for"
)]

mod peers;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use conformance::{Runtime, expected, hierarchies};
use program::{Verdict, run};

fn main() -> ExitCode {
    let dir = PathBuf::from(std::env::args_os().nth(1).expect("the directory that validation/build filled"));
    let dir = std::path::absolute(dir).expect("a working directory");
    nix::sys::prctl::set_child_subreaper(true).expect("a subreaper");
    mount_controllers();
    let known = known();
    let programs = programs(&dir.join("bin"));
    let (mut passed, mut surprises) = (BTreeSet::new(), Vec::new());
    for program in &programs {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let verdict = judge(program, &name, &dir);
        let (word, why) = match (&verdict, known.get(&name)) {
            (Verdict::Passes, None) => ("passes", String::new()),
            (Verdict::Passes, Some(_)) => ("passes", "and is listed as failing".to_owned()),
            (Verdict::Fails(_), Some(reason)) => ("fails", format!("as expected: {reason}")),
            (Verdict::Fails(why), None) => ("fails", why.clone()),
        };
        println!("{name:<32} {word} {why}");
        let passes = matches!(verdict, Verdict::Passes);
        if passes == known.contains_key(&name) && !may_pass(known.get(&name)) {
            surprises.push(name.clone());
        }
        passed.extend(passes.then_some(name));
    }
    println!("{} of {} programs pass on {}", passed.len(), programs.len(), Runtime::name());
    if !Runtime::is_orlop() {
        peers::tell_what_changed(&passed);
        return ExitCode::SUCCESS;
    }
    peers::tell_what_they_pass_alone(&passed, &known);
    if surprises.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("otherwise than expected/oci-validation.toml says: {}", surprises.join(", "));
    ExitCode::FAILURE
}

/// A race, or what this machine has decides.
fn may_pass(reason: Option<&String>) -> bool {
    reason.is_some_and(|reason| ["sometimes: ", "machine: "].iter().any(|word| reason.starts_with(word)))
}

/// What two programs are about: cgroup v1 alone has these controllers, and nobody mounts them. `hugetlb` is not among them: the
/// cgroup v2 beside v1 would lose it, for everybody.
fn mount_controllers() {
    let controllers = ["net_cls", "net_prio"];
    let there = |controller: &&str| Path::new("/sys/fs/cgroup").join(controller).exists();
    let v1 = Path::new("/sys/fs/cgroup/memory").is_dir();
    if v1 && !controllers.iter().any(there) && controllers.iter().all(|controller| hierarchies::kernel_has(controller))
    {
        hierarchies::mount_too(&controllers);
    }
}

/// Programs that race with their own container: `killsig` signals when its shell may not have set the trap yet, `pidfile` wants to
/// meet `true` while it runs, `poststart` wants two shells, started one after the other, to write in that order. On a busy machine
/// they lose, on any runtime; one that is wrong never wins.
const RACES: [&str; 3] = ["killsig", "pidfile", "poststart"];
const TRIES: usize = 10;

/// Runs a program, and one that races until it wins.
fn judge(program: &Path, name: &str, dir: &Path) -> Verdict {
    let tries = if RACES.contains(&name) { TRIES } else { 1 };
    let mut verdict = run(program, dir);
    for _ in 1..tries {
        if matches!(verdict, Verdict::Passes) {
            break;
        }
        verdict = run(program, dir);
    }
    verdict
}

/// The programs that fail on ours, each with its reason.
fn known() -> BTreeMap<String, String> {
    if Runtime::is_orlop() {
        expected::known(&expected::directory().join("oci-validation.toml")).into_iter().collect()
    } else {
        BTreeMap::new()
    }
}

fn programs(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut all: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    all.sort();
    all
}
