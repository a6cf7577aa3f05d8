//! What a test needs of this machine. Without it the test is skipped, says so, and passes.
//!
//! `needs::cgroup_v2();` as the first line of a test. CI compares what was skipped with
//! `expected/skips-<machine>.txt`.

use std::fs;
use std::panic::resume_unwind;
use std::path::Path;

use nix::unistd::geteuid;

use crate::runtime::Runtime;
use crate::verdicts::{self, Verdict};

/// Why a test was not run; travels as the payload of an unwind.
#[derive(Debug)]
pub struct Skip(Verdict, String);

impl Skip {
    pub(crate) fn record(&self, test: &str) {
        verdicts::record(self.0, test, &self.1);
    }
}

/// Root, whose reason is given: "making device nodes".
pub fn root(reason: &str) {
    require(geteuid().is_root(), &format!("root is needed for {reason}"));
}

/// The unified hierarchy alone, with these controllers.
pub fn cgroup_v2(controllers: &[&str]) {
    let have = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers");
    let all = have.is_ok_and(|have| controllers.iter().all(|one| have.split_whitespace().any(|word| word == *one)));
    require(all, &format!("no cgroup v2 at /sys/fs/cgroup with [{}]", controllers.join(", ")));
}

/// A cgroup v1 hierarchy with this controller.
pub fn cgroup_v1(controller: &str) {
    require(Path::new("/sys/fs/cgroup").join(controller).is_dir(), &format!("no cgroup v1 with {controller}"));
}

/// One of these runtimes: the behaviour is no part of the specification.
pub fn runtime(names: &[&str]) {
    if !names.contains(&Runtime::name().as_str()) {
        resume_unwind(Box::new(Skip(Verdict::NotAsked, format!("only for {}", names.join(", ")))));
    }
}

/// Every capability of Linux in the bounding set.
pub fn all_capabilities() {
    let status = fs::read_to_string("/proc/self/status").expect("our own status");
    let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).unwrap_or_default();
    let have = u64::from_str_radix(bounding.trim(), 16).unwrap_or_default();
    let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").expect("the last capability");
    let last: u32 = last.trim().parse().expect("a number");
    require(have.count_ones() == last + 1, "a capability is not in the bounding set");
}

/// A file of the host, as `/sys/module/apparmor` or `/dev/fuse`.
pub fn path(path: &str) {
    require(Path::new(path).exists(), &format!("no {path}"));
}

/// This version of Linux, or a later one.
pub fn linux(major: u32, minor: u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("the kernel's release");
    let mut numbers =
        release.split(|letter: char| !letter.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    let have = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    require(have >= (major, minor), &format!("Linux {major}.{minor} is needed"));
}

fn require(there: bool, reason: &str) {
    if !there {
        resume_unwind(Box::new(Skip(Verdict::Skipped, reason.to_owned())));
    }
}
