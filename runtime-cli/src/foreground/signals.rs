//! The signals sent to this command, as a file descriptor (signalfd(2)).

use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::report::Failure;

/// Every signal that can be blocked, blocked: they arrive here and nowhere else. The library gives the container's
/// process an empty mask.
#[derive(Debug)]
pub(crate) struct Signals(SignalFd);

impl Signals {
    /// Blocks all signals.
    pub(crate) fn block() -> Result<Self, Failure> {
        let all = SigSet::all();
        let open = || {
            all.thread_block()?;
            SignalFd::with_flags(&all, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        };
        open().map(Self).map_err(|errno| Failure::own(format!("block signals: {errno}")))
    }

    /// The numbers of those that have arrived.
    pub(super) fn pending(&self) -> impl Iterator<Item = i32> {
        std::iter::from_fn(|| self.0.read_signal().ok().flatten())
            .filter_map(|signal| i32::try_from(signal.ssi_signo).ok())
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
