//! A process as the kernel shows it to the host: `/proc/PID` and its cgroup files.
//!
//! In: a pid. Out: values as the kernel prints them. Nothing of this asks the container, so nothing in the container
//! can lie about it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process by pid.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    /// The pid as the host sees it.
    pub pid: i32,
}

/// A line of mountinfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The directory of its filesystem that is mounted.
    pub root: String,
    /// Where it is mounted.
    pub destination: String,
    /// Its own options: `rw`, `nosuid`, `relatime` …
    pub options: Vec<String>,
    /// `shared:N`, `master:N`, `unbindable`; empty if private.
    pub propagation: Vec<String>,
    /// The filesystem type.
    pub kind: String,
    /// The source as it was given.
    pub source: String,
    /// The options of its superblock: `size=64k`, `mode=755` …
    pub superblock: Vec<String>,
}

impl Mount {
    /// Whether all of these are among its options.
    pub fn has(&self, options: &[&str]) -> bool {
        options.iter().all(|option| self.options.iter().any(|have| have == option))
    }
}

impl Process {
    /// A process of this pid.
    pub fn new(pid: i32) -> Self {
        Self { pid }
    }

    /// The test's own process.
    pub fn myself() -> Self {
        Self::new(std::process::id().cast_signed())
    }

    /// Kills it with SIGKILL, from the host.
    pub fn kill(self) {
        kill(Pid::from_raw(self.pid), Signal::SIGKILL).expect("kill");
    }

    /// A field of `/proc/PID/status`.
    pub fn status(self, field: &str) -> Option<String> {
        let status = self.read("status");
        let mut fields = status.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(name, _)| *name == field).map(|(_, value)| value.trim().to_owned())
    }

    /// A capability set: `Inh`, `Prm`, `Eff`, `Bnd` or `Amb`, as a bit mask.
    #[track_caller]
    pub fn capabilities(self, set: &str) -> u64 {
        let mask = self.status(&format!("Cap{set}")).expect("a capability set");
        u64::from_str_radix(&mask, 16).expect("a mask")
    }

    /// Soft and hard value of a line of `/proc/PID/limits`, as `Max open files`.
    #[track_caller]
    pub fn limit(self, name: &str) -> (String, String) {
        let limits = self.read("limits");
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).expect("a limit");
        let mut words = line.split_whitespace().map(str::to_owned);
        (words.next().expect("soft"), words.next().expect("hard"))
    }

    /// Its mounts.
    pub fn mounts(self) -> Vec<Mount> {
        self.read("mountinfo").lines().map(mount).collect()
    }

    /// The topmost mount at a path.
    #[track_caller]
    pub fn mount(self, destination: &str) -> Mount {
        let found = self.mounts().into_iter().rfind(|mount| mount.destination == destination);
        found.unwrap_or_else(|| panic!("nothing is mounted at {destination}:\n{}", self.read("mountinfo")))
    }

    /// Its open files: number and what each is.
    pub fn fds(self) -> BTreeMap<i32, PathBuf> {
        let Ok(entries) = fs::read_dir(self.path("fd")) else { return BTreeMap::new() };
        let number = |name: std::ffi::OsString| name.to_string_lossy().parse().ok();
        let files = entries.flatten().filter_map(|fd| Some((number(fd.file_name())?, fs::read_link(fd.path()).ok()?)));
        files.collect()
    }

    /// The identity of a namespace it is in: `pid`, `net`, `mnt`, `ipc`, `uts`, `user`, `cgroup` or `time`.
    #[track_caller]
    pub fn namespace(self, kind: &str) -> PathBuf {
        fs::read_link(self.namespace_path(kind)).expect("a namespace")
    }

    /// The path by which another process can join that namespace.
    pub fn namespace_path(self, kind: &str) -> PathBuf {
        self.path("ns").join(kind)
    }

    /// Its environment, in order.
    pub fn environment(self) -> Vec<String> {
        self.read("environ").split_terminator('\0').map(str::to_owned).collect()
    }

    /// Its arguments.
    pub fn args(self) -> Vec<String> {
        self.read("cmdline").split_terminator('\0').map(str::to_owned).collect()
    }

    /// What a link of `/proc/PID` points to: `cwd`, `root` or `exe`.
    pub fn link(self, name: &str) -> PathBuf {
        fs::read_link(self.path(name)).unwrap_or_default()
    }

    /// That link itself: a path that the kernel resolves in the process's place.
    pub fn link_path(self, name: &str) -> PathBuf {
        self.path(name)
    }

    /// The content of a file of `/proc/PID`, empty when the process is gone.
    pub fn read(self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// The directory of its cgroup: of a v1 controller, or of the unified hierarchy by the name ``.
    #[track_caller]
    pub fn cgroup(self, controller: &str) -> PathBuf {
        let memberships = self.read("cgroup");
        let mut lines = memberships.lines().map(|line| line.splitn(3, ':').skip(1));
        let path = lines.find_map(|mut words| {
            let hierarchy = words.next()?.split(',').any(|name| name.trim_start_matches("name=") == controller);
            words.next().filter(|_| hierarchy)
        });
        let path = path.unwrap_or_else(|| panic!("no cgroup of `{controller}`: {memberships}"));
        Path::new("/sys/fs/cgroup").join(controller).join(path.trim_start_matches('/'))
    }

    /// The trimmed content of a file of its cgroup; the controller is the part of the name before the dot.
    #[track_caller]
    pub fn cgroup_value(self, file: &str) -> String {
        let controller = file.split('.').next().expect("a controller");
        let controller = if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { "" } else { controller };
        let path = self.cgroup(controller).join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim().to_owned()
    }

    fn path(self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.pid.to_string()).join(name)
    }
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`: proc_pid_mountinfo(5).
fn mount(line: &str) -> Mount {
    let (own, superblock) = line.split_once(" - ").expect("mountinfo");
    let own: Vec<&str> = own.split(' ').collect();
    let superblock: Vec<&str> = superblock.split(' ').collect();
    let list = |text: &str| text.split(',').map(str::to_owned).collect();
    Mount {
        root: own[3].to_owned(),
        destination: own[4].to_owned(),
        options: list(own[5]),
        propagation: own[6..].iter().map(|field| (*field).to_owned()).collect(),
        kind: superblock[0].to_owned(),
        source: superblock[1].to_owned(),
        superblock: list(superblock[2]),
    }
}
