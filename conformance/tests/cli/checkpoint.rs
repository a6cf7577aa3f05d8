//! `checkpoint` and `restore`: a program that counts goes on counting. They need the program criu.

mod counter;
mod files;
mod network;
mod pages;
mod settings;
mod terminal;

use std::collections::BTreeSet;
use std::path::PathBuf;

use conformance::observe::{Mount, Process};
use conformance::{Bundle, Runtime, eventually, json, leaks, needs};
use counter::Counter;

#[conformance::test]
fn a_counter_goes_on_where_it_was() {
    let counter = Counter::start();
    let (images, work) = (counter.dir("one"), counter.dir("work"));
    let mounts = mounted(&counter);
    counter.checkpoint(&["--image-path", &images, "--work-path", &work]).succeeds();
    let before = counter.last();
    counter.bundle.runtime.call(["state", &counter.bundle.id]).fails().says("does not exist");
    assert!(PathBuf::from(&images).join("descriptors.json").exists());
    let log = std::fs::read_to_string(PathBuf::from(&work).join("dump.log")).unwrap();
    assert!(log.contains("/etc/criu/runc.conf"), "the settings that no annotation replaces are read");
    let pid_file = counter.dir("pid");
    let flags = ["--detach", "--work-path", &work, "--pid-file", &pid_file];
    assert!(counter.restore(&images, &flags).wait().unwrap().success());
    assert!(eventually(|| counter.numbers().len() > 2), "it goes on");
    let first = counter.numbers()[0];
    assert!((before..=before + 2).contains(&first), "{before}, then {first}");
    assert_eq!(mounted(&counter), mounts);
    let state = counter.state();
    assert_eq!(state["status"], "running");
    assert_eq!(state["pid"].to_string(), std::fs::read_to_string(pid_file).unwrap());
    let process = Process::new(state["pid"].as_i64().unwrap() as i32);
    assert!(process.cgroup("").ends_with(&counter.bundle.id), "{}", process.read("cgroup"));
    counter.bundle.runtime.call(["exec", &counter.bundle.id, "echo", "inside"]).succeeds().prints("inside");
    counter.delete();
}

/// What is mounted where, and whether it can be written to.
fn mounted(counter: &Counter) -> BTreeSet<(String, String, bool)> {
    let each = |mount: Mount| (mount.destination.clone(), mount.root.clone(), mount.has(&["ro"]));
    counter.process().mounts().into_iter().map(each).collect()
}

#[conformance::test]
fn cgroups_to_write_to_are_there_again() {
    needs::criu();
    let bundle = Bundle::sh("i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done");
    let options = format!("{}/options", bundle.last("/mounts"));
    let counter = Counter::of(bundle.set(&options, json!(["nosuid", "noexec", "nodev"])));
    let (images, mounts) = (counter.dir("one"), mounted(&counter));
    counter.checkpoint(&["--image-path", &images]).succeeds();
    counter.goes_on(&images, &[]);
    assert_eq!(mounted(&counter), mounts);
    counter.delete();
}

#[conformance::test]
fn a_container_can_go_on_after_its_checkpoint() {
    let counter = Counter::start();
    counter.checkpoint(&["--image-path", &counter.dir("one"), "--leave-running"]).succeeds();
    let before = counter.last();
    assert_eq!(counter.state()["status"], "running");
    assert!(eventually(|| counter.last() > before + 3), "it goes on");
    counter.delete();
}

#[conformance::test]
fn a_checkpoint_builds_on_one_before() {
    let counter = Counter::start();
    counter.checkpoint(&["--image-path", &counter.dir("before"), "--pre-dump"]).succeeds();
    let before = counter.last();
    assert!(eventually(|| counter.last() > before), "a pre-dump stops nothing");
    let last = counter.dir("last");
    counter.checkpoint(&["--image-path", &last, "--parent-path", "../before"]).succeeds();
    let before = counter.last();
    assert!(PathBuf::from(&last).join("parent").is_symlink(), "the images before are named");
    assert!(counter.restore(&last, &["--detach"]).wait().unwrap().success());
    assert!(eventually(|| counter.last() > before), "it goes on");
    counter.delete();
}

#[conformance::test]
fn a_restore_in_the_foreground_has_the_status_of_the_process() {
    let counter = Counter::start();
    let images = counter.dir("one");
    counter.checkpoint(&["--image-path", &images]).succeeds();
    let mut call = counter.restore(&images, &[]);
    assert!(eventually(|| counter.numbers().len() > 2), "it goes on");
    counter.bundle.runtime.call(["kill", &counter.bundle.id, "KILL"]).succeeds();
    assert_eq!(call.wait().unwrap().code(), Some(137));
    leaks::nothing_left(&counter.bundle);
}

/// A process whose parent ends is the runtime's, or that of whoever called it.
#[conformance::test]
fn a_restore_in_the_foreground_adopts_orphans_unless_it_is_not_to() {
    needs::criu();
    let script = "trap '(sleep 1000 &)' USR1; i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done";
    let counter = Counter::of(Bundle::sh(script).without_namespace("pid"));
    let images = counter.dir("one");
    counter.checkpoint(&["--image-path", &images]).succeeds();
    for (flags, adopted) in [(&[][..], true), (&["--no-subreaper"][..], false)] {
        let mut call = counter.restore(&images, flags);
        assert!(
            eventually(|| counter.numbers().len() > 2),
            "{flags:?}: it goes on: {}",
            counter.read("one/restore.log")
        );
        counter.bundle.runtime.call(["kill", &counter.bundle.id, "USR1"]).succeeds();
        let procs = counter.process().cgroup("").join("cgroup.procs");
        let parent = if adopted { call.id() } else { std::process::id() }.to_string();
        let orphan = || {
            let all = std::fs::read_to_string(&procs).unwrap();
            let mut all = all.lines().map(|pid| Process::new(pid.parse().unwrap()));
            all.any(|process| {
                process.args() == ["sleep", "1000"] && process.status("PPid").as_deref() == Some(&*parent)
            })
        };
        assert!(eventually(orphan), "{flags:?}: the parent is not {parent}");
        counter.bundle.runtime.call(["kill", &counter.bundle.id, "KILL"]).succeeds();
        assert_eq!(call.wait().unwrap().code(), Some(137));
        leaks::nothing_left(&counter.bundle);
    }
}

#[conformance::test]
fn only_what_runs_is_checkpointed() {
    let container = Bundle::new().create();
    container.call("checkpoint").fails().says("cannot be checkpointed in created state");
    let container = Bundle::sh("exit 0").start();
    assert_eq!(container.wait(), 0);
    container.call("checkpoint").fails().says("cannot be checkpointed in stopped state");
    container.bundle.runtime.call(["checkpoint", "nobody"]).fails().says("does not exist");
}

#[conformance::test]
fn what_is_no_checkpoint_leaves_nothing() {
    let bundle = Bundle::new();
    bundle.write();
    let (path, images) = (bundle.path().to_str().unwrap(), bundle.host("images"));
    let args = ["restore", "--detach", "--bundle", path, "--image-path", images.to_str().unwrap(), &bundle.id];
    let refusal = bundle.runtime.call(args).fails();
    if Runtime::is_orlop() {
        refusal.names("descriptors.json");
    }
    leaks::nothing_left(&bundle);
}

#[conformance::test]
fn what_is_wrong_with_a_checkpoint_is_named() {
    needs::runtime(&["orlop"]);
    let container = Bundle::new().start();
    let images = container.host("images");
    for (flags, words) in [
        (["--parent-path", "/before"], "--parent-path must be relative"),
        (["--parent-path", "../before"], "invalid --parent-path"),
        (["--page-server", "nowhere"], "use --page-server address:port"),
        (["--empty-ns", "uts"], "namespace \"uts\" is not supported"),
        (["--manage-cgroups-mode", "hard"], "invalid manage-cgroups-mode value"),
        (["--status-fd", "900"], "invalid --status-fd argument 900"),
        (["--status-fd", "1"], "--status-fd is of no effect without --lazy-pages"),
        (["--lazy-pages", "--pre-dump"], "--lazy-pages is of no effect with --pre-dump"),
    ] {
        container.call_with(&["checkpoint", "--image-path", &images, flags[0], flags[1]], &[]).fails().says(words);
    }
    assert_eq!(container.status(), "running");
}

/// runc passes over it.
#[conformance::test]
fn a_restore_cannot_go_without_pivot_root() {
    needs::runtime(&["orlop"]);
    let bundle = Bundle::new();
    bundle.write();
    let args = ["restore", "--no-pivot", "--detach", "--bundle", bundle.path().to_str().unwrap(), &bundle.id];
    bundle.runtime.call(args).fails().says("--no-pivot is of no effect");
    leaks::nothing_left(&bundle);
}

#[conformance::test]
fn a_label_of_mounts_needs_selinux() {
    needs::runtime(&["orlop"]);
    needs::no_path("/sys/fs/selinux/status");
    let bundle = Bundle::new();
    let (path, label) = (bundle.write().path().to_str().unwrap(), "system_u:object_r:container_file_t:s0");
    let args = ["restore", "--lsm-mount-context", label, "--detach", "--bundle", path, &bundle.id];
    bundle.runtime.call(args).fails().says("--lsm-mount-context is of no effect");
    leaks::nothing_left(&bundle);
}

#[conformance::test]
fn without_criu_the_package_is_named() {
    needs::runtime(&["orlop"]);
    for dir in ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"] {
        needs::no_path(&format!("{dir}/criu"));
    }
    let container = Bundle::new().start();
    let runtime = &container.bundle.runtime;
    let images = container.host("images");
    let refusal = runtime.call(["checkpoint", "--image-path", &images, container.id()]).fails();
    refusal.says("there is no program `criu`").says("install the package criu");
    assert_eq!(container.status(), "running");
}
