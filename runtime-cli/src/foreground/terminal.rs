//! The container's terminal, joined to ours: bytes both ways, and the size of the window.
//!
//! Our stdin need not be a terminal: what it holds is typed into the container's.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, read, write};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{
    OptionalActions, OutputModes, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};

use crate::report::Failure;

/// What ends input in a terminal: Ctrl-D. The end of a file or pipe at our stdin becomes one, as in script(1).
const END_OF_INPUT: u8 = 4;

/// How long to wait for the rest of the output once the process has ended: its children may hold the terminal for ever.
const LAST_WORDS: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// How often to see whether the container has opened its terminal again: the kernel tells of that to nobody.
const AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Two terminals, joined until dropped.
#[derive(Debug)]
pub(super) struct Terminal {
    master: OwnedFd,
    /// Where typing comes from, and where output goes to.
    ours: (BorrowedFd<'static>, BorrowedFd<'static>),
    /// What our own was set to, if it is one.
    before: Option<Termios>,
    /// Typed, and not yet taken by the container.
    typed: Vec<u8>,
    input_open: bool,
    output_open: bool,
    /// Nobody in the container has it open. Systemd and getty(8) close theirs to open it again.
    hung_up: bool,
}

impl Terminal {
    /// Joins the terminal behind `master` to our standard streams; where those are a terminal, it becomes raw.
    pub(super) fn attach(master: OwnedFd) -> Result<Self, Failure> {
        Self::between(master, stdin(), stdout()).map_err(|errno| Failure::own(format!("set up terminal: {errno}")))
    }

    fn between(master: OwnedFd, input: BorrowedFd<'static>, output: BorrowedFd<'static>) -> rustix::io::Result<Self> {
        let ours = (input, output);
        let mut terminal =
            Self { master, ours, before: None, typed: Vec::new(), input_open: true, output_open: true, hung_up: false };
        terminal.set_up()?;
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
        if let Ok(before) = tcgetattr(self.input()) {
            let mut raw = before.clone();
            raw.make_raw();
            raw.output_modes |= before.output_modes & OutputModes::OPOST;
            tcsetattr(self.input(), OptionalActions::Now, &raw)?;
            self.before = Some(before);
        }
        Ok(())
    }

    /// Gives the container's terminal the size of ours.
    pub(super) fn resize(&self) {
        if let Some(size) = size_of(&[self.ours.0, self.ours.1])
            && let Err(errno) = tcsetwinsize(&self.master, size)
        {
            log::debug!("resize terminal: {errno}");
        }
    }

    pub(super) fn input(&self) -> BorrowedFd<'_> {
        self.ours.0
    }

    pub(super) fn master(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    /// Whether to wait for input, and for what of the master.
    pub(super) fn wants(&self) -> (bool, PollFlags) {
        let mut master = PollFlags::empty();
        let is_served = self.output_open && !self.hung_up;
        if is_served {
            master |= PollFlags::IN;
            if !self.typed.is_empty() {
                master |= PollFlags::OUT;
            }
        }
        (self.input_open && is_served && self.typed.is_empty(), master)
    }

    /// How long to wait for anything to happen, where it must be looked at again by then.
    pub(super) fn pause(&self) -> Option<&'static Timespec> {
        self.hung_up.then_some(&AGAIN)
    }

    /// Takes what was typed.
    pub(super) fn read_input(&mut self) {
        let mut buffer = [0; 4096];
        match read(self.input(), &mut buffer) {
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
                Err(Errno::AGAIN | Errno::INTR | Errno::IO) => {}
                Err(errno) => return Err(errno),
            }
        }
        let mut buffer = [0; 16 * 1024];
        let answer = read(&self.master, &mut buffer);
        self.hung_up = answer == Err(Errno::IO);
        match answer {
            Ok(0) => self.output_open = false,
            Err(Errno::IO) => {}
            Ok(count) => show(self.ours.1, buffer.get(..count).unwrap_or_default()),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        Ok(())
    }

    /// Shows what the process left to be shown when it ended.
    pub(super) fn drain(&mut self) -> rustix::io::Result<()> {
        self.typed.clear();
        self.hung_up = false;
        while self.output_open && !self.hung_up {
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
            && let Err(errno) = tcsetattr(self.input(), OptionalActions::Now, before)
        {
            log::warn!("restore terminal: {errno}");
        }
    }
}

/// The size of the first that is a terminal and has one.
pub(super) fn size_of(fds: &[BorrowedFd<'_>]) -> Option<Winsize> {
    fds.iter().find_map(|fd| tcgetwinsize(fd).ok()).filter(|size| size.ws_row > 0)
}

/// Writes all of `bytes` to `output`. Where nobody reads any more, the process may still go on, as under runc.
fn show(output: BorrowedFd<'_>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match write(output, bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // Someone made it non-blocking.
            Err(Errno::AGAIN) => drop(poll(&mut [PollFd::new(&output, PollFlags::OUT)], None)),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::time::{Duration, Instant};

    use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
    use rustix::termios::LocalModes;

    use super::*;

    /// A new terminal: its master and its other side.
    fn pty() -> (OwnedFd, OwnedFd) {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        unlockpt(&master).unwrap();
        let other = ioctl_tiocgptpeer(&master, flags).unwrap();
        (master, other)
    }

    /// Lives as long as the test program.
    fn borrowed(fd: impl Into<OwnedFd>) -> BorrowedFd<'static> {
        let kept: &'static OwnedFd = Box::leak(Box::new(fd.into()));
        kept.as_fd()
    }

    fn pipe() -> (File, File) {
        let (read, write) = std::io::pipe().unwrap();
        (OwnedFd::from(read).into(), OwnedFd::from(write).into())
    }

    #[test]
    fn our_terminal_is_raw_while_joined_and_then_as_before() {
        let ((_person, ours), (master, _containers)) = (pty(), pty());
        let ours = borrowed(ours);
        let before = tcgetattr(ours).unwrap();
        let terminal = Terminal::between(master, ours, ours).unwrap();
        let raw = tcgetattr(ours).unwrap();
        assert!(!raw.local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
        assert!(raw.output_modes.contains(OutputModes::OPOST));
        drop(terminal);
        let after = tcgetattr(ours).unwrap();
        assert_eq!((after.local_modes, after.output_modes), (before.local_modes, before.output_modes));
    }

    #[test]
    fn the_size_is_that_of_ours() {
        let ((person, ours), (master, containers)) = (pty(), pty());
        let resize = |rows| {
            tcsetwinsize(&person, Winsize { ws_row: rows, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        };
        resize(40);
        let ours = borrowed(ours);
        let terminal = Terminal::between(master, ours, ours).unwrap();
        assert_eq!(tcgetwinsize(&containers).unwrap().ws_row, 40);
        resize(50);
        terminal.resize();
        assert_eq!(tcgetwinsize(&containers).unwrap().ws_row, 50);
    }

    #[test]
    fn what_is_typed_arrives_and_its_end_is_control_d() {
        let ((typed, mut person), (_shown, screen)) = (pipe(), pipe());
        let (master, containers) = pty();
        let mut terminal = Terminal::between(master, borrowed(typed), borrowed(screen)).unwrap();
        person.write_all(b"hello\n").unwrap();
        drop(person);
        for _ in 0..2 {
            assert!(terminal.wants().0);
            terminal.read_input();
            assert_eq!(terminal.wants(), (false, PollFlags::IN | PollFlags::OUT));
            terminal.exchange().unwrap();
        }
        assert!(!terminal.wants().0, "the input is closed");
        let mut read = String::new();
        File::from(containers).read_to_string(&mut read).unwrap();
        assert_eq!(read, "hello\n");
    }

    #[test]
    fn the_last_words_are_shown() {
        let ((typed, _person), (mut shown, screen)) = (pipe(), pipe());
        let (master, containers) = pty();
        let mut terminal = Terminal::between(master, borrowed(typed), borrowed(screen)).unwrap();
        let mut process = File::from(containers);
        process.write_all(b"one\ntwo\n").unwrap();
        drop(process);
        terminal.drain().unwrap();
        let mut read = [0; 8];
        shown.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"one\ntwo\n", "a line feed stays one");
    }

    #[test]
    fn a_terminal_that_is_opened_again_is_served_again() {
        let ((typed, mut person), (mut shown, screen)) = (pipe(), pipe());
        let (master, containers) = pty();
        let inside = master.try_clone().unwrap();
        let mut terminal = Terminal::between(master, borrowed(typed), borrowed(screen)).unwrap();
        drop(containers);
        terminal.exchange().unwrap();
        assert!(terminal.pause().is_some() && terminal.wants() == (false, PollFlags::empty()));
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let mut again = File::from(ioctl_tiocgptpeer(&inside, flags).unwrap());
        again.write_all(b"again\n").unwrap();
        terminal.exchange().unwrap();
        let mut read = [0; 6];
        shown.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"again\n");
        person.write_all(b"x\n").unwrap();
        assert!(terminal.pause().is_none() && terminal.wants().0);
    }

    #[test]
    fn a_child_that_keeps_the_terminal_does_not_keep_us() {
        let ((typed, _person), (_shown, screen)) = (pipe(), pipe());
        let (master, _held) = pty();
        let mut terminal = Terminal::between(master, borrowed(typed), borrowed(screen)).unwrap();
        let begun = Instant::now();
        terminal.drain().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
