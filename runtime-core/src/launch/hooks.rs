//! Hooks of the runtime's namespaces, and what all hooks read and say (config.md, "POSIX-platform Hooks").
//!
//! A hook is started as everything is: through init, with a plan of its own. So it inherits nothing that the host program has
//! open, blocks or ignores.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, SeekFrom};

use super::{Sources, launch};
use crate::compile::{self, Open, Origin, Plan};
use crate::error::{At, Error, Kind, Op, Result};
use crate::spec::Hook;
use crate::state::State;
use crate::sys::wait::{Ending, reap};

/// The files of hooks: what they read on their standard input, and what takes their output.
#[derive(Debug)]
pub(crate) struct HookFiles {
    state: OwnedFd,
    output: OwnedFd,
}

/// How much of a hook's output belongs into a message, in bytes.
const SAID: u64 = 2048;

impl HookFiles {
    /// Those of `plan`, where it has hooks that init runs.
    pub(crate) fn for_plan(plan: &Plan) -> Result<Option<Self>> {
        plan.opens.iter().any(|(open, _)| *open == Open::HookState).then(Self::new).transpose()
    }

    /// Empty ones.
    pub(super) fn new() -> Result<Self> {
        let memory = |name| rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC).at(Op::Hook);
        Ok(Self { state: memory("orlop-state")?, output: memory("orlop-hook")? })
    }

    /// What hooks read.
    pub(crate) fn state(&self) -> BorrowedFd<'_> {
        self.state.as_fd()
    }

    /// What takes their words.
    pub(crate) fn output(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    /// Runs a program of the host on them; `None`: it took too long, and was killed.
    pub(super) fn run(&self, plan: &Plan, timeout: Option<Duration>) -> Result<Option<Ending>> {
        let streams = [Some(self.state()), Some(self.output()), Some(self.output())];
        let mut launched = launch(plan, Sources::default(), None, streams)?;
        launched.converse(|_, _| Ok(()))?;
        if !ends_in_time(launched.pidfd(), timeout)? {
            // Dropping the launch kills it.
            return Ok(None);
        }
        let ending = launched.release().map(|(_, pidfd)| reap(pidfd.as_fd()).at(Op::Hook));
        ending.transpose().map(|ending| Some(ending.unwrap_or(Ending::Code(0))))
    }

    /// Says how the container is now.
    pub(crate) fn fill(&self, state: &State) -> Result<()> {
        let text = serde_json::to_vec(state).map_err(|error| Error::new(Kind::System, Op::Hook).cause(error))?;
        rustix::fs::ftruncate(&self.state, 0).at(Op::Hook)?;
        rustix::fs::seek(&self.state, SeekFrom::Start(0)).at(Op::Hook)?;
        crate::sys::file::write_all(&self.state, &text).at(Op::Hook)?;
        rustix::fs::seek(&self.state, SeekFrom::Start(0)).at(Op::Hook).map(drop)
    }

    /// The end of what was said, in one line, as the end of a message; empty where nothing was.
    pub(crate) fn said(&self) -> String {
        let mut bytes = [0; 2048];
        let len = rustix::fs::fstat(&self.output).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0));
        let count = rustix::io::pread(&self.output, &mut bytes[..], len.saturating_sub(SAID)).unwrap_or(0);
        let text = String::from_utf8_lossy(bytes.get(..count).unwrap_or_default()).into_owned();
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() { String::new() } else { format!(", saying: {}", words.join(" ")) }
    }
}

/// Runs hooks in order and stops at the first that fails.
pub(crate) fn run(hooks: &[Hook<'_>], state: &State, bundle: &Path) -> Result<()> {
    for hook in hooks {
        let files = HookFiles::new()?;
        files.fill(state)?;
        one(hook, &files, bundle)?;
    }
    Ok(())
}

fn one(hook: &Hook<'_>, files: &HookFiles, bundle: &Path) -> Result<()> {
    let origin = Origin::new(Op::Hook).field(&hook.at).path(&hook.path);
    let plan = compile::program(&[&hook.path], &hook.args, &hook.env, &bundle.to_string_lossy(), &origin);
    let failed = |kind, message: String| Err(Error::new(kind, Op::Hook).located(&origin).message(message));
    match files.run(&plan, hook.timeout)? {
        None => failed(Kind::Timeout, format!("took longer than its timeout and was killed{}", files.said())),
        Some(Ending::Code(0)) => Ok(()),
        Some(Ending::Code(code)) => failed(Kind::Hook, format!("ended with status {code}{}", files.said())),
        Some(Ending::Signal(signal)) => failed(Kind::Hook, format!("was killed by signal {signal}{}", files.said())),
    }
}

fn ends_in_time(pidfd: Option<BorrowedFd<'_>>, timeout: Option<Duration>) -> Result<bool> {
    let Some(pidfd) = pidfd else { return Ok(true) };
    let limit = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
    Ok(rustix::io::retry_on_intr(|| poll(&mut fds, limit.as_ref())).at(Op::Hook)? > 0)
}
