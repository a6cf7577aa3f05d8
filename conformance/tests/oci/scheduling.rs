//! How the kernel treats the process: its scheduler, I/O priority, personality, memory policy and the CPU affinity of exec.

use std::process::Command;

use conformance::observe::Process;
use conformance::{Bundle, Container, json, needs};

/// Fields 19, 40 and 41 of proc_pid_stat(5): nice value, real-time priority, policy.
fn scheduled(process: Process) -> [i64; 3] {
    let stat = process.read("stat");
    let (_, behind_name) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<_> = behind_name.split(' ').collect();
    [19, 40, 41].map(|field| fields[field - 3].parse().unwrap())
}

/// What a tool of util-linux says about the container's process.
fn said(tool: &str, container: &Container) -> String {
    needs::path(&format!("/usr/bin/{tool}"));
    let pid = container.state()["pid"].to_string();
    let output = Command::new(tool).args(["-p", &pid]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[conformance::test(covers = ["/process/scheduler/nice", "/process/scheduler/policy=SCHED_BATCH"])]
fn a_policy_has_its_nice_value() {
    let container = Bundle::new().set("/process/scheduler", json!({"policy": "SCHED_BATCH", "nice": 5})).start();
    assert_eq!(scheduled(container.settled()), [5, 0, 3]);
}

#[conformance::test(covers = ["/process/scheduler/nice", "/process/scheduler/policy=SCHED_OTHER"])]
fn a_nice_value_may_be_below_zero() {
    let container = Bundle::new().set("/process/scheduler", json!({"policy": "SCHED_OTHER", "nice": -7})).start();
    assert_eq!(scheduled(container.settled()), [-7, 0, 0]);
}

#[conformance::test(covers = ["/process/scheduler/policy=SCHED_IDLE"])]
fn the_scheduler_may_be_the_idle_one() {
    let container = Bundle::new().set("/process/scheduler", json!({"policy": "SCHED_IDLE"})).start();
    assert_eq!(scheduled(container.settled()), [0, 0, 5]);
}

#[conformance::test(covers = [
    "/process/scheduler/{runtime,deadline,period}",
    "/process/scheduler/policy=SCHED_DEADLINE",
])]
fn a_deadline_has_its_times() {
    let times = json!({"policy": "SCHED_DEADLINE", "runtime": 2_000_000, "deadline": 10_000_000, "period": 20_000_000});
    let container = Bundle::new().set("/process/scheduler", times).start();
    assert_eq!(scheduled(container.settled())[2], 6);
    let shown = said("chrt", &container);
    assert!(shown.contains("parameters: 2000000/10000000/20000000"), "{shown}");
}

#[conformance::test(covers = ["/process/scheduler/priority", "/process/scheduler/policy=SCHED_FIFO"])]
fn a_real_time_policy_has_its_priority() {
    // With CONFIG_RT_GROUP_SCHED only a cgroup that was given real-time may have such a process.
    needs::cgroup_v1("cpu");
    let bundle = Bundle::new().set("/process/scheduler", json!({"policy": "SCHED_FIFO", "priority": 12}));
    let bundle = bundle.set("/linux/resources/cpu", json!({"realtimePeriod": 1_000_000, "realtimeRuntime": 10_000}));
    assert_eq!(scheduled(bundle.start().settled())[1..], [12, 1]);
}

#[conformance::test]
fn exec_has_the_scheduler_of_the_config() {
    let container = Bundle::new().set("/process/scheduler", json!({"policy": "SCHED_BATCH", "nice": 3})).start();
    container.sh("cut -d ' ' -f 19,41 /proc/self/stat").succeeds().prints("3 3");
}

#[conformance::test(covers = ["/process/ioPriority/priority", "/process/ioPriority/class=IOPRIO_CLASS_{RT,BE,IDLE}"])]
fn the_io_priority_is_set() {
    for (class, priority, shown) in
        [("RT", 3, "realtime: prio 3"), ("BE", 6, "best-effort: prio 6"), ("IDLE", 0, "idle")]
    {
        let value = json!({"class": format!("IOPRIO_CLASS_{class}"), "priority": priority});
        let container = Bundle::new().set("/process/ioPriority", value).start();
        assert_eq!(said("ionice", &container).trim(), shown);
    }
}

#[conformance::test]
fn exec_has_the_io_priority_of_the_config() {
    let value = json!({"class": "IOPRIO_CLASS_BE", "priority": 2});
    let container = Bundle::new().set("/process/ioPriority", value).start();
    container.exec(["busybox", "ionice"]).succeeds().prints("best-effort: prio 2");
}

/// What `uname -m` says in a 32-bit personality here.
fn machine_of_32_bits() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "i686",
        _ => "armv8l",
    }
}

#[conformance::test(covers = ["/linux/personality/domain=LINUX32"])]
fn the_personality_is_of_32_bits() {
    let bundle = Bundle::sh("uname -m").set("/linux/personality", json!({"domain": "LINUX32"}));
    bundle.run().succeeds().prints(machine_of_32_bits());
}

#[conformance::test(covers = ["/linux/personality/domain=LINUX"])]
fn the_personality_may_be_that_of_linux() {
    let bundle = Bundle::sh("uname -m").set("/linux/personality", json!({"domain": "LINUX"}));
    bundle.run().succeeds().prints(std::env::consts::ARCH);
}

#[conformance::test]
fn exec_has_the_personality_of_the_container() {
    let container = Bundle::new().set("/linux/personality", json!({"domain": "LINUX32"})).start();
    container.sh("uname -m").succeeds().prints(machine_of_32_bits());
}

/// The policies of the process's mappings: the second word of each line of numa_maps(5).
fn policies(process: Process) -> Vec<String> {
    let maps = process.read("numa_maps");
    maps.lines().filter_map(|line| line.split(' ').nth(1)).map(str::to_owned).collect()
}

#[conformance::test(covers = [
    "/linux/memoryPolicy/nodes",
    "/linux/memoryPolicy/mode=MPOL_{BIND,INTERLEAVE,PREFERRED,LOCAL,DEFAULT}",
    "/linux/memoryPolicy/flags=MPOL_F_STATIC_NODES",
])]
fn the_memory_policy_is_set() {
    needs::path("/proc/self/numa_maps");
    for (policy, shown) in [
        (json!({"mode": "MPOL_BIND", "nodes": "0"}), "bind:0"),
        (json!({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}), "bind=static:0"),
        (json!({"mode": "MPOL_INTERLEAVE", "nodes": "0-0"}), "interleave:0"),
        (json!({"mode": "MPOL_PREFERRED", "nodes": ""}), "local"),
        (json!({"mode": "MPOL_LOCAL"}), "local"),
        (json!({"mode": "MPOL_DEFAULT"}), "default"),
    ] {
        let container = Bundle::new().set("/linux/memoryPolicy", policy).start();
        let seen = policies(container.settled());
        assert!(!seen.is_empty() && seen.iter().all(|policy| policy == shown), "{shown}: {seen:?}");
    }
}

#[conformance::test]
fn exec_has_the_memory_policy_of_the_container() {
    needs::path("/proc/self/numa_maps");
    let policy = json!({"mode": "MPOL_BIND", "nodes": "0"});
    let container = Bundle::new().set("/linux/memoryPolicy", policy).start();
    container.sh("cut -d ' ' -f 2 /proc/self/numa_maps | sort -u").succeeds().prints("bind:0");
}

#[conformance::test]
fn memory_on_a_node_that_is_not_there() {
    needs::path("/proc/self/numa_maps");
    let policy = json!({"mode": "MPOL_BIND", "nodes": "900"});
    Bundle::new().set("/linux/memoryPolicy", policy).never_starts();
}

/// The processors this test may run on, of which it takes the last: needs at least two.
fn last_processor() -> String {
    let own = Process::myself().status("Cpus_allowed_list").unwrap();
    own.rsplit([',', '-']).next().unwrap().to_owned()
}

const PROCESSORS: &str = "grep Cpus_allowed_list: /proc/self/status | cut -f 2";

#[conformance::test(covers = ["/process/execCPUAffinity/final"])]
fn exec_ends_on_the_final_processors() {
    let affinity = json!({"initial": "0", "final": last_processor()});
    let container = Bundle::new().set("/process/execCPUAffinity", affinity).start();
    container.sh(PROCESSORS).succeeds().prints(&last_processor());
}

#[conformance::test]
fn the_affinity_of_exec_is_not_the_containers() {
    let own = Process::myself().status("Cpus_allowed_list");
    let container = Bundle::new().set("/process/execCPUAffinity", json!({"final": last_processor()})).start();
    assert_eq!(container.settled().status("Cpus_allowed_list"), own);
}

#[conformance::test(covers = ["/process/execCPUAffinity/initial"])]
fn the_initial_processors_are_left_in_the_cgroup() {
    let own = Process::myself().status("Cpus_allowed_list").unwrap();
    let container = Bundle::new().set("/process/execCPUAffinity", json!({"initial": last_processor()})).start();
    container.sh(PROCESSORS).succeeds().prints(&own);
}

#[conformance::test]
fn exec_on_processors_that_are_not_there() {
    for key in ["initial", "final"] {
        let container = Bundle::new().set("/process/execCPUAffinity", json!({key: "8000"})).start();
        container.exec(["true"]).fails().names(&format!("/process/execCPUAffinity/{key}"));
    }
}

#[conformance::test(covers = ["/process/execCPUAffinity/final"])]
fn processors_above_1024_may_be_named() {
    let affinity = json!({"final": format!("{},1500-1600", last_processor())});
    let container = Bundle::new().set("/process/execCPUAffinity", affinity).start();
    container.sh(PROCESSORS).succeeds().prints(&last_processor());
}
