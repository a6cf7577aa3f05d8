//! One private connection to systemd over a unix socket (D-Bus specification, "Authentication Protocol").
//!
//! In: where systemd listens. Out: answers to calls, and what became of jobs. No thread, no library: one call after the other, each
//! with a time limit, in blocking system calls. The connection is closed on exec and handed to nobody.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use super::Systemd;
use super::message::{self, Kind, Message, Method, PREFIX, Writer};
use crate::error::{At, Error, Kind as ErrorKind, Op, Result};

/// How long systemd may take for one call, and for the job it begins: it does one thing after the other, also for others.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many ends of jobs are kept that nobody has asked for yet.
const KEPT: usize = 16;

/// How much is heard at once.
const PIECE: usize = 8192;

/// Longer is no answer to what a client says to begin with.
const LONGEST_GREETING: usize = 1024;

/// A connection that is ready for calls.
#[derive(Debug)]
pub(super) struct Connection {
    socket: OwnedFd,
    /// A message bus lies between.
    routed: bool,
    serial: u32,
    patience: Duration,
    deadline: Instant,
    /// Jobs of this unit are of interest.
    unit: String,
    ended: Vec<Ended>,
    /// What was heard and not read yet.
    heard: Vec<u8>,
}

/// A job that is done: `result` is `done`, or what went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    job: String,
    result: String,
}

/// What a call came to: an answer, or the name of an error and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Given(Message),
    Refused { name: String, words: String },
}

const BUS: Method<'static> = Method {
    destination: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
    member: "Hello",
};

/// systemd(1)'s object of all units; see org.freedesktop.systemd1(5).
pub(super) const UNITS: Method<'static> = Method {
    destination: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
    member: "Subscribe",
};

impl Connection {
    /// Connects, and listens to the jobs of `unit`.
    pub(super) fn open(systemd: &Systemd, unit: &str) -> Result<Self> {
        Self::patient(systemd, unit, PATIENCE)
    }

    fn patient(systemd: &Systemd, unit: &str, patience: Duration) -> Result<Self> {
        let socket = connect(systemd, patience).map_err(|error| error.on(&systemd.socket))?;
        let deadline = Instant::now() + patience;
        let mut connection = Self {
            socket,
            routed: systemd.routed,
            serial: 0,
            patience,
            deadline,
            unit: unit.to_owned(),
            ended: Vec::new(),
            heard: Vec::new(),
        };
        connection.greet().map_err(|error| error.on(&systemd.socket))?;
        if systemd.routed {
            connection.take_part(!unit.is_empty()).map_err(|error| error.on(&systemd.socket))?;
        }
        Ok(connection)
    }

    /// Calls a method, and waits for the answer.
    pub(super) fn call(&mut self, method: &Method<'_>, signature: &str, body: &Writer) -> Result<Answer> {
        self.deadline = Instant::now() + self.patience;
        self.serial += 1;
        let serial = self.serial;
        self.send(&message::call(serial, method, self.routed, signature, body))?;
        loop {
            let said = self.receive()?;
            match said.kind {
                Kind::Return | Kind::Error if said.reply_to == Some(serial) => return Ok(answer(said)),
                _ => self.note(&said),
            }
        }
    }

    /// Waits for the end of a job of the unit: `done`, or what went wrong.
    pub(super) fn result_of(&mut self, job: &str) -> Result<String> {
        self.deadline = Instant::now() + self.patience;
        loop {
            if let Some(found) = self.ended.iter().find(|ended| ended.job == job) {
                return Ok(found.result.clone());
            }
            let said = self.receive()?;
            self.note(&said);
        }
    }

    /// As systemd's own clients do: no name, so that the kernel's word on who this is holds in a user namespace as well, and all
    /// at once, for there is nothing to choose.
    fn greet(&mut self) -> Result<()> {
        self.send(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")?;
        let (first, second) = (self.line()?, self.line()?);
        match first == b"DATA\r\n" && second.starts_with(b"OK ") {
            true => Ok(()),
            false => Err(refusal("it does not let this user in")),
        }
    }

    /// A line of the greeting; where this user is rejected, the connection ends with it.
    fn line(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                return Ok(self.heard.drain(..=end).collect());
            }
            if self.heard.len() > LONGEST_GREETING {
                return Err(refusal("what it says is no greeting of D-Bus"));
            }
            self.hear()?;
        }
    }

    /// On a bus a client has a name, and hears what it asked for.
    fn take_part(&mut self, jobs: bool) -> Result<()> {
        self.expect(&BUS, "", &Writer::default())?;
        if !jobs {
            return Ok(());
        }
        let mut rule = Writer::default();
        rule.text("type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'");
        self.expect(&Method { member: "AddMatch", ..BUS }, "s", &rule)?;
        self.expect(&UNITS, "", &Writer::default())
    }

    fn expect(&mut self, method: &Method<'_>, signature: &str, body: &Writer) -> Result<()> {
        match self.call(method, signature, body)? {
            Answer::Given(_) => Ok(()),
            Answer::Refused { words, .. } => Err(refusal(words)),
        }
    }

    /// Keeps the end of a job of the unit; all else that is heard is of no interest.
    fn note(&mut self, said: &Message) {
        if said.kind != Kind::Signal || said.member.as_deref() != Some("JobRemoved") {
            return;
        }
        // `JobRemoved(u id, o job, s unit, s result)`
        let mut arguments = said.arguments();
        let (Ok(_), Ok(job), Ok(unit), Ok(result)) =
            (arguments.u32(), arguments.text(), arguments.text(), arguments.text())
        else {
            return;
        };
        if unit == self.unit {
            self.ended.truncate(KEPT - 1);
            self.ended.insert(0, Ended { job: job.to_owned(), result: result.to_owned() });
        }
    }

    fn send(&self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::net::send(&self.socket, rest, SendFlags::NOSIGNAL) {
                Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Err(late()),
                Err(errno) => return Err(errno).at(Op::Systemd),
            }
        }
        Ok(())
    }

    /// The next message.
    fn receive(&mut self) -> Result<Message> {
        let nonsense = |message::Malformed| refusal("what it says is no message of D-Bus");
        let mut whole = PREFIX;
        while self.heard.len() < whole || whole == PREFIX {
            match self.heard.get(..PREFIX) {
                Some(prefix) => whole = message::length(prefix).map_err(nonsense)?,
                None => self.hear()?,
            }
            if whole > PREFIX && self.heard.len() < whole {
                self.hear()?;
            }
        }
        let bytes: Vec<u8> = self.heard.drain(..whole).collect();
        message::decode(&bytes).map_err(nonsense)
    }

    /// Waits for something to be said, and keeps it: never more than a piece beyond the largest message.
    fn hear(&mut self) -> Result<()> {
        let before = self.heard.len();
        self.heard.resize(before + PIECE, 0);
        let heard = loop {
            let room = self.heard.get_mut(before..).unwrap_or_default();
            match rustix::net::recv(&self.socket, room, RecvFlags::DONTWAIT) {
                Ok((0, _)) => break Err(refusal("it closed the connection")),
                Ok((got, _)) => break Ok(got),
                Err(rustix::io::Errno::AGAIN) => {
                    if let Err(error) = self.wait() {
                        break Err(error);
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => break Err(errno).at(Op::Systemd),
            }
        };
        self.heard.truncate(before + heard.as_ref().copied().unwrap_or(0));
        heard.map(drop)
    }

    fn wait(&self) -> Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let limit = Timespec::try_from(left).ok();
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut fds, limit.as_ref()) {
            Ok(0) => Err(late()),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno).at(Op::Systemd),
        }
    }
}

fn connect(systemd: &Systemd, patience: Duration) -> Result<OwnedFd> {
    let address = SocketAddrUnix::new(&*systemd.socket).at(Op::Systemd)?;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .at(Op::Systemd)?;
    // Where many connect at once, connect(2) waits for its turn; sending waits for a reader.
    set_socket_timeout(&socket, Timeout::Send, Some(patience)).at(Op::Systemd)?;
    let end = Instant::now() + patience.min(Duration::from_secs(10));
    let connected = loop {
        match rustix::io::retry_on_intr(|| rustix::net::connect(&socket, &address)) {
            // While systemd reads its units again, nobody listens there for a moment.
            Err(rustix::io::Errno::CONNREFUSED) if Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(20))
            }
            connected => break connected,
        }
    };
    match connected {
        Ok(()) => Ok(socket),
        Err(rustix::io::Errno::AGAIN) => Err(late()),
        Err(errno) => Err(errno).at(Op::Systemd).map_err(|error: Error| match errno {
            rustix::io::Errno::ACCESS => error.hint("only root may ask the machine's systemd: ask the user's own"),
            _ => error,
        }),
    }
}

fn answer(said: Message) -> Answer {
    if said.kind == Kind::Return {
        return Answer::Given(said);
    }
    let words = said.arguments().text().unwrap_or_default().to_owned();
    Answer::Refused { name: said.error.unwrap_or_default(), words }
}

fn refusal(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::System, Op::Systemd).message(message)
}

fn late() -> Error {
    Error::new(ErrorKind::Timeout, Op::Systemd)
        .message(format!("no answer within {} s", PATIENCE.as_secs()))
        .hint("is systemd busy? `systemctl list-jobs` shows what it waits for")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// What a client hears that connects to somebody who says this, then is silent, or closes the connection.
    fn heard(said: &'static [u8], closes: bool) -> Result<String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("orlop-bus-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path: PathBuf = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        let systemd = Systemd::test(path.to_str().unwrap(), false, "/");
        let other = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // On a busy machine the client may have lost patience already.
            stream.write_all(said).ok();
            // Until the client goes.
            if !closes {
                stream.read_to_end(&mut Vec::new()).ok();
            }
        });
        let answer = Connection::patient(&systemd, "x.scope", Duration::from_millis(200)).and_then(|mut connection| {
            match connection.call(&UNITS, "", &Writer::default())? {
                Answer::Given(given) => Ok(given.arguments().text().unwrap_or_default().to_owned()),
                Answer::Refused { name, words } => Ok(format!("{name}: {words}")),
            }
        });
        other.join().unwrap();
        std::fs::remove_file(&path).unwrap();
        answer
            .map_err(|error| if error.to_string().contains(path.to_str().unwrap()) { error.on("there") } else { error })
    }

    const WELCOME: &str = "DATA\r\nOK 0123456789abcdef\r\n";

    #[test]
    fn silence_has_an_end() {
        for said in [&b""[..], b"DATA\r\n", WELCOME.as_bytes(), b"DATA\r\nOK 0\r\nl\x02\0\x01"] {
            assert_eq!(heard(said, false).unwrap_err().kind(), ErrorKind::Timeout, "{said:?}");
        }
    }

    #[test]
    fn one_who_rejects_this_user_or_goes_away_is_told_of() {
        let message = |said, closes| heard(said, closes).unwrap_err().to_string();
        assert_eq!(
            message(b"REJECTED EXTERNAL\r\nERROR\r\n", false),
            "ask systemd there: it does not let this user in"
        );
        assert!(message(b"DATA\r\n", true).starts_with("ask systemd there: "));
        assert_eq!(message(&[b'x'; 5000], false), "ask systemd there: what it says is no greeting of D-Bus");
    }

    #[test]
    fn an_answer_and_an_error_are_heard_after_what_others_said() {
        // JobRemoved of another unit's job, then the answer to call 1: header fields REPLY_SERIAL and SIGNATURE, and a text.
        let signal = b"l\x04\x01\x01\0\0\0\0\x05\0\0\0\x13\0\0\0\x03\x01s\0\x0a\0\0\0JobRemoved\0\0\0\0\0\0";
        let answer =
            b"l\x02\x01\x01\x07\0\0\0\x06\0\0\0\x0f\0\0\0\x05\x01u\0\x01\0\0\0\x08\x01g\0\x01s\0\0\x02\0\0\0ok\0";
        let error = b"l\x03\x01\x01\x07\0\0\0\x06\0\0\0\x14\0\0\0\x05\x01u\0\x01\0\0\0\x04\x01s\0\x03\0\0\0a.b\0\0\0\0\0\x02\0\0\0no\0";
        let after = |message: &[u8]| -> &'static [u8] {
            Box::leak([WELCOME.as_bytes(), &signal[..], message].concat().into_boxed_slice())
        };
        assert_eq!(heard(after(answer), false).unwrap(), "ok");
        assert_eq!(heard(after(error), false).unwrap(), "a.b: no");
    }

    #[test]
    fn what_is_no_message_is_told_of() {
        let said = Box::leak([WELCOME.as_bytes(), &[0xff; 64]].concat().into_boxed_slice());
        assert_eq!(heard(said, false).unwrap_err().to_string(), "ask systemd: what it says is no message of D-Bus");
    }

    #[test]
    fn where_nobody_listens_is_told_at_once() {
        let error = Connection::open(&Systemd::test("/nonesuch/private", false, "/"), "").unwrap_err();
        assert_eq!(error.to_string(), "ask systemd /nonesuch/private: no such file or directory");
    }
}
