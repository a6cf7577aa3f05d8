//! `run`: create and start in one go, wait for the process, delete.

use std::path::Path;

use orlop::{Container, Kind, Launch, Process, Runtime};

use super::{bundle, launch, let_go, reason, runtime};
use crate::args::{Call, flags};
use crate::foreground::{self, Signals, Streams};
use crate::report::{self, DONE, Failure, Outcome};
use crate::trace;

pub(crate) fn run(call: &Call) -> Outcome {
    let (runtime, bundle, launch) = (runtime(call)?, bundle(call)?, launch(call)?);
    let launch = Launch { terminal: call.on(&flags::RUN_TTY), trace: call.path(&flags::TRACE).is_some(), ..launch };
    if call.on(&flags::DETACH) {
        return detached(call, &runtime, &bundle, &launch);
    }
    if launch.console_socket.is_some() {
        return Err(Failure::own("cannot use console socket if runc will not detach or allocate tty"));
    }
    let mut streams = Streams::open()?;
    let launch = Launch { console_size: foreground::console_size(), stdio: streams.stdio(), ..launch };
    // Before the launch, so that no signal and no orphan is missed.
    let signals = Signals::block()?;
    if !call.on(&flags::NO_SUBREAPER) {
        foreground::adopt_orphans()?;
    }
    let (container, mut process) = runtime.run(call.id()?, &bundle, &launch)?;
    let ended = attend(call, &container, &mut process, &mut streams, &signals);
    // The cgroup tells, and goes with `delete`.
    if let Ok(status @ 1..) = ended
        && let Some(reason) = reason::of(&container, status)
    {
        report::complain(format_args!("orlop: run {}: {reason}", container.id()));
    }
    let deleted = match call.on(&flags::KEEP) {
        true => Ok(()),
        false => container.delete(true),
    };
    // What went wrong first is what is reported.
    let status = ended?;
    match deleted {
        // Somebody else was first.
        Err(error) if error.kind() == Kind::NotFound => {}
        deleted => deleted?,
    }
    // Whoever else had them is gone as well.
    streams.finish(&signals)?;
    Ok(status)
}

/// Writes the trace, then serves the process until it ends.
fn attend(
    call: &Call,
    container: &Container,
    process: &mut Process,
    streams: &mut Streams,
    signals: &Signals,
) -> Outcome {
    if let (Some(path), Some(trace)) = (call.path(&flags::TRACE), process.trace()) {
        trace::write(path, trace)?;
    }
    foreground::attend(process, signals, streams, &|_process, signal| {
        container.kill(signal, false).map_err(|error| error.to_string())
    })
}

/// By create and start, because a terminal that nobody serves must be refused before anything runs: `create` does.
fn detached(call: &Call, runtime: &Runtime, bundle: &Path, launch: &Launch<'_>) -> Outcome {
    if launch.trace {
        return Err(call.wrong("--trace cannot be combined with --detach".into()));
    }
    let container = runtime.create(call.id()?, bundle, launch)?;
    if let Err(error) = let_go(call, &container) {
        // The failure to start is what is reported, whatever becomes of the remains.
        drop(container.delete(true));
        return Err(error.into());
    }
    Ok(DONE)
}
