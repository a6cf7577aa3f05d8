//! Docker where systemd makes the cgroups, which is its default on such a machine: a daemon outside of all namespaces of the tests,
//! as systemd is to know the pids it is told.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use conformance::{Outcome, Runtime, needs};

use super::daemon::starts;
use super::docker::command;
use super::image::{self, TINY};
use super::snippets;

/// A daemon that is a service of the machine's systemd, with its sockets and data in a directory of its own.
struct Service {
    dir: PathBuf,
    unit: String,
}

impl Service {
    fn start() -> Self {
        let unit = format!("orlop-engine-systemd-{}", std::process::id());
        let dir = std::env::temp_dir().join(&unit);
        fs::create_dir_all(&dir).expect("a directory");
        fs::write(dir.join("daemon.json"), snippets::with_runtime("daemon.json", &dir)).expect("a configuration");
        let service = Self { dir, unit };
        let at = |name: &str| service.dir.join(name).to_string_lossy().into_owned();
        let host = format!("unix://{}", at("docker.sock"));
        let words = ["dockerd", "--config-file", &at("daemon.json"), "-H", &host, "--data-root", &at("data")];
        let more = ["--exec-root", &at("exec"), "-p", &at("pid"), "--exec-opt", "native.cgroupdriver=systemd"];
        let mut call = Command::new("systemd-run");
        call.args(["-q", "-p", "Delegate=yes", "-u", &service.unit]).args(words).args(more);
        call.args(["--bridge", "none", "--iptables=false", "--ip6tables=false"]);
        service.call(call).succeeds();
        let answers = || service.docker(&["version"]).code == 0;
        assert!(starts(answers), "{:?}", service.docker(&["version"]));
        let tar = image::tar(&service.dir);
        service.docker(&["import", &tar.to_string_lossy(), TINY]).succeeds();
        service
    }

    fn call(&self, command: Command) -> Outcome {
        Runtime::at(&self.dir).spawn(command).wait()
    }

    fn docker(&self, words: &[&str]) -> Outcome {
        self.call(command(self.dir.clone(), words.iter().copied()))
    }

    /// What systemd knows of the scope of a container.
    fn property(&self, id: &str, name: &str) -> String {
        let mut call = Command::new("systemctl");
        call.args(["show", "--value", "-p", name, &format!("docker-{id}.scope")]);
        self.call(call).succeeds().stdout.trim().to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let ids = self.docker(&["ps", "-aq"]).stdout;
        for id in ids.split_whitespace() {
            self.docker(&["rm", "-f", id]);
        }
        let mut call = Command::new("systemctl");
        call.args(["stop", &self.unit]);
        self.call(call);
        drop(fs::remove_dir_all(&self.dir));
    }
}

#[conformance::test]
fn docker_has_systemd_make_the_cgroups() {
    needs::systemd();
    needs::path("/usr/sbin/dockerd");
    let service = Service::start();
    service.docker(&["info", "--format", "{{.CgroupDriver}} {{.CgroupVersion}}"]).succeeds().prints("systemd 2");
    let limits = ["-m", "64m", "--memory-swap", "64m", "--pids-limit", "20"];
    let run = ["run", "-d", "--name", "scoped", "--network", "none"];
    let id = service.docker(&[&run[..], &limits, &[TINY, "sleep", "1000"]].concat()).succeeds().stdout;
    let id = id.trim();
    assert_eq!(service.property(id, "ActiveState"), "active");
    assert_eq!(service.property(id, "MemoryMax"), "67108864");
    assert_eq!(service.property(id, "TasksMax"), "20");
    service.docker(&["exec", "scoped", "cat", "/sys/fs/cgroup/memory.max"]).succeeds().prints("67108864");
    service.docker(&["update", "-m", "96m", "--memory-swap", "96m", "scoped"]).succeeds();
    assert_eq!(service.property(id, "MemoryMax"), "100663296");
    service.docker(&["stop", "-t", "1", "scoped"]).succeeds();
    service.docker(&["rm", "scoped"]).succeeds();
    assert_eq!(service.property(id, "ActiveState"), "inactive");
}
