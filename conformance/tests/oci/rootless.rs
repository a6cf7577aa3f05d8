//! Containers of a user who is not root (user_namespaces(7)), and of root of a user namespace.

use std::fs;
use std::os::unix::fs::MetadataExt;

use conformance::console::Console;
use conformance::user::{self, RANGE, USER};
use conformance::{Bundle, json, needs};

const OWN: &str = "0 61234 1";

/// A container that waits, with all that `exec` needs.
fn waiting() -> Bundle {
    user::bundle("sleep 1000")
}

/// How many there are in a JSON list.
fn numbers(list: &str) -> usize {
    list.split(',').filter(|word| word.chars().any(|letter| letter.is_ascii_digit())).count()
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[conformance::test]
fn a_users_own_ids_are_mapped() {
    let script = "cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; id -u; id -g";
    let outcome = user::bundle(script).run().succeeds();
    assert_eq!(words(&outcome.stdout), format!("{OWN} {OWN} deny 0 0"));
}

#[conformance::test]
fn ids_of_a_users_range_are_mapped_by_newuidmap() {
    let script = "cat /proc/self/uid_map /proc/self/gid_map; chown 7:8 /tmp/file";
    let bundle = user::mapped(user::bundle(script), &user::ranges()).writable().capable(&["CAP_CHOWN"]);
    let bundle = bundle.file("/tmp/file", "");
    let file = bundle.inside("/tmp/file");
    std::os::unix::fs::chown(&file, Some(USER), Some(USER)).unwrap();
    let outcome = bundle.run().succeeds();
    let both = format!("{OWN} 1 {RANGE} 65536");
    assert_eq!(words(&outcome.stdout), format!("{both} {both}"));
    let owner = fs::metadata(&file).unwrap();
    assert_eq!((owner.uid(), owner.gid()), (RANGE + 6, RANGE + 7));
}

#[conformance::test]
fn another_user_of_the_range_runs_the_program() {
    let bundle = user::mapped(user::bundle("id -u; id -g; exec sleep 1000"), &user::ranges());
    let container = bundle.set("/process/user", json!({"uid": 5, "gid": 6})).start();
    container.eventually_prints("5\n6\n");
    assert_eq!(container.settled().status("Uid").unwrap().split('\t').next().unwrap(), (RANGE + 4).to_string());
}

#[conformance::test]
fn groups_of_the_range_are_set() {
    let bundle = user::mapped(user::bundle("id -G"), &user::ranges());
    bundle.set("/process/user/additionalGids", json!([5, 6])).run().succeeds().prints("0 5 6");
}

#[conformance::test]
fn groups_beside_a_users_own_are_refused() {
    let bundle = user::bundle("true").set("/process/user/additionalGids", json!([5]));
    bundle.never_starts().names("/process/user/additionalGids");
}

#[conformance::test]
fn ids_outside_of_a_users_ranges_are_refused() {
    let mut maps = user::ranges();
    maps[1]["hostID"] = json!(RANGE + 1);
    let refusal = user::mapped(user::bundle("true"), &maps).refused().names("/linux/uidMappings/1");
    refusal.names("/etc/subuid").names("newuidmap");
}

#[conformance::test]
fn another_users_id_is_refused() {
    let maps = json!([{"containerID": 0, "hostID": 0, "size": 1}]);
    user::mapped(user::bundle("true"), &maps).refused().names("/linux/uidMappings/0");
}

#[conformance::test]
fn without_newuidmap_ranges_are_refused() {
    let before = "cp \"$(command -v setpriv)\" \"$DIR/etc\"; PATH=$DIR/etc:$PATH; for name in newuidmap newgidmap; do \
                  mount --bind \"$DIR/etc/none\" \"$(command -v $name)\"; done";
    let bundle = user::mapped(user::bundle_after("true", before), &user::ranges());
    fs::write(bundle.host("etc").join("none"), "").unwrap();
    bundle.refused().names("newuidmap").names("/linux/uidMappings");
}

#[conformance::test]
fn without_a_user_namespace_a_user_has_no_container() {
    let bundle = user::bundle("true").without_namespace("user").without("/linux/uidMappings");
    bundle.without("/linux/gidMappings").refused().names("/linux/namespaces");
}

#[conformance::test]
fn the_devices_of_the_host_are_shown_and_work() {
    let script =
        "cd /dev; stat -c '%n %t:%T' null zero full random urandom tty; echo x > null && head -c 4 zero | wc -c";
    let expected = "null 1:3\nzero 1:5\nfull 1:7\nrandom 1:8\nurandom 1:9\ntty 5:0\n4";
    user::bundle(script).run().succeeds().prints(expected);
}

#[conformance::test]
fn a_device_that_is_asked_for_is_shown() {
    let device = json!({"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11});
    let bundle = user::bundle("stat -c %t:%T /dev/kmsg").set("/linux/devices", json!([device]));
    bundle.run().succeeds().prints("1:b");
}

#[conformance::test]
fn a_device_that_is_another_on_the_host_is_refused() {
    let device = json!({"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 3});
    let bundle = user::bundle("true").set("/linux/devices", json!([device]));
    bundle.refused().names("/linux/devices/0").names("/dev/kmsg of the host is c 1:11, not c 1:3");
}

#[conformance::test]
fn sys_is_the_hosts_and_cannot_be_written() {
    let bundle = user::bundle("ls -d /sys/kernel /sys/class && ! touch /sys/kernel/x 2> /dev/null && echo fine");
    bundle.run().succeeds().prints("/sys/class\n/sys/kernel\nfine");
}

#[conformance::test]
fn a_new_sysfs_in_the_hosts_network_is_the_hosts_sys() {
    let mut bundle = user::bundle("ls -d /sys/kernel; grep ' /sys/*[^ ]* ' /proc/self/mounts | grep -vc '[ ,]ro,'");
    let mounts = bundle.config["mounts"].as_array_mut().unwrap();
    let sys = mounts.iter_mut().find(|mount| mount["destination"] == "/sys").unwrap();
    *sys = json!({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "ro"]});
    bundle.run().exits(1).prints("/sys/kernel\n0");
}

#[conformance::test]
fn a_new_network_has_a_sysfs_of_its_own() {
    let mut bundle = user::bundle("ls /sys/class/net; ip link show lo").namespace("network");
    let mounts = bundle.config["mounts"].as_array_mut().unwrap();
    let sys = mounts.iter_mut().find(|mount| mount["destination"] == "/sys").unwrap();
    *sys = json!({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "ro"]});
    let outcome = bundle.run().succeeds();
    assert!(outcome.stdout.starts_with("lo\n") && outcome.stdout.contains("LOOPBACK,UP"), "{}", outcome.stdout);
}

#[conformance::test]
fn a_proc_that_the_host_hides_parts_of_is_refused() {
    let bundle = user::bundle_after("true", "mount --bind /dev/null /proc/version");
    bundle.refused().names("/mounts/0").names("nothing of its /proc");
}

#[conformance::test]
fn what_a_user_binds_is_as_asked() {
    let bundle = user::bundle("cat /data/file; ! touch /data/x 2> /dev/null && echo fine").dir("/data");
    let source = bundle.host("source");
    fs::write(source.join("file"), "words\n").unwrap();
    bundle.bind(&source, "/data", &["rbind", "ro"]).run().succeeds().prints("words\nfine");
}

/// The host's flags are locked in a user namespace, and a bind mount that names others keeps them.
#[conformance::test]
fn what_the_host_forbids_stays_forbidden_in_what_a_user_binds() {
    let before = "mount -t tmpfs -o nosuid,nodev,noexec,mode=777 none \"$DIR/etc\"";
    let bundle = user::bundle_after("grep ' /data ' /proc/self/mounts | cut -d' ' -f4", before).dir("/data");
    let source = bundle.host("etc");
    let outcome = bundle.bind(&source, "/data", &["rbind", "ro"]).run().succeeds();
    assert!(outcome.stdout.starts_with("ro,nosuid,nodev,noexec,"), "{}", outcome.stdout);
}

#[conformance::test]
fn files_of_a_container_are_its_users_on_the_host() {
    let bundle = user::bundle("echo x > /tmp/made").writable();
    bundle.run().succeeds();
    let owner = fs::metadata(bundle.inside("/tmp/made")).unwrap();
    assert_eq!((owner.uid(), owner.gid()), (USER, USER));
}

#[conformance::test]
fn a_container_of_a_user_lives_and_ends() {
    let container = waiting().create();
    let state = container.bundle.runtime.state().join(container.id());
    let kept = fs::metadata(state).unwrap();
    assert_eq!((kept.uid(), kept.mode() & 0o777 & !0o711), (USER, 0), "the state is its owner's alone");
    container.call("start").succeeds();
    assert_eq!(container.settled().status("Uid").unwrap().split('\t').next().unwrap(), USER.to_string());
    container.kill("KILL");
    assert_eq!(container.wait(), 137);
    container.call("delete").succeeds();
    conformance::leaks::nothing_left(&container.bundle);
}

#[conformance::test]
fn exec_enters_a_container_of_a_user() {
    let container = waiting().start();
    let outcome = container.sh("id -u; cat /proc/self/uid_map; [ $$ -gt 1 ] && echo 1 > /dev/null && ls /").succeeds();
    assert!(words(&outcome.stdout).starts_with(&format!("0 {OWN} bin dev")), "{}", outcome.stdout);
    container.exec(["false"]).exits(1);
}

#[conformance::test]
fn the_processes_of_a_users_container_are_known_without_a_cgroup() {
    let container = user::bundle("sleep 1000 & sleep 1000 & wait").start();
    let count = || {
        let listed = container.call_with(&["ps", "--format", "json"], &[]).succeeds().stdout;
        numbers(&listed)
    };
    assert!(conformance::eventually(|| count() == 3), "{}", count());
}

#[conformance::test]
fn every_process_of_a_users_container_is_signalled() {
    // The first one hears it as well, and stays.
    let second = "(trap 'echo heard; exit' TERM; echo ready; while :; do sleep 0.1; done)";
    let script = format!("trap : TERM; {second} & wait; wait; sleep 1000");
    let container = user::bundle(&script).start();
    container.eventually_prints("ready");
    container.call_with(&["kill", "--all"], &["TERM"]).succeeds();
    container.eventually_prints("heard");
    container.delete();
}

#[conformance::test]
fn a_terminal_of_a_user() {
    let bundle = user::bundle("[ -t 0 ] && echo on $(tty); read line; echo got $line").set("/process/terminal", true);
    let console = Console::of(&bundle);
    std::os::unix::fs::chown(&console.path, Some(USER), Some(USER)).unwrap();
    let flag = format!("--console-socket={}", console.path.display());
    let container = bundle.create_with(&[&flag]);
    let mut terminal = console.receive();
    container.call("start").succeeds();
    terminal.shows("on /dev/");
    terminal.types("words");
    terminal.shows("got words");
}

#[conformance::test]
fn a_user_raises_the_oom_score() {
    let container = waiting().set("/process/oomScoreAdj", 321).start();
    assert_eq!(container.settled().read("oom_score_adj").trim(), "321");
    container.exec(["cat", "/proc/self/oom_score_adj"]).succeeds().prints("321");
}

#[conformance::test]
fn a_user_cannot_lower_the_oom_score() {
    waiting().set("/process/oomScoreAdj", -5).never_starts().names("/process/oomScoreAdj");
}

#[conformance::test]
fn a_user_cannot_raise_a_hard_limit() {
    let limit = json!([{"type": "RLIMIT_NOFILE", "hard": 1_048_577, "soft": 1024}]);
    waiting().set("/process/rlimits", limit).never_starts().names("/process/rlimits/0");
}

#[conformance::test]
fn a_limit_without_a_cgroup_is_refused() {
    let bundle = waiting().set("/linux/resources", json!({"pids": {"limit": 10}}));
    bundle.never_starts().names("/linux/resources/pids/limit");
}

#[conformance::test]
fn a_cgroup_that_is_named_and_not_the_users_is_refused() {
    let bundle = waiting();
    let path = format!("/{}", bundle.id);
    bundle.set("/linux/cgroupsPath", path).never_starts().names("/linux/cgroupsPath");
}

#[conformance::test]
fn a_user_maps_no_ids_of_a_bind_mount() {
    let bundle = waiting().dir("/data");
    let source = bundle.host("source");
    bundle.bind(source, "/data", &["rbind", "idmap"]).never_starts().names("/mounts/");
}

#[conformance::test]
fn a_user_namespace_of_a_user_is_joined() {
    let first = waiting().start();
    let path = first.settled().namespace_path("user");
    let second = waiting().join("user", path).without("/linux/uidMappings").without("/linux/gidMappings").start();
    assert_eq!(second.settled().namespace("user"), first.process().namespace("user"));
    second.exec(["id", "-u"]).succeeds().prints("0");
}

#[conformance::test]
fn clocks_of_a_user_have_their_offsets() {
    let bundle = user::bundle("cut -d. -f1 /proc/uptime").namespace("time");
    let outcome = bundle.set("/linux/timeOffsets", json!({"boottime": {"secs": 1_000_000_000}})).run().succeeds();
    assert!(outcome.stdout.trim().parse::<u64>().unwrap() >= 1_000_000_000);
}

/// Called by root of a user namespace, as under `podman unshare`.
fn in_a_namespace(mut bundle: Bundle, flags: &[&str]) -> Bundle {
    bundle.runtime.call_further(["unshare", "--user", "--map-root-user"].iter().chain(flags).copied());
    bundle
}

#[conformance::test]
fn root_of_a_user_namespace_has_containers_without_another() {
    let script = "cat /proc/self/uid_map; echo x > /dev/null && stat -c %t:%T /dev/zero; ls -d /sys/kernel";
    for flags in [["--mount"].as_slice(), &[]] {
        let bundle = user::bundle(script).without_namespace("user").without("/linux/uidMappings");
        let outcome = in_a_namespace(bundle.without("/linux/gidMappings"), flags).run().succeeds();
        assert_eq!(words(&outcome.stdout), format!("{OWN} 1:5 /sys/kernel"), "{flags:?}");
    }
}

#[conformance::test]
fn root_of_a_user_namespace_has_containers_with_another() {
    let maps = json!([{"containerID": 0, "hostID": 0, "size": 1}]);
    let bundle = user::mapped(user::bundle("cat /proc/self/uid_map; echo x > /dev/null && echo fine"), &maps);
    let outcome = in_a_namespace(bundle, &["--mount"]).run().succeeds();
    assert_eq!(words(&outcome.stdout), "0 0 1 fine");
}

/// `--rootless`: whether a container goes without a cgroup that its caller may not make.
#[conformance::test]
fn a_user_goes_without_a_cgroup_unless_they_say_that_they_are_no_user() {
    needs::runtime(&["orlop", "runc"]);
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    for flag in ["--rootless=auto", "--rootless=true"] {
        let bundle = user::bundle("cat /proc/self/cgroup").flag(flag);
        bundle.run().succeeds().prints(own.trim());
    }
    user::bundle("true").flag("--rootless=false").refused().says("permission denied");
}

#[conformance::test]
fn root_goes_without_a_cgroup_if_they_say_that_they_are_a_user() {
    needs::runtime(&["orlop", "runc"]);
    needs::root("mounting for the runtime alone");
    let readonly = r#"grep ' - cgroup2* ' /proc/self/mountinfo | cut -d ' ' -f 5 | xargs -n 1 mount -o remount,bind,ro
        exec "$@""#;
    let bundle = |flag| {
        let mut bundle = Bundle::sh("cat /proc/self/cgroup").flag(flag).without("/linux/resources");
        bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["type"] != "cgroup");
        bundle.runtime.call_through(["unshare", "--mount", "sh", "-c", readonly, "-"]);
        bundle
    };
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    bundle("--rootless=true").run().succeeds().prints(own.trim());
    for flag in ["--rootless=auto", "--rootless=false"] {
        bundle(flag).refused().says("read-only file system");
    }
}
