//! Engines where systemd makes the cgroups, which is their default on such a machine.

use std::fs;
use std::process::Command;

use conformance::{Outcome, eventually, needs};

use super::daemon::starts;
use super::docker::command;
use super::image::{self, TINY};
use super::podman;
use super::service::{Service, property};
use super::snippets;

const LIMITS: [&str; 6] = ["-m", "64m", "--memory-swap", "64m", "--pids-limit", "20"];

/// The scope of a container with these limits.
#[track_caller]
fn has_its_limits(scope: &str) {
    assert_eq!(property(scope, "ActiveState"), "active", "{scope}");
    assert_eq!(property(scope, "MemoryMax"), "67108864", "{scope}");
    assert_eq!(property(scope, "TasksMax"), "20", "{scope}");
}

struct Docker(Service);

impl Docker {
    fn start() -> Self {
        let docker = Self(Service::new("docker-systemd"));
        let service = &docker.0;
        fs::write(service.at("daemon.json"), snippets::with_runtime("daemon.json", &service.dir)).expect("a file");
        let host = format!("unix://{}", service.at("docker.sock"));
        let words = ["dockerd", "--config-file", &service.at("daemon.json"), "-H", &host];
        let places = ["--data-root", &service.at("data"), "--exec-root", &service.at("exec"), "-p", &service.at("pid")];
        let more = ["--exec-opt", "native.cgroupdriver=systemd", "--bridge", "none", "--iptables=false"];
        service.start(&[&words[..], &places, &more, &["--ip6tables=false"]].concat());
        let answers = || docker.call(&["version"]).code == 0;
        assert!(starts(answers), "{:?}", docker.call(&["version"]));
        let tar = image::tar(&service.dir);
        docker.call(&["import", &tar.to_string_lossy(), TINY]).succeeds();
        docker
    }

    fn call(&self, words: &[&str]) -> Outcome {
        self.0.call(command(self.0.dir.clone(), words.iter().copied()))
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        for id in self.call(&["ps", "-aq"]).stdout.split_whitespace() {
            self.call(&["rm", "-f", id]);
        }
    }
}

#[conformance::test]
fn docker_has_systemd_make_the_cgroups() {
    needs::systemd();
    needs::path("/usr/sbin/dockerd");
    let docker = Docker::start();
    docker.call(&["info", "--format", "{{.CgroupDriver}} {{.CgroupVersion}}"]).succeeds().prints("systemd 2");
    let run = ["run", "-d", "--name", "scoped", "--network", "none"];
    let id = docker.call(&[&run[..], &LIMITS, &[TINY, "sleep", "1000"]].concat()).succeeds().stdout;
    let scope = format!("docker-{}.scope", id.trim());
    has_its_limits(&scope);
    docker.call(&["exec", "scoped", "cat", "/sys/fs/cgroup/memory.max"]).succeeds().prints("67108864");
    docker.call(&["update", "-m", "96m", "--memory-swap", "96m", "scoped"]).succeeds();
    assert_eq!(property(&scope, "MemoryMax"), "100663296");
    docker.call(&["pause", "scoped"]).succeeds();
    docker.call(&["unpause", "scoped"]).succeeds();
    docker.call(&["stop", "-t", "1", "scoped"]).succeeds();
    docker.call(&["rm", "scoped"]).succeeds();
    assert_eq!(property(&scope, "ActiveState"), "inactive");
    // A scope goes with its last process, and with it what is to be told: that one stays.
    let hog = ["run", "-d", "--name", "hog", "--network", "none", "-m", "16m", "--memory-swap", "16m", TINY];
    docker.call(&[&hog[..], &["sh", "-c", "tail -c 100m /dev/zero; sleep 1000"]].concat()).succeeds();
    let told = || docker.call(&["inspect", "--format", "{{.State.OOMKilled}}", "hog"]).stdout.trim() == "true";
    assert!(eventually(told), "{:?}", docker.call(&["inspect", "hog"]));
}

struct Podman(Service);

impl Podman {
    fn call(&self, words: &[&str]) -> Outcome {
        let (dir, front) = (&self.0.dir, podman::front(&self.0.dir, "systemd"));
        let mut call = Command::new(&front[0]);
        call.args(&front[1..]).args(words).env("CONTAINERS_CONF", dir.join("containers.conf"));
        self.0.call(call)
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        self.call(&["pod", "rm", "-f", "-a", "-t", "0"]);
        self.call(&["rm", "-f", "-a", "-t", "0"]);
    }
}

#[conformance::test]
fn podman_has_systemd_make_the_cgroups() {
    needs::systemd();
    needs::path("/usr/bin/podman");
    let podman = Podman(Service::new("podman-systemd"));
    podman::configure(&podman.0.dir, &snippets::with_runtime("containers.conf", &podman.0.dir));
    podman.call(&podman::load(&podman.0.dir).each_ref().map(String::as_str)).succeeds();
    let run = ["run", "-d", "--name", "scoped", "--network", "none"];
    let id = podman.call(&[&run[..], &LIMITS, &[podman::TINY, "sleep", "1000"]].concat()).succeeds().stdout;
    let scope = format!("libpod-{}.scope", id.trim());
    has_its_limits(&scope);
    podman.call(&["exec", "scoped", "cat", "/sys/fs/cgroup/memory.max"]).succeeds().prints("67108864");
    podman.call(&["update", "-m", "96m", "--memory-swap", "96m", "scoped"]).succeeds();
    assert_eq!(property(&scope, "MemoryMax"), "100663296");
    podman.call(&["rm", "-f", "-t", "0", "scoped"]).succeeds();
    assert_eq!(property(&scope, "ActiveState"), "inactive");
    let pod = podman.call(&["pod", "create", "--infra=false", "--share=", "-m", "64m", "--name", "sliced"]).succeeds();
    let member = ["run", "-d", "--pod", "sliced", "--network", "none", "--name", "member"];
    let id = podman.call(&[&member[..], &[podman::TINY, "sleep", "1000"]].concat()).succeeds().stdout;
    let slice = property(&format!("libpod-{}.scope", id.trim()), "Slice");
    assert_eq!(slice, format!("machine-libpod_pod_{}.slice", pod.stdout.trim()));
    podman.call(&["pod", "rm", "-f", "-t", "0", "sliced"]).succeeds();
}

struct Containerd(Service);

const ARCHIVED: &str = "docker.io/library/tiny:latest";

impl Containerd {
    fn start() -> Self {
        let containerd = Self(Service::new("containerd-systemd"));
        let service = &containerd.0;
        fs::write(service.at("config.toml"), snippets::with_runtime("config.toml", &service.dir)).expect("a file");
        let words = ["containerd", "-c", &service.at("config.toml"), "--address", &service.at("containerd.sock")];
        service.start(&[&words[..], &["--root", &service.at("root"), "--state", &service.at("state")]].concat());
        let archive = image::archive(&service.dir).to_string_lossy().into_owned();
        let imported = || containerd.call(&["image", "import", &archive]).code == 0;
        assert!(starts(imported), "{:?}", containerd.call(&["image", "import", &archive]));
        containerd
    }

    fn call(&self, words: &[&str]) -> Outcome {
        let mut call = Command::new("ctr");
        call.args(["-a", &self.0.at("containerd.sock")]).args(words);
        self.0.call(call)
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        self.call(&["task", "delete", "-f", "scoped"]);
        self.call(&["container", "delete", "scoped"]);
    }
}

#[conformance::test]
fn containerd_has_systemd_make_the_cgroups() {
    needs::systemd();
    needs::path("/usr/bin/containerd");
    let containerd = Containerd::start();
    let program = super::daemon::runtime_path(&containerd.0.dir).to_string_lossy().into_owned();
    let run = ["run", "-d", "--runc-binary", &program, "--runc-systemd-cgroup", "--cgroup", "system.slice:ctr:scoped"];
    let limits = ["--memory-limit", "67108864", ARCHIVED, "scoped", "sleep", "1000"];
    containerd.call(&[&run[..], &limits].concat()).succeeds();
    assert_eq!(property("ctr-scoped.scope", "ActiveState"), "active");
    assert_eq!(property("ctr-scoped.scope", "MemoryMax"), "67108864");
    assert_eq!(property("ctr-scoped.scope", "Slice"), "system.slice");
    let metrics = containerd.call(&["task", "metrics", "scoped"]).succeeds().stdout;
    assert!(metrics.contains("67108864"), "{metrics}");
    containerd.call(&["task", "exec", "--exec-id", "one", "scoped", "sh", "-c", "exit 5"]).exits(5);
    containerd.call(&["task", "pause", "scoped"]).succeeds();
    containerd.call(&["task", "resume", "scoped"]).succeeds();
    containerd.call(&["task", "kill", "-s", "KILL", "scoped"]).succeeds();
    assert!(eventually(|| containerd.call(&["task", "list"]).stdout.contains("STOPPED")));
    containerd.call(&["task", "delete", "scoped"]);
    assert!(eventually(|| property("ctr-scoped.scope", "ActiveState") == "inactive"));
}
