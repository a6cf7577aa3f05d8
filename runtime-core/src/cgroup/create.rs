//! Makes the directories of a [`Plan`] and writes its values (cgroups(7); Documentation/admin-guide/cgroup-v2.rst).
//!
//! What was made is removed again when anything fails. A cgroup that is there already is used if nobody is in it, as in runc.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use rustix::fs::Mode;
use serde::{Deserialize, Serialize};

use super::control::collect;
use super::plan::{Dir, Plan};
use super::systemd::{Scope, Unit};
use super::{cpuset, device_program, enable, file, remove, write};
use crate::error::{Error, Kind, Op, Pointer, Result};

/// The cgroup of a container: one directory in each hierarchy. The directories outlive this value.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cgroup {
    pub(super) dirs: Vec<Dir>,
    /// The unit that has the directory, where systemd made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<Scope>,
}

impl Cgroup {
    /// Makes the directories, sets the limits and installs the device rules. Where systemd makes the directory, it is only seen to
    /// that nobody is in it: [`Cgroup::start`] has it made.
    pub fn create(plan: &Plan) -> Result<Self> {
        if plan.unit.is_some() {
            plan.dirs.iter().filter(|dir| file::exists(&dir.path)).try_for_each(usable)?;
            return Ok(Self::of(plan));
        }
        let mut made = Made::default();
        for dir in &plan.dirs {
            make(dir, &mut made)?;
        }
        enable::controllers(plan)?;
        for dir in plan.dirs.iter().filter(|dir| !dir.unified && dir.has("cpuset")) {
            cpuset::inherit(dir, plan)?;
        }
        write::all(plan)?;
        device_program::install(plan)?;
        let cgroup = Self::of(plan);
        plan.owner.map_or(Ok(()), |owner| cgroup.delegate(owner))?;
        made.0.clear();
        Ok(cgroup)
    }

    /// What a plan has made of it. A unit's directory is the container's only once the unit is started.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        match &plan.unit {
            Some(unit) => Self { dirs: Vec::new(), scope: Some(unit.scope()) },
            None => Self::from_paths(plan.dirs.clone()),
        }
    }

    /// Writes other limits, as [`super::update_plan`] computed them: all of them or none.
    pub fn update(&self, plan: &Plan) -> Result<()> {
        enable::controllers(plan)?;
        let before = write::current(plan);
        // Before the files: systemd writes what it is told to them, and rounds.
        plan.unit.as_ref().map_or(Ok(()), Unit::change)?;
        write::all(plan).and_then(|()| device_program::install(plan)).inspect_err(|_| {
            plan.unit.iter().for_each(|unit| unit.change_back(&before));
            write::back(&before);
        })
    }

    /// Whether systemd was asked for it, and has not answered yet.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        self.scope.is_some() && self.dirs.is_empty()
    }

    /// Whether it is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.dirs.first().is_some_and(|dir| file::exists(&dir.path))
    }

    /// The directories, for the record of a container.
    #[must_use]
    pub fn paths(&self) -> &[Dir] {
        &self.dirs
    }

    /// The cgroup of a record.
    #[must_use]
    pub fn from_paths(dirs: Vec<Dir>) -> Self {
        Self { dirs, scope: None }
    }

    /// The cgroup v2 directory.
    pub(super) fn unified(&self) -> Option<&Dir> {
        self.dirs.iter().find(|dir| dir.unified)
    }
}

/// Directories made so far; removed on drop, the last first.
#[derive(Default)]
struct Made(Vec<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // An error is under way already, and says more than this one could.
            remove::one(path).ok();
        }
    }
}

fn make(dir: &Dir, made: &mut Made) -> Result<()> {
    match mkdir(&dir.path, made) {
        Err(Errno::ENOENT) => {
            make_parents(&dir.path, made)?;
            mkdir(&dir.path, made).map_err(|errno| refused(&dir.path, errno))
        }
        Err(Errno::EEXIST) => usable(dir),
        other => other.map_err(|errno| refused(&dir.path, errno)),
    }
}

fn make_parents(path: &Path, made: &mut Made) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    match mkdir(parent, made) {
        Err(Errno::ENOENT) => {
            make_parents(parent, made)?;
            mkdir(parent, made).map_err(|errno| refused(parent, errno))
        }
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(refused(parent, errno)),
    }
}

fn mkdir(path: &Path, made: &mut Made) -> Result<(), Errno> {
    rustix::fs::mkdir(path, Mode::from_raw_mode(0o755)).map_err(file::errno)?;
    made.0.push(path.to_owned());
    Ok(())
}

/// Refuses a cgroup with processes in it or below: they would share the limits, and die with the container. And a frozen one: init would never run (crun issue 2243).
fn usable(dir: &Dir) -> Result<()> {
    let at = |errno| refused(&dir.path, errno);
    let taken = |message: &'static str| {
        let error = Error::new(Kind::Exists, Op::Cgroup).on(&dir.path).message(message);
        Err(error.field(PATH).hint("choose another linux.cgroupsPath"))
    };
    let mut processes = Vec::new();
    collect(&dir.path, &mut processes).map_err(at)?;
    if !processes.is_empty() {
        return taken("container's cgroup is not empty: it is there already and has processes in it");
    }
    let frozen = match (dir.unified, dir.has("freezer")) {
        (true, _) => file::read_text(dir.path.join("cgroup.freeze")).map_err(at)? == "1",
        (_, true) => file::read_text(dir.path.join("freezer.state")).map_err(at)? != "THAWED",
        _ => false,
    };
    if frozen {
        return taken("container's cgroup unexpectedly frozen: it is there already, and nothing in it would run");
    }
    Ok(())
}

const PATH: Pointer = Pointer::new("/linux/cgroupsPath");

fn refused(path: &Path, errno: Errno) -> Error {
    let error = Error::system(Op::Cgroup, errno).on(path).message("create").field(PATH);
    match errno {
        Errno::EACCES | Errno::EPERM | Errno::EROFS => {
            error.hint("without root, a cgroup must have been delegated to this user; see cgroups(7)")
        }
        _ => error,
    }
}
