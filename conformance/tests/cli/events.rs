//! `events`: what a container uses and when it runs out of memory, in the JSON that containerd and cAdvisor read.

use std::path::Path;

use conformance::{Bundle, Container, Runtime, Value, eventually, json, needs};

/// What `events --stats` says under `data`.
#[track_caller]
fn stats(container: &Container) -> Value {
    let printed = container.call_with(&["events", "--stats"], &[]).succeeds().stdout;
    let event: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error} in {printed}"));
    assert_eq!((&event["type"], event["id"].as_str()), (&json!("stats"), Some(container.id())));
    assert_eq!(printed.matches('\n').count(), 1, "one line: {printed}");
    event["data"].clone()
}

fn unified() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

fn busy() -> Container {
    let script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done; sleep 1000";
    let container = Bundle::sh(script)
        .set("/linux/resources/memory", json!({"limit": 67_108_864}))
        .set("/linux/resources/pids", json!({"limit": 50}))
        .start();
    container.eventually_prints("done");
    container
}

/// The parts that there are no matter what was used, by pointer.
const ALWAYS: &[&str] = &[
    "/cpu/usage/kernel",
    "/cpu/usage/user",
    "/cpu/throttling",
    "/cpuset/cpu_exclusive",
    "/cpuset/mem_hardwall",
    "/cpuset/mem_exclusive",
    "/cpuset/memory_migrate",
    "/cpuset/memory_spread_page",
    "/cpuset/memory_spread_slab",
    "/cpuset/memory_pressure",
    "/cpuset/sched_load_balance",
    "/cpuset/sched_relax_domain_level",
    "/memory/usage/limit",
    "/memory/usage/failcnt",
    "/memory/swap/limit",
    "/memory/swap/failcnt",
    "/memory/kernel/limit",
    "/memory/kernelTCP/limit",
    "/memory/raw",
    "/pids",
    "/blkio",
    "/hugetlb",
    "/intel_rdt",
    "/network_interfaces",
];

#[conformance::test]
fn every_part_of_runcs_stats_is_there() {
    let stats = stats(&busy());
    for pointer in ALWAYS {
        assert!(stats.pointer(pointer).is_some(), "{pointer} is not in {stats:#}");
    }
}

#[conformance::test]
fn figures_are_those_of_the_cgroup() {
    let container = busy();
    let stats = stats(&container);
    let number = |pointer: &str| stats.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    assert_eq!(number("/memory/usage/limit"), 67_108_864);
    assert!((1..67_108_864).contains(&number("/memory/usage/usage")), "{stats:#}");
    assert!(number("/pids/limit") == 50 && (1..=2).contains(&number("/pids/current")), "a shell, and sleep: {stats:#}");
    // Nanoseconds: a busy shell of more than a millisecond and less than a minute.
    assert!((1_000_000..60_000_000_000).contains(&number("/cpu/usage/total")), "{stats:#}");
    let raw = stats["memory"]["raw"].as_object().unwrap();
    let anonymous = if unified() { "anon" } else { "rss" };
    assert!(raw.contains_key(anonymous) && raw.values().all(Value::is_u64), "{raw:?}");
    assert_eq!(raw.len(), container.process().cgroup_value("memory.stat").lines().count());
}

#[conformance::test]
fn cgroup_v1_counts_by_processor() {
    needs::cgroup_v1("cpuacct");
    let stats = stats(&busy());
    let count = |key: &str| stats["cpu"]["usage"][key].as_array().map(Vec::len).unwrap_or_default();
    assert!(count("percpu") > 0 && count("percpu") == count("percpu_kernel"), "{stats:#}");
    assert_eq!(count("percpu"), count("percpu_user"));
    assert!(!stats["cpuset"]["cpus"].as_array().unwrap().is_empty());
}

#[conformance::test]
fn cgroup_v2_tells_of_pressure() {
    needs::cgroup_v2(&["memory", "cpu", "io"]);
    needs::path("/proc/pressure/cpu");
    let stats = stats(&busy());
    for part in ["cpu", "memory", "blkio"] {
        for kind in ["some", "full"] {
            for key in ["avg10", "avg60", "avg300", "total"] {
                assert!(stats[part]["psi"][kind][key].is_number(), "{part} {kind} {key}: {stats:#}");
            }
        }
    }
}

#[conformance::test]
fn throttled_time_is_told() {
    let container =
        Bundle::sh("while :; do :; done").set("/linux/resources/cpu", json!({"quota": 1000, "period": 10_000}));
    let container = container.start();
    // The time is told when it is over.
    let throttled = |key| stats(&container)["cpu"]["throttling"][key].as_u64().unwrap_or_default() > 0;
    assert!(eventually(|| throttled("throttledPeriods") && throttled("throttledTime")), "{:#}", stats(&container));
}

#[conformance::test]
fn stats_are_shown_again_and_again_until_the_end() {
    let container = Bundle::new().start();
    let runtime = &container.bundle.runtime;
    let call = runtime.spawn(runtime.command(["events", "--interval", "100ms", container.id()]));
    let lines = || call.output().lines().count();
    assert!(eventually(|| lines() >= 3), "{}", call.output());
    // On cgroup v1 runc ends with the cgroup.
    container.call_with(&["delete", "--force"], &[]).succeeds();
    let outcome = call.wait().succeeds();
    for line in outcome.stdout.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        assert_eq!(event["type"], "stats");
    }
}

#[conformance::test]
fn running_out_of_memory_is_told() {
    let container = Bundle::sh("sleep 1; while :; do tail -c 100m /dev/zero; echo killed; done")
        .set("/linux/resources/memory", json!({"limit": 16_777_216, "swap": 16_777_216}))
        .start();
    let runtime = &container.bundle.runtime;
    let call = runtime.spawn(runtime.command(["events", "--interval", "1h", container.id()]));
    let oom = format!("{{\"type\":\"oom\",\"id\":\"{}\"}}", container.id());
    assert!(eventually(|| call.output().contains(&oom)), "{} {}", call.output(), container.output());
    container.call_with(&["delete", "--force"], &[]).succeeds();
    call.wait().succeeds();
}

#[conformance::test]
fn a_process_that_dies_of_it_is_told_of_before_the_end() {
    needs::runtime(&["orlop"]);
    let container = Bundle::new()
        .args(["tail", "-c", "100m", "/dev/zero"])
        .set("/linux/resources/memory", json!({"limit": 16_777_216, "swap": 16_777_216}))
        .create();
    let runtime = &container.bundle.runtime;
    let call = runtime.spawn(runtime.command(["events", "--interval", "1ms", container.id()]));
    assert!(eventually(|| call.output().contains("stats")), "it watches: {}", call.output());
    container.call("start").succeeds();
    let outcome = call.wait().succeeds();
    assert!(outcome.stdout.lines().any(|line| line.contains("\"type\":\"oom\"")), "{}", outcome.stdout);
}

#[conformance::test]
fn what_does_not_run_has_no_events() {
    let container = Bundle::sh("exit 0").start();
    assert_eq!(container.wait(), 0);
    for flags in [&["events"][..], &["events", "--stats"]] {
        let words = format!("container with id {} is not running", container.id());
        container.call_with(flags, &[]).fails().says(&words);
    }
    container.bundle.runtime.call(["events", "nobody"]).fails().says("does not exist");
}

#[conformance::test]
fn an_interval_is_a_time() {
    let container = Bundle::new().start();
    container.call_with(&["events", "--interval", "0s"], &[]).fails().says("duration interval must be greater than 0");
    let refusal = container.call_with(&["events", "--interval", "5"], &[]).fails();
    if Runtime::is_orlop() {
        refusal.says("invalid value \"5\" for flag -interval");
    }
}
