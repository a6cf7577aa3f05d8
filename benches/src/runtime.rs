//! The runtimes that compete, and how each is called.
//!
//! Comes in: `PATH`, `ORLOP_BIN`, the directory of this program. Goes out: [`Command`]s with every option a figure needs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A command that is called like runc, or the floor, which is called as simply as can be.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// `orlop`, `runc` …
    pub name: &'static str,
    /// The program.
    pub program: PathBuf,
    /// Where it keeps its containers; the floor knows only `/run/floor`.
    root: PathBuf,
}

/// Where the floor keeps its containers.
pub const FLOOR_ROOT: &str = "/run/floor";

const FLOOR: &str = "floor";

impl Runtime {
    /// Those that are here, in the order they are shown. `scratch` gets a state directory for each.
    pub fn present(scratch: &Path) -> Vec<Self> {
        ["orlop", "runc", "crun", "youki", FLOOR]
            .into_iter()
            .filter_map(|name| Some(Self { name, program: find(name)?, root: scratch.join("state").join(name) }))
            .collect()
    }

    /// A certain program under a name of its own.
    pub fn at(name: &'static str, program: PathBuf, scratch: &Path) -> Self {
        Self { name, program, root: scratch.join("state").join(name) }
    }

    /// The floor reads no config.json and takes no options.
    pub fn is_floor(&self) -> bool {
        self.name == FLOOR
    }

    /// `create`, which writes the container's pid to [`pid_file`](Self::pid_file).
    pub fn create(&self, id: &str, bundle: &Path) -> Command {
        let mut command = self.call("create");
        if self.is_floor() {
            command.arg(id).current_dir(bundle);
        } else {
            command.arg("--bundle").arg(bundle).arg("--pid-file").arg(self.pid_file(id)).arg(id);
        }
        command
    }

    /// Where `create` leaves the pid.
    pub fn pid_file(&self, id: &str) -> PathBuf {
        if self.is_floor() { Path::new(FLOOR_ROOT).join(id).join("pid") } else { self.root.with_extension("pid") }
    }

    /// `start`.
    pub fn start(&self, id: &str) -> Command {
        let mut command = self.call("start");
        command.arg(id);
        command
    }

    /// `delete` of a stopped container.
    pub fn delete(&self, id: &str) -> Command {
        let mut command = self.call("delete");
        command.arg(id);
        command
    }

    /// `delete` of whatever is there.
    pub fn delete_forced(&self, id: &str) -> Command {
        let mut command = self.call("delete");
        if !self.is_floor() {
            command.arg("--force");
        }
        command.arg(id);
        command
    }

    /// `run`, in the foreground.
    pub fn run(&self, id: &str, bundle: &Path) -> Command {
        let mut command = self.call("run");
        if self.is_floor() {
            command.arg(id).current_dir(bundle);
        } else {
            command.arg("--bundle").arg(bundle).arg(id);
        }
        command
    }

    /// `exec /bin/true`.
    pub fn exec(&self, id: &str) -> Command {
        let mut command = self.call("exec");
        command.arg(id).arg("/bin/true");
        command
    }

    /// `--version`; the floor has none.
    pub fn version(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--version");
        command
    }

    fn call(&self, operation: &str) -> Command {
        let mut command = Command::new(&self.program);
        if !self.is_floor() {
            command.arg("--root").arg(&self.root);
        }
        command.arg(operation);
        command
    }
}

/// Ours are taken from the build (or `ORLOP_BIN`, `FLOOR_BIN`), the others from `PATH`.
fn find(name: &str) -> Option<PathBuf> {
    if let Some(chosen) = env::var_os(format!("{}_BIN", name.to_uppercase())) {
        return Some(chosen.into());
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bin");
    let beside = env::current_exe().ok().and_then(|own| own.parent().map(Path::to_owned));
    let ours = beside.into_iter().chain([workspace]);
    let path = env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = match name {
        "orlop" | FLOOR => ours.collect(),
        _ => env::split_paths(&path).collect(),
    };
    directories.into_iter().map(|directory| directory.join(name)).find(|program| program.is_file())
}
