//! Docker: the daemon with the runtime under test as its default, on a socket of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use conformance::{Outcome, eventually, needs};

use super::daemon::{Daemon, runtime_path};
use super::image::{self, TINY};
use super::snippets;

static DOCKER: LazyLock<Daemon> = LazyLock::new(|| {
    let script = r#"
        export PATH=$dir/bin:$PATH
        exec dockerd --config-file $dir/daemon.json -H unix://$dir/docker.sock --data-root $dir/data \
            --exec-root $dir/exec -p $dir/pid --cgroup-parent /${dir##*/} --exec-opt native.cgroupdriver=cgroupfs
    "#;
    let script = format!("until [ -s $dir/daemon.json ]; do sleep 0.05; done\n{script}");
    let daemon = Daemon::start("docker", &script, |dir| {
        let config = dir.join("daemon.json");
        if !config.exists() {
            as_runc(dir);
            fs::write(&config, snippets::with_runtime("daemon.json", dir)).expect("a configuration");
        }
        command(dir.to_owned(), ["version"]).output().is_ok_and(|output| output.status.success())
    });
    let tar = image::tar(&daemon.dir);
    daemon.call(command(daemon.dir.clone(), ["import", &tar.to_string_lossy(), TINY])).succeeds();
    daemon
});

/// What the daemon's `runc` was called with: BuildKit inside of dockerd calls that, whatever the default runtime.
pub(super) const CALLS: &str = "runc-calls";

fn as_runc(dir: &Path) {
    let script = "#!/bin/sh\necho \"$@\" >>DIR/CALLS\nexec PROGRAM \"$@\"\n";
    let program = runtime_path(dir);
    let script = script.replace("DIR", &dir.to_string_lossy()).replace("CALLS", CALLS);
    fs::create_dir(dir.join("bin")).expect("a directory");
    fs::write(dir.join("bin/runc"), script.replace("PROGRAM", &program.to_string_lossy())).expect("a script");
    fs::set_permissions(dir.join("bin/runc"), PermissionsExt::from_mode(0o755)).expect("its mode");
}

/// The client of this daemon, as a command to be changed or started.
pub(super) fn command<'a>(dir: PathBuf, args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new("/usr/bin/docker");
    command.env("DOCKER_HOST", format!("unix://{}/docker.sock", dir.display())).env("HOME", &dir).current_dir(&dir);
    command.args(args);
    command
}

/// The daemon, started when a test first asks for it.
pub(super) fn daemon() -> &'static Daemon {
    needs::path("/usr/sbin/dockerd");
    &DOCKER
}

/// One call of the client.
pub(super) fn docker<'a>(args: impl IntoIterator<Item = &'a str>) -> Outcome {
    let daemon = daemon();
    daemon.call(command(daemon.dir.clone(), args))
}

/// `docker run --rm` of the tiny image with these words.
pub(super) fn run<'a>(args: impl IntoIterator<Item = &'a str>) -> Outcome {
    docker(["run", "--rm"].into_iter().chain(args))
}

/// A container that is removed when the test ends, whatever happens.
#[derive(Debug)]
pub(super) struct Running(String);

impl Running {
    /// `docker run -d` with these words after the name.
    pub(super) fn new<'a>(name: &'a str, args: impl IntoIterator<Item = &'a str>) -> Self {
        let container = Self(name.to_owned());
        docker(["run", "-d", "--name", name].into_iter().chain(args)).succeeds();
        container
    }

    /// A line of `docker inspect --format`.
    pub(super) fn inspect(&self, format: &str) -> String {
        docker(["inspect", "--format", format, &self.0]).succeeds().stdout.trim().to_owned()
    }

    /// `docker exec` of these words.
    pub(super) fn exec<'a>(&'a self, args: impl IntoIterator<Item = &'a str>) -> Outcome {
        docker(["exec", self.0.as_str()].into_iter().chain(args))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        docker(["rm", "-f", "-v", &self.0]);
    }
}

/// A container that stays.
pub(super) const FOREVER: [&str; 3] = [TINY, "sleep", "1000"];

#[conformance::test]
fn run_prints_and_leaves_no_container() {
    run(["--name", "gone", TINY, "echo", "hello"]).succeeds().prints("hello");
    docker(["ps", "-aq", "--filter", "name=gone"]).succeeds().prints("");
}

#[conformance::test]
fn the_exit_status_is_the_programs() {
    run([TINY, "sh", "-c", "exit 42"]).exits(42);
}

#[conformance::test]
fn a_program_that_is_not_there_is_127_and_one_that_may_not_run_126() {
    run([TINY, "nonesuch"]).exits(127).says("executable file not found in $PATH");
    run([TINY, "/nonesuch"]).exits(127).says("no such file or directory");
    run([TINY, "/etc/passwd"]).exits(126).says("permission denied");
    run([TINY, "/etc"]).exits(126);
}

#[conformance::test]
fn a_detached_container_has_logs_and_a_status() {
    let container = Running::new("detached", [TINY, "sh", "-c", "echo out; echo err >&2; exit 3"]);
    docker(["wait", "detached"]).succeeds().prints("3");
    let logs = docker(["logs", "detached"]).succeeds();
    assert_eq!((logs.stdout.trim(), logs.stderr.trim()), ("out", "err"));
    assert_eq!(container.inspect("{{.State.Status}} {{.State.ExitCode}}"), "exited 3");
}

#[conformance::test]
fn an_interactive_container_has_a_terminal() {
    let look = "tty; until stty size | grep -q '33 77'; do sleep 0.1; done; echo sized";
    let shell = quoted(&mut command(daemon().dir.clone(), ["run", "--rm", "-it", TINY, "sh", "-c", look]));
    let line = format!("stty rows 33 cols 77; {shell}");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]);
    script.env("DOCKER_HOST", format!("unix://{}/docker.sock", daemon().dir.display()));
    let seen = daemon().call(script).succeeds().stdout;
    assert!(seen.contains("/dev/pts/0") && seen.contains("sized"), "{seen}");
}

fn quoted(command: &mut Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"))).collect::<Vec<_>>().join(" ")
}

#[conformance::test]
fn stdin_reaches_the_container() {
    let line = format!(
        "echo from outside | {}",
        quoted(&mut command(daemon().dir.clone(), ["run", "--rm", "-i", TINY, "cat"]))
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).env("DOCKER_HOST", format!("unix://{}/docker.sock", daemon().dir.display()));
    daemon().call(shell).succeeds().prints("from outside");
}

#[conformance::test]
fn a_health_check_is_run() {
    let check = ["--health-cmd", "test -e /tmp/well", "--health-interval", "1s", "--health-retries", "1"];
    let container = Running::new("health", check.into_iter().chain([TINY, "sh", "-c", "touch /tmp/well; sleep 1000"]));
    let is = |state: &str| eventually(|| container.inspect("{{.State.Health.Status}}") == state);
    assert!(is("healthy"), "{}", container.inspect("{{json .State.Health}}"));
    container.exec(["rm", "/tmp/well"]).succeeds();
    assert!(is("unhealthy"), "{}", container.inspect("{{json .State.Health}}"));
}

#[conformance::test]
fn a_restart_policy_restarts() {
    let container = Running::new("again", ["--restart", "on-failure:2", TINY, "sh", "-c", "echo run; exit 1"]);
    assert!(eventually(|| container.inspect("{{.RestartCount}} {{.State.Status}}") == "2 exited"));
    docker(["logs", "again"]).prints("run\nrun\nrun");
}

#[conformance::test]
fn exec_has_its_own_environment_user_directory_and_status() {
    let container = Running::new("execs", FOREVER);
    docker(["exec", "-e", "A=b", "-w", "/tmp", "-u", "web", "execs", "sh", "-c", "echo $A $PWD; id -un"])
        .prints("b /tmp\nweb");
    container.exec(["sh", "-c", "exit 9"]).exits(9);
    // 126 of Docker 20.10, 127 of later ones: the message is the same.
    let absent = container.exec(["nonesuch"]);
    assert!([126, 127].contains(&absent.code), "{absent:?}");
    assert!((absent.stdout + &absent.stderr).contains("executable file not found in $PATH"));
    container.exec(["/etc/passwd"]).exits(126);
    docker(["exec", "-d", "execs", "touch", "/tmp/later"]).succeeds();
    assert!(eventually(|| container.exec(["test", "-e", "/tmp/later"]).code == 0));
    docker(["exec", "-t", "execs", "tty"]).succeeds().prints("/dev/pts/0");
}

#[conformance::test]
fn stop_sends_term_then_kill() {
    let trap = "trap 'echo term; exit 5' TERM; while :; do sleep 0.1; done";
    let container = Running::new("kind", [TINY, "sh", "-c", trap]);
    docker(["stop", "-t", "20", "kind"]).succeeds();
    assert_eq!(container.inspect("{{.State.ExitCode}}"), "5");
    let container = Running::new("stubborn", FOREVER);
    docker(["stop", "-t", "1", "stubborn"]).succeeds();
    assert_eq!(container.inspect("{{.State.ExitCode}}"), "137");
}

#[conformance::test]
fn kill_sends_any_signal() {
    let trap = "trap 'exit 6' USR1; echo ready; while :; do sleep 0.1; done";
    let container = Running::new("signalled", [TINY, "sh", "-c", trap]);
    assert!(eventually(|| docker(["logs", "signalled"]).stdout.contains("ready")));
    docker(["kill", "-s", "USR1", "signalled"]).succeeds();
    docker(["wait", "signalled"]).prints("6");
    assert_eq!(container.inspect("{{.State.Running}}"), "false");
}

#[conformance::test]
fn a_container_stops_and_starts_again() {
    let container = Running::new("twice", [TINY, "sh", "-c", "echo x >>/tmp/count; wc -l </tmp/count"]);
    docker(["wait", "twice"]).prints("0");
    docker(["start", "-a", "twice"]).prints("2");
    docker(["restart", "twice"]).succeeds();
    docker(["wait", "twice"]).prints("0");
    docker(["logs", "twice"]).prints("1\n2\n3");
    drop(container);
}

#[conformance::test]
fn pause_stops_time_and_unpause_starts_it() {
    let container = Running::new("paused", [TINY, "sh", "-c", "while :; do echo tick; sleep 0.05; done"]);
    docker(["pause", "paused"]).succeeds();
    assert_eq!(container.inspect("{{.State.Status}}"), "paused");
    let ticks = || docker(["logs", "paused"]).stdout.len();
    let before = ticks();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(ticks(), before, "a paused container goes on");
    docker(["unpause", "paused"]).succeeds();
    assert!(eventually(|| ticks() > before));
}

#[conformance::test]
fn update_changes_limits_of_a_running_container() {
    let container = Running::new("updated", ["-m", "64m", "--memory-swap", "64m"].into_iter().chain(FOREVER));
    docker(["update", "-m", "96m", "--memory-swap", "128m", "--cpus", "0.25", "--pids-limit", "33", "updated"])
        .succeeds();
    let read = "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max cpu/cpu.cfs_quota_us cpu.max pids/pids.max \
        pids.max 2>/dev/null | tr '\\n' ' '";
    let seen = container.exec(["sh", "-c", read]).stdout;
    assert!(["100663296 25000 33", "100663296 25000 100000 33"].contains(&seen.trim()), "{seen}");
}

#[conformance::test]
fn stats_and_top_see_into_a_container() {
    let container = Running::new("seen", FOREVER);
    // On a busy machine the first sample may be empty.
    let stats = || docker(["stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "seen"]).succeeds().stdout;
    assert!(eventually(|| stats().trim() == "seen 1"), "{}", stats());
    let top = docker(["top", "seen"]).succeeds().stdout;
    assert!(top.contains("sleep 1000"), "{top}");
    drop(container);
}

#[conformance::test]
fn files_are_copied_in_and_out() {
    let dir = daemon().dir.join("copies");
    fs::create_dir_all(&dir).expect("a directory");
    fs::write(dir.join("in"), "inside").expect("a file");
    let container = Running::new("copied", FOREVER);
    docker(["cp", "copies/in", "copied:/tmp/there"]).succeeds();
    container.exec(["cat", "/tmp/there"]).prints("inside");
    docker(["cp", "copied:/tmp/there", "copies/out"]).succeeds();
    assert_eq!(fs::read_to_string(dir.join("out")).expect("a copy"), "inside");
    docker(["commit", "copied", "committed"]).succeeds();
    run(["committed", "cat", "/tmp/there"]).prints("inside");
}

#[conformance::test]
fn many_containers_share_the_layers_of_an_image() {
    let names: Vec<String> = (0..12).map(|index| format!("many-{index}")).collect();
    let all: Vec<Running> =
        names.iter().map(|name| Running::new(name, [TINY, "sh", "-c", "hostname >/own; sleep 1000"])).collect();
    let lower: std::collections::BTreeSet<String> = all
        .iter()
        .map(|one| {
            one.inspect("{{(index .GraphDriver.Data \"LowerDir\")}}")
                .split(':')
                .next_back()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    assert_eq!(lower.len(), 1, "one lower layer for all: {lower:?}");
    let own: std::collections::BTreeSet<String> = all
        .iter()
        .map(|one| {
            assert!(eventually(|| one.exec(["test", "-s", "/own"]).code == 0));
            one.exec(["cat", "/own"]).stdout
        })
        .collect();
    assert_eq!(own.len(), all.len(), "each has files of its own");
}

#[conformance::test]
fn the_daemon_knows_the_runtime() {
    docker(["info", "--format", "{{.DefaultRuntime}}"]).succeeds().prints("orlop");
    let container = Running::new("plugged-in", FOREVER);
    assert_eq!(container.inspect("{{.HostConfig.Runtime}}"), "orlop");
    run(["--runtime", "orlop", TINY, "echo", "for one container"]).prints("for one container");
    // `docker info` reads `--version`, and says N/A of what it does not understand.
    let versions = docker(["info", "--format", "{{json .Runtimes}}"]).succeeds().stdout;
    assert!(versions.contains("orlop"), "{versions}");
}
