//! `--log FILE --log-format json`, where engines look for the last error.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use conformance::{Bundle, Value, needs};

fn failing(bundle: &Bundle, format: &[&str]) -> PathBuf {
    let log = bundle.path().join("log");
    let path = log.to_string_lossy().into_owned();
    let words = ["--log", &path].iter().chain(format).chain(&["state", "unknown"]).copied().collect::<Vec<_>>();
    bundle.runtime.call(words).fails();
    log
}

fn entries(log: &PathBuf) -> Vec<Value> {
    fs::read_to_string(log).unwrap().lines().map(|line| line.parse().unwrap()).collect()
}

#[conformance::test]
fn the_last_error_is_a_line_of_json() {
    let bundle = Bundle::new();
    let log = entries(&failing(&bundle, &["--log-format", "json"]));
    let last = log.iter().rfind(|entry| entry["level"] == "error").unwrap();
    assert!(last["msg"].as_str().unwrap().contains("does not exist"), "{last}");
    let time = last["time"].as_str().unwrap();
    assert!(time.starts_with("20") && time.contains('T'), "{time}");
}

#[conformance::test]
fn the_log_is_appended_to() {
    let bundle = Bundle::new();
    failing(&bundle, &["--log-format", "json"]);
    let log = entries(&failing(&bundle, &["--log-format=json"]));
    assert!(log.iter().filter(|entry| entry["level"] == "error").count() >= 2, "{log:?}");
}

/// Whatever the umask of an engine is.
#[conformance::test]
fn a_new_log_is_written_by_its_owner_alone() {
    let bundle = Bundle::new();
    let log = bundle.path().join("log");
    let inner = bundle.runtime.command(["--log", &log.to_string_lossy(), "list"]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", r#"umask 0; exec "$@""#, "-"]).arg(inner.get_program()).args(inner.get_args());
    bundle.runtime.spawn(shell).wait().succeeds();
    assert_eq!(fs::metadata(log).unwrap().mode() & 0o777, 0o644);
}

#[conformance::test]
fn the_log_is_text_by_default() {
    let bundle = Bundle::new();
    let text = fs::read_to_string(failing(&bundle, &[])).unwrap();
    assert!(text.contains("does not exist") && text.parse::<Value>().is_err(), "{text}");
}

#[conformance::test]
fn an_unknown_log_format_is_an_error() {
    Bundle::new().runtime.call(["--log-format", "xml", "list"]).fails();
}

#[conformance::test]
fn success_writes_no_error() {
    let bundle = Bundle::new();
    let log = bundle.path().join("log");
    bundle.runtime.call(["--log", &log.to_string_lossy(), "--log-format", "json", "list"]).succeeds();
    assert!(!fs::read_to_string(log).unwrap_or_default().contains("error"));
}

#[conformance::test]
fn debug_adds_lines_of_its_level() {
    needs::runtime(&["orlop", "runc"]);
    for (flags, level) in [(&[][..], false), (&["--debug"], true)] {
        let bundle = Bundle::sh("echo here");
        let (path, log) = (bundle.write().path().to_string_lossy().into_owned(), bundle.path().join("log"));
        let log_words = ["--log", &log.to_string_lossy(), "--log-format", "json"];
        let words = [flags, &log_words, &["run", "--bundle", &path, &bundle.id]].concat();
        bundle.runtime.call(words).succeeds().prints("here");
        let text = fs::read_to_string(&log).unwrap_or_default();
        assert_eq!(text.lines().any(|line| line.contains(r#""level":"debug""#)), level, "{flags:?}: {text}");
    }
}
