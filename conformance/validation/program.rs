//! One validation program: run it, read its TAP, remove what it left.
//!
//! In: the program, and the directory with what it needs. Out: whether it found anything wrong, and what first.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use conformance::Runtime;
use conformance::observe::Process;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// What became of a program.
pub(crate) enum Verdict {
    /// It ended well and found nothing wrong.
    Passes,
    /// What it found first.
    Fails(String),
}

/// No program needs a quarter of it.
const LIMIT: Duration = Duration::from_secs(60);

/// The names under which the programs make cgroups, besides those of their containers.
const CGROUPS: [&str; 2] = ["cgrouptest", "testdir"];

/// Runs a program with `RUNTIME` set to the runtime, which has a state directory of its own.
pub(crate) fn run(program: &Path, dir: &Path) -> Verdict {
    let place = Place::make(dir);
    let (out, err) = (place.dir.join("out"), place.dir.join("err"));
    let mut command = Command::new("unshare");
    command.args(["-m"]).arg(program).current_dir(dir.join("work")).stdin(Stdio::null());
    command.env("RUNTIME", &place.wrapper).env("TMPDIR", place.dir.join("tmp"));
    command.stdout(File::create(&out).expect("a file")).stderr(File::create(&err).expect("a file"));
    let pid = command.spawn().expect("unshare of util-linux").id().cast_signed();
    let status = wait(pid);
    let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    let verdict = judge(status, &read(&out), &read(&err));
    place.clear();
    verdict
}

/// The exit status, and what the lines say: a result that is not ok, or an error where there is no result at all.
fn judge(status: Option<i32>, out: &str, err: &str) -> Verdict {
    let is = |line: &&str, word: &str| line.trim_start().strip_prefix(word).is_some_and(|rest| rest.starts_with(' '));
    let first_error = || err.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no word").to_owned();
    if let Some(line) = out.lines().find(|line| is(line, "not ok")) {
        return Verdict::Fails(line.trim().to_owned());
    }
    match status {
        None => Verdict::Fails(format!("not done within {LIMIT:?}")),
        Some(0) if out.lines().any(|line| is(&line, "ok")) => Verdict::Passes,
        Some(0) => match out.lines().find(|line| line.contains("\"error\":")) {
            Some(line) => Verdict::Fails(line.trim().to_owned()),
            None => Verdict::Passes,
        },
        Some(code) => Verdict::Fails(format!("ends with {code}: {}", first_error())),
    }
}

/// Waits for a child, and reaps what is handed to us meanwhile: containers whose runtime has ended.
fn wait(child: i32) -> Option<i32> {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid.as_raw() == child => return Some(code),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid.as_raw() == child => return Some(128 + signal as i32),
            Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_millis(2)),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
    None
}

/// The runtime as the programs call it: one word, without flags.
struct Place {
    dir: PathBuf,
    wrapper: PathBuf,
    runtime: Runtime,
}

impl Place {
    fn make(dir: &Path) -> Self {
        let dir = dir.join("run");
        drop(fs::remove_dir_all(&dir));
        for name in ["state", "tmp"] {
            fs::create_dir_all(dir.join(name)).expect("a directory");
        }
        let runtime = Runtime::at(&dir);
        let command = runtime.command::<&str>([]);
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let words: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
        let wrapper = dir.join("runtime");
        let calls = dir.join("calls");
        let script = format!("#!/bin/sh\necho \"$@\" >>'{}'\nexec {} \"$@\"\n", calls.display(), words.join(" "));
        fs::write(&wrapper, script).expect("a file");
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("chmod");
        Self { dir, wrapper, runtime }
    }

    /// Ends and removes whatever is left of the program's containers.
    fn clear(&self) {
        for container in fs::read_dir(self.runtime.state()).into_iter().flatten().flatten() {
            let id = container.file_name();
            if !id.to_string_lossy().starts_with('@') {
                self.runtime.call(["delete".as_ref(), "--force".as_ref(), id.as_os_str()]);
            }
        }
        for child in children() {
            kill(Pid::from_raw(child), Signal::SIGKILL).ok();
        }
        let end = Instant::now() + Duration::from_secs(5);
        while !children().is_empty() && Instant::now() < end {
            waitpid(None, Some(WaitPidFlag::WNOHANG)).ok();
            std::thread::sleep(Duration::from_millis(2));
        }
        let calls = fs::read_to_string(self.dir.join("calls")).unwrap_or_default();
        let ids = calls.lines().filter_map(|line| line.split(' ').next_back()).filter(|id| id.len() >= 36);
        let names: BTreeSet<&str> = ids.chain(CGROUPS).collect();
        remove_cgroups(Path::new("/sys/fs/cgroup"), &names, false);
    }
}

fn children() -> Vec<i32> {
    let own = Process::myself().pid;
    let all = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
    all.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Removes the empty cgroups of these names and what is below them.
fn remove_cgroups(dir: &Path, names: &BTreeSet<&str>, mut within: bool) {
    within |= names.contains(&*dir.file_name().unwrap_or_default().to_string_lossy());
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_cgroups(&entry.path(), names, within);
    }
    if within {
        fs::remove_dir(dir).ok();
    }
}
