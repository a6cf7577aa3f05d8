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

/// Its first process is gone, and its number has passed to a process in another pid namespace.
#[conformance::test]
fn kill_of_all_of_a_stopped_container_reaches_no_stranger() {
    needs::runtime(&["orlop"]);
    let stranger = Bundle::sh("trap 'echo hit' USR1; echo ready; while :; do sleep 0.05; done").start();
    stranger.eventually_prints("ready");
    let mut bundle = Bundle::sh("exit 0").flag("--cgroup-manager=disabled").without_namespace("cgroup");
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["type"] != "cgroup");
    let container = bundle.start();
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
