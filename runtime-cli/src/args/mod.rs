//! What was typed → which command, with which flags.
//!
//! Comes in: the words after `orlop`. Goes out: a [`Call`], or one line that names the word that was wrong. Everything
//! that is said about a flag stands once, in [`table`]: the parser, the help, the man page and the completions all read
//! it there.

mod cgroups;
pub(crate) mod completion;
pub(crate) mod duration;
pub(crate) mod help;
pub(crate) mod man;
mod parse;
mod service;
pub(crate) mod signal;
pub(crate) mod size;
mod table;
pub(crate) mod user;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub(crate) use table::{COMMANDS, Command, Flag, GLOBALS, flags};

pub(crate) use cgroups::Cgroups;

use crate::report::Failure;
use parse::{Given, Order};
use service::Service;

/// The flags that stand before the command.
#[derive(Debug)]
pub(crate) struct Globals {
    /// The directory of all states.
    pub(crate) root: PathBuf,
    /// Where errors are written besides stderr.
    pub(crate) log: Option<PathBuf>,
    /// Whether the log's lines are JSON.
    pub(crate) json: bool,
    /// Whether to log what only a developer wants to know.
    pub(crate) debug: bool,
    given: Given,
}

/// One command, as it was called.
#[derive(Debug)]
pub(crate) struct Call {
    /// The command.
    pub(crate) command: &'static Command,
    /// Where its containers are.
    pub(crate) root: PathBuf,
    /// What `--rootless` says.
    pub(crate) rootless: Option<bool>,
    /// Who makes the cgroups.
    pub(crate) cgroups: Cgroups,
    /// What a service manager gave it.
    pub(crate) service: Service,
    given: Given,
    operands: Vec<OsString>,
}

/// Reads the flags before the command; what follows is for [`command`].
pub(crate) fn globals(words: impl Iterator<Item = OsString>) -> Result<(Globals, Vec<OsString>), Failure> {
    let (given, mut rest) = parse::read(words, GLOBALS, Order::Strict).map_err(|line| Failure::usage(None, line))?;
    let json = match given.text(&flags::LOG_FORMAT).map_err(|line| Failure::usage(None, line))? {
        None | Some("text") => false,
        Some("json") => true,
        Some(other) => return Err(Failure::usage(None, format!("invalid log-format: {other}"))),
    };
    // The commands that a flag stands for.
    if given.on(&flags::HELP) {
        rest.insert(0, "help".into());
    } else if given.on(&flags::VERSION) {
        rest = vec!["version".into()];
    } else if rest.is_empty() {
        rest.push("help".into());
    }
    let root = given.path(&flags::ROOT).map_or_else(default_root, Path::to_owned);
    let log = given.path(&flags::LOG).map(Path::to_owned);
    Ok((Globals { root, log, json, debug: given.on(&flags::DEBUG), given }, rest))
}

/// Reads the command and what belongs to it.
pub(crate) fn command(globals: Globals, words: Vec<OsString>) -> Result<Call, Failure> {
    let mut words = words.into_iter();
    let name = words.next().unwrap_or_default();
    let known = COMMANDS.iter().find(|command| name == command.name || (name == "h" && command.name == "help"));
    let Some(command) = known else {
        // runc's words and status for it.
        return Err(Failure::usage(None, format!("no help topic for '{}'", name.display())).with_status(3));
    };
    // Engines put the same flags before `--version` as before `create`.
    let asks_only = matches!(command.name, "help" | "version");
    let cgroups = if asks_only { Cgroups::default() } else { Cgroups::of(&globals.given)? };
    let rootless = if asks_only { None } else { rootless(&globals.given)? };
    let order = if command.in_order { Order::Strict } else { Order::Mixed };
    let usage = |line| Failure::usage(Some(command), line);
    let (given, operands) = parse::read(words, command.flags, order).map_err(usage)?;
    if given.on(&flags::HELP) {
        let help = COMMANDS.iter().find(|command| command.name == "help").unwrap_or(command);
        let service = Service::default();
        return Ok(Call { command: help, root: globals.root, rootless, cgroups, service, given, operands: vec![name] });
    }
    command.operands.check(operands.len()).map_err(usage)?;
    Ok(Call { command, root: globals.root, rootless, cgroups, service: Service::of_environment(), given, operands })
}

impl Call {
    /// Whether a switch is on.
    pub(crate) fn on(&self, flag: &Flag) -> bool {
        self.given.on(flag)
    }

    /// Whether a switch is on or off, if it was given.
    pub(crate) fn switch(&self, flag: &Flag) -> Option<bool> {
        self.given.switch(flag)
    }

    /// The value of a flag that is a path.
    pub(crate) fn path(&self, flag: &Flag) -> Option<&Path> {
        self.given.path(flag)
    }

    /// The value of a flag that is text.
    pub(crate) fn text(&self, flag: &Flag) -> Result<Option<&str>, Failure> {
        self.given.text(flag).map_err(|line| self.wrong(line))
    }

    /// Every value of a flag that may be repeated.
    pub(crate) fn texts(&self, flag: &Flag) -> Result<Vec<&str>, Failure> {
        self.given.texts(flag).map_err(|line| self.wrong(line))
    }

    /// The value of a flag that is a number.
    pub(crate) fn number(&self, flag: &Flag) -> Result<Option<u32>, Failure> {
        self.given.number(flag).map_err(|line| self.wrong(line))
    }

    /// The first operand: the container's id, in all commands that have one.
    pub(crate) fn id(&self) -> Result<&str, Failure> {
        self.operand(0)?.ok_or_else(|| self.wrong("a container id is missing".into()))
    }

    /// The operand at `index`, if it was given.
    pub(crate) fn operand(&self, index: usize) -> Result<Option<&str>, Failure> {
        let Some(word) = self.operands.get(index) else { return Ok(None) };
        let text = word.to_str().ok_or_else(|| self.wrong(format!("'{}' is not UTF-8", word.display())))?;
        Ok(Some(text))
    }

    /// The operands after the container's id.
    pub(crate) fn rest(&self) -> &[OsString] {
        self.operands.get(1..).unwrap_or_default()
    }

    /// An error in what was typed after this command.
    pub(crate) fn wrong(&self, line: String) -> Failure {
        Failure::usage(Some(self.command), line)
    }
}

/// `--rootless`: whether a container goes without the cgroups that may not be made; `None`: for who is not root.
fn rootless(given: &Given) -> Result<Option<bool>, Failure> {
    match given.text(&flags::ROOTLESS).map_err(|line| Failure::usage(None, line))? {
        None | Some("auto") => Ok(None),
        Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(Some(true)),
        Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(Some(false)),
        Some(other) => Err(Failure::usage(None, format!("invalid value \"{other}\" for flag -rootless"))),
    }
}

/// `/run/orlop`, or for a user a directory of their own. The library reads no environment, so it is read here.
fn default_root() -> PathBuf {
    let user = std::env::var_os("XDG_RUNTIME_DIR").filter(|directory| !directory.is_empty());
    match user {
        Some(directory) if is_user() => Path::new(&directory).join("orlop"),
        _ => PathBuf::from("/run/orlop"),
    }
}

/// Root of a user namespace is a user, whose `/run` belongs to another root. The first namespace's inode is the same on every
/// machine (`PROC_USER_INIT_INO` of linux/proc_ns.h).
fn is_user() -> bool {
    let elsewhere = || rustix::fs::stat(c"/proc/self/ns/user").is_ok_and(|found| found.st_ino != 0xEFFF_FFFD);
    !rustix::process::geteuid().is_root() || elsewhere()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(words: &[&str]) -> Result<Call, String> {
        let read = || {
            let (globals, rest) = globals(words.iter().map(OsString::from))?;
            command(globals, rest)
        };
        read().map_err(|failure| failure.line())
    }

    #[test]
    fn an_engine_is_understood() {
        let typed = "--root /r --log /b/log.json --log-format json create --bundle /b --pid-file /b/init.pid c1";
        let call = call(&typed.split(' ').collect::<Vec<_>>()).unwrap();
        assert_eq!(call.command.name, "create");
        assert_eq!(call.root, Path::new("/r"));
        assert_eq!(call.path(&flags::BUNDLE), Some(Path::new("/b")));
        assert_eq!(call.path(&flags::PID_FILE), Some(Path::new("/b/init.pid")));
        assert_eq!(call.id().unwrap(), "c1");
    }

    #[test]
    fn exec_leaves_the_flags_of_its_program_alone() {
        let call = call(&["exec", "-t", "c1", "ls", "-l", "--user", "x"]).unwrap();
        assert!(call.on(&flags::TTY));
        assert_eq!(call.rest(), ["ls", "-l", "--user", "x"]);
        assert!(call.texts(&flags::USER).unwrap().is_empty());
    }

    #[test]
    fn flags_may_follow_the_id_elsewhere() {
        let call = call(&["delete", "c1", "--force"]).unwrap();
        assert!(call.on(&flags::FORCE));
        assert_eq!(call.id().unwrap(), "c1");
    }

    #[test]
    fn help_and_version_are_commands_too() {
        for (typed, name) in [
            (&["--help"][..], "help"),
            (&["-h"], "help"),
            (&[], "help"),
            (&["h"], "help"),
            (&["-v"], "version"),
            (&["-version", "ignored"], "version"),
            (&["create", "--help"], "help"),
            (&["exec", "-h"], "help"),
        ] {
            assert_eq!(call(typed).unwrap().command.name, name, "{typed:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (typed, line) in [
            (&["--bogus"][..], "flag provided but not defined: -bogus"),
            (&["create", "--bogus", "c1"], "create: flag provided but not defined: -bogus"),
            (&["create"], "create: requires exactly 1 argument"),
            (&["create", "a", "b"], "create: requires exactly 1 argument"),
            (&["exec"], "exec: requires at least 1 argument"),
            (&["kill", "a", "b", "c"], "kill: requires at most 2 arguments"),
            (&["create", "-b"], "create: flag needs an argument: -b"),
            (&["bogus"], "no help topic for 'bogus'"),
            (&["--log-format", "xml", "list"], "invalid log-format: xml"),
            (&["--cgroup-manager", "me", "list"], "invalid value \"me\" for flag -cgroup-manager"),
            (
                &["--systemd-cgroup", "--cgroup-manager=disabled", "list"],
                "--systemd-cgroup and --cgroup-manager=disabled exclude each other",
            ),
            (&["--rootless", "maybe", "list"], "invalid value \"maybe\" for flag -rootless"),
            (&["--debug=maybe", "list"], "invalid boolean value \"maybe\" for -debug"),
        ] {
            assert_eq!(call(typed).unwrap_err(), line, "{typed:?}");
        }
    }
}
