//! Where the benches run: a mount namespace of our own, a scratch directory, and an end that leaves nothing.
//!
//! crun refuses hosts whose v2 hierarchy beside v1 has controllers, so that hierarchy is unmounted, for everyone. This
//! process becomes the subreaper: a container's process is ours to wait for, whoever started it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use rustix::process::{Pid, Signal, geteuid, getpid, kill_process, set_child_subreaper};

use crate::call::reap_strays;
use crate::failure::{During, Failure, Result};
use crate::runtime::FLOOR_ROOT;

const CGROUPS: &str = "/sys/fs/cgroup";

/// Scratch directories in `/tmp`: this and the pid.
const SCRATCH: &str = "orlop-bench-";

/// Everything below is removed when this is dropped, on Ctrl-C too.
#[derive(Debug)]
pub struct Place {
    /// Scratch directory: bundles, state, logs.
    pub directory: PathBuf,
    /// Every container's id begins with this.
    prefix: String,
    last: AtomicU32,
    interrupted: Arc<AtomicBool>,
}

impl Place {
    /// Moves this process (which must have one thread) into it.
    pub fn enter() -> Result<Self> {
        if !geteuid().is_root() {
            return Err(Failure::new("bench needs root: sudo make bench"));
        }
        unshare(CloneFlags::CLONE_NEWNS).during("unshare the mount namespace")?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).during("make mounts private")?;
        let unified = Path::new(CGROUPS).join("unified");
        if unified.join("cgroup.procs").exists() {
            umount2(&unified, MntFlags::MNT_DETACH).during(format_args!("umount {}", unified.display()))?;
        }
        set_child_subreaper(Some(getpid())).during("become subreaper")?;
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted)).during("catch signals")?;
        }
        let place = Self::of(&getpid().to_string(), interrupted);
        place.clean_after_the_killed();
        fs::create_dir_all(place.directory.join("state"))
            .during(format_args!("mkdir {}", place.directory.display()))?;
        Ok(place)
    }

    fn of(pid: &str, interrupted: Arc<AtomicBool>) -> Self {
        let directory = std::env::temp_dir().join(format!("{SCRATCH}{pid}"));
        Self { directory, prefix: format!("bench-{pid}-"), last: AtomicU32::new(0), interrupted }
    }

    /// A bench that got SIGKILL could not clean up: its scratch directory tells of it.
    fn clean_after_the_killed(&self) {
        for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(pid) = name.strip_prefix(SCRATCH)
                && pid.parse::<u32>().is_ok()
                // A zombie nobody reaped has a directory in /proc but no program.
                && fs::read_link(format!("/proc/{pid}/exe")).is_err()
            {
                drop(Self::of(pid, Arc::clone(&self.interrupted)));
            }
        }
    }

    /// A container id that was never used.
    pub fn new_id(&self) -> String {
        // Of one width, so that no id begins with another.
        format!("{}{:06}", self.prefix, self.last.fetch_add(1, Ordering::Relaxed))
    }

    /// Where the last command's words are.
    pub fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// An error once a signal has come.
    pub fn go_on(&self) -> Result<()> {
        if self.interrupted.load(Ordering::Relaxed) { Err(Failure::new("interrupted")) } else { Ok(()) }
    }

    /// Kills and removes what is left of every container whose id begins with `id`.
    pub fn sweep(&self, id: &str) {
        let mut left = Vec::new();
        cgroups_of(id, Path::new(CGROUPS), 5, &mut left);
        for cgroup in &left {
            kill_all(cgroup);
        }
        if !left.is_empty() {
            // The kernel removes a cgroup only when its last process has gone.
            std::thread::sleep(Duration::from_millis(50));
            reap_strays();
        }
        left.iter().for_each(|cgroup| drop(fs::remove_dir(cgroup)));
        for entry in fs::read_dir(FLOOR_ROOT).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(id) {
                drop(fs::remove_dir_all(entry.path()));
            }
        }
    }

    /// How many cgroups carry our prefix: 0 when all was cleaned up.
    pub fn cgroups_left(&self) -> usize {
        let mut left = Vec::new();
        cgroups_of(&self.prefix, Path::new(CGROUPS), 5, &mut left);
        left.len()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sweep(&self.prefix);
        drop(fs::remove_dir_all(&self.directory));
        drop(fs::remove_dir(FLOOR_ROOT));
    }
}

/// Innermost first. runc nests below our own cgroup, others do not.
fn cgroups_of(id: &str, directory: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth > 0 {
                cgroups_of(id, &entry.path(), depth - 1, found);
            }
            if entry.file_name().to_string_lossy().contains(id) {
                found.push(entry.path());
            }
        }
    }
}

fn kill_all(cgroup: &Path) {
    let members = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    for pid in members.lines().filter_map(|line| line.parse().ok()).filter_map(Pid::from_raw) {
        kill_process(pid, Signal::KILL).unwrap_or_default();
    }
}
