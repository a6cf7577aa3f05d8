//! The commands: each reads its arguments, calls the library once and shows what came back.

pub(crate) mod checkpoint;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod documents;
pub(crate) mod events;
pub(crate) mod exec;
pub(crate) mod features;
pub(crate) mod kill;
pub(crate) mod list;
pub(crate) mod mounts;
pub(crate) mod pause;
pub(crate) mod plan;
pub(crate) mod ps;
mod reason;
pub(crate) mod restore;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod spec;
pub(crate) mod start;
pub(crate) mod state;
pub(crate) mod update;

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use orlop::{Container, Launch, Runtime};
use serde_json::Value;

use crate::args::{self, Call, flags};
use crate::log_file;
use crate::report::{self, Failure, Outcome};

/// Does what was typed.
pub(crate) fn dispatch(words: impl Iterator<Item = OsString>) -> Outcome {
    let (globals, rest) = args::globals(words)?;
    // Before the rest is read: containerd looks for what is wrong with it in the log.
    log_file::open(globals.log.as_deref(), globals.json, globals.debug)?;
    let call = args::command(globals, rest)?;
    // Which calls an engine makes, in which order. Not the flags: `exec --env` has what belongs in no log.
    log::debug!("orlop {}: {} {}", env!("CARGO_PKG_VERSION"), call.command.name, call.id().unwrap_or_default());
    (call.command.run)(&call)
}

/// The containers below `--root`.
fn runtime(call: &Call) -> Result<Runtime, Failure> {
    Ok(Runtime::open(&call.root)?)
}

/// The container that the first operand names.
fn container(call: &Call) -> Result<Container, Failure> {
    let id = call.id()?;
    Ok(runtime(call)?.container(id)?)
}

/// What `create`, `run` and `plan` share of their flags.
fn launch(call: &Call) -> Result<Launch<'_>, Failure> {
    Ok(Launch {
        console_socket: call.path(&flags::CONSOLE_SOCKET),
        pid_file: call.path(&flags::PID_FILE),
        pidfd_socket: call.path(&flags::PIDFD_SOCKET),
        preserve_fds: call.number(&flags::PRESERVE_FDS)?.unwrap_or(0),
        no_pivot: call.on(&flags::NO_PIVOT),
        no_new_keyring: call.on(&flags::NO_NEW_KEYRING),
        forgoes_cgroups: call.rootless,
        cgroups: call.cgroups.driver(),
        listen_fds: call.service.listen_fds,
        listen_names: call.service.listen_names.as_deref(),
        notify_socket: call.service.notify_socket.as_deref(),
        ..Launch::default()
    })
}

/// Lets the program go; where this call is part of a service, waits until that is ready.
fn let_go(call: &Call, container: &Container) -> orlop::Result<()> {
    match &call.service.notify_socket {
        Some(manager) => container.start_notifying(manager),
        None => container.start(),
    }
}

/// The bytes of a file; `-` is standard input.
fn document(name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let path = Path::new(if name == "-" { "stdin" } else { name });
    match name {
        "-" => std::io::stdin().lock().read_to_end(&mut bytes),
        _ => std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)),
    }
    .map_err(|error| Failure::io("read", path, &error))?;
    Ok(bytes)
}

/// `--bundle`, absolute: it outlives this command's working directory in the container's state.
fn bundle(call: &Call) -> Result<PathBuf, Failure> {
    let path = call.path(&flags::BUNDLE).unwrap_or_else(|| Path::new("."));
    std::path::absolute(path).map_err(|error| Failure::io("find bundle", path, &error))
}

/// Whether `--format` asks for JSON.
fn wants_json(call: &Call) -> Result<bool, Failure> {
    match call.text(&flags::LIST_FORMAT)? {
        None | Some("table") => Ok(false),
        Some("json") => Ok(true),
        Some(_) => Err(call.wrong("invalid format option".into())),
    }
}

/// Shows a JSON document over several lines.
fn print_json(document: &Value) -> Result<(), Failure> {
    report::print(&format!("{document:#}\n"))
}
