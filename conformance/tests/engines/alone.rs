//! The runtime without an engine: what one container does to the host and its neighbour, which is nothing, and what `state`,
//! `events` and the last words of `run` say of the one that went too far. (`isolation.rs` has the same under Docker.)

use std::fs;
use std::process::Command;

use conformance::runtime::Call;
use conformance::{Bundle, Container, Outcome, Runtime, Value, eventually, json};

fn sleeps() -> Container {
    Bundle::sh("sleep 1000").start()
}

/// The neighbour answers, the host starts programs, and another container starts.
#[track_caller]
fn all_is_well_beside(neighbour: &Container) {
    neighbour.exec(["echo", "here"]).succeeds().prints("here");
    assert!(Command::new("true").status().expect("the host starts programs").success());
    Bundle::sh("echo there").run().succeeds().prints("there");
}

fn limited(bundle: Bundle) -> Bundle {
    bundle
        .set("/linux/resources/pids", json!({"limit": 40}))
        .set("/linux/resources/memory", json!({"limit": 16_777_216, "swap": 16_777_216}))
        .set("/linux/resources/cpu", json!({"quota": 20_000, "period": 100_000}))
}

/// One sample of `events --stats`.
fn stats(container: &Container) -> Value {
    let line = container.call_with(&["events", "--stats"], &[]).succeeds().stdout;
    serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{error} in {line}"))["data"].clone()
}

/// `run --keep` of a script that begins once `events` watches; the events go on until the container is deleted.
fn run_watched(bundle: &Bundle) -> (Outcome, Call) {
    bundle.write();
    let runtime = &bundle.runtime;
    let path = bundle.path().to_string_lossy().into_owned();
    let run = runtime.spawn(runtime.command(["run", "--keep", "--bundle", &path, &bundle.id]));
    let status = || runtime.call(["state", &bundle.id]).stdout;
    assert!(eventually(|| status().contains("\"running\"")), "{}", status());
    let events = runtime.spawn(runtime.command(["events", "--interval", "100ms", &bundle.id]));
    assert!(eventually(|| events.output().contains("stats")), "it watches: {}", events.output());
    fs::write(bundle.inside("/go"), "").expect("a file of the container");
    (run.wait(), events)
}

fn when_watched(script: &str) -> Bundle {
    Bundle::sh(&format!("until [ -e /go ]; do sleep 0.1; done; {script}"))
}

fn state(bundle: &Bundle) -> Value {
    let text = bundle.runtime.call(["state", &bundle.id]).succeeds().stdout;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

const BOMB: &str = "f() { f | f & }; while :; do f; sleep 0.1; done";

#[conformance::test]
fn a_fork_bomb_meets_its_limit_and_nobody_else() {
    let neighbour = sleeps();
    let bomb = limited(Bundle::sh(BOMB)).start();
    assert!(eventually(|| stats(&bomb)["pids"]["current"].as_u64() > Some(20)), "{}", stats(&bomb));
    assert_eq!(stats(&bomb)["pids"]["limit"], 40);
    // The kernel counts what it refused: `max 123`.
    let refused = || bomb.process().cgroup_value("pids.events").rsplit(' ').next().unwrap_or_default().parse::<u64>();
    assert!(eventually(|| refused().expect("a count") > 0), "{}", bomb.process().cgroup_value("pids.events"));
    all_is_well_beside(&neighbour);
    if Runtime::is_orlop() {
        assert!(eventually(|| bomb.state()["pidsRefused"].as_u64() > Some(0)), "{}", bomb.state());
    }
    bomb.delete();
}

#[conformance::test]
fn a_program_ended_by_the_limit_on_processes_says_so() {
    // A shell that cannot fork gives up.
    let bundle = when_watched("for n in $(seq 100); do sleep 9 & done; wait");
    let bundle = bundle.set("/linux/resources/pids", json!({"limit": 40}));
    let (run, events) = run_watched(&bundle);
    assert_ne!(run.code, 0);
    let run = run.says("can't fork");
    // No runtime's events say that somebody was refused: there is the limit, and what is used of it.
    let counted = |line: &str| line.contains(r#""pids":{"#) && line.contains(r#""limit":40"#);
    let words = events.output();
    assert!(words.lines().any(counted), "{words}");
    if Runtime::is_orlop() {
        run.says("too many processes: ").says("refused (linux.resources.pids.limit is 40)");
        assert!(state(&bundle)["pidsRefused"].as_u64() > Some(0), "{}", state(&bundle));
    }
    bundle.runtime.call(["delete", &bundle.id]).succeeds();
    events.wait().succeeds();
}

#[conformance::test]
fn a_memory_hog_is_killed_and_nobody_else_and_says_why() {
    let neighbour = sleeps();
    let bundle = limited(when_watched("exec tail -c 100m /dev/zero"));
    let (run, events) = run_watched(&bundle);
    let run = run.exits(137);
    let oom = format!(r#"{{"type":"oom","id":"{}"}}"#, bundle.id);
    let told = || events.output().lines().any(|line| line == oom);
    assert!(eventually(told), "{}", events.output());
    if Runtime::is_orlop() {
        run.says("killed: out of memory (linux.resources.memory.limit is 16 MiB)");
        assert_eq!(state(&bundle)["oomKills"], 1, "{}", state(&bundle));
    }
    all_is_well_beside(&neighbour);
    bundle.runtime.call(["delete", &bundle.id]).succeeds();
    events.wait().succeeds();
}

#[conformance::test]
fn a_busy_loop_is_held_back_and_nobody_else() {
    let neighbour = sleeps();
    let busy = limited(Bundle::sh("while :; do :; done")).start();
    let throttled = || stats(&busy)["cpu"]["throttling"]["throttledPeriods"].as_u64();
    assert!(eventually(|| throttled() > Some(3)), "{}", stats(&busy));
    all_is_well_beside(&neighbour);
    busy.kill("KILL");
    assert_eq!(busy.wait(), 137);
    // No limit ended it: there is nothing to say.
    assert!(busy.state().get("oomKills").is_none() && busy.state().get("pidsRefused").is_none(), "{}", busy.state());
}
