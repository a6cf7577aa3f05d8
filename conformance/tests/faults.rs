//! Faults: the runtime killed at any point, and many calls at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::thread;
use std::time::{Duration, Instant};

use conformance::runtime::Call;
use conformance::{Bundle, Runtime, leaks, needs};

fn spawn(bundle: &Bundle, verb: &str) -> Call {
    let path = bundle.path().to_string_lossy().into_owned();
    bundle.runtime.spawn(bundle.runtime.command([verb, "--bundle", &path, &bundle.id]))
}

/// How long an undisturbed create takes here.
fn length_of_create() -> Duration {
    let bundle = Bundle::new();
    bundle.write();
    let begin = Instant::now();
    spawn(&bundle, "create").wait().succeeds();
    begin.elapsed()
}

#[conformance::test]
fn a_create_killed_at_any_point_is_deleted_without_a_trace() {
    let length = length_of_create();
    for step in 0..60 {
        let bundle = Bundle::new();
        bundle.write();
        let mut call = spawn(&bundle, "create");
        thread::sleep(length * step / 50);
        call.kill();
        drop(call.wait());
        bundle.runtime.call(["delete", "--force", &bundle.id]).succeeds();
        leaks::nothing_left(&bundle);
    }
}

#[conformance::test]
fn an_id_is_free_again_after_a_create_was_killed() {
    let length = length_of_create();
    for step in 1..10 {
        let bundle = Bundle::new();
        bundle.write();
        let mut call = spawn(&bundle, "create");
        thread::sleep(length * step / 10);
        call.kill();
        drop(call.wait());
        bundle.runtime.call(["delete", "--force", &bundle.id]).succeeds();
        bundle.start().delete();
    }
}

#[conformance::test]
fn a_killed_run_is_deleted_without_a_trace() {
    let length = length_of_create();
    for step in 1..20 {
        let bundle = Bundle::new();
        bundle.write();
        let mut call = spawn(&bundle, "run");
        thread::sleep(length * step / 10);
        call.kill();
        drop(call.wait());
        bundle.runtime.call(["delete", "--force", &bundle.id]).succeeds();
        leaks::nothing_left(&bundle);
    }
}

#[conformance::test(covers = ["state.unique-id"])]
fn of_many_creates_of_one_id_one_wins() {
    for _ in 0..5 {
        let bundle = Bundle::new();
        bundle.write();
        let calls: Vec<Call> = (0..8).map(|_| spawn(&bundle, "create")).collect();
        let wins = calls.into_iter().map(Call::wait).filter(|outcome| outcome.code == 0).count();
        assert_eq!(wins, 1);
        bundle.runtime.call(["start", &bundle.id]).succeeds();
        bundle.runtime.call(["delete", "--force", &bundle.id]).succeeds();
        leaks::nothing_left(&bundle);
    }
}

#[conformance::test(covers = ["start.not-created"])]
fn of_many_starts_one_wins() {
    let container = Bundle::new().create();
    let start = || container.bundle.runtime.spawn(container.bundle.runtime.command(["start", container.id()]));
    let calls: Vec<Call> = (0..8).map(|_| start()).collect();
    let wins = calls.into_iter().map(Call::wait).filter(|outcome| outcome.code == 0).count();
    assert_eq!(wins, 1);
    container.delete();
}

#[conformance::test]
fn many_deletes_at_once_leave_nothing() {
    let container = Bundle::new().start();
    let delete =
        || container.bundle.runtime.spawn(container.bundle.runtime.command(["delete", "--force", container.id()]));
    let calls: Vec<Call> = (0..8).map(|_| delete()).collect();
    for call in calls {
        drop(call.wait());
    }
    container.delete();
}

#[conformance::test]
fn thirty_runs_at_once() {
    let bundles: Vec<Bundle> = (0..30).map(|n| Bundle::sh(&format!("exit {n}"))).collect();
    let calls: Vec<Call> = bundles
        .iter()
        .map(|bundle| {
            bundle.write();
            spawn(bundle, "run")
        })
        .collect();
    for (call, status) in calls.into_iter().zip(0..) {
        call.wait().exits(status);
    }
    bundles.iter().for_each(leaks::nothing_left);
}

#[conformance::test]
fn thirty_execs_at_once() {
    let container = Bundle::new().start();
    let runtime: &Runtime = &container.bundle.runtime;
    let exec =
        |n: usize| runtime.spawn(runtime.command(["exec", container.id(), "sh", "-c", &format!("echo {n}; exit {n}")]));
    let calls: Vec<Call> = (0..30).map(exec).collect();
    for (call, n) in calls.into_iter().zip(0..) {
        call.wait().exits(n).prints(&n.to_string());
    }
    container.delete();
}

#[conformance::test]
fn a_killed_exec_leaves_the_container_as_it_was() {
    let container = Bundle::new().start();
    for step in 0..20 {
        let runtime = &container.bundle.runtime;
        let mut call = runtime.spawn(runtime.command(["exec", container.id(), "true"]));
        thread::sleep(Duration::from_millis(step * 2));
        call.kill();
        drop(call.wait());
    }
    assert_eq!(container.status(), "running");
    container.exec(["true"]).succeeds();
    container.delete();
}

#[conformance::test]
fn a_delete_killed_at_any_point_is_finished_by_the_next() {
    for step in 0..20 {
        let container = Bundle::new().start();
        let runtime = &container.bundle.runtime;
        let mut call = runtime.spawn(runtime.command(["delete", "--force", container.id()]));
        thread::sleep(Duration::from_millis(step));
        call.kill();
        drop(call.wait());
        container.delete();
    }
}

#[conformance::test]
fn a_start_killed_at_any_point_leaves_a_container_that_can_be_deleted() {
    for step in 0..20 {
        let container = Bundle::new().create();
        let runtime = &container.bundle.runtime;
        let mut call = runtime.spawn(runtime.command(["start", container.id()]));
        thread::sleep(Duration::from_millis(step));
        call.kill();
        drop(call.wait());
        container.delete();
    }
}

#[conformance::test]
fn a_container_whose_init_was_killed_from_outside_is_stopped() {
    for started in [false, true] {
        let container = if started { Bundle::new().start() } else { Bundle::new().create() };
        container.process().kill();
        container.wait();
        assert_eq!(container.status(), "stopped");
        container.call("start").fails();
        container.call("delete").succeeds();
        leaks::nothing_left(&container.bundle);
    }
}

/// As a `start` leaves it that is killed when it has knocked: the program runs, and the gate is still there.
#[conformance::test]
fn a_container_is_running_though_its_start_was_killed() {
    needs::runtime(&["orlop"]);
    let container = Bundle::new().create();
    let gate = container.bundle.path().join("state").join(container.id()).join("gate");
    std::fs::hard_link(&gate, gate.with_extension("kept")).unwrap();
    container.call("start").succeeds();
    container.settled();
    std::fs::rename(gate.with_extension("kept"), &gate).unwrap();
    assert_eq!(container.status(), "running");
    container.call("delete").fails().says("that is not stopped");
    container.exec(["true"]).succeeds();
    container.delete();
}

/// A program whose first thread ends at once, and a second one never (clone(2), pause(2), exit(2)).
const LEADERLESS: &[u8] = &[
    // The header of a file of one part (elf(5)), and the part: the whole file, at 0x400000.
    0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 62, 0, 1, 0, 0, 0, 0x78, 0, 0x40, 0, 0, 0, 0, 0,
    64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0xa4, 0, 0, 0, 0, 0, 0, 0,
    0xa4, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0,
    0, // clone(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, 0, 0, 0, 0)
    0xbf, 0x00, 0x0f, 0x01, 0x00, 0x31, 0xf6, 0x31, 0xd2, 0x45, 0x31, 0xd2, 0x45, 0x31, 0xc0, 0xb8, 56, 0, 0, 0, 0x0f,
    0x05, // The new thread: pause() for ever.
    0x85, 0xc0, 0x75, 0x09, 0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7, // The first one: exit(0).
    0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05,
];

/// runc and crun take it for stopped; then `delete` leaves it running.
#[conformance::test]
fn a_process_whose_first_thread_has_ended_runs_and_can_be_killed() {
    needs::runtime(&["orlop"]);
    let leaderless = |own_pids: bool| {
        let bundle = Bundle::new().file("/leaderless", "").args(["/leaderless"]);
        std::fs::write(bundle.inside("/leaderless"), LEADERLESS).unwrap();
        let container = if own_pids { bundle } else { bundle.without_namespace("pid") }.start();
        assert!(conformance::eventually(|| container
            .process()
            .status("State")
            .is_some_and(|state| state.starts_with('Z'))));
        assert_eq!(container.status(), "running");
        container
    };
    for own_pids in [true, false] {
        for words in [&["kill"][..], &["kill", "--all"]] {
            let container = leaderless(own_pids);
            container.call_with(words, &["KILL"]).succeeds();
            container.wait();
            container.call("delete").succeeds();
        }
        leaderless(own_pids).delete();
    }
}

#[conformance::test]
fn a_container_with_a_damaged_record_is_deleted_by_force() {
    needs::runtime(&["orlop"]);
    let container = Bundle::new().args(["sleep", "1000"]).start();
    container.settled();
    let record = container.bundle.path().join("state").join(container.id()).join("state.json");
    std::fs::write(record, "{\"id\": ").unwrap();
    let refused = container.call("delete");
    refused.fails().names("damaged record");
    container.call_with(&["delete", "--force"], &[]).succeeds();
    leaks::nothing_left(&container.bundle);
}

fn without_cgroups(script: &str) -> Bundle {
    let mut bundle = Bundle::sh(script).flag("--cgroup-manager=disabled").without_namespace("cgroup");
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["type"] != "cgroup");
    bundle
}

#[conformance::test]
fn a_damaged_record_of_a_container_without_cgroups_harms_nobody_who_has_one_of_its_name() {
    needs::runtime(&["orlop"]);
    let other = Bundle::new().start();
    let mut bundle = without_cgroups("sleep 1000");
    // Of another state root: so it may have the same id.
    other.id().clone_into(&mut bundle.id);
    let container = bundle.start();
    container.kill("KILL");
    container.wait();
    std::fs::write(container.bundle.runtime.state().join(container.id()).join("state.json"), "{").unwrap();
    let deleted = container.call_with(&["delete", "--force"], &[]).succeeds();
    assert!(deleted.stderr.contains("they run on"), "{}", deleted.stderr);
    assert!(!container.bundle.runtime.state().join(container.id()).exists());
    assert_eq!(other.status(), "running");
    other.delete();
}

#[conformance::test]
fn whose_processes_are_not_known_is_said_when_all_are_to_be_killed() {
    needs::runtime(&["orlop"]);
    for words in [&["kill", "--all"][..], &["kill"]] {
        let container = without_cgroups("exec sleep 1000").without_namespace("pid").start();
        let killed = container.call_with(words, &["KILL"]).succeeds();
        assert!(killed.stderr.contains("only the first process"), "{}", killed.stderr);
        container.wait();
        container.call("delete").succeeds();
    }
    // One with a pid namespace of its own is killed as a whole.
    let container = without_cgroups("sleep 1000 & exec sleep 1000").start();
    let killed = container.call_with(&["kill", "--all"], &["KILL"]).succeeds();
    assert!(killed.stderr.is_empty(), "{}", killed.stderr);
    container.wait();
    container.call("delete").succeeds();
}

#[conformance::test]
fn too_many_open_files_are_named_for_what_they_are() {
    needs::runtime(&["orlop"]);
    let map = || conformance::json!([{"containerID": 0, "hostID": 0, "size": 65536}]);
    let mut bundle = Bundle::new().namespace("user").set("/linux/uidMappings", map()).set("/linux/gidMappings", map());
    for number in 0..100 {
        bundle = bundle.bind("/tmp", &format!("/mnt/{number}"), &["bind"]);
    }
    let path = bundle.write().path().to_string_lossy().into_owned();
    let create = bundle.runtime.command(["create", "--bundle", &path, &bundle.id]);
    let mut few = std::process::Command::new("sh");
    few.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(create.get_program());
    let outcome = few.args(create.get_args()).output().unwrap();
    let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert!(!outcome.status.success() && stderr.contains("ulimit -n") && stderr.contains("/mounts/"), "{stderr}");
    leaks::nothing_left(&bundle);
}

/// Its first process is gone, and its number has passed to a process in another pid namespace.
#[conformance::test]
fn kill_of_all_of_a_stopped_container_reaches_no_stranger() {
    needs::runtime(&["orlop"]);
    let stranger = Bundle::sh("trap 'echo hit' USR1; echo ready; while :; do sleep 0.05; done").start();
    stranger.eventually_prints("ready");
    let container = without_cgroups("exit 0").start();
    container.wait();
    let record = container.bundle.runtime.state().join(container.id()).join("state.json");
    let mut json: conformance::Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
    json["pid"] = stranger.state()["pid"].clone();
    std::fs::write(record, json.to_string()).unwrap();
    container.call_with(&["kill", "--all"], &["USR1"]);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(stranger.output().trim(), "ready");
    assert_eq!(container.call_with(&["ps", "--format", "json"], &[]).stdout.trim(), "[]");
}

/// The files that it may write have no room, as on a disk that is full.
#[conformance::test]
fn an_update_that_cannot_be_written_down_changes_nothing() {
    needs::runtime(&["orlop"]);
    needs::root("a limit of processes");
    let container = Bundle::new().set("/linux/resources/pids/limit", 50).start();
    let limit = || {
        let stats = container.call_with(&["events", "--stats"], &[]).succeeds().stdout;
        let stats: conformance::Value = serde_json::from_str(&stats).unwrap();
        stats["data"]["pids"]["limit"].clone()
    };
    assert_eq!(limit(), 50);
    let update = container.bundle.runtime.command(["update", "--pids-limit", "77", container.id()]);
    let mut full = std::process::Command::new("sh");
    full.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]).arg(update.get_program());
    let outcome = full.args(update.get_args()).output().unwrap();
    assert!(!outcome.status.success());
    assert_eq!(limit(), 50);
    container.call_with(&["update", "--pids-limit", "77"], &[]).succeeds();
    assert_eq!(limit(), 77);
}
