//! CRI-O's way: conmon drives the runtime with the arguments CRI-O gives it (CRI-O itself is in no package of Debian's).
//!
//! conmon 2.1: it calls `create`, tells the pid on `_OCI_SYNCPIPE`, keeps the logs in the format of Kubernetes, and
//! writes the exit status to a file; `start`, `exec --process` and `delete --force` come from CRI-O itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::{Bundle, Outcome, Value, eventually, json, needs};

use super::snippets;

/// What CRI-O reads of its configuration: the path of the default runtime, which conmon is to call.
fn configured(dir: &Path) -> String {
    let config: toml::Table = toml::from_str(&snippets::with_runtime("orlop.conf", dir)).expect("TOML");
    let crio = &config["crio"]["runtime"];
    let runtime = &crio["runtimes"][crio["default_runtime"].as_str().expect("a name")];
    assert_eq!(runtime["runtime_type"].as_str(), Some("oci"));
    runtime["runtime_path"].as_str().expect("a path").to_owned()
}

/// A bundle that conmon watches over.
struct Watched {
    bundle: Bundle,
    dir: PathBuf,
}

impl Watched {
    fn new(bundle: Bundle) -> Self {
        needs::path("/usr/bin/conmon");
        let dir = bundle.host("conmon");
        fs::create_dir_all(dir.join("exits")).expect("a directory");
        Self { bundle, dir }
    }

    /// conmon calls `create`.
    fn create(bundle: Bundle, flags: &[&str]) -> Self {
        let watched = Self::new(bundle);
        watched.ask_for_create(flags);
        assert!(watched.told("sync")["pid"].as_i64().is_some_and(|pid| pid > 0), "{}", watched.told("sync"));
        watched
    }

    fn ask_for_create(&self, flags: &[&str]) -> Outcome {
        self.bundle.write();
        let path = self.bundle.path().to_string_lossy();
        let words =
            ["-b", &path, "--exit-dir", "exits", "-l", "log", "-p", "pid", "-P", "conmon.pid", "--persist-dir", "."];
        self.conmon(&[&words, flags].concat(), "sync")
    }

    /// conmon with what each call of CRI-O has; what it tells on its sync pipe goes to a file.
    fn conmon(&self, words: &[&str], sync: &str) -> Outcome {
        let id = &self.bundle.id;
        let mut call = Command::new("sh");
        call.args(["-c", r#": >start; "$@" 3>"$SYNC" 4<start"#, "-", "conmon", "-c", id, "-u", id, "-n", "k8s_pod"]);
        call.arg("-r").arg(configured(&self.dir)).arg("--runtime-arg");
        call.arg(format!("--root={}", self.bundle.runtime.state().display()));
        call.args(["--log-level", "info", "--socket-dir-path", "."]).args(words);
        call.env("_OCI_SYNCPIPE", "3").env("_OCI_STARTPIPE", "4").env("SYNC", sync).current_dir(&self.dir);
        self.bundle.runtime.spawn(call).wait()
    }

    fn told(&self, sync: &str) -> Value {
        let read = || fs::read_to_string(self.dir.join(sync)).unwrap_or_default();
        assert!(eventually(|| read().ends_with('\n')), "conmon says nothing: {}", read());
        serde_json::from_str(read().lines().last().unwrap_or_default()).expect("JSON from conmon")
    }

    fn call(&self, words: &[&str]) -> Outcome {
        self.bundle.runtime.call(words)
    }

    fn exit(&self) -> String {
        let file = self.dir.join("exits").join(&self.bundle.id);
        eventually(|| file.exists());
        fs::read_to_string(file).unwrap_or_default()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.call(&["delete", "--force", &self.bundle.id]);
    }
}

#[conformance::test]
fn conmon_creates_logs_and_learns_the_exit_status() {
    let watched = Watched::create(Bundle::sh("echo out; echo err >&2; exit 7"), &[]);
    watched.call(&["start", &watched.bundle.id]).succeeds();
    assert_eq!(watched.exit(), "7");
    let log = watched.log();
    assert!(log.contains("stdout F out") && log.contains("stderr F err"), "{log}");
}

#[conformance::test]
fn conmon_gives_a_terminal() {
    let watched = Watched::create(Bundle::sh("tty").set("/process/terminal", true), &["-t"]);
    watched.call(&["start", &watched.bundle.id]).succeeds();
    assert_eq!(watched.exit(), "0");
    assert!(watched.log().contains("/dev/pts/0"), "{}", watched.log());
}

#[conformance::test]
fn a_create_that_fails_is_told_on_the_sync_pipe() {
    let watched = Watched::new(Bundle::new().args(["/nonesuch"]));
    watched.ask_for_create(&[]);
    let told = watched.told("sync");
    assert!(told["pid"].as_i64().is_some_and(|pid| pid < 0), "{told}");
    assert!(told["message"].as_str().is_some_and(|message| message.contains("no such file or directory")), "{told}");
}

#[conformance::test]
fn an_exec_goes_through_conmon() {
    let watched = Watched::create(Bundle::sh("sleep 1000"), &[]);
    watched.call(&["start", &watched.bundle.id]).succeeds();
    let process = json!({"cwd": "/", "args": ["/bin/sh", "-c", "echo in exec; exit 3"], "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}});
    fs::write(watched.dir.join("process.json"), process.to_string()).expect("a process");
    let words = ["-e", "--exec-process-spec", "process.json", "-l", "exec-log", "-p", "exec.pid"];
    watched.conmon(&words, "exec-sync").succeeds();
    assert!(watched.told("exec-sync").is_object());
    let log = || fs::read_to_string(watched.dir.join("exec-log")).unwrap_or_default();
    assert!(eventually(|| log().contains("stdout F in exec")), "{}", log());
}

#[conformance::test]
fn what_crio_asks_itself_is_answered() {
    let watched = Watched::create(Bundle::sh("sleep 1000"), &[]);
    let id = watched.bundle.id.clone();
    watched.call(&["start", &id]).succeeds();
    let state: Value = serde_json::from_str(&watched.call(&["state", &id]).succeeds().stdout).expect("JSON");
    assert_eq!(state["status"], "running");
    let process = json!({"cwd": "/", "args": ["/bin/true"], "user": {"uid": 0, "gid": 0}});
    let file = watched.dir.join("sync-exec.json");
    fs::write(&file, process.to_string()).expect("a process");
    watched.call(&["exec", "--process", &file.to_string_lossy(), &id]).succeeds();
    watched.call(&["features"]).succeeds();
    watched.call(&["kill", &id, "TERM"]).succeeds();
    watched.call(&["kill", &id, "KILL"]).succeeds();
    assert_eq!(watched.exit(), "137");
    watched.call(&["kill", &id, "KILL"]).fails().says("container not running");
    watched.call(&["delete", "--force", &id]).succeeds();
    watched.call(&["delete", "--force", &id]).succeeds();
}
