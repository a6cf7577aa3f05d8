//! The start gate: a listening socket that init waits at, in the container's directory. `start` knocks; end of file is yes.

use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::dialogue::{self, Said};
use crate::compile::LastSteps;
use crate::error::{At, Error, Kind, Op, Result};
use crate::state::Directory;

/// The start gate of one container, knocked at.
#[derive(Debug)]
pub(crate) struct Gate(OwnedFd);

impl Gate {
    /// Makes the gate; the listening socket is for init.
    pub(crate) fn make(directory: &Directory) -> Result<OwnedFd> {
        let socket = socket()?;
        rustix::net::bind(&socket, &address(directory, false)?).at(Op::Start)?;
        rustix::net::listen(&socket, 1).at(Op::Start)?;
        Ok(socket)
    }

    /// Knocks: nobody else can.
    pub(crate) fn knock(directory: &Directory) -> Result<Self> {
        let socket = socket()?;
        rustix::net::connect(&socket, &address(directory, true)?).at(Op::Start)?;
        // Init hears it last of all before it becomes the program. One that ends without having heard is told of below.
        dialogue::answer(socket.as_fd()).or_else(|error| if is_gone(&error) { Ok(()) } else { Err(error) })?;
        Ok(Self(socket))
    }

    /// Waits until the program runs. `last_steps` gives words to a report about one of them.
    pub(crate) fn wait(self, last_steps: &LastSteps) -> Result<()> {
        match dialogue::listen(self.0.as_fd(), None)? {
            Said::Gone => Ok(()),
            Said::Unheard => Err(Error::new(Kind::System, Op::Start)
                .message("the process was killed before it became the program")
                .hint("is linux.resources.memory.limit too low, or is something else killing it?")),
            Said::Failed(report) => {
                let step = report.step.saturating_sub(last_steps.first);
                Err(dialogue::explain(orlop_plan::Report { step, ..report }, &last_steps.origins))
            }
            Said::Waits(_) => Err(dialogue::nonsense()),
        }
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(error.errno(), Some(nix::errno::Errno::EPIPE | nix::errno::Errno::ECONNRESET))
}

fn socket() -> Result<OwnedFd> {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).at(Op::Start)
}

fn address(directory: &Directory, created: bool) -> Result<SocketAddrUnix> {
    SocketAddrUnix::new(directory.gate(created)).at(Op::Start)
}
