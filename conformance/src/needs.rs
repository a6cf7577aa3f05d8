//! What a test needs of this machine. Without it the test is skipped, says so, and passes.
//!
//! `needs::cgroup_v2();` as the first line of a test. CI compares what was skipped with
//! `expected/skips-<machine>.txt`.

use std::fs;
use std::panic::resume_unwind;
use std::path::Path;
use std::process::Command;

use crate::observe::Process;
use crate::rootless;
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
    require(!rootless::here(), &format!("root is needed for {reason}"));
}

/// The unified hierarchy alone, with these controllers, delegated to the user if the tests are a user's.
pub fn cgroup_v2(controllers: &[&str]) {
    let root = Path::new("/sys/fs/cgroup");
    let unified = root.join("cgroup.controllers").exists();
    require(unified, "no cgroup v2 at /sys/fs/cgroup");
    let place = if rootless::here() { Process::myself().cgroup("") } else { root.to_owned() };
    let have = fs::read_to_string(place.join("cgroup.controllers")).unwrap_or_default();
    let all = controllers.iter().all(|one| have.split_whitespace().any(|word| word == *one));
    require(all, &format!("no cgroup v2 with [{}]", controllers.join(", ")));
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

/// A runtime with `mounts add`: crun has it since 1.22.
pub fn live_mounts() {
    runtime(&["orlop", "crun"]);
    let known = Runtime::is_orlop() || {
        let help = std::process::Command::new("crun").args(["mounts", "--help"]).output();
        help.is_ok_and(|help| help.status.success())
    };
    require(known, "crun 1.22 or later");
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

/// systemd as the init of this machine.
pub fn systemd() {
    path("/run/systemd/system");
}

/// A machine without systemd.
pub fn no_systemd() {
    require(!Path::new("/run/systemd/system").exists(), "systemd runs here");
}

/// A file of the host, as `/sys/module/apparmor` or `/dev/fuse`.
pub fn path(path: &str) {
    require(Path::new(path).exists(), &format!("no {path}"));
}

/// A machine without this file.
pub fn no_path(path: &str) {
    require(!Path::new(path).exists(), &format!("there is {path}"));
}

/// A capability of the test itself: its name, and its number in `linux/capability.h`.
pub fn capability(name: &str, number: u32) {
    let have = Process::myself().capabilities("Eff");
    require(have >> number & 1 == 1, &format!("no {name}"));
}

/// A program that is found in `PATH`.
pub fn program(name: &str) {
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    require(std::env::split_paths(&dirs).any(|dir| dir.join(name).is_file()), &format!("no {name}"));
}

/// A kernel with AppArmor switched on, and the program that loads profiles.
pub fn apparmor() {
    root("loading a profile of AppArmor");
    let enabled = fs::read_to_string("/sys/module/apparmor/parameters/enabled");
    require(enabled.is_ok_and(|answer| answer.starts_with('Y')), "no AppArmor");
    path("/usr/sbin/apparmor_parser");
}

/// A kernel with SELinux switched on and the policy of `conformance/vm/selinux.sh` loaded.
pub fn selinux() {
    root("giving labels of SELinux");
    let label = fs::read_to_string("/proc/self/attr/current").unwrap_or_default();
    require(Path::new("/sys/fs/selinux/load").exists() && label.contains(":kernel_t:"), "no SELinux with a policy");
}

/// This version of Linux, or a later one.
pub fn linux(major: u32, minor: u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("the kernel's release");
    let mut numbers =
        release.split(|letter: char| !letter.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    let have = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    require(have >= (major, minor), &format!("Linux {major}.{minor} is needed"));
}

/// CRIU, and one that knows this kernel.
pub fn criu() {
    let checked = Command::new("criu").arg("check").output();
    require(checked.is_ok_and(|checked| checked.status.success()), "no CRIU that works here");
}

fn require(there: bool, reason: &str) {
    if !there {
        resume_unwind(Box::new(Skip(Verdict::Skipped, reason.to_owned())));
    }
}
