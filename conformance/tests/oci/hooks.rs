//! `hooks`: six kinds, when they run, in which namespaces, what they read, and what their failure does.

use std::fs;
use std::path::{Path, PathBuf};

use conformance::observe::Process;
use conformance::{Bundle, Value, eventually, json, needs};

const ALL: [&str; 4] = ["prestart", "createRuntime", "createContainer", "poststart"];
const BEFORE_START: [&str; 3] = ["prestart", "createRuntime", "createContainer"];

/// A shell script of the host as a hook.
fn hook(script: &str) -> Value {
    json!([{"path": "/bin/busybox", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]}])
}

fn log(bundle: &Bundle) -> PathBuf {
    bundle.host("log").join("hooks")
}

/// A container of which these hooks of the host write a line made by `words`.
fn logging(kinds: &[&str], words: &str) -> Bundle {
    let bundle = Bundle::new();
    let log = log(&bundle).display().to_string();
    kinds.iter().fold(bundle, |bundle, kind| {
        bundle.set(&format!("/hooks/{kind}"), hook(&format!("echo {kind} {words} >> {log}")))
    })
}

fn lines(bundle: &Bundle) -> Vec<String> {
    fs::read_to_string(log(bundle)).unwrap_or_default().lines().map(|line| line.trim().to_owned()).collect()
}

#[conformance::test(covers = ["hooks.kinds-in-order", "/hooks/{prestart,createRuntime,createContainer}/*/path"])]
fn hooks_before_start_run_in_the_order_of_the_specification() {
    let container = logging(&BEFORE_START, "").create();
    assert_eq!(lines(&container.bundle), BEFORE_START);
}

#[conformance::test(covers = ["hooks.kinds-in-order", "/hooks/{poststart,poststop}/*/path"])]
fn poststart_runs_after_start_and_poststop_after_delete() {
    let container = logging(&["poststart", "poststop"], "").create();
    assert!(lines(&container.bundle).is_empty());
    container.call("start").succeeds();
    assert!(eventually(|| lines(&container.bundle) == ["poststart"]));
    container.call_with(&["delete", "--force"], &[]).succeeds();
    assert_eq!(lines(&container.bundle), ["poststart", "poststop"]);
}

#[conformance::test(covers = ["hooks.listed-order"])]
fn hooks_of_one_kind_run_in_order() {
    let bundle = Bundle::new();
    let file = log(&bundle).display().to_string();
    let hooks: Vec<Value> = (1..=3).map(|n| hook(&format!("echo {n} >> {file}"))[0].clone()).collect();
    let container = bundle.set("/hooks/createRuntime", hooks).create();
    assert_eq!(lines(&container.bundle), ["1", "2", "3"]);
}

#[conformance::test(covers = ["hooks.{prestart,createRuntime,createContainer,poststart}-namespace"])]
fn hooks_run_in_the_namespaces_of_the_specification() {
    let container = logging(&ALL, "$(readlink /proc/self/ns/mnt)").start();
    let own = Process::myself().namespace("mnt").display().to_string();
    let inner = container.settled().namespace("mnt").display().to_string();
    assert!(eventually(|| lines(&container.bundle).len() == 4));
    // A runtime in a mount namespace of its own has hooks there: never in the container's.
    for line in lines(&container.bundle) {
        let (kind, namespace) = line.split_once(' ').unwrap();
        match kind {
            "createContainer" => assert_eq!(namespace, inner),
            _ => assert_ne!(namespace, inner, "{kind}"),
        }
    }
    assert_ne!(own, inner);
}

#[conformance::test(covers = [
    "hooks.startContainer-namespace",
    "hooks.kinds-in-order",
    "/hooks/startContainer/*/path",
])]
fn start_container_runs_inside_before_the_process() {
    let bundle = Bundle::sh("cat /tmp/hook; echo then").writable().file("/hook", "#!/bin/sh\necho first > /tmp/hook\n");
    bundle.set("/hooks/startContainer", json!([{"path": "/hook"}])).run().succeeds().prints("first\nthen");
}

/// The stream is the program's alone: what a hook says is for who reads an error.
#[conformance::test]
fn words_of_hooks_are_not_the_programs() {
    for kind in ["createContainer", "startContainer"] {
        let bundle = Bundle::sh("echo program").set(&format!("/hooks/{kind}"), hook("echo hook; echo hook >&2"));
        bundle.run().succeeds().prints("program");
    }
}

#[conformance::test(covers = ["hooks.state-on-stdin", "state:/status=creating"])]
fn hooks_read_the_state_on_stdin() {
    let bundle = Bundle::new();
    let dir = bundle.host("log");
    let bundle = bundle.set("/annotations", json!({"org.example.key": "value"}));
    let container = BEFORE_START
        .iter()
        .fold(bundle, |bundle, kind| {
            bundle.set(&format!("/hooks/{kind}"), hook(&format!("cat > {}", dir.join(kind).display())))
        })
        .create();
    for kind in BEFORE_START {
        let state = state_in(&dir.join(kind));
        assert_eq!(state["id"], container.id(), "{kind}");
        // Prestart hooks are from the time when they ran in `start`.
        let right = if kind == "prestart" { ["creating", "created"] } else { ["creating"; 2] };
        assert!(right.iter().any(|status| state["status"] == **status), "{kind}: {state}");
        assert_eq!(state["bundle"], json!(container.bundle.path()), "{kind}");
        assert_eq!(state["annotations"]["org.example.key"], "value", "{kind}");
        assert!(state["ociVersion"].is_string() && state["pid"].is_number(), "{kind}: {state}");
    }
    assert_eq!(state_in(&dir.join("createRuntime"))["pid"], container.process().pid);
}

#[conformance::test(covers = ["hooks.state-on-stdin"])]
fn poststart_sees_a_running_container() {
    let bundle = Bundle::new();
    let file = bundle.host("log").join("state");
    let _container = bundle.set("/hooks/poststart", hook(&format!("cat > {}", file.display()))).start();
    assert!(eventually(|| state_in(&file).is_object()));
    assert_eq!(state_in(&file)["status"], "running");
}

#[conformance::test(covers = ["hooks.state-on-stdin"])]
fn poststop_sees_a_stopped_container() {
    let bundle = Bundle::sh("exit 0");
    let file = bundle.host("log").join("state");
    let bundle = bundle.set("/hooks/poststop", hook(&format!("cat > {}", file.display())));
    bundle.run().succeeds();
    assert_eq!(state_in(&file)["status"], "stopped");
}

#[conformance::test(covers = ["/hooks/createRuntime/*/{args,env}"])]
fn a_hook_has_its_own_args_and_environment() {
    let bundle = Bundle::new();
    let file = log(&bundle).display().to_string();
    let script = format!("echo $0 $1 $ONLY $TERM > {file}");
    let args = json!(["sh", "-c", script, "zero", "one"]);
    let hook = json!([{"path": "/bin/busybox", "args": args, "env": ["ONLY=this"]}]);
    let container = bundle.set("/hooks/createRuntime", hook).create();
    assert_eq!(lines(&container.bundle), ["zero one this"]);
}

#[conformance::test(covers = ["hooks.{prestart,createRuntime,createContainer}-fails"])]
fn a_hook_that_fails_before_start_ends_the_container() {
    for kind in BEFORE_START {
        let bundle = Bundle::new().set(&format!("/hooks/{kind}"), hook("exit 3"));
        bundle.refused().names(&format!("/hooks/{kind}/0"));
    }
}

#[conformance::test(covers = ["hooks.startContainer-fails"])]
fn a_start_container_hook_that_fails_ends_the_container() {
    let bundle = Bundle::new().set("/hooks/startContainer", json!([{"path": "/bin/false"}]));
    bundle.never_starts().names("/hooks/startContainer/0");
}

#[conformance::test]
fn a_hook_that_does_not_exist_is_an_error() {
    let bundle = Bundle::new().set("/hooks/createRuntime", json!([{"path": "/not/there"}]));
    bundle.refused().names("/hooks/createRuntime/0");
}

#[conformance::test(covers = ["/hooks/{prestart,createRuntime,createContainer}/*/timeout"])]
fn a_hook_that_hangs_is_stopped_by_its_timeout() {
    for kind in BEFORE_START {
        let mut hanging = hook("sleep 1000");
        hanging[0]["timeout"] = json!(1);
        Bundle::new().set(&format!("/hooks/{kind}"), hanging).refused().names(&format!("/hooks/{kind}/0"));
    }
}

#[conformance::test]
fn poststop_that_fails_does_not_stop_the_deletion() {
    Bundle::new().set("/hooks/poststop", hook("exit 1")).start().delete();
}

fn state_in(file: &Path) -> Value {
    fs::read_to_string(file).ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[conformance::test]
fn poststop_runs_after_a_create_that_failed_in_a_hook() {
    let bundle = Bundle::new();
    let told = bundle.host("told").join("state");
    let poststop = hook(&format!("cat > {}", told.display()));
    let bundle = bundle.set("/hooks", json!({"createRuntime": hook("exit 1"), "poststop": poststop}));
    bundle.refused();
    let state: Value = serde_json::from_str(&fs::read_to_string(told).unwrap()).unwrap();
    assert_eq!(state["status"], "stopped");
}

#[conformance::test(covers = ["/hooks/{prestart,createRuntime,createContainer,poststart,poststop}/*/{args,env}"])]
fn hooks_of_every_kind_have_their_own_args_and_environment() {
    let bundle = Bundle::sh("true");
    let file = log(&bundle).display().to_string();
    let kinds = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
    let bundle = kinds.iter().fold(bundle, |bundle, kind| {
        let script = format!("echo $0 $1 $ONLY $TERM >> {file}");
        let hook = json!([{"path": "/bin/busybox", "args": ["sh", "-c", script, kind, "one"], "env": ["ONLY=this"]}]);
        bundle.set(&format!("/hooks/{kind}"), hook)
    });
    let container = bundle.start();
    container.wait();
    container.call("delete").succeeds();
    assert_eq!(lines(&container.bundle), kinds.map(|kind| format!("{kind} one this")));
}

#[conformance::test(covers = ["/hooks/startContainer/*/{args,env}"])]
fn a_start_container_hook_has_its_own_args_and_environment() {
    let script = "echo $0 $1 $ONLY $TERM > /tmp/hook";
    let args = json!(["sh", "-c", script, "zero", "one"]);
    let hook = json!([{"path": "/bin/sh", "args": args, "env": ["ONLY=this"]}]);
    let bundle = Bundle::sh("cat /tmp/hook").writable().set("/hooks/startContainer", hook);
    bundle.run().succeeds().prints("zero one this");
}

#[conformance::test(covers = ["/hooks/startContainer/*/timeout"])]
fn a_start_container_hook_that_hangs_is_stopped_by_its_timeout() {
    let hook = json!([{"path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1}]);
    Bundle::new().set("/hooks/startContainer", hook).never_starts().names("/hooks/startContainer/0");
}

#[conformance::test(covers = ["/hooks/{poststart,poststop}/*/timeout"])]
fn hooks_after_start_are_stopped_by_their_timeout() {
    for kind in ["poststart", "poststop"] {
        let mut hanging = hook("echo begun > $LOG; exec sleep 100");
        let bundle = Bundle::new();
        let log = log(&bundle);
        hanging[0]["timeout"] = json!(1);
        hanging[0]["env"] = json!(["PATH=/bin", format!("LOG={}", log.display())]);
        let container = bundle.set(&format!("/hooks/{kind}"), hanging).create();
        let begin = std::time::Instant::now();
        container.call("start");
        container.call_with(&["delete", "--force"], &[]);
        assert!(begin.elapsed() < std::time::Duration::from_secs(30), "{kind}: nobody stopped it");
        assert_eq!(fs::read_to_string(log).unwrap(), "begun\n", "{kind}");
    }
}

#[conformance::test(covers = ["hooks.poststop-namespace"])]
fn poststop_runs_in_the_namespaces_of_the_runtime() {
    let container = logging(&["poststop"], "$(readlink /proc/self/ns/pid) $(readlink /proc/self/ns/net)").start();
    container.call_with(&["delete", "--force"], &[]).succeeds();
    let own = |kind: &str| Process::myself().namespace(kind).display().to_string();
    assert_eq!(lines(&container.bundle), [format!("poststop {} {}", own("pid"), own("net"))]);
}

#[conformance::test(covers = ["hooks.poststart-fails"])]
fn a_poststart_hook_that_fails_ends_the_container() {
    let container = Bundle::new().set("/hooks/poststart", hook("exit 1")).create();
    let process = container.process();
    container.call("start").fails().names("/hooks/poststart/0");
    assert!(eventually(|| process.args().is_empty()), "it runs on");
    container.call("delete").succeeds();
}

#[conformance::test(covers = ["hooks.poststart-fails"])]
fn a_run_whose_poststart_hook_fails_leaves_nothing() {
    let bundle = Bundle::new();
    let log = log(&bundle).display().to_string();
    let hooks = json!({"poststart": hook("exit 1"), "poststop": hook(&format!("echo poststop >> {log}"))});
    let bundle = bundle.set("/hooks", hooks);
    bundle.run().fails().names("/hooks/poststart/0");
    assert_eq!(lines(&bundle), ["poststop"]);
}

#[conformance::test(covers = ["hooks.poststop-fails"])]
fn poststop_hooks_after_one_that_failed_run_all_the_same() {
    let bundle = Bundle::new();
    let file = log(&bundle).display().to_string();
    let hooks = json!([hook("exit 1")[0], hook(&format!("echo second >> {file}"))[0]]);
    let container = bundle.set("/hooks/poststop", hooks).start();
    let outcome = container.call_with(&["delete", "--force"], &[]).succeeds();
    assert!(!outcome.stderr.is_empty(), "the failure is not reported");
    assert_eq!(lines(&container.bundle), ["second"]);
    container.call("state").fails();
}

#[conformance::test(covers = ["hooks.path-absolute"])]
fn a_hook_with_a_relative_path_is_refused() {
    for kind in BEFORE_START {
        let relative = json!([{"path": "bin/true"}]);
        Bundle::new().set(&format!("/hooks/{kind}"), relative).refused().names(&format!("/hooks/{kind}/0/path"));
    }
}

#[conformance::test]
fn a_poststart_hook_of_run_may_change_the_container() {
    needs::root("a cgroup that is frozen");
    let bundle = Bundle::sh("sleep 1");
    let words = |command: std::process::Command| -> String {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| format!("'{}' ", word.to_string_lossy())).collect()
    };
    let (pause, resume) = (["pause", &bundle.id], ["resume", &bundle.id]);
    let [pause, resume] = [pause, resume].map(|verb| words(bundle.runtime.command(verb)));
    let script = format!("{pause} && {resume} && echo done >> {}", log(&bundle).display());
    let bundle = bundle.set("/hooks/poststart", hook(&script));
    let begin = std::time::Instant::now();
    bundle.run().succeeds();
    assert_eq!(lines(&bundle), ["done"]);
    assert!(begin.elapsed() < std::time::Duration::from_secs(25), "it waited for the lock");
}

#[conformance::test]
fn a_start_whose_container_is_killed_meanwhile_fails() {
    // runc's `start` does not wait for the hooks, nor for the program.
    needs::runtime(&["orlop"]);
    let bundle = Bundle::new().writable().set("/hooks/startContainer", hook(": > /tmp/begun; sleep 1000"));
    let container = bundle.create();
    let command = container.bundle.runtime.command(["start", container.id()]);
    let call = container.bundle.runtime.spawn(command);
    assert!(eventually(|| container.bundle.inside("/tmp/begun").exists()));
    container.kill("KILL");
    call.wait().fails().says("the process was killed before it became the program");
}

#[conformance::test]
fn a_runtime_in_many_groups_runs_hooks() {
    needs::root("taking on groups");
    needs::program("setpriv");
    let groups: Vec<String> = (100_000..102_000).map(|group: u32| group.to_string()).collect();
    let mut bundle = logging(&["createContainer"], "");
    bundle.runtime.call_through(["setpriv".to_owned(), format!("--groups={}", groups.join(","))]);
    let container = bundle.create();
    assert_eq!(lines(&container.bundle), ["createContainer"]);
}
