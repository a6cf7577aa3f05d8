//! `linux.resources` on cgroup v2, read from the host. Skipped where the unified hierarchy does not hold the controllers.

use std::fs;
use std::os::unix::fs::MetadataExt;

use conformance::{Bundle, Container, Value, json, needs};

fn limited(controller: &str, field: &str, resources: Value) -> Container {
    needs::cgroup_v2(&[controller]);
    Bundle::new().set(&format!("/linux/resources/{field}"), resources).start()
}

#[track_caller]
fn shows(container: &Container, files: &[(&str, &str)]) {
    for (file, expected) in files {
        assert_eq!(container.settled().cgroup_value(file), *expected, "{file}");
    }
}

#[conformance::test(covers = ["/linux/resources/memory/{limit,reservation,swap}"])]
fn memory_limits_are_set() {
    let limits = json!({"limit": 67_108_864, "reservation": 33_554_432, "swap": 134_217_728});
    let container = limited("memory", "memory", limits);
    shows(&container, &[("memory.max", "67108864"), ("memory.low", "33554432"), ("memory.swap.max", "67108864")]);
}

#[conformance::test(covers = ["/linux/resources/cpu/{quota,period}"])]
fn cpu_quota_and_period_are_set() {
    let container = limited("cpu", "cpu", json!({"quota": 20_000, "period": 50_000}));
    shows(&container, &[("cpu.max", "20000 50000")]);
}

#[conformance::test(covers = ["/linux/resources/cpu/{cpus,mems}"])]
fn cpus_and_mems_are_set() {
    shows(&limited("cpuset", "cpu", json!({"cpus": "0", "mems": "0"})), &[("cpuset.cpus", "0"), ("cpuset.mems", "0")]);
}

#[conformance::test(covers = ["/linux/resources/pids/limit"])]
fn the_number_of_processes_is_limited() {
    shows(&limited("pids", "pids", json!({"limit": 20})), &[("pids.max", "20")]);
}

#[conformance::test(covers = ["/linux/resources/unified"])]
fn unified_files_are_written() {
    shows(&limited("memory", "unified", json!({"memory.high": "50331648"})), &[("memory.high", "50331648")]);
}

#[conformance::test(covers = [
    "/linux/resources/devices/*/{allow,type,major,minor,access}",
    "/linux/resources/devices/*/access=r",
    "/linux/resources/devices/*/type=c",
])]
fn a_device_that_is_not_allowed_cannot_be_opened() {
    needs::cgroup_v2(&[]);
    needs::path("/dev/fuse");
    needs::root("rules for devices");
    // /dev/fuse: without rules of devices any root may open it.
    let device = json!([{"path": "/dev/extra", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]);
    let bundle = Bundle::sh(": < /dev/extra && echo opened").set("/linux/devices", device);
    bundle.run().fails().says("operation not permitted");
    let rule = json!({"allow": true, "type": "c", "major": 10, "minor": 229, "access": "r"});
    let bundle = bundle.set("/linux/resources/devices/-", rule);
    bundle.run().succeeds().prints("opened");
}

#[conformance::test]
fn exec_is_born_in_the_same_cgroup() {
    needs::cgroup_v2(&[]);
    let container = Bundle::new().start();
    container.sh("cat /proc/self/cgroup").succeeds().prints(container.settled().read("cgroup").trim());
}

/// A container with a cgroup namespace whose cgroup mount can be written.
fn dividing(script: &str) -> Bundle {
    divisible(Bundle::sh(script))
}

fn divisible(bundle: Bundle) -> Bundle {
    let mut bundle = bundle.namespace("cgroup");
    let mounts = bundle.config["mounts"].as_array_mut().unwrap();
    mounts.iter_mut().find(|mount| mount["type"] == "cgroup").unwrap()["options"] = json!(["rw"]);
    bundle
}

/// With a user namespace in which user 100000 of the host is root.
fn with_another_root(bundle: Bundle) -> Bundle {
    let mapping = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    let bundle = bundle.set("/linux/uidMappings", mapping.clone()).set("/linux/gidMappings", mapping);
    bundle.namespace("user")
}

/// Of what is in the cgroup of such a container, its root has what the kernel says is safe to hand over, and nothing else.
pub(super) fn is_handed_over(bundle: Bundle) -> Container {
    let container = with_another_root(divisible(bundle)).start();
    let list = fs::read_to_string("/sys/kernel/cgroup/delegate").unwrap();
    let mut handed_over: Vec<&str> = list.lines().collect();
    let directory = container.settled().cgroup("");
    handed_over.retain(|file| directory.join(file).exists());
    handed_over.sort_unstable();
    for file in ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"] {
        assert!(handed_over.contains(&file), "{handed_over:?}");
    }
    assert_eq!(fs::metadata(&directory).unwrap().uid(), 100_000);
    let files = fs::read_dir(&directory).unwrap().flatten();
    let own = files.filter(|file| file.metadata().unwrap().uid() == 100_000);
    let mut own: Vec<String> = own.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    own.sort_unstable();
    assert_eq!(own, handed_over);
    container
}

/// "Cgroup ownership" of config-linux.md.
#[conformance::test]
fn root_of_a_user_namespace_owns_what_may_be_delegated() {
    needs::cgroup_v2(&["memory"]);
    is_handed_over(Bundle::new()).delete();
}

#[conformance::test]
fn exec_finds_its_place_where_the_container_divided_its_cgroup() {
    needs::cgroup_v2(&["pids"]);
    // What systemd does in a container: processes into a child, then controllers for the children.
    let divide = "cd /sys/fs/cgroup && mkdir init && echo 0 > init/cgroup.procs && echo +pids > cgroup.subtree_control
        echo divided; exec sleep 1000";
    let container = dividing(divide).start();
    container.eventually_prints("divided");
    container.sh("cat /proc/self/cgroup").succeeds().prints("0::/init");
    container.delete();
}

#[conformance::test]
fn root_of_a_user_namespace_may_divide_its_own_cgroup() {
    needs::cgroup_v2(&["pids"]);
    let script = "cd /sys/fs/cgroup && stat -c %u . cgroup.procs cgroup.subtree_control pids.max && mkdir own
        echo 0 > own/cgroup.procs && cat /proc/self/cgroup";
    // Its limits stay the host's: user 65534 is nobody's here.
    with_another_root(dividing(script)).run().succeeds().prints("0\n0\n0\n65534\n0::/own");
}
