//! `checkpoint` and `restore`: a program that counts goes on counting. They need the program criu.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{ChildStdout, Stdio};
use std::sync::{Arc, Mutex};

use conformance::{Bundle, Outcome, Runtime, Value, eventually, leaks, needs};

/// A container that counts into a pipe: CRIU finds no file of the host that is open in it.
struct Counter {
    bundle: Bundle,
    output: Arc<Mutex<String>>,
}

impl Counter {
    #[track_caller]
    fn start() -> Self {
        needs::criu();
        let script = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done";
        let counter = Self { bundle: Bundle::sh(script), output: Arc::default() };
        counter.bundle.write();
        let args = ["run", "--detach", "--bundle", counter.bundle.path().to_str().unwrap(), &counter.bundle.id];
        assert!(counter.spawn(&args).wait().unwrap().success(), "{args:?}");
        assert!(eventually(|| counter.last() >= 5), "it counts: {}", counter.output.lock().unwrap());
        counter
    }

    /// Calls the runtime with a pipe for the container; what it writes is read by a thread.
    #[track_caller]
    fn spawn(&self, args: &[&str]) -> std::process::Child {
        self.output.lock().unwrap().clear();
        let mut command = self.bundle.runtime.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        leaks::claim(child.id().cast_signed());
        let (pipe, output) = (child.stdout.take().unwrap(), Arc::clone(&self.output));
        std::thread::spawn(move || collect(pipe, &output));
        child
    }

    /// The last whole number.
    fn last(&self) -> u64 {
        self.numbers().last().copied().unwrap_or_default()
    }

    fn numbers(&self) -> Vec<u64> {
        let output = self.output.lock().unwrap();
        let whole = output.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| line.parse().unwrap()).collect()
    }

    fn dir(&self, name: &str) -> String {
        self.bundle.host("images").join(name).to_string_lossy().into_owned()
    }

    fn checkpoint(&self, flags: &[&str]) -> Outcome {
        self.bundle.runtime.call([&["checkpoint"], flags, &[&*self.bundle.id]].concat())
    }

    /// `restore` with these flags, as words after those every call has.
    #[track_caller]
    fn restore(&self, images: &str, flags: &[&str]) -> std::process::Child {
        let bundle = self.bundle.path().to_str().unwrap();
        let args = [&["restore", "--bundle", bundle, "--image-path", images], flags, &[&*self.bundle.id]].concat();
        self.spawn(&args)
    }

    fn state(&self) -> Value {
        serde_json::from_str(&self.bundle.runtime.call(["state", &self.bundle.id]).succeeds().stdout).unwrap()
    }

    #[track_caller]
    fn delete(self) {
        self.bundle.runtime.call(["delete", "--force", &self.bundle.id]).succeeds();
        leaks::nothing_left(&self.bundle);
    }
}

fn collect(mut pipe: ChildStdout, output: &Mutex<String>) {
    let mut bytes = [0; 512];
    while let Ok(count @ 1..) = pipe.read(&mut bytes) {
        output.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}

#[conformance::test]
fn a_counter_goes_on_where_it_was() {
    let counter = Counter::start();
    let (images, work) = (counter.dir("one"), counter.dir("work"));
    counter.checkpoint(&["--image-path", &images, "--work-path", &work]).succeeds();
    let before = counter.last();
    counter.bundle.runtime.call(["state", &counter.bundle.id]).fails().says("does not exist");
    assert!(PathBuf::from(&images).join("descriptors.json").exists());
    assert!(PathBuf::from(&work).join("dump.log").exists());
    let pid_file = counter.dir("pid");
    let flags = ["--detach", "--work-path", &work, "--pid-file", &pid_file];
    assert!(counter.restore(&images, &flags).wait().unwrap().success());
    assert!(eventually(|| counter.numbers().len() > 2), "it goes on");
    let first = counter.numbers()[0];
    assert!((before..=before + 2).contains(&first), "{before}, then {first}");
    let state = counter.state();
    assert_eq!(state["status"], "running");
    assert_eq!(state["pid"].to_string(), std::fs::read_to_string(pid_file).unwrap());
    let process = conformance::observe::Process::new(state["pid"].as_i64().unwrap() as i32);
    assert!(process.cgroup("").ends_with(&counter.bundle.id), "{}", process.read("cgroup"));
    counter.bundle.runtime.call(["exec", &counter.bundle.id, "echo", "inside"]).succeeds().prints("inside");
    counter.delete();
}

#[conformance::test]
fn a_container_can_go_on_after_its_checkpoint() {
    let counter = Counter::start();
    counter.checkpoint(&["--image-path", &counter.dir("one"), "--leave-running"]).succeeds();
    let before = counter.last();
    assert_eq!(counter.state()["status"], "running");
    assert!(eventually(|| counter.last() > before + 3), "it goes on");
    counter.delete();
}

#[conformance::test]
fn a_checkpoint_builds_on_one_before() {
    let counter = Counter::start();
    counter.checkpoint(&["--image-path", &counter.dir("before"), "--pre-dump"]).succeeds();
    let before = counter.last();
    assert!(eventually(|| counter.last() > before), "a pre-dump stops nothing");
    let last = counter.dir("last");
    counter.checkpoint(&["--image-path", &last, "--parent-path", "../before"]).succeeds();
    let before = counter.last();
    assert!(PathBuf::from(&last).join("parent").is_symlink(), "the images before are named");
    assert!(counter.restore(&last, &["--detach"]).wait().unwrap().success());
    assert!(eventually(|| counter.last() > before), "it goes on");
    counter.delete();
}

#[conformance::test]
fn a_restore_in_the_foreground_has_the_status_of_the_process() {
    let counter = Counter::start();
    let images = counter.dir("one");
    counter.checkpoint(&["--image-path", &images]).succeeds();
    let mut call = counter.restore(&images, &[]);
    assert!(eventually(|| counter.numbers().len() > 2), "it goes on");
    counter.bundle.runtime.call(["kill", &counter.bundle.id, "KILL"]).succeeds();
    assert_eq!(call.wait().unwrap().code(), Some(137));
    leaks::nothing_left(&counter.bundle);
}

#[conformance::test]
fn only_what_runs_is_checkpointed() {
    let container = Bundle::new().create();
    container.call("checkpoint").fails().says("cannot be checkpointed in created state");
    let container = Bundle::sh("exit 0").start();
    assert_eq!(container.wait(), 0);
    container.call("checkpoint").fails().says("cannot be checkpointed in stopped state");
    container.bundle.runtime.call(["checkpoint", "nobody"]).fails().says("does not exist");
}

#[conformance::test]
fn what_is_no_checkpoint_leaves_nothing() {
    let bundle = Bundle::new();
    bundle.write();
    let (path, images) = (bundle.path().to_str().unwrap(), bundle.host("images"));
    let args = ["restore", "--detach", "--bundle", path, "--image-path", images.to_str().unwrap(), &bundle.id];
    let refusal = bundle.runtime.call(args).fails();
    if Runtime::is_orlop() {
        refusal.names("descriptors.json");
    }
    leaks::nothing_left(&bundle);
}

#[conformance::test]
fn what_is_wrong_with_a_checkpoint_is_named() {
    needs::runtime(&["orlop"]);
    let container = Bundle::new().start();
    let images = container.host("images");
    for (flags, words) in [
        (["--parent-path", "/before"], "--parent-path must be relative"),
        (["--parent-path", "../before"], "invalid --parent-path"),
        (["--page-server", "nowhere"], "use --page-server address:port"),
        (["--empty-ns", "uts"], "namespace \"uts\" is not supported"),
        (["--manage-cgroups-mode", "hard"], "invalid manage-cgroups-mode value"),
        (["--status-fd", "900"], "invalid --status-fd argument 900"),
    ] {
        container.call_with(&["checkpoint", "--image-path", &images, flags[0], flags[1]], &[]).fails().says(words);
    }
    assert_eq!(container.status(), "running");
}

/// runc passes over it.
#[conformance::test]
fn a_restore_cannot_go_without_pivot_root() {
    needs::runtime(&["orlop"]);
    let bundle = Bundle::new();
    bundle.write();
    let args = ["restore", "--no-pivot", "--detach", "--bundle", bundle.path().to_str().unwrap(), &bundle.id];
    bundle.runtime.call(args).fails().says("--no-pivot is of no effect");
    leaks::nothing_left(&bundle);
}

#[conformance::test]
fn without_criu_the_package_is_named() {
    needs::runtime(&["orlop"]);
    for dir in ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"] {
        needs::no_path(&format!("{dir}/criu"));
    }
    let container = Bundle::new().start();
    let runtime = &container.bundle.runtime;
    let images = container.host("images");
    let refusal = runtime.call(["checkpoint", "--image-path", &images, container.id()]).fails();
    refusal.says("there is no program `criu`").says("install the package criu");
    assert_eq!(container.status(), "running");
}
