//! What a test needs of this machine. Without it the test is skipped, says so, and passes.
//!
//! `needs::cgroup_v2();` as the first line of a test. With `CONFORMANCE_SKIPS=FILE` every skip is a line
//! `SKIP <test>: <reason>` there, and CI compares it with `expected/skips-<machine>.txt`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::panic::resume_unwind;
use std::path::Path;
use std::process::Command;

use crate::runtime::Runtime;

const ONLY_FOR: &str = "only for ";

/// Why a test was not run; travels as the payload of an unwind.
#[derive(Debug)]
pub struct Skip(String);

impl Skip {
    pub(crate) fn record(&self, test: &str) {
        let line = format!("SKIP {test}: {}\n", self.0);
        eprint!("{line}");
        // The list is of the machine: it is the same for every runtime.
        let file = std::env::var_os("CONFORMANCE_SKIPS").filter(|_| !self.0.starts_with(ONLY_FOR));
        if let Some(file) = file {
            // One write with O_APPEND: parallel tests do not mix their lines.
            let file = OpenOptions::new().create(true).append(true).open(file);
            file.and_then(|mut file| file.write_all(line.as_bytes())).expect("CONFORMANCE_SKIPS names a writable file");
        }
    }
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
    require(names.contains(&Runtime::name().as_str()), &format!("{ONLY_FOR}{}", names.join(", ")));
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

/// CRIU, and one that knows this kernel.
pub fn criu() {
    let checked = Command::new("criu").arg("check").output();
    require(checked.is_ok_and(|checked| checked.status.success()), "no CRIU that works here");
}

fn require(there: bool, reason: &str) {
    if !there {
        resume_unwind(Box::new(Skip(reason.to_owned())));
    }
}
