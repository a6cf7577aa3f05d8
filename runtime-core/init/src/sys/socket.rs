//! Sockets: the dialogue, the gate, and descriptors sent to others.

use super::{Fd, OwnedFd, Result, at, call, nr, plain};

const MSG_NOSIGNAL: usize = 0x4000;

/// `send(2)` without SIGPIPE.
pub fn send(socket: Fd, bytes: &[u8]) -> Result<usize> {
    // SAFETY: the kernel reads one live slice.
    unsafe { call(nr::SENDTO, [socket.arg(), at(bytes.as_ptr()), bytes.len(), MSG_NOSIGNAL, 0, 0]) }
}

/// `read(2)` of at most one byte: how many came.
pub fn read_byte(socket: Fd) -> Result<usize> {
    let mut byte = 0u8;
    // SAFETY: the kernel writes at most one byte.
    unsafe { call(nr::READ, [socket.arg(), at(&raw mut byte), 1]) }
}

pub fn accept(listener: Fd) -> Result<OwnedFd> {
    const SOCK_CLOEXEC: usize = 0o2_000_000;
    plain(nr::ACCEPT4, [listener.arg(), 0, 0, SOCK_CLOEXEC]).map(OwnedFd::from_answer)
}

/// `struct iovec`.
#[repr(C)]
struct Iovec {
    base: *const u8,
    len: usize,
}

/// `struct msghdr` of 64-bit Linux.
#[repr(C)]
struct Message {
    name: usize,
    name_len: u32,
    iov: *const Iovec,
    iov_len: usize,
    control: *const Rights,
    control_len: usize,
    flags: i32,
}

/// `struct cmsghdr` with one descriptor, padded as `CMSG_SPACE` has it.
#[repr(C, align(8))]
struct Rights {
    len: usize,
    level: i32,
    kind: i32,
    fd: Fd,
    padding: u32,
}

/// `sendmsg(2)` of `bytes` with one descriptor (`SCM_RIGHTS`).
pub fn send_fd(socket: Fd, bytes: &[u8], fd: Fd) -> Result<()> {
    const SOL_SOCKET: i32 = 1;
    const SCM_RIGHTS: i32 = 1;
    let iov = Iovec { base: bytes.as_ptr(), len: bytes.len() };
    let rights = Rights { len: 20, level: SOL_SOCKET, kind: SCM_RIGHTS, fd, padding: 0 };
    let message = Message {
        name: 0,
        name_len: 0,
        iov: &raw const iov,
        iov_len: 1,
        control: &raw const rights,
        control_len: size_of::<Rights>(),
        flags: 0,
    };
    // SAFETY: the header points to one live iovec and one whole control message.
    unsafe { call(nr::SENDMSG, [socket.arg(), at(&raw const message), MSG_NOSIGNAL]) }.map(drop)
}
