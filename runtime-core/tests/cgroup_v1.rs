//! Cgroups for real, as root: this machine's cgroup v1 hierarchies, and cgroup v2 where it is mounted beside them.
//!
//! Each test has a cgroup of its own and leaves nothing behind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "clippy knows the functions of a test, not the ones they share"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use orlop::cgroup::{Cgroup, Layout, Plan, plan, update_plan};
use orlop::spec::{Cpu, DeviceKind, DeviceRule, HugepageLimit, Memory, Resources};
use orlop::{Kind, Pointer};
use rustix::fs::{Mode, OFlags};

/// A cgroup that is removed whatever happens.
struct Scratch {
    cgroup: Cgroup,
    path: String,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.cgroup.kill_all(9).unwrap();
        self.cgroup.remove().unwrap();
        assert!(self.cgroup.paths().iter().all(|dir| !dir.path.exists()));
    }
}

impl Scratch {
    fn new(name: &str, resources: &Resources<'_>) -> Self {
        let path = format!("/orlop-test-{}-{name}", std::process::id());
        let cgroup = Cgroup::create(&planned(&path, resources)).unwrap();
        Self { cgroup, path }
    }

    fn dir(&self, controller: &str) -> &Path {
        let dir = self.cgroup.paths().iter().find(|dir| !dir.unified && dir.has(controller));
        &dir.unwrap_or_else(|| panic!("no {controller} here")).path
    }

    fn read(&self, file: &str) -> String {
        let dir = self.dir(file.split('.').next().unwrap());
        fs::read_to_string(dir.join(file)).unwrap().trim().to_owned()
    }

    /// A real process that moves itself, as init does, through the files opened here.
    fn spawn(&self, script: &str) -> Child {
        let own_v2 =
            self.unified().map(|dir| fs::OpenOptions::new().write(true).open(dir.join("cgroup.procs")).unwrap());
        // A test may wait for the grace period that CLONE_INTO_CGROUP saves.
        let doors: Vec<OwnedFd> = self.cgroup.joins().unwrap().into_iter().chain(own_v2.map(OwnedFd::from)).collect();
        let numbers: Vec<String> = doors.iter().map(|fd| fd.as_raw_fd().to_string()).collect();
        let (numbers, parent) = (numbers.join(" "), std::process::id());
        let inside =
            format!("for fd in {numbers}; do echo 0 >/proc/{parent}/fd/$fd || exit 99; done; echo in; {script}");
        let mut child =
            Command::new("/bin/busybox").args(["sh", "-c", &inside]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = [0; 3];
        child.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
        assert_eq!(&said, b"in\n");
        child
    }

    fn unified(&self) -> Option<PathBuf> {
        self.cgroup.paths().iter().find(|dir| dir.unified).map(|dir| dir.path.clone())
    }
}

fn planned(path: &str, resources: &Resources<'_>) -> Plan {
    plan(resources, Some(path), "test", &Layout::probe().unwrap()).unwrap()
}

fn none() -> Resources<'static> {
    Resources { at: Pointer::new("/linux/resources"), ..Resources::default() }
}

/// Whether the tests can run; says why not.
fn here() -> bool {
    let writable = |mount: &Path| nix::unistd::access(mount, nix::unistd::AccessFlags::W_OK).is_ok();
    let v1 = Layout::probe().is_ok_and(|layout| layout.v1.first().is_some_and(|first| writable(&first.mount)));
    if !v1 {
        eprintln!("skipped: needs root and cgroup v1");
    }
    v1
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn limits_are_what_the_kernel_shows() {
    if !here() {
        return;
    }
    let resources = Resources {
        memory: Memory {
            limit: Some(64 << 20),
            reservation: Some(32 << 20),
            swap: Some(128 << 20),
            ..Memory::default()
        },
        cpu: Cpu {
            shares: Some(512),
            quota: Some(20_000),
            period: Some(50_000),
            burst: Some(5_000),
            cpus: Some("0".into()),
            ..Cpu::default()
        },
        pids_limit: Some(7),
        ..none()
    };
    let scratch = Scratch::new("limits", &resources);
    let shown = [
        ("memory.limit_in_bytes", "67108864"),
        ("memory.memsw.limit_in_bytes", "134217728"),
        ("memory.soft_limit_in_bytes", "33554432"),
        ("cpu.shares", "512"),
        ("cpu.cfs_quota_us", "20000"),
        ("cpu.cfs_period_us", "50000"),
        ("cpu.cfs_burst_us", "5000"),
        ("cpuset.cpus", "0"),
        ("cpuset.mems", "0"),
        ("pids.max", "7"),
    ];
    for (file, value) in shown {
        assert_eq!(scratch.read(file), value, "{file}");
    }
    // Above what was the limit of memory and swap together: the kernel takes these in one order only.
    let raised = Memory { limit: Some(256 << 20), swap: Some(512 << 20), ..Memory::default() };
    let change =
        |memory| scratch.cgroup.update(&update_plan(&Resources { memory, ..none() }, &scratch.cgroup).unwrap());
    change(raised).unwrap();
    assert_eq!(scratch.read("memory.limit_in_bytes"), "268435456");
    change(Memory { limit: Some(16 << 20), swap: Some(32 << 20), ..Memory::default() }).unwrap();
    assert_eq!(scratch.read("memory.memsw.limit_in_bytes"), "33554432");
    change(Memory { limit: Some(-1), ..Memory::default() }).unwrap();
    assert_eq!(scratch.read("memory.limit_in_bytes"), scratch.read("memory.memsw.limit_in_bytes"));
    // Quota below the burst, period and quota in whatever order fits.
    let cpu = Cpu { quota: Some(2_000), period: Some(10_000), burst: Some(1_000), ..Cpu::default() };
    scratch.cgroup.update(&update_plan(&Resources { cpu, ..none() }, &scratch.cgroup).unwrap()).unwrap();
    assert_eq!((scratch.read("cpu.cfs_quota_us"), scratch.read("cpu.cfs_burst_us")), ("2000".into(), "1000".into()));
    // An idle group takes no shares until it is idle no more.
    for (idle, shares, shown) in [(1, 700, "3"), (1, 800, "3"), (0, 900, "900")] {
        let cpu = Cpu { idle: Some(idle), shares: Some(shares), ..Cpu::default() };
        scratch.cgroup.update(&update_plan(&Resources { cpu, ..none() }, &scratch.cgroup).unwrap()).unwrap();
        assert_eq!((scratch.read("cpu.idle"), scratch.read("cpu.shares")), (idle.to_string(), shown.to_owned()));
    }
}

#[test]
fn the_default_devices_are_those_of_runc() {
    if !here() {
        return;
    }
    let scratch = Scratch::new("devices", &none());
    let mut shown: Vec<_> = scratch.read("devices.list").lines().map(str::to_owned).collect();
    shown.sort();
    let expected = "b *:* m|c *:* m|c 10:200 rwm|c 136:* rwm|c 1:3 rwm|c 1:5 rwm|c 1:7 rwm|c 1:8 rwm|c 1:9 rwm|c 5:0 rwm|c 5:2 rwm";
    assert_eq!(shown.join("|"), expected);
}

#[test]
fn a_device_of_the_rules_opens_and_another_does_not() {
    if !here() {
        return;
    }
    let rule = |allow, kind, major, minor| {
        let at = Pointer::default();
        DeviceRule { at, allow, kind, major, minor, read: true, write: true, mknod: true }
    };
    let kmsg = rule(true, Some(DeviceKind::Char), Some(1), Some(11));
    for (devices, opens) in [(vec![], false), (vec![kmsg], true)] {
        let scratch = Scratch::new(&format!("open-{opens}"), &Resources { devices, ..none() });
        let mut child = scratch.spawn(": </dev/kmsg && : </dev/null");
        assert_eq!(child.wait().unwrap().success(), opens);
    }
    let all = Scratch::new("all", &Resources { devices: vec![rule(true, None, None, None)], ..none() });
    assert_eq!(all.read("devices.list"), "a *:* rwm");
}

#[test]
fn a_process_joins_is_seen_frozen_and_killed() {
    if !here() {
        return;
    }
    let scratch = Scratch::new("life", &none());
    assert!(scratch.cgroup.processes().unwrap().is_empty());
    let mut child = scratch.spawn("while :; do busybox sleep 0.01; done");
    let pid = i32::try_from(child.id()).unwrap();
    eventually("the shell joins", || scratch.cgroup.processes().unwrap().contains(&pid));
    let own = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    // A hierarchy that was mounted elsewhere lives on for a while; nobody can make a cgroup there.
    let mounted = |line: &&str| !line.contains(":net_cls:") && !line.contains(":net_prio:");
    assert!(own.lines().filter(mounted).all(|line| line.ends_with(&scratch.path)), "{own}");

    let in_use = Cgroup::create(&planned(&scratch.path, &none())).unwrap_err();
    assert_eq!(in_use.kind(), Kind::Exists);
    assert!(in_use.to_string().contains("container's cgroup is not empty"), "{in_use}");

    for _ in 0..20 {
        assert!(!scratch.cgroup.is_frozen().unwrap());
        scratch.cgroup.freeze().unwrap();
        assert!(scratch.cgroup.is_frozen().unwrap());
        scratch.cgroup.thaw().unwrap();
        eventually("it thaws", || !scratch.cgroup.is_frozen().unwrap());
    }
    scratch.cgroup.kill_all(libc::SIGKILL).unwrap();
    assert!(!child.wait().unwrap().success());
    eventually("all die", || scratch.cgroup.processes().unwrap().is_empty());
}

#[test]
fn v1_alone_kills_a_frozen_crowd_and_a_forking_one() {
    if !here() {
        return;
    }
    let mut scratch = Scratch::new("alone", &none());
    let all = scratch.cgroup.paths().to_vec();
    let mut child = scratch.spawn("for i in 1 2 3 4 5 6 7 8; do (while :; do busybox true; done) & done; wait");
    let pid = i32::try_from(child.id()).unwrap();
    let v1 = Cgroup::from_paths(all.iter().filter(|dir| !dir.unified).cloned().collect());
    eventually("they run", || v1.processes().unwrap().len() > 8);
    assert!(v1.processes().unwrap().contains(&pid));
    v1.freeze().unwrap();
    assert!(v1.is_frozen().unwrap());
    assert_eq!(scratch.read("freezer.state"), "FROZEN");
    v1.kill_all(libc::SIGKILL).unwrap();
    assert!(!child.wait().unwrap().success());
    eventually("all die", || v1.processes().unwrap().is_empty());
    // Without any freezer only the rounds are left.
    let blind = |dirs: &[orlop::cgroup::Dir]| dirs.iter().filter(|dir| dir.has("pids")).cloned().collect();
    scratch.cgroup = Cgroup::from_paths(all.clone());
    let mut child = scratch.spawn("for i in 1 2 3; do (while :; do busybox true; done) & done; wait");
    let pids = Cgroup::from_paths(blind(&all));
    eventually("they run", || pids.processes().unwrap().len() > 3);
    pids.kill_all(libc::SIGKILL).unwrap();
    assert!(!child.wait().unwrap().success());
    eventually("all die", || pids.processes().unwrap().is_empty());
}

#[test]
fn other_signals_reach_every_process_once() {
    if !here() {
        return;
    }
    let scratch = Scratch::new("signal", &none());
    let mut child = scratch.spawn("trap 'exit 7' USR1; while :; do busybox sleep 0.01; done");
    let pid = i32::try_from(child.id()).unwrap();
    eventually("the shell runs", || scratch.cgroup.processes().unwrap().len() > 1);
    assert!(scratch.cgroup.processes().unwrap().contains(&pid));
    std::thread::sleep(Duration::from_millis(20));
    scratch.cgroup.kill_all(libc::SIGUSR1).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(7));
    let mut queued = scratch.spawn("exec busybox sleep 100");
    eventually("sleep runs", || !scratch.cgroup.processes().unwrap().is_empty());
    scratch.cgroup.kill_all(libc::SIGRTMIN() + 3).unwrap();
    assert!(!queued.wait().unwrap().success(), "a real-time signal has a number only");
}

#[test]
fn removal_takes_children_along_and_is_idempotent() {
    if !here() {
        return;
    }
    let scratch = Scratch::new("nested/deep", &none());
    for dir in scratch.cgroup.paths() {
        fs::create_dir_all(dir.path.join("a/b.slice")).unwrap();
        fs::create_dir(dir.path.join("c")).unwrap();
    }
    scratch.cgroup.remove().unwrap();
    scratch.cgroup.remove().unwrap();
    assert!(scratch.cgroup.paths().iter().all(|dir| !dir.path.exists()));
    for dir in scratch.cgroup.paths() {
        fs::remove_dir(dir.path.parent().unwrap()).unwrap();
    }
}

#[test]
fn removal_waits_for_the_dying_and_gives_up_on_the_living() {
    if !here() {
        return;
    }
    let scratch = Scratch::new("busy", &none());
    let mut child = scratch.spawn("exec busybox sleep 100");
    let busy = scratch.cgroup.remove().unwrap_err();
    assert!(busy.to_string().contains("remove: processes are still in it"), "{busy}");
    assert_eq!(busy.kind(), Kind::Timeout);
    scratch.cgroup.kill_all(libc::SIGKILL).unwrap();
    scratch.cgroup.remove().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_fails_leaves_nothing() {
    if !here() {
        return;
    }
    let path = format!("/orlop-test-{}-fails/below", std::process::id());
    let resources = Resources { cpu: Cpu { cpus: Some("9999".into()), ..Cpu::default() }, ..none() };
    let plan = planned(&path, &resources);
    let error = Cgroup::create(&plan).unwrap_err();
    assert_eq!(error.pointer().unwrap().as_str(), "/linux/resources/cpu/cpus");
    assert!(error.to_string().contains("cpuset.cpus: write \"9999\": "), "{error}");
    assert!(plan.dirs.iter().all(|dir| !dir.path.parent().unwrap().exists()));
}

#[test]
fn an_empty_cgroup_is_used_and_a_frozen_one_is_not() {
    if !here() {
        return;
    }
    let scratch = Scratch::new("again", &none());
    let again = planned(&scratch.path, &Resources { pids_limit: Some(9), ..none() });
    Cgroup::create(&again).unwrap();
    assert_eq!(scratch.read("pids.max"), "9");
    let state = scratch.dir("freezer").join("freezer.state");
    fs::OpenOptions::new().write(true).open(&state).unwrap().write_all(b"FROZEN").unwrap();
    let error = Cgroup::create(&again).unwrap_err();
    assert_eq!(error.kind(), Kind::Exists);
    assert!(error.to_string().contains("container's cgroup unexpectedly frozen"), "{error}");
    scratch.cgroup.remove().unwrap();
}

#[test]
fn a_limit_below_use_is_refused_when_that_is_asked_for() {
    if !here() {
        return;
    }
    let scratch = Scratch::new("fits", &none());
    let mut child =
        scratch.spawn("x=1; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do x=$x$x; done; kill -STOP $$");
    eventually("memory is used", || scratch.read("memory.usage_in_bytes").parse::<u64>().unwrap() > 8192);
    let memory = Memory { limit: Some(4096), check_before_update: true, ..Memory::default() };
    let plan = update_plan(&Resources { memory, ..none() }, &scratch.cgroup).unwrap();
    let error = scratch.cgroup.update(&plan).unwrap_err();
    assert!(error.to_string().contains("bytes are used now, more than the new limit of 4096"), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_unified_hierarchy_beside_v1_has_what_it_controls() {
    if !here() {
        return;
    }
    if !Layout::probe().unwrap().v2.is_some_and(|v2| v2.controllers.iter().any(|name| name == "hugetlb")) {
        eprintln!("skipped: needs a cgroup v2 hierarchy with hugetlb");
        return;
    }
    let limit = HugepageLimit { at: Pointer::new("/h/0"), page_size: "2MB".into(), limit: 4 << 20 };
    let scratch = Scratch::new("unified", &Resources { hugepage_limits: vec![limit], ..none() });
    let dir = scratch.unified().unwrap();
    assert_eq!(fs::read_to_string(dir.join("hugetlb.2MB.max")).unwrap().trim(), "4194304");
    let birthplace = scratch.cgroup.birthplace().unwrap().unwrap();
    assert_eq!(fs::read_link(format!("/proc/self/fd/{}", birthplace.as_raw_fd())).unwrap(), dir);

    let absent = HugepageLimit { at: Pointer::new("/h/0"), page_size: "3MB".into(), limit: 1 };
    let plan = update_plan(&Resources { hugepage_limits: vec![absent], ..none() }, &scratch.cgroup).unwrap();
    let error = scratch.cgroup.update(&plan).unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
    assert_eq!(error.advice(), Some("the sizes of this machine are in /sys/kernel/mm/hugepages"));
    assert!(
        error
            .to_string()
            .ends_with("hugetlb.3MB.max: this kernel has no such file: no such file or directory [config.json /h/0]")
    );
}

#[test]
fn a_device_program_is_installed_and_replaced() {
    if !here() {
        return;
    }
    let Some(v2) = Layout::probe().unwrap().v2 else {
        eprintln!("skipped: needs a cgroup v2 hierarchy");
        return;
    };
    // Here cgroup v1 has the devices: a layout of v2 alone is given instead, on the same kernel.
    let path = format!("/orlop-test-{}-program", std::process::id());
    let layout = Layout { v1: vec![], v2: Some(v2) };
    let kmsg = DeviceRule {
        at: Pointer::default(),
        allow: true,
        kind: Some(DeviceKind::Char),
        major: Some(1),
        minor: Some(11),
        read: true,
        write: false,
        mknod: false,
    };
    let plan = plan(&Resources { devices: vec![kmsg.clone()], ..none() }, Some(&path), "test", &layout).unwrap();
    let scratch = Scratch { cgroup: Cgroup::create(&plan).unwrap(), path };
    let opens = |script| scratch.spawn(script).wait().unwrap().success();
    assert!(opens(": </dev/kmsg && : </dev/null && : >/dev/null"));
    assert!(!opens(": >/dev/kmsg"), "only reading is allowed");
    let no_kmsg = Resources { devices: vec![DeviceRule { allow: false, ..kmsg }], ..none() };
    let plan = update_plan(&no_kmsg, &scratch.cgroup).unwrap();
    scratch.cgroup.update(&plan).unwrap();
    assert!(!opens(": </dev/kmsg"), "the first program is gone");
    assert!(opens(": </dev/null"));
}

/// A container makes paths that no system call takes as a whole (PATH_MAX).
#[test]
fn cgroups_that_a_container_nests_however_deep_are_read_and_removed() {
    if !here() {
        return;
    }
    let scratch = Scratch::new("deep", &none());
    let mut child = scratch.spawn("exec busybox sleep 100");
    let name = "deep.".repeat(40);
    let open = |at: &OwnedFd, name: &str, flags| rustix::fs::openat(at, name, flags, Mode::empty()).unwrap();
    let nest = |dir: &Path| {
        let mut at = OwnedFd::from(fs::File::open(dir).unwrap());
        for _ in 0..30 {
            rustix::fs::mkdirat(&at, "beside", Mode::RWXU).unwrap();
            rustix::fs::mkdirat(&at, &*name, Mode::RWXU).unwrap();
            at = open(&at, &name, OFlags::RDONLY);
        }
        let mut procs = fs::File::from(open(&at, "cgroup.procs", OFlags::WRONLY));
        write!(procs, "{}", child.id()).unwrap();
    };
    // Where its processes are looked for, and beside it.
    nest(&scratch.unified().unwrap_or_else(|| scratch.dir("freezer").to_owned()));
    nest(scratch.dir("memory"));
    let pid = child.id().cast_signed();
    assert_eq!(scratch.cgroup.processes().unwrap(), [pid]);
    scratch.cgroup.kill_all(15).unwrap();
    child.wait().unwrap();
    assert!(scratch.cgroup.processes().unwrap().is_empty());
    scratch.cgroup.remove().unwrap();
}

/// The kernel ends an answer before a line that does not fit it any more.
#[test]
fn a_hierarchy_mounted_elsewhere_is_found_behind_a_mount_with_many_layers() {
    let name = "a_hierarchy_mounted_elsewhere_is_found_behind_a_mount_with_many_layers";
    if std::env::var_os("ORLOP_TEST_LAYERS").is_some() {
        let mounts: Vec<PathBuf> = Layout::probe().unwrap().v1.into_iter().map(|hierarchy| hierarchy.mount).collect();
        assert_eq!(mounts, [Path::new("/sys/fs/else where/memory")]);
        return;
    }
    if here() {
        // The same test once more, in a mount namespace of its own.
        let script = "umount -R /sys/fs/cgroup && mount -t tmpfs none /sys/fs && cd /sys/fs && mkdir cgroup merged 'else where' 'else where/memory'
            for layer in $(seq 100 137); do layers=${layers:+$layers:}$(printf '%0100d' $layer); done
            echo $layers | tr : '\\n' | xargs mkdir && mount -t overlay -o lowerdir=$layers none merged
            mount -t cgroup -o memory none 'else where/memory' && exec \"$0\" --exact \"$1\"";
        let mut again = Command::new("unshare");
        again.args(["--mount", "sh", "-e", "-c", script]);
        let again =
            again.arg(std::env::current_exe().unwrap()).arg(name).env("ORLOP_TEST_LAYERS", "1").output().unwrap();
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
    }
}

/// The v2 hierarchy alone, where it controls huge pages.
fn v2_alone() -> Option<Layout> {
    let v2 = Layout::probe().unwrap().v2.filter(|v2| v2.controllers.iter().any(|name| name == "hugetlb"));
    if v2.is_none() {
        eprintln!("skipped: needs a cgroup v2 hierarchy with hugetlb");
    }
    v2.map(|v2| Layout { v1: vec![], v2: Some(v2) })
}

#[test]
fn a_cgroup_with_processes_hands_no_controllers_down() {
    let Some(layout) = here().then(v2_alone).flatten() else { return };
    let path = format!("/orlop-test-{}-inner", std::process::id());
    let outer_plan = plan(&none(), Some(&path), "test", &layout).unwrap();
    let outer = Scratch { cgroup: Cgroup::create(&outer_plan).unwrap(), path: path.clone() };
    let mut child = outer.spawn("exec busybox sleep 100");
    let limit = HugepageLimit { at: Pointer::new("/h/0"), page_size: "2MB".into(), limit: 2 << 20 };
    let limited = Resources { hugepage_limits: vec![limit], ..none() };
    let inner_plan = plan(&limited, Some(&format!("{path}/inner")), "test", &layout).unwrap();
    let error = Cgroup::create(&inner_plan).unwrap_err();
    let expected =
        "enable controller hugetlb: this cgroup has processes of its own: device or resource busy [config.json /h/0]";
    assert!(error.to_string().ends_with(expected), "{error}");
    assert!(error.advice().unwrap().contains("no internal processes"));
    assert!(!inner_plan.dirs[0].path.exists());

    // What is only counted is not worth a failure.
    let counted = plan(&none(), Some(&format!("{path}/inner")), "test", &layout).unwrap();
    Cgroup::create(&counted).unwrap().remove().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("it is gone", || outer.cgroup.processes().unwrap().is_empty());
    let inner = Cgroup::create(&inner_plan).unwrap();
    assert_eq!(fs::read_to_string(inner_plan.dirs[0].path.join("hugetlb.2MB.max")).unwrap().trim(), "2097152");
    inner.remove().unwrap();
}

#[test]
fn a_delegated_cgroup_belongs_to_the_user() {
    let Some(layout) = here().then(v2_alone).flatten() else { return };
    let path = format!("/orlop-test-{}-owner", std::process::id());
    let plan = plan(&none(), Some(&path), "test", &layout).unwrap();
    let scratch = Scratch { cgroup: Cgroup::create(&plan).unwrap(), path };
    scratch.cgroup.delegate(1234).unwrap();
    let dir = scratch.unified().unwrap();
    let owner = |path: &Path| fs::metadata(path).unwrap().uid();
    assert_eq!(
        ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"].map(|name| owner(&dir.join(name))),
        [1234; 3]
    );
    assert_eq!((owner(&dir), owner(&dir.join("cgroup.freeze")), owner(&dir.join("hugetlb.2MB.max"))), (1234, 0, 0));
}

#[test]
fn in_a_user_namespace_only_denied_devices_are_missed() {
    let path = format!("/orlop-test-{}-userns", std::process::id());
    if std::env::var_os("ORLOP_TEST_USERNS").is_none() {
        if here() && v2_alone().is_some() {
            // The same test once more, as root of a user namespace of its own.
            let again = Command::new("unshare")
                .args(["--user", "--map-root-user"])
                .arg(std::env::current_exe().unwrap())
                .args(["--exact", "in_a_user_namespace_only_denied_devices_are_missed"])
                .env("ORLOP_TEST_USERNS", "1")
                .output()
                .unwrap();
            assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
        }
        return;
    }
    let v2 = Layout { v1: vec![], ..v2_alone().unwrap() };
    for layout in [Layout::probe().unwrap(), v2] {
        let default = Cgroup::create(&plan(&none(), Some(&path), "test", &layout).unwrap()).unwrap();
        default.remove().unwrap();
        let at = Pointer::new("/d/0");
        let deny =
            DeviceRule { at, allow: false, kind: None, major: None, minor: None, read: true, write: true, mknod: true };
        let resources = Resources { devices: vec![deny], ..none() };
        let plan = plan(&resources, Some(&path), "test", &layout).unwrap();
        let error = Cgroup::create(&plan).unwrap_err();
        assert!(error.to_string().contains("operation not permitted [config.json /"), "{error}");
        assert!(plan.dirs.iter().all(|dir| !dir.path.exists()));
    }
}
