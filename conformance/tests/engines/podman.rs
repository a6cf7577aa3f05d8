//! Podman as root, with conmon, on storage of its own.

use std::fs;
use std::sync::LazyLock;

use conformance::{Outcome, eventually, needs};

use super::daemon::{Daemon, runtime_path};
use super::image;
use super::snippets;

const TINY: &str = "docker.io/library/tiny:latest";

/// The defaults ask for more open files than root of a sandbox may have. What README.md has comes below.
const CONFIG: &str = r#"
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
[network]
network_backend = "netavark"
"#;

static PODMAN: LazyLock<Daemon> = LazyLock::new(|| {
    let daemon = Daemon::start("podman", "touch ready; exec sleep infinity", |dir| dir.join("ready").exists());
    let config = format!("{CONFIG}{}", snippets::with_runtime("containers.conf", &daemon.dir));
    fs::write(daemon.dir.join("containers.conf"), config).expect("a configuration");
    let policy = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;
    fs::write(daemon.dir.join("policy.json"), policy).expect("a policy");
    let archive = image::archive(&daemon.dir);
    let policy = daemon.dir.join("policy.json");
    let load = ["load", "--signature-policy", &policy.to_string_lossy(), "-i", &archive.to_string_lossy()];
    podman_of(&daemon, &load).succeeds();
    daemon
});

fn podman_of(daemon: &Daemon, words: &[&str]) -> Outcome {
    let dir = daemon.dir.to_string_lossy();
    let (root, run, parent) = (format!("{dir}/root"), format!("{dir}/run"), format!("/{}", daemon.name()));
    let front = [
        "podman",
        "--root",
        &root,
        "--runroot",
        &run,
        "--storage-driver",
        "overlay",
        "--cgroup-manager",
        "cgroupfs",
        "--events-backend",
        "file",
    ];
    let mut call = daemon.inside(front);
    call.env("CONTAINERS_CONF", daemon.dir.join("containers.conf"));
    let (verb, rest) = words.split_first().expect("a command");
    call.arg(verb);
    if ["run", "create"].contains(verb) && !rest.contains(&"--pod") {
        call.args(["--cgroup-parent", &parent]);
    }
    daemon.call({
        call.args(rest);
        call
    })
}

fn podman(words: &[&str]) -> Outcome {
    needs::path("/usr/bin/podman");
    podman_of(&PODMAN, words)
}

fn run(words: &[&str]) -> Outcome {
    podman(&[&["run", "--rm", "--network", "none"], words].concat())
}

/// A container that is removed with the test.
struct Running(&'static str);

impl Running {
    fn new(name: &'static str, words: &[&str]) -> Self {
        podman(&[&["run", "-d", "--network", "none", "--name", name], words].concat()).succeeds();
        Self(name)
    }

    fn inspect(&self, format: &str) -> String {
        podman(&["inspect", "--format", format, self.0]).succeeds().stdout.trim().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        podman(&["rm", "-f", "-t", "0", self.0]);
    }
}

#[conformance::test]
fn run_prints_and_has_the_programs_status() {
    run(&[TINY, "echo", "hello"]).succeeds().prints("hello");
    run(&[TINY, "sh", "-c", "exit 42"]).exits(42);
    run(&[TINY, "nonesuch"]).exits(127);
    run(&[TINY, "/etc/passwd"]).exits(126);
}

#[conformance::test]
fn exec_stop_and_logs() {
    let trap = "trap 'echo term; exit 5' TERM; echo up; while :; do sleep 0.1; done";
    let container = Running::new("podman-exec", &[TINY, "sh", "-c", trap]);
    podman(&["exec", "-e", "A=b", "podman-exec", "sh", "-c", "echo $A; exit 9"]).exits(9).prints("b");
    podman(&["exec", "podman-exec", "nonesuch"]).exits(127);
    podman(&["exec", "-t", "podman-exec", "tty"]).prints("/dev/pts/0");
    podman(&["stop", "-t", "20", "podman-exec"]).succeeds();
    assert_eq!(container.inspect("{{.State.ExitCode}}"), "5");
    let logs = podman(&["logs", "podman-exec"]).stdout;
    assert!(logs.contains("up") && logs.contains("term"), "{logs}");
}

#[conformance::test]
fn limits_pause_update_and_stats() {
    let container = Running::new("podman-limits", &["-m", "64m", "--pids-limit", "20", TINY, "sleep", "1000"]);
    let read = "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max pids/pids.max pids.max 2>/dev/null | tr '\\n' ' '";
    podman(&["exec", "podman-limits", "sh", "-c", read]).prints("67108864 20");
    podman(&["pause", "podman-limits"]).succeeds();
    assert_eq!(container.inspect("{{.State.Status}}"), "paused");
    podman(&["unpause", "podman-limits"]).succeeds();
    let top = podman(&["top", "podman-limits"]).succeeds().stdout;
    assert!(top.contains("sleep 1000"), "{top}");
}

#[conformance::test]
fn a_pod_shares_its_namespaces() {
    let pod = podman(&["pod", "create", "--name", "pod", "--infra=false", "--share="]);
    pod.succeeds();
    podman(&["run", "--rm", "--pod", "pod", "--network", "none", TINY, "echo", "in a pod"]).prints("in a pod");
    podman(&["pod", "rm", "-f", "pod"]).succeeds();
}

#[conformance::test]
fn a_health_check_is_run() {
    let container = Running::new(
        "podman-health",
        &["--health-cmd", "test -e /tmp/well", TINY, "sh", "-c", "touch /tmp/well; sleep 1000"],
    );
    assert!(eventually(|| podman(&["healthcheck", "run", "podman-health"]).code == 0));
    podman(&["exec", "podman-health", "rm", "/tmp/well"]).succeeds();
    podman(&["healthcheck", "run", "podman-health"]).exits(1);
    drop(container);
}

#[conformance::test]
fn an_image_is_built() {
    let dir = {
        needs::path("/usr/bin/podman");
        PODMAN.dir.join("podman-build")
    };
    fs::create_dir_all(&dir).expect("a directory");
    fs::write(dir.join("Dockerfile"), format!("FROM {TINY}\nRUN echo built >/product\nCMD [\"cat\", \"/product\"]\n"))
        .expect("a Dockerfile");
    let policy = PODMAN.dir.join("policy.json");
    let (runtime, dir) = (runtime_path(&PODMAN.dir), dir.to_string_lossy().into_owned());
    let words = [
        "build",
        "--network",
        "none",
        "--signature-policy",
        &policy.to_string_lossy(),
        "--runtime",
        &runtime.to_string_lossy(),
        "-t",
        "built",
        &dir,
    ];
    podman(&words).succeeds();
    run(&["built"]).prints("built");
}

#[conformance::test]
fn a_kube_file_is_played() {
    // Podman gives its own limits to such containers, whatever containers.conf says.
    needs::all_capabilities();
    let yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: played}\nspec:\n  restartPolicy: Never\n  hostNetwork: true\n  containers:\n\
        \x20 - {name: one, image: docker.io/library/tiny:latest, imagePullPolicy: Never, command: [sh, -c, 'echo played; sleep 1000']}\n";
    needs::path("/usr/bin/podman");
    let file = PODMAN.dir.join("pod.yaml");
    fs::write(&file, yaml).expect("a file");
    podman(&["play", "kube", &file.to_string_lossy()]).succeeds();
    let played = eventually(|| podman(&["logs", "played-one"]).stdout.trim() == "played");
    podman(&["play", "kube", "--down", &file.to_string_lossy()]).succeeds();
    assert!(played);
}

#[conformance::test]
fn a_checkpoint_is_restored_where_it_was() {
    needs::path("/usr/bin/podman");
    needs::criu();
    let count = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done";
    let container = Running::new("podman-frozen", &["--security-opt", "seccomp=unconfined", TINY, "sh", "-c", count]);
    let last = || {
        let logs = podman(&["logs", "podman-frozen"]).stdout;
        logs.lines().last().and_then(|line| line.parse::<u32>().ok()).unwrap_or_default()
    };
    assert!(eventually(|| last() > 3));
    podman(&["container", "checkpoint", "podman-frozen"]).succeeds();
    assert_eq!(container.inspect("{{.State.Checkpointed}} {{.State.Running}}"), "true false");
    let before = last();
    podman(&["container", "restore", "podman-frozen"]).succeeds();
    assert!(eventually(|| last() > before), "it counts on from {before}: {}", last());
    assert_eq!(container.inspect("{{.State.Running}}"), "true");
}
