//! The receiving end of `--console-socket` and `--pidfd-socket`: what containerd and conmon do; and of `listenerPath`.
//!
//! In: a bundle. Out: the descriptor that the runtime sent in one SCM_RIGHTS message: the master of the container's
//! terminal, a pidfd of its process, or the listener of its seccomp filter.

use std::fs::{self, File};
use std::io::{IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::bundle::Bundle;
use crate::runtime::{Outcome, Runtime};

/// A socket that waits for one descriptor.
#[derive(Debug)]
pub struct Console {
    listener: UnixListener,
    /// Its path, for the flag.
    pub path: PathBuf,
}

/// The master of a container's terminal.
#[derive(Debug)]
pub struct Terminal(File);

/// Makes a call on a terminal of its own, by `script` of util-linux, and types a line.
pub fn typing(line: &str, runtime: &Runtime, call: &Command, dir: &Path) -> Outcome {
    let words = [call.get_program()].into_iter().chain(call.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
    let typed = dir.join("typed");
    fs::write(&typed, format!("{line}\n")).expect("a file");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]).process_group(0);
    script.stdin(File::open(typed).expect("the file"));
    runtime.spawn(script).wait()
}

impl Console {
    /// Listens beside the bundle.
    pub fn of(bundle: &Bundle) -> Self {
        let path = bundle.path().join("console.sock");
        Self { listener: UnixListener::bind(&path).expect("a socket"), path }
    }

    /// The terminal the runtime sends.
    #[track_caller]
    pub fn receive(&self) -> Terminal {
        Terminal(self.receive_fd().into())
    }

    /// The descriptor the runtime sends.
    #[track_caller]
    pub fn receive_fd(&self) -> OwnedFd {
        self.receive_message().1
    }

    /// What the runtime says, and the descriptor it sends with it.
    #[track_caller]
    pub fn receive_message(&self) -> (String, OwnedFd) {
        let mut waiting = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        assert_eq!(
            poll(&mut waiting, PollTimeout::from(20_000_u16)),
            Ok(1),
            "nobody connects to {}",
            self.path.display()
        );
        let (stream, _) = self.listener.accept().expect("a connection of the runtime");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a limit");
        let mut name = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let message = recvmsg(&stream, &mut [IoSliceMut::new(&mut name)], &mut rights, RecvFlags::CMSG_CLOEXEC);
        let length = message.expect("a message").bytes;
        let fd = rights.drain().find_map(|part| match part {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        (String::from_utf8_lossy(&name[..length]).into_owned(), fd.expect("a descriptor"))
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
