//! What the world gets to see: text on stdout, errors on stderr and in the log, and the exit status.
//!
//! Comes in: an [`Outcome`]. Goes out: an exit code. Nothing else in the command prints.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use nix::errno::Errno;

use crate::args::Command;
use crate::log_file;

/// How a command ended: with the status it asks for, or with a failure.
pub(crate) type Outcome = Result<u8, Failure>;

/// Success, where a command has no status of its own.
pub(crate) const DONE: u8 = 0;

/// Why the command failed, and the status that says so.
#[derive(Debug)]
pub(crate) struct Failure {
    cause: Cause,
    status: u8,
}

#[derive(Debug)]
enum Cause {
    /// What was typed is wrong; the command is the one to ask for help.
    Usage { command: Option<&'static Command>, line: String },
    /// The library failed.
    Library(orlop::Error),
    /// The command itself failed: a file, the terminal.
    Own(String),
    /// Whoever read our output has gone: nobody to tell.
    NoReader,
}

impl Failure {
    /// What was typed after `command` (or before any) is wrong.
    pub(crate) fn usage(command: Option<&'static Command>, line: String) -> Self {
        Cause::Usage { command, line }.into()
    }

    /// The command itself failed.
    pub(crate) fn own(line: impl Into<String>) -> Self {
        Cause::Own(line.into()).into()
    }

    /// A file or stream of the command itself failed.
    pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let words = match error.raw_os_error() {
            Some(errno) => orlop::describe(Errno::from_raw(errno)),
            None => error.to_string(),
        };
        Self::own(format!("{doing} {}: {words}", path.display()))
    }

    /// The same failure with another exit status than 1.
    pub(crate) fn with_status(self, status: u8) -> Self {
        Self { status, ..self }
    }

    /// The one line.
    pub(crate) fn line(&self) -> String {
        match &self.cause {
            Cause::Usage { command: Some(command), line } => format!("{}: {line}", command.name),
            Cause::Usage { command: None, line } | Cause::Own(line) => line.clone(),
            Cause::Library(error) => error.to_string(),
            Cause::NoReader => String::new(),
        }
    }

    /// What a person can do now.
    fn hint(&self) -> Option<String> {
        match &self.cause {
            Cause::Usage { command: Some(command), .. } => Some(format!("see orlop {} --help", command.name)),
            Cause::Usage { command: None, .. } => Some("see orlop --help".into()),
            Cause::Library(error) => error.advice().map(str::to_owned),
            Cause::Own(_) | Cause::NoReader => None,
        }
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self { cause, status: 1 }
    }
}

impl From<orlop::Error> for Failure {
    fn from(error: orlop::Error) -> Self {
        Cause::Library(error).into()
    }
}

/// Reports a failure and gives the status to exit with.
pub(crate) fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(status) => ExitCode::from(status),
        // As the shell shows a program that SIGPIPE ended.
        Err(Failure { cause: Cause::NoReader, .. }) => ExitCode::from(141),
        Err(failure) => {
            let line = failure.line();
            // The last error in the log is what containerd shows, so the hint goes to people only.
            log_file::write(log::Level::Error, &line);
            complain(format_args!("orlop: {line}"));
            if let Some(hint) = failure.hint() {
                complain(format_args!("hint: {hint}"));
            }
            ExitCode::from(failure.status)
        }
    }
}

/// Writes `text` to stdout.
///
/// Rust leaves SIGPIPE ignored, and so do we: the signal would end the command between two deeds and leave their
/// traces.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Cause::NoReader.into()),
        Err(error) => Err(Failure::io("write to", Path::new("stdout"), &error)),
    }
}

/// Writes a line to stderr. Where that fails there is nobody left to tell.
pub(crate) fn complain(line: fmt::Arguments<'_>) {
    drop(writeln!(io::stderr().lock(), "{}", one_line(&line.to_string())));
}

/// Control characters as Rust spells them: what was typed or configured begins no line of its own.
fn one_line(text: &str) -> String {
    let spelled = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    text.chars().map(spelled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use orlop::{Error, Kind, Op};

    #[test]
    fn the_librarys_words_are_kept() {
        let failure =
            Failure::from(Error::new(Kind::NotFound, Op::State).message("container does not exist").hint("x"));
        assert_eq!(failure.line(), "container state: container does not exist");
        assert_eq!(failure.hint().as_deref(), Some("x"));
        assert_eq!(failure.status, 1);
    }

    #[test]
    fn an_errno_is_in_the_words_engines_look_for() {
        let failure = Failure::io("read", Path::new("/p"), &io::Error::from_raw_os_error(13));
        assert_eq!(failure.line(), "read /p: permission denied");
    }
}
