//! Unix sockets that engines listen on: the console socket and the pidfd socket.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};

use super::Launched;
use crate::compile::Plan;
use crate::error::{At, Error, Kind, Op, Result};

/// Connects to the stream socket at `path`.
pub(crate) fn connect(path: &Path) -> Result<OwnedFd> {
    connect_for(Op::Console, path)
}

/// The same, as part of another operation.
pub(super) fn connect_for(op: Op, path: &Path) -> Result<OwnedFd> {
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let socket = socket.at(op)?;
    let address = SocketAddrUnix::new(path).at(op).map_err(|error| error.on(path))?;
    rustix::net::connect(&socket, &address).at(op).map_err(|error| error.on(path))?;
    Ok(socket)
}

/// Tells whoever asked for it which process was launched: a file with its id, written in one step, and a socket that gets its
/// pidfd.
pub(crate) fn publish(launched: &Launched<'_>, pid_file: Option<&Path>, pidfd_socket: Option<&Path>) -> Result<()> {
    if let Some(path) = pid_file {
        let text = launched.pid().to_string();
        crate::sys::file::write_atomically(path, text.as_bytes()).at(Op::WriteFile).map_err(|error| error.on(path))?;
    }
    if let (Some(path), Some(pidfd)) = (pidfd_socket, launched.pidfd()) {
        send_fd(Op::Console, connect(path)?.as_fd(), pidfd, b"pidfd")?;
    }
    Ok(())
}

/// Sends a terminal to whoever listens at `socket`.
pub(crate) fn send_terminal(socket: &Path, terminal: BorrowedFd<'_>) -> Result<()> {
    send_fd(Op::Console, connect(socket)?.as_fd(), terminal, b"/dev/ptmx")
}

/// A socket pair for a terminal that the caller keeps: the caller's end, and init's.
pub(crate) fn terminal_pair(plan: &Plan) -> Result<(Option<OwnedFd>, Option<OwnedFd>)> {
    if !plan.wants_terminal() {
        return Ok((None, None));
    }
    let (ours, theirs) = fd_pair(Op::Console)?;
    Ok((Some(ours), Some(theirs)))
}

/// A socket pair that descriptors go over: the parent's end, and init's.
pub(crate) fn fd_pair(op: Op) -> Result<(OwnedFd, OwnedFd)> {
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).at(op)
}

/// All descriptors that an init has sent which is gone.
pub(crate) fn receive_all(op: Op, socket: &OwnedFd) -> Result<Vec<OwnedFd>> {
    let mut received = Vec::new();
    while let Some(fd) = receive(op, socket.as_fd())? {
        received.push(fd);
    }
    Ok(received)
}

/// The descriptor that init has sent.
pub(crate) fn receive_fd(socket: OwnedFd) -> Result<OwnedFd> {
    let received = receive(Op::Console, socket.as_fd())?;
    received.ok_or_else(|| Error::new(Kind::System, Op::Console).message("init sent no terminal"))
}

/// The same where there may be none.
pub(super) fn receive(op: Op, socket: BorrowedFd<'_>) -> Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 64];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut message, flags).at(op)?;
    Ok(message.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    }))
}

/// Sends a descriptor, with `name` as the message.
pub(super) fn send_fd(op: Op, socket: BorrowedFd<'_>, fd: BorrowedFd<'_>, name: &[u8]) -> Result<()> {
    let fds = [fd];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    message.push(SendAncillaryMessage::ScmRights(&fds));
    rustix::net::sendmsg(socket, &[IoSlice::new(name)], &mut message, SendFlags::NOSIGNAL).at(op).map(drop)
}
