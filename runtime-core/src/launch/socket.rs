//! Unix sockets that engines listen on: the console socket and the pidfd socket.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};

use crate::error::{At, Op, Result};

/// Connects to the stream socket at `path`.
pub(crate) fn connect(path: &Path) -> Result<OwnedFd> {
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let socket = socket.at(Op::Console)?;
    let address = SocketAddrUnix::new(path).at(Op::Console).map_err(|error| error.on(path))?;
    rustix::net::connect(&socket, &address).at(Op::Console).map_err(|error| error.on(path))?;
    Ok(socket)
}

/// Sends a descriptor, with `name` as the message.
pub(crate) fn send_fd(socket: BorrowedFd<'_>, fd: BorrowedFd<'_>, name: &[u8]) -> Result<()> {
    let fds = [fd];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    message.push(SendAncillaryMessage::ScmRights(&fds));
    rustix::net::sendmsg(socket, &[IoSlice::new(name)], &mut message, SendFlags::NOSIGNAL).at(Op::Console).map(drop)
}
