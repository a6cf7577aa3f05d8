//! `process`: the program, who it is and what it may do (config.md, "Process").

use serde::Deserialize;

use super::affinity::{ExecAffinity, RawExecAffinity};
use super::capabilities::{Capabilities, RawCapabilities};
use super::io_priority::{IoPriority, RawIoPriority};
use super::json::{self, Object};
use super::rlimits::{self, RawRlimit, Rlimit};
use super::scheduler::{RawScheduler, Scheduler};
use super::text::{self, Text};
use super::{Str, Warning};
use crate::error::{Error, Pointer, Result};

/// The container's process, or a second one for `exec`.
#[derive(Clone, Debug, PartialEq)]
pub struct Process<'c> {
    /// The pointer of this object: `/process`, or `process` for a document of its own.
    pub at: Pointer,
    /// `args`: the first is not empty. There are none only where `config.json` has no `process`.
    pub args: Vec<Str<'c>>,
    /// `env`: each has a `=` that is not its first byte.
    pub env: Vec<Str<'c>>,
    /// `cwd`: absolute.
    pub cwd: Str<'c>,
    /// `user`.
    pub user: User,
    /// `capabilities`: all empty where the object is absent.
    pub capabilities: Capabilities,
    /// `rlimits`: no type twice.
    pub rlimits: Vec<Rlimit>,
    /// `noNewPrivileges`.
    pub no_new_privileges: bool,
    /// `oomScoreAdj`, −1000 to 1000: unset means unchanged.
    pub oom_score_adj: Option<i32>,
    /// `terminal`.
    pub terminal: bool,
    /// `consoleSize` as (rows, columns), in characters.
    pub console_size: Option<(u16, u16)>,
    /// `scheduler`: unset means unchanged.
    pub scheduler: Option<Scheduler>,
    /// `ioPriority`: unset means unchanged.
    pub io_priority: Option<IoPriority>,
    /// `execCPUAffinity`: for `exec` only.
    pub exec_affinity: ExecAffinity,
    /// `apparmorProfile`: not empty.
    pub apparmor_profile: Option<Str<'c>>,
    /// `selinuxLabel`: not empty.
    pub selinux_label: Option<Str<'c>>,
}

/// `process.user`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct User {
    /// The user id inside the container.
    pub uid: u32,
    /// The group id inside the container.
    pub gid: u32,
    /// `umask`: unset means 0022.
    pub umask: Option<u32>,
    /// `additionalGids`.
    pub additional_gids: Vec<u32>,
}

/// `process` as it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawProcess<'c> {
    #[serde(borrow)]
    args: Option<Vec<Text<'c>>>,
    #[serde(borrow)]
    env: Option<Vec<Text<'c>>>,
    #[serde(borrow)]
    cwd: Option<Text<'c>>,
    user: Option<Object<RawUser>>,
    #[serde(borrow)]
    capabilities: Option<Object<RawCapabilities<'c>>>,
    #[serde(borrow)]
    rlimits: Option<Vec<Object<RawRlimit<'c>>>>,
    no_new_privileges: Option<bool>,
    oom_score_adj: Option<i64>,
    terminal: Option<bool>,
    console_size: Option<Object<RawConsoleSize>>,
    #[serde(borrow)]
    apparmor_profile: Option<Text<'c>>,
    #[serde(borrow)]
    selinux_label: Option<Text<'c>>,
    #[serde(borrow)]
    scheduler: Option<Object<RawScheduler<'c>>>,
    #[serde(borrow)]
    io_priority: Option<Object<RawIoPriority<'c>>>,
    #[serde(borrow, rename = "execCPUAffinity")]
    exec_affinity: Option<Object<RawExecAffinity<'c>>>,
}

/// `process.user` as it stands. `username` is for Windows; on Linux it is passed over like any unknown property.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawUser {
    uid: Option<u32>,
    gid: Option<u32>,
    umask: Option<u32>,
    additional_gids: Option<Vec<u32>>,
}

#[derive(Deserialize)]
struct RawConsoleSize {
    height: Option<u64>,
    width: Option<u64>,
}

impl<'c> Process<'c> {
    /// What stands in the place of the object where `config.json` has none: "This property is REQUIRED when `start` is called."
    pub(super) fn absent(at: Pointer) -> Self {
        Self {
            at,
            args: Vec::new(),
            env: Vec::new(),
            cwd: Str::Borrowed("/"),
            user: User::default(),
            capabilities: Capabilities::default(),
            rlimits: Vec::new(),
            no_new_privileges: false,
            oom_score_adj: None,
            terminal: false,
            console_size: None,
            scheduler: None,
            io_priority: None,
            exec_affinity: ExecAffinity::default(),
            apparmor_profile: None,
            selinux_label: None,
        }
    }

    /// That there is a program to run.
    ///
    /// # Errors
    ///
    /// A [`Kind::Config`](crate::Kind::Config) where `config.json` has no `process`.
    pub fn must_be_there(&self) -> Result<()> {
        match self.args.is_empty() {
            true => Err(Error::config(self.at.clone(), "no `process` to run")),
            false => Ok(()),
        }
    }

    /// Reads a process document of its own, as `exec --process` takes it, and passes over what must only warn.
    ///
    /// # Errors
    ///
    /// A [`Kind::Config`](crate::Kind::Config) that names line and column or the JSON pointer, or a
    /// [`Kind::Unsupported`](crate::Kind::Unsupported) for what this build has not.
    pub fn from_slice(bytes: &'c [u8]) -> Result<Self> {
        Self::from_slice_warning(bytes, &mut Vec::new())
    }

    /// As [`Process::from_slice`], with the warnings added to `warnings`.
    ///
    /// # Errors
    ///
    /// As for [`Process::from_slice`].
    pub fn from_slice_warning(bytes: &'c [u8], warnings: &mut Vec<Warning>) -> Result<Self> {
        let at = Pointer::new("process");
        json::read::<RawProcess<'c>>(bytes, &at)?.check(at, warnings)
    }
}

impl<'c> RawProcess<'c> {
    /// Checks everything in `process`.
    pub(super) fn check(self, at: Pointer, warnings: &mut Vec<Warning>) -> Result<Process<'c>> {
        let terminal = self.terminal.unwrap_or_default();
        Ok(Process {
            args: args(self.args, &at)?,
            env: text::environment(self.env, || at.key("env"))?,
            cwd: cwd(self.cwd, &at)?,
            user: user(self.user.unwrap_or_default().0, &at)?,
            capabilities: self.capabilities.unwrap_or_default().0.check(&at.key("capabilities"), warnings)?,
            rlimits: rlimits::check(self.rlimits, at.key("rlimits"))?,
            no_new_privileges: self.no_new_privileges.unwrap_or_default(),
            oom_score_adj: oom_score_adj(self.oom_score_adj, &at)?,
            terminal,
            // "Runtimes MUST ignore consoleSize if terminal is false or unset."
            console_size: if terminal { console_size(self.console_size, &at)? } else { None },
            scheduler: self.scheduler.map(|Object(raw)| raw.check(at.key("scheduler"))).transpose()?,
            io_priority: self.io_priority.map(|Object(raw)| raw.check(at.key("ioPriority"))).transpose()?,
            exec_affinity: match self.exec_affinity {
                Some(Object(raw)) => raw.check(&at.key("execCPUAffinity"))?,
                None => ExecAffinity::default(),
            },
            apparmor_profile: text::some(self.apparmor_profile),
            selinux_label: text::some(self.selinux_label),
            at,
        })
    }
}

fn args<'c>(args: Option<Vec<Text<'c>>>, at: &Pointer) -> Result<Vec<Str<'c>>> {
    let args = text::list(args);
    match args.first() {
        None => Err(Error::config(at.key("args"), "no program to run").hint("args[0] names the program")),
        Some(program) if program.is_empty() => {
            Err(Error::config(at.key("args").index(0), "the program's name is empty").hint("args[0] names the program"))
        }
        Some(_) => Ok(args),
    }
}

fn cwd<'c>(cwd: Option<Text<'c>>, at: &Pointer) -> Result<Str<'c>> {
    match text::some(cwd) {
        Some(cwd) if cwd.starts_with('/') => Ok(cwd),
        Some(cwd) => Err(Error::config(at.key("cwd"), format!("working directory `{cwd}` is not absolute"))),
        None => Err(Error::config(at.key("cwd"), "no working directory").hint("write \"cwd\": \"/\"")),
    }
}

fn user(user: RawUser, at: &Pointer) -> Result<User> {
    if let Some(umask) = user.umask.filter(|umask| *umask > 0o777) {
        let message = format!("umask {umask} is above 511 (0777)");
        return Err(Error::config(at.key("user").key("umask"), message).hint("JSON numbers are decimal: 0022 is 18"));
    }
    let at = at.key("user");
    let additional_gids = user.additional_gids.unwrap_or_default();
    for (index, gid) in additional_gids.iter().enumerate() {
        id(Some(*gid), || at.key("additionalGids").index(index))?;
    }
    Ok(User {
        uid: id(user.uid, || at.key("uid"))?,
        gid: id(user.gid, || at.key("gid"))?,
        umask: user.umask,
        additional_gids,
    })
}

/// An id, 0 where absent. The highest number is none: `setresuid(2)` and `chown(2)` take it to mean "no change", which would leave
/// root what it is.
pub(super) fn id(id: Option<u32>, at: impl Fn() -> Pointer) -> Result<u32> {
    match id {
        Some(u32::MAX) => Err(Error::config(at(), "4294967295 is not an id: to the kernel it means `no change`")),
        id => Ok(id.unwrap_or_default()),
    }
}

fn oom_score_adj(score: Option<i64>, at: &Pointer) -> Result<Option<i32>> {
    let Some(score) = score else { return Ok(None) };
    match i32::try_from(score) {
        Ok(score @ -1000..=1000) => Ok(Some(score)),
        _ => Err(Error::config(at.key("oomScoreAdj"), format!("{score} is not within -1000 and 1000"))),
    }
}

/// Rows and columns; engines send 0 by 0 for a size they do not know.
fn console_size(size: Option<Object<RawConsoleSize>>, at: &Pointer) -> Result<Option<(u16, u16)>> {
    let Some(Object(size)) = size else { return Ok(None) };
    let at = at.key("consoleSize");
    let cells = |cells: Option<u64>, key| match u16::try_from(cells.unwrap_or_default()) {
        Ok(cells) => Ok(cells),
        // `struct winsize` holds 16 bits (ioctl_tty(2)).
        Err(_) => Err(Error::config(at.key(key), "a terminal has at most 65535 rows and columns")),
    };
    let size = (cells(size.height, "height")?, cells(size.width, "width")?);
    Ok(Some(size).filter(|size| *size != (0, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_has_the_defaults_of_the_specification() {
        let process = Process::from_slice(br#"{"args":["/init"],"cwd":"/"}"#).unwrap();
        assert_eq!((process.user, process.capabilities), (User::default(), Capabilities::default()));
        assert_eq!((process.oom_score_adj, process.console_size, process.terminal), (None, None, false));
        assert!(process.env.is_empty() && process.rlimits.is_empty() && !process.no_new_privileges);
    }

    #[test]
    fn the_console_has_a_size_only_with_a_terminal() {
        let size = |json: &str| Process::from_slice(json.as_bytes()).map(|process| process.console_size);
        let with = r#"{"args":["a"],"cwd":"/","terminal":true,"consoleSize":{"height":24,"width":80}}"#;
        assert!(matches!(size(with), Ok(Some((24, 80)))));
        assert!(matches!(size(&with.replace("true", "false")), Ok(None)));
        assert!(matches!(size(&with.replace("24", "0").replace("80", "0")), Ok(None)));
    }

    #[test]
    fn limits_have_the_kernels_numbers() {
        let json =
            br#"{"args":["a"],"cwd":"/","rlimits":[{"type":"RLIMIT_RTTIME","soft":1,"hard":18446744073709551615}]}"#;
        let limits = Process::from_slice(json).unwrap().rlimits;
        assert_eq!(limits, [Rlimit { at: Pointer::new("process/rlimits/0"), resource: 15, soft: 1, hard: u64::MAX }]);
    }
}
