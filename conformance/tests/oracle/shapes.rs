//! The corpus: the engines' shapes, and one for each thing a configuration can ask for.
//!
//! Out: a name and what makes the bundle, as often as it is called. The probe takes the place of the program.

use std::path::Path;

use conformance::{Bundle, json};

use super::engines;

/// Makes the same bundle each time, but for its id and directory.
pub(crate) type Make = Box<dyn Fn() -> Bundle>;

/// Every shape by name.
pub(crate) fn all() -> Vec<(String, Make)> {
    let engines = engines::names().map(|name| (format!("engine {name}"), Box::new(|| engines::bundle(name)) as Make));
    let edited = [PROCESS, PRIVILEGES, MOUNTS, ROOTS, LINUX, RESOURCES].concat().into_iter();
    let edited = edited.map(|(name, edit)| (name.to_owned(), Box::new(move || edit(Bundle::new())) as Make));
    engines.chain(edited).chain(scopes()).collect()
}

/// Where systemd is: every limit again, in a scope that systemd makes.
fn scopes() -> impl Iterator<Item = (String, Make)> {
    let here = Path::new("/run/systemd/system").exists();
    let limits = RESOURCES.iter().filter(move |(name, _)| here && !name.contains("cgroup"));
    limits.map(|(name, edit)| (format!("a scope, {name}"), Box::new(move || in_a_scope(edit(Bundle::new()))) as Make))
}

fn in_a_scope(bundle: Bundle) -> Bundle {
    let path = format!("system.slice:oracle:{}", bundle.id);
    bundle.set("/linux/cgroupsPath", path)
}

type Edit = (&'static str, fn(Bundle) -> Bundle);

const PROCESS: &[Edit] = &[
    ("a user", |b| b.set("/process/user", json!({"uid": 1000, "gid": 1001}))),
    ("a user with groups", |b| b.set("/process/user", json!({"uid": 7, "gid": 8, "additionalGids": [9, 10, 8, 9]}))),
    ("a user with a umask", |b| b.set("/process/user", json!({"uid": 0, "gid": 0, "umask": 63}))),
    ("an environment in order", |b| {
        b.set("/process/env", json!(["Z=1", "PATH=/bin", "A=", "HOME=/x", "B=c=d", "NAME=a b", "é=ü"]))
    }),
    ("an environment with a name twice", |b| b.set("/process/env", json!(["A=1", "PATH=/bin", "A=2", "C=3", "A=4"]))),
    ("no environment", |b| b.without("/process/env")),
    ("a home in passwd", |b| {
        let b = b.file("etc/passwd", "root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n");
        b.set("/process/user", json!({"uid": 1000, "gid": 1000}))
    }),
    ("a user that passwd does not have", |b| {
        let b = b.file("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
        b.set("/process/user", json!({"uid": 4711, "gid": 4711}))
    }),
    ("groups of the image", |b| {
        let b = b.file("etc/passwd", "u:x:1000:1000::/home/u:/bin/sh\n").file("etc/group", "g:x:77:u\n");
        b.set("/process/user", json!({"uid": 1000, "gid": 1000}))
    }),
    ("a working directory", |b| b.set("/process/cwd", "/tmp")),
    ("a missing working directory", |b| b.writable().set("/process/cwd", "/srv/a/b")),
    ("a missing working directory of a user", |b| {
        b.writable().set("/process/cwd", "/srv/a/b").set("/process/user", json!({"uid": 1000, "gid": 1000}))
    }),
    ("limits", |b| {
        let limit = |kind: &str, soft: u64, hard: u64| json!({"type": kind, "soft": soft, "hard": hard});
        b.set(
            "/process/rlimits",
            json!([
                limit("RLIMIT_NOFILE", 100, 200),
                limit("RLIMIT_CORE", 0, 0),
                limit("RLIMIT_NPROC", 1000, 2000),
                limit("RLIMIT_CPU", 500, 1000),
                limit("RLIMIT_STACK", 1 << 20, 1 << 22),
                limit("RLIMIT_FSIZE", 1 << 30, 1 << 31),
            ]),
        )
    }),
    ("no limits", |b| b.without("/process/rlimits")),
    ("a score for the oom killer", |b| b.set("/process/oomScoreAdj", 500)),
    ("a terminal", |b| b.set("/process/terminal", true)),
    ("a terminal of a size", |b| {
        b.set("/process/terminal", true).set("/process/consoleSize", json!({"height": 33, "width": 99}))
    }),
    ("a terminal of a user", |b| {
        b.set("/process/terminal", true).set("/process/user", json!({"uid": 1000, "gid": 1000}))
    }),
];

const PRIVILEGES: &[Edit] = &[
    ("no capabilities", |b| b.without("/process/capabilities")),
    ("capabilities of a user", |b| {
        b.capable(&["CAP_CHOWN", "CAP_KILL"]).set("/process/user", json!({"uid": 1000, "gid": 1000}))
    }),
    ("ambient capabilities of a user", |b| {
        let names = json!(["CAP_NET_BIND_SERVICE", "CAP_KILL"]);
        let b = b.capable(&["CAP_NET_BIND_SERVICE", "CAP_KILL", "CAP_CHOWN"]);
        let b = b.set("/process/user", json!({"uid": 1000, "gid": 1000}));
        b.set("/process/capabilities/inheritable", names.clone()).set("/process/capabilities/ambient", names)
    }),
    ("ambient capabilities that are not inheritable", |b| {
        b.set("/process/capabilities/ambient", json!(["CAP_KILL", "CAP_CHOWN"]))
    }),
    ("a bounding set alone", |b| {
        b.without("/process/capabilities").set("/process/capabilities/bounding", json!(["CAP_CHOWN", "CAP_SYS_ADMIN"]))
    }),
    ("no new privileges", |b| b.set("/process/noNewPrivileges", true)),
    ("new privileges", |b| b.set("/process/noNewPrivileges", false)),
    ("a filter", |b| b.set("/linux/seccomp", filter())),
    ("a filter without no-new-privileges", |b| {
        b.set("/linux/seccomp", filter()).set("/process/noNewPrivileges", false)
    }),
    ("a filter of a user without no-new-privileges", |b| {
        let b = b.set("/process/user", json!({"uid": 1000, "gid": 1000}));
        b.set("/linux/seccomp", filter()).set("/process/noNewPrivileges", false)
    }),
];

const MOUNTS: &[Edit] = &[
    ("no mounts but proc", |b| b.set("/mounts", json!([{"destination": "/proc", "type": "proc", "source": "proc"}]))),
    ("a tmpfs with options", |b| {
        b.mount("tmpfs", "tmpfs", "/tmp", &["size=1m", "mode=1770", "uid=5", "gid=6", "nr_inodes=99", "noexec"])
    }),
    ("a tmpfs over content", |b| b.dir("data/in").mount("tmpfs", "tmpfs", "/data", &["tmpcopyup"])),
    ("a bind mount", |b| {
        let source = b.host("source");
        b.writable().bind(source, "/mnt/made/here", &["bind"])
    }),
    ("a bind mount that is read-only", |b| {
        let source = b.host("source");
        b.dir("mnt").bind(source, "/mnt", &["rbind", "ro", "nosuid", "nodev", "noexec", "rslave"])
    }),
    ("a bind mount of a file", |b| {
        let source = b.host("source").join("file");
        std::fs::write(&source, "x").expect("a file");
        b.writable().bind(source, "/etc/made/here", &["bind", "ro"])
    }),
    ("bind mounts of every propagation", |b| {
        let source = b.host("source");
        let kinds = ["shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", "runbindable"];
        kinds.iter().fold(b.writable(), |b, kind| b.bind(&source, &format!("/mnt/{kind}"), &["rbind", kind]))
    }),
    ("a bind mount of atimes", |b| {
        let source = b.host("source");
        let kinds = ["noatime", "nodiratime", "relatime", "strictatime"];
        kinds.iter().fold(b.writable(), |b, kind| b.bind(&source, &format!("/mnt/{kind}"), &["bind", kind]))
    }),
    ("options that undo one another", |b| {
        b.dir("mnt").mount("tmpfs", "tmpfs", "/mnt", &["ro", "rw", "nosuid", "suid", "noexec", "exec", "nodev", "dev"])
    }),
    ("a mount below a symlink", |b| {
        b.dir("real").link("alias", "/real").mount("tmpfs", "tmpfs", "/alias", &["size=64k"])
    }),
    ("mounts over one another", |b| {
        b.dir("mnt").mount("tmpfs", "one", "/mnt", &["mode=700"]).mount("tmpfs", "two", "/mnt", &["mode=755"])
    }),
    ("a mount inside a mount", |b| {
        b.dir("mnt").mount("tmpfs", "one", "/mnt", &[]).mount("tmpfs", "two", "/mnt/a/b", &["mode=711"])
    }),
    ("sysfs and cgroups", |b| {
        b.without("/mounts").set(
            "/mounts",
            json!([
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro", "nosuid"]},
                {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["relatime", "ro"]},
            ]),
        )
    }),
    ("cgroups that can be written", |b| {
        let at = b.config["mounts"].as_array().map_or(0, Vec::len);
        let cgroup = json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
            "options": ["nosuid", "noexec", "nodev", "relatime"]});
        let mut b = b.without_namespace("cgroup");
        let mounts = b.config["mounts"].as_array_mut().expect("mounts");
        mounts.retain(|mount| mount["destination"] != "/sys/fs/cgroup");
        assert!(at >= mounts.len(), "the default has few mounts");
        b.set("/mounts/-", cgroup)
    }),
    ("cgroups in a cgroup namespace", |b| {
        let b = b.without_namespace("cgroup").namespace("cgroup");
        let mut b = b;
        b.config["mounts"].as_array_mut().expect("mounts").retain(|mount| mount["destination"] != "/sys/fs/cgroup");
        b.mount("cgroup", "cgroup", "/sys/fs/cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"])
    }),
    ("a dev of the host", |b| {
        let mut b = b;
        let mounts = b.config["mounts"].as_array_mut().expect("mounts");
        mounts.retain(|mount| !mount["destination"].as_str().unwrap_or_default().starts_with("/dev"));
        b.bind("/dev", "/dev", &["rbind", "rslave"])
    }),
];

const ROOTS: &[Edit] = &[
    ("a root that can be written", Bundle::writable),
    ("a root with slave propagation", |b| b.set("/linux/rootfsPropagation", "slave")),
    ("a root with private propagation", |b| b.set("/linux/rootfsPropagation", "private")),
    ("a root with shared propagation", |b| b.set("/linux/rootfsPropagation", "shared")),
    ("a root with unbindable propagation", |b| b.set("/linux/rootfsPropagation", "unbindable")),
    ("masked paths", |b| {
        let b = b.file("secret/file", "x").set("/linux/maskedPaths", json!(["/secret", "/proc/kcore", "/not/there"]));
        b.set("/linux/readonlyPaths", json!([]))
    }),
    ("read-only paths", |b| {
        let b = b.writable().dir("fixed/a").set("/linux/maskedPaths", json!([]));
        b.set("/linux/readonlyPaths", json!(["/fixed", "/proc/sys", "/proc/bus", "/not/there"]))
    }),
];

const LINUX: &[Edit] = &[
    ("a host name", |b| b.set("/hostname", "some-name")),
    ("a domain name", |b| b.set("/domainname", "some.domain")),
    ("sysctls", |b| {
        b.set(
            "/linux/sysctl",
            json!({"net.ipv4.ip_forward": "1", "kernel.msgmax": "4096", "net.ipv4.ping_group_range": "1 5"}),
        )
    }),
    ("a sysctl of the user namespace", |b| {
        let b = mapped(b, json!([{"containerID": 0, "hostID": 200_000, "size": 65536}]));
        b.set("/linux/sysctl", json!({"user.max_user_namespaces": "5"}))
    }),
    ("the host's network", |b| b.without_namespace("network")),
    ("the host's pids", |b| b.without_namespace("pid")),
    ("the host's ipc", |b| b.without_namespace("ipc")),
    ("the host's names", |b| b.without_namespace("uts").without("/hostname")),
    ("a user namespace", |b| mapped(b, json!([{"containerID": 0, "hostID": 200_000, "size": 65536}]))),
    ("a user namespace of two ranges", |b| {
        let b = mapped(
            b,
            json!([{"containerID": 0, "hostID": 1000, "size": 1}, {"containerID": 1, "hostID": 300_000, "size": 999}]),
        );
        b.set("/process/user", json!({"uid": 5, "gid": 6, "additionalGids": [7]}))
    }),
    ("a user namespace with cgroups", |b| {
        let b = mapped(b.namespace("cgroup"), json!([{"containerID": 0, "hostID": 200_000, "size": 65536}]));
        b.mount("cgroup", "cgroup", "/sys/fs/cgroup", &["nosuid", "noexec", "nodev", "relatime"])
    }),
    ("device nodes", |b| {
        b.set(
            "/linux/devices",
            json!([
                {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 3, "gid": 4},
                {"path": "/dev/deep/down/sda", "type": "b", "major": 8, "minor": 0},
                {"path": "/dev/pipe", "type": "p", "fileMode": 384},
            ]),
        )
    }),
    ("hooks", |b| {
        let hook = json!([{"path": "/bin/true"}]);
        let kinds = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
        kinds.iter().fold(b, |b, kind| b.set(&format!("/hooks/{kind}"), hook.clone()))
    }),
    ("annotations", |b| b.set("/annotations", json!({"com.example.key": "value", "": ""}))),
    ("times of its own", |b| {
        b.namespace("time").set("/linux/timeOffsets", json!({"boottime": {"secs": 60, "nanosecs": 5}}))
    }),
    ("a personality", |b| b.set("/linux/personality", json!({"domain": "LINUX32"}))),
    ("a scheduler", |b| b.set("/process/scheduler", json!({"policy": "SCHED_BATCH", "nice": 5}))),
    ("an io priority", |b| b.set("/process/ioPriority", json!({"class": "IOPRIO_CLASS_BE", "priority": 6}))),
];

const RESOURCES: &[Edit] = &[
    ("memory", |b| {
        resources(b, "memory", json!({"limit": 67_108_864, "reservation": 33_554_432, "swap": 134_217_728}))
    }),
    ("memory without a limit of swap", |b| resources(b, "memory", json!({"limit": 67_108_864, "swap": -1}))),
    ("memory without swap", |b| resources(b, "memory", json!({"limit": 67_108_864, "swap": 67_108_864}))),
    ("memory unlimited", |b| resources(b, "memory", json!({"limit": -1}))),
    ("swappiness", |b| resources(b, "memory", json!({"limit": 67_108_864, "swappiness": 7}))),
    ("processor time", |b| resources(b, "cpu", json!({"shares": 512, "quota": 30_000, "period": 90_000}))),
    ("processor shares", |b| resources(b, "cpu", json!({"shares": 200}))),
    ("many processor shares", |b| resources(b, "cpu", json!({"shares": 262_144}))),
    ("a processor quota without a period", |b| resources(b, "cpu", json!({"quota": 50_000}))),
    ("an unlimited quota", |b| resources(b, "cpu", json!({"quota": -1, "period": 100_000}))),
    ("a set of processors", |b| resources(b, "cpu", json!({"cpus": "0", "mems": "0"}))),
    ("a number of processes", |b| resources(b, "pids", json!({"limit": 64}))),
    ("any number of processes", |b| resources(b, "pids", json!({"limit": -1}))),
    ("block input and output", |b| resources(b, "blockIO", json!({"weight": 300}))),
    ("devices allowed", |b| {
        let rules = json!([{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"},
            {"allow": true, "type": "b", "major": 8, "access": "r"}, {"allow": true, "type": "c", "access": "m"}]);
        resources(b, "devices", rules)
    }),
    ("every device allowed", |b| resources(b, "devices", json!([{"allow": true, "access": "rwm"}]))),
    ("a cgroup two deep", |b| {
        let path = format!("/{0}/{0}", b.id);
        b.set("/linux/cgroupsPath", path)
    }),
    ("a relative cgroup", |b| {
        let path = b.id.clone();
        b.set("/linux/cgroupsPath", path)
    }),
];

fn mapped(bundle: Bundle, mappings: conformance::Value) -> Bundle {
    let bundle = bundle.namespace("user").set("/linux/uidMappings", mappings.clone());
    let bundle = bundle.set("/linux/gidMappings", mappings);
    engines::own_by_root_of_the_container(&bundle);
    bundle
}

fn resources(bundle: Bundle, kind: &str, value: conformance::Value) -> Bundle {
    bundle.set(&format!("/linux/resources/{kind}"), value)
}

/// Allows all but a few calls.
fn filter() -> conformance::Value {
    json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "syscalls": [{"names": ["mkdir", "mkdirat", "kexec_load"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]
    })
}
