//! containerd: its own `containerd-shim-runc-v2`, told by `BinaryName` to call the runtime under test.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::LazyLock;

use conformance::{Outcome, eventually, needs};

use super::daemon::{Daemon, runtime_path};
use super::image;
use super::snippets;

const TINY: &str = "docker.io/library/tiny:latest";

static CONTAINERD: LazyLock<Daemon> = LazyLock::new(|| {
    // The plugin of CRI looks for networks there.
    let script = "mkdir -p /etc/cni; mount -t tmpfs cni /etc/cni; until [ -s config.toml ]; do sleep 0.05; done; \
        export PATH=$dir/bin:$PATH; exec containerd -c $dir/config.toml --root $dir/root --state $dir/state --address $dir/containerd.sock";
    let daemon = Daemon::start("containerd", script, |dir| {
        let config = dir.join("config.toml");
        if !config.exists() {
            // In runc's place by its name, for whoever does not say which runtime.
            fs::create_dir(dir.join("bin")).expect("a directory");
            symlink(runtime_path(dir), dir.join("bin/runc")).expect("a link");
            fs::write(&config, snippets::with_runtime("config.toml", dir)).expect("a configuration");
        }
        dir.join("containerd.sock").exists()
    });
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
    let (kind, binary) = configured();
    ctr(&[&["run", "--runtime", kind, "--runc-binary", binary], flags, &[TINY, name], words].concat())
}

/// The default runtime of the plugin of CRI as containerd itself read its configuration: the shim and the program. `ctr` does not
/// ask that plugin, so it is told the same.
fn configured() -> (&'static str, &'static str) {
    static READ: LazyLock<(String, String)> = LazyLock::new(|| {
        let config = CONTAINERD.dir.join("config.toml");
        let dump = CONTAINERD.inside(["containerd", "-c", &config.to_string_lossy(), "config", "dump"]);
        let dump: toml::Table = toml::from_str(&CONTAINERD.call(dump).succeeds().stdout).expect("TOML");
        let plugins = &dump["plugins"];
        // containerd 2 has made of the one plugin two.
        let cri = plugins.get("io.containerd.cri.v1.runtime").unwrap_or_else(|| &plugins["io.containerd.grpc.v1.cri"]);
        let name = cri["containerd"]["default_runtime_name"].as_str().expect("a name");
        assert_eq!(name, "orlop");
        let runtime = &cri["containerd"]["runtimes"][name];
        let text = |value: &toml::Value| value.as_str().expect("a text").to_owned();
        (text(&runtime["runtime_type"]), text(&runtime["options"]["BinaryName"]))
    });
    (&READ.0, &READ.1)
}

#[conformance::test]
fn the_plugin_of_cri_takes_the_runtime() {
    let plugins = ctr(&["plugins", "list"]).succeeds().stdout;
    let mut cri = plugins.lines().filter(|line| line.split_whitespace().nth(1) == Some("cri"));
    assert!(cri.next().is_some_and(|line| line.trim_end().ends_with("ok")), "{plugins}");
    assert_eq!(configured().0, "io.containerd.runc.v2");
}

/// Through a shim that finds the runtime as `runc` in its `PATH`.
fn works_through(kind: &'static str) {
    let front = ["run", "--runtime", kind];
    ctr(&[&front[..], &["--rm", TINY, "by-name", "sh", "-c", "echo hello; exit 42"]].concat())
        .exits(42)
        .prints("hello");
    ctr(&[&front[..], &["-d", TINY, "by-name", "sleep", "1000"]].concat()).succeeds();
    let container = Running("by-name");
    assert_eq!(container.status(), "RUNNING");
    container.exec(&["sh", "-c", "exit 5"]).exits(5);
    ctr(&["task", "pause", "by-name"]).succeeds();
    ctr(&["task", "resume", "by-name"]).succeeds();
    let metrics = ctr(&["task", "metrics", "by-name"]).succeeds().stdout;
    assert!(metrics.contains("memory"), "{metrics}");
}

#[conformance::test]
fn the_runtime_may_be_called_runc() {
    works_through("io.containerd.runc.v2");
}

#[conformance::test]
fn the_shim_for_one_container_each_takes_the_runtime() {
    needs::path("/usr/bin/containerd-shim-runc-v1");
    works_through("io.containerd.runc.v1");
}

#[conformance::test]
fn the_shim_older_than_the_interface_of_shims_takes_the_runtime() {
    needs::path("/usr/bin/containerd-shim");
    works_through("io.containerd.runtime.v1.linux");
}

/// What containerd wrote of a container.
fn told(name: &str) -> String {
    let log = fs::read_to_string(CONTAINERD.dir.join("log")).unwrap_or_default();
    log.lines().filter(|line| line.contains(name)).collect::<Vec<_>>().join("\n")
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

#[conformance::test]
fn a_checkpoint_is_restored_as_another_container() {
    needs::path("/usr/bin/containerd");
    needs::criu();
    // A sleep ends when CRIU restores it: the system call it was in is interrupted.
    let container = Running::new("frozen", &[], &["sh", "-c", "echo before >/tmp/mark; while :; do sleep 1; done"]);
    assert!(eventually(|| container.exec(&["test", "-s", "/tmp/mark"]).code == 0));
    ctr(&["container", "checkpoint", "--rw", "--image", "--task", "frozen", "kept"]).succeeds();
    drop(container);
    ctr(&["container", "restore", "--rw", "--live", "thawed", "kept"]).succeeds();
    let thawed = Running("thawed");
    assert_eq!(thawed.status(), "RUNNING", "{}", told("thawed"));
    thawed.exec(&["cat", "/tmp/mark"]).succeeds().prints("before");
}
