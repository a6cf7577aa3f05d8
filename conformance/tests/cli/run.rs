//! `run`: exit statuses, signals, `--detach`, `--keep`.

use std::os::unix::fs::MetadataExt;

use conformance::observe::Process;
use conformance::{Bundle, Signal, Value, eventually, json, leaks, needs};

fn run(bundle: &Bundle, flags: &[&str]) -> conformance::Outcome {
    let path = bundle.write().path().to_string_lossy().into_owned();
    let words = ["run", "--bundle", &path];
    bundle.runtime.call(words.iter().chain(flags).chain(&[bundle.id.as_str()]))
}

#[conformance::test]
fn run_returns_the_status_of_the_process() {
    for status in [0, 1, 7, 255] {
        Bundle::sh(&format!("exit {status}")).run().exits(status);
    }
}

#[conformance::test]
fn run_returns_128_and_the_signal() {
    // The first of a pid namespace ignores its own signals, so its parent sends it.
    let bundle = Bundle::sh("kill -KILL $$").without_namespace("pid");
    bundle.run().exits(137);
}

#[conformance::test]
fn stdin_stdout_stderr_pass_through() {
    let bundle = Bundle::sh("cat; echo to stderr >&2");
    let typed = bundle.path().join("typed");
    std::fs::write(&typed, "typed").unwrap();
    let path = bundle.write().path().to_string_lossy().into_owned();
    let mut command = bundle.runtime.command(["run", "--bundle", &path, &bundle.id]);
    command.stdin(std::fs::File::open(typed).unwrap());
    bundle.runtime.spawn(command).wait().succeeds().prints("typed").says("to stderr");
}

#[conformance::test]
fn more_than_any_pipe_holds_passes_through() {
    let bundle = Bundle::sh("cat");
    let typed = bundle.path().join("typed");
    let text: String = (0..300_000).map(|line| format!("{line:08}\n")).collect();
    std::fs::write(&typed, &text).unwrap();
    let path = bundle.write().path().to_string_lossy().into_owned();
    let mut command = bundle.runtime.command(["run", "--bundle", &path, &bundle.id]);
    command.stdin(std::fs::File::open(typed).unwrap());
    assert!(bundle.runtime.spawn(command).wait().succeeds().stdout == text);
}

/// crun hands them on.
#[conformance::test]
fn the_callers_terminal_and_files_are_not_the_containers() {
    let words = "echo to the user > /dev/stdout";
    let bundle =
        Bundle::sh(&format!("[ -t 0 ] || [ -t 1 ] || echo no terminal; {words}")).set("/process/user/uid", 1234);
    let path = bundle.write().path().to_string_lossy().into_owned();
    let call = bundle.runtime.command(["run", "--bundle", &path, &bundle.id]);
    let outcome = conformance::console::typing("", &bundle.runtime, &call, bundle.path()).succeeds();
    assert!(outcome.stdout.contains("no terminal") && outcome.stdout.contains("to the user"), "{outcome:?}");

    run(&bundle, &[]).succeeds().prints("no terminal\nto the user");
    let container = bundle.set("/process/user/uid", 0).args(["sleep", "1000"]).start();
    container.exec_with(&["--user", "1234"], ["sh", "-c", words]).succeeds().prints("to the user");
    // What the harness reads the output from.
    let files = std::fs::read_dir(container.bundle.path()).unwrap().map(|file| file.unwrap());
    for file in files.filter(|file| file.path().extension().is_some_and(|kind| kind == "out")) {
        assert_eq!(file.metadata().unwrap().uid(), nix::unistd::geteuid().as_raw(), "{}", file.path().display());
    }
}

/// A daemon that keeps the streams is heard until it closes them, as under runc.
#[conformance::test]
fn exec_passes_on_what_a_child_says_later() {
    let container = Bundle::new().start();
    container.sh("(sleep 0.3; echo late) & echo soon").succeeds().prints("soon\nlate");
}

#[conformance::test]
fn signals_are_forwarded() {
    let bundle = Bundle::sh("trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.05; done");
    let path = bundle.write().path().to_string_lossy().into_owned();
    let call = bundle.runtime.spawn(bundle.runtime.command(["run", "--bundle", &path, &bundle.id]));
    assert!(eventually(|| call.output().contains("ready")));
    call.signal(Signal::SIGTERM);
    assert!(call.wait().exits(9).stdout.contains("got it"));
}

#[conformance::test]
fn detach_returns_while_the_process_runs() {
    let bundle = Bundle::new();
    let pid_file = bundle.path().join("pid");
    run(&bundle, &["--detach", "--pid-file", &pid_file.to_string_lossy()]).succeeds();
    let state = bundle.runtime.call(["state", &bundle.id]).succeeds().stdout;
    assert!(state.contains("\"running\""), "{state}");
    assert!(state.contains(std::fs::read_to_string(pid_file).unwrap().trim()), "{state}");
}

#[conformance::test]
fn keep_leaves_a_stopped_container() {
    let bundle = Bundle::sh("exit 4");
    run(&bundle, &["--keep"]).exits(4);
    let state = bundle.runtime.call(["state", &bundle.id]).succeeds().stdout;
    assert!(state.contains("\"stopped\""), "{state}");
    bundle.runtime.call(["delete", &bundle.id]).succeeds();
}

#[conformance::test]
fn run_leaves_nothing_when_the_process_leaves_children() {
    Bundle::sh("sleep 1000 & exit 0").without_namespace("pid").run().succeeds();
}

#[conformance::test]
fn run_of_a_missing_executable_says_so() {
    let outcome = Bundle::new().args(["nonesuch"]).run().fails();
    let stderr = outcome.stderr.to_lowercase();
    assert!(stderr.contains("executable file not found") || stderr.contains("no such file"), "{stderr}");
}

fn limited(script: &str) -> Bundle {
    Bundle::sh(script)
        .set("/linux/resources/memory", json!({"limit": 16_777_216, "swap": 16_777_216}))
        .set("/linux/resources/pids", json!({"limit": 10}))
}

const HOG: &str = "exec tail -c 100m /dev/zero";
const TOO_MANY: &str = "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; wait";

fn state(bundle: &Bundle) -> Value {
    let printed = bundle.runtime.call(["state", &bundle.id]).succeeds().stdout;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error} in {printed}"))
}

#[conformance::test]
fn a_program_killed_for_want_of_memory_says_so() {
    needs::runtime(&["orlop"]);
    let bundle = limited(HOG);
    let reason = "killed: out of memory (linux.resources.memory.limit is 16 MiB)";
    let line = format!("orlop: run {}: {reason}\n", bundle.id);
    let outcome = run(&bundle, &["--keep"]).exits(137);
    assert_eq!(outcome.stderr, line);
    let state = state(&bundle);
    assert_eq!((&state["status"], &state["oomKills"]), (&json!("stopped"), &json!(1)), "{state}");
    assert!(state.get("pidsRefused").is_none(), "{state}");
    bundle.runtime.call(["delete", &bundle.id]).succeeds();
}

#[conformance::test]
fn a_program_that_started_too_many_processes_says_so() {
    needs::runtime(&["orlop"]);
    let bundle = limited(TOO_MANY);
    let outcome = run(&bundle, &["--keep"]);
    assert!(outcome.code != 0, "{outcome:?}");
    outcome.says("too many processes: ").says("refused (linux.resources.pids.limit is 10)");
    let state = state(&bundle);
    assert!(state["pidsRefused"].as_u64().is_some_and(|refused| refused > 0), "{state}");
    assert!(state.get("oomKills").is_none(), "{state}");
    bundle.runtime.call(["delete", &bundle.id]).succeeds();
}

#[conformance::test]
fn what_stays_within_its_limits_has_nothing_to_say() {
    let bundle = limited("exit 3");
    let outcome = run(&bundle, &["--keep"]).exits(3);
    assert_eq!(outcome.stderr, "");
    let state = state(&bundle);
    assert!(state.get("oomKills").is_none() && state.get("pidsRefused").is_none(), "{state}");
    bundle.runtime.call(["delete", &bundle.id]).succeeds();
}

/// The state while a hook of the runtime's runs: whoever waits for "running" then calls `exec`, as BuildKit does.
#[conformance::test]
fn a_run_is_not_running_before_its_program_is() {
    let bundle = Bundle::new();
    let (begun, go_on) = (bundle.path().join("begun"), bundle.path().join("go-on"));
    let script = format!("touch {}; while ! [ -e {} ]; do sleep 0.05; done", begun.display(), go_on.display());
    let hook = json!([{"path": "/bin/busybox", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]}]);
    let bundle = bundle.set("/hooks/createRuntime", hook);
    let path = bundle.write().path().to_string_lossy().into_owned();
    let call = bundle.runtime.spawn(bundle.runtime.command(["run", "--bundle", &path, &bundle.id]));
    let is_running = || bundle.runtime.call(["state", &bundle.id]).stdout.contains("\"running\"");
    assert!(eventually(|| begun.exists()));
    let early = is_running();
    let entered = bundle.runtime.call(["exec", &bundle.id, "true"]).code;
    std::fs::write(go_on, "").unwrap();
    assert!(eventually(is_running));
    bundle.runtime.call(["exec", &bundle.id, "true"]).succeeds();
    bundle.runtime.call(["kill", &bundle.id, "KILL"]).succeeds();
    call.wait().exits(137);
    assert!(!early && entered != 0, "{early} {entered}");
}

#[conformance::test]
fn a_run_that_somebody_else_deletes_has_the_status_of_its_process() {
    let bundle = Bundle::sh("echo ready; sleep 1000");
    let path = bundle.write().path().to_string_lossy().into_owned();
    let call = bundle.runtime.spawn(bundle.runtime.command(["run", "--bundle", &path, &bundle.id]));
    assert!(eventually(|| call.output().contains("ready")));
    bundle.runtime.call(["delete", "--force", &bundle.id]).succeeds();
    call.wait().exits(137);
}

#[conformance::test]
fn orphans_are_adopted_unless_they_are_not_to_be() {
    needs::runtime(&["orlop", "runc"]);
    // In the host's pid namespace no first process adopts them, and their pids are the host's.
    let script = "sh -c 'sleep 1000 & echo $!'; exec sleep 1000";
    for (flags, adopted) in [(&[][..], true), (&["--no-subreaper"], false)] {
        let bundle = Bundle::sh(script).without_namespace("pid");
        let path = bundle.write().path().to_string_lossy().into_owned();
        let words = [&["run", "--bundle", &path], flags, &[&bundle.id]].concat();
        let call = bundle.runtime.spawn(bundle.runtime.command(words));
        assert!(eventually(|| call.output().ends_with('\n')));
        let orphan = Process::new(call.output().trim().parse().unwrap());
        // The test is a subreaper itself.
        let parent = if adopted { Process::new(call.pid()) } else { Process::myself() };
        let child_of = || orphan.status("PPid").unwrap_or_default();
        assert!(eventually(|| child_of() == parent.pid.to_string()), "{flags:?}: child of {}", child_of());
        bundle.runtime.call(["kill", &bundle.id, "KILL"]).succeeds();
        call.wait().exits(137);
        leaks::nothing_left(&bundle);
    }
}
