//! Podman of a user who is not root. (What is checkpointed is root's, in Podman.)

use std::fs;
use std::os::unix::fs::PermissionsExt;

use conformance::{Outcome, eventually, needs};

use super::podman::TINY;
use super::someone::{PODMAN, SOMEONE, own_program, owner};

fn podman(words: &[&str]) -> Outcome {
    needs::path("/usr/bin/podman");
    needs::path("/usr/bin/newuidmap");
    PODMAN.call("cgroupfs", words)
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
    podman(&["info", "--format", "{{.Host.Security.Rootless}} {{.Host.OCIRuntime.Name}}"]).prints("true orlop");
    run(&[TINY, "echo", "hello"]).succeeds().prints("hello");
    run(&[TINY, "sh", "-c", "exit 42"]).exits(42);
    run(&[TINY, "nonesuch"]).exits(127);
    run(&[TINY, "/etc/passwd"]).exits(126);
}

#[conformance::test]
fn ids_of_a_container_are_the_users_own() {
    podman(&["info"]).succeeds();
    let shared = PODMAN.daemon.dir.join("shared");
    fs::create_dir_all(&shared).expect("a directory");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).expect("its mode");
    let bind = format!("{}:/shared", shared.display());
    run(&["-v", &bind, TINY, "touch", "/shared/root"]).succeeds();
    assert_eq!(owner(&shared.join("root")), PODMAN.uid);
    run(&["-v", &bind, "--user", "7", TINY, "touch", "/shared/seven"]).succeeds();
    assert!(owner(&shared.join("seven")) > 65_535, "{}", owner(&shared.join("seven")));
    run(&["-v", &bind, "--userns", "keep-id", TINY, "sh", "-c", "touch /shared/kept; id -u"])
        .prints(&PODMAN.uid.to_string());
    assert_eq!(owner(&shared.join("kept")), PODMAN.uid);
}

#[conformance::test]
fn exec_stop_and_logs() {
    let trap = "trap 'echo term; exit 5' TERM; echo up; while :; do sleep 0.1; done";
    let container = Running::new("rootless-exec", &[TINY, "sh", "-c", trap]);
    podman(&["exec", "-e", "A=b", "rootless-exec", "sh", "-c", "echo $A; exit 9"]).exits(9).prints("b");
    podman(&["exec", "rootless-exec", "nonesuch"]).exits(127);
    podman(&["exec", "-t", "rootless-exec", "tty"]).prints("/dev/pts/0");
    let top = podman(&["top", "rootless-exec"]).succeeds().stdout;
    assert!(top.contains("sh -c trap"), "{top}");
    podman(&["stop", "-t", "20", "rootless-exec"]).succeeds();
    assert_eq!(container.inspect("{{.State.ExitCode}}"), "5");
    let logs = podman(&["logs", "rootless-exec"]).stdout;
    assert!(logs.contains("up") && logs.contains("term"), "{logs}");
}

#[conformance::test]
fn a_named_volume_outlives_its_container() {
    podman(&["volume", "create", "kept"]).succeeds();
    run(&["-v", "kept:/data", TINY, "sh", "-c", "echo precious >/data/file"]).succeeds();
    run(&["-v", "kept:/data:ro", TINY, "cat", "/data/file"]).prints("precious");
    run(&["-v", "kept:/data:ro", TINY, "touch", "/data/other"]).exits(1).says("read-only file system");
    podman(&["volume", "rm", "kept"]).succeeds();
}

#[conformance::test]
fn a_pod_shares_its_namespaces() {
    podman(&["pod", "create", "--name", "pod", "--network", "none", "--hostname", "deck"]).succeeds();
    let name = podman(&["run", "--rm", "--pod", "pod", TINY, "hostname"]);
    let net = ["run", "--rm", "--pod", "pod", TINY, "readlink", "/proc/self/ns/net"];
    let (one, other) = (podman(&net), podman(&net));
    podman(&["pod", "rm", "-f", "-t", "0", "pod"]).succeeds();
    name.prints("deck");
    other.succeeds().prints(one.succeeds().stdout.trim());
}

#[conformance::test]
fn an_image_is_built() {
    podman(&["info"]).succeeds();
    let dir = PODMAN.daemon.dir.join("build");
    fs::create_dir_all(&dir).expect("a directory");
    let text = format!("FROM {TINY} AS make\nRUN echo built >/product\nFROM {TINY}\nCOPY --from=make /product /\n");
    fs::write(dir.join("Dockerfile"), text).expect("a Dockerfile");
    let program = own_program(&PODMAN.daemon.dir).to_string_lossy().into_owned();
    let policy = PODMAN.daemon.dir.join("policy.json").to_string_lossy().into_owned();
    let front = ["build", "--network", "none", "--signature-policy", &policy, "--runtime", &program];
    podman(&[&front[..], &["-t", "built", &dir.to_string_lossy()]].concat()).succeeds();
    run(&["built", "cat", "/product"]).prints("built");
}

#[conformance::test]
fn a_health_check_is_run() {
    let check = ["--health-cmd", "test -e /tmp/well", "--health-interval", "disable"];
    let script = [TINY, "sh", "-c", "touch /tmp/well; sleep 1000"];
    let container = Running::new("rootless-health", &[&check[..], &script].concat());
    assert!(eventually(|| podman(&["healthcheck", "run", "rootless-health"]).code == 0));
    podman(&["exec", "rootless-health", "rm", "/tmp/well"]).succeeds();
    podman(&["healthcheck", "run", "rootless-health"]).exits(1);
    drop(container);
}

#[conformance::test]
fn a_kube_file_is_played() {
    // Podman gives its own limits to such containers, whatever containers.conf says.
    needs::all_capabilities();
    podman(&["info"]).succeeds();
    let yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: played}\nspec:\n  restartPolicy: Never\n  hostNetwork: true\n  containers:\n\
        \x20 - {name: one, image: docker.io/library/tiny:latest, imagePullPolicy: Never, command: [sh, -c, 'echo played; sleep 1000']}\n";
    let file = PODMAN.daemon.dir.join("pod.yaml").to_string_lossy().into_owned();
    fs::write(&file, yaml).expect("a file");
    podman(&["play", "kube", &file]).succeeds();
    let played = eventually(|| podman(&["logs", "played-one"]).stdout.trim() == "played");
    podman(&["play", "kube", "--down", &file]).succeeds();
    assert!(played);
}

/// Limits, read inside; pausing; other limits. With systemd, the user's own makes the scope.
fn is_limited(cgroups: &str, name: &str) {
    podman(&["info"]).succeeds();
    let call = |words: &[&str]| PODMAN.call(cgroups, words);
    let run =
        ["run", "-d", "--network", "none", "--name", name, "-m", "64m", "--memory-swap", "64m", "--pids-limit", "20"];
    call(&[&run[..], &[TINY, "sleep", "1000"]].concat()).succeeds();
    let read = ["exec", name, "sh", "-c", "cd /sys/fs/cgroup; cat memory.max pids.max | tr '\\n' ' '"];
    let limits = call(&read);
    let paused = call(&["pause", name]);
    let state = call(&["inspect", "--format", "{{.State.Status}}", name]);
    call(&["unpause", name]);
    let updated = call(&["update", "-m", "96m", "--memory-swap", "96m", name]);
    let later = call(&read);
    let stats = call(&["stats", "--no-stream", "--format", "{{.PIDs}}", name]);
    call(&["rm", "-f", "-t", "0", name]).succeeds();
    limits.succeeds().prints("67108864 20");
    paused.succeeds();
    state.prints("paused");
    updated.succeeds();
    later.succeeds().prints("100663296 20");
    stats.prints("1");
}

#[conformance::test]
fn limits_pause_update_and_stats() {
    needs::cgroup_v2(&["memory", "pids"]);
    needs::path(SOMEONE);
    is_limited("cgroupfs", "rootless-limits");
}

#[conformance::test]
fn the_users_systemd_makes_the_cgroups() {
    needs::cgroup_v2(&["memory", "pids"]);
    needs::path(SOMEONE);
    is_limited("systemd", "rootless-scope");
}
