//! `--trace`: the time of each step of a launch, for Chrome's trace viewer (or Perfetto) or for the eye.

use std::fs;
use std::path::Path;

use orlop::{Trace, TraceStep};
use serde_json::{Value, json};

use crate::report::{self, Failure};

/// How many characters the longest possible bar has.
const WIDTH: u64 = 40;

/// Writes `trace` to `path`; `-` draws it on stderr, because stdout is the container's.
pub(crate) fn write(path: &Path, trace: &Trace) -> Result<(), Failure> {
    if path == Path::new("-") {
        bars(trace).lines().for_each(|line| report::complain(format_args!("{line}")));
        return Ok(());
    }
    fs::write(path, format!("{}\n", events(trace))).map_err(|error| Failure::io("write trace", path, &error))
}

/// "Trace Event Format": complete events, in microseconds.
fn events(trace: &Trace) -> Value {
    let event = |step: &TraceStep| {
        let field = step.field.as_deref().unwrap_or_default();
        json!({
            "name": step.name,
            "cat": "launch",
            "ph": "X",
            "ts": microseconds(step.start_ns),
            "dur": microseconds(step.duration_ns),
            "pid": 1,
            "tid": 1,
            "args": { "field": field },
        })
    };
    json!({ "displayTimeUnit": "ns", "traceEvents": trace.steps.iter().map(event).collect::<Vec<_>>() })
}

/// One line per step: name, field, microseconds, and a bar that begins and ends when the step did.
fn bars(trace: &Trace) -> String {
    let begin = trace.steps.iter().map(|step| step.start_ns).min().unwrap_or(0);
    let end = trace.steps.iter().map(|step| step.start_ns.saturating_add(step.duration_ns)).max().unwrap_or(begin);
    let whole = end.saturating_sub(begin).max(1);
    let place = |ns: u64| usize::try_from(u128::from(ns) * u128::from(WIDTH) / u128::from(whole)).unwrap_or(0);
    let widest = |text: fn(&TraceStep) -> usize| trace.steps.iter().map(text).max().unwrap_or(0);
    let names = widest(|step| step.name.chars().count());
    let fields = widest(|step| step.field.as_deref().unwrap_or_default().chars().count());
    let line = |step: &TraceStep| {
        let from = place(step.start_ns.saturating_sub(begin));
        let to = place(step.start_ns.saturating_sub(begin).saturating_add(step.duration_ns));
        let bar = if to > from { "█".repeat(to - from) } else { "▏".into() };
        let (name, field) = (&step.name, step.field.as_deref().unwrap_or_default());
        let time = microseconds(step.duration_ns);
        format!("{name:names$}  {field:fields$}  {time:>9.1} µs  {:from$}{bar}\n", "")
    };
    let steps: String = trace.steps.iter().map(line).collect();
    format!("{steps}{:names$}  {:fields$}  {:>9.1} µs\n", "all", "", microseconds(end - begin))
}

#[expect(clippy::cast_precision_loss, reason = "a launch does not last 104 days")]
fn microseconds(ns: u64) -> f64 {
    ns as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace() -> Trace {
        let step = |name: &str, field: Option<&str>, start_ns, duration_ns| TraceStep {
            name: name.into(),
            field: field.map(Into::into),
            start_ns,
            duration_ns,
        };
        Trace {
            steps: vec![
                step("spawn", None, 1_000, 250_000),
                step("mount", Some("/mounts/0"), 251_000, 500),
                step("exec", Some("/process/args"), 251_500, 249_500),
            ],
        }
    }

    #[test]
    fn events_are_in_microseconds() {
        let mount = json!({
            "name": "mount", "cat": "launch", "ph": "X", "ts": 251.0, "dur": 0.5, "pid": 1, "tid": 1,
            "args": { "field": "/mounts/0" },
        });
        assert_eq!(events(&trace())["traceEvents"][1], mount);
    }

    #[test]
    fn bars_show_when_and_how_long() {
        let half = "█".repeat(20);
        let gap = " ".repeat(20);
        assert_eq!(
            bars(&trace()),
            format!(
                "spawn                     250.0 µs  {half}\n\
                 mount  /mounts/0            0.5 µs  {gap}▏\n\
                 exec   /process/args      249.5 µs  {gap}{half}\n\
                 all                       500.0 µs\n"
            )
        );
    }

    #[test]
    fn no_step_is_no_bar() {
        assert_eq!(bars(&Trace { steps: Vec::new() }), "all          0.0 µs\n");
    }
}
