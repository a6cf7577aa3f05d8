//! create, start, state, kill, delete: which may follow which, and what each leaves.

use std::path::Path;

use conformance::{Bundle, Container, Runtime, Value, eventually, json, needs, rootless};

fn stopped() -> Container {
    let container = Bundle::sh("exit 3").start();
    assert_eq!(container.wait(), 3);
    container
}

#[conformance::test(covers = ["create.runs-nothing", "start.runs-the-program", "state:/status=created"])]
fn create_does_not_run_the_process_and_start_does() {
    let container = Bundle::sh("echo started").create();
    assert_eq!(container.status(), "created");
    assert_eq!(container.output(), "");
    container.call("start").succeeds();
    container.eventually_prints("started");
}

#[conformance::test(covers = [
    "state:/{ociVersion,id,bundle,annotations,pid}",
    "state:/status=running",
    "/annotations",
])]
fn state_has_the_fields_of_the_specification() {
    let container = Bundle::new().set("/annotations", json!({"org.example.key": "value"})).start();
    let state = container.state();
    assert!(state["ociVersion"].as_str().unwrap().starts_with("1."));
    assert_eq!(state["id"], container.id());
    assert_eq!(state["status"], "running");
    assert_eq!(state["bundle"], json!(container.bundle.path()));
    assert_eq!(state["annotations"], json!({"org.example.key": "value"}));
    assert_eq!(conformance::observe::Process::new(state["pid"].as_i64().unwrap() as i32).args(), ["sleep", "1000"]);
}

#[conformance::test]
fn state_has_the_fields_of_runc() {
    let container = Bundle::new().start();
    let state = container.state();
    assert_eq!(state["rootfs"], json!(container.bundle.rootfs()));
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    // runc names nobody here, whoever they are; ours names whoever is not root.
    assert_eq!(state["owner"], if rootless::here() && Runtime::is_orlop() { &*user } else { "" });
    let created = state["created"].as_str().unwrap();
    assert!(created.starts_with("20") && created.contains('T') && created.ends_with('Z'), "{created}");
}

#[conformance::test(covers = ["state:/status=stopped"])]
fn a_process_that_ended_leaves_a_stopped_container() {
    let container = stopped();
    assert_eq!(container.status(), "stopped");
    assert_eq!(container.state()["pid"], 0);
    container.call("delete").succeeds();
}

#[conformance::test(covers = ["delete.resources"])]
fn delete_leaves_nothing() {
    Bundle::new().start().delete();
}

#[conformance::test(covers = ["delete.resources"])]
fn delete_of_a_created_container_leaves_nothing() {
    Bundle::new().create().delete();
}

#[conformance::test(covers = ["state.unknown-id", "start.unknown-id", "delete.unknown-id", "kill.unknown-id"])]
fn after_delete_the_container_does_not_exist() {
    let container = stopped();
    container.call("delete").succeeds();
    for verb in ["state", "start", "delete", "ps"] {
        container.call(verb).fails().says("does not exist");
    }
    container.call_with(&["kill"], &["KILL"]).fails().says("does not exist");
}

#[conformance::test]
fn delete_by_force_of_nothing_succeeds() {
    let bundle = Bundle::new();
    bundle.runtime.call(["delete", "--force", &bundle.id]).succeeds();
}

#[conformance::test(covers = ["delete.not-stopped"])]
fn delete_of_a_running_container_needs_force() {
    let container = Bundle::new().start();
    container.call("delete").fails();
    assert_eq!(container.status(), "running");
    container.delete();
}

#[conformance::test(covers = ["delete.frees-the-id"])]
fn an_id_can_be_used_again_after_delete() {
    let container = stopped();
    container.call("delete").succeeds();
    let bundle = container.bundle.path().to_string_lossy().into_owned();
    container.call_with(&["create", "--bundle", &bundle], &[]).succeeds();
    assert_eq!(container.status(), "created");
}

#[conformance::test(covers = ["start.not-created"])]
fn start_twice_is_an_error() {
    let container = Bundle::new().start();
    container.call("start").fails();
    assert_eq!(container.status(), "running");
}

#[conformance::test(covers = ["start.not-created"])]
fn start_of_a_stopped_container_is_an_error() {
    let container = stopped();
    container.call("start").fails();
}

#[conformance::test]
fn kill_sends_term_by_default() {
    let container = Bundle::sh("trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done").start();
    container.eventually_prints("ready");
    container.call("kill").succeeds();
    assert_eq!(container.wait(), 42);
}

/// An engine's empty setting.
#[conformance::test]
fn an_empty_signal_is_term() {
    let container = Bundle::sh("trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done").start();
    container.eventually_prints("ready");
    container.call_with(&["kill"], &[""]).succeeds();
    assert_eq!(container.wait(), 42);
}

#[conformance::test(covers = ["kill.signal"])]
fn a_signal_has_many_names() {
    for signal in ["USR1", "SIGUSR1", "10", "usr1"] {
        let container = Bundle::sh("trap 'exit 42' USR1; echo ready; while :; do sleep 0.05; done").start();
        container.eventually_prints("ready");
        container.kill(signal);
        assert_eq!(container.wait(), 42, "{signal}");
    }
}

#[conformance::test(covers = ["kill.created"])]
fn kill_of_a_created_container_stops_it() {
    let container = Bundle::new().create();
    container.kill("KILL");
    container.wait();
    assert_eq!(container.status(), "stopped");
}

#[conformance::test(covers = ["kill.stopped"])]
fn kill_of_a_stopped_container_is_an_error_engines_know() {
    stopped().call_with(&["kill"], &["KILL"]).fails().says("container not running");
}

#[conformance::test]
fn an_unknown_signal_is_an_error() {
    let container = Bundle::new().start();
    container.call_with(&["kill"], &["NOSUCH"]).fails().says("nosuch");
    assert_eq!(container.status(), "running");
}

#[conformance::test]
fn kill_of_all_reaches_every_process() {
    let container = Bundle::sh("sleep 1000 & sleep 1000 & echo ready; wait").start();
    container.eventually_prints("ready");
    container.call_with(&["kill", "--all"], &["KILL"]).succeeds();
    container.wait();
    assert!(eventually(|| container.status() == "stopped"));
}

#[conformance::test]
fn delete_by_force_ends_every_process_without_a_pid_namespace() {
    let container = Bundle::sh("sleep 1000 & sleep 1000 & echo ready; wait").without_namespace("pid").start();
    container.eventually_prints("ready");
    container.delete();
}

#[conformance::test(covers = ["state.unknown-id"])]
fn state_of_an_unknown_container_is_an_error_engines_know() {
    let bundle = Bundle::new();
    bundle.runtime.call(["state", "unknown"]).exits(1).says("does not exist");
}

#[conformance::test]
fn the_version_is_what_engines_parse() {
    let outcome = Bundle::new().runtime.call(["--version"]).succeeds();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines[0].contains(" version "), "{lines:?}");
    for field in ["commit: ", "spec: "] {
        assert!(lines.iter().any(|line| line.starts_with(field)), "{field} in {lines:?}");
    }
}

#[conformance::test]
fn features_are_json() {
    let outcome = Bundle::new().runtime.call(["features"]).succeeds();
    let features: Value = outcome.stdout.parse().unwrap();
    assert!(features["ociVersionMin"].is_string() && features["ociVersionMax"].is_string());
    let has = |pointer: &str, word: &str| features.pointer(pointer).unwrap().as_array().unwrap().contains(&json!(word));
    for kind in ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] {
        assert!(has("/hooks", kind), "{kind}");
    }
    assert!(has("/mountOptions", "rro") && has("/linux/namespaces", "cgroup"));
    assert!(has("/linux/capabilities", "CAP_SYS_ADMIN"));
    assert_eq!(features["linux"]["seccomp"]["enabled"], true);
}

#[conformance::test]
fn spec_writes_a_config_that_runs() {
    let mut bundle = Bundle::sh("echo ran");
    let path = bundle.path().to_string_lossy().into_owned();
    let rootless: &[&str] = if rootless::here() { &["--rootless"] } else { &[] };
    bundle.runtime.call([&["spec", "--bundle", &path], rootless].concat()).succeeds();
    let text = std::fs::read_to_string(bundle.path().join("config.json")).unwrap();
    let args = bundle.config["process"]["args"].clone();
    bundle.config = text.parse().unwrap();
    assert_eq!(bundle.config["root"]["path"], "rootfs");
    bundle.set("/process/terminal", false).set("/process/args", args).run().succeeds().prints("ran");
}

#[conformance::test]
fn spec_does_not_overwrite() {
    let bundle = Bundle::new();
    let path = bundle.write().path().to_string_lossy().into_owned();
    bundle.runtime.call(["spec", "--bundle", &path]).fails();
}

#[conformance::test]
fn a_container_in_the_foreground_can_be_changed_by_other_calls() {
    let bundle = Bundle::new();
    let path = bundle.write().path().to_string_lossy().into_owned();
    let call = bundle.runtime.spawn(bundle.runtime.command(["run", "--bundle", &path, &bundle.id]));
    let running = || bundle.runtime.call(["state", &bundle.id]).stdout.contains("running");
    assert!(eventually(running));
    let begin = std::time::Instant::now();
    bundle.runtime.call(["pause", &bundle.id]).succeeds();
    bundle.runtime.call(["resume", &bundle.id]).succeeds();
    bundle.runtime.call(["kill", &bundle.id, "KILL"]).succeeds();
    call.wait().exits(137);
    assert!(begin.elapsed() < std::time::Duration::from_secs(10), "nobody waits for the one in the foreground");
}

#[conformance::test]
fn a_container_paused_before_its_start_can_be_resumed_and_started() {
    let container = Bundle::sh("echo started").create();
    container.call("pause").succeeds();
    assert_eq!(container.status(), "paused");
    container.call("start").fails().says("paused");
    container.call("resume").succeeds();
    assert_eq!(container.status(), "created");
    container.call("start").succeeds();
    container.eventually_prints("started");
}

#[conformance::test]
fn exec_in_a_paused_container_runs_once_that_is_resumed() {
    let container = Bundle::new().start();
    container.call("pause").succeeds();
    let id = container.id();
    container.exec(["true"]).fails().says("paused");
    let runtime = &container.bundle.runtime;
    let call = runtime.spawn(runtime.command(["exec", "--ignore-paused", id, "echo", "ran"]));
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(call.output(), "", "nothing runs in a paused container");
    container.call("resume").succeeds();
    call.wait().succeeds().prints("ran");
}

/// A cgroup above those of containers, which no runtime removes: the test does, however it ends.
struct Above(String);

impl Drop for Above {
    fn drop(&mut self) {
        for hierarchy in std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            drop(std::fs::remove_dir(hierarchy.path().join(&self.0[1..]).join("first")));
            drop(std::fs::remove_dir(hierarchy.path().join(&self.0[1..])));
        }
    }
}

#[conformance::test]
fn a_cgroup_that_is_frozen_is_refused() {
    // With crun a process is born there, and neither runs nor ends.
    needs::runtime(&["orlop", "runc"]);
    needs::root("a cgroup by its full name");
    let above = Above(format!("/orlop-test-frozen-{}", std::process::id()));
    let (hierarchy, file, word) = match Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        true => ("/sys/fs/cgroup", "cgroup.freeze", "1"),
        false => ("/sys/fs/cgroup/freezer", "freezer.state", "FROZEN"),
    };
    let path = format!("{}/first", above.0);
    std::fs::create_dir_all(format!("{hierarchy}{path}")).unwrap();
    std::fs::write(format!("{hierarchy}{path}/{file}"), word).unwrap();
    let wanted = Bundle::new().set("/linux/cgroupsPath", path.as_str());
    wanted.refused().says("container's cgroup unexpectedly frozen");
}

#[conformance::test(covers = ["delete.no-more"])]
fn a_container_that_wants_anothers_cgroup_is_refused_and_does_the_other_no_harm() {
    needs::root("a cgroup by its full name");
    let above = Above(format!("/orlop-test-shared-{}", std::process::id()));
    let path = format!("{}/first", above.0);
    let first = Bundle::new().set("/linux/cgroupsPath", path.as_str()).start();
    for wanted in [&path, &above.0] {
        Bundle::new().set("/linux/cgroupsPath", wanted.as_str()).refused().says("cgroup is not empty");
        assert_eq!(first.status(), "running");
    }
    first.delete();
}

#[conformance::test]
fn a_container_without_mount_namespace_execs_in_its_own_root() {
    needs::root("device nodes in the root filesystem itself");
    let bundle = Bundle::new().file("/mine", "").without_namespace("mount").set("/mounts", json!([]));
    let bundle = bundle.set("/linux/maskedPaths", json!([])).set("/linux/readonlyPaths", json!([]));
    let container = bundle.set("/root/readonly", false).start();
    container.exec(["ls", "/mine"]).succeeds().prints("/mine");
}

#[conformance::test]
fn a_program_may_have_fewer_descriptors_than_its_launch_needs() {
    for (soft, hard) in [(0, 0), (3, 3), (3, 1024)] {
        let limits = json!([{"type": "RLIMIT_NOFILE", "soft": soft, "hard": hard}]);
        let container = Bundle::sh("ulimit -n; ulimit -Hn").set("/process/rlimits", limits).create();
        container.call("start").succeeds();
        container.eventually_prints(&format!("{soft}\n{hard}"));
    }
}

/// A hook without a timeout may take for ever.
#[conformance::test]
fn a_container_whose_last_hook_hangs_can_be_deleted() {
    let hook = json!([{"path": "/bin/sleep", "args": ["sleep", "1000"]}]);
    let container = Bundle::new().set("/hooks/startContainer", hook).create();
    let start = container.bundle.runtime.spawn(container.bundle.runtime.command(["start", container.id()]));
    assert!(eventually(|| container.call("ps").stdout.contains("sleep 1000")));
    container.call_with(&["delete", "--force"], &[]).succeeds();
    drop(start.wait());
}

#[conformance::test(covers = ["create.all-resources", "linux.cgroup-is-entered"])]
fn a_created_container_has_all_it_asked_for() {
    let script = "hostname; ls /data; cut -d: -f3 /proc/self/cgroup | sort -u";
    let bundle = Bundle::new().set("/hostname", "deck").mount("tmpfs", "tmpfs", "/data/sub", &[]);
    let container = bundle.writable().create();
    let process = container.process();
    for kind in ["pid", "net", "ipc", "uts", "mnt"] {
        assert_ne!(process.namespace(kind), conformance::observe::Process::myself().namespace(kind), "{kind}");
    }
    assert_ne!(process.read("cgroup"), conformance::observe::Process::myself().read("cgroup"));
    let seen = container.sh(script).succeeds().stdout;
    assert!(seen.starts_with("deck\nsub\n"), "{seen}");
    assert!(process.mounts().iter().any(|mount| mount.destination == "/data/sub"));
}

#[conformance::test(covers = ["config.unknown-annotation"])]
fn an_annotation_that_nobody_knows_is_kept_and_does_nothing() {
    let annotations = json!({"org.example.of-tomorrow": "", "plain": "{\"a\": 1}"});
    let container = Bundle::new().set("/annotations", annotations.clone()).start();
    assert_eq!(container.state()["annotations"], annotations);
}

/// Somebody has put something into the directory of its state: it goes with it, as `os.RemoveAll` does it, and no link is followed.
#[conformance::test(covers = ["delete.resources"])]
fn what_others_put_beside_the_state_does_not_keep_delete_from_it() {
    let container = Bundle::sh("exit 0").start();
    container.wait();
    let kept = container.host("kept");
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(std::path::Path::new(&kept).join("file"), "stays").unwrap();
    let state = container.bundle.runtime.state().join(container.id());
    std::fs::create_dir_all(state.join("deep/er")).unwrap();
    std::fs::write(state.join("deep/er/file"), "goes").unwrap();
    std::os::unix::fs::symlink(&kept, state.join("deep/link")).unwrap();
    container.call("delete").succeeds();
    assert!(!state.exists());
    assert!(std::path::Path::new(&kept).join("file").exists());
}
