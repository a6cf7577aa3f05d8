//! How the kernel treats the process: its scheduler, I/O priority, personality, memory policy and the CPU affinity of exec.

use std::process::Command;

use conformance::observe::Process;
use conformance::{Bundle, Container, Value, json, needs, rootless};

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
    needs::root("a nice value below zero");
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
    needs::root("deadlines");
    let times = json!({"policy": "SCHED_DEADLINE", "runtime": 2_000_000, "deadline": 10_000_000, "period": 20_000_000});
    let container = Bundle::new().set("/process/scheduler", times).start();
    assert_eq!(scheduled(container.settled())[2], 6);
    let shown = said("chrt", &container);
    assert!(shown.contains("parameters: 2000000/10000000/20000000"), "{shown}");
}

#[conformance::test(covers = ["/process/scheduler/priority", "/process/scheduler/policy=SCHED_FIFO"])]
fn a_real_time_policy_has_its_priority() {
    needs::root("real-time");
    let mut bundle = Bundle::new().set("/process/scheduler", json!({"policy": "SCHED_FIFO", "priority": 12}));
    // With CONFIG_RT_GROUP_SCHED only a v1 cgroup that was given real-time may have such a process.
    if std::path::Path::new("/sys/fs/cgroup/cpu/cpu.rt_runtime_us").exists() {
        let times = json!({"realtimePeriod": 1_000_000, "realtimeRuntime": 10_000});
        bundle = bundle.set("/linux/resources/cpu", times);
    }
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
        // A user has no real-time to give.
        if rootless::here() && class == "RT" {
            continue;
        }
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

#[conformance::test(covers = ["/process/scheduler/nice", "/process/ioPriority/class=IOPRIO_CLASS_RT"])]
fn what_needs_privilege_on_the_host_is_set_in_a_user_namespace() {
    needs::root("a nice value below zero");
    let ids = || json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    let bundle = Bundle::new().namespace("user").set("/linux/uidMappings", ids()).set("/linux/gidMappings", ids());
    let bundle = bundle.set("/process/scheduler", json!({"policy": "SCHED_OTHER", "nice": -7}));
    let container = bundle.set("/process/ioPriority", json!({"class": "IOPRIO_CLASS_RT", "priority": 3})).start();
    assert_eq!(scheduled(container.settled()), [-7, 0, 0]);
    assert_eq!(said("ionice", &container).trim(), "realtime: prio 3");
    container.sh("cut -d ' ' -f 19 /proc/self/stat").succeeds().prints("-7");
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

/// The runtime is called in the other personality, which a container without one of its own inherits.
#[conformance::test(covers = ["/linux/personality/domain=LINUX"])]
fn the_personality_may_be_that_of_linux() {
    needs::path("/usr/bin/setarch");
    let mut bundle = Bundle::sh("uname -m");
    bundle.runtime.call_through(["setarch", "linux32"]);
    bundle.run().succeeds().prints(machine_of_32_bits());
    let bundle = bundle.set("/linux/personality", json!({"domain": "LINUX"}));
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
    Bundle::new().set("/linux/memoryPolicy", policy).never_starts().names("/linux/memoryPolicy");
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

/// What strace(1) sees of some system calls while the runtime is called with these words.
fn traced(bundle: &Bundle, calls: &str, words: &[&str]) -> String {
    needs::path("/usr/bin/strace");
    let trace = bundle.path().join("strace");
    let inner = bundle.runtime.command(words);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", &format!("trace={calls}"), "-o"]).arg(&trace);
    strace.arg(inner.get_program()).args(inner.get_args());
    bundle.runtime.spawn(strace).wait();
    std::fs::read_to_string(trace).unwrap()
}

/// What the kernel is asked for when a process enters a container with this `execCPUAffinity`: masks, in their order.
fn masks(affinity: Value) -> Vec<String> {
    let container = Bundle::new().set("/process/execCPUAffinity", affinity).start();
    let calls = traced(&container.bundle, "sched_setaffinity", &["exec", container.id(), "true"]);
    let taken = calls.lines().filter(|line| line.ends_with("= 0"));
    let masks = taken.filter_map(|line| line.split_once('[')?.1.split_once(']'));
    masks.map(|(mask, _)| mask.to_owned()).collect()
}

#[conformance::test(covers = ["/process/execCPUAffinity/initial"])]
fn the_initial_processors_are_left_in_the_cgroup() {
    let own = Process::myself().status("Cpus_allowed_list").unwrap();
    let affinity = json!({"initial": last_processor()});
    assert_eq!(masks(affinity.clone()).first(), Some(&last_processor()));
    let container = Bundle::new().set("/process/execCPUAffinity", affinity).start();
    container.sh(PROCESSORS).succeeds().prints(&own);
}

#[conformance::test]
fn exec_on_processors_that_are_not_there() {
    for key in ["initial", "final"] {
        let container = Bundle::new().set("/process/execCPUAffinity", json!({key: "8000"})).start();
        container.exec(["true"]).fails().names(&format!("[process/execCPUAffinity/{key}]"));
    }
}

/// A machine of fewer drops what lies above, as if the runtime had: what it asks for is seen of the call alone.
#[conformance::test(covers = ["/process/execCPUAffinity/final"])]
fn processors_above_1024_may_be_named() {
    let affinity = json!({"final": format!("{},1500-1600", last_processor())});
    // strace shows 1,024 of them, and that there are more.
    let asked = masks(affinity.clone());
    assert!(asked.contains(&format!("{} ...", last_processor())), "{asked:?}");
    let container = Bundle::new().set("/process/execCPUAffinity", affinity).start();
    container.sh(PROCESSORS).succeeds().prints(&last_processor());
}

#[conformance::test(covers = ["/process/scheduler/policy=SCHED_RR"])]
fn real_time_may_be_shared_in_turns() {
    needs::cgroup_v1("cpu");
    let bundle = Bundle::new().set("/process/scheduler", json!({"policy": "SCHED_RR", "priority": 4}));
    let bundle = bundle.set("/linux/resources/cpu", json!({"realtimePeriod": 1_000_000, "realtimeRuntime": 10_000}));
    assert_eq!(scheduled(bundle.start().settled())[1..], [4, 2]);
}

#[conformance::test(covers = ["/process/scheduler/policy=SCHED_ISO"])]
fn a_policy_that_linux_only_reserves_is_refused() {
    let iso = json!({"policy": "SCHED_ISO"});
    Bundle::new().set("/process/scheduler", iso).never_starts().names("/process/scheduler/policy");
}

#[conformance::test(covers = ["/process/scheduler/flags=SCHED_FLAG_RESET_ON_FORK"])]
fn children_may_begin_without_the_nice_value() {
    needs::root("a nice value below zero");
    let reset = json!({"policy": "SCHED_BATCH", "nice": -3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]});
    let bundle = Bundle::sh("sh -c 'cut -d \" \" -f 19,41 /proc/self/stat; true'; sleep 1000");
    let container = bundle.set("/process/scheduler", reset).start();
    // A batch policy is no real-time one, and stays.
    container.eventually_prints("0 3");
    assert_eq!(scheduled(container.settled()), [-3, 0, 3]);
}

#[conformance::test(covers = ["/process/scheduler/flags=SCHED_FLAG_{KEEP_POLICY,KEEP_PARAMS}"])]
fn policy_and_parameters_may_be_kept() {
    let kept = |flags: &[&str]| {
        let scheduler = json!({"policy": "SCHED_BATCH", "nice": 9, "flags": flags});
        let [nice, _, policy] = scheduled(Bundle::new().set("/process/scheduler", scheduler).start().settled());
        (nice, policy)
    };
    let own = scheduled(Process::myself());
    assert_eq!(kept(&[]), (9, 3));
    assert_eq!(kept(&["SCHED_FLAG_KEEP_POLICY"]).1, own[2]);
    assert_eq!(kept(&["SCHED_FLAG_KEEP_PARAMS"]).0, own[0]);
}

/// The call that sets the scheduler.
fn asked_of_the_kernel(scheduler: Value) -> String {
    let bundle = Bundle::sh("true").set("/process/scheduler", scheduler);
    let path = bundle.write().path().to_string_lossy().into_owned();
    traced(&bundle, "sched_setattr", &["run", "--bundle", &path, &bundle.id])
}

#[conformance::test(covers = ["/process/scheduler/flags=SCHED_FLAG_{RECLAIM,DL_OVERRUN}"])]
fn flags_of_a_deadline_reach_the_kernel() {
    needs::root("deadlines");
    for flag in ["SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN"] {
        let deadline = json!({"policy": "SCHED_DEADLINE", "runtime": 2_000_000, "deadline": 10_000_000,
            "period": 10_000_000, "flags": [flag]});
        let calls = asked_of_the_kernel(deadline);
        assert!(calls.lines().any(|line| line.contains(flag) && line.contains("= 0")), "{flag}: {calls}");
    }
}

/// The specification has the flags, and no value for them: the kernel is asked, and without CONFIG_UCLAMP_TASK it says no.
#[conformance::test(covers = ["/process/scheduler/flags=SCHED_FLAG_UTIL_CLAMP_{MIN,MAX}"])]
fn flags_of_utilisation_reach_the_kernel() {
    needs::root("tracing what maps ids");
    for flag in ["SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX"] {
        let calls = asked_of_the_kernel(json!({"policy": "SCHED_OTHER", "flags": [flag]}));
        let answered = |line: &str| line.contains("= 0") || line.contains("EOPNOTSUPP");
        assert!(calls.lines().any(|line| line.contains(flag) && answered(line)), "{flag}: {calls}");
    }
}

#[conformance::test(covers = ["/linux/memoryPolicy/flags=MPOL_F_{NUMA_BALANCING,RELATIVE_NODES}"])]
fn flags_of_a_memory_policy_are_set() {
    needs::path("/proc/self/numa_maps");
    for (flag, shown) in [("MPOL_F_NUMA_BALANCING", "bind=balancing:0"), ("MPOL_F_RELATIVE_NODES", "bind=relative:0")] {
        let policy = json!({"mode": "MPOL_BIND", "nodes": "0", "flags": [flag]});
        let container = Bundle::new().set("/linux/memoryPolicy", policy).start();
        let seen = policies(container.settled());
        assert!(!seen.is_empty() && seen.iter().all(|policy| policy == shown), "{shown}: {seen:?}");
    }
}

#[conformance::test(covers = ["/linux/memoryPolicy/mode=MPOL_{PREFERRED_MANY,WEIGHTED_INTERLEAVE}"])]
fn the_newer_memory_policies_are_set() {
    needs::path("/proc/self/numa_maps");
    needs::linux(6, 9);
    for (mode, shown) in
        [("MPOL_PREFERRED_MANY", "prefer (many):0"), ("MPOL_WEIGHTED_INTERLEAVE", "weighted interleave:0")]
    {
        let container = Bundle::new().set("/linux/memoryPolicy", json!({"mode": mode, "nodes": "0"})).start();
        let maps = container.settled().read("numa_maps");
        assert!(!maps.is_empty() && maps.lines().all(|line| line.contains(shown)), "{shown}: {maps}");
    }
}

#[conformance::test(covers = ["/linux/personality/flags"])]
fn a_flag_of_a_personality_is_refused() {
    let personality = json!({"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]});
    Bundle::new().set("/linux/personality", personality).refused().names("/linux/personality/flags/0");
}
