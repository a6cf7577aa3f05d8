//! The talk with the parent: reports go out, single bytes come back.

use orlop_plan::Report;

use crate::sys::{self, Fd, OwnedFd};

/// The socket to whoever waits for this launch.
pub(crate) struct Dialogue(Option<OwnedFd>);

impl Dialogue {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self(Some(socket))
    }

    /// The socket.
    pub(crate) fn fd(&self) -> Option<Fd> {
        self.0.as_ref().map(OwnedFd::fd)
    }

    /// Closes the socket: nobody is there to talk to until the next dialogue begins.
    pub(crate) fn hang_up(&mut self) {
        self.0 = None;
    }

    /// Tells of a failure. Whether somebody still listens makes no difference: init ends either way.
    pub(crate) fn fail(&self, report: Report) -> Report {
        self.tell(report);
        report
    }

    /// Says that init stands at `step`, and waits for one byte. A parent that is gone ends init: its half-made container
    /// must not outlive it.
    pub(crate) fn stand_at(&self, step: u32) {
        self.announce(step);
        if !self.answered() {
            sys::exit(1);
        }
    }

    /// Says that init stands at `step`; a parent that is gone ends it.
    pub(crate) fn announce(&self, step: u32) {
        if !self.tell(Report { step, errno: 0 }) {
            sys::exit(1);
        }
    }

    /// Reads what was said already. Whether somebody still listens makes no difference.
    pub(crate) fn hear(&self) {
        self.answered();
    }

    fn tell(&self, report: Report) -> bool {
        let told = self.0.as_ref().map(|socket| sys::send(socket.fd(), &report.encode()));
        told == Some(Ok(Report::LEN))
    }

    fn answered(&self) -> bool {
        let answer = self.0.as_ref().map(|socket| sys::uninterrupted(|| sys::read_byte(socket.fd())));
        answer == Some(Ok(1))
    }
}
