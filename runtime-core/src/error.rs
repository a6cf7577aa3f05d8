//! The one error type: what was being done, where it was asked for, on what, what the kernel said, and what a person can do.
//!
//! Built where the knowledge is and never logged on the way up. [`Kind`] is what callers branch on; the text is for people,
//! and for the engines that match on it.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in one word's width.
pub struct Error(Box<Failure>);

struct Failure {
    kind: Kind,
    op: Op,
    during: Option<String>,
    field: Option<Pointer>,
    path: Option<PathBuf>,
    message: Option<Cow<'static, str>>,
    errno: Option<Errno>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    hint: Option<Cow<'static, str>>,
}

/// The classes of failure that a caller may act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `config.json`, or another document handed in, is not a valid one.
    Config,
    /// An argument of the call itself is not valid (an id, a signal, a user).
    Argument,
    /// Valid, but this build or this machine cannot do it.
    Unsupported,
    /// No such container, bundle or process.
    NotFound,
    /// A container of that id is there already.
    Exists,
    /// The container is in a status that does not allow the operation.
    Status,
    /// The container's program could not be executed.
    Executable,
    /// A hook failed.
    Hook,
    /// Something did not happen within its time limit.
    Timeout,
    /// The kernel refused.
    System,
}

macro_rules! ops {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// What the library was doing when it failed: the verb of the message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[non_exhaustive]
        pub enum Op { $($(#[$doc])* $name),+ }

        impl Op {
            /// The words that open the message.
            #[must_use]
            pub fn as_str(self) -> &'static str { match self { $(Op::$name => $text),+ } }
        }
    };
}

ops! {
    /// Checking a container's id.
    Id = "container id",
    /// Opening the directory of all states.
    OpenRoot = "open state root",
    /// Opening a bundle.
    OpenBundle = "open bundle",
    /// Reading `config.json`.
    ReadConfig = "read config",
    /// Checking what `config.json` asks for.
    CheckConfig = "check config",
    /// Asking the machine what it can do.
    Probe = "probe host",
    /// Reading or writing a container's record.
    State = "container state",
    /// Making, limiting or removing a cgroup.
    Cgroup = "cgroup",
    /// Asking systemd for a unit.
    Systemd = "ask systemd",
    /// Making, filling, entering or removing a group of resctrl.
    Resctrl = "resctrl",
    /// Installing the list of allowed devices.
    DeviceRules = "device rules",
    /// Compiling a seccomp profile.
    CompileSeccomp = "compile seccomp profile",
    /// Opening something on the host that the container is to get.
    Open = "open",
    /// Starting init.
    Spawn = "start init",
    /// Talking to init.
    Dialogue = "talk to init",
    /// Creating or joining a namespace.
    Namespace = "namespace",
    /// Moving an interface into the container's network namespace.
    NetDevice = "move network device",
    /// Mapping user or group ids.
    IdMap = "map ids",
    /// Mounting.
    Mount = "mount",
    /// Taking a mount out of a container.
    Unmount = "unmount",
    /// Making the root filesystem the root.
    Root = "enter root",
    /// Making a device node.
    Device = "create device",
    /// Hiding or protecting a path.
    Mask = "mask path",
    /// Writing a sysctl.
    Sysctl = "set sysctl",
    /// Setting the host name or domain name.
    Hostname = "set hostname",
    /// Setting up the terminal.
    Console = "set up console",
    /// Setting a resource limit.
    Rlimit = "set rlimit",
    /// Setting the user, groups or umask.
    User = "set user",
    /// Setting capabilities.
    Capabilities = "set capabilities",
    /// Setting a property of the process.
    Process = "set up process",
    /// Installing a seccomp filter.
    Seccomp = "install seccomp filter",
    /// Changing into the working directory.
    Cwd = "change to working directory",
    /// Setting a label of a security module.
    Label = "set label",
    /// Executing the container's program.
    Exec = "exec",
    /// Running a hook.
    Hook = "run hook",
    /// Waiting at, or opening, the start gate.
    Start = "start",
    /// Telling a service manager that the program is ready.
    Notify = "notify",
    /// Sending a signal.
    Kill = "kill",
    /// Removing a container.
    Delete = "delete",
    /// Freezing or thawing.
    Freeze = "freeze",
    /// Waiting for a process.
    Wait = "wait",
    /// Writing a container to files.
    Checkpoint = "checkpoint",
    /// Making a container of such files.
    Restore = "restore",
    /// Writing a file the caller asked for.
    WriteFile = "write file",
}

/// Where in `config.json` something stands: a JSON pointer (RFC 6901). In a document of its own (the process that `exec` is given,
/// the `resources` that `update` is given, a list of mounts) the pointer begins with what that is: `process/args/0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Pointer(Cow<'static, str>);

impl Pointer {
    /// A pointer known when this was written, such as `/process/args`.
    #[must_use]
    pub const fn new(pointer: &'static str) -> Self {
        Self(Cow::Borrowed(pointer))
    }

    /// A pointer built at run time; `text` is already escaped.
    #[must_use]
    pub fn from_text(text: String) -> Self {
        Self(Cow::Owned(text))
    }

    /// The pointer to element `index` of this array.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(Cow::Owned(format!("{}/{index}", self.0)))
    }

    /// The pointer to member `key` of this object.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        Self(Cow::Owned(format!("{}/{}", self.0, key.replace('~', "~0").replace('/', "~1"))))
    }

    /// The text of the pointer.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same with the name of the file where that is `config.json`, for a person.
    pub(crate) fn place(&self) -> impl fmt::Display {
        let file = if self.0.starts_with('/') { "config.json " } else { "" };
        format!("{file}{}", self.0)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error {
    /// A failure of `kind` while doing `op`, with nothing more known yet.
    #[must_use]
    pub fn new(kind: Kind, op: Op) -> Self {
        Self(Box::new(Failure {
            kind,
            op,
            during: None,
            field: None,
            path: None,
            message: None,
            errno: None,
            cause: None,
            hint: None,
        }))
    }

    /// `config.json` is wrong at `field`: `message` says how.
    #[must_use]
    pub fn config(field: Pointer, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Config, Op::CheckConfig).field(field).message(message)
    }

    /// `field` asks for what cannot be done here: `message` says what is missing.
    #[must_use]
    pub fn unsupported(field: Pointer, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unsupported, Op::CheckConfig).field(field).message(message)
    }

    /// The kernel answered `errno` to `op`.
    #[must_use]
    pub fn system(op: Op, errno: Errno) -> Self {
        let mut error = Self::new(Kind::System, op);
        error.0.errno = Some(errno);
        error
    }

    /// Adds the path it was done to.
    #[must_use]
    pub fn on(mut self, path: impl AsRef<Path>) -> Self {
        self.0.path = Some(path.as_ref().to_owned());
        self
    }

    /// Adds where in `config.json` it was asked for.
    #[must_use]
    pub fn field(mut self, field: Pointer) -> Self {
        self.0.field = Some(field);
        self
    }

    /// Adds what is wrong, in words.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = Some(message.into());
        self
    }

    /// Adds to the end of the words.
    #[must_use]
    pub(crate) fn adding(mut self, text: &str) -> Self {
        if let (Some(message), false) = (&mut self.0.message, text.is_empty()) {
            message.to_mut().push_str(text);
        }
        self
    }

    /// Adds another library's own error.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Adds the kernel's answer.
    #[must_use]
    pub fn errno_is(mut self, errno: Errno) -> Self {
        self.0.errno = Some(errno);
        self
    }

    /// Adds what a person can do now.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Replaces the class.
    #[must_use]
    pub fn kind_is(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Adds the operation on a container that this ended, such as `create web`.
    #[must_use]
    pub fn during(mut self, operation: impl Into<String>) -> Self {
        if self.0.during.is_none() {
            self.0.during = Some(operation.into());
        }
        self
    }

    /// The class of the failure.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What was being done.
    #[must_use]
    pub fn op(&self) -> Op {
        self.0.op
    }

    /// The kernel's answer, where there was one.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        self.0.errno
    }

    /// Where in `config.json` the cause stands.
    #[must_use]
    pub fn pointer(&self) -> Option<&Pointer> {
        self.0.field.as_ref()
    }

    /// What a person can do now.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

/// One line; the hint is not part of it (see [`Error::advice`]).
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = &*self.0;
        let mut line = OneLine(f);
        if let Some(during) = &failure.during {
            write!(line, "{during}: ")?;
        }
        line.write_str(failure.op.as_str())?;
        if let Some(path) = &failure.path {
            write!(line, " {}", path.display())?;
        }
        if let Some(message) = &failure.message {
            write!(line, ": {message}")?;
        }
        if let Some(errno) = failure.errno {
            write!(line, ": {}", describe(errno))?;
        }
        if let Some(cause) = &failure.cause {
            write!(line, ": {cause}")?;
        }
        match &failure.field {
            Some(field) if !field.as_str().is_empty() => write!(line, " [{}]", field.place()),
            _ => Ok(()),
        }
    }
}

/// Writes control characters as Rust spells them (`\n`): what a stranger's config holds begins no line of its own and gives a
/// terminal no command.
struct OneLine<'f, 't>(&'f mut fmt::Formatter<'t>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|letter| match letter.is_control() {
            true => write!(self.0, "{}", letter.escape_default()),
            false => self.0.write_char(letter),
        })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        match self.advice() {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}

/// Adds what is known about a failed call.
pub(crate) trait At<T> {
    /// The call was part of `op`.
    fn at(self, op: Op) -> Result<T>;
}

impl<T> At<T> for std::result::Result<T, Errno> {
    fn at(self, op: Op) -> Result<T> {
        self.map_err(|errno| Error::system(op, errno))
    }
}

impl<T> At<T> for std::result::Result<T, rustix::io::Errno> {
    fn at(self, op: Op) -> Result<T> {
        self.map_err(|errno| Error::system(op, Errno::from_raw(errno.raw_os_error())))
    }
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, op: Op) -> Result<T> {
        self.map_err(|error| match error.raw_os_error() {
            Some(errno) => Error::system(op, Errno::from_raw(errno)),
            None => Error::new(Kind::System, op).cause(error),
        })
    }
}

/// The kernel's answer in words, as [`Error`] shows it: those of glibc's `strerror(3)` with a small first letter, which are Go's, whatever
/// C library this is built with. Engines match on `no such file or directory` and `permission denied`.
#[must_use]
pub fn describe(errno: Errno) -> String {
    let text = match errno {
        Errno::EAGAIN => "resource temporarily unavailable",
        Errno::EBADF => "bad file descriptor",
        Errno::EBADMSG => "bad message",
        Errno::EDEADLK => "resource deadlock avoided",
        Errno::EDOM => "numerical argument out of domain",
        Errno::EDQUOT => "disk quota exceeded",
        Errno::EILSEQ => "invalid or incomplete multibyte or wide character",
        Errno::EIO => "input/output error",
        Errno::ELOOP => "too many levels of symbolic links",
        Errno::ENETRESET => "network dropped connection on reset",
        Errno::ENFILE => "too many open files in system",
        Errno::ENOLCK => "no locks available",
        Errno::ENOMEM => "cannot allocate memory",
        Errno::ENOTTY => "inappropriate ioctl for device",
        Errno::EOPNOTSUPP => "operation not supported",
        Errno::ERANGE => "numerical result out of range",
        Errno::EXDEV => "invalid cross-device link",
        _ => errno.desc(),
    };
    let mut letters = text.chars();
    match (letters.next(), text.get(1..2)) {
        // An acronym ("RFS specific error") keeps its capitals.
        (Some(first), Some(second)) if second.chars().all(char::is_lowercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_where_and_why() {
        let error = Error::system(Op::Mount, Errno::EINVAL)
            .message("id-mapped tmpfs")
            .on("/cache")
            .field(Pointer::new("/mounts").index(4).key("uidMappings"))
            .during("create web")
            .hint("id-mapped tmpfs needs Linux 6.3");
        assert_eq!(
            error.to_string(),
            "create web: mount /cache: id-mapped tmpfs: invalid argument [config.json /mounts/4/uidMappings]"
        );
        assert_eq!(error.advice(), Some("id-mapped tmpfs needs Linux 6.3"));
    }

    #[test]
    fn a_message_is_one_line_whatever_is_in_it() {
        let error = Error::config(Pointer::new("/a").key("b\nc"), "unknown `\u{1b}[2J\r`").on("x\ty");
        assert_eq!(error.to_string(), r"check config x\ty: unknown `\u{1b}[2J\r` [config.json /a/b\nc]");
    }

    #[test]
    fn a_pointer_escapes_its_keys() {
        assert_eq!(Pointer::new("/annotations").key("a/b~c").as_str(), "/annotations/a~1b~0c");
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn an_errno_has_the_words_of_glibc() {
        let known = (1..=133).map(Errno::from_raw).filter(|errno| *errno != Errno::UnknownErrno);
        for errno in known {
            let theirs = std::io::Error::from(errno).to_string();
            let ours = format!("{} (os error {})", describe(errno), errno as i32);
            assert!(ours.eq_ignore_ascii_case(&theirs), "{ours}, but {theirs}");
        }
        assert_eq!(describe(Errno::ENOENT), "no such file or directory");
        assert_eq!(describe(Errno::EDOTDOT), "RFS specific error");
    }

    #[test]
    fn an_error_is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
