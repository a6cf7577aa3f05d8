//! `process`: args, env, cwd, user, umask, rlimits, oomScoreAdj.

use conformance::observe::Process;
use conformance::{Bundle, json, needs};

#[conformance::test(covers = ["/process/args", "start.runs-the-program"])]
fn args_arrive_as_they_are() {
    let container = Bundle::new().args(["sleep", "1000", "0.5", "0"]).start();
    assert_eq!(container.settled().args(), ["sleep", "1000", "0.5", "0"]);
}

#[conformance::test(covers = ["process.path-of-the-container", "/process/env"])]
fn the_executable_is_found_in_the_path_of_the_container() {
    let bundle = Bundle::new().args(["tool"]).file("/opt/tool", "#!/bin/sh\necho found");
    bundle.set("/process/env", json!(["PATH=/nowhere:/opt:/bin"])).run().succeeds().prints("found");
}

#[conformance::test]
fn a_relative_executable_is_found_from_the_cwd() {
    let bundle = Bundle::new().args(["./tool"]).file("/opt/tool", "#!/bin/sh\npwd");
    bundle.set("/process/cwd", "/opt").run().succeeds().prints("/opt");
}

#[conformance::test(covers = ["/process/env"])]
fn the_environment_is_what_was_asked_for() {
    let env = json!(["PATH=/bin", "A=1", "EMPTY=", "SPACE=a b"]);
    let seen = Bundle::new().set("/process/env", env).start().settled().environment();
    for entry in ["PATH=/bin", "A=1", "EMPTY=", "SPACE=a b"] {
        assert!(seen.iter().any(|have| have == entry), "{entry} in {seen:?}");
    }
}

#[conformance::test(covers = ["/process/env"])]
fn nothing_of_the_runtimes_environment_is_inherited() {
    let seen = Bundle::new().start().settled().environment();
    let strangers: Vec<_> =
        seen.iter().filter(|entry| !["PATH=", "TERM=", "HOME="].iter().any(|known| entry.starts_with(known))).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

#[conformance::test]
fn home_comes_from_the_containers_passwd() {
    let bundle =
        Bundle::sh("echo $HOME").file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n");
    let bundle = bundle.set("/process/user", json!({"uid": 1000, "gid": 1000}));
    bundle.run().succeeds().prints("/home/u");
}

#[conformance::test]
fn home_of_the_config_wins() {
    let bundle = Bundle::sh("echo $HOME").file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    bundle.set("/process/env/-", "HOME=/elsewhere").run().succeeds().prints("/elsewhere");
}

#[conformance::test(covers = ["/process/cwd"])]
fn the_cwd_is_entered() {
    Bundle::sh("pwd").set("/process/cwd", "/etc").run().succeeds().prints("/etc");
}

#[conformance::test(covers = ["/process/cwd"])]
fn a_missing_cwd_is_made() {
    let bundle = Bundle::sh("pwd").writable().set("/process/cwd", "/var/new/deep");
    bundle.run().succeeds().prints("/var/new/deep");
}

/// Root of a user namespace has no power over a file whose group is not in it, as a server of NFS gives root none.
#[conformance::test(covers = ["/process/cwd"])]
fn a_cwd_that_only_the_user_may_enter_is_entered() {
    needs::root("a directory of somebody else");
    let bundle = Bundle::sh("pwd; cd /; cd /home/user && echo again").dir("/home/user").namespace("user");
    let ids = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    let bundle = bundle.set("/linux/uidMappings", ids.clone()).set("/linux/gidMappings", ids);
    let home = bundle.inside("/home/user");
    std::os::unix::fs::chown(&home, Some(101_000), Some(4242)).unwrap();
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let bundle = bundle.set("/process/cwd", "/home/user");
    bundle.set("/process/user", json!({"uid": 1000, "gid": 1000})).run().succeeds().prints("/home/user\nagain");
}

#[conformance::test(covers = ["/process/cwd"])]
fn a_cwd_that_nobody_may_enter_is_refused() {
    needs::root("a directory of somebody else");
    let bundle = Bundle::sh("pwd").dir("/home/user").namespace("user");
    let ids = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    let bundle = bundle.set("/linux/uidMappings", ids.clone()).set("/linux/gidMappings", ids);
    std::fs::set_permissions(bundle.inside("/home/user"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let bundle = bundle.set("/process/cwd", "/home/user").set("/process/user", json!({"uid": 1000, "gid": 1000}));
    bundle.never_starts().names("/process/cwd");
}

#[conformance::test(covers = ["/process/user/{uid,gid,additionalGids}"])]
fn the_user_and_groups_are_taken_on() {
    needs::root("ids that are the same on the host");
    let user = json!({"uid": 1000, "gid": 1001, "additionalGids": [5, 6]});
    let container = Bundle::new().set("/process/user", user).start();
    let process = container.settled();
    assert_eq!(process.status("Uid").unwrap(), "1000\t1000\t1000\t1000");
    assert_eq!(process.status("Gid").unwrap(), "1001\t1001\t1001\t1001");
    assert_eq!(process.status("Groups").unwrap(), "5 6");
}

#[conformance::test(covers = ["/process/user/additionalGids"])]
fn there_are_no_groups_unless_asked_for() {
    let user = json!({"uid": 1000, "gid": 1001});
    assert_eq!(Bundle::new().set("/process/user", user).start().settled().status("Groups").unwrap(), "");
}

#[conformance::test]
fn stdio_belongs_to_the_user() {
    let bundle = Bundle::sh("echo written > /proc/self/fd/1").set("/process/user", json!({"uid": 1000, "gid": 1000}));
    bundle.run().succeeds().prints("written");
}

#[conformance::test(covers = ["/process/user/umask"])]
fn the_umask_is_set() {
    let container = Bundle::new().set("/process/user/umask", 0o37).start();
    assert_eq!(container.settled().status("Umask").unwrap(), "0037");
}

#[conformance::test]
fn the_umask_is_0022_by_default() {
    assert_eq!(Bundle::new().start().settled().status("Umask").unwrap(), "0022");
}

#[conformance::test(covers = [
    "/process/rlimits/*/{type,soft,hard}",
    "/process/rlimits/*/type=RLIMIT_{NOFILE,CORE,FSIZE,STACK,NPROC,MEMLOCK}",
])]
fn rlimits_are_set() {
    let limits = json!([
        {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
        {"type": "RLIMIT_FSIZE", "soft": 1_000_000, "hard": 2_000_000},
        {"type": "RLIMIT_STACK", "soft": 4_194_304, "hard": 8_388_608},
        {"type": "RLIMIT_NPROC", "soft": 1000, "hard": 2000},
        {"type": "RLIMIT_MEMLOCK", "soft": 4096, "hard": 65536},
    ]);
    let container = Bundle::new().set("/process/rlimits", limits).start();
    let process = container.settled();
    for (name, soft, hard) in [
        ("Max open files", "100", "200"),
        ("Max core file size", "0", "0"),
        ("Max file size", "1000000", "2000000"),
        ("Max stack size", "4194304", "8388608"),
        ("Max processes", "1000", "2000"),
        ("Max locked memory", "4096", "65536"),
    ] {
        assert_eq!(process.limit(name), (soft.to_owned(), hard.to_owned()), "{name}");
    }
}

#[conformance::test(covers = ["/process/oomScoreAdj"])]
fn the_oom_score_is_adjusted() {
    let container = Bundle::new().set("/process/oomScoreAdj", 123).start();
    assert_eq!(container.settled().read("oom_score_adj").trim(), "123");
}

#[conformance::test(covers = ["/process/oomScoreAdj"])]
fn the_oom_score_is_the_runtimes_unless_asked_for() {
    let own = Process::myself().read("oom_score_adj");
    assert_eq!(Bundle::new().start().settled().read("oom_score_adj"), own);
}

#[conformance::test]
fn signals_are_neither_blocked_nor_ignored() {
    let container = Bundle::new().start();
    let process = container.settled();
    // 32 and 33 belong to the C library, whoever started us.
    for field in ["SigBlk", "SigIgn"] {
        let mask = u64::from_str_radix(&process.status(field).unwrap(), 16).unwrap();
        assert_eq!(mask & 0x7fff_ffff, 0, "{field}");
    }
}

#[conformance::test(covers = ["linux.only-stdio"])]
fn only_stdio_is_open() {
    let container = Bundle::new().start();
    assert_eq!(container.settled().fds().keys().copied().collect::<Vec<_>>(), [0, 1, 2]);
}

/// Limits that anybody may lower from where they are.
#[conformance::test(covers = ["/process/rlimits/*/type=RLIMIT_{AS,CPU,DATA,LOCKS,MSGQUEUE,RSS,RTTIME,SIGPENDING}"])]
fn every_limit_can_be_lowered() {
    let limits = [
        ("RLIMIT_AS", "Max address space", 1_u64 << 33),
        ("RLIMIT_CPU", "Max cpu time", 3600),
        ("RLIMIT_DATA", "Max data size", 1 << 32),
        ("RLIMIT_LOCKS", "Max file locks", 77),
        ("RLIMIT_MSGQUEUE", "Max msgqueue size", 4096),
        ("RLIMIT_RSS", "Max resident set", 1 << 30),
        ("RLIMIT_RTTIME", "Max realtime timeout", 1_000_000),
        ("RLIMIT_SIGPENDING", "Max pending signals", 99),
    ];
    let list: Vec<_> =
        limits.iter().map(|(kind, _, most)| json!({"type": kind, "soft": most - 1, "hard": most})).collect();
    let container = Bundle::new().set("/process/rlimits", list).start();
    let process = container.settled();
    for (kind, name, most) in limits {
        assert_eq!(process.limit(name), ((most - 1).to_string(), most.to_string()), "{kind}");
    }
}

#[conformance::test(covers = ["/process/rlimits/*/type=RLIMIT_{NICE,RTPRIO}"])]
fn limits_of_priorities_can_be_raised() {
    needs::capability("CAP_SYS_RESOURCE", 24);
    let limits = json!([
        {"type": "RLIMIT_NICE", "soft": 21, "hard": 22},
        {"type": "RLIMIT_RTPRIO", "soft": 7, "hard": 8},
    ]);
    let container = Bundle::new().set("/process/rlimits", limits).start();
    let process = container.settled();
    assert_eq!(process.limit("Max nice priority"), ("21".to_owned(), "22".to_owned()));
    assert_eq!(process.limit("Max realtime priority"), ("7".to_owned(), "8".to_owned()));
}

/// Only the host's root may, and a user namespace's is another.
#[conformance::test(covers = ["/process/rlimits/*/type=RLIMIT_RTPRIO"])]
fn limits_can_be_raised_in_a_user_namespace() {
    needs::capability("CAP_SYS_RESOURCE", 24);
    let ids = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    let bundle = Bundle::new().namespace("user").set("/linux/uidMappings", ids.clone()).set("/linux/gidMappings", ids);
    let limits = json!([{"type": "RLIMIT_RTPRIO", "soft": 7, "hard": 8}]);
    let container = bundle.set("/process/rlimits", limits).start();
    assert_eq!(container.settled().limit("Max realtime priority"), ("7".to_owned(), "8".to_owned()));
    let words = "grep 'realtime p' /proc/self/limits | tr -s ' ' | cut -d ' ' -f 4,5";
    container.sh(words).succeeds().prints("7 8");
}

/// To the kernel it means "no change": taken for an id it would leave the process root.
#[conformance::test(covers = ["/process/user/{uid,gid,additionalGids}"])]
fn the_highest_number_is_nobodys_id() {
    Bundle::new().set("/process/user/uid", u32::MAX).never_starts().names("/process/user/uid");
    Bundle::new().set("/process/user/gid", u32::MAX).never_starts().names("/process/user/gid");
    let groups = json!([1, u32::MAX]);
    Bundle::new().set("/process/user/additionalGids", groups).never_starts().names("/process/user/additionalGids/1");
    let container = Bundle::new().start();
    for user in ["4294967295", "0:4294967295"] {
        assert_ne!(container.exec_with(&["--user", user], ["id", "-u"]).code, 0, "{user}");
    }
}
