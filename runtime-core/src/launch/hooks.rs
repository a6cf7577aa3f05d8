//! Hooks of the runtime's namespaces, and the state that all hooks read (config.md, "POSIX-platform Hooks").
//!
//! A hook is started as everything is: through init, with a plan of its own. So no SIGCHLD of a hook reaches the host program.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, SeekFrom};
use rustix::pipe::PipeFlags;

use super::{Sources, launch};
use crate::compile::{self, Open, Origin, Plan};
use crate::error::{At, Error, Kind, Op, Result};
use crate::spec::Hook;
use crate::state::State;
use crate::sys::wait::{Ending, reap};

/// The file that hooks read the container's state from on their standard input.
#[derive(Debug)]
pub(crate) struct HookState(OwnedFd);

impl HookState {
    /// An empty one, where `plan` has hooks that init runs.
    pub(crate) fn new_for(plan: &Plan) -> Result<Option<Self>> {
        plan.opens.iter().any(|(open, _)| *open == Open::HookState).then(Self::new).transpose()
    }

    /// An empty one.
    fn new() -> Result<Self> {
        rustix::fs::memfd_create("orlop-state", MemfdFlags::CLOEXEC).at(Op::Hook).map(Self)
    }

    /// Says how the container is now.
    pub(crate) fn fill(&self, state: &State) -> Result<()> {
        let text = serde_json::to_vec(state).map_err(|error| Error::new(Kind::System, Op::Hook).cause(error))?;
        rustix::fs::ftruncate(&self.0, 0).at(Op::Hook)?;
        rustix::fs::seek(&self.0, SeekFrom::Start(0)).at(Op::Hook)?;
        crate::sys::file::write_all(&self.0, &text).at(Op::Hook)?;
        rustix::fs::seek(&self.0, SeekFrom::Start(0)).at(Op::Hook).map(drop)
    }
}

impl AsFd for HookState {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Runs hooks in order and stops at the first that fails.
pub(crate) fn run(hooks: &[Hook<'_>], state: &State, bundle: &Path) -> Result<()> {
    let file = HookState::new()?;
    for hook in hooks {
        file.fill(state)?;
        one(hook, &file, bundle)?;
    }
    Ok(())
}

fn one(hook: &Hook<'_>, state: &HookState, bundle: &Path) -> Result<()> {
    let origin = Origin::new(Op::Hook).field(&hook.at).path(&hook.path);
    let plan = compile::program(&hook.path, &hook.args, &hook.env, &bundle.to_string_lossy(), &origin);
    let (output, theirs) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).at(Op::Hook)?;
    let streams = [Some(state.as_fd()), Some(theirs.as_fd()), Some(theirs.as_fd())];
    let mut launched = launch(&plan, Sources::default(), None, streams)?;
    drop(theirs);
    launched.converse(|_, _| Ok(()))?;
    let mut said = Output { pipe: output, last: Vec::new() };
    let failed = |kind, message: String| Err(Error::new(kind, Op::Hook).located(&origin).message(message));
    if !said.follow(launched.pidfd(), hook.timeout)? {
        // Dropping the launch kills the hook.
        return failed(Kind::Timeout, format!("took longer than its timeout and was killed{said}"));
    }
    let Some((_, pidfd)) = launched.release() else { return Ok(()) };
    match reap(pidfd.as_fd()).at(Op::Hook)? {
        Ending::Code(0) => Ok(()),
        Ending::Code(code) => failed(Kind::Hook, format!("ended with status {code}{said}")),
        Ending::Signal(signal) => failed(Kind::Hook, format!("was killed by signal {signal}{said}")),
    }
}

/// What a hook says: the end of it belongs to the message when it fails.
struct Output {
    pipe: OwnedFd,
    last: Vec<u8>,
}

/// How much of a hook's output is kept, in bytes.
const KEPT: usize = 2048;

impl Output {
    /// Listens until the hook has ended; `false` where its time is over before.
    fn follow(&mut self, pidfd: Option<BorrowedFd<'_>>, timeout: Option<Duration>) -> Result<bool> {
        let Some(pidfd) = pidfd else { return Ok(true) };
        rustix::io::ioctl_fionbio(&self.pipe, true).at(Op::Hook)?;
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        // A hook that closed its output, or left it to a daemon, is still waited for.
        let mut open = true;
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let limit = left.and_then(|left| Timespec::try_from(left).ok());
            let mut fds = [PollFd::new(&pidfd, PollFlags::IN), PollFd::new(&self.pipe, PollFlags::IN)];
            let watched = if open { fds.as_mut_slice() } else { fds.split_at_mut(1).0 };
            let ready = rustix::io::retry_on_intr(|| poll(watched, limit.as_ref())).at(Op::Hook)?;
            let ended = fds.first().is_some_and(|fd| !fd.revents().is_empty());
            open &= self.read();
            match (ended, ready) {
                (true, _) => return Ok(true),
                (false, 0) => return Ok(false),
                (false, _) => {}
            }
        }
    }

    /// Takes what is there; `false` at its end.
    fn read(&mut self) -> bool {
        let mut chunk = [0; KEPT];
        loop {
            match rustix::io::read(&self.pipe, &mut chunk[..]) {
                Ok(len @ 1..) => {
                    self.last.extend_from_slice(chunk.get(..len).unwrap_or_default());
                    self.last.drain(..self.last.len().saturating_sub(KEPT));
                }
                Err(rustix::io::Errno::AGAIN) => return true,
                Err(rustix::io::Errno::INTR) => {}
                Ok(_) | Err(_) => return false,
            }
        }
    }
}

/// In one line.
impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.last);
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() { Ok(()) } else { write!(f, ", saying: {}", words.join(" ")) }
    }
}
