//! Podman as root, with conmon, on storage of its own.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use conformance::{Outcome, eventually, needs};

use super::daemon::{Daemon, runtime_path};
use super::image;
use super::snippets;

/// The name of the image, as an archive has it.
pub(super) const TINY: &str = "docker.io/library/tiny:latest";

/// The defaults ask for more open files than root of a sandbox may have. What README.md has comes below.
const CONFIG: &str = r#"
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
[network]
network_backend = "netavark"
"#;

const POLICY: &str = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;

static PODMAN: LazyLock<Daemon> = LazyLock::new(|| {
    let daemon = Daemon::start("podman", "touch ready; exec sleep infinity", |dir| dir.join("ready").exists());
    configure(&daemon.dir, &snippets::with_runtime("containers.conf", &daemon.dir));
    podman_of(&daemon, &load(&daemon.dir).each_ref().map(String::as_str)).succeeds();
    daemon
});

/// Writes the configuration: what README.md has, and what these machines need.
pub(super) fn configure(dir: &Path, snippet: &str) {
    fs::write(dir.join("containers.conf"), format!("{CONFIG}{snippet}")).expect("a configuration");
    fs::write(dir.join("policy.json"), POLICY).expect("a policy");
}

/// The words that load the image, which is made here.
pub(super) fn load(dir: &Path) -> [String; 5] {
    let archive = image::archive(dir);
    let paths = [dir.join("policy.json"), archive].map(|path| path.to_string_lossy().into_owned());
    let [policy, archive] = paths;
    ["load".to_owned(), "--signature-policy".to_owned(), policy, "-i".to_owned(), archive]
}

/// The words of every call: storage below `dir`, and who makes the cgroups.
pub(super) fn front(dir: &Path, cgroups: &str) -> Vec<String> {
    let at = |name: &str| dir.join(name).to_string_lossy().into_owned();
    let (root, run, temporary) = (at("root"), at("run"), at("libpod"));
    let words = ["podman", "--root", &root, "--runroot", &run, "--tmpdir", &temporary, "--storage-driver", "overlay"];
    let more = ["--cgroup-manager", cgroups, "--events-backend", "file"];
    words.iter().chain(&more).map(|word| (*word).to_owned()).collect()
}

fn podman_of(daemon: &Daemon, words: &[&str]) -> Outcome {
    let parent = format!("/{}", daemon.name());
    let front = front(&daemon.dir, "cgroupfs");
    let mut call = daemon.inside(front.iter().map(String::as_str));
    call.env("CONTAINERS_CONF", daemon.dir.join("containers.conf"));
    let (verb, rest) = words.split_first().expect("a command");
    call.arg(verb);
    if ["run", "create"].contains(verb) && !rest.contains(&"--pod") {
        call.args(["--cgroup-parent", &parent]);
    }
    call.args(rest);
    daemon.call(call)
}

fn podman(words: &[&str]) -> Outcome {
    needs::path("/usr/bin/podman");
    podman_of(&PODMAN, words)
}

/// `podman run --rm` of these words, without a network.
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
fn the_runtime_is_that_of_the_configuration_or_of_one_call() {
    let path = runtime_path(&PODMAN.dir).to_string_lossy().into_owned();
    podman(&["info", "--format", "{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}"])
        .prints(&format!("orlop {path}"));
    let mut call = PODMAN.inside(["podman", "--runtime", &path, "info", "--format", "{{.Host.OCIRuntime.Path}}"]);
    call.env("CONTAINERS_CONF", "/dev/null");
    PODMAN.call(call).succeeds().prints(&path);
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
    let stats = podman(&["stats", "--no-stream", "--format", "{{.PIDs}} {{.MemUsage}}", "podman-limits"]).succeeds();
    assert!(stats.stdout.starts_with("1 ") && stats.stdout.contains("67.11MB"), "{}", stats.stdout);
    podman(&["update", "-m", "96m", "--memory-swap", "96m", "podman-limits"]).succeeds();
    podman(&["exec", "podman-limits", "sh", "-c", read]).prints("100663296 20");
    let top = podman(&["top", "podman-limits"]).succeeds().stdout;
    assert!(top.contains("sleep 1000"), "{top}");
}

#[conformance::test]
fn a_pod_shares_its_namespaces() {
    // The container that holds them is made of catatonit, on the spot.
    podman(&["pod", "create", "--name", "pod", "--network", "none", "--hostname", "deck"]).succeeds();
    let serve = "mkdir /tmp/www; echo served >/tmp/www/index.html; exec httpd -f -p 80 -h /tmp/www";
    podman(&["run", "-d", "--pod", "pod", "--name", "pod-server", TINY, "sh", "-c", serve]).succeeds();
    let ask = ["run", "--rm", "--pod", "pod", TINY, "timeout", "3", "wget", "-qO-", "http://127.0.0.1/"];
    let served = eventually(|| podman(&ask).stdout.trim() == "served");
    let name = podman(&["run", "--rm", "--pod", "pod", TINY, "hostname"]);
    let stopped = podman(&["pod", "stop", "-t", "1", "pod"]);
    let state = podman(&["pod", "inspect", "--format", "{{.State}}", "pod"]);
    let restarted = podman(&["pod", "start", "pod"]);
    let again = eventually(|| podman(&["exec", "pod-server", "cat", "/tmp/www/index.html"]).stdout.trim() == "served");
    podman(&["pod", "rm", "-f", "-t", "0", "pod"]).succeeds();
    assert!(served, "{:?}", podman(&ask));
    name.prints("deck");
    stopped.succeeds();
    state.prints("Exited");
    restarted.succeeds();
    assert!(again, "it runs again after its pod was started again");
}

#[conformance::test]
fn a_pod_may_share_nothing() {
    podman(&["pod", "create", "--name", "apart", "--infra=false", "--share="]).succeeds();
    podman(&["run", "--rm", "--pod", "apart", "--network", "none", TINY, "echo", "in a pod"]).prints("in a pod");
    podman(&["pod", "rm", "-f", "apart"]).succeeds();
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
