//! Every way in which `config.json` can be wrong, and what we say about it: the messages are interface.
//!
//! Each row changes one place of a config that is right (`null` takes it away, `-` appends) and gives the whole message.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end here")]

use orlop::spec::{Process, Resources, Spec};
use orlop::{Kind, Pointer};
use serde_json::{Value, json};

fn base() -> Value {
    json!({
        "ociVersion": "1.3.0",
        "root": {"path": "rootfs"},
        "process": {"args": ["sh"], "cwd": "/", "env": ["A=b"], "user": {"uid": 0, "gid": 0}, "terminal": true},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/data", "type": "bind", "source": "/srv", "options": ["bind"]}
        ],
        "linux": {
            "namespaces": [{"type": "mount"}, {"type": "pid"}],
            "resources": {},
            "seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}
        }
    })
}

/// Puts `value` at `pointer`, making the objects on the way.
fn put(document: &mut Value, pointer: &str, value: Value) {
    let mut place = document;
    for key in pointer.split('/').skip(1) {
        let key = key.replace("~1", "/").replace("~0", "~");
        place = match place {
            Value::Array(items) => match key.as_str() {
                "-" => {
                    items.push(Value::Null);
                    items.last_mut().unwrap()
                }
                index => &mut items[index.parse::<usize>().unwrap()],
            },
            place => &mut place[key.as_str()],
        };
    }
    *place = value;
}

#[track_caller]
fn wrong(rows: &[(&str, Value, &str)]) {
    for (pointer, value, message) in rows {
        let mut config = base();
        put(&mut config, pointer, value.clone());
        let bytes = serde_json::to_vec(&config).unwrap();
        match Spec::from_slice(&bytes) {
            Ok(_) => panic!("{pointer} = {value} is read, and should not be"),
            Err(error) => {
                assert_eq!(error.to_string(), format!("check config: {message}"), "{pointer} = {value}");
                assert!(matches!(error.kind(), Kind::Config | Kind::Unsupported));
            }
        }
    }
}

#[track_caller]
fn right(rows: &[(&str, Value)]) {
    for (pointer, value) in rows {
        let mut config = base();
        put(&mut config, pointer, value.clone());
        if let Err(error) = Spec::from_slice(&serde_json::to_vec(&config).unwrap()) {
            panic!("{pointer} = {value}: {error}");
        }
    }
}

#[test]
fn the_base_is_right() {
    right(&[("/x", json!(1))]);
}

#[test]
fn what_is_not_json_says_line_and_column() {
    let cases = [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{\n \"root\": }", "expected value at line 2 column 10"),
        ("{\"a\": 1,}", "trailing comma at line 1 column 9"),
        ("{} {}", "trailing characters at line 1 column 4"),
        ("{\"root\": {\"path\": \"a", "EOF while parsing a string at line 1 column 20"),
    ];
    for (text, message) in cases {
        let error = Spec::from_slice(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), format!("read config: config.json is not valid JSON: {message}"), "{text}");
        assert_eq!(error.kind(), Kind::Config);
    }
}

#[test]
#[rustfmt::skip]
fn a_wrong_type_says_the_pointer() {
    wrong(&[
        ("/process/args", json!("sh"), "invalid type: string \"sh\", expected an array [config.json /process/args]"),
        ("/process", json!([]), "invalid type: array, expected an object [config.json /process]"),
        ("/root", json!(["rootfs", true]), "invalid type: array, expected an object [config.json /root]"),
        ("/mounts/0", json!(["/proc", "proc"]), "invalid type: array, expected an object [config.json /mounts/0]"),
        ("/process", json!(7), "invalid type: integer `7`, expected an object [config.json /process]"),
        ("/process/terminal", json!("yes"), "invalid type: string \"yes\", expected a boolean [config.json /process/terminal]"),
        ("/process/user/gid", json!(1.5), "invalid type: floating point `1.5`, expected an integer from 0 to 4294967295 [config.json /process/user/gid]"),
        ("/process/rlimits", json!([{"type": "RLIMIT_CORE", "soft": -1, "hard": 1}]), "invalid value: integer `-1`, expected an integer from 0 to 18446744073709551615 [config.json /process/rlimits/0/soft]"),
        ("/mounts", json!({}), "invalid type: object, expected an array [config.json /mounts]"),
        ("/mounts/1/options/0", json!({}), "invalid type: object, expected a string [config.json /mounts/1/options/0]"),
        ("/linux/resources/pids/limit", json!("max"), "invalid type: string \"max\", expected an integer from -9223372036854775808 to 9223372036854775807 [config.json /linux/resources/pids/limit]"),
        ("/linux/resources/unified", json!(["a"]), "invalid type: array, expected an object of strings [config.json /linux/resources/unified]"),
        ("/annotations", json!({"a": 1}), "invalid type: integer `1`, expected a string [config.json /annotations/a]"),
        ("/linux/seccomp", json!("default"), "invalid type: string \"default\", expected an object [config.json /linux/seccomp]"),
    ]);
}

#[test]
#[rustfmt::skip]
fn versions() {
    right(&[("/ociVersion", json!("1.0.2-dev")), ("/ociVersion", json!("1.9.0+build"))]);
    wrong(&[
        ("/ociVersion", json!(null), "no `ociVersion` [config.json /ociVersion]"),
        ("/ociVersion", json!("2.0.0"), "unsupported version `2.0.0` [config.json /ociVersion]"),
        ("/ociVersion", json!("0.9.1"), "unsupported version `0.9.1` [config.json /ociVersion]"),
        ("/ociVersion", json!("one"), "`one` is not a version such as 1.3.0 [config.json /ociVersion]"),
        ("/ociVersion", json!("1.3"), "`1.3` is not a version such as 1.3.0 [config.json /ociVersion]"),
        ("/root", json!(null), "no `root` [config.json /root]"),
        ("/root", json!({}), "no path to the root filesystem [config.json /root/path]"),
        ("/root/path", json!(""), "no path to the root filesystem [config.json /root/path]"),
        ("/annotations", json!({"": "x"}), "an empty key [config.json /annotations]"),
    ]);
}

#[test]
#[rustfmt::skip]
fn nul_bytes() {
    wrong(&[
        ("/root/path", json!("a\0"), "the text holds a NUL byte (\\u0000), which no system call can take [config.json /root/path]"),
        ("/process/args/0", json!("a\0"), "the text holds a NUL byte (\\u0000), which no system call can take [config.json /process/args/0]"),
        ("/annotations", json!({"a/b": "\0"}), "the text holds a NUL byte (\\u0000), which no system call can take [config.json /annotations/a~1b]"),
        ("/linux/seccomp/architectures", json!(["\0"]), "the text holds a NUL byte (\\u0000), which no system call can take [config.json /linux/seccomp/architectures/0]"),
    ]);
}

#[test]
#[rustfmt::skip]
fn processes() {
    right(&[
        ("/process/oomScoreAdj", json!(-1000)),
        ("/process/consoleSize", json!({"height": 0, "width": 0})),
        ("/process", json!(null)),
        ("/process/user/username", json!("root")),
        ("/process/apparmorProfile", json!("")),
        ("/process/apparmorProfile", json!("docker-default")),
        ("/process/selinuxLabel", json!("a:b:c:d")),
        ("/linux/mountLabel", json!("a:b:c:d")),
        ("/annotations", json!({"run.oci.mount_context_type": "defcontext", "run.oci.keep_original_groups": ""})),
        ("/process/scheduler", json!(null)),
        ("/process/scheduler", json!({"policy": "SCHED_FIFO", "priority": 1, "flags": ["SCHED_FLAG_RESET_ON_FORK"]})),
        ("/process/env/0", json!("A=")),
        ("/process/capabilities", json!({"bounding": ["CAP_NEW"]})),
    ]);
    wrong(&[
        ("/process", json!({}), "no program to run [config.json /process/args]"),
        ("/process/apparmorProfile", json!("a\0b"), "the text holds a NUL byte (\\u0000), which no system call can take [config.json /process/apparmorProfile]"),
        ("/process/selinuxLabel", json!(1), "invalid type: integer `1`, expected a string [config.json /process/selinuxLabel]"),
        ("/linux/mountLabel", json!([]), "invalid type: array, expected a string [config.json /linux/mountLabel]"),
        ("/annotations", json!({"run.oci.mount_context_type": "ctx"}), "unknown mount context `ctx` [config.json /annotations/run.oci.mount_context_type]"),
        ("/process/execCPUAffinity", json!({"final": "a"}), "`a` is not a list such as 0-3,7 [config.json /process/execCPUAffinity/final]"),
        ("/linux/memoryPolicy", json!({"mode": "MPOL_BIND"}), "MPOL_BIND needs at least one node [config.json /linux/memoryPolicy/nodes]"),
        ("/linux/personality", json!({"domain": "BSD"}), "unknown personality `BSD` [config.json /linux/personality/domain]"),
        ("/process/ioPriority", json!({"class": "RT"}), "unknown I/O class `RT` [config.json /process/ioPriority/class]"),
        ("/process/scheduler", json!({}), "a scheduler needs a `policy` [config.json /process/scheduler/policy]"),
        ("/process/scheduler", json!({"policy": "SCHED_IDLE", "runtime": -1}), "invalid value: integer `-1`, expected an integer from 0 to 18446744073709551615 [config.json /process/scheduler/runtime]"),
        ("/process/args", json!(null), "no program to run [config.json /process/args]"),
        ("/process/args", json!([]), "no program to run [config.json /process/args]"),
        ("/process/args/0", json!(""), "the program's name is empty [config.json /process/args/0]"),
        ("/process/cwd", json!(null), "no working directory [config.json /process/cwd]"),
        ("/process/cwd", json!("tmp"), "working directory `tmp` is not absolute [config.json /process/cwd]"),
        ("/process/env/-", json!("HOME"), "environment entry is not of the form NAME=value [config.json /process/env/1]"),
        ("/process/env/-", json!("=x"), "environment entry is not of the form NAME=value [config.json /process/env/1]"),
        ("/process/user/umask", json!(512), "umask 512 is above 511 (0777) [config.json /process/user/umask]"),
        ("/process/user/uid", json!(4_294_967_295_u32), "4294967295 is not an id: to the kernel it means `no change` [config.json /process/user/uid]"),
        ("/process/user/gid", json!(4_294_967_295_u32), "4294967295 is not an id: to the kernel it means `no change` [config.json /process/user/gid]"),
        ("/process/user/additionalGids", json!([1, 4_294_967_295_u32]), "4294967295 is not an id: to the kernel it means `no change` [config.json /process/user/additionalGids/1]"),
        ("/process/user/uid", json!(-1), "invalid value: integer `-1`, expected an integer from 0 to 4294967295 [config.json /process/user/uid]"),
        ("/process/user/additionalGids", json!([1, "wheel"]), "invalid type: string \"wheel\", expected an integer from 0 to 4294967295 [config.json /process/user/additionalGids/1]"),
        ("/process/oomScoreAdj", json!(1001), "1001 is not within -1000 and 1000 [config.json /process/oomScoreAdj]"),
        ("/process/oomScoreAdj", json!(-9_000_000_000_i64), "-9000000000 is not within -1000 and 1000 [config.json /process/oomScoreAdj]"),
        ("/process/consoleSize", json!({"height": 65536, "width": 80}), "a terminal has at most 65535 rows and columns [config.json /process/consoleSize/height]"),
        ("/process/rlimits", json!([{"soft": 1, "hard": 1}]), "an rlimit needs a `type` [config.json /process/rlimits/0/type]"),
        ("/process/rlimits", json!([{"type": "RLIMIT_FOO", "soft": 1, "hard": 1}]), "unknown rlimit `RLIMIT_FOO` [config.json /process/rlimits/0/type]"),
        ("/process/rlimits", json!([{"type": "RLIMIT_CORE", "soft": 1}]), "an rlimit needs both `soft` and `hard` [config.json /process/rlimits/0]"),
        ("/process/rlimits", json!([{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}]), "soft limit 2 is above the hard limit 1 [config.json /process/rlimits/0/soft]"),
        (
            "/process/rlimits",
            json!([{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}, {"type": "RLIMIT_CORE", "soft": 1, "hard": 1}]),
            "the same limit stands at /process/rlimits/0 already [config.json /process/rlimits/1/type]",
        ),
    ]);
}

#[test]
#[rustfmt::skip]
fn mounts() {
    right(&[
        ("/mounts/0/destination", json!("/a/../proc/")),
        ("/mounts/0/destination", json!("/a/../../proc")),
        ("/mounts/0/destination", json!("proc")),
        ("/mounts/0/destination", json!("../proc")),
        ("/mounts/-", json!({"destination": "/c", "type": "cgroup", "options": ["rprivate", "nosuid", "", "ro"]})),
        ("/mounts/0/options", json!(["", "gid=5", "iversion", "silent", "defaults"])),
        ("/mounts/0/options", json!(["nosuid", "remount"])),
        ("/mounts/1/options", json!(["rbind", "rro", "rstrictatime", "nosymfollow", "runbindable"])),
        ("/mounts/-", json!({"destination": "/c", "type": "cgroup"})),
        ("/mounts/-", json!({"destination": "/t", "type": "tmpfs", "options": ["tmpcopyup"], "uidMappings": []})),
    ]);
    wrong(&[
        ("/mounts/0/destination", json!(null), "a mount needs a `destination` [config.json /mounts/0/destination]"),
        ("/mounts/0/type", json!(null), "a mount needs the `type` of a filesystem [config.json /mounts/0/type]"),
        ("/mounts/0/type", json!("none"), "a mount needs the `type` of a filesystem [config.json /mounts/0/type]"),
        ("/mounts/1/source", json!(null), "a bind mount needs a `source` [config.json /mounts/1/source]"),
        ("/mounts/1/options", json!(["bind", "noxec"]), "unknown option `noxec` for a bind mount [config.json /mounts/1/options/1]"),
        ("/mounts/1/options", json!(["bind", "tmpcopyup"]), "`tmpcopyup` is for mounts of type tmpfs only [config.json /mounts/1/options/1]"),
        ("/mounts/1/options", json!(["bind", "ridmap"]), "an id-mapped mount needs mappings, or a container with a user namespace [config.json /mounts/1/options/1]"),
        ("/mounts/1/options", json!(["bind", "idmap=uids=0-1-10"]), "`idmap=uids=0-1-10` is crun's own way to map ids [config.json /mounts/1/options/1]"),
        ("/mounts/0/options", json!(["ridmap=uids=0-1-10"]), "`ridmap=uids=0-1-10` is crun's own way to map ids [config.json /mounts/0/options/0]"),
        ("/mounts/0/options", json!(["tmpcopyup"]), "`tmpcopyup` is for mounts of type tmpfs only [config.json /mounts/0/options/0]"),
        ("/mounts/0/options", json!(["=5"]), "option `=5` has no name [config.json /mounts/0/options/0]"),
        ("/mounts/0/options", json!(["nosuid", 5]), "invalid type: integer `5`, expected a string [config.json /mounts/0/options/1]"),
        ("/mounts/1/uidMappings", json!([{"containerID": 0, "hostID": 0, "size": 1}]), "an id-mapped mount needs mappings of both users and groups [config.json /mounts/1/gidMappings]"),
        ("/mounts/1/gidMappings", json!([{"containerID": 0, "hostID": 0, "size": 1}]), "an id-mapped mount needs mappings of both users and groups [config.json /mounts/1/uidMappings]"),
        ("/mounts/1/uidMappings", json!([{"containerID": 0, "hostID": 0, "size": 0}]), "an id mapping of size 0 maps nothing [config.json /mounts/1/uidMappings/0/size]"),
        ("/mounts/1/uidMappings", json!([{"containerID": 0, "hostID": 0}]), "an id mapping needs `containerID`, `hostID` and `size` [config.json /mounts/1/uidMappings/0]"),
        ("/mounts/-", json!({"destination": "/c", "type": "cgroup", "options": ["ro", "nsdelegate"]}), "unknown option `nsdelegate` for a cgroup mount [config.json /mounts/2/options/1]"),
        ("/mounts/-", json!({"destination": "/c", "type": "cgroup", "options": ["ro", "idmap"]}), "a cgroup filesystem cannot be id-mapped [config.json /mounts/2/options/1]"),
    ]);
}

#[test]
#[rustfmt::skip]
fn hooks() {
    wrong(&[
        ("/hooks", json!({"prestart": [{}]}), "a hook needs a `path` [config.json /hooks/prestart/0/path]"),
        ("/hooks", json!({"prestart": [{"path": ""}]}), "a hook needs a `path` [config.json /hooks/prestart/0/path]"),
        ("/hooks", json!({"createRuntime": [{"path": "/a"}, {"path": "bin/a"}]}), "hook path `bin/a` is not absolute [config.json /hooks/createRuntime/1/path]"),
        ("/hooks", json!({"createContainer": [{"path": "/a", "timeout": 0}]}), "hook timeout 0 is not greater than zero [config.json /hooks/createContainer/0/timeout]"),
        ("/hooks", json!({"startContainer": [{"path": "/a", "timeout": -1}]}), "hook timeout -1 is not greater than zero [config.json /hooks/startContainer/0/timeout]"),
        ("/hooks", json!({"poststart": [{"path": "/a", "env": ["B"]}]}), "environment entry is not of the form NAME=value [config.json /hooks/poststart/0/env/0]"),
        ("/hooks", json!({"poststop": [{"path": "/a", "args": {}}]}), "invalid type: object, expected an array [config.json /hooks/poststop/0/args]"),
    ]);
}

#[test]
#[rustfmt::skip]
fn namespaces() {
    right(&[
        ("/linux/namespaces/-", json!({"type": "network", "path": ""})),
        ("/linux/namespaces/-", json!({"type": "user", "path": "/proc/1/ns/user"})),
        ("/linux/timeOffsets", json!({})),
    ]);
    wrong(&[
        ("/linux/namespaces/-", json!({}), "a namespace needs a `type` [config.json /linux/namespaces/2/type]"),
        ("/linux/namespaces/-", json!({"type": "net"}), "unknown namespace type `net` [config.json /linux/namespaces/2/type]"),
        ("/linux/namespaces/-", json!({"type": "pid"}), "a second `pid` namespace [config.json /linux/namespaces/2/type]"),
        ("/linux/namespaces/-", json!({"type": "ipc", "path": "ns/ipc"}), "namespace path `ns/ipc` is not absolute [config.json /linux/namespaces/2/path]"),
        ("/linux/namespaces/-", json!({"type": "user"}), "a new user namespace needs mappings of both users and groups [config.json /linux/uidMappings]"),
        ("/linux/uidMappings", json!([{"containerID": 0, "hostID": 0, "size": 1}]), "`uidMappings` needs a new or joined user namespace [config.json /linux/uidMappings]"),
        ("/linux/gidMappings", json!([{"containerID": 0, "hostID": 0, "size": 1}]), "`gidMappings` needs a new or joined user namespace [config.json /linux/gidMappings]"),
        ("/linux/gidMappings", json!([{"containerID": 0, "hostID": 0}]), "an id mapping needs `containerID`, `hostID` and `size` [config.json /linux/gidMappings/0]"),
        ("/linux/gidMappings", json!([{"containerID": 0, "hostID": 0, "size": 0}]), "an id mapping of size 0 maps nothing [config.json /linux/gidMappings/0/size]"),
        ("/linux/gidMappings", json!([{"containerID": 1, "hostID": 0, "size": 4_294_967_295_u32}]), "the id mapping runs past the last id, 4294967294 [config.json /linux/gidMappings/0/size]"),
        ("/linux/timeOffsets", json!({"monotonic": {"secs": 1}}), "`timeOffsets` needs a new time namespace [config.json /linux/timeOffsets]"),
        ("/linux/timeOffsets", json!({"realtime": {"secs": 1}}), "a time namespace has no clock `realtime` [config.json /linux/timeOffsets/realtime]"),
        ("/linux/timeOffsets", json!({"boottime": {"secs": -4_611_686_019_i64}}), "-4611686019 seconds are more than 4611686018, the farthest a clock can be set off [config.json /linux/timeOffsets/boottime/secs]"),
        ("/linux/timeOffsets", json!({"boottime": {"nanosecs": 1_000_000_000}}), "1000000000 nanoseconds are a second or more [config.json /linux/timeOffsets/boottime/nanosecs]"),
        ("/hostname", json!("box"), "`hostname` needs a new or joined uts namespace [config.json /hostname]"),
        ("/domainname", json!("example.org"), "`domainname` needs a new or joined uts namespace [config.json /domainname]"),
    ]);
}

#[test]
#[rustfmt::skip]
fn paths_and_sysctls() {
    right(&[
        ("/linux/sysctl", json!({"kernel.pid_max": "500", "kernel/ns_last_pid": "9", "vm.memfd_noexec": "1"})),
        ("/linux/rootfsPropagation", json!("rslave")),
        ("/linux/readonlyPaths", json!(["/", "/../etc"])),
    ]);
    wrong(&[
        ("/linux/maskedPaths", json!(["/proc/kcore", "proc/keys"]), "the path is not absolute [config.json /linux/maskedPaths/1]"),
        ("/linux/maskedPaths", json!(["/proc/kcore", "/.."]), "the root filesystem itself cannot be masked [config.json /linux/maskedPaths/1]"),
        ("/linux/readonlyPaths", json!(["../etc"]), "the path is not absolute [config.json /linux/readonlyPaths/0]"),
        ("/linux/rootfsPropagation", json!("public"), "unknown propagation `public` [config.json /linux/rootfsPropagation]"),
        ("/linux/cgroupsPath", json!("/a/../../b"), "cgroup path `/a/../../b` holds `..` [config.json /linux/cgroupsPath]"),
        ("/linux/sysctl", json!({"kernel": "1"}), "`kernel` is not the name of a sysctl [config.json /linux/sysctl/kernel]"),
        ("/linux/sysctl", json!({"net/../kernel/panic": "1"}), "`net/../kernel/panic` is not the name of a sysctl [config.json /linux/sysctl/net~1..~1kernel~1panic]"),
        ("/linux/sysctl", json!({"kernel.shmmax": "1"}), "sysctl `kernel/shmmax` is the host's without a new or joined ipc namespace [config.json /linux/sysctl/kernel.shmmax]"),
        ("/linux/sysctl", json!({"fs.mqueue.msg_max": "1"}), "sysctl `fs/mqueue/msg_max` is the host's without a new or joined ipc namespace [config.json /linux/sysctl/fs.mqueue.msg_max]"),
        ("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"}), "sysctl `net/ipv4/ip_forward` is the host's without a new or joined network namespace [config.json /linux/sysctl/net.ipv4.ip_forward]"),
        ("/linux/sysctl", json!({"kernel.hostname": "box"}), "sysctl `kernel/hostname` is the host's without a new or joined uts namespace [config.json /linux/sysctl/kernel.hostname]"),
        ("/linux/sysctl", json!({"user.max_user_namespaces": "1"}), "sysctl `user/max_user_namespaces` is the host's without a new or joined user namespace [config.json /linux/sysctl/user.max_user_namespaces]"),
        ("/linux/sysctl", json!({"vm.swappiness": "1"}), "sysctl `vm/swappiness` is the host's: no namespace holds it [config.json /linux/sysctl/vm.swappiness]"),
        ("/linux/sysctl", json!({"net.core.somaxconn": 1}), "invalid type: integer `1`, expected a string [config.json /linux/sysctl/net.core.somaxconn]"),
    ]);
}

#[test]
fn a_member_that_stands_twice() {
    let error = Spec::from_slice(br#"{"root": {"path": "a", "path": "b"}}"#).unwrap_err();
    assert_eq!(error.to_string(), "check config: duplicate field `path` [config.json /root]");
}

#[test]
fn rules_between_sections() {
    let mut config = base();
    put(&mut config, "/mounts", json!([]));
    put(&mut config, "/linux/namespaces", json!([{"type": "uts"}]));
    put(&mut config, "/hostname", json!("box"));
    put(&mut config, "/linux/sysctl", json!({"kernel.hostname": "other"}));
    wrong_one(&config, "this sysctl and /hostname set the same name [config.json /linux/sysctl/kernel.hostname]");
}

#[track_caller]
fn wrong_one(config: &Value, message: &str) {
    let error = Spec::from_slice(&serde_json::to_vec(config).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), format!("check config: {message}"));
}

#[test]
#[rustfmt::skip]
fn devices() {
    right(&[("/linux/devices", json!([{"path": "/dev/p", "type": "p"}]))]);
    wrong(&[
        ("/linux/devices", json!([{"path": "/dev/x"}]), "a device needs a `type` [config.json /linux/devices/0/type]"),
        ("/linux/devices", json!([{"type": "c", "major": 1, "minor": 3}]), "a device needs a `path` [config.json /linux/devices/0/path]"),
        ("/linux/devices", json!([{"path": "dev/x", "type": "c", "major": 1, "minor": 3}]), "the device path is not absolute [config.json /linux/devices/0/path]"),
        ("/linux/devices", json!([{"path": "/dev/x", "type": "x"}]), "unknown device type `x` [config.json /linux/devices/0/type]"),
        ("/linux/devices", json!([{"path": "/dev/x", "type": "c", "minor": 3}]), "a device of type c, u or b needs a `major` [config.json /linux/devices/0/major]"),
        ("/linux/devices", json!([{"path": "/dev/x", "type": "u", "major": 1}]), "a device of type c, u or b needs a `minor` [config.json /linux/devices/0/minor]"),
        ("/linux/devices", json!([{"path": "/dev/x", "type": "b", "major": 4096, "minor": 0}]), "major 4096 is not within 0 and 4095 [config.json /linux/devices/0/major]"),
        ("/linux/devices", json!([{"path": "/dev/x", "type": "b", "major": 1, "minor": -1}]), "minor -1 is not within 0 and 1048575 [config.json /linux/devices/0/minor]"),
        ("/linux/devices", json!([{"path": "/dev/x", "type": "p", "uid": 4_294_967_295_u32}]), "4294967295 is not an id: to the kernel it means `no change` [config.json /linux/devices/0/uid]"),
        ("/linux/devices", json!([{"path": "/dev/x", "type": "p", "gid": 4_294_967_295_u32}]), "4294967295 is not an id: to the kernel it means `no change` [config.json /linux/devices/0/gid]"),
        ("/linux/devices", json!([{"path": "/dev/x", "type": "p", "fileMode": 131_072}]), "file mode 131072 is above 4095 (07777) [config.json /linux/devices/0/fileMode]"),
    ]);
}

#[test]
#[rustfmt::skip]
fn resources() {
    right(&[
        ("/linux/resources/blockIO", json!({"weight": 0})),
        ("/linux/resources/blockIO", json!({"weight": 1, "leafWeight": 9})),
        ("/linux/resources/cpu", json!({"shares": 1})),
        ("/linux/resources/cpu", json!({"shares": 0, "quota": -1, "cpus": ""})),
        ("/linux/resources/devices", json!([{"allow": false}, {"allow": true, "major": -1, "access": "r"}])),
        ("/linux/resources/network", json!({})),
        ("/linux/resources/network", json!({"classID": 4_294_967_295_u32, "priorities": [{"name": "eth0", "priority": 0}]})),
        ("/linux/resources/rdma", json!({})),
        ("/linux/resources/rdma", json!({"mlx5_0": {"hcaHandles": 0}, "mlx5_1": {"hcaObjects": 7}})),
        ("/linux/resources/memory", json!({"limit": 10, "swap": -1, "kernel": 5})),
    ]);
    wrong(&[
        ("/linux/resources/devices", json!([{"access": "rwm"}]), "a device rule needs `allow` [config.json /linux/resources/devices/0/allow]"),
        ("/linux/resources/devices", json!([{"allow": true, "access": "rx"}]), "device access `rx` is not made of r, w and m [config.json /linux/resources/devices/0/access]"),
        ("/linux/resources/devices", json!([{"allow": true, "access": ""}]), "device access `` is not made of r, w and m [config.json /linux/resources/devices/0/access]"),
        ("/linux/resources/devices", json!([{"allow": true, "type": "p"}]), "unknown device type `p` in a rule [config.json /linux/resources/devices/0/type]"),
        ("/linux/resources/devices", json!([{"allow": true, "minor": -2}]), "-2 is not a device number; -1 stands for all [config.json /linux/resources/devices/0/minor]"),
        ("/linux/resources/network", json!({"classID": -1}), "invalid value: integer `-1`, expected an integer from 0 to 4294967295 [config.json /linux/resources/network/classID]"),
        ("/linux/resources/network", json!({"priorities": [{"name": "eth0"}]}), "a network priority needs `name` and `priority` [config.json /linux/resources/network/priorities/0]"),
        ("/linux/resources/network", json!({"priorities": [{"name": "a b", "priority": 1}]}), "\"a b\" is not the name of a device [config.json /linux/resources/network/priorities/0/name]"),
        ("/linux/resources/rdma", json!({"mlx5_0": {}}), "an RDMA limit needs `hcaHandles`, `hcaObjects` or both [config.json /linux/resources/rdma/mlx5_0]"),
        ("/linux/resources/rdma", json!({"": {"hcaHandles": 1}}), "\"\" is not the name of a device [config.json /linux/resources/rdma/]"),
        ("/linux/resources/rdma", json!({"mlx5_0": {"hcaObjects": "max"}}), "invalid type: string \"max\", expected an integer from 0 to 4294967295 [config.json /linux/resources/rdma/mlx5_0/hcaObjects]"),
        ("/linux/resources/memory", json!({"limit": -2}), "-2 is below -1 [config.json /linux/resources/memory/limit]"),
        ("/linux/resources/memory", json!({"reservation": -2}), "-2 is below -1 [config.json /linux/resources/memory/reservation]"),
        ("/linux/resources/memory", json!({"limit": 4096, "swap": 1024}), "swap 1024 is below the memory limit 4096 [config.json /linux/resources/memory/swap]"),
        ("/linux/resources/memory", json!({"swappiness": 101}), "swappiness 101 is above 100 [config.json /linux/resources/memory/swappiness]"),
        ("/linux/resources/memory", json!({"limit": "1g"}), "invalid type: string \"1g\", expected an integer from -9223372036854775808 to 9223372036854775807 [config.json /linux/resources/memory/limit]"),
        ("/linux/resources/cpu", json!({"shares": 262_145}), "262145 shares are above 262144 [config.json /linux/resources/cpu/shares]"),
        ("/linux/resources/cpu", json!({"quota": -2}), "-2 is below -1 [config.json /linux/resources/cpu/quota]"),
        ("/linux/resources/cpu", json!({"idle": 2}), "idle 2 is neither 0 nor 1 [config.json /linux/resources/cpu/idle]"),
        ("/linux/resources/cpu", json!({"cpus": " , "}), "` , ` is not a list such as 0-3,7 [config.json /linux/resources/cpu/cpus]"),
        ("/linux/resources/cpu", json!({"cpus": "all"}), "`all` is not a list such as 0-3,7 [config.json /linux/resources/cpu/cpus]"),
        ("/linux/resources/pids", json!({"limit": -2}), "-2 is below -1 [config.json /linux/resources/pids/limit]"),
        ("/linux/resources/blockIO", json!({"weight": 1001}), "`weight` is not within 1 and 1000 [config.json /linux/resources/blockIO/weight]"),
        ("/linux/resources/blockIO", json!({"leafWeight": 1001}), "`leafWeight` is not within 1 and 1000 [config.json /linux/resources/blockIO/leafWeight]"),
        ("/linux/resources/blockIO", json!({"weightDevice": [{"major": 8, "minor": 0}]}), "a weight device needs a `weight` or a `leafWeight` [config.json /linux/resources/blockIO/weightDevice/0]"),
        ("/linux/resources/blockIO", json!({"weightDevice": [{"major": 8, "weight": 10}]}), "a block device needs a `minor` [config.json /linux/resources/blockIO/weightDevice/0/minor]"),
        ("/linux/resources/blockIO", json!({"throttleReadIOPSDevice": [{"major": 8, "minor": 0}]}), "a throttled device needs a `rate` [config.json /linux/resources/blockIO/throttleReadIOPSDevice/0/rate]"),
        ("/linux/resources/blockIO", json!({"throttleWriteBpsDevice": [{"major": -8, "minor": 0, "rate": 1}]}), "`major` is not a device number [config.json /linux/resources/blockIO/throttleWriteBpsDevice/0/major]"),
        ("/linux/resources/hugepageLimits", json!([{"pageSize": "2MB"}]), "a hugepage limit needs `pageSize` and `limit` [config.json /linux/resources/hugepageLimits/0]"),
        ("/linux/resources/hugepageLimits", json!([{"pageSize": "02MB", "limit": 0}]), "`02MB` is not a page size such as 2MB or 1GB [config.json /linux/resources/hugepageLimits/0/pageSize]"),
        ("/linux/resources/unified", json!({"memory/max": "1"}), "`memory/max` is a path; a file of the cgroup itself is wanted [config.json /linux/resources/unified/memory~1max]"),
        ("/linux/resources/unified", json!({"cgroup.procs": "1"}), "`cgroup.procs` is the runtime's own [config.json /linux/resources/unified/cgroup.procs]"),
        ("/linux/resources/unified", json!({"..": "1"}), "`..` is not the name of a cgroup file [config.json /linux/resources/unified/..]"),
    ]);
}

#[test]
#[rustfmt::skip]
fn seccomp() {
    let call = |change: Value| {
        let mut call = json!({"names": ["read"], "action": "SCMP_ACT_ERRNO"});
        for (key, value) in change.as_object().unwrap() {
            call[key] = value.clone();
        }
        json!([call])
    };
    let arg = |op: &str, index: u32| call(json!({"args": [{"index": index, "value": 1, "op": op}]}));
    let notified = |name: &str, flag: &str| {
        let rule = json!([{"names": ["mkdir", name], "action": "SCMP_ACT_NOTIFY"}]);
        json!({"defaultAction": "SCMP_ACT_ALLOW", "flags": [flag], "listenerPath": "a.sock", "listenerMetadata": "m", "syscalls": rule})
    };
    right(&[
        ("/linux/seccomp", json!(null)),
        ("/linux/seccomp/syscalls", call(json!({"errnoRet": 38, "args": null}))),
        ("/linux/seccomp/flags", json!(["SECCOMP_FILTER_FLAG_LOG"])),
        ("/linux/seccomp/listenerPath", json!("/run/x")),
        ("/linux/seccomp", notified("mknod", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")),
        ("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "a", "syscalls": [{"names": ["mknod"], "action": "SCMP_ACT_NOTIFY"}, {"names": ["read", "sendmsg"], "action": "SCMP_ACT_ALLOW"}]})),
    ]);
    wrong(&[
        ("/linux/seccomp", json!({}), "seccomp needs `defaultAction` [config.json /linux/seccomp/defaultAction]"),
        ("/linux/seccomp/defaultAction", json!("ALLOW"), "unknown seccomp action `ALLOW` [config.json /linux/seccomp/defaultAction]"),
        ("/linux/seccomp/defaultAction", json!("SCMP_ACT_NOTIFY"), "SCMP_ACT_NOTIFY cannot be the default action [config.json /linux/seccomp/defaultAction]"),
        ("/linux/seccomp/defaultErrnoRet", json!(1), "SCMP_ACT_ALLOW takes no errno [config.json /linux/seccomp/defaultErrnoRet]"),
        ("/linux/seccomp/architectures", json!(["SCMP_ARCH_X86_64", "x86"]), "unknown seccomp architecture `x86` [config.json /linux/seccomp/architectures/1]"),
        ("/linux/seccomp/flags", json!(["SECCOMP_FILTER_FLAG_FAST"]), "unknown seccomp flag `SECCOMP_FILTER_FLAG_FAST` [config.json /linux/seccomp/flags/0]"),
        ("/linux/seccomp/flags", json!(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]), "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY [config.json /linux/seccomp/flags]"),
        ("/linux/seccomp/listenerMetadata", json!("x"), "`listenerMetadata` needs a `listenerPath` [config.json /linux/seccomp/listenerMetadata]"),
        ("/linux/seccomp/syscalls", call(json!({"action": "SCMP_ACT_NOTIFY"})), "SCMP_ACT_NOTIFY needs a `listenerPath` [config.json /linux/seccomp/listenerPath]"),
        ("/linux/seccomp", notified("sendmsg", "SECCOMP_FILTER_FLAG_LOG"), "SCMP_ACT_NOTIFY cannot be used for sendmsg: the listener itself is sent with it [config.json /linux/seccomp/syscalls/0/names/1]"),
        ("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "a", "syscalls": [{"names": ["mknod"], "action": "SCMP_ACT_NOTIFY"}]}), "a profile that notifies must allow sendmsg: the listener is sent with it [config.json /linux/seccomp/syscalls]"),
        ("/linux/seccomp/syscalls", call(json!({"names": []})), "a seccomp rule needs the name of a system call [config.json /linux/seccomp/syscalls/0/names]"),
        ("/linux/seccomp/syscalls", call(json!({"action": null})), "seccomp needs `action` [config.json /linux/seccomp/syscalls/0/action]"),
        ("/linux/seccomp/syscalls", call(json!({"action": "SCMP_ACT_WARN"})), "unknown seccomp action `SCMP_ACT_WARN` [config.json /linux/seccomp/syscalls/0/action]"),
        ("/linux/seccomp/syscalls", call(json!({"errnoRet": 4096})), "`errnoRet` is above 4095 [config.json /linux/seccomp/syscalls/0/errnoRet]"),
        ("/linux/seccomp/syscalls", call(json!({"names": "read"})), "invalid type: string \"read\", expected an array [config.json /linux/seccomp/syscalls/0/names]"),
        ("/linux/seccomp/syscalls", call(json!({"args": [{"index": 0, "value": 1}]})), "a condition needs `index`, `value` and `op` [config.json /linux/seccomp/syscalls/0/args/0]"),
        ("/linux/seccomp/syscalls", arg("SCMP_CMP_EQ", 6), "system calls have no argument 6 [config.json /linux/seccomp/syscalls/0/args/0/index]"),
        ("/linux/seccomp/syscalls", arg("EQ", 0), "unknown seccomp operator `EQ` [config.json /linux/seccomp/syscalls/0/args/0/op]"),
    ]);
}

#[test]
#[rustfmt::skip]
fn network_devices() {
    let named = |name: &str| json!({"eth0": {"name": name}});
    right(&[
        ("/linux/netDevices", json!(null)),
        ("/linux/netDevices", json!({})),
        ("/linux", json!({"namespaces": [{"type": "mount"}, {"type": "network"}], "netDevices": {"eth0": {}, "fifteen_letters": {"name": null}, "eth1.5": {"name": "net%d"}}})),
    ]);
    wrong(&[
        ("/linux/netDevices", json!([]), "invalid type: array, expected an object [config.json /linux/netDevices]"),
        ("/linux/netDevices", json!({"eth0": 5}), "invalid type: integer `5`, expected an object [config.json /linux/netDevices/eth0]"),
        ("/linux/netDevices", json!({"eth0": {"name": 5}}), "invalid type: integer `5`, expected a string [config.json /linux/netDevices/eth0/name]"),
        ("/linux/netDevices", json!({"sixteen_letters_": {}}), "\"sixteen_letters_\" is not the name of a network interface [config.json /linux/netDevices/sixteen_letters_]"),
        ("/linux/netDevices", json!({"a/b": {}}), "\"a/b\" is not the name of a network interface [config.json /linux/netDevices/a~1b]"),
        ("/linux/netDevices", json!({"eth%d": {}}), "\"eth%d\" is not the name of a network interface [config.json /linux/netDevices/eth%d]"),
        ("/linux/netDevices", named(".."), "\"..\" is not the name of a network interface [config.json /linux/netDevices/eth0/name]"),
        ("/linux/netDevices", named("a b"), "\"a b\" is not the name of a network interface [config.json /linux/netDevices/eth0/name]"),
        ("/linux/netDevices", named("net%d%d"), "\"net%d%d\" is not the name of a network interface [config.json /linux/netDevices/eth0/name]"),
        ("/linux/netDevices", json!({"a": {"name": "b"}, "b": {}}), "a second interface that is to be named `b` [config.json /linux/netDevices/b]"),
    ]);
}

#[test]
#[rustfmt::skip]
fn cache_and_bandwidth() {
    right(&[
        ("/linux/intelRdt", json!(null)),
        ("/linux/intelRdt", json!({})),
        ("/linux/intelRdt", json!({"closID": "/", "schemata": ["L3:0=ff"], "enableMonitoring": true})),
        ("/linux/intelRdt", json!({"closID": "a.b", "l3CacheSchema": "L3CODE:0=f\nL3DATA:0=f", "memBwSchema": "MB:0=20"})),
    ]);
    wrong(&[
        ("/linux/intelRdt", json!("gold"), "invalid type: string \"gold\", expected an object [config.json /linux/intelRdt]"),
        ("/linux/intelRdt/closID", json!(5), "invalid type: integer `5`, expected a string [config.json /linux/intelRdt/closID]"),
        ("/linux/intelRdt/closID", json!(".."), "\"..\" cannot be the name of a resctrl group [config.json /linux/intelRdt/closID]"),
        ("/linux/intelRdt/closID", json!("a/b"), "\"a/b\" cannot be the name of a resctrl group [config.json /linux/intelRdt/closID]"),
        ("/linux/intelRdt/closID", json!("info"), "\"info\" cannot be the name of a resctrl group [config.json /linux/intelRdt/closID]"),
        ("/linux/intelRdt/memBwSchema", json!("L3:0=f"), "\"L3:0=f\" does not begin with `MB:` [config.json /linux/intelRdt/memBwSchema]"),
        ("/linux/intelRdt/memBwSchema", json!("MB:0=1\nMB:0=2"), "one line of `schemata` is wanted, as L3:0=ff;1=ff [config.json /linux/intelRdt/memBwSchema]"),
        ("/linux/intelRdt/schemata", json!(["L3:0=f", "a\nb"]), "one line of `schemata` is wanted, as L3:0=ff;1=ff [config.json /linux/intelRdt/schemata/1]"),
        ("/linux/intelRdt/schemata", json!([""]), "one line of `schemata` is wanted, as L3:0=ff;1=ff [config.json /linux/intelRdt/schemata/0]"),
        ("/linux/intelRdt/enableMonitoring", json!(1), "invalid type: integer `1`, expected a boolean [config.json /linux/intelRdt/enableMonitoring]"),
    ]);
}

#[test]
fn documents_of_their_own_have_pointers_of_their_own() {
    let error = Process::from_slice(br#"{"cwd": "/", "args": [""]}"#).unwrap_err();
    assert_eq!(error.to_string(), "check config: the program's name is empty [process/args/0]");
    let error = Resources::from_slice(br#"{"memory": {"swappiness": 200}}"#).unwrap_err();
    assert_eq!(error.to_string(), "check config: swappiness 200 is above 100 [resources/memory/swappiness]");
    assert_eq!(Resources::from_slice(br#"{"pids": {"limit": 0}}"#).unwrap().pids_limit, Some(0));
}

#[test]
fn every_refusal_says_what_to_do_where_the_message_does_not() {
    let config =
        br#"{"ociVersion": "1.3.0", "root": {"path": "r"}, "process": {"args": ["a"], "cwd": "/"}, "hostname": "h"}"#;
    let error = Spec::from_slice(config).unwrap_err();
    assert_eq!(error.advice(), Some(r#"add {"type": "uts"} to linux.namespaces"#));
    assert_eq!(error.pointer().map(Pointer::as_str), Some("/hostname"));
}

#[test]
fn what_must_only_warn_warns() {
    let mut config = base();
    put(&mut config, "/process/capabilities", json!({"bounding": ["CAP_KILL", "CAP_FLY"]}));
    put(&mut config, "/mounts/0/destination", json!("proc"));
    put(&mut config, "/mounts/1/options", json!(["bind", "sync"]));
    put(&mut config, "/linux/resources/memory", json!({"kernelTCP": 5}));
    let bytes = serde_json::to_vec(&config).unwrap();
    let spec = Spec::from_slice(&bytes).unwrap();
    let places: Vec<_> = spec.warnings.iter().map(|warning| warning.field.as_str()).collect();
    assert_eq!(
        places,
        [
            "/process/capabilities/bounding/1",
            "/linux/resources/memory/kernelTCP",
            "/mounts/0/destination",
            "/mounts/1/options/1"
        ]
    );
}
