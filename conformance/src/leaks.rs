//! What a container left behind on the host: state, cgroups, mounts, processes.
//!
//! In: a bundle. Out: everything that bears its id, which no other test has. The test's process is a subreaper, so a
//! process that a runtime leaves running is a descendant of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::bundle::Bundle;
use crate::eventually;
use crate::observe::Process;

/// Asserts that nothing bears the id of the bundle. Processes just killed get a moment to go.
#[track_caller]
pub fn nothing_left(bundle: &Bundle) {
    let mut left = Vec::new();
    eventually(|| {
        left = traces(bundle);
        left.is_empty()
    });
    assert!(left.is_empty(), "left behind:\n{}", left.join("\n"));
}

/// Removes all that bears the id of the bundle, whatever happened to it.
pub fn sweep(bundle: &Bundle) {
    // A container whose pid namespace another one joined does not end before that one's processes are reaped.
    reap();
    if state(bundle).next().is_some() {
        bundle.runtime.call(["delete", "--force", &bundle.id]);
    }
    for process in processes(bundle) {
        kill(Pid::from_raw(process.pid), Signal::SIGKILL).ok();
    }
    for mount in mounts(bundle).rev() {
        umount2(Path::new(&mount), MntFlags::MNT_DETACH).ok();
    }
    // Innermost first; a cgroup empties only after its processes are gone.
    let cgroups = cgroups(&bundle.id);
    eventually(|| {
        cgroups.iter().rev().all(|cgroup| fs::remove_dir(cgroup).is_ok() || !cgroup.exists() || nested(cgroup))
    });
}

/// Removes a cgroup with those below it, however deep: `find` gets where no path does.
fn nested(cgroup: &Path) -> bool {
    Command::new("find")
        .arg(cgroup)
        .args(["-depth", "-type", "d", "-delete"])
        .output()
        .is_ok_and(|found| found.status.success())
}

/// Children that a test waits for itself.
static CLAIMED: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Leaves the exit status of this child to whoever asks for it.
pub fn claim(pid: i32) {
    CLAIMED.lock().unwrap_or_else(PoisonError::into_inner).insert(pid);
}

/// Leaves it to [`reap`] again.
pub(crate) fn unclaim(pid: i32) {
    CLAIMED.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
}

/// Reaps orphans, as the init of a host does: a zombie keeps the pid namespace it was in from ending.
pub(crate) fn reap() {
    let claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
    for child in children(Process::myself()) {
        let zombie = child.status("State").is_some_and(|state| state.starts_with('Z'));
        if zombie && !claimed.contains(&child.pid) {
            waitpid(Pid::from_raw(child.pid), Some(WaitPidFlag::WNOHANG)).ok();
        }
    }
}

fn traces(bundle: &Bundle) -> Vec<String> {
    let show = |what: &str, path: &Path| format!("{what} {}", path.display());
    let mut all: Vec<String> = state(bundle).map(|entry| show("state", &entry)).collect();
    all.extend(cgroups(&bundle.id).iter().map(|cgroup| show("cgroup", cgroup)));
    all.extend(mounts(bundle).map(|mount| format!("mount {mount}")));
    all.extend(processes(bundle).into_iter().map(|process| format!("process {} {:?}", process.pid, process.args())));
    all
}

fn state(bundle: &Bundle) -> impl Iterator<Item = PathBuf> {
    below(bundle.runtime.state()).into_iter().filter(|path| named(path, &bundle.id))
}

fn cgroups(id: &str) -> Vec<PathBuf> {
    below(Path::new("/sys/fs/cgroup")).into_iter().filter(|path| path.is_dir() && named(path, id)).collect()
}

fn mounts(bundle: &Bundle) -> impl DoubleEndedIterator<Item = String> {
    let ours = Process::myself().mounts().into_iter().map(|mount| mount.destination);
    ours.filter(|destination| destination.contains(&bundle.id))
}

/// Descendants of the test that live and have the id in what they run, hold open, or are mounted on.
fn processes(bundle: &Bundle) -> Vec<Process> {
    let mut found = Vec::new();
    let mut queue = children(Process::myself());
    while let Some(process) = queue.pop() {
        queue.extend(children(process));
        found.push(process);
    }
    let own = Process::myself().namespace("mnt");
    found.retain(|process| {
        let alive = process.status("State").is_some_and(|state| !state.starts_with(['Z', 'X']));
        let elsewhere = fs::read_link(process.namespace_path("mnt")).is_ok_and(|namespace| namespace != own);
        let mounted = elsewhere && process.read("mountinfo").contains(&bundle.id);
        let open = process.fds().values().any(|file| file.to_string_lossy().contains(&bundle.id));
        alive && (mounted || open || process.read("cmdline").contains(&bundle.id))
    });
    found
}

fn children(process: Process) -> Vec<Process> {
    let Ok(threads) = fs::read_dir(format!("/proc/{}/task", process.pid)) else { return Vec::new() };
    let lists = threads.flatten().map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let pids: Vec<i32> =
        lists.flat_map(|list| list.split_whitespace().flat_map(str::parse).collect::<Vec<_>>()).collect();
    pids.into_iter().map(Process::new).collect()
}

fn named(path: &Path, id: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(id))
}

fn below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        found.push(entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(below(&entry.path()));
        }
    }
    found
}
