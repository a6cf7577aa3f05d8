//! What init says, and what it is answered: eight bytes one way, one byte the other.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use orlop_plan::Report;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, SendFlags};

use crate::compile::Origin;
use crate::error::{At, Error, Kind, Op, Pointer, Result};
use crate::sys::wait::Ending;

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Init stands at this step and waits.
    Waits(u32),
    /// A step failed.
    Failed(Report),
    /// Nothing more will be said.
    Gone,
    /// The same, and init has not read what it was told.
    Unheard,
}

/// Waits for the next word.
pub(crate) fn listen(dialogue: BorrowedFd<'_>, patience: Option<Duration>) -> Result<Said> {
    if !is_readable(dialogue, patience)? {
        return Err(Error::new(Kind::Timeout, Op::Dialogue)
            .message("init did not answer in time")
            .hint("is a filesystem or a hook of this container hanging?"));
    }
    let mut bytes = [0; Report::LEN + 1];
    let mut receive = || rustix::io::retry_on_intr(|| rustix::net::recv(dialogue, &mut bytes, RecvFlags::empty()));
    let (received, end) = match receive() {
        // It comes before whatever was said.
        Err(rustix::io::Errno::CONNRESET) => (receive(), Said::Unheard),
        received => (received, Said::Gone),
    };
    let (len, _) = received.at(Op::Dialogue)?;
    match bytes.get(..len) {
        None | Some([]) => Ok(end),
        Some(said) => match Report::decode(said) {
            Some(Report { step, errno: 0 }) => Ok(Said::Waits(step)),
            Some(report) => Ok(Said::Failed(report)),
            None => Err(nonsense()),
        },
    }
}

/// Lets init go on.
pub(crate) fn answer(dialogue: BorrowedFd<'_>) -> Result<()> {
    rustix::net::send(dialogue, &[1], SendFlags::NOSIGNAL).at(Op::Dialogue).map(drop)
}

/// A report in words: the origin of its step says what was asked for.
pub(crate) fn explain(report: Report, origins: &[Origin]) -> Error {
    let origin = usize::try_from(report.step).ok().and_then(|step| origins.get(step));
    let Some(origin) = origin else {
        return Error::new(Kind::System, Op::Dialogue).message("init could not read its plan");
    };
    match report.errno {
        errno @ 1.. => refine(origin, Errno::from_raw(errno)),
        status => Error::new(Kind::Hook, origin.op).message(ended(-status)).located(origin),
    }
}

/// Init said something that no plan of this library makes it say.
pub(crate) fn nonsense() -> Error {
    Error::new(Kind::System, Op::Dialogue).message("init gave a report that is cut short or not one")
}

/// Init was killed for want of memory, a hook of its own perhaps before it.
pub(crate) fn starved() -> Error {
    Error::new(Kind::System, Op::Spawn)
        .message("killed: out of memory before the program began")
        .field(Pointer::new("/linux/resources/memory/limit"))
}

/// Init ended without a word.
pub(crate) fn died(ending: Option<std::result::Result<Ending, Errno>>) -> Error {
    let error = Error::new(Kind::System, Op::Dialogue);
    match ending {
        Some(Ok(Ending::Signal(libc::SIGKILL))) => error
            .message("init was killed (signal 9) before it was ready")
            .hint("is linux.resources.memory.limit too low, or is something else killing it?"),
        Some(Ok(Ending::Signal(signal))) => error.message(format!("init was killed by signal {signal}")),
        Some(Ok(Ending::Code(code))) => error.message(format!("init ended with code {code} before it was ready")),
        Some(Err(errno)) => error.message("init is gone").errno_is(errno),
        None => error.message("init is gone"),
    }
}

/// The words engines know for a program that cannot be executed (their exit codes 126 and 127 depend on them).
fn refine(origin: &Origin, errno: Errno) -> Error {
    let error = origin.error(errno);
    match (origin.op, errno) {
        (Op::Exec, Errno::ENOENT) if origin.hint == Some(crate::compile::NOT_IN_PATH) => {
            Error::new(Kind::Executable, Op::Exec).located(origin).message(crate::compile::NOT_IN_PATH)
        }
        // execve(2) itself says EACCES of a directory; Docker 20.10 makes its 126 of those words alone.
        (Op::Exec, Errno::EISDIR) => Error::new(Kind::Executable, Op::Exec)
            .located(origin)
            .message("permission denied: is a directory")
            .hint("process.args names a directory"),
        (Op::Exec, _) => error.kind_is(Kind::Executable).hint(exec_hint(errno)),
        (Op::Hook, Errno::ETIMEDOUT) => {
            Error::new(Kind::Timeout, Op::Hook).located(origin).message("took longer than its timeout and was killed")
        }
        (Op::Namespace, Errno::EXDEV) => error.message("it has another root than the host: it is a container's"),
        (Op::Label, Errno::ENOENT) => error.message("AppArmor has no profile of this name"),
        (Op::Hook, Errno::EAGAIN) => {
            error.kind_is(Kind::Hook).hint("linux.resources.pids.limit counts the hooks of a container, too")
        }
        (Op::Mount, Errno::ENOTDIR) if origin.hint.is_none() => {
            error.hint("a directory is mounted on a directory, anything else on a file")
        }
        (Op::Unmount, Errno::EINVAL) => error.message("nothing is mounted there"),
        (Op::Hook, _) => error.kind_is(Kind::Hook),
        _ => error,
    }
}

fn exec_hint(errno: Errno) -> &'static str {
    match errno {
        Errno::ENOENT => "no such program in the container, or its interpreter is missing",
        Errno::EACCES => "the program must be executable for the container's user, on a mount without noexec",
        Errno::ENOEXEC => "the program is not one for this machine, or a script without #!",
        _ => "the container's program could not be executed",
    }
}

/// Status of a program as init reports it: 256 and more is a signal.
fn ended(status: i32) -> String {
    match status {
        256.. => format!("was killed by signal {}", status - 256),
        _ => format!("ended with status {status}"),
    }
}

fn is_readable(fd: BorrowedFd<'_>, patience: Option<Duration>) -> Result<bool> {
    let limit = patience.and_then(|patience| Timespec::try_from(patience).ok());
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    let ready = rustix::io::retry_on_intr(|| poll(&mut fds, limit.as_ref())).at(Op::Dialogue)?;
    Ok(ready > 0)
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsFd, OwnedFd};

    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;
    use crate::error::Pointer;

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
    }

    fn heard(bytes: &[u8]) -> Result<Said> {
        let (ours, theirs) = pair();
        rustix::net::send(&theirs, bytes, SendFlags::empty()).unwrap();
        listen(ours.as_fd(), None)
    }

    #[test]
    fn a_report_of_any_other_length_is_none() {
        for len in (1..20).filter(|len| *len != Report::LEN) {
            let error = heard(&vec![1; len]).unwrap_err();
            assert_eq!(error.to_string(), "talk to init: init gave a report that is cut short or not one", "{len}");
        }
    }

    #[test]
    fn a_step_that_waits_or_failed_is_heard_and_so_is_the_end() {
        assert_eq!(heard(&Report { step: 7, errno: 0 }.encode()).unwrap(), Said::Waits(7));
        assert_eq!(heard(&failed().encode()).unwrap(), Said::Failed(failed()));
        let (ours, theirs) = pair();
        drop(theirs);
        assert_eq!(listen(ours.as_fd(), None).unwrap(), Said::Gone);
    }

    #[test]
    fn an_end_without_having_heard_is_another_and_a_report_comes_first() {
        let (ours, theirs) = pair();
        answer(ours.as_fd()).unwrap();
        drop(theirs);
        assert_eq!(listen(ours.as_fd(), None).unwrap(), Said::Unheard);
        let (ours, theirs) = pair();
        answer(ours.as_fd()).unwrap();
        rustix::net::send(&theirs, &failed().encode(), SendFlags::empty()).unwrap();
        drop(theirs);
        assert_eq!(listen(ours.as_fd(), None).unwrap(), Said::Failed(failed()));
    }

    fn failed() -> Report {
        Report { step: 7, errno: 2 }
    }

    #[test]
    fn silence_has_an_end() {
        let (ours, _theirs) = pair();
        let error = listen(ours.as_fd(), Some(Duration::from_millis(1))).unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout);
    }

    #[test]
    fn a_report_gets_the_words_of_its_step() {
        let args = Pointer::new("/process/args");
        let hook = Origin::new(Op::Hook).path("/bin/hook").field(&Pointer::new("/hooks/createContainer/0"));
        let origins = [
            Origin::new(Op::Exec).path("/bin/x").field(&args),
            Origin::new(Op::Exec).path("x").field(&args).hint(crate::compile::NOT_IN_PATH),
            hook,
        ];
        let words = |step, errno| explain(Report { step, errno }, &origins).to_string();
        assert_eq!(words(0, libc::EACCES), "exec /bin/x: permission denied [config.json /process/args]");
        assert_eq!(words(0, libc::ENOENT), "exec /bin/x: no such file or directory [config.json /process/args]");
        assert_eq!(words(1, libc::ENOENT), "exec x: executable file not found in $PATH [config.json /process/args]");
        assert_eq!(words(2, -3), "run hook /bin/hook: ended with status 3 [config.json /hooks/createContainer/0]");
        assert_eq!(words(2, -265), "run hook /bin/hook: was killed by signal 9 [config.json /hooks/createContainer/0]");
        assert_eq!(words(9, libc::EINVAL), "talk to init: init could not read its plan");
    }
}
