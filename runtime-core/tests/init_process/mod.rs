//! Runs the real init, as the library embeds it, with a plan of a test's making.
#![allow(dead_code)] // each test program uses its part

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command, Stdio, id};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orlop::init_image::INIT;
use orlop_plan::{Plan, Report, Slot, Step, Word};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};

/// Init inherits descriptors that are not close-on-exec; those of another test must not be among them.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// An init that carries out a plan.
pub(crate) struct Init {
    pub(crate) child: Child,
    dialogue: Option<OwnedFd>,
    /// The shell opens it through this process, at a moment of its own.
    _image: File,
    _alone: MutexGuard<'static, ()>,
}

/// What is left of it.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: Option<i32>,
    pub(crate) output: String,
}

impl Init {
    /// Starts init with these steps; `fds` lie in the given slots from 1 on.
    pub(crate) fn start(fds: &[i32], steps: &[Step<'_>]) -> Self {
        let mut encoded = Vec::new();
        steps.iter().for_each(|step| step.write(&mut encoded));
        Self::start_with(|dialogue| {
            let mut plan = Vec::new();
            let fds: Vec<i32> = [&[dialogue], fds].concat();
            Plan::write(&fds, Slot::NONE, &encoded, &mut plan);
            plan
        })
    }

    /// Starts init with the bytes that `plan` makes of the number of init's end of the dialogue.
    pub(crate) fn start_with(plan: impl FnOnce(i32) -> Vec<u8>) -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let (dialogue, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::empty(), None).unwrap();
        rustix::io::fcntl_setfd(&dialogue, rustix::io::FdFlags::CLOEXEC).unwrap();
        let limit = Some(Duration::from_secs(20));
        rustix::net::sockopt::set_socket_timeout(&dialogue, rustix::net::sockopt::Timeout::Recv, limit).unwrap();
        let plan = memfd("plan", MemfdFlags::empty(), &plan(theirs.as_raw_fd()));
        let image = memfd("init", MemfdFlags::CLOEXEC, INIT);
        // Signals are ignored, as a careless host program would have it: `ResetSignals` must undo that, hooks must bear it.
        let child = Command::new("/usr/bin/env")
            .arg("--ignore-signal=USR1,HUP,CHLD")
            .arg(format!("/proc/{}/fd/{}", id(), image.as_raw_fd()))
            .args([plan.as_raw_fd().to_string(), theirs.as_raw_fd().to_string()])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, dialogue: Some(dialogue), _image: image, _alone: alone }
    }

    /// The next report; none where init has closed the dialogue.
    pub(crate) fn report(&self) -> Option<Report> {
        let mut bytes = [0; 16];
        let (len, _) = recv(self.dialogue.as_ref().unwrap(), &mut bytes, RecvFlags::empty()).unwrap();
        Report::decode(&bytes[..len])
    }

    /// Lets init go on.
    pub(crate) fn answer(&self) {
        assert_eq!(send(self.dialogue.as_ref().unwrap(), b"+", SendFlags::NOSIGNAL), Ok(1));
    }

    /// What happens to init when its parent dies.
    pub(crate) fn hang_up(&mut self) {
        self.dialogue = None;
    }

    /// Waits for the process; everything it wrote.
    pub(crate) fn end(mut self) -> End {
        let mut output = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        End { status: self.child.wait().unwrap().code(), output }
    }

    /// Runs to the end: the report of the step that failed, if one did, and what is left.
    pub(crate) fn run(fds: &[i32], steps: &[Step<'_>]) -> (Option<Report>, End) {
        let init = Self::start(fds, steps);
        let report = init.report();
        (report, init.end())
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A file in memory, at its end.
pub(crate) fn memfd(name: &str, flags: MemfdFlags, content: &[u8]) -> File {
    let mut file = File::from(memfd_create(name, flags).unwrap());
    file.write_all(content).unwrap();
    file
}

/// The texts of a block, as a plan has them.
pub(crate) fn block(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text.bytes().chain([0])).collect()
}
