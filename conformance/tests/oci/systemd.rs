//! `--systemd-cgroup`: the container's cgroup is a scope that systemd made, read from systemd and from the kernel.
//!
//! A user's systemd is the one of their session.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use conformance::{Bundle, Container, Runtime, eventually, json, leaks, needs, rootless};

use super::cgroup_v2;

/// A bundle whose cgroup systemd makes: `test-ID.scope`, in a slice of tests.
fn bundle() -> Bundle {
    needs::systemd();
    let bundle = Bundle::new().flag("--systemd-cgroup");
    let path = format!("conformance-tests.slice:test:{}", bundle.id);
    bundle.set("/linux/cgroupsPath", path)
}

fn unit(bundle: &Bundle) -> String {
    format!("test-{}.scope", bundle.id)
}

/// Which systemd this is about.
fn whose() -> &'static str {
    if rootless::here() { "--user" } else { "--system" }
}

fn systemctl(args: &[&str]) -> String {
    let output = Command::new("systemctl").arg(whose()).args(args).output().expect("systemctl");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A property of the unit, as systemd shows it.
fn property(unit: &str, name: &str) -> String {
    systemctl(&["show", "--value", "--property", name, unit])
}

#[track_caller]
fn properties(container: &Container, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(property(&unit(&container.bundle), name), *value, "{name}");
    }
}

#[track_caller]
fn files(container: &Container, expected: &[(&str, &str)]) {
    for (file, value) in expected {
        assert_eq!(container.settled().cgroup_value(file), *value, "{file}");
    }
}

/// No unit of this name is loaded any more.
#[track_caller]
fn no_unit(unit: &str) {
    let gone = || systemctl(&["list-units", "--all", "--plain", "--no-legend", unit]).is_empty();
    assert!(eventually(gone), "left behind: {}", systemctl(&["list-units", "--all", "--plain", "--no-legend", unit]));
}

#[track_caller]
fn delete(container: Container) {
    let unit = unit(&container.bundle);
    container.delete();
    no_unit(&unit);
}

#[conformance::test]
fn the_container_is_a_scope_in_its_slice() {
    let container = bundle().start();
    let above = systemctl(&["show", "--value", "--property", "ControlGroup"]);
    let place = format!("{above}/conformance.slice/conformance-tests.slice/{}", unit(&container.bundle));
    assert_eq!(container.settled().cgroup(""), Path::new("/sys/fs/cgroup").join(place.trim_start_matches('/')));
    properties(
        &container,
        &[
            ("ActiveState", "active"),
            ("Slice", "conformance-tests.slice"),
            ("Delegate", "yes"),
            ("ControlGroup", &place),
        ],
    );
    delete(container);
}

#[conformance::test]
fn the_usual_slice_is_systems() {
    let usual = if rootless::here() { "user.slice" } else { "system.slice" };
    let container = bundle();
    let path = format!(":test:{}", container.id);
    let container = container.set("/linux/cgroupsPath", path).start();
    properties(&container, &[("Slice", usual)]);
    delete(container);
    let container = bundle().without("/linux/cgroupsPath").start();
    let place: PathBuf = container.settled().cgroup("");
    let scope = place.file_name().unwrap().to_string_lossy().into_owned();
    assert!(scope.ends_with(&format!("-{}.scope", container.id())), "{scope}");
    assert_eq!(property(&scope, "Slice"), usual);
    container.delete();
    no_unit(&scope);
}

/// Every limit that has a property: as it is asked for, as systemd shows it, and its file.
fn limited() -> Bundle {
    bundle()
        .set("/linux/resources/memory", json!({"limit": 67_108_864, "reservation": 33_554_432, "swap": 134_217_728}))
        .set("/linux/resources/pids/limit", 20)
        .set(
            "/linux/resources/cpu",
            json!({"shares": 512, "quota": 20_000, "period": 50_000, "cpus": "0", "mems": "0"}),
        )
        .set("/linux/resources/unified", json!({"memory.high": "50331648"}))
}

const PROPERTIES: &[(&str, &str)] = &[
    ("MemoryMax", "67108864"),
    ("MemoryLow", "33554432"),
    ("MemorySwapMax", "67108864"),
    ("MemoryHigh", "50331648"),
    ("TasksMax", "20"),
    ("CPUQuotaPerSecUSec", "400ms"),
    ("CPUQuotaPeriodUSec", "50ms"),
    ("AllowedCPUs", "0"),
    ("AllowedMemoryNodes", "0"),
];

const FILES: &[(&str, &str)] = &[
    ("memory.max", "67108864"),
    ("memory.low", "33554432"),
    ("memory.swap.max", "67108864"),
    ("memory.high", "50331648"),
    ("pids.max", "20"),
    ("cpu.max", "20000 50000"),
    ("cpuset.cpus", "0"),
    ("cpuset.mems", "0"),
];

#[conformance::test]
fn limits_are_properties_of_the_unit_and_outlive_a_daemon_reload() {
    let container = limited().start();
    properties(&container, PROPERTIES);
    files(&container, FILES);
    let weight = container.settled().cgroup_value("cpu.weight");
    properties(&container, &[("CPUWeight", &weight)]);
    systemctl(&["daemon-reload"]);
    properties(&container, PROPERTIES);
    files(&container, FILES);
    assert_eq!(container.settled().cgroup_value("cpu.weight"), weight);
    delete(container);
}

#[conformance::test]
fn an_update_is_one_of_the_unit_too() {
    let container = limited().start();
    let after = [("TasksMax", "25"), ("MemoryMax", "83886080"), ("CPUQuotaPerSecUSec", "600ms")];
    container
        .call_with(
            &[
                "update",
                "--pids-limit",
                "25",
                "--memory",
                "83886080",
                "--memory-swap",
                "150994944",
                "--cpu-quota",
                "30000",
            ],
            &[],
        )
        .succeeds();
    let look = || {
        properties(&container, &after);
        files(&container, &[("pids.max", "25"), ("memory.max", "83886080"), ("cpu.max", "30000 50000")]);
    };
    look();
    systemctl(&["daemon-reload"]);
    look();
    delete(container);
}

#[conformance::test]
fn an_update_that_is_refused_is_none_of_the_unit_either() {
    let container = limited().start();
    let refused = container.call_with(&["update", "--pids-limit", "25", "--cpuset-cpus", "4095"], &[]).fails();
    refused.names("/cpu/cpus");
    properties(&container, PROPERTIES);
    files(&container, FILES);
    delete(container);
}

#[conformance::test]
fn device_rules_outlive_a_daemon_reload() {
    needs::root("rules for devices");
    needs::path("/dev/fuse");
    let device = json!([{"path": "/dev/extra", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]);
    let denying = bundle().set("/linux/devices", device);
    let rule = json!({"allow": true, "type": "c", "major": 10, "minor": 229, "access": "r"});
    let allowing = bundle().set("/linux/devices", denying.config["linux"]["devices"].clone());
    let allowing = allowing.set("/linux/resources/devices/-", rule);
    let (denying, allowing) = (denying.start(), allowing.start());
    let look = |when: &str| {
        denying.sh(": < /dev/extra").fails().says("operation not permitted");
        allowing.sh(": < /dev/extra").succeeds();
        assert_ne!(allowing.sh(": > /dev/extra").code, 0, "{when}: only reading is allowed");
        for container in [&denying, &allowing] {
            container.sh(": > /dev/null && : < /dev/urandom").succeeds();
        }
    };
    look("before");
    systemctl(&["daemon-reload"]);
    look("after");
    systemctl(&["set-property", "--runtime", &unit(&denying.bundle), "TasksMax=30"]);
    systemctl(&["daemon-reexec"]);
    look("after more of the kind");
    delete(denying);
    delete(allowing);
}

#[conformance::test]
fn annotations_are_properties_of_the_unit() {
    let container = bundle()
        .set("/annotations/org.systemd.property.TimeoutStopUSec", "uint64 12000000")
        .set("/annotations/org.systemd.property.CollectMode", "'inactive-or-failed'")
        .set("/annotations/org.systemd.property.After", "['basic.target']")
        .start();
    properties(&container, &[("TimeoutStopUSec", "12s"), ("CollectMode", "inactive-or-failed")]);
    assert!(property(&unit(&container.bundle), "After").contains("basic.target"));
    delete(container);
    let container = bundle().set("/annotations/org.systemd.property.TimeoutStopSec", "11").start();
    properties(&container, &[("TimeoutStopUSec", "11s")]);
    delete(container);
}

#[conformance::test]
fn an_annotation_that_is_no_value_of_a_property() {
    let key = "/annotations/org.systemd.property.TimeoutStopUSec";
    bundle().set(key, "'soon").refused().names(key);
}

#[conformance::test]
fn an_annotation_that_would_run_a_program_on_the_host() {
    needs::systemd();
    needs::runtime(&["orlop"]);
    for name in ["ExecStartPre", "BindPaths", "Wants", "DevicePolicy", "MemoryMax"] {
        let key = format!("/annotations/org.systemd.property.{name}");
        let refused = bundle().set(&key, "[('/bin/sh', ['sh', '-c', 'touch /tmp/owned'], false)]").refused();
        refused.names(&key).says("not for annotations");
    }
}

#[conformance::test]
fn a_path_that_names_no_scope() {
    for path in ["/a/b", "a.slice:b", "a.slice:b:c:d", "a:b:c", "a--b.slice:b:c", "a/b.slice:b:c", "a.slice:b:c d"] {
        bundle().set("/linux/cgroupsPath", path).refused().names("/linux/cgroupsPath");
    }
}

#[conformance::test]
fn the_unit_of_another_is_refused_and_not_harmed() {
    let bundle = bundle();
    let unit = unit(&bundle);
    let mut other = Command::new("systemd-run");
    let other = other.args([
        whose(),
        "--quiet",
        "--scope",
        "--unit",
        &unit,
        "--slice",
        "conformance-tests.slice",
        "sleep",
        "1000",
    ]);
    let mut other = other.spawn().expect("systemd-run");
    assert!(eventually(|| property(&unit, "ActiveState") == "active"));
    bundle.write();
    bundle.runtime.call(["create", "--bundle", &bundle.path().to_string_lossy(), &bundle.id]).fails();
    assert_eq!((property(&unit, "ActiveState"), other.try_wait().unwrap()), ("active".to_owned(), None));
    other.kill().unwrap();
    other.wait().unwrap();
    no_unit(&unit);
    leaks::nothing_left(&bundle);
}

#[conformance::test]
fn exec_is_in_the_scope() {
    let container = bundle().start();
    container.sh("cat /proc/self/cgroup").succeeds().prints(container.settled().read("cgroup").trim());
    delete(container);
}

#[conformance::test]
fn root_of_a_user_namespace_owns_what_may_be_delegated_of_the_scope() {
    delete(cgroup_v2::is_handed_over(bundle()));
}

#[conformance::test]
fn it_is_paused_resumed_and_killed() {
    let container = bundle().start();
    container.call("pause").succeeds();
    assert_eq!(
        (container.status().as_str(), container.settled().cgroup_value("cgroup.freeze").as_str()),
        ("paused", "1")
    );
    container.call("resume").succeeds();
    assert_eq!(container.status(), "running");
    container.kill("KILL");
    assert_eq!(container.wait(), 137);
    delete(container);
}

#[conformance::test]
fn later_commands_need_no_flag() {
    let container = bundle().start();
    let plain = Runtime::at(container.bundle.path());
    let id = container.id();
    plain.call(["exec", id, "true"]).succeeds();
    plain.call(["pause", id]).succeeds();
    plain.call(["resume", id]).succeeds();
    plain.call(["delete", "--force", id]).succeeds();
    no_unit(&unit(&container.bundle));
    leaks::nothing_left(&container.bundle);
}

#[conformance::test]
fn one_that_ends_by_itself_leaves_no_unit() {
    let container = bundle().args(["sh", "-c", "exit 3"]).start();
    assert_eq!(container.wait(), 3);
    no_unit(&unit(&container.bundle));
    assert_eq!(container.status(), "stopped");
    delete(container);
}

#[conformance::test]
fn one_that_ran_out_of_memory_leaves_no_unit() {
    let script = "tail /dev/zero; echo survived; exec tail /dev/zero";
    let container = bundle()
        .args(["sh", "-c", script])
        .set("/linux/resources/memory", json!({"limit": 8_388_608, "swap": 8_388_608}));
    let container = container.start();
    assert_ne!(container.wait(), 0);
    delete(container);
}

#[conformance::test]
fn what_fails_leaves_no_unit() {
    let missing = bundle().args(["/nonesuch"]);
    missing.never_starts();
    no_unit(&unit(&missing));
    let unmountable = bundle().mount("nonesuch", "x", "/x", &[]);
    unmountable.refused();
    no_unit(&unit(&unmountable));
    // The kernel refuses this one, after the unit has been started.
    let limited = bundle().set("/linux/resources/unified", json!({"memory.max": "much"}));
    limited.refused().names("memory.max");
    no_unit(&unit(&limited));
}

#[conformance::test]
fn a_create_killed_at_any_point_is_deleted_with_its_unit() {
    for step in 0..16 {
        let bundle = bundle();
        bundle.write();
        let path = bundle.path().to_string_lossy().into_owned();
        let mut call = bundle.runtime.spawn(bundle.runtime.command(["create", "--bundle", &path, &bundle.id]));
        sleep(Duration::from_millis(step * 6));
        call.kill();
        drop(call.wait());
        bundle.runtime.call(["delete", "--force", &bundle.id]).succeeds();
        leaks::nothing_left(&bundle);
        no_unit(&unit(&bundle));
    }
}

#[conformance::test]
fn a_damaged_record_is_deleted_with_its_unit() {
    needs::systemd();
    needs::runtime(&["orlop"]);
    let container = bundle().start();
    let record = container.bundle.runtime.state().join(container.id()).join("state.json");
    std::fs::write(record, "{").unwrap();
    container.call("delete").fails();
    assert_eq!(property(&unit(&container.bundle), "ActiveState"), "active");
    delete(container);
}

#[conformance::test]
fn systemd_is_asked_over_the_bus_where_it_has_no_socket_of_its_own() {
    needs::root("hiding a directory of the host's");
    needs::path("/run/dbus/system_bus_socket");
    let bundle = bundle().args(["sh", "-c", "exit 4"]);
    bundle.write();
    let path = bundle.path().to_string_lossy().into_owned();
    let plain = bundle.runtime.command(["run", "--bundle", &path, &bundle.id]);
    let mut hidden = Command::new("unshare");
    hidden.args(["-m", "sh", "-c", r#"mount -t tmpfs none /run/systemd; exec "$@""#, "-"]);
    hidden.arg(plain.get_program()).args(plain.get_args());
    bundle.runtime.spawn(hidden).wait().exits(4);
    leaks::nothing_left(&bundle);
    no_unit(&unit(&bundle));
}

#[conformance::test]
fn without_a_cgroup_namespace_its_scope_is_where_the_kernel_says() {
    let bundle = bundle().without_namespace("cgroup").set("/linux/resources/pids/limit", 33);
    let container = bundle.start();
    container.sh("cat /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/pids.max").succeeds().prints("33");
    delete(container);
}

#[conformance::test]
fn a_name_is_free_again_after_its_container() {
    let bundle = bundle().args(["true"]);
    let unit = unit(&bundle);
    for _ in 0..5 {
        bundle.run().succeeds();
    }
    no_unit(&unit);
}

#[conformance::test]
fn many_at_once() {
    let bundles: Vec<Bundle> = (0..6).map(|n| bundle().args(["sh", "-c", &format!("exit {n}")])).collect();
    let run = |bundle: &Bundle| {
        bundle.write();
        let path = bundle.path().to_string_lossy().into_owned();
        bundle.runtime.spawn(bundle.runtime.command(["run", "--bundle", &path, &bundle.id]))
    };
    let calls: Vec<_> = bundles.iter().map(run).collect();
    for (call, status) in calls.into_iter().zip(0..) {
        call.wait().exits(status);
    }
    for bundle in &bundles {
        leaks::nothing_left(bundle);
        no_unit(&unit(bundle));
    }
}

#[conformance::test]
fn without_systemd_it_is_refused() {
    needs::no_systemd();
    for flag in ["--systemd-cgroup", "--cgroup-manager=systemd"] {
        let bundle = Bundle::new().flag(flag);
        bundle.set("/linux/cgroupsPath", "system.slice:test:x").refused().names("systemd");
    }
}

#[conformance::test]
fn the_flag_of_crun_names_who_makes_the_cgroup() {
    needs::systemd();
    needs::runtime(&["orlop", "crun"]);
    let of_systemd = Bundle::new().flag("--cgroup-manager=systemd").start();
    let scope = |container: &Container| {
        let place = container.settled().cgroup("");
        let mut names = place.iter().map(|name| name.to_string_lossy().into_owned());
        names.find(|name| name.ends_with(&format!("-{}.scope", container.id())))
    };
    let name = scope(&of_systemd).unwrap();
    assert_eq!(property(&name, "ActiveState"), "active");
    of_systemd.delete();
    no_unit(&name);
    let of_its_own = Bundle::new().flag("--cgroup-manager=cgroupfs").start();
    assert_eq!(scope(&of_its_own), None);
}

#[conformance::test]
fn without_a_cgroup_of_its_own_there_are_no_limits() {
    needs::runtime(&["orlop"]);
    let bundle = Bundle::sh("cat /proc/self/cgroup").flag("--cgroup-manager=disabled").without_namespace("cgroup");
    let mut bundle = bundle;
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["type"] != "cgroup");
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    bundle.run().succeeds().prints(own.trim());
    bundle.set("/linux/resources/pids/limit", 20).refused().names("/linux/resources/pids/limit");
}
