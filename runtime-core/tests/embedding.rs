//! A program of many threads starts containers from all of them, and is afterwards what it was before. Needs root.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may end here")]

#[path = "../examples/bundle/mod.rs"]
mod bundle;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::{Barrier, Mutex, PoisonError};

use bundle::Bundle;
use orlop::{Container, Launch, Runtime};

const THREADS: i32 = 8;
const EACH: i32 = 4;

/// Set in the second run of this program, which ignores SIGCHLD.
const IGNORING: &str = "ORLOP_TEST_IGNORES_SIGCHLD";

/// Both tests look at all children and descriptors of this program.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A container that others join, gone when this is dropped: a test that fails must not leave it.
struct Pod(Container);

impl Drop for Pod {
    fn drop(&mut self) {
        self.0.delete(true).ok();
    }
}

/// What a launch must leave alone, as text.
#[derive(Debug, PartialEq)]
struct Host {
    descriptors: BTreeSet<String>,
    dumpable: String,
    directory: String,
    environment: Vec<(String, String)>,
    status: Vec<String>,
    namespaces: Vec<String>,
}

impl Host {
    fn now() -> Self {
        let of_self = |name: &str| fs::read_link(format!("/proc/thread-self/{name}")).unwrap().display().to_string();
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let kept = |line: &&str| {
            ["Umask", "Uid", "Gid", "Groups", "Sig", "Cap", "NoNewPrivs", "Seccomp:"]
                .iter()
                .any(|name| line.starts_with(name))
                && !line.starts_with("SigQ")
        };
        Self {
            descriptors: descriptors(),
            dumpable: format!("{:?}", rustix::process::dumpable_behavior().unwrap()),
            directory: std::env::current_dir().unwrap().display().to_string(),
            environment: std::env::vars().collect(),
            status: status.lines().filter(kept).map(str::to_owned).collect(),
            namespaces: ["user", "mnt", "pid", "pid_for_children", "net", "ipc", "uts", "cgroup", "time_for_children"]
                .map(|name| of_self(&format!("ns/{name}")))
                .to_vec(),
        }
    }
}

/// What the descriptors of this process are, but for the one that lists them.
fn descriptors() -> BTreeSet<String> {
    let entries = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let shown = entries.filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?.display().to_string();
        (!target.ends_with("/fd")).then(|| format!("{} {target}", entry.file_name().display()))
    });
    shown.collect()
}

/// The children of this process, with their state.
fn children() -> Vec<String> {
    let own = std::process::id().to_string();
    let stat = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("stat")).ok();
    let of_ours = |stat: &String| stat.rsplit(") ").next().is_some_and(|rest| rest.split(' ').nth(1) == Some(&*own));
    fs::read_dir("/proc").unwrap().flatten().filter_map(stat).filter(of_ours).collect()
}

fn run(runtime: &Runtime, bundle: &Bundle, id: &str, script: &str, pid: Option<&str>) -> i32 {
    let config = bundle.config(script, pid);
    let options = Launch { config: Some(&config), ..Launch::default() };
    let (container, process) = runtime.run(id, bundle.path(), &options).unwrap();
    let exit = process.wait().unwrap();
    container.delete(false).unwrap();
    exit.status()
}

/// Everything at once from eight threads; half of the containers join the pid namespace of another one.
fn from_all_threads(name: &str) {
    let bundle = Bundle::make().unwrap();
    let runtime = Runtime::open(bundle.state()).unwrap();
    let id = |number: i32| format!("{name}-{}-{number}", std::process::id());
    // What is opened once for the whole program is open from here on.
    assert_eq!(run(&runtime, &bundle, &id(-1), "exit 3", None), 3);
    let config = bundle.config("exec /bin/busybox sleep 1000", None);
    let options = Launch { config: Some(&config), ..Launch::default() };
    let (pod, sleeper) = runtime.run(&id(-2), bundle.path(), &options).unwrap();
    let pod = Pod(pod);
    let pid = format!("/proc/{}/ns/pid", sleeper.pid());
    let (before, start) = (descriptors(), Barrier::new(THREADS.unsigned_abs() as usize));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (runtime, bundle, start, pid) = (&runtime, &bundle, &start, &pid);
            scope.spawn(move || {
                start.wait();
                let host = Host { descriptors: BTreeSet::new(), ..Host::now() };
                for number in thread * EACH..(thread + 1) * EACH {
                    let joined = (number % 2 == 0).then_some(&**pid);
                    assert_eq!(run(runtime, bundle, &id(number), &format!("exit {number}"), joined), number);
                }
                assert_eq!(Host { descriptors: BTreeSet::new(), ..Host::now() }, host);
            });
        }
    });
    assert_eq!(descriptors(), before);
    drop(pod);
    assert_eq!(sleeper.wait().unwrap().status(), 128 + 9);
    assert_eq!(children(), [""; 0]);
    assert_eq!(runtime.containers().unwrap().len(), 0);
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: needs root");
    }
    root
}

#[test]
fn containers_from_all_threads_leave_the_program_as_it_was() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if is_root() {
        let host = Host::now();
        from_all_threads("threads");
        let after = Host::now();
        // The sealed init stays for the next launch.
        let new: Vec<_> = after.descriptors.difference(&host.descriptors).collect();
        assert!(new.len() == 1 && new.iter().all(|fd| fd.contains("memfd:orlop-init")), "{new:?}");
        assert_eq!(Host { descriptors: BTreeSet::new(), ..after }, Host { descriptors: BTreeSet::new(), ..host });
    }
}

/// SIGCHLD ignored is inherited: the second run of this test is a program that ignores it.
#[test]
fn a_program_that_ignores_sigchld_learns_every_exit_status() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_root() {
        return;
    }
    if std::env::var_os(IGNORING).is_some() {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
        let sigchld = u64::from_str_radix(ignored, 16).unwrap() & 1 << 16;
        assert_ne!(sigchld, 0, "this program ignores SIGCHLD");
        return from_all_threads("ignored");
    }
    let name = "a_program_that_ignores_sigchld_learns_every_exit_status";
    let program = std::env::current_exe().unwrap();
    let mut again = Command::new("env");
    again.arg("--ignore-signal=CHLD").arg(program).args(["--exact", "--nocapture", name]);
    let output = again.env(IGNORING, "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
