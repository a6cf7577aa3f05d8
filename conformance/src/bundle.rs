//! A bundle in a directory of its own, and the sentences that edit it.
//!
//! In: edits by JSON pointer. Out: `config.json` beside a root filesystem of busybox, handed to the runtime. The
//! default config is what `runc spec` prints, without a terminal; [`crate::rootless`] adapts it to a user. When a bundle is dropped, whatever a runtime made of
//! it is removed, also after a failed test.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::container::Container;
use crate::rootless;
use crate::runtime::{Outcome, Runtime};
use crate::{leaks, needs};

/// What `runc spec` prints, but for the terminal and the args.
const DEFAULT: &str = include_str!("default.json");

const BUSYBOX: &str = "/bin/busybox";

/// The applets that tests call by name.
const APPLETS: &[&str] = &[
    "[", "cat", "chmod", "chown", "cp", "cut", "date", "dd", "echo", "env", "false", "find", "grep", "head",
    "hostname", "id", "ip", "kill", "ln", "ls", "mkdir", "mknod", "mount", "mv", "nproc", "printf", "ps", "pwd",
    "readlink", "rm", "sed", "sh", "sleep", "sort", "stat", "stty", "tail", "test", "touch", "tr", "true", "tty",
    "umount", "uname", "wc",
];

/// A bundle, the id its container will have, and the runtime that will run it.
#[derive(Debug)]
pub struct Bundle {
    /// The content of config.json.
    pub config: Value,
    /// An id no other test has.
    pub id: String,
    /// The runtime with a state directory of its own.
    pub runtime: Runtime,
    dir: PathBuf,
}

impl Bundle {
    /// A bundle that runs `sleep`, as `runc spec` would describe it.
    #[expect(clippy::new_without_default, reason = "it makes directories")]
    pub fn new() -> Self {
        let id = unique();
        // Short: the socket of a container lives below it, and socket addresses end at 108 bytes.
        let dir = std::env::temp_dir().join(&id);
        fs::create_dir(&dir).expect("a directory for the bundle");
        fs::create_dir(dir.join("state")).expect("a directory for the state");
        let config = rootless::adapted(serde_json::from_str(DEFAULT).expect("JSON"));
        let bundle = Self { config, id, runtime: Runtime::at(&dir), dir };
        fill(&bundle.rootfs());
        bundle
    }

    /// A bundle that runs a shell script.
    pub fn sh(script: &str) -> Self {
        Self::new().args(["sh", "-c", script])
    }

    /// Sets `/process/args`.
    pub fn args<const N: usize>(self, args: [&str; N]) -> Self {
        self.set("/process/args", args.to_vec())
    }

    /// Sets the value at a JSON pointer, with the objects on the way to it; `-` as an index appends.
    pub fn set(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        *place(&mut self.config, pointer) = value.into();
        self
    }

    /// The pointer to the last value of a list.
    pub fn last(&self, list: &str) -> String {
        let length = self.config.pointer(list).and_then(Value::as_array).map_or(0, Vec::len);
        format!("{list}/{}", length.saturating_sub(1))
    }

    /// Removes the value at a JSON pointer.
    pub fn without(mut self, pointer: &str) -> Self {
        let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
        match self.config.pointer_mut(parent) {
            Some(Value::Object(fields)) => drop(fields.remove(last)),
            Some(Value::Array(items)) => drop(items.remove(last.parse().expect("an index"))),
            _ => panic!("nothing at {parent}"),
        }
        self
    }

    /// Adds a mount.
    pub fn mount(self, kind: &str, source: impl AsRef<Path>, destination: &str, options: &[&str]) -> Self {
        let mount = json!({"type": kind, "source": source.as_ref(), "destination": destination, "options": options});
        self.set("/mounts/-", mount)
    }

    /// Adds a bind mount; `options` must say `bind` or `rbind`.
    pub fn bind(self, source: impl AsRef<Path>, destination: &str, options: &[&str]) -> Self {
        self.mount("bind", source, destination, options)
    }

    /// Adds a new namespace. A user namespace gets mappings from the test: a user has one already, with all its ids.
    pub fn namespace(self, kind: &str) -> Self {
        if kind == "user" {
            needs::root("giving away ids of others");
        }
        self.set("/linux/namespaces/-", json!({"type": kind}))
    }

    /// Joins the namespace at `path` in place of making a new one.
    pub fn join(self, kind: &str, path: impl AsRef<Path>) -> Self {
        self.forget(kind).set("/linux/namespaces/-", json!({"type": kind, "path": path.as_ref()}))
    }

    /// In the user namespace of another container, where there is one: who is not in it may not join that one's others.
    pub fn beside(self, other: &Container) -> Self {
        if !rootless::here() {
            return self;
        }
        let joined = self.join("user", other.process().namespace_path("user"));
        joined.without("/linux/uidMappings").without("/linux/gidMappings")
    }

    /// Leaves the container in the runtime's namespace of this kind.
    pub fn without_namespace(self, kind: &str) -> Self {
        let mut bundle = self.forget(kind);
        rootless::show_the_hosts(kind, &mut bundle.config);
        bundle
    }

    fn forget(mut self, kind: &str) -> Self {
        let all = self.config["linux"]["namespaces"].as_array_mut().expect("namespaces");
        all.retain(|namespace| namespace["type"] != kind);
        self
    }

    /// With a writable root.
    pub fn writable(self) -> Self {
        self.set("/root/readonly", false)
    }

    /// Grants capabilities in the bounding, effective and permitted sets.
    pub fn capable(mut self, names: &[&str]) -> Self {
        for set in ["bounding", "effective", "permitted"] {
            self = self.set(&format!("/process/capabilities/{set}"), json!(names));
        }
        self.without("/process/capabilities/ambient")
    }

    /// With one more flag before each command of the runtime, such as `--systemd-cgroup`.
    pub fn flag(mut self, flag: &'static str) -> Self {
        self.runtime = self.runtime.clone().with(flag);
        self
    }

    /// Puts a file into the root filesystem.
    pub fn file(self, path: &str, content: &str) -> Self {
        let path = self.inside(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(&path, content).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
        self
    }

    /// Puts a directory into the root filesystem.
    pub fn dir(self, path: &str) -> Self {
        fs::create_dir_all(self.inside(path)).expect("a directory");
        self
    }

    /// Puts a symlink into the root filesystem, in place of what is there.
    pub fn link(self, path: &str, target: impl AsRef<Path>) -> Self {
        let path = self.inside(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        // Nothing there, a file, or an empty directory: afterwards nothing.
        drop(fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)));
        symlink(target, path).expect("a symlink");
        self
    }

    /// A directory of the host beside the bundle, created on first use, for bind sources and secrets.
    pub fn host(&self, name: &str) -> PathBuf {
        let path = self.dir.join(name);
        fs::create_dir_all(&path).expect("a directory");
        path
    }

    /// The bundle directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The root filesystem.
    pub fn rootfs(&self) -> PathBuf {
        self.dir.join("rootfs")
    }

    /// A path of the root filesystem as the host sees it.
    pub fn inside(&self, path: &str) -> PathBuf {
        self.rootfs().join(path.trim_start_matches('/'))
    }

    /// Writes config.json.
    pub fn write(&self) -> &Self {
        self.write_raw(&serde_json::to_string_pretty(&self.config).expect("JSON"));
        self
    }

    /// Writes something else as config.json.
    pub fn write_raw(&self, text: &str) {
        fs::write(self.dir.join("config.json"), text).expect("config.json");
    }

    /// `run`: waits for the process; afterwards nothing may be left of the container.
    #[track_caller]
    pub fn run(&self) -> Outcome {
        self.write();
        let outcome = self.call("run", &[]);
        leaks::nothing_left(self);
        outcome
    }

    /// `create` and `start`, which must succeed.
    #[track_caller]
    pub fn start(self) -> Container {
        let container = self.create();
        container.call("start").succeeds();
        container
    }

    /// `create`, which must succeed.
    #[track_caller]
    pub fn create(self) -> Container {
        self.create_with(&[])
    }

    /// `create` with more flags, which must succeed.
    #[track_caller]
    pub fn create_with(self, flags: &[&str]) -> Container {
        self.write();
        let created = self.call("create", flags).succeeds();
        Container::new(self, created.out)
    }

    /// `create`, which must fail and leave nothing; see [`Outcome::names`] for the message.
    #[track_caller]
    pub fn refused(&self) -> Outcome {
        self.write();
        self.refused_as_written()
    }

    /// As [`Bundle::refused`], with config.json as it stands on disk.
    #[track_caller]
    pub fn refused_as_written(&self) -> Outcome {
        let refusal = self.call("create", &[]).fails();
        leaks::nothing_left(self);
        refusal
    }

    /// `create` or `start` must fail, whichever first meets the trouble; then nothing may be left.
    #[track_caller]
    pub fn never_starts(&self) -> Outcome {
        self.write();
        let mut outcome = self.call("create", &[]);
        if outcome.code == 0 {
            outcome = self.runtime.call(["start", &self.id]);
            self.runtime.call(["delete", "--force", &self.id]).succeeds();
        }
        leaks::nothing_left(self);
        outcome.fails()
    }

    fn call(&self, verb: &str, flags: &[&str]) -> Outcome {
        let mut args = vec![verb.as_ref(), "--bundle".as_ref(), self.dir.as_os_str()];
        args.extend(flags.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
        args.push(self.id.as_ref());
        self.runtime.call(args)
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        leaks::sweep(self);
        drop(fs::remove_dir_all(&self.dir));
    }
}

fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").subsec_micros();
    format!("oc-{}-{now:x}-{count}", std::process::id())
}

fn fill(rootfs: &Path) {
    for dir in ["bin", "dev", "etc", "proc", "sys", "tmp", "var"] {
        fs::create_dir_all(rootfs.join(dir)).expect("a directory of the rootfs");
    }
    // A copy, not a link: an attack that succeeds must not reach the host's own busybox.
    fs::copy(BUSYBOX, rootfs.join("bin/busybox")).expect("/bin/busybox: apt install busybox-static");
    for applet in APPLETS {
        symlink("busybox", rootfs.join("bin").join(applet)).expect("an applet");
    }
    fs::set_permissions(rootfs.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("chmod");
}

fn place<'a>(value: &'a mut Value, pointer: &str) -> &'a mut Value {
    pointer.split('/').skip(1).fold(value, |value, word| {
        let word = word.replace("~1", "/").replace("~0", "~");
        match value {
            Value::Array(items) => {
                let index = word.parse().unwrap_or(items.len());
                if index == items.len() {
                    items.push(Value::Null);
                }
                &mut items[index]
            }
            Value::Null if word == "-" => {
                *value = json!([null]);
                &mut value[0]
            }
            _ => &mut value[word],
        }
    })
}
