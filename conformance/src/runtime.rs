//! Which program is under test, and one call of it.
//!
//! In: `RUNTIME`, `ORLOP_BIN`, `UNIFIED_HIDDEN`. Out: an [`Outcome`]. Each `Runtime` has a `--root` of its own, so no
//! test sees another's containers. A call never waits for the end of a pipe: a detached container holds it open, so
//! stdout and stderr are files.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::{LIMIT, within};

static CALLS: AtomicU32 = AtomicU32::new(0);

/// The program under test with a state directory of its own.
#[derive(Debug, Clone)]
pub struct Runtime {
    name: String,
    dir: PathBuf,
    state: PathBuf,
    flags: Vec<&'static str>,
    /// The words that call it, where that is not done directly.
    through: Vec<OsString>,
    /// What every call has in its environment beside what this process has.
    pub environment: Vec<(String, String)>,
}

impl Runtime {
    /// The value of `RUNTIME`.
    pub fn name() -> String {
        std::env::var("RUNTIME").unwrap_or_else(|_| "orlop".to_owned())
    }

    /// Whether the runtime under test is ours, whose messages are promises.
    pub fn is_orlop() -> bool {
        Self::name() == "orlop"
    }

    /// The runtime with its state and the output of its calls below `dir`.
    pub fn at(dir: &Path) -> Self {
        Self::named(&Self::name(), dir)
    }

    /// Another runtime than the one under test, to be compared with.
    pub fn named(name: &str, dir: &Path) -> Self {
        Self {
            name: name.to_owned(),
            dir: dir.to_owned(),
            state: dir.join("state"),
            flags: Vec::new(),
            through: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Has another program call it: its words stand before the runtime's, and the runtime's program is where everybody may execute
    /// it.
    pub fn call_through(&mut self, words: impl IntoIterator<Item = impl Into<OsString>>) {
        self.through = words.into_iter().map(Into::into).collect();
        if Self::is_orlop() {
            fs::copy(program(&self.name), self.dir.join("orlop")).expect("a copy of the runtime");
        }
    }

    /// Adds words behind those of [`Runtime::call_through`].
    pub fn call_further(&mut self, words: impl IntoIterator<Item = impl Into<OsString>>) {
        self.through.extend(words.into_iter().map(Into::into));
    }

    /// The same with one more flag before each command.
    pub fn with(mut self, flag: &'static str) -> Self {
        self.flags.push(flag);
        self
    }

    /// The directory given as `--root`.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Calls the runtime and waits for its end.
    pub fn call<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Outcome {
        self.spawn(self.command(args)).wait()
    }

    /// The call as a command: give it an environment, a directory or stdin, then [`Runtime::spawn`] it.
    pub fn command<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Command {
        let mut words = front(&self.name);
        if !self.through.is_empty() {
            let program = words.pop().expect("a program");
            words.extend(self.through.iter().cloned());
            words.push(if Self::is_orlop() { self.dir.join("orlop").into() } else { program });
        }
        words.push("--root".into());
        words.push(self.state.clone().into());
        words.extend(self.flags.iter().map(OsString::from));
        words.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).envs(self.environment.iter().cloned()).stdin(Stdio::null());
        command
    }

    /// Starts a command; its output goes to files below this runtime's directory.
    pub fn spawn(&self, mut command: Command) -> Call {
        let base = self.dir.join(format!("call-{}", CALLS.fetch_add(1, Ordering::Relaxed)));
        let (out, err) = (base.with_extension("out"), base.with_extension("err"));
        command.stdout(File::create(&out).expect("a file for stdout"));
        command.stderr(File::create(&err).expect("a file for stderr"));
        let child = command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
        crate::leaks::claim(child.id().cast_signed());
        Call { line: format!("{command:?}"), child, out, err }
    }
}

/// A call that runs.
#[derive(Debug)]
pub struct Call {
    line: String,
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Call {
    /// The pid of the runtime's process.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// What it wrote to stdout so far.
    pub fn output(&self) -> String {
        read(&self.out)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(Pid::from_raw(self.pid()), signal).expect("kill");
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill");
    }

    /// Waits for its end; a call over the limit is killed and fails the test.
    pub fn wait(mut self) -> Outcome {
        let mut status = None;
        within(LIMIT, &mut || {
            status = self.child.try_wait().expect("wait");
            status.is_some()
        });
        let Some(status) = status else {
            self.kill();
            panic!("still running after {LIMIT:?}: {}", self.line);
        };
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        Outcome { line: self.line, code, stdout: read(&self.out), stderr: read(&self.err), out: self.out }
    }
}

/// What a call came to.
#[derive(Debug)]
pub struct Outcome {
    line: String,
    /// The exit status, or 128 + n when the runtime itself died of signal n.
    pub code: i32,
    /// All that was written to stdout until the call ended.
    pub stdout: String,
    /// All that was written to stderr until the call ended.
    pub stderr: String,
    pub(crate) out: PathBuf,
}

impl Outcome {
    /// All that was written to stdout until now, by a container too that outlives the call.
    pub fn output(&self) -> String {
        read(&self.out)
    }

    /// Asserts exit status 0.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.exits(0)
    }

    /// Asserts an exit status.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit status of {}\nstdout: {}\nstderr: {}", self.line, self.stdout, self.stderr);
        self
    }

    /// Asserts an exit status other than 0 and a message on stderr.
    #[track_caller]
    pub fn fails(self) -> Self {
        assert_ne!(self.code, 0, "succeeded: {}\nstdout: {}", self.line, self.stdout);
        assert!(!self.stderr.trim().is_empty(), "failed without a word: {}", self.line);
        self
    }

    /// Asserts that stdout, trimmed, is this.
    #[track_caller]
    pub fn prints(self, expected: &str) -> Self {
        assert_eq!(self.stdout.trim(), expected, "stdout of {}\nstderr: {}", self.line, self.stderr);
        self
    }

    /// Asserts that stderr contains these words, in any case.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        let stderr = self.stderr.to_lowercase();
        assert!(stderr.contains(&words.to_lowercase()), "`{words}` is not in stderr of {}: {stderr}", self.line);
        self
    }

    /// Asserts what `orlop` promises of every error: one line, perhaps a hint, and the field or path it is about.
    #[track_caller]
    pub fn names(self, field: &str) -> Self {
        if Runtime::is_orlop() {
            let lines: Vec<&str> = self.stderr.lines().collect();
            let hint = lines.get(1).is_none_or(|second| second.starts_with("hint: "));
            assert!(lines.len() <= 2 && hint, "an error is one line and perhaps a hint:\n{}", self.stderr);
            assert!(self.stderr.contains(field), "`{field}` is not in: {}", self.stderr);
        }
        self
    }
}

/// The words before the runtime's own flags. crun refuses hosts whose v2 hierarchy beside v1 has controllers, so it
/// (and, for a fair comparison, any runtime) can run in a mount namespace where that hierarchy is unmounted.
fn front(name: &str) -> Vec<OsString> {
    let hidden = Path::new("/sys/fs/cgroup/unified").is_dir();
    let hide = hidden && (name == "crun" || std::env::var_os("UNIFIED_HIDDEN").is_some());
    let script = r#"umount /sys/fs/cgroup/unified; exec "$@""#;
    let mut words: Vec<OsString> =
        if hide { ["unshare", "-m", "sh", "-c", script, "-"].map(OsString::from).into() } else { Vec::new() };
    words.push(program(name));
    words
}

fn program(name: &str) -> OsString {
    if name != "orlop" {
        return name.into();
    }
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bin/orlop");
    let built = if built.exists() { built.into_os_string() } else { "orlop".into() };
    std::env::var_os("ORLOP_BIN").unwrap_or(built)
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
