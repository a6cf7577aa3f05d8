//! containerd: its own `containerd-shim-runc-v2`, told by `BinaryName` to call the runtime under test.

use std::sync::LazyLock;

use conformance::{Outcome, eventually, needs};

use super::daemon::{Daemon, runtime_path};
use super::image;

const TINY: &str = "docker.io/library/tiny:latest";

static CONTAINERD: LazyLock<Daemon> = LazyLock::new(|| {
    let script = "echo 'version = 2' >config.toml; echo 'disabled_plugins = [\"io.containerd.grpc.v1.cri\"]' >>config.toml; \
        exec containerd -c $dir/config.toml --root $dir/root --state $dir/state --address $dir/containerd.sock";
    let daemon = Daemon::start("containerd", script, |dir| dir.join("containerd.sock").exists());
    let archive = image::archive(&daemon.dir);
    let import = || ctr_of(&daemon, &["image", "import", &archive.to_string_lossy()]);
    assert!(eventually(|| import().code == 0), "{:?}", import());
    daemon
});

/// The namespace is also the name of the cgroup that containers are in.
fn ctr_of(daemon: &Daemon, words: &[&str]) -> Outcome {
    // Inside: client and daemon share pipes below /run.
    let mut call = daemon.inside(["ctr", "-a"]);
    call.arg(daemon.dir.join("containerd.sock")).args(["-n", daemon.name()]).args(words);
    daemon.call(call)
}

fn ctr(words: &[&str]) -> Outcome {
    needs::path("/usr/bin/containerd");
    ctr_of(&CONTAINERD, words)
}

/// `ctr run` with these flags, this name and these words.
fn run(flags: &[&str], name: &str, words: &[&str]) -> Outcome {
    needs::path("/usr/bin/containerd");
    let runtime = runtime_path(&CONTAINERD.dir);
    let runtime = runtime.to_string_lossy();
    ctr(&[&["run", "--runtime", "io.containerd.runc.v2", "--runc-binary", &runtime], flags, &[TINY, name], words]
        .concat())
}

/// A container that is ended and removed with the test.
struct Running(&'static str);

impl Running {
    fn new(name: &'static str, flags: &[&str], words: &[&str]) -> Self {
        run(&[&["-d"], flags].concat(), name, words).succeeds();
        Self(name)
    }

    fn exec(&self, words: &[&str]) -> Outcome {
        ctr(&[&["task", "exec", "--exec-id", "one", self.0], words].concat())
    }

    fn status(&self) -> String {
        let list = ctr(&["task", "list"]).stdout;
        let line = list.lines().find(|line| line.starts_with(self.0)).unwrap_or_default().to_owned();
        line.split_whitespace().last().unwrap_or_default().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        ctr(&["task", "kill", "-s", "KILL", self.0]);
        eventually(|| ["STOPPED", ""].contains(&self.status().as_str()));
        ctr(&["task", "delete", self.0]);
        ctr(&["container", "delete", self.0]);
    }
}

#[conformance::test]
fn run_prints_and_has_the_programs_status() {
    run(&["--rm"], "prints", &["echo", "hello"]).succeeds().prints("hello");
    run(&["--rm"], "exits", &["sh", "-c", "exit 42"]).exits(42);
}

#[conformance::test]
fn a_program_that_is_not_there_is_told() {
    run(&["--rm"], "absent", &["nonesuch"]).fails().says("executable file not found in $PATH");
    ctr(&["container", "delete", "absent"]);
}

#[conformance::test]
fn exec_pause_resume_kill() {
    let container = Running::new("lives", &[], &["sleep", "1000"]);
    assert_eq!(container.status(), "RUNNING");
    container.exec(&["sh", "-c", "echo in; exit 5"]).exits(5).prints("in");
    ctr(&["task", "pause", "lives"]).succeeds();
    assert_eq!(container.status(), "PAUSED");
    ctr(&["task", "resume", "lives"]).succeeds();
    assert_eq!(container.status(), "RUNNING");
    ctr(&["task", "kill", "-s", "TERM", "lives"]).succeeds();
    ctr(&["task", "kill", "-s", "KILL", "lives"]).succeeds();
    assert!(eventually(|| container.status() == "STOPPED"), "{}", container.status());
}

#[conformance::test]
fn metrics_are_counted() {
    let container = Running::new("measured", &["--memory-limit", "67108864"], &["sleep", "1000"]);
    let metrics = ctr(&["task", "metrics", "measured"]).succeeds().stdout;
    assert!(metrics.contains("memory") && metrics.contains("67108864"), "{metrics}");
    assert!(ctr(&["task", "ps", "measured"]).succeeds().stdout.lines().count() >= 2);
    drop(container);
}

#[conformance::test]
fn an_exec_of_a_program_that_is_not_there_leaves_the_container_alone() {
    let container = Running::new("unharmed", &[], &["sleep", "1000"]);
    container.exec(&["nonesuch"]).fails().says("executable file not found in $PATH");
    container.exec(&["true"]).succeeds();
}

#[conformance::test]
fn what_ctr_can_ask_for_is_given() {
    run(&["--rm", "--read-only"], "reads", &["touch", "/x"]).fails().says("read-only file system");
    run(&["--rm", "--env", "A=b", "--cwd", "/tmp"], "environment", &["sh", "-c", "echo $A $PWD"]).prints("b /tmp");
    run(&["--rm", "--privileged"], "privileged", &["sh", "-c", "mount -t tmpfs none /tmp && echo mounted"])
        .prints("mounted");
    run(&["--rm", "--seccomp"], "filtered", &["grep", "Seccomp:", "/proc/self/status"]).prints("Seccomp:\t2");
}
