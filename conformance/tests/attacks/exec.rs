//! `exec` gives what was asked for and no more (CVE-2016-3697, CVE-2022-29162, CVE-2025-27612, CVE-2026-30892).

use conformance::{Bundle, Container, json, rootless};

#[track_caller]
fn caps(container: &Container, flags: &[&str], set: &str) -> u64 {
    let outcome = container.exec_with(flags, ["grep", set, "/proc/self/status"]).succeeds();
    u64::from_str_radix(outcome.stdout.split_whitespace().last().unwrap(), 16).unwrap()
}

#[conformance::test]
fn user_1_is_uid_1() {
    let container = Bundle::new().start();
    for uid in ["1", "10", "65534", "2147483647"] {
        // A user has no such id to give.
        if rootless::here() && uid.len() > 5 {
            continue;
        }
        container.exec_with(&["-u", uid], ["id", "-u"]).succeeds().prints(uid);
    }
}

#[conformance::test]
fn a_number_is_not_looked_up_in_passwd() {
    // The image calls root "1000".
    let container = Bundle::new().file("/etc/passwd", "1000:x:0:0::/:/bin/sh\n").start();
    container.exec_with(&["-u", "1000"], ["id", "-u"]).succeeds().prints("1000");
}

#[conformance::test]
fn garbage_is_no_user() {
    let container = Bundle::new().start();
    for user in ["1x", "x", "0x1", "1:x", "1:2:3", " 1", "1 ", "1:", ":1", ":", "1.0", "99999999999999999999"] {
        let outcome = container.exec_with(&["-u", user], ["id", "-u"]);
        assert_ne!(outcome.code, 0, "`{user}` was taken as {}", outcome.stdout);
    }
}

#[conformance::test]
fn a_user_out_of_range_is_not_root() {
    let container = Bundle::new().start();
    for user in ["-1", "4294967295", "4294967296", "18446744073709551616"] {
        let outcome = container.exec_with(&["-u", user], ["id", "-u"]);
        assert_ne!(outcome.code, 0, "`{user}` was taken as {}", outcome.stdout);
    }
}

#[conformance::test]
fn more_capabilities_are_never_inheritable() {
    let container = Bundle::new().capable(&["CAP_KILL"]).start();
    for flags in [&[][..], &["--cap", "CAP_SYS_CHROOT"]] {
        assert_eq!(caps(&container, flags, "CapInh"), 0);
        assert_eq!(caps(&container, flags, "CapAmb"), 0);
    }
}

#[conformance::test]
fn a_user_other_than_root_has_no_capabilities() {
    let container = Bundle::new().capable(&["CAP_KILL"]).start();
    assert_eq!(caps(&container, &["-u", "1000"], "CapEff"), 0);
    assert_eq!(caps(&container, &["-u", "1000"], "CapPrm"), 0);
}

#[conformance::test]
fn an_unknown_capability_gives_nothing() {
    let container = Bundle::new().capable(&["CAP_KILL"]).start();
    let outcome = container.exec_with(&["--cap", "CAP_OF_TOMORROW"], ["grep", "CapEff", "/proc/self/status"]);
    assert!(outcome.code != 0 || outcome.stdout.trim().ends_with("0000000000000020"), "{}", outcome.stdout);
}

#[conformance::test]
fn exec_shows_no_directory_of_the_host_while_it_joins() {
    // A process in the container looks through the descriptors of every newcomer for a way out (CVE-2016-9962).
    let bundle = Bundle::new();
    let file = bundle.path().join("config.json").display().to_string();
    let watch = format!(
        "while :; do for fd in /proc/[0-9]*/fd/[3-9] /proc/[0-9]*/fd/1?; do \
         cat $fd/config.json $fd/{file} $fd/../../../../../..{file}; done; done 2>/dev/null"
    );
    let container = bundle.args(["sh", "-c", &watch]).start();
    for _ in 0..20 {
        container.exec(["true"]).succeeds();
    }
    assert_eq!(container.output(), "");
}

/// A container whose root is nobody on the host.
fn mapped() -> Bundle {
    let mapping = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    let bundle = Bundle::new().namespace("user").set("/linux/uidMappings", mapping.clone());
    bundle.set("/linux/gidMappings", mapping)
}

#[conformance::test]
fn root_of_a_user_namespace_cannot_trace_an_init_in_it() {
    // As the root of a pod whose user and pid namespaces a second container joins.
    let container = mapped().create();
    let pid = container.state()["pid"].to_string();
    let look = ["-U", "-t", &pid, "-S", "0", "-G", "0", "readlink", &format!("/proc/{pid}/root")].map(str::to_owned);
    let seen = std::process::Command::new("nsenter").args(look).output().unwrap();
    assert!(!seen.status.success(), "saw {}", String::from_utf8_lossy(&seen.stdout));
}

#[conformance::test]
fn a_score_for_the_oom_killer_is_set_in_a_user_namespace() {
    let container = mapped().set("/process/oomScoreAdj", 100).start();
    let file = container.host("process.json");
    let process =
        json!({"args": ["cat", "/proc/self/oom_score_adj"], "cwd": "/", "env": ["PATH=/bin"], "oomScoreAdj": 500});
    std::fs::write(&file, process.to_string()).unwrap();
    container.call_with(&["exec", "--process", &file], &[]).succeeds().prints("500");
    container.exec(["cat", "/proc/1/oom_score_adj"]).succeeds().prints("100");
}

/// crun 1.29 closed this: a cgroup of `exec` that is not the container's has other limits.
#[conformance::test]
fn a_cgroup_of_exec_does_not_climb_out() {
    let container = Bundle::new().start();
    for path in ["..", "../..", "a/../../b", "/..", "memory:.."] {
        let outcome = container.exec_with(&["--cgroup", path], ["true"]);
        assert_ne!(outcome.code, 0, "`{path}` was taken");
    }
}

#[conformance::test]
fn clocks_are_set_in_a_user_namespace() {
    let bundle = mapped().namespace("time").set("/linux/timeOffsets", json!({"boottime": {"secs": 1_000_000_000}}));
    let uptime = bundle.args(["cut", "-d.", "-f1", "/proc/uptime"]).run().succeeds().stdout;
    assert!(uptime.trim().parse::<u64>().unwrap() >= 1_000_000_000);
}
