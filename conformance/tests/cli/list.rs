//! `list` and `ps`, as tables and as JSON.

use conformance::{Bundle, Value, json};

fn parsed(text: &str) -> Value {
    text.parse().unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[conformance::test]
fn list_shows_a_table() {
    let container = Bundle::new().start();
    let table = container.bundle.runtime.call(["list"]).succeeds().stdout;
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]);
    let row: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(row[0], container.id());
    assert_eq!(row[1], container.process().pid.to_string());
    assert_eq!(row[2], "running");
    assert_eq!(row[3], container.bundle.path().to_string_lossy());
}

#[conformance::test]
fn list_prints_ids_alone() {
    let container = Bundle::new().create();
    container.bundle.runtime.call(["list", "--quiet"]).succeeds().prints(container.id());
}

#[conformance::test]
fn list_prints_json() {
    let container = Bundle::new().create();
    let list = parsed(&container.bundle.runtime.call(["list", "--format", "json"]).succeeds().stdout);
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["id"], container.id());
    assert_eq!(list[0]["status"], "created");
    assert_eq!(list[0]["pid"], container.process().pid);
    assert_eq!(list[0]["bundle"], json!(container.bundle.path()));
}

#[conformance::test]
fn list_of_nothing_is_empty() {
    let bundle = Bundle::new();
    bundle.runtime.call(["list", "-q"]).succeeds().prints("");
}

#[conformance::test]
fn list_refuses_an_unknown_format() {
    let container = Bundle::new().create();
    container.bundle.runtime.call(["list", "--format", "xml"]).fails();
}

#[conformance::test]
fn ps_prints_pids_as_json() {
    let container = Bundle::sh("sleep 1000 & echo ready; wait").start();
    container.eventually_prints("ready");
    let outcome = container.call_with(&["ps", "--format", "json"], &[]).succeeds();
    let pids = parsed(&outcome.stdout);
    assert_eq!(pids.as_array().unwrap().len(), 2);
    assert!(pids.as_array().unwrap().contains(&json!(container.process().pid)), "{pids}");
}

#[conformance::test]
fn ps_shows_a_table() {
    let container = Bundle::new().start();
    let table = container.call("ps").succeeds().stdout;
    assert!(table.lines().next().unwrap().contains("PID"), "{table}");
    assert!(table.contains("sleep 1000"), "{table}");
}
