//! `update`: limits that change while the container runs, read from its cgroup on v1 and on v2.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use conformance::{Bundle, Container, Outcome, Runtime, Value, json, needs};

/// Whether this machine has cgroup v2 alone.
fn unified() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

/// Asserts a value of the container's cgroup: `file value` on cgroup v1, and on v2.
#[track_caller]
fn shows(container: &Container, v1: &str, v2: &str) {
    let (file, value) = if unified() { v2 } else { v1 }.split_once(' ').unwrap();
    assert_eq!(container.settled().cgroup_value(file), value, "{file}");
}

#[track_caller]
fn update(container: &Container, flags: &[&str]) -> Outcome {
    container.call_with(&[&["update"], flags].concat(), &[])
}

/// `update --resources -` with this document on its stdin.
fn update_from_stdin(container: &Container, document: &str) -> Outcome {
    let runtime = &container.bundle.runtime;
    let mut command = runtime.command(["update", "--resources", "-", container.id()]);
    let (read, mut write) = std::io::pipe().unwrap();
    command.stdin(Stdio::from(read));
    let call = runtime.spawn(command);
    write.write_all(document.as_bytes()).unwrap();
    drop(write);
    call.wait()
}

fn limited(resources: Value) -> Container {
    Bundle::new().set("/linux/resources", resources).start()
}

#[conformance::test]
fn memory_is_limited_by_a_flag() {
    let container = limited(json!({"memory": {"limit": 67_108_864}}));
    update(&container, &["--memory", "32m", "--memory-reservation", "16777216"]).succeeds();
    shows(&container, "memory.limit_in_bytes 33554432", "memory.max 33554432");
    shows(&container, "memory.soft_limit_in_bytes 16777216", "memory.low 16777216");
}

#[conformance::test(covers = ["/linux/resources/memory/{limit,swap}"])]
fn memory_and_swap_are_raised_and_lowered_together() {
    let container = limited(json!({"memory": {"limit": 33_554_432, "swap": 67_108_864}}));
    // Above the old limit of both together, then below the old limit of memory: the kernel takes each in one order only.
    update(&container, &["--memory", "128m", "--memory-swap", "256m"]).succeeds();
    shows(&container, "memory.limit_in_bytes 134217728", "memory.max 134217728");
    shows(&container, "memory.memsw.limit_in_bytes 268435456", "memory.swap.max 134217728");
    update(&container, &["--memory", "16m", "--memory-swap", "24m"]).succeeds();
    shows(&container, "memory.memsw.limit_in_bytes 25165824", "memory.swap.max 8388608");
}

#[conformance::test]
fn memory_without_limit_has_none_for_swap() {
    let container = limited(json!({"memory": {"limit": 33_554_432, "swap": 67_108_864}}));
    update(&container, &["--memory", "-1"]).succeeds();
    shows(&container, "memory.limit_in_bytes 9223372036854771712", "memory.max max");
    shows(&container, "memory.memsw.limit_in_bytes 9223372036854771712", "memory.swap.max max");
}

#[conformance::test]
fn what_is_not_given_stays() {
    let resources = json!({"cpu": {"quota": 20_000, "period": 50_000, "shares": 512}, "memory": {"limit": 67_108_864}});
    let container = limited(resources);
    update(&container, &["--cpu-share", "2048"]).succeeds();
    shows(&container, "cpu.cfs_quota_us 20000", "cpu.max 20000 50000");
    shows(&container, "memory.limit_in_bytes 67108864", "memory.max 67108864");
    // A quota and a period share a file on v2: each alone leaves the other.
    update(&container, &["--cpu-quota", "30000"]).succeeds();
    shows(&container, "cpu.cfs_period_us 50000", "cpu.max 30000 50000");
    update(&container, &["--cpu-period", "60000"]).succeeds();
    shows(&container, "cpu.cfs_quota_us 30000", "cpu.max 30000 60000");
    shows(&container, "cpu.shares 2048", "cpu.max 30000 60000");
}

#[conformance::test]
fn a_document_is_read_from_stdin() {
    let container = limited(json!({"cpu": {"quota": 20_000, "period": 50_000}}));
    let document =
        json!({"cpu": {"quota": 40_000}, "memory": {"limit": 50_331_648, "swap": 0}, "blockIO": {"weight": 0}});
    update_from_stdin(&container, &document.to_string()).succeeds();
    shows(&container, "cpu.cfs_quota_us 40000", "cpu.max 40000 50000");
    shows(&container, "memory.limit_in_bytes 50331648", "memory.max 50331648");
}

#[conformance::test]
fn a_document_is_read_from_a_file() {
    let container = limited(json!({}));
    let file = container.bundle.path().join("resources.json");
    std::fs::write(&file, r#"{"pids": {"limit": 20}, "cpu": {"cpus": "0", "mems": "0"}}"#).unwrap();
    update(&container, &["-r", file.to_str().unwrap()]).succeeds();
    shows(&container, "pids.max 20", "pids.max 20");
    shows(&container, "cpuset.cpus 0", "cpuset.cpus 0");
}

#[conformance::test]
fn processes_and_processors_are_limited_by_flags() {
    let container = limited(json!({}));
    update(&container, &["--pids-limit", "10", "--cpuset-cpus", "0", "--cpuset-mems", "0"]).succeeds();
    shows(&container, "pids.max 10", "pids.max 10");
    shows(&container, "cpuset.cpus 0", "cpuset.cpus 0");
    shows(&container, "cpuset.mems 0", "cpuset.mems 0");
    update(&container, &["--pids-limit=-1"]).succeeds();
    shows(&container, "pids.max max", "pids.max max");
}

#[conformance::test(covers = ["/linux/resources/cpu/{burst,idle}"])]
fn burst_and_idle_are_set() {
    let container = limited(json!({"cpu": {"quota": 20_000, "period": 50_000}}));
    update(&container, &["--cpu-burst", "5000"]).succeeds();
    shows(&container, "cpu.cfs_burst_us 5000", "cpu.max.burst 5000");
    update(&container, &["--cpu-idle", "1"]).succeeds();
    shows(&container, "cpu.idle 1", "cpu.idle 1");
    shows(&container, "cpu.cfs_quota_us 20000", "cpu.max 20000 50000");
}

#[conformance::test]
fn device_rules_that_stay_the_same_are_left_alone() {
    // An engine sends the whole of its resources; a hook may have allowed a device since (runc: SkipDevices).
    let rules = json!([{"allow": false, "access": "rwm"}]);
    let container = limited(json!({"devices": rules}));
    if !unified() {
        let list = container.settled().cgroup("devices").join("devices.allow");
        std::fs::write(list, "c 10:229 rwm").unwrap();
    }
    update_from_stdin(&container, &json!({"devices": rules, "pids": {"limit": 30}}).to_string()).succeeds();
    shows(&container, "pids.max 30", "pids.max 30");
    if !unified() {
        assert!(container.settled().cgroup_value("devices.list").contains("c 10:229 rwm"));
    }
}

#[conformance::test]
fn a_created_and_a_paused_container_are_updated() {
    let container = limited(json!({}));
    container.call("pause").succeeds();
    update(&container, &["--pids-limit", "11"]).succeeds();
    shows(&container, "pids.max 11", "pids.max 11");
    assert_eq!(container.status(), "paused");
    let container = Bundle::new().create();
    update(&container, &["--pids-limit", "12"]).succeeds();
    assert_eq!(container.process().cgroup_value("pids.max"), "12");
}

#[conformance::test]
fn a_stopped_container_is_not_updated() {
    let container = Bundle::sh("exit 0").start();
    assert_eq!(container.wait(), 0);
    update(&container, &["--pids-limit", "11"]).fails().says("container not running");
}

#[conformance::test(covers = ["/linux/resources/memory/checkBeforeUpdate"])]
fn a_limit_below_what_is_used_is_refused_by_request() {
    let container = limited(json!({"memory": {"limit": 67_108_864}}));
    let document = json!({"memory": {"limit": 8192, "checkBeforeUpdate": true}});
    update_from_stdin(&container, &document.to_string()).fails().names("[resources/memory/limit]");
    shows(&container, "memory.limit_in_bytes 67108864", "memory.max 67108864");
    assert_eq!(container.status(), "running");
}

#[conformance::test]
fn what_the_kernel_refuses_changes_nothing() {
    let container = limited(json!({"pids": {"limit": 50}, "cpu": {"cpus": "0"}}));
    let document = json!({"cpu": {"quota": 30_000, "period": 100_000, "cpus": "4000"}, "pids": {"limit": 60}});
    update_from_stdin(&container, &document.to_string()).fails().names("[resources/cpu/cpus]");
    shows(&container, "pids.max 50", "pids.max 50");
    shows(&container, "cpuset.cpus 0", "cpuset.cpus 0");
    shows(&container, "cpu.cfs_quota_us -1", "cpu.max max 100000");
    // Nor is it remembered.
    update(&container, &["--cpu-period", "50000"]).succeeds();
    shows(&container, "cpu.cfs_quota_us -1", "cpu.max max 50000");
}

#[conformance::test]
fn what_is_wrong_is_refused() {
    let container = limited(json!({}));
    for flags in [["--memory", "lots"], ["--cpu-quota", "x"], ["--cpu-idle", "2"], ["--cpu-period", "-7"]] {
        update(&container, &flags).fails();
    }
    update_from_stdin(&container, "{").fails();
    if Runtime::is_orlop() {
        update(&container, &["--memory", "lots"]).fails().says("invalid value for memory: \"lots\"");
        update(&container, &["--blkio-weight", "5000"]).fails().names("[resources/blockIO/weight]");
        update_from_stdin(&container, r#"{"pids": {"limit": -2}}"#).fails().names("[resources/pids/limit]");
        update(&container, &["--resources", "-", "--memory", "1g"]).fails().says("--resources stands alone");
        update(&container, &["--l3-cache-schema", "L3:0=f"])
            .fails()
            .says("has no group of resctrl")
            .names("/linux/intelRdt");
    }
    container.bundle.runtime.call(["update", "--memory", "1g", "nobody"]).fails().says("does not exist");
}

/// runc warns and goes on.
#[conformance::test]
fn an_obsolete_flag_is_named() {
    let container = limited(json!({}));
    let before = container.process().cgroup_value("pids.max");
    for flag in ["--kernel-memory", "--kernel-memory-tcp"] {
        let outcome = update(&container, &[flag, "1g", "--pids-limit", "9"]);
        assert!(outcome.stderr.to_lowercase().contains("kernel"), "{}", outcome.stderr);
        if Runtime::is_orlop() {
            outcome.fails().says(&format!("{flag} is of no effect"));
            assert_eq!(container.process().cgroup_value("pids.max"), before);
        } else {
            outcome.succeeds();
        }
        update(&container, &[flag, ""]).succeeds();
    }
}

/// Cgroup v1 alone gives real-time, and only of a kernel with CONFIG_RT_GROUP_SCHED.
#[conformance::test(covers = ["/linux/resources/cpu/{realtimePeriod,realtimeRuntime}"])]
fn real_time_is_given_by_flags() {
    let container = limited(json!({}));
    let there = Path::new("/sys/fs/cgroup/cpu/cpu.rt_runtime_us").exists();
    for (flag, value, file, field) in [
        ("--cpu-rt-period", "500000", "cpu.rt_period_us", "/cpu/realtimePeriod"),
        ("--cpu-rt-runtime", "10000", "cpu.rt_runtime_us", "/cpu/realtimeRuntime"),
    ] {
        let outcome = update(&container, &[flag, value]);
        if there {
            outcome.succeeds();
            assert_eq!(container.settled().cgroup_value(file), value);
        } else if Runtime::is_orlop() {
            outcome.fails().names(field);
        }
    }
}

/// BFQ has a file for the weight, or on v2 a cost model, which counts otherwise; a kernel with neither has no weights.
#[conformance::test(covers = ["/linux/resources/blockIO/weight"])]
fn the_weight_of_block_io_is_set_by_a_flag() {
    needs::runtime(&["orlop", "runc"]);
    let container = limited(json!({}));
    let outcome = update(&container, &["--blkio-weight", "300"]);
    let directory = container.settled().cgroup(if unified() { "" } else { "blkio" });
    let files = [("blkio.bfq.weight", "300"), ("blkio.weight", "300"), ("io.bfq.weight", "300"), ("io.weight", "2930")];
    let shown = files.map(|(file, weight)| (std::fs::read_to_string(directory.join(file)), weight));
    if let Some((shown, weight)) = shown.into_iter().find_map(|(shown, weight)| Some((shown.ok()?, weight))) {
        outcome.succeeds();
        assert!(shown.lines().next().unwrap().trim_start_matches("default ") == weight, "{shown}");
    } else if Runtime::is_orlop() {
        outcome.fails().names("/blockIO/weight");
    }
}

/// No machine at hand has cache or bandwidth to share out: of a group, `runtime-core/src/resctrl/group.rs` has the test.
#[conformance::test]
fn shares_of_cache_and_bandwidth_are_refused_where_there_are_none() {
    needs::runtime(&["orlop", "runc"]);
    needs::no_path("/sys/fs/resctrl/schemata");
    let container = limited(json!({}));
    for (flag, schema, runcs) in [
        ("--l3-cache-schema", "L3:0=f", "l3 cache schema is not enabled"),
        ("--mem-bw-schema", "MB:0=20", "memory bandwidth schema is not enabled"),
    ] {
        let refusal = update(&container, &[flag, schema]).fails().names("/linux/intelRdt");
        refusal.says(if Runtime::is_orlop() { "has no group of resctrl" } else { runcs });
    }
}
