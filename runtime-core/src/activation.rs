//! What a service manager gives a service, handed on to the container's program: the sockets it listens on
//! (sd_listen_fds(3)) and the socket it says it is ready over (sd_notify(3)). As runc does it.
//!
//! Comes in: what the caller found in its environment ([`Launch`]). Goes out: variables of the process, and the word that it is
//! ready. Nothing else of what a container says is passed on: the service manager believes what it hears here.

use std::borrow::Cow;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags,
    SocketType,
};

use crate::compile::NOTIFY_DIRECTORY;
use crate::error::{At, Op, Result};
use crate::options::Launch;
use crate::spec::Process;
use crate::state::Directory;

/// How long the service manager may take to say that it has heard all.
const BARRIER_TIMEOUT: Duration = Duration::from_secs(30);

/// Tells the process in its environment what was handed on to it. What the configuration says of the same is outdone.
pub(crate) fn announce(options: &Launch<'_>, process: &mut Process<'_>) {
    let mut set = |name: &str, value: String| {
        process.env.retain(|variable| variable.split_once('=').is_none_or(|(known, _)| known != name));
        process.env.push(Cow::Owned(format!("{name}={value}")));
    };
    if options.notify_socket.is_some() {
        set("NOTIFY_SOCKET", format!("{NOTIFY_DIRECTORY}/{}", Directory::NOTIFY_SOCKET));
    }
    if options.listen_fds > 0 {
        set("LISTEN_FDS", options.listen_fds.to_string());
        set("LISTEN_PID", "1".to_owned());
        if let Some(names) = options.listen_names {
            set("LISTEN_FDNAMES", names.to_owned());
        }
    }
}

/// The socket over which a container's program says that it is ready, and the one of the service manager that is to hear it.
/// Readable when there is something to [`relay`](Notify::relay).
#[derive(Debug)]
pub struct Notify {
    inner: OwnedFd,
    manager: OwnedFd,
}

impl Notify {
    /// Makes the socket in the directory that the container sees. A service manager that is not there is found out before
    /// anything runs.
    pub(crate) fn make(directory: &Directory, manager: &Path) -> Result<Self> {
        let outer = datagrams()?;
        let address = SocketAddrUnix::new(manager).at(Op::Notify).map_err(|error| error.on(manager))?;
        rustix::net::connect(&outer, &address).at(Op::Notify).map_err(|error| {
            error.on(manager).hint("NOTIFY_SOCKET names the socket of a service manager that listens, by a path")
        })?;
        let inner = datagrams()?;
        directory.bind_notify(&inner)?;
        Ok(Self { inner, manager: outer })
    }

    /// Reads one message. Where it says that the program is ready, tells the service manager so, with `main_pid` as the process
    /// to watch, and is true: nothing more is to be relayed then.
    ///
    /// # Errors
    /// [`Op::Notify`] where the service manager is gone.
    pub fn relay(&self, main_pid: i32) -> Result<bool> {
        let mut bytes = [0; 4096];
        // Descriptors that come with it are not taken.
        let (len, _) = match rustix::net::recv(&self.inner, &mut bytes, RecvFlags::DONTWAIT) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(false),
            received => received.at(Op::Notify)?,
        };
        if !says_ready(bytes.get(..len).unwrap_or_default()) {
            return Ok(false);
        }
        self.tell("READY=1\n")?;
        self.tell(&format!("MAINPID={main_pid}\n"))?;
        self.wait_until_heard()?;
        Ok(true)
    }

    /// Relays until the program is ready, or the process behind `pidfd` has ended: that may take any time.
    pub(crate) fn relay_until_ready(&self, pidfd: BorrowedFd<'_>, main_pid: i32) -> Result<()> {
        loop {
            let inner = self.inner.as_fd();
            let mut fds = [PollFd::new(&inner, PollFlags::IN), PollFd::new(&pidfd, PollFlags::IN)];
            rustix::io::retry_on_intr(|| poll(&mut fds, None)).at(Op::Notify)?;
            let [said, ended] = fds.map(|fd| !fd.revents().is_empty());
            if (said && self.relay(main_pid)?) || (ended && !said) {
                return Ok(());
            }
        }
    }

    fn tell(&self, words: &str) -> Result<()> {
        rustix::net::send(&self.manager, words.as_bytes(), SendFlags::NOSIGNAL).at(Op::Notify).map(drop)
    }

    /// Sends the end of a pipe, which the service manager closes once it has read all that was sent before
    /// (sd_notify_barrier(3)): until then it could take this process for one that it does not know, if that ended.
    fn wait_until_heard(&self) -> Result<()> {
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).at(Op::Notify)?;
        let fds = [write.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut message = SendAncillaryBuffer::new(&mut space);
        message.push(SendAncillaryMessage::ScmRights(&fds));
        let words = [IoSlice::new(b"BARRIER=1")];
        rustix::net::sendmsg(&self.manager, &words, &mut message, SendFlags::NOSIGNAL).at(Op::Notify)?;
        drop(write);
        let limit = Timespec::try_from(BARRIER_TIMEOUT).ok();
        let mut fds = [PollFd::new(&read, PollFlags::IN)];
        if rustix::io::retry_on_intr(|| poll(&mut fds, limit.as_ref())).at(Op::Notify)? == 0 {
            // It has been told, and the program runs.
            log::warn!("notify: the service manager has not answered for {} s", BARRIER_TIMEOUT.as_secs());
        }
        Ok(())
    }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

fn datagrams() -> Result<OwnedFd> {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).at(Op::Notify)
}

fn says_ready(message: &[u8]) -> bool {
    message.split(|byte| *byte == b'\n').any(|line| line == b"READY=1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_assignment_says_ready() {
        for message in ["READY=1", "STATUS=up\nREADY=1\n", "MAINPID=2\nREADY=1"] {
            assert!(says_ready(message.as_bytes()), "{message}");
        }
        for message in ["", "READY=0", "READY=10", "STATUS=READY=1", "XREADY=1"] {
            assert!(!says_ready(message.as_bytes()), "{message}");
        }
    }

    #[test]
    fn the_environment_tells_of_what_is_there() {
        let document = br#"{"cwd": "/", "args": ["a"], "env": ["LISTEN_FDS=9", "A=1"]}"#;
        let mut process = Process::from_slice(document).unwrap();
        announce(&Launch::default(), &mut process);
        assert_eq!(process.env, ["LISTEN_FDS=9", "A=1"]);
        let options = Launch { listen_fds: 2, listen_names: Some("a:b"), ..Launch::default() };
        announce(&options, &mut process);
        assert_eq!(process.env, ["A=1", "LISTEN_FDS=2", "LISTEN_PID=1", "LISTEN_FDNAMES=a:b"]);
    }
}
