//! The standard streams of a process without a terminal: pipes, and what goes through them is passed on.
//!
//! With our own in their place it would have the caller's terminal (CVE-2017-5226), and its user would own what they lead to: the
//! process is given its streams. In: our standard streams. Out: theirs, and bytes both ways until they are closed.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use orlop::Stdio;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::{Errno, ioctl_fionread, read, write};
use rustix::pipe::{PipeFlags, fcntl_getpipe_size, pipe_with};
use rustix::process::Signal;
use rustix::stdio::{stderr, stdin, stdout};

use super::Signals;
use crate::report::Failure;

/// What is read at once, in bytes: as much as a pipe holds.
const CHUNK: usize = 65536;
/// What whoever is ready takes without blocking (`PIPE_BUF`), in bytes.
const LITTLE: usize = 4096;

/// Three pipes: input, output, error; or none, where the process has a terminal or what the caller has.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// The ends of the process, until it has them.
    theirs: Option<[OwnedFd; 3]>,
    pumps: Vec<Pump>,
}

/// Moves bytes between one of our streams and the pipe that stands for it.
#[derive(Debug)]
struct Pump {
    ours: BorrowedFd<'static>,
    /// Our end, until nothing goes through any more.
    pipe: Option<OwnedFd>,
    is_input: bool,
    /// Where it is read to, and what of that is not yet written.
    buffer: Vec<u8>,
    held: Range<usize>,
    room: Room,
}

/// How much can be written without being held up, and so without holding up signals and the other streams.
#[derive(Clone, Copy, Debug)]
enum Room {
    /// A file takes anything.
    Any,
    /// A pipe takes this many bytes when it is empty.
    WhenEmpty(usize),
    /// Of others no more is known than that they are ready.
    Little,
}

impl Room {
    fn of(to: BorrowedFd<'_>) -> Self {
        match fstat(to).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::RegularFile) => Self::Any,
            Ok(FileType::Fifo) => fcntl_getpipe_size(to).map_or(Self::Little, Self::WhenEmpty),
            _ => Self::Little,
        }
    }

    fn now(self, to: BorrowedFd<'_>) -> usize {
        match self {
            Self::Any => CHUNK,
            Self::WhenEmpty(size) if ioctl_fionread(to) == Ok(0) => size,
            Self::WhenEmpty(_) | Self::Little => LITTLE,
        }
    }
}

impl Streams {
    /// Makes the pipes.
    pub(crate) fn open() -> Result<Self, Failure> {
        Self::between([stdin(), stdout(), stderr()]).map_err(|errno| Failure::own(format!("make pipes: {errno}")))
    }

    fn between([input, output, error]: [BorrowedFd<'static>; 3]) -> rustix::io::Result<Self> {
        let pipe = || pipe_with(PipeFlags::CLOEXEC);
        let ((in_read, in_write), (out_read, out_write), (err_read, err_write)) = (pipe()?, pipe()?, pipe()?);
        let pump = |ours: BorrowedFd<'static>, pipe: OwnedFd, is_input| {
            let room = Room::of(if is_input { pipe.as_fd() } else { ours });
            Pump { ours, pipe: Some(pipe), is_input, buffer: Vec::new(), held: 0..0, room }
        };
        let pumps = vec![pump(input, in_write, true), pump(output, out_read, false), pump(error, err_read, false)];
        Ok(Self { theirs: Some([in_read, out_write, err_write]), pumps })
    }

    /// The ends for the process; where there are none, it has the caller's.
    pub(crate) fn stdio(&self) -> Stdio<'_> {
        let [input, output, error] = match &self.theirs {
            Some(theirs) => theirs.each_ref().map(|fd| Some(fd.as_fd())),
            None => [None; 3],
        };
        Stdio { input, output, error }
    }

    /// The process has its ends: ours hear when it closes them.
    pub(super) fn hand_over(&mut self) {
        self.theirs = None;
    }

    /// What to wait for, pump by pump.
    pub(super) fn wants(&self) -> [Option<(BorrowedFd<'_>, PollFlags)>; 3] {
        std::array::from_fn(|number| self.pumps.get(number).and_then(Pump::wants))
    }

    /// Moves bytes through the pumps that are ready.
    pub(super) fn exchange(&mut self, ready: [bool; 3]) {
        for (pump, ready) in self.pumps.iter_mut().zip(ready) {
            if ready {
                pump.exchange();
            }
        }
    }

    /// Passes on what the process left to be read, and what its children write that outlive it: until all have closed their
    /// streams, as under runc, or one of our signals says that it is enough.
    pub(crate) fn finish(mut self, signals: &Signals) -> Result<(), Failure> {
        self.hand_over();
        for input in self.pumps.iter_mut().filter(|pump| pump.is_input) {
            input.pipe = None;
        }
        while self.pumps.iter().any(|pump| pump.pipe.is_some()) {
            let signalled = self.wait(signals).map_err(|errno| Failure::own(format!("pass output on: {errno}")))?;
            if signalled && signals.pending().any(|number| ENOUGH.iter().any(|signal| signal.as_raw() == number)) {
                break;
            }
        }
        Ok(())
    }

    /// One turn: true if there is a signal.
    fn wait(&mut self, signals: &Signals) -> rustix::io::Result<bool> {
        let nothing = (signals.as_fd(), PollFlags::empty());
        let [_, output, error] = self.wants().map(|wanted| wanted.unwrap_or(nothing));
        let mut fds =
            [(signals.as_fd(), PollFlags::IN), output, error].map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags));
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        let [signalled, output, error] = fds.map(|fd| !fd.revents().is_empty());
        self.exchange([false, output, error]);
        Ok(signalled)
    }
}

/// Signals that end a command.
const ENOUGH: [Signal; 4] = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];

impl Pump {
    fn wants(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let (from, to) = ends(self.pipe.as_ref()?, self.ours, self.is_input);
        Some(if self.held.is_empty() { (from, PollFlags::IN) } else { (to, PollFlags::OUT) })
    }

    /// Reads where nothing is held, else writes. At the end, and where nobody reads any more, the other side is told by closing.
    fn exchange(&mut self) {
        let Some(pipe) = &self.pipe else { return };
        let (from, to) = ends(pipe, self.ours, self.is_input);
        let answer = if self.held.is_empty() {
            self.buffer.resize(CHUNK, 0);
            let answer = read(from, &mut self.buffer);
            self.held = 0..answer.unwrap_or(0);
            answer
        } else {
            let held = self.buffer.get(self.held.clone()).unwrap_or_default();
            let answer = write(to, held.get(..self.room.now(to)).unwrap_or(held));
            self.held.start += answer.unwrap_or(0);
            answer
        };
        if !matches!(answer, Ok(1..) | Err(Errno::INTR | Errno::AGAIN)) {
            self.pipe = None;
        }
    }
}

/// Where is read from, and where to.
fn ends<'f>(pipe: &'f OwnedFd, ours: BorrowedFd<'f>, is_input: bool) -> (BorrowedFd<'f>, BorrowedFd<'f>) {
    if is_input { (ours, pipe.as_fd()) } else { (pipe.as_fd(), ours) }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{PipeReader, PipeWriter, Read, Write};

    use super::*;

    /// Lives as long as the test program.
    fn borrowed(fd: impl Into<OwnedFd>) -> BorrowedFd<'static> {
        let kept: &'static OwnedFd = Box::leak(Box::new(fd.into()));
        kept.as_fd()
    }

    /// What a person types, the streams, and what is shown.
    fn streams() -> (PipeWriter, Streams, PipeReader, PipeReader) {
        let ((typed, person), (shown, screen), (told, error)) =
            (std::io::pipe().unwrap(), std::io::pipe().unwrap(), std::io::pipe().unwrap());
        let streams = Streams::between([borrowed(typed), borrowed(screen), borrowed(error)]).unwrap();
        (person, streams, shown, told)
    }

    fn turn(streams: &mut Streams, pump: usize) {
        let mut ready = [false; 3];
        ready[pump] = true;
        streams.exchange(ready);
    }

    #[test]
    fn what_is_typed_arrives_and_so_does_its_end() {
        let (mut person, mut streams, _shown, _told) = streams();
        let [input, ..] = streams.theirs.take().unwrap();
        person.write_all(b"hello").unwrap();
        drop(person);
        for _ in 0..3 {
            assert!(streams.wants()[0].is_some());
            turn(&mut streams, 0);
        }
        assert!(streams.wants()[0].is_none(), "the input is closed");
        let mut read = String::new();
        File::from(input).read_to_string(&mut read).unwrap();
        assert_eq!(read, "hello");
    }

    #[test]
    fn output_and_errors_are_kept_apart_and_end_with_the_process() {
        let (_person, mut streams, mut shown, mut told) = streams();
        let [_, output, error] = streams.theirs.take().map(|theirs| theirs.map(File::from)).unwrap();
        (&output).write_all(b"out").unwrap();
        (&error).write_all(b"err").unwrap();
        drop((output, error));
        for pump in [1, 2] {
            for _ in 0..3 {
                turn(&mut streams, pump);
            }
            assert!(streams.wants()[pump].is_none());
        }
        let mut read = [0; 3];
        shown.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"out");
        told.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"err");
    }

    #[test]
    fn who_writes_to_nobody_is_told() {
        let (_person, mut streams, shown, _told) = streams();
        let output = streams.theirs.take().map(|[_, output, _]| File::from(output)).unwrap();
        // The other end of what is shown is kept open by this test alone.
        drop(shown);
        (&output).write_all(b"out").unwrap();
        turn(&mut streams, 1);
        turn(&mut streams, 1);
        assert_eq!((&output).write(b"more").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    }
}
