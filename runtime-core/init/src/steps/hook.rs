//! Hooks: programs of the engine that run in the container's namespaces while init waits.

use core::ffi::CStr;
use core::sync::atomic::Ordering;

use orlop_plan::Texts;

use super::process;
use crate::sys::{self, Errno, Fd, Fork, OwnedFd, Result, SharedNumber, Timespec};

/// A program to run.
pub(crate) struct Hook<'p> {
    pub(crate) path: &'p CStr,
    pub(crate) args: Texts<'p>,
    pub(crate) env: Texts<'p>,
    /// In milliseconds; 0 is without limit.
    pub(crate) timeout: u64,
    /// Becomes its standard input.
    pub(crate) input: Fd,
    /// Becomes its standard output and error.
    pub(crate) output: Option<Fd>,
}

/// Runs a hook and waits for it. A status other than 0 is the negative errno of a `Report`.
pub(crate) fn run(hook: Hook<'_>) -> Result<()> {
    // A parent that ignores SIGCHLD has children that leave no status behind (waitid(2), ECHILD).
    sys::default_action(sys::SIGCHLD)?;
    // The child's errno comes back through memory that both share: no descriptor that a hook could keep.
    let failure = SharedNumber::new()?;
    let child = match sys::fork()? {
        Fork::Child => {
            let answer = become_hook(&hook);
            failure.get().store(answer.map_or_else(|errno| errno.0, |()| 0), Ordering::Release);
            sys::exit(127)
        }
        Fork::Parent(child) => child,
    };
    let status = wait(&child, hook.timeout)?;
    match (failure.get().load(Ordering::Acquire), status) {
        (0, 0) => Ok(()),
        (0, status) => Err(Errno(-status)),
        (errno, _) => Err(Errno(errno)),
    }
}

fn become_hook(hook: &Hook<'_>) -> Result<()> {
    sys::rewind(hook.input)?; // each hook reads the state from its beginning
    sys::dup_to(hook.input, 0)?;
    if let Some(output) = hook.output {
        sys::dup_to(output, 1)?;
        sys::dup_to(output, 2)?;
    }
    sys::close_on_exec_from(3)?;
    process::reset_signals()?;
    sys::execve(hook.path, hook.args.iter(), hook.env.iter())
}

/// The exit status; ETIMEDOUT where the hook had to be killed.
fn wait(child: &OwnedFd, timeout: u64) -> Result<i32> {
    let mut time = Timespec { seconds: timeout / 1000, nanoseconds: timeout % 1000 * 1_000_000 };
    // ppoll(2) leaves in `time` what remains, so an interruption does not prolong it.
    if !sys::uninterrupted(|| sys::readable(child.fd(), (timeout > 0).then_some(&mut time)))? {
        sys::pidfd_send_signal(child.fd(), sys::SIGKILL)?;
        sys::uninterrupted(|| sys::wait_for(child.fd()))?;
        return Err(Errno::TIMEDOUT);
    }
    sys::uninterrupted(|| sys::wait_for(child.fd()))
}
