//! CRI-O's way: conmon drives the runtime with the arguments CRI-O gives it (CRI-O itself is in no package of Debian's).
//!
//! conmon 2.1: it calls `create`, tells the pid on `_OCI_SYNCPIPE`, keeps the logs in the format of Kubernetes, and
//! writes the exit status to a file; `start`, `exec --process` and `delete --force` come from CRI-O itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::{Bundle, Outcome, Runtime, Value, eventually, json, needs};

use super::service::property;
use super::snippets;

/// Keys that CRI-O reads in the table of one runtime: crio.conf(5), and `RuntimeHandler` of its package `config`. It passes over
/// others without a word.
const KEYS_OF_A_RUNTIME: [&str; 10] = [
    "runtime_path",
    "runtime_type",
    "runtime_root",
    "runtime_config_path",
    "privileged_without_host_devices",
    "allowed_annotations",
    "default_annotations",
    "monitor_path",
    "monitor_cgroup",
    "monitor_env",
];

/// What CRI-O reads of its configuration: the path of the default runtime, which conmon is to call.
fn configured(dir: &Path) -> String {
    let config: toml::Table = toml::from_str(&snippets::with_runtime("orlop.conf", dir)).expect("TOML");
    let keys = |value: &toml::Value| value.as_table().expect("a table").keys().cloned().collect::<Vec<_>>();
    assert_eq!(config.keys().collect::<Vec<_>>(), ["crio"]);
    assert_eq!(keys(&config["crio"]), ["runtime"]);
    let crio = &config["crio"]["runtime"];
    assert!(keys(crio).iter().all(|key| ["default_runtime", "runtimes"].contains(&key.as_str())), "{crio:?}");
    for (name, runtime) in crio["runtimes"].as_table().expect("runtimes") {
        let known = |key: &String| KEYS_OF_A_RUNTIME.contains(&key.as_str());
        assert!(keys(runtime).iter().all(known), "{name}: {runtime:?}");
    }
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
        call.args(["--log-level", "info", "--socket-dir-path", ".", "--syslog"]).args(words);
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
fn an_exec_that_takes_too_long_is_ended() {
    let watched = Watched::create(Bundle::sh("sleep 1000"), &[]);
    watched.call(&["start", &watched.bundle.id]).succeeds();
    let process =
        json!({"cwd": "/", "args": ["/bin/sleep", "1000"], "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}});
    fs::write(watched.dir.join("process.json"), process.to_string()).expect("a process");
    let words = ["-e", "--exec-process-spec", "process.json", "-l", "exec-log", "-p", "exec.pid", "--sync", "-T", "1"];
    watched.conmon(&words, "exec-sync");
    let told = watched.told("exec-sync");
    assert!(told["message"].as_str().is_some_and(|message| message.contains("timed out")), "{told}");
}

#[conformance::test]
fn a_pod_of_crio_is_a_scope_of_systemds() {
    needs::systemd();
    let bundle = Bundle::sh("cat /sys/fs/cgroup/memory.max; sleep 1000");
    let (scope, path) = (format!("crio-{}.scope", bundle.id), format!("system.slice:crio:{}", bundle.id));
    let annotations = json!({
        "org.systemd.property.TimeoutStopUSec": "uint64 10000000",
        "org.systemd.property.DefaultDependencies": "true",
        "org.systemd.property.After": "['crio.service']",
    });
    let bundle = bundle.namespace("cgroup").set("/annotations", annotations).set("/linux/cgroupsPath", path);
    let bundle = bundle.set("/linux/resources/memory", json!({"limit": 67_108_864}));
    let watched = Watched::create(bundle.flag("--systemd-cgroup"), &["-s"]);
    watched.call(&["start", &watched.bundle.id]).succeeds();
    assert!(eventually(|| watched.log().contains("stdout F 67108864")), "{}", watched.log());
    let know = |name| property(&scope, name);
    assert_eq!((know("ActiveState"), know("MemoryMax")), ("active".to_owned(), "67108864".to_owned()));
    assert_eq!((know("TimeoutStopUSec"), know("Slice")), ("10s".to_owned(), "system.slice".to_owned()));
    assert!(know("After").contains("crio.service"), "{}", know("After"));
    watched.call(&["kill", &watched.bundle.id, "KILL"]).succeeds();
    assert_eq!(watched.exit(), "137");
    watched.call(&["delete", "--force", &watched.bundle.id]).succeeds();
    assert!(eventually(|| property(&scope, "ActiveState") == "inactive"));
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
    let features: Value = serde_json::from_str(&watched.call(&["features"]).succeeds().stdout).expect("JSON");
    // Read-only mounts all the way down, and users of a pod's own: that needs runc 1.2.
    assert!(features["mountOptions"].as_array().expect("options").contains(&json!("rro")), "{features}");
    assert!(!Runtime::is_orlop() || features["linux"]["mountExtensions"]["idmap"]["enabled"] == true, "{features}");
    // What a kubelet changes: resources on standard input.
    let resources = json!({"memory": {"limit": 67_108_864}, "cpu": {"shares": 512}, "pids": {"limit": 33}});
    fs::write(watched.dir.join("resources.json"), resources.to_string()).expect("resources");
    let input = fs::File::open(watched.dir.join("resources.json")).expect("resources");
    let mut update = watched.bundle.runtime.command(["update", "--resources", "-", &id]);
    update.stdin(input);
    watched.bundle.runtime.spawn(update).wait().succeeds();
    let stats = watched.call(&["events", "--stats", &id]).succeeds().stdout;
    assert!(stats.contains("67108864") && stats.contains("33"), "{stats}");
    for (word, status) in [("pause", "paused"), ("resume", "running")] {
        watched.call(&[word, &id]).succeeds();
        let state: Value = serde_json::from_str(&watched.call(&["state", &id]).succeeds().stdout).expect("JSON");
        assert_eq!(state["status"], status);
    }
    watched.call(&["kill", &id, "TERM"]).succeeds();
    watched.call(&["kill", &id, "KILL"]).succeeds();
    assert_eq!(watched.exit(), "137");
    watched.call(&["kill", &id, "KILL"]).fails().says("container not running");
    watched.call(&["delete", "--force", &id]).succeeds();
    watched.call(&["delete", "--force", &id]).succeeds();
}
