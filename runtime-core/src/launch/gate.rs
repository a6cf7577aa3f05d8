//! The start gate: a listening socket that init waits at, in the container's directory. `start` knocks; end of file is yes.

use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::dialogue::{self, Said};
use crate::compile::LastSteps;
use crate::error::{At, Op, Result};
use crate::state::Directory;

/// The start gate of one container.
#[derive(Debug)]
pub(crate) struct Gate;

impl Gate {
    /// Makes the gate; the listening socket is for init.
    pub(crate) fn make(directory: &Directory) -> Result<OwnedFd> {
        let socket = socket()?;
        rustix::net::bind(&socket, &address(directory, false)?).at(Op::Start)?;
        rustix::net::listen(&socket, 1).at(Op::Start)?;
        Ok(socket)
    }

    /// Knocks, and waits until the program runs. `origins` gives words to a report about one of the last steps.
    pub(crate) fn open(directory: &Directory, last_steps: &LastSteps) -> Result<()> {
        let socket = socket()?;
        rustix::net::connect(&socket, &address(directory, true)?).at(Op::Start)?;
        match dialogue::listen(socket.as_fd(), None)? {
            Said::Gone => Ok(()),
            Said::Failed(report) => {
                let step = report.step.saturating_sub(last_steps.first);
                Err(dialogue::explain(orlop_plan::Report { step, ..report }, &last_steps.origins))
            }
            Said::Waits(_) => Err(dialogue::nonsense()),
        }
    }
}

fn socket() -> Result<OwnedFd> {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).at(Op::Start)
}

fn address(directory: &Directory, created: bool) -> Result<SocketAddrUnix> {
    SocketAddrUnix::new(directory.gate(created)).at(Op::Start)
}
