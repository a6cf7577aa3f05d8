//! `linux.resources.cpu`, `memory` and `linux.cgroupsPath`: what neither version's own file looks at. Read from the kernel's files.

use std::path::Path;

use conformance::{Bundle, Container, Runtime, Value, json, needs};

fn with(section: &str, resources: Value) -> Bundle {
    Bundle::new().set(&format!("/linux/resources/{section}"), resources)
}

#[track_caller]
fn shows(container: &Container, files: &[(&str, &str)]) {
    for (file, expected) in files {
        assert_eq!(container.settled().cgroup_value(file), *expected, "{file}");
    }
}

#[conformance::test(covers = ["/linux/resources/cpu/burst"])]
fn a_burst_is_set_on_v1() {
    needs::path("/sys/fs/cgroup/cpu/cpu.cfs_burst_us");
    let container = with("cpu", json!({"quota": 20_000, "period": 50_000, "burst": 10_000})).start();
    shows(&container, &[("cpu.cfs_quota_us", "20000"), ("cpu.cfs_burst_us", "10000")]);
}

#[conformance::test(covers = ["/linux/resources/cpu/burst"])]
fn a_burst_is_set_on_v2() {
    needs::cgroup_v2(&["cpu"]);
    let container = with("cpu", json!({"quota": 20_000, "period": 50_000, "burst": 10_000})).start();
    shows(&container, &[("cpu.max", "20000 50000"), ("cpu.max.burst", "10000")]);
}

#[conformance::test(covers = ["/linux/resources/cpu/idle"])]
fn a_cgroup_may_be_idle_on_v1() {
    needs::path("/sys/fs/cgroup/cpu/cpu.idle");
    shows(&with("cpu", json!({"idle": 1})).start(), &[("cpu.idle", "1")]);
}

#[conformance::test(covers = ["/linux/resources/cpu/idle"])]
fn a_cgroup_may_be_idle_on_v2() {
    needs::cgroup_v2(&["cpu"]);
    shows(&with("cpu", json!({"idle": 1})).start(), &[("cpu.idle", "1")]);
}

#[conformance::test(covers = ["/linux/resources/cpu/{realtimePeriod,realtimeRuntime}"])]
fn real_time_is_given() {
    needs::path("/sys/fs/cgroup/cpu/cpu.rt_runtime_us");
    let container = with("cpu", json!({"realtimePeriod": 500_000, "realtimeRuntime": 10_000})).start();
    shows(&container, &[("cpu.rt_period_us", "500000"), ("cpu.rt_runtime_us", "10000")]);
}

#[conformance::test(covers = ["/linux/resources/cpu/shares"])]
fn shares_are_a_weight_on_v2() {
    needs::cgroup_v2(&["cpu"]);
    shows(&with("cpu", json!({"shares": 1024})).start(), &[("cpu.weight", "100")]);
}

#[conformance::test(covers = ["/linux/resources/memory/swap"])]
fn swap_counts_with_memory_on_v1() {
    needs::path("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes");
    let container = with("memory", json!({"limit": 67_108_864, "swap": 134_217_728})).start();
    shows(&container, &[("memory.memsw.limit_in_bytes", "134217728")]);
}

#[conformance::test(covers = ["/linux/resources/memory/disableOOMKiller"])]
fn the_oom_killer_can_be_disabled() {
    needs::cgroup_v1("memory");
    for (disabled, shown) in [(true, "oom_kill_disable 1"), (false, "oom_kill_disable 0")] {
        let container = with("memory", json!({"limit": 67_108_864, "disableOOMKiller": disabled})).start();
        let control = container.settled().cgroup_value("memory.oom_control");
        assert!(control.contains(shown), "{control}");
    }
}

#[conformance::test(covers = ["/linux/resources/memory/useHierarchy"])]
fn accounting_is_hierarchical() {
    needs::path("/sys/fs/cgroup/memory/memory.use_hierarchy");
    shows(&with("memory", json!({"useHierarchy": true})).start(), &[("memory.use_hierarchy", "1")]);
}

/// "NOT RECOMMENDED": since Linux 5.16 the first is a file without effect, and no runtime of today writes the second. What
/// is to be seen is that a configuration of old still runs, and that its other limits hold.
#[conformance::test(covers = ["/linux/resources/memory/{kernel,kernelTCP}"])]
fn limits_of_kernel_memory_are_left_out() {
    needs::cgroup_v1("memory");
    let limits = json!({"limit": 67_108_864, "kernel": 33_554_432, "kernelTCP": 33_554_432});
    let container = with("memory", limits).start();
    shows(&container, &[("memory.limit_in_bytes", "67108864")]);
    for file in ["memory.kmem.limit_in_bytes", "memory.kmem.tcp.limit_in_bytes"] {
        needs::path(&format!("/sys/fs/cgroup/memory/{file}"));
        assert!(container.settled().cgroup_value(file).parse::<u64>().unwrap() > 1 << 60, "{file}");
    }
}

/// The directory of the container's cgroup from the root of the hierarchy, of v1's cpu or of v2.
fn place(container: &Container) -> String {
    let v2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let (controller, root) = if v2 { ("", "/sys/fs/cgroup") } else { ("cpu", "/sys/fs/cgroup/cpu") };
    container.settled().cgroup(controller).strip_prefix(root).unwrap().display().to_string()
}

#[conformance::test(covers = ["/linux/cgroupsPath", "linux.cgroups-path-relative"])]
fn a_relative_cgroups_path_is_below_a_place_of_the_runtimes() {
    let bundle = Bundle::new();
    let path = format!("{}-group", bundle.id);
    let container = bundle.set("/linux/cgroupsPath", path.clone()).start();
    assert!(place(&container).ends_with(&path), "{}", place(&container));
}

#[conformance::test(covers = ["/linux/cgroupsPath", "linux.cgroups-path-absolute"])]
fn an_absolute_cgroups_path_is_from_the_root() {
    needs::root("a cgroup by its full name");
    let bundle = Bundle::new();
    let path = format!("/{}-group/inner", bundle.id);
    let container = bundle.set("/linux/cgroupsPath", path.clone()).start();
    assert_eq!(format!("/{}", place(&container)), path);
}

#[conformance::test(covers = ["/linux/resources/memory/limit"])]
fn a_limit_too_low_for_a_hook_is_named() {
    needs::runtime(&["orlop"]);
    needs::cgroup_v1("memory");
    let hooks =
        json!([{"path": "/bin/sh", "args": ["sh", "-c", "head -c 9000000 /dev/zero | tail -c 9000000 | wc -c"]}]);
    let bundle = Bundle::new().set("/hooks/createContainer", hooks);
    let bundle = bundle.set("/linux/resources/memory", json!({"limit": 1, "swap": 1}));
    bundle.refused().says("out of memory").names("/linux/resources/memory/limit");
}

/// On v2 the first process is born in the cgroup: with next to nothing it is not executed, with little more it is killed.
#[conformance::test(covers = ["/linux/resources/memory/limit"])]
fn a_limit_too_low_to_begin_with_is_named() {
    needs::runtime(&["orlop", "runc"]);
    needs::cgroup_v2(&["memory"]);
    for limit in [4096, 65_536] {
        let bundle = Bundle::new().set("/linux/resources/memory", json!({"limit": limit, "swap": limit}));
        // The kernel's answer, or why init was killed.
        let words = if Runtime::is_orlop() { ["cannot allocate memory", "out of memory"] } else { ["OOM-killed"; 2] };
        let refusal = bundle.refused().names("/linux/resources/memory/limit");
        assert!(words.iter().any(|words| refusal.stderr.contains(words)), "{}", refusal.stderr);
    }
}
