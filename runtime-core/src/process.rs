//! A process that this program started in a container.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::activation::Notify;
use crate::error::{At, Op, Result};
use crate::sys::wait::{Ending, reap};

/// A child of the caller, in a container. Dropping it leaves the process running. Its end is known from the pidfd: whether the
/// program handles SIGCHLD, ignores it, or reaps every child it finds, [`Process::wait`] learns the status (in the last two
/// cases with Linux 6.15 or later).
#[derive(Debug)]
pub struct Process {
    pub(crate) pid: i32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) terminal: Option<OwnedFd>,
    pub(crate) trace: Option<Trace>,
    pub(crate) notify: Option<Notify>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

impl Exit {
    /// The status a shell would show: the code, or 128 + the signal.
    #[must_use]
    pub fn status(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

impl Process {
    /// The process id, in the caller's pid namespace.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The process itself (`pidfd_open(2)`): readable once it has ended, for `poll(2)` or an event loop.
    #[must_use]
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// The terminal, where the process has one and no console socket was named. Given away once.
    pub fn take_terminal(&mut self) -> Option<OwnedFd> {
        self.terminal.take()
    }

    /// The socket that the process says it is ready over, where [`Launch::notify_socket`](crate::Launch::notify_socket) names who
    /// is to hear it. Given away once.
    pub fn take_notify(&mut self) -> Option<Notify> {
        self.notify.take()
    }

    /// How long each step of the launch took, where that was asked for.
    #[must_use]
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// Sends it a signal, a real-time one as well: to the process itself, whoever may have its number by now.
    ///
    /// # Errors
    /// [`Op::Kill`] with ESRCH once it has ended, EINVAL where there is no such signal.
    pub fn signal(&self, number: i32) -> Result<()> {
        crate::sys::pidfd::send_signal(self.pidfd(), number).at(Op::Kill)
    }

    /// Waits until it has ended, and reaps it. Blocks this thread only.
    ///
    /// # Errors
    /// [`Op::Wait`] with ECHILD where another part of the program has reaped it, before Linux 6.15.
    pub fn wait(&self) -> Result<Exit> {
        Ok(match reap(self.pidfd()).at(Op::Wait)? {
            Ending::Code(code) => Exit::Code(code),
            Ending::Signal(signal) => Exit::Signal(signal),
        })
    }
}

/// The time of each step of a launch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The steps in order.
    pub steps: Vec<TraceStep>,
}

/// The time of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceStep {
    /// What it does.
    pub name: String,
    /// The field of `config.json` it comes from.
    pub field: Option<String>,
    /// Nanoseconds from the start of init to its beginning.
    pub start_ns: u64,
    /// Nanoseconds it took.
    pub duration_ns: u64,
}
