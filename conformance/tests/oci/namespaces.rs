//! `linux.namespaces`: every kind, new and joined by path; `linux.uidMappings`, `linux.timeOffsets`.

use std::process::{Child, Command};

use conformance::observe::Process;
use conformance::{Bundle, Container, eventually, json, needs, rootless};

/// The names in config.json and in `/proc/PID/ns`.
const DEFAULT: [(&str, &str); 5] =
    [("pid", "pid"), ("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("mount", "mnt")];

/// A process of the host in a namespace of its own.
struct Holder(Child);

impl Holder {
    #[track_caller]
    fn of(flag: &str, link: &str) -> Self {
        needs::root("making namespaces without a runtime");
        let holder = Self(Command::new("unshare").args([flag, "sleep", "1000"]).spawn().unwrap());
        assert!(eventually(|| holder.process().namespace(link) != Process::myself().namespace(link)));
        holder
    }

    fn process(&self) -> Process {
        Process::new(self.0.id().cast_signed())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).ok();
    }
}

fn is_new(container: &Container, link: &str) -> bool {
    container.settled().namespace(link) != Process::myself().namespace(link)
}

#[track_caller]
fn joins(kind: &str, link: &str) {
    let first = Bundle::new().start();
    let bundle = Bundle::new().without("/hostname").beside(&first);
    let second = bundle.join(kind, first.process().namespace_path(link)).start();
    assert_eq!(second.settled().namespace(link), first.process().namespace(link));
}

#[conformance::test(covers = ["/linux/namespaces/*/type={pid,network,ipc,uts,mount}"])]
fn the_default_namespaces_are_new() {
    let container = Bundle::new().start();
    for (kind, link) in DEFAULT {
        assert!(is_new(&container, link), "{kind}");
    }
}

#[conformance::test(covers = ["linux.namespace-inherited"])]
fn namespaces_not_asked_for_are_the_runtimes_own() {
    let container = Bundle::new().start();
    // A user's own container asks for a user namespace.
    for link in ["user", "cgroup", "time"].into_iter().filter(|link| *link != "user" || !rootless::here()) {
        assert!(!is_new(&container, link), "{link}");
    }
}

#[conformance::test(covers = ["linux.namespace-inherited"])]
fn the_network_is_the_runtimes_own_without_a_network_namespace() {
    let container = Bundle::new().without_namespace("network").start();
    assert!(!is_new(&container, "net"));
}

#[conformance::test(covers = ["linux.namespace-inherited"])]
fn without_a_mount_namespace_the_runtimes_own_has_the_mounts_until_delete() {
    needs::root("mounting in the caller's mount namespace");
    let bundle = Bundle::sh("touch /file; ls -d /proc/self /data/file; sleep 1000").without_namespace("mount");
    std::fs::write(bundle.host("source").join("file"), "").unwrap();
    let container = bundle.bind("source", "/data", &["bind"]).start();
    assert!(!is_new(&container, "mnt"));
    container.eventually_prints("/data/file\n/proc/self");
    assert!(!container.bundle.inside("/file").exists(), "the root is read-only");
    let shown = |path: &str| Process::myself().mounts().iter().any(|mount| mount.destination == path);
    let data = container.bundle.inside("/data").display().to_string();
    assert!(shown(&data));
    container.exec(["ls", "/data"]).succeeds().prints("file");
    container.delete();
    assert!(!shown(&data));
}

#[conformance::test]
fn a_create_that_fails_without_a_mount_namespace_takes_its_mounts_along() {
    needs::root("mounting in the caller's mount namespace");
    Bundle::new().without_namespace("mount").set("/process/cwd", "/proc/version/x").refused();
}

#[conformance::test(covers = ["/linux/namespaces/*/type=cgroup"])]
fn a_cgroup_namespace_is_new() {
    let bundle = Bundle::sh("cut -d: -f3 /proc/self/cgroup | sort -u").namespace("cgroup");
    bundle.run().succeeds().prints("/");
}

#[conformance::test(covers = ["/linux/namespaces/*/type=user", "/linux/{uidMappings,gidMappings}/*/size"])]
fn a_user_namespace_is_new_with_its_mappings() {
    let mapping = json!([{"containerID": 0, "hostID": 0, "size": 65536}]);
    let bundle = Bundle::sh("cat /proc/self/uid_map /proc/self/gid_map; id -u").namespace("user");
    let outcome = bundle.set("/linux/uidMappings", mapping.clone()).set("/linux/gidMappings", mapping).run().succeeds();
    let words: Vec<&str> = outcome.stdout.split_whitespace().collect();
    assert_eq!(words, ["0", "0", "65536", "0", "0", "65536", "0"]);
}

#[conformance::test(covers = ["/linux/namespaces/*/type=user", "/linux/uidMappings/*/{containerID,hostID}"])]
fn ids_of_a_user_namespace_are_mapped() {
    let mapping = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    let bundle = Bundle::new().namespace("user").set("/linux/uidMappings", mapping.clone());
    let container = bundle.set("/linux/gidMappings", mapping).start();
    assert!(is_new(&container, "user"));
    assert_eq!(container.settled().status("Uid").unwrap().split('\t').next().unwrap(), "100000");
    container.exec(["id", "-u"]).succeeds().prints("0");
}

#[conformance::test(covers = ["/linux/namespaces/*/type=time", "/linux/timeOffsets/boottime/secs"])]
fn a_time_namespace_is_new_with_its_offsets() {
    let bundle = Bundle::sh("cut -d. -f1 /proc/uptime").namespace("time");
    let outcome = bundle.set("/linux/timeOffsets", json!({"boottime": {"secs": 1_000_000_000}})).run().succeeds();
    assert!(outcome.stdout.trim().parse::<u64>().unwrap() >= 1_000_000_000);
}

#[conformance::test(covers = ["/linux/namespaces/*/type=time"])]
fn exec_finds_the_clocks_of_a_container_that_has_not_started() {
    let bundle =
        Bundle::new().namespace("time").set("/linux/timeOffsets", json!({"boottime": {"secs": 1_000_000_000}}));
    let uptime = bundle.create().exec(["cut", "-d.", "-f1", "/proc/uptime"]).succeeds().stdout;
    assert!(uptime.trim().parse::<u64>().unwrap() >= 1_000_000_000, "{uptime}");
}

#[conformance::test(covers = ["/linux/namespaces/*/path"])]
fn a_pid_namespace_is_joined_by_path() {
    joins("pid", "pid");
}

#[conformance::test(covers = ["delete.resources"])]
fn deleting_who_joined_a_pid_namespace_ends_its_own_processes_and_no_others() {
    let first = Bundle::new().start();
    let bundle = Bundle::sh("sleep 999 & echo started; sleep 1000").without("/hostname").beside(&first);
    let second = bundle.join("pid", first.process().namespace_path("pid")).start();
    second.eventually_prints("started");
    second.delete();
    assert_eq!(first.status(), "running");
    assert_eq!(first.process().args(), ["sleep", "1000"]);
}

/// Its root would be the second container's from then on.
#[conformance::test(covers = ["/linux/namespaces/*/path"])]
fn a_mount_namespace_of_another_container_is_left_alone() {
    let first = Bundle::new().file("/etc/mark", "first").start();
    let second = Bundle::new().beside(&first).join("mount", first.process().namespace_path("mnt"));
    second.never_starts();
    first.exec(["cat", "/etc/mark"]).succeeds().prints("first");
}

#[conformance::test(covers = ["/linux/namespaces/*/path"])]
fn a_mount_namespace_that_is_the_runtimes_own_is_left_alone() {
    // runc has the container's root in the place of the host's.
    needs::runtime(&["orlop"]);
    needs::root("a mount namespace that may be lost");
    let mut bundle = Bundle::new().join("mount", "/proc/self/ns/mnt");
    bundle.runtime.call_through(["unshare", "--mount"]);
    bundle.refused().names("/linux/namespaces").says("the mount namespace is the runtime's own");
}

#[conformance::test(covers = ["/linux/namespaces/*/path"])]
fn a_network_namespace_is_joined_by_path() {
    joins("network", "net");
}

#[conformance::test(covers = ["/linux/namespaces/*/path"])]
fn an_ipc_namespace_is_joined_by_path() {
    joins("ipc", "ipc");
}

#[conformance::test(covers = ["/linux/namespaces/*/path"])]
fn a_uts_namespace_is_joined_by_path() {
    joins("uts", "uts");
}

#[conformance::test(covers = ["/linux/namespaces/*/path"])]
fn a_cgroup_namespace_is_joined_by_path() {
    let first = Bundle::new().namespace("cgroup").start();
    let second = Bundle::new().beside(&first).join("cgroup", first.process().namespace_path("cgroup")).start();
    assert_eq!(second.settled().namespace("cgroup"), first.process().namespace("cgroup"));
}

#[conformance::test(covers = ["/linux/namespaces/*/path"])]
fn a_mount_namespace_is_joined_by_path() {
    // Of the host's making: the bundle must be visible in it.
    let holder = Holder::of("--mount", "mnt");
    let container = Bundle::new().join("mount", holder.process().namespace_path("mnt")).start();
    assert_eq!(container.settled().namespace("mnt"), holder.process().namespace("mnt"));
}

#[conformance::test(covers = ["/linux/namespaces/*/path"])]
fn a_user_namespace_is_joined_by_path() {
    let mapping = json!([{"containerID": 0, "hostID": 0, "size": 65536}]);
    let bundle = Bundle::new().namespace("user").set("/linux/uidMappings", mapping.clone());
    let first = bundle.set("/linux/gidMappings", mapping).start();
    let second = Bundle::new().join("user", first.process().namespace_path("user")).start();
    assert_eq!(second.settled().namespace("user"), first.process().namespace("user"));
}

#[conformance::test(covers = ["/linux/namespaces/*/path"])]
fn a_time_namespace_is_joined_by_path() {
    // The holder enters its own by being executed.
    needs::linux(6, 3);
    let holder = Holder::of("--time", "time");
    let container = Bundle::new().join("time", holder.process().namespace_path("time")).start();
    assert_eq!(container.settled().namespace("time"), holder.process().namespace("time"));
}

#[conformance::test(covers = ["/linux/namespaces/*/type=pid"])]
fn the_process_is_first_in_its_pid_namespace() {
    Bundle::sh("echo $$").run().succeeds().prints("1");
}

#[conformance::test(covers = ["/linux/namespaces/*/type=network"])]
fn loopback_is_up_in_a_new_network_namespace() {
    let outcome = Bundle::sh("ip link show lo").run().succeeds();
    assert!(outcome.stdout.contains("LOOPBACK,UP"), "{}", outcome.stdout);
}

#[conformance::test(covers = ["/linux/timeOffsets/{monotonic,boottime}/{secs,nanosecs}"])]
fn both_clocks_have_their_offsets() {
    let offsets =
        json!({"monotonic": {"secs": 1000, "nanosecs": 5}, "boottime": {"secs": 2000, "nanosecs": 999_999_999}});
    let bundle = Bundle::sh("cat /proc/self/timens_offsets").namespace("time").set("/linux/timeOffsets", offsets);
    let shown = bundle.run().succeeds().stdout;
    let words: Vec<&str> = shown.split_whitespace().collect();
    assert_eq!(words, ["monotonic", "1000", "5", "boottime", "2000", "999999999"]);
}

#[conformance::test(covers = ["/linux/{uidMappings,gidMappings}/*/{containerID,hostID,size}"])]
fn every_range_of_ids_is_mapped() {
    let range = |inner: u32, outer: u32, size: u32| json!({"containerID": inner, "hostID": outer, "size": size});
    let bundle = Bundle::sh("cat /proc/self/uid_map; cat /proc/self/gid_map").namespace("user");
    let bundle = bundle.set("/linux/uidMappings", json!([range(0, 100_000, 1), range(5, 200_000, 70)]));
    let shown =
        bundle.set("/linux/gidMappings", json!([range(0, 300_000, 9), range(10, 400_000, 80)])).run().succeeds();
    let words: Vec<&str> = shown.stdout.split_whitespace().collect();
    let expected = "0 100000 1 5 200000 70 0 300000 9 10 400000 80";
    assert_eq!(words.join(" "), expected);
}
