//! `linux.resources` and `linux.cgroupsPath` on cgroup v1, read from the host.

use std::fs;

use conformance::{Bundle, Container, Value, json, needs, rootless};

fn limited(controller: &str, resources: Value) -> Container {
    needs::cgroup_v1(controller);
    Bundle::new().set(&format!("/linux/resources/{controller}"), resources).start()
}

#[track_caller]
fn shows(container: &Container, files: &[(&str, &str)]) {
    for (file, expected) in files {
        assert_eq!(container.settled().cgroup_value(file), *expected, "{file}");
    }
}

#[conformance::test(covers = ["linux.cgroup-is-entered"])]
fn every_hierarchy_has_the_container_in_its_own_cgroup() {
    needs::cgroup_v1("memory");
    let container = Bundle::new().start();
    for controller in ["memory", "cpu", "cpuset", "pids", "devices", "blkio", "freezer"] {
        let path = container.settled().cgroup(controller);
        assert!(path.ends_with(container.id()), "{}", path.display());
    }
}

#[conformance::test(covers = ["/linux/cgroupsPath", "linux.cgroups-path-absolute"])]
fn an_absolute_cgroups_path_is_below_the_root_of_the_hierarchy() {
    needs::cgroup_v1("cpu");
    let bundle = Bundle::new();
    let path = format!("/{}-group/inner", bundle.id);
    let container = bundle.set("/linux/cgroupsPath", path.clone()).start();
    let cgroup = container.settled().cgroup("cpu");
    assert_eq!(cgroup.to_str().unwrap(), format!("/sys/fs/cgroup/cpu{path}"));
}

#[conformance::test(covers = ["/linux/resources/memory/{limit,reservation}"])]
fn memory_limits_are_set() {
    let limits = json!({"limit": 67_108_864, "reservation": 33_554_432, "swap": 134_217_728});
    let container = limited("memory", limits);
    shows(&container, &[("memory.limit_in_bytes", "67108864"), ("memory.soft_limit_in_bytes", "33554432")]);
}

#[conformance::test]
fn a_memory_limit_without_bound_is_no_limit() {
    let container = limited("memory", json!({"limit": -1}));
    assert!(container.settled().cgroup_value("memory.limit_in_bytes").parse::<u64>().unwrap() > 1 << 60);
}

#[conformance::test(covers = ["/linux/resources/memory/swappiness"])]
fn swappiness_is_set() {
    shows(&limited("memory", json!({"swappiness": 10})), &[("memory.swappiness", "10")]);
}

#[conformance::test(covers = ["/linux/resources/memory/limit"])]
fn the_memory_limit_holds() {
    needs::cgroup_v1("memory");
    let bundle = Bundle::sh("dd if=/dev/zero of=/dev/shm/fill bs=1M count=60")
        .set("/linux/resources/memory", json!({"limit": 16_777_216}));
    let outcome = bundle.run();
    assert_ne!(outcome.code, 0, "60 MB fit into 16: {}", outcome.stderr);
}

#[conformance::test(covers = ["/linux/resources/cpu/{shares,quota,period}"])]
fn cpu_shares_quota_and_period_are_set() {
    let container = limited("cpu", json!({"shares": 512, "quota": 20_000, "period": 50_000}));
    shows(&container, &[("cpu.shares", "512"), ("cpu.cfs_quota_us", "20000"), ("cpu.cfs_period_us", "50000")]);
}

#[conformance::test(covers = ["/linux/resources/cpu/{cpus,mems}"])]
fn cpus_and_mems_are_set() {
    needs::cgroup_v1("cpuset");
    let container = Bundle::new().set("/linux/resources/cpu", json!({"cpus": "0", "mems": "0"})).start();
    shows(&container, &[("cpuset.cpus", "0"), ("cpuset.mems", "0")]);
    assert_eq!(container.settled().status("Cpus_allowed_list").unwrap(), "0");
}

#[conformance::test]
fn the_cpuset_is_the_parents_unless_asked_for() {
    needs::cgroup_v1("cpuset");
    let container = Bundle::new().start();
    assert!(!container.settled().cgroup_value("cpuset.cpus").is_empty());
    assert!(!container.settled().cgroup_value("cpuset.mems").is_empty());
}

#[conformance::test(covers = ["/linux/resources/pids/limit"])]
fn the_number_of_processes_is_limited() {
    let container = limited("pids", json!({"limit": 20}));
    shows(&container, &[("pids.max", "20")]);
}

#[conformance::test(covers = ["/linux/resources/pids/limit"])]
fn the_limit_of_processes_holds() {
    needs::cgroup_v1("pids");
    let script = "for n in 1 2 3 4 5 6 7 8 9; do sleep 100 & done; echo all";
    let outcome = Bundle::sh(script).set("/linux/resources/pids", json!({"limit": 4})).run();
    assert!(!outcome.stdout.contains("all"), "{}", outcome.stdout);
}

#[conformance::test(covers = [
    "/linux/resources/blockIO/{throttleReadBpsDevice,throttleWriteIOPSDevice}/*/{major,minor,rate}",
])]
fn block_io_is_throttled() {
    needs::cgroup_v1("blkio");
    let rate = |rate: u64| json!([{"major": 254, "minor": 0, "rate": rate}]);
    needs::path("/sys/dev/block/254:0");
    let io = json!({"throttleReadBpsDevice": rate(1_048_576), "throttleWriteIOPSDevice": rate(500)});
    let container = Bundle::new().set("/linux/resources/blockIO", io).start();
    shows(
        &container,
        &[("blkio.throttle.read_bps_device", "254:0 1048576"), ("blkio.throttle.write_iops_device", "254:0 500")],
    );
}

#[conformance::test]
fn no_device_is_open_but_the_default_ones() {
    needs::cgroup_v1("devices");
    let list = Bundle::new().start().settled().cgroup_value("devices.list");
    let mut lines: Vec<&str> = list.lines().collect();
    lines.sort_unstable();
    assert!(!lines.contains(&"a *:* rwm"), "{list}");
    for device in
        ["c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"]
    {
        assert!(lines.contains(&device), "{device} in {list}");
    }
}

#[conformance::test(covers = ["/linux/resources/devices/*/{major,minor,access}"])]
fn a_device_rule_is_kept() {
    needs::cgroup_v1("devices");
    let rules = json!([
        {"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"},
    ]);
    let list = Bundle::new().set("/linux/resources/devices", rules).start().settled().cgroup_value("devices.list");
    // Every node may be made, by `c *:* m`: a runtime may fold that into the rule.
    assert!(list.lines().any(|line| line.starts_with("c 10:229 rw")), "{list}");
}

#[conformance::test(covers = [
    "/linux/resources/devices/*/{allow,type,major,minor,access}",
    "/linux/resources/devices/*/access=r",
    "/linux/resources/devices/*/type=c",
])]
fn a_device_that_is_not_allowed_cannot_be_opened() {
    needs::cgroup_v1("devices");
    needs::path("/dev/fuse");
    // /dev/fuse: without rules of devices any root may open it.
    let device = json!([{"path": "/dev/extra", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]);
    let bundle = Bundle::sh(": < /dev/extra && echo opened").set("/linux/devices", device);
    bundle.run().fails().says("operation not permitted");
    let rule = json!({"allow": true, "type": "c", "major": 10, "minor": 229, "access": "r"});
    let bundle = bundle.set("/linux/resources/devices/-", rule);
    bundle.run().succeeds().prints("opened");
}

#[conformance::test]
fn exec_is_born_in_the_same_cgroups() {
    needs::cgroup_v1("memory");
    let container = Bundle::new().start();
    let inner = container.sh("cat /proc/self/cgroup").succeeds().stdout;
    let first = container.settled().read("cgroup");
    // A cgroup2 hierarchy a runtime does not manage may differ.
    let v1 = |text: &str| text.lines().filter(|line| !line.starts_with("0::")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(v1(&inner), v1(&first));
}

#[conformance::test]
fn exec_is_born_in_a_cgroup_below_for_each_controller_that_is_named() {
    needs::runtime(&["orlop", "runc"]);
    needs::cgroup_v1("memory");
    let container = Bundle::new().start();
    let own = |controller| container.settled().cgroup(controller);
    fs::create_dir(own("memory").join("a")).unwrap();
    fs::create_dir(own("pids").join("b")).unwrap();
    let script = r#"cut -d: -f2- /proc/self/cgroup | grep -E "^(memory|pids|freezer):" | sort"#;
    let inner = |flags: &[&str]| container.exec_with(flags, ["sh", "-c", script]);
    let path = |controller| {
        own(controller).strip_prefix(format!("/sys/fs/cgroup/{controller}")).unwrap().display().to_string()
    };
    let lines = format!("freezer:/{}\nmemory:/{}/a\npids:/{}/b", path("freezer"), path("memory"), path("pids"));
    inner(&["--cgroup", "memory:/a", "--cgroup", "pids:b"]).succeeds().prints(&lines);
    for wrong in
        [["memory:/a", "b"], ["memory:/a", "pids:/none"], ["memory:/a", "nonesuch:/b"], ["memory:/a", "pids:/.."]]
    {
        let flags = ["--cgroup", wrong[0], "--cgroup", wrong[1]];
        inner(&flags).exits(255).names(wrong[1]);
    }
}

/// The controller may be in either version: here it is in the v2 hierarchy beside v1.
#[conformance::test(covers = ["/linux/resources/hugepageLimits/*/{pageSize,limit}"])]
fn huge_pages_are_limited() {
    if rootless::here() {
        needs::cgroup_v2(&["hugetlb"]);
    }
    let limit = json!([{"pageSize": "2MB", "limit": 4_194_304}]);
    let container = Bundle::new().set("/linux/resources/hugepageLimits", limit).start();
    let memberships = container.process().read("cgroup");
    let unified = memberships.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let homes = [
        (format!("/sys/fs/cgroup/hugetlb/{}", container.id()), "hugetlb.2MB.limit_in_bytes"),
        (format!("/sys/fs/cgroup/unified{unified}"), "hugetlb.2MB.max"),
        (format!("/sys/fs/cgroup{unified}"), "hugetlb.2MB.max"),
    ];
    let value =
        homes.iter().find_map(|(home, file)| std::fs::read_to_string(std::path::Path::new(home).join(file)).ok());
    assert_eq!(value.as_deref().map(str::trim), Some("4194304"));
}
