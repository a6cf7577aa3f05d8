//! The words and exit statuses that engines act on, judged by their own rules: which message makes Docker's or Podman's 126 and 127,
//! which one containerd and CRI-O take for "gone already", which line of the log containerd shows.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use conformance::{Bundle, Container, Outcome, Runtime, Value, eventually, json};

/// What a user of Docker sees as the status of a container whose start failed with `message` (moby, daemon/errors.go).
fn docker_status(message: &str) -> i32 {
    let message = message.to_lowercase();
    let says = |words: &str| message.contains(words);
    match () {
        () if says("permission denied") || says("is a directory") => 126,
        () if says("not a directory") => 127,
        () if says("executable file not found") || says("no such file or directory") => 127,
        () => 128,
    }
}

/// The same for Podman (libpod/oci_util.go): lines are looked through for two lists of words, in this order.
fn podman_status(message: &str) -> i32 {
    let message = message.to_lowercase();
    let says = |words: &[&str]| message.lines().any(|line| words.iter().any(|word| line.contains(word)));
    match () {
        () if says(&["permission denied", "operation not permitted"]) => 126,
        () if says(&["executable file not found in", "no such file or directory", "open executable"]) => 127,
        () => 125,
    }
}

/// containerd's shim: what it makes of a failed `kill` (pkg/process/utils.go). CRI-O asks the same, and for `invalid process`.
fn is_gone(message: &str) -> bool {
    let words = ["os: process already finished", "container not running", "does not exist"];
    words.iter().any(|words| message.contains(words)) || message.to_lowercase().contains("no such process")
}

/// containerd's `getLastRuntimeError`: a stream of JSON values; one that cannot be read spoils it all; the last error counts.
fn last_runtime_error(log: &str) -> String {
    let entries = serde_json::Deserializer::from_str(log).into_iter::<Value>();
    let entries = entries.map(|entry| entry.unwrap_or_else(|error| panic!("{error} in {log}")));
    let errors =
        entries.filter(|entry| is_go_time(entry["time"].as_str().expect("a time")) && entry["level"] == "error");
    errors.last().map(|entry| entry["msg"].as_str().expect("a message").trim().to_owned()).unwrap_or_default()
}

/// What Go's `time.Time` reads from JSON: RFC 3339, with seconds, and a zone of `Z` or `+01:00`.
pub(super) fn is_go_time(text: &str) -> bool {
    let shape: String = text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else { return false };
    let zone = rest.strip_prefix('.').map_or(rest, |fraction| fraction.trim_start_matches('0'));
    matches!(zone, "Z" | "+00:00" | "-00:00")
}

/// `create` as an engine calls it: with a log in JSON. What the log says last, and what stderr says.
fn failing_create(bundle: &Bundle) -> (String, Outcome) {
    let path = bundle.write().path().to_string_lossy().into_owned();
    let log = bundle.path().join("log.json");
    let words = ["--log", &log.to_string_lossy(), "--log-format", "json", "create", "--bundle", &path, &bundle.id];
    let outcome = bundle.runtime.call(words).fails();
    (last_runtime_error(&fs::read_to_string(log).unwrap()), outcome)
}

#[track_caller]
fn is_judged(bundle: &Bundle, docker: i32, podman: i32) {
    let (logged, outcome) = failing_create(bundle);
    assert_eq!((docker_status(&logged), podman_status(&logged)), (docker, podman), "{logged}");
    assert_eq!((docker_status(&outcome.stderr), podman_status(&outcome.stderr)), (docker, podman), "{outcome:?}");
}

#[conformance::test]
fn a_program_that_is_not_there_is_127() {
    is_judged(&Bundle::new().args(["nonesuch"]), 127, 127);
    is_judged(&Bundle::new().args(["/not/there"]), 127, 127);
}

#[conformance::test]
fn a_program_that_may_not_be_executed_is_126() {
    let bundle = Bundle::new().file("/plain", "plain").args(["/plain"]);
    fs::set_permissions(bundle.inside("/plain"), PermissionsExt::from_mode(0o644)).unwrap();
    is_judged(&bundle, 126, 126);
}

#[conformance::test]
fn a_directory_in_the_place_of_the_program_is_126() {
    is_judged(&Bundle::new().args(["/etc"]), 126, 126);
}

#[conformance::test]
fn a_directory_on_a_file_and_a_file_on_a_directory_are_127_with_dockers_hint() {
    for (name, destination) in [("", "/file"), ("file", "/etc"), ("file", "/a/b")] {
        let bundle = Bundle::new().file("/file", "").dir("/a/b");
        let source = bundle.host("source");
        fs::write(source.join("file"), "").unwrap();
        let bundle = bundle.bind(source.join(name), destination, &["rbind"]);
        let (logged, outcome) = failing_create(&bundle);
        assert!(logged.to_lowercase().contains("not a directory"), "{logged}");
        assert_eq!(docker_status(&logged), 127);
        if Runtime::is_orlop() {
            outcome.names("/mounts/").says("hint: a directory is mounted on a directory, anything else on a file");
        }
    }
}

#[conformance::test]
fn the_kernels_answer_has_the_words_of_glibc() {
    let (logged, _) = failing_create(&Bundle::new().link("/loop", "/loop").args(["/loop"]));
    assert!(logged.to_lowercase().contains("too many levels of symbolic links"), "{logged}");
}

#[conformance::test]
fn the_log_of_a_create_that_failed_is_one_value() {
    // Podman reads the whole file as one: a profile with names of system calls from tomorrow must add nothing to it.
    let calls = json!([{"names": ["read", "call_of_tomorrow"], "action": "SCMP_ACT_ALLOW"}]);
    let profile = json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": calls});
    let bundle = Bundle::new().set("/linux/seccomp", profile).set("/process/cwd", "/bin/busybox");
    failing_create(&bundle);
    let log = fs::read_to_string(bundle.path().join("log.json")).unwrap();
    let whole: Value = log.parse().unwrap_or_else(|error| panic!("{error}: {log}"));
    assert_eq!(whole["level"], "error", "{whole}");
}

#[conformance::test]
fn a_log_that_many_write_to_stays_readable() {
    let bundle = Bundle::new();
    let log = bundle.path().join("log.json");
    let words = ["--log", &log.to_string_lossy(), "--log-format", "json", "state", "unknown"];
    let calls: Vec<_> = (0..24).map(|_| bundle.runtime.spawn(bundle.runtime.command(words))).collect();
    for call in calls {
        call.wait().exits(1);
    }
    let text = fs::read_to_string(&log).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("\"error\"")).count(), 24, "{text}");
    assert!(last_runtime_error(&text).contains("does not exist"));
}

#[conformance::test]
fn a_config_writes_no_line_of_its_own_into_a_message() {
    let bundle = Bundle::new().args(["one\ntwo\u{1b}[2J"]);
    let (logged, outcome) = failing_create(&bundle);
    assert!(!Runtime::is_orlop() || !logged.contains('\n'), "{logged:?}");
    assert!(!outcome.stderr.contains('\u{1b}'), "{:?}", outcome.stderr);
    outcome.names("/process/args");
}

fn stopped() -> Container {
    let container = Bundle::sh("exit 0").start();
    container.wait();
    assert!(eventually(|| container.status() == "stopped"));
    container
}

#[conformance::test(covers = ["kill.stopped"])]
fn a_signal_to_what_is_gone_is_taken_for_that() {
    let container = stopped();
    for words in [vec![], vec!["KILL"], vec!["9"]] {
        let outcome = container.call_with(&["kill"], &words).exits(1);
        assert!(is_gone(&outcome.stderr), "{}", outcome.stderr);
    }
    // With --all it reaches what is left, which may be nobody.
    container.call_with(&["kill", "--all"], &["KILL"]).succeeds();
    container.call("delete").succeeds();
    for words in [["kill"], ["delete"]] {
        let outcome = container.call_with(&words, &[]).exits(1).says("container does not exist");
        assert!(is_gone(&outcome.stderr), "{}", outcome.stderr);
    }
    container.call_with(&["delete", "--force"], &[]).succeeds();
}

#[conformance::test]
fn each_status_refuses_in_words_that_are_known() {
    let container = Bundle::new().start();
    container.call("resume").exits(1).says("container not paused");
    container.call("delete").exits(1).says("that is not stopped: running");
    container.call("start").exits(1).says("cannot start an already running container");
    let path = container.bundle.path().to_string_lossy().into_owned();
    let again = container.call_with(&["create", "--bundle", &path], &[]).exits(1);
    again.says("container with given ID already exists");
    container.call("pause").succeeds();
    container.call("pause").exits(1).says("container not running");
    let paused = container.exec(["true"]).exits(255);
    paused.says("cannot exec in a paused container (use --ignore-paused to override)");
    container.call("delete").exits(1).says("that is not stopped: paused");
    container.delete();
}

#[conformance::test]
fn a_stopped_container_refuses_in_words_that_are_known() {
    let container = stopped();
    container.exec(["true"]).exits(255).says("cannot exec in a stopped container");
    container.call("start").exits(1).says("cannot start a container that has stopped");
    container.call("pause").exits(1).says("container not running");
    container.call("resume").exits(1).says("container not paused");
}

#[conformance::test(covers = ["state.unknown-id", "start.unknown-id"])]
fn what_does_not_exist_is_said_by_every_command() {
    let bundle = Bundle::new();
    let commands: [&[&str]; 10] = [
        &["state"],
        &["start"],
        &["delete"],
        &["kill"],
        &["pause"],
        &["resume"],
        &["ps"],
        &["events", "--stats"],
        &["update", "--pids-limit", "9"],
        &["checkpoint"],
    ];
    for command in commands {
        let words = [command, &[&bundle.id]].concat();
        bundle.runtime.call(words).exits(1).says("container does not exist");
    }
    bundle.runtime.call(["exec", &bundle.id, "true"]).exits(255).says("container does not exist");
}

#[conformance::test]
fn what_podman_asks_before_a_checkpoint_is_answered() {
    let bundle = Bundle::new();
    bundle.runtime.call(["checkpoint", "--help"]).succeeds();
    // Of a runtime that knows the flag it wants to hear that its value is missing.
    let probe = bundle.runtime.call(["restore", "--lsm-mount-context"]);
    assert!((probe.stdout + &probe.stderr).contains("flag needs an argument"), "{}", probe.code);
}

/// Docker's `parseRuntimeVersion`, and go-runc's, which reads `commit` and `spec` of every line behind the first, where that begins with
/// `runc version `; of another runtime it has nothing, and no error.
#[conformance::test]
fn the_version_is_read_by_docker_and_go_runc() {
    let told = Bundle::new().runtime.call(["--version"]).succeeds().stdout;
    let (first, rest) = told.split_once('\n').unwrap();
    let (name, version) = first.split_once(" version ").unwrap();
    assert_eq!(name, Runtime::name());
    assert!(version.starts_with(|letter: char| letter.is_ascii_digit()) && !version.contains("version"), "{version}");
    let of = |key: &str| rest.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    assert!(of("commit:").is_some_and(|commit| !commit.is_empty()), "{told}");
    assert!(of("spec:").is_some_and(|spec| spec.starts_with("1.")), "{told}");
    let short = Bundle::new().runtime.call(["-v"]).succeeds().stdout;
    assert_eq!(short.lines().next(), told.lines().next());
}
