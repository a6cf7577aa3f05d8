//! A process in the foreground: signals, and its terminal or its streams, are passed on until it ends.
//!
//! Comes in: a process that the library started. Goes out: the status to exit with. One thread, one `poll(2)`.

mod signals;
mod streams;
mod terminal;

use std::os::fd::AsFd;

use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use orlop::{Notify, Process};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::Signal;
use rustix::stdio::{stdin, stdout};

pub(crate) use signals::Signals;
pub(crate) use streams::Streams;
use terminal::Terminal;

use crate::report::{Failure, Outcome};

/// Makes this process the parent of those that lose theirs below it (`PR_SET_CHILD_SUBREAPER`).
pub(crate) fn adopt_orphans() -> Result<(), Failure> {
    nix::sys::prctl::set_child_subreaper(true).map_err(|errno| Failure::own(format!("become subreaper: {errno}")))
}

/// Rows and columns of our terminal, if it is one: the container's has them from the start, not from the first
/// SIGWINCH.
pub(crate) fn console_size() -> Option<(u16, u16)> {
    terminal::size_of(&[stdin(), stdout()]).map(|size| (size.ws_row, size.ws_col))
}

/// Sends a process a signal.
type Forward<'f> = dyn Fn(&Process, i32) -> Result<(), String> + 'f;

/// Serves `process` until it ends; `forward` sends it a signal. It has `streams`, or a terminal of its own.
pub(crate) fn attend(
    process: &mut Process,
    signals: &Signals,
    streams: &mut Streams,
    forward: &Forward<'_>,
) -> Outcome {
    let mut terminal = process.take_terminal().map(Terminal::attach).transpose()?;
    match &terminal {
        Some(_) => *streams = Streams::default(),
        None => streams.hand_over(),
    }
    let mut notify = process.take_notify();
    while !serve_once(process, signals, terminal.as_mut(), streams, &mut notify, forward)
        .map_err(|errno| lost("serve", errno))?
    {}
    if let Some(mut terminal) = terminal {
        terminal.drain().map_err(|errno| lost("read its terminal", errno))?;
    }
    Ok(u8::try_from(process.wait()?.status()).unwrap_or(u8::MAX))
}

/// As [`attend`], for a process that is not its container's first.
pub(crate) fn attend_alone(process: &mut Process, signals: &Signals, mut streams: Streams) -> Outcome {
    let status = attend(process, signals, &mut streams, &|process, signal| {
        process.signal(signal).map_err(|error| error.to_string())
    })?;
    streams.finish(signals)?;
    Ok(status)
}

/// Waits for something to happen and deals with it: true once the process has ended.
fn serve_once(
    process: &Process,
    signals: &Signals,
    mut terminal: Option<&mut Terminal>,
    streams: &mut Streams,
    notify: &mut Option<Notify>,
    forward: &Forward<'_>,
) -> rustix::io::Result<bool> {
    let pidfd = process.pidfd();
    let (input, output) = terminal.as_deref().map_or((false, PollFlags::empty()), Terminal::wants);
    // A slot that nobody wants repeats the pidfd, which is silent until the end.
    let slot = |wanted, fd, flags| if wanted { (fd, flags) } else { (pidfd, PollFlags::empty()) };
    let stdin = terminal.as_deref().map_or(pidfd, |terminal| terminal.input());
    let (input_fd, input_flags) = slot(input, stdin, PollFlags::IN);
    let master = terminal.as_deref().map_or(pidfd, |terminal| terminal.master());
    let (master, output) = slot(!output.is_empty(), master, output);
    let (notified, notify_flags) = match &*notify {
        Some(notify) => (notify.as_fd(), PollFlags::IN),
        None => (pidfd, PollFlags::empty()),
    };
    let [first, second, third] = streams.wants().map(|wanted| wanted.unwrap_or((pidfd, PollFlags::empty())));
    let waited = [
        (notified, notify_flags),
        (pidfd, PollFlags::IN),
        (signals.as_fd(), PollFlags::IN),
        (input_fd, input_flags),
        (master, output),
        first,
        second,
        third,
    ];
    let mut fds = waited.map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags));
    let pause = terminal.as_deref().and_then(Terminal::pause);
    match poll(&mut fds, pause) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno),
    }
    let [said, ended, signalled, typed, shown, first, second, third] = fds.map(|fd| !fd.revents().is_empty());
    if signalled {
        for number in signals.pending() {
            pass_on(number, process, terminal.as_deref(), forward);
        }
    }
    if said {
        relay(notify);
    }
    if let Some(terminal) = terminal.as_mut() {
        if typed && input {
            terminal.read_input();
        }
        if (shown && !output.is_empty()) || pause.is_some() {
            terminal.exchange()?;
        }
    }
    streams.exchange([first, second, third]);
    Ok(ended)
}

/// Tells the service manager that the program is ready, once that says so. The process to watch is this one, which passes on
/// signals and status.
fn relay(notify: &mut Option<Notify>) {
    let Some(socket) = notify else { return };
    match socket.relay(std::process::id().cast_signed()) {
        Ok(false) => {}
        Ok(true) => *notify = None,
        Err(error) => {
            log::warn!("{error}");
            *notify = None;
        }
    }
}

fn pass_on(number: i32, process: &Process, terminal: Option<&Terminal>, forward: &Forward<'_>) {
    match Signal::from_named_raw(number) {
        Some(Signal::CHILD) => reap_orphans(process.pid()),
        Some(Signal::WINCH) => {
            if let Some(terminal) = terminal {
                terminal.resize();
            }
        }
        // News about one of our sockets is for us alone; runc keeps it too.
        Some(Signal::URG) => {}
        _ => {
            if let Err(error) = forward(process, number) {
                log::debug!("signal {number} was not passed on: {error}");
            }
        }
    }
}

/// Collects adopted processes that have ended, and leaves the one that we wait for to the library.
fn reap_orphans(ours: i32) {
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    // nix cannot say how a process ended that a real-time signal killed, and fails: the kernel gives it to init after
    // us.
    while let Ok(pid) = waitid(Id::All, peek).map(|status| status.pid()) {
        let orphan = pid.filter(|pid| pid.as_raw() != ours);
        if orphan.is_none_or(|orphan| waitpid(orphan, Some(WaitPidFlag::WNOHANG)).is_err()) {
            break;
        }
    }
}

fn lost(doing: &str, errno: Errno) -> Failure {
    Failure::own(format!("{doing}: {errno}"))
}
