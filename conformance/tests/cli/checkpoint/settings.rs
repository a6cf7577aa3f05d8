//! What a container has again, or has anew: limits of cgroups, a profile of a security module, its status, its runtime.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use conformance::{Bundle, Runtime, eventually, json, needs};

use super::counter::Counter;

#[conformance::test]
fn the_mode_says_what_is_kept_of_cgroups() {
    let counter = Counter::start();
    // One of the files that CRIU keeps on cgroup v2.
    let limit = |counter: &Counter| counter.process().cgroup_value("cgroup.max.descendants");
    let none = counter.dir("none");
    counter.checkpoint(&["--image-path", &none, "--leave-running", "--manage-cgroups-mode", "ignore"]).succeeds();
    std::fs::write(counter.process().cgroup("").join("cgroup.max.descendants"), "77").unwrap();
    assert_eq!(limit(&counter), "77");
    let images = counter.dir("one");
    counter.checkpoint(&["--image-path", &images]).succeeds();
    let cgroups = |images: &str| std::fs::metadata(Path::new(images).join("cgroup.img")).map_or(0, |file| file.len());
    assert!(2 * cgroups(&none) < cgroups(&images), "{} and {} bytes", cgroups(&none), cgroups(&images));

    let strict = counter.restore(&images, &["--detach", "--manage-cgroups-mode", "strict"]).wait().unwrap();
    assert!(!strict.success(), "the cgroup is there: the runtime has made it");
    for (mode, expected) in [("full", "77"), ("soft", "max"), ("ignore", "max")] {
        counter.goes_on(&images, &["--manage-cgroups-mode", mode]);
        assert_eq!(limit(&counter), expected, "{mode}");
        let place = counter.process().cgroup("");
        assert!(place.ends_with(&counter.bundle.id), "{mode}: {}", place.display());
        counter.bundle.runtime.call(["delete", "--force", &counter.bundle.id]).succeeds();
    }
}

#[conformance::test]
fn a_restored_process_may_have_another_profile() {
    needs::criu();
    needs::apparmor();
    let mut parser = Command::new("/usr/sbin/apparmor_parser").arg("-r").stdin(Stdio::piped()).spawn().unwrap();
    for name in ["orlop-before", "orlop-after"] {
        let rules = "file, capability, network, mount, umount, pivot_root, signal, ptrace, unix, dbus,";
        writeln!(parser.stdin.as_ref().unwrap(), "profile {name} flags=(attach_disconnected) {{ {rules} }}").unwrap();
    }
    drop(parser.stdin.take());
    assert!(parser.wait().unwrap().success());
    let script = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done";
    let counter = Counter::of(Bundle::sh(script).set("/process/apparmorProfile", "orlop-before"));
    assert_eq!(counter.process().read("attr/current").trim(), "orlop-before (enforce)");
    let images = counter.dir("one");
    counter.checkpoint(&["--image-path", &images]).succeeds();
    let process = counter.goes_on(&images, &["--lsm-profile", "apparmor:orlop-after"]);
    assert_eq!(process.read("attr/current").trim(), "orlop-after (enforce)");
    counter.delete();
}

#[conformance::test]
fn a_paused_container_is_checkpointed_and_runs_when_it_is_restored() {
    let counter = Counter::start();
    counter.bundle.runtime.call(["pause", &counter.bundle.id]).succeeds();
    let images = counter.dir("one");
    counter.checkpoint(&["--image-path", &images]).succeeds();
    counter.goes_on(&images, &[]);
    assert_eq!(counter.state()["status"], "running");
    counter.delete();
}

/// The images are CRIU's, and the file beside them is runc's.
#[conformance::test]
fn a_checkpoint_of_one_runtime_is_restored_by_another() {
    needs::runtime(&["orlop"]);
    let script = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done";
    let mut counter = Counter::of(Bundle::sh(script).namespace("cgroup"));
    let runtimes = [counter.bundle.runtime.clone(), Runtime::named("runc", &counter.bundle.host("of-runc"))];
    for (from, to) in [(0, 1), (1, 0)] {
        let images = counter.dir(["ours", "theirs"][from]);
        counter.checkpoint(&["--image-path", &images]).succeeds();
        counter.bundle.runtime = runtimes[to].clone();
        counter.goes_on(&images, &[]);
    }
    counter.delete();
}

/// CRIU is told of the mounts in config.json.
#[conformance::test]
fn a_mount_that_was_added_later_is_named() {
    needs::runtime(&["orlop"]);
    let counter = Counter::start();
    let document = counter.bundle.path().join("mounts.json");
    let added = json!([{"destination": "/tmp", "source": counter.bundle.host("added"), "options": ["bind"]}]);
    std::fs::write(&document, added.to_string()).unwrap();
    counter.bundle.runtime.call(["mounts", "add", &counter.bundle.id, document.to_str().unwrap()]).succeeds();
    counter.refuses(&[], "./tmp");
    assert!(eventually(|| counter.last() > 10));
    counter.delete();
}
