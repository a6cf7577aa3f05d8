//! A daemon that lives as long as this test process, in namespaces of its own.
//!
//! In: a shell script that ends in `exec DAEMON`. Out: its directory. A guardian holds the other end of a pipe: when
//! this process ends, however it ends, the daemon's pid namespace is killed with all that is in it, its mounts and its
//! network go with their namespaces, and its cgroups and directory are removed. What needs more brings a script `end`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use conformance::{Outcome, Runtime, eventually};

const GUARDIAN: &str = r#"
unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private sh -c "$2" - "$1" >"$1/log" 2>&1 </dev/null &
daemon=$!
echo $daemon >"$1/outer-pid"
read -r _
[ ! -e "$1/end" ] || sh "$1/end"
kill -9 $daemon; wait 2>/dev/null
for try in 1 2 3 4 5 6 7 8 9 10; do
    find /sys/fs/cgroup -depth -type d -path "*/${1##*/}*" -exec rmdir {} \; 2>/dev/null
    [ "$(find /sys/fs/cgroup -type d -path "*/${1##*/}*" | wc -l)" = 0 ] && break
    sleep 0.2
done
rm -rf "$1"
"#;

/// What every daemon's script begins with: a network namespace that forwards, and directories of its own.
///
/// A hierarchy of cgroup v1 that a test mounted lingers after it, and containerd 1.6 counts nothing while one is mounted nowhere:
/// to mount it and let it go ends it.
const PRELUDE: &str = r#"set -e; dir=$1; export TMPDIR=$dir; ip link set lo up; echo 1 >/proc/sys/net/ipv4/ip_forward
    mount -t tmpfs run /run; mkdir -p /run/lock; cd $dir
    for name in $(sed -n 's/^[1-9][0-9]*:\([^:]\+\):.*/\1/p' /proc/self/cgroup); do
        grep -q "^[^ ]* [^ ]* cgroup .*\b$name\b" /proc/self/mounts ||
            { mkdir -p lingers; mount -t cgroup -o $name none lingers && umount lingers; } || :
    done
"#;

/// A running engine.
#[derive(Debug)]
pub(super) struct Daemon {
    /// Where its data, its sockets and its log are; nothing else on this machine bears this name.
    pub(super) dir: PathBuf,
    runtime: Runtime,
    /// Holds the pipe, which nothing closes but the end of this process: daemons are statics.
    _guardian: Child,
}

impl Daemon {
    /// Starts `script`, which sees its directory as `$dir`, and waits until `ready`.
    pub(super) fn start(engine: &str, script: &str, ready: impl Fn(&Path) -> bool) -> Self {
        let dir = std::env::temp_dir().join(format!("orlop-engine-{engine}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory for the engine");
        let mut guardian = Command::new("setsid");
        guardian.args(["sh", "-c", GUARDIAN, "-"]).arg(&dir).arg(format!("{PRELUDE}{script}"));
        let log = || fs::File::create(dir.join("guardian.log")).expect("a log");
        let guardian =
            guardian.stdin(Stdio::piped()).stdout(log()).stderr(log()).spawn().expect("setsid is in util-linux");
        let daemon = Self { runtime: Runtime::at(&dir), dir, _guardian: guardian };
        let log = || fs::read_to_string(daemon.dir.join("log")).unwrap_or_default();
        assert!(starts(|| ready(&daemon.dir)), "{engine} does not start:\n{}", log());
        daemon
    }

    /// A call of a client of this daemon.
    pub(super) fn call(&self, command: Command) -> Outcome {
        self.runtime.spawn(command).wait()
    }

    /// A command in the network, mount and pid namespaces of this daemon.
    pub(super) fn inside<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let outer = fs::read_to_string(self.dir.join("outer-pid")).expect("the pid of unshare");
        let children = format!("/proc/{0}/task/{0}/children", outer.trim());
        let first = fs::read_to_string(children).expect("the first process of the pid namespace");
        let mut command = Command::new("nsenter");
        command.args(["-t", first.trim(), "-m", "-n", "-p", "--"]).args(words);
        command
            .env("HOME", &self.dir)
            .env("XDG_RUNTIME_DIR", &self.dir)
            .env("TMPDIR", &self.dir)
            .current_dir(&self.dir);
        command
    }

    /// The last component of the directory: the cgroup all containers of this daemon are in.
    pub(super) fn name(&self) -> &str {
        self.dir.file_name().and_then(|name| name.to_str()).expect("a name")
    }
}

/// Waits for a daemon: in an emulated machine one takes a minute.
pub(super) fn starts(mut ready: impl FnMut() -> bool) -> bool {
    (0..6).any(|_| eventually(&mut ready))
}

/// The program under test as one path, as the configuration of an engine names it.
pub(super) fn runtime_path(dir: &Path) -> PathBuf {
    let command = Runtime::at(dir).command::<&str>([]);
    let wrapper = dir.join("runtime");
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .take_while(|word| *word != "--root")
        .map(|word| format!("'{}'", word.to_string_lossy().replace('\'', r"'\''")))
        .collect();
    if let [program] = words.as_slice() {
        let program = PathBuf::from(program.trim_matches('\''));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = std::env::split_paths(&path).map(|place| place.join(&program));
        if let Some(found) =
            std::iter::once(program.clone()).chain(places).find(|place| place.is_absolute() && place.is_file())
        {
            return found;
        }
    }
    fs::write(&wrapper, format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "))).expect("a wrapper");
    fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("its mode");
    wrapper
}
