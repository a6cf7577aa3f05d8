//! `exec`: a second process in a running container.

use std::borrow::Cow;

use orlop::spec::{Capabilities, Process};
use orlop::{Exec, Pointer};

use super::container;
use crate::args::{Call, flags, user};
use crate::foreground::{self, Signals, Streams};
use crate::report::{DONE, Failure, Outcome};

/// As runc's since 1.1: distinguishes "it could not be started" from what the process itself may answer.
const NOT_STARTED: u8 = 255;

pub(crate) fn run(call: &Call) -> Outcome {
    start(call).map_err(|failure| failure.with_status(NOT_STARTED))
}

fn start(call: &Call) -> Outcome {
    let container = container(call)?;
    let (config, file);
    let process = match call.path(&flags::PROCESS) {
        Some(path) => {
            file = std::fs::read(path).map_err(|error| Failure::io("read", path, &error))?;
            from_file(&file).map_err(|error| error.on(path))?
        }
        None => {
            config = container.config()?;
            // A terminal is the wish of this call alone.
            Process { at: Pointer::new("process"), args: Vec::new(), terminal: false, ..config.spec()?.process }
        }
    };
    let process = change(call, process)?;
    let cgroups = call.texts(&flags::CGROUP)?;
    let exec = exec(call, &cgroups)?;
    let detach = call.on(&flags::DETACH);
    check_terminal(process.terminal, detach, exec.console_socket.is_some())?;
    if detach {
        container.exec(&process, &exec)?;
        return Ok(DONE);
    }
    let process = Process { console_size: foreground::console_size().or(process.console_size), ..process };
    let signals = Signals::block()?;
    let streams = if process.terminal { Streams::default() } else { Streams::open()? };
    let mut process = container.exec(&process, &Exec { stdio: streams.stdio(), ..exec })?;
    foreground::attend_alone(&mut process, &signals, streams)
}

fn exec<'c>(call: &'c Call, cgroups: &'c [&'c str]) -> Result<Exec<'c>, Failure> {
    Ok(Exec {
        console_socket: call.path(&flags::CONSOLE_SOCKET),
        pid_file: call.path(&flags::PID_FILE),
        pidfd_socket: call.path(&flags::PIDFD_SOCKET),
        preserve_fds: call.number(&flags::PRESERVE_FDS)?.unwrap_or(0),
        ignore_paused: call.on(&flags::IGNORE_PAUSED),
        cgroups,
        ..Exec::default()
    })
}

fn from_file(bytes: &[u8]) -> orlop::Result<Process<'_>> {
    let mut warnings = Vec::new();
    let process = Process::from_slice_warning(bytes, &mut warnings)?;
    for warning in warnings {
        log::warn!("{warning}");
    }
    Ok(process)
}

/// `process` with what the flags and operands say instead.
fn change<'c>(call: &'c Call, mut process: Process<'c>) -> Result<Process<'c>, Failure> {
    if !call.rest().is_empty() {
        let args = (1..=call.rest().len()).filter_map(|index| call.operand(index).transpose());
        process.args = args.map(|arg| arg.map(Cow::Borrowed)).collect::<Result<_, _>>()?;
    }
    if process.args.first().is_none_or(|program| program.is_empty()) {
        return Err(call.wrong("process args cannot be empty".into()));
    }
    if let Some(cwd) = call.text(&flags::CWD)? {
        if !cwd.starts_with('/') {
            return Err(call.wrong(format!("--cwd must be an absolute path, not '{cwd}'")));
        }
        process.cwd = Cow::Borrowed(cwd);
    }
    for variable in call.texts(&flags::ENV)? {
        set_variable(&mut process.env, variable)
            .ok_or_else(|| call.wrong(format!("--env must be NAME=VALUE, not '{variable}'")))?;
    }
    if let Some(text) = call.text(&flags::USER)? {
        let who =
            user::parse(text).ok_or_else(|| call.wrong(format!("--user must be UID or UID:GID, not '{text}'")))?;
        process.user.uid = who.0;
        process.user.gid = who.1.unwrap_or(process.user.gid);
    }
    for text in call.texts(&flags::ADDITIONAL_GIDS)? {
        let gid = user::id(text).ok_or_else(|| call.wrong(format!("--additional-gids must be a GID, not '{text}'")))?;
        process.user.additional_gids.push(gid);
    }
    for name in call.texts(&flags::CAP)? {
        match Capabilities::bit(name) {
            Some(bit) => add_capability(&mut process.capabilities, bit),
            None => log::warn!("--cap: unknown capability `{name}` is left out"),
        }
    }
    for (label, flag) in
        [(&mut process.apparmor_profile, &flags::APPARMOR), (&mut process.selinux_label, &flags::PROCESS_LABEL)]
    {
        if let Some(text) = call.text(flag)?.filter(|text| !text.is_empty()) {
            *label = Some(Cow::Borrowed(text));
        }
    }
    process.terminal |= call.on(&flags::TTY);
    process.no_new_privileges = call.switch(&flags::NO_NEW_PRIVS).unwrap_or(process.no_new_privileges);
    Ok(process)
}

/// Sets a variable; of two with one name, getenv(3) would find the older.
fn set_variable<'c>(env: &mut Vec<Cow<'c, str>>, variable: &'c str) -> Option<()> {
    let (name, _) = variable.split_once('=').filter(|(name, _)| !name.is_empty())?;
    env.retain(|old| old.split_once('=').is_none_or(|(old, _)| old != name));
    env.push(Cow::Borrowed(variable));
    Some(())
}

/// Not to the inheritable ones (CVE-2022-29162), and so to the ambient ones only where it was inheritable before.
fn add_capability(sets: &mut Capabilities, bit: u64) {
    sets.bounding |= bit;
    sets.effective |= bit;
    sets.permitted |= bit;
    sets.ambient |= bit & sets.inheritable;
}

/// A terminal needs someone who serves it: this command in the foreground, else whoever listens at the socket. The
/// words are runc's, which engines' tests look for.
fn check_terminal(terminal: bool, detach: bool, socket: bool) -> Result<(), Failure> {
    match (terminal, detach, socket) {
        (true, true, false) => {
            Err(Failure::own("cannot allocate tty if runc will detach without setting console socket"))
        }
        (false, _, true) | (_, false, true) => {
            Err(Failure::own("cannot use console socket if runc will not detach or allocate tty"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_replaces_its_namesake() {
        let mut env = vec![Cow::Borrowed("A=1"), Cow::Borrowed("AB=2")];
        assert_eq!(set_variable(&mut env, "A=3=4"), Some(()));
        assert_eq!(env, ["AB=2", "A=3=4"]);
        assert_eq!(set_variable(&mut env, "=x"), None);
        assert_eq!(set_variable(&mut env, "A"), None);
    }

    #[test]
    fn a_capability_is_never_made_inheritable() {
        let mut sets = Capabilities { inheritable: 0b01, ..Capabilities::default() };
        add_capability(&mut sets, 0b01);
        add_capability(&mut sets, 0b10);
        assert_eq!(
            sets,
            Capabilities { bounding: 0b11, effective: 0b11, permitted: 0b11, inheritable: 0b01, ambient: 0b01 }
        );
    }

    #[test]
    fn a_terminal_is_always_served() {
        for (terminal, detach, socket, fine) in [
            (false, false, false, true),
            (true, false, false, true),
            (false, true, false, true),
            (true, true, true, true),
            (true, true, false, false),
            (false, true, true, false),
            (true, false, true, false),
            (false, false, true, false),
        ] {
            assert_eq!(check_terminal(terminal, detach, socket).is_ok(), fine, "{terminal} {detach} {socket}");
        }
    }
}
