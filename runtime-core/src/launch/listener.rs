//! The listener of a seccomp filter: from init, who loads the filter, to the socket at `listenerPath` (config-linux.md,
//! "Seccomp", and "The Container Process State").
//!
//! Comes in: what init sends over a socket pair. Goes out: one message of JSON with the descriptor. Keeps neither.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use serde::Serialize;

use super::socket;
use crate::compile::Plan;
use crate::error::{At, Error, Kind, Op, Pointer, Result};
use crate::spec::{Seccomp, Spec};
use crate::state::State;

/// Who answers for the container's calls, and what they are told.
#[derive(Debug)]
pub(crate) struct Agent {
    path: PathBuf,
    metadata: Option<String>,
    oci_version: String,
    state: State,
}

/// "The container process state", whose one descriptor is the listener.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProcessState<'s> {
    oci_version: &'s str,
    fds: [&'static str; 1],
    pid: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'s str>,
    state: &'s State,
}

impl Agent {
    /// The one that the profile names; a relative path lies in the bundle.
    pub(crate) fn of(spec: &Spec<'_>, state: State) -> Option<Self> {
        let Seccomp { listener_path, listener_metadata, .. } = spec.linux.seccomp.as_ref()?;
        Some(Self {
            path: state.bundle.join(&**listener_path.as_ref()?),
            metadata: listener_metadata.as_deref().map(str::to_owned),
            oci_version: spec.version.to_string(),
            state,
        })
    }

    /// Hands over the listener of process `pid`.
    pub(super) fn tell(&self, pid: i32, listener: BorrowedFd<'_>) -> Result<()> {
        let process = ProcessState {
            oci_version: &self.oci_version,
            fds: ["seccompFd"],
            pid,
            metadata: self.metadata.as_deref(),
            state: &self.state,
        };
        let text = serde_json::to_vec(&process).map_err(|error| Error::new(Kind::System, Op::Seccomp).cause(error))?;
        let told = socket::connect_for(Op::Seccomp, &self.path)
            .and_then(|socket| socket::send_fd(Op::Seccomp, socket.as_fd(), listener, &text));
        let hint = "somebody must listen there before the container is created";
        told.map_err(|error| error.on(&self.path).field(Pointer::new("/linux/seccomp/listenerPath")).hint(hint))
    }
}

/// A socket pair, where the plan has a filter with a listener: the parent's end, and init's.
pub(super) fn pair(plan: &Plan) -> Result<(Option<OwnedFd>, Option<OwnedFd>)> {
    if !plan.has_listener() {
        return Ok((None, None));
    }
    let (ours, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).at(Op::Seccomp)?;
    Ok((Some(ours), Some(theirs)))
}

/// What init sends; `None` where it says something else first: that it failed.
pub(super) fn receive(
    socket: BorrowedFd<'_>,
    dialogue: BorrowedFd<'_>,
    patience: Option<Duration>,
) -> Result<Option<OwnedFd>> {
    let limit = patience.and_then(|patience| Timespec::try_from(patience).ok());
    let mut fds = [PollFd::new(&socket, PollFlags::IN), PollFd::new(&dialogue, PollFlags::IN)];
    let ready = rustix::io::retry_on_intr(|| poll(&mut fds, limit.as_ref())).at(Op::Seccomp)?;
    let [sent, _] = &fds;
    match (ready, sent.revents().contains(PollFlags::IN)) {
        (0, _) => Err(Error::new(Kind::Timeout, Op::Seccomp).message("init sent no listener in time")),
        (_, true) => socket::receive(Op::Seccomp, socket),
        (_, false) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> (OwnedFd, OwnedFd) {
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap()
    }

    fn soon() -> Option<Duration> {
        Some(Duration::from_millis(20))
    }

    #[test]
    fn what_init_sends_is_received_also_when_it_has_said_more_since() {
        let ((ours, theirs), (dialogue, init)) = (stream(), stream());
        socket::send_fd(Op::Seccomp, theirs.as_fd(), init.as_fd(), b"seccompFd").unwrap();
        rustix::io::write(&init, b"stands at the gate").unwrap();
        assert!(receive(ours.as_fd(), dialogue.as_fd(), soon()).unwrap().is_some());
    }

    #[test]
    fn an_init_that_fails_or_ends_sends_none() {
        let ((ours, theirs), (dialogue, init)) = (stream(), stream());
        rustix::io::write(&init, b"failed").unwrap();
        assert!(receive(ours.as_fd(), dialogue.as_fd(), soon()).unwrap().is_none());
        drop((theirs, init));
        assert!(receive(ours.as_fd(), dialogue.as_fd(), soon()).unwrap().is_none());
    }

    #[test]
    fn silence_has_an_end() {
        let ((ours, _theirs), (dialogue, _init)) = (stream(), stream());
        let error = receive(ours.as_fd(), dialogue.as_fd(), soon()).unwrap_err();
        assert_eq!(error.to_string(), "install seccomp filter: init sent no listener in time");
    }
}
