//! `plan` and `run --trace`: what only Orlop can say of a bundle.

use conformance::{Bundle, Value, needs};

fn planned(bundle: &Bundle) -> String {
    needs::runtime(&["orlop"]);
    let path = bundle.write().path().to_string_lossy().into_owned();
    bundle.runtime.call(["plan", "--bundle", &path]).succeeds().stdout
}

#[conformance::test]
fn plan_prints_the_steps_with_their_fields() {
    let plan = planned(&Bundle::new());
    for field in ["/mounts/0", "/hostname", "/root/readonly", "/linux/maskedPaths/0", "/process/args"] {
        assert!(plan.contains(field), "{field} is not in:\n{plan}");
    }
}

#[conformance::test]
fn plan_starts_nothing() {
    let bundle = Bundle::new();
    planned(&bundle);
    conformance::leaks::nothing_left(&bundle);
}

#[conformance::test]
fn plan_refuses_what_create_refuses() {
    needs::runtime(&["orlop"]);
    let bundle = Bundle::new().without("/process/args");
    let path = bundle.write().path().to_string_lossy().into_owned();
    bundle.runtime.call(["plan", "--bundle", &path]).fails().names("/process/args");
}

#[conformance::test]
fn trace_writes_the_time_of_each_step() {
    needs::runtime(&["orlop"]);
    let bundle = Bundle::sh("echo ran");
    let path = bundle.write().path().to_string_lossy().into_owned();
    let file = bundle.path().join("trace");
    bundle
        .runtime
        .call(["run", "--trace", &file.to_string_lossy(), "--bundle", &path, &bundle.id])
        .succeeds()
        .prints("ran");
    let trace: Value = std::fs::read_to_string(file).unwrap().parse().unwrap();
    // The Chrome trace format: a list of events, or an object that holds one.
    let events = trace.get("traceEvents").unwrap_or(&trace).as_array().unwrap();
    assert!(events.len() > 10, "{trace}");
    assert!(events.iter().all(|event| event["name"].is_string() && event["ph"].is_string()), "{trace}");
}

#[conformance::test]
fn trace_draws_bars_on_the_terminal() {
    needs::runtime(&["orlop"]);
    let bundle = Bundle::sh("echo ran");
    let path = bundle.write().path().to_string_lossy().into_owned();
    let outcome = bundle.runtime.call(["run", "--trace", "-", "--bundle", &path, &bundle.id]).succeeds();
    assert!(outcome.stdout.contains("ran"));
    assert!((outcome.stdout + &outcome.stderr).lines().count() > 10);
}
