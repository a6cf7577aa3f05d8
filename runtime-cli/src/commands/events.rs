//! `events`: what a container uses and what happens to it, one JSON object a line, in runc's words.

use std::time::{Duration, Instant};

use orlop::{Container, Event};

use super::container;
use crate::args::{Call, duration, flags};
use crate::report::{self, DONE, Failure, Outcome};

const INTERVAL: Duration = Duration::from_secs(5);

pub(crate) fn run(call: &Call) -> Outcome {
    let container = container(call)?;
    let interval = match call.text(&flags::INTERVAL)? {
        None => INTERVAL,
        Some(text) => duration::parse(text)
            .ok_or_else(|| call.wrong(format!("invalid value \"{text}\" for flag -interval: parse error")))?,
    };
    if interval.is_zero() {
        return Err(Failure::own("duration interval must be greater than 0"));
    }
    if call.on(&flags::STATS) {
        report::print(&stats(&container)?)?;
        return Ok(DONE);
    }
    follow(&container, interval).map(|()| DONE)
}

/// Until the container ends.
fn follow(container: &Container, interval: Duration) -> Result<(), Failure> {
    let mut watch = container.watch()?;
    let mut next = Instant::now() + interval;
    loop {
        match watch.wait(next.saturating_duration_since(Instant::now()))? {
            Some(Event::End) => return Ok(()),
            Some(Event::Oom) => report::print(&line(container, "oom", None))?,
            None => {
                match stats(container) {
                    // It may have been its last moment: the end is what comes next.
                    Err(failure) => log::error!("{}", failure.line()),
                    Ok(line) => report::print(&line)?,
                }
                next += interval;
            }
        }
    }
}

fn stats(container: &Container) -> Result<String, Failure> {
    let stats = container.stats()?;
    let data = serde_json::to_string(&stats).map_err(|error| Failure::own(format!("write stats: {error}")))?;
    Ok(line(container, "stats", Some(&data)))
}

/// The members in runc's order; an id needs no escapes.
fn line(container: &Container, kind: &str, data: Option<&str>) -> String {
    let data = data.map(|data| format!(",\"data\":{data}")).unwrap_or_default();
    format!("{{\"type\":\"{kind}\",\"id\":\"{}\"{data}}}\n", container.id())
}
