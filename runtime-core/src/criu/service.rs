//! One piece of work by CRIU: the program, started as `criu swrk 3`, a request over a socket pair, answers to its notifications.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use prost::Message;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketFlags, SocketType,
};

use super::messages::{Kind as Work, Notify, Options, Request, Response};
use crate::cgroup::Cgroup;
use crate::compile::{self, Origin};
use crate::error::{At, Error, Kind, Op, Result};
use crate::launch::{self, Launched, Sources};
use crate::sys::streams::Streams;
use crate::sys::wait::{Ending, reap};

/// The number of the first descriptor that is handed on after the socket.
pub(super) const FIRST_HANDED_ON: i32 = 4;
/// Where `criu` is looked for: nothing is read from the caller's environment.
const PLACES: [&str; 5] = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/sbin"];
/// CRIU runs `tar`, `ip` and `nft` by name.
const ENVIRONMENT: [&str; 1] = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
/// The longest answer, in bytes.
const LONGEST: usize = 40 << 10;
/// How long CRIU may take to end once it has answered.
const PATIENCE: Duration = Duration::from_secs(60);

/// What CRIU is started with.
#[derive(Debug)]
pub(super) struct Service<'s> {
    pub(super) work: Work,
    pub(super) op: Op,
    /// The program, where the caller knows it.
    pub(super) program: Option<&'s Path>,
    /// The cgroup it works in: what it restores is born there.
    pub(super) cgroup: Option<&'s Cgroup>,
    /// Its streams, which restored processes inherit.
    pub(super) streams: Streams<'s>,
    /// What it has from [`FIRST_HANDED_ON`] on.
    pub(super) handed_on: Vec<OwnedFd>,
}

impl Service<'_> {
    /// Has CRIU do it. `notified` is called each time it says where it stands, with a descriptor where it sends one.
    pub(super) fn perform(
        self,
        options: Options,
        mut notified: impl FnMut(&Notify, Option<OwnedFd>) -> Result<()>,
    ) -> Result<()> {
        let (work, op) = (self.work, self.op);
        let (socket, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).at(op)?;
        let program = find(self.program, op)?;
        let origin = Origin::new(op).path(&program.to_string_lossy());
        let hierarchies = self.cgroup.map_or(0, |cgroup| cgroup.paths().iter().filter(|dir| !dir.unified).count());
        let handed_on: Vec<OwnedFd> = std::iter::once(theirs).chain(self.handed_on).collect();
        let outline = compile::Service { hierarchies, handed_on: u32::try_from(handed_on.len()).unwrap_or(u32::MAX) };
        let args = ["criu", "swrk", "3"];
        let plan = compile::service(&[program.to_string_lossy()], &args, &ENVIRONMENT, "/", &outline, &origin);
        let sources = Sources { cgroup: self.cgroup, handed_on, ..Sources::default() };
        let mut launched = launch::launch(&plan, sources, self.cgroup, self.streams)?;
        launched.converse(|_, _| Ok(()))?;
        send(&socket, op, &Request { kind: work.into(), options: Some(options), notify_success: None })?;
        let mut refusal = None;
        loop {
            let (response, fd) = receive(&socket, op)?;
            match (response.notify, response.kind == i32::from(Work::Notify)) {
                (Some(notify), true) => {
                    // It puts everything back itself once it hears of a failure: it must not be killed in the middle.
                    let answered = if refusal.is_none() { notified(&notify, fd) } else { Ok(()) };
                    let fine = answered.map_err(|error| refusal.get_or_insert(error).op()).is_ok();
                    let answer = Request { kind: Work::Notify.into(), options: None, notify_success: Some(fine) };
                    send(&socket, op, &answer)?;
                }
                _ if response.success && refusal.is_none() => break,
                _ => return Err(refusal.unwrap_or_else(|| failed(work, op, response.errno))),
            }
        }
        drop(socket);
        finish(launched, work, op)
    }
}

fn send(socket: &OwnedFd, op: Op, request: &Request) -> Result<()> {
    rustix::net::send(socket, &request.encode_to_vec(), SendFlags::NOSIGNAL).at(op).map(drop)
}

/// Waits without limit: a dump takes as long as the memory is large. When CRIU ends, so does the wait.
fn receive(socket: &OwnedFd, op: Op) -> Result<(Response, Option<OwnedFd>)> {
    let mut bytes = vec![0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)
    });
    let length = match received {
        Err(rustix::io::Errno::CONNRESET) => 0,
        received => received.at(op)?.bytes,
    };
    let fd = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    match bytes.get(..length) {
        None | Some([]) => Err(Error::new(Kind::System, op).message("criu ended without an answer")),
        Some(said) => {
            let response = Response::decode(said)
                .map_err(|error| Error::new(Kind::System, op).message("criu gave no answer").cause(error))?;
            Ok((response, fd))
        }
    }
}

/// The words are runc's; why it failed is in the log.
fn failed(work: Work, op: Op, errno: Option<i32>) -> Error {
    let name = match work {
        Work::Dump => "DUMP",
        Work::PreDump => "PRE_DUMP",
        Work::Restore => "RESTORE",
        Work::Notify => "NOTIFY",
    };
    let text = format!("criu failed: type {name} errno {}", errno.unwrap_or_default());
    Error::new(Kind::System, op).message(text)
}

/// Waits for its end. After a pre-dump it waits for a dump, and ends because there comes none.
fn finish(launched: Launched<'_>, work: Work, op: Op) -> Result<()> {
    if let Some(pidfd) = launched.pidfd() {
        let limit = Timespec { tv_sec: i64::try_from(PATIENCE.as_secs()).unwrap_or(i64::MAX), tv_nsec: 0 };
        let mut fds = [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)];
        if rustix::io::retry_on_intr(|| poll(&mut fds, Some(&limit))).at(op)? == 0 {
            // Dropping the launch kills it.
            return Err(Error::new(Kind::Timeout, op).message("criu does not end"));
        }
    }
    let Some((_, pidfd)) = launched.release() else { return Ok(()) };
    match reap(pidfd.as_fd()).at(op)? {
        Ending::Code(0) => Ok(()),
        _ if work == Work::PreDump => Ok(()),
        Ending::Code(code) => Err(Error::new(Kind::System, op).message(format!("criu ended with status {code}"))),
        Ending::Signal(signal) => {
            Err(Error::new(Kind::System, op).message(format!("criu was killed by signal {signal}")))
        }
    }
}

fn find(program: Option<&Path>, op: Op) -> Result<PathBuf> {
    let usual = || PLACES.iter().map(|place| Path::new(place).join("criu")).find(|path| path.is_file());
    program.map(Path::to_owned).or_else(usual).ok_or_else(|| {
        Error::new(Kind::Unsupported, op)
            .message("there is no program `criu` on this machine")
            .hint("install the package criu")
    })
}

/// One zero byte.
pub(super) fn ready(status: Option<BorrowedFd<'_>>) {
    if let Some(Err(errno)) = status.map(|fd| rustix::io::write(fd, &[0])) {
        log::warn!("nobody takes the word that lazy pages are ready: {errno}");
    }
}
