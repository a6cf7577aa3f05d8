//! Hooks of the runtime's namespaces, and the state that all hooks read (config.md, "POSIX-platform Hooks").
//!
//! A hook is started as everything is: through init, with a plan of its own. So no SIGCHLD of a hook reaches the host program.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, SeekFrom};

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
    let mut launched = launch(&plan, Sources::default(), None, [Some(state.as_fd()), None, None])?;
    launched.converse(|_, _| Ok(()))?;
    let failed = |error: Error| error.located(&origin);
    if !ends_in_time(&launched, hook)? {
        // Dropping the launch kills the hook.
        return Err(failed(Error::new(Kind::Timeout, Op::Hook).message("took longer than its timeout and was killed")));
    }
    let Some((_, pidfd)) = launched.release() else { return Ok(()) };
    match reap(pidfd.as_fd()).at(Op::Hook)? {
        Ending::Code(0) => Ok(()),
        Ending::Code(code) => {
            Err(failed(Error::new(Kind::Hook, Op::Hook).message(format!("ended with status {code}"))))
        }
        Ending::Signal(signal) => {
            Err(failed(Error::new(Kind::Hook, Op::Hook).message(format!("was killed by signal {signal}"))))
        }
    }
}

fn ends_in_time(launched: &super::Launched<'_>, hook: &Hook<'_>) -> Result<bool> {
    let Some(pidfd) = launched.pidfd() else { return Ok(true) };
    let limit = hook.timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
    let ended = rustix::io::retry_on_intr(|| poll(&mut fds, limit.as_ref())).at(Op::Hook)?;
    Ok(ended > 0)
}
