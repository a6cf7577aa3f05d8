//! The container's terminal, joined to ours: bytes both ways, and the size of the window.
//!
//! Our stdin need not be a terminal: what it holds is typed into the container's.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, read, write};
use rustix::stdio::{stderr, stdin, stdout};
use rustix::termios::{OptionalActions, OutputModes, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use crate::report::Failure;

/// What ends input in a terminal: Ctrl-D. The end of a file or pipe at our stdin becomes one, as in script(1).
const END_OF_INPUT: u8 = 4;

/// How long to wait for the rest of the output once the process has ended: its children may hold the terminal for ever.
const LAST_WORDS: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Two terminals, joined until dropped.
#[derive(Debug)]
pub(super) struct Terminal {
    master: OwnedFd,
    /// What our own was set to, if it is one.
    before: Option<Termios>,
    /// Typed, and not yet taken by the container.
    typed: Vec<u8>,
    input_open: bool,
    output_open: bool,
}

impl Terminal {
    /// Joins the terminal behind `master` to ours, which becomes raw.
    pub(super) fn attach(master: OwnedFd) -> Result<Self, Failure> {
        let mut terminal = Self { master, before: None, typed: Vec::new(), input_open: true, output_open: true };
        terminal.set_up().map_err(|errno| Failure::own(format!("set up terminal: {errno}")))?;
        Ok(terminal)
    }

    fn set_up(&mut self) -> rustix::io::Result<()> {
        // A full input queue must not stop us from reading the output that would empty it.
        fcntl_setfl(&self.master, fcntl_getfl(&self.master)? | OFlags::NONBLOCK)?;
        // Our own terminal, or whoever reads our stdout, turns line feeds into new lines: once is enough.
        let mut inner = tcgetattr(&self.master)?;
        inner.output_modes.remove(OutputModes::ONLCR);
        tcsetattr(&self.master, OptionalActions::Now, &inner)?;
        self.resize();
        if let Ok(before) = tcgetattr(stdin()) {
            let mut raw = before.clone();
            raw.make_raw();
            raw.output_modes |= before.output_modes & OutputModes::OPOST;
            tcsetattr(stdin(), OptionalActions::Now, &raw)?;
            self.before = Some(before);
        }
        Ok(())
    }

    /// Gives the container's terminal the size of ours.
    pub(super) fn resize(&self) {
        let ours = [stdin(), stdout(), stderr()].into_iter().find_map(|fd| tcgetwinsize(fd).ok());
        if let Some(size) = ours.filter(|size| size.ws_row > 0)
            && let Err(errno) = tcsetwinsize(&self.master, size)
        {
            log::debug!("resize terminal: {errno}");
        }
    }

    pub(super) fn master(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    /// Whether to wait for input, and for what of the master.
    pub(super) fn wants(&self) -> (bool, PollFlags) {
        let mut master = PollFlags::empty();
        if self.output_open {
            master |= PollFlags::IN;
            if !self.typed.is_empty() {
                master |= PollFlags::OUT;
            }
        }
        (self.input_open && self.output_open && self.typed.is_empty(), master)
    }

    /// Takes what was typed.
    pub(super) fn read_input(&mut self) {
        let mut buffer = [0; 4096];
        match read(stdin(), &mut buffer) {
            Ok(0) => {
                self.input_open = false;
                self.typed.push(END_OF_INPUT);
            }
            Ok(count) => self.typed.extend(buffer.iter().take(count)),
            Err(Errno::INTR | Errno::AGAIN) => {}
            // A job in the background may not read its terminal.
            Err(_) => self.input_open = false,
        }
    }

    /// Moves what there is both ways.
    pub(super) fn exchange(&mut self) -> rustix::io::Result<()> {
        if !self.typed.is_empty() {
            match write(&self.master, &self.typed) {
                Ok(count) => drop(self.typed.drain(..count)),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        let mut buffer = [0; 16 * 1024];
        match read(&self.master, &mut buffer) {
            Ok(0) | Err(Errno::IO) => self.output_open = false,
            Ok(count) => show(buffer.get(..count).unwrap_or_default()),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        Ok(())
    }

    /// Shows what the process left to be shown when it ended.
    pub(super) fn drain(&mut self) -> rustix::io::Result<()> {
        self.typed.clear();
        while self.output_open {
            if poll(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(&LAST_WORDS))? == 0 {
                break;
            }
            self.exchange()?;
        }
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before
            && let Err(errno) = tcsetattr(stdin(), OptionalActions::Now, before)
        {
            log::warn!("restore terminal: {errno}");
        }
    }
}

/// Writes all of `bytes` to stdout. Where nobody reads any more, the process may still go on, as under runc.
fn show(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match write(stdout(), bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // Someone made our stdout non-blocking.
            Err(Errno::AGAIN) => drop(poll(&mut [PollFd::new(&stdout(), PollFlags::OUT)], None)),
            Err(_) => return,
        }
    }
}
