//! The receiving end of `--console-socket`: what containerd and conmon do.
//!
//! In: a bundle. Out: the master of the container's terminal, as the runtime sent it in one SCM_RIGHTS message.

use std::fs::File;
use std::io::{IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::bundle::Bundle;

/// A socket that waits for a terminal.
#[derive(Debug)]
pub struct Console {
    listener: UnixListener,
    /// Its path, for the flag.
    pub path: PathBuf,
}

/// The master of a container's terminal.
#[derive(Debug)]
pub struct Terminal(File);

impl Console {
    /// Listens beside the bundle.
    pub fn of(bundle: &Bundle) -> Self {
        let path = bundle.path().join("console.sock");
        Self { listener: UnixListener::bind(&path).expect("a socket"), path }
    }

    /// The terminal the runtime sends.
    #[track_caller]
    pub fn receive(&self) -> Terminal {
        let (stream, _) = self.listener.accept().expect("a connection of the runtime");
        let mut name = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        recvmsg(&stream, &mut [IoSliceMut::new(&mut name)], &mut rights, RecvFlags::CMSG_CLOEXEC).expect("a message");
        let fd = rights.drain().find_map(|part| match part {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        Terminal(fd.expect("a descriptor").into())
    }
}

impl Terminal {
    /// Types a line.
    pub fn types(&mut self, line: &str) {
        writeln!(self.0, "{line}").expect("write to the terminal");
    }

    /// Reads until these words appear, and asserts that they do.
    #[track_caller]
    pub fn shows(&mut self, words: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(words) {
            let mut ready = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            poll(&mut ready, PollTimeout::from(20_000_u16)).expect("poll");
            let mut bytes = [0; 4096];
            // EIO: the last process of the terminal is gone.
            let count = if ready[0].any().unwrap_or_default() { self.0.read(&mut bytes).unwrap_or(0) } else { 0 };
            assert_ne!(count, 0, "`{words}` is not on the terminal: {seen}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        seen
    }
}
