//! `linux.resources` and `linux.cgroupsPath` → what to make and write. Pure: no system call, the same text on every machine with
//! the same [`Layout`].

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::layout::{Layout, below};
use super::systemd::{self, Unit};
use super::{Cgroup, Instruction, devices, limits};
use crate::error::{Error, Pointer, Result};
use crate::spec::Resources;

/// What to make and write, in order.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Plan {
    /// The directories of the container: one in each hierarchy.
    pub dirs: Vec<Dir>,
    /// What is written into them.
    pub writes: Vec<Write>,
    /// The device program of the cgroup v2 directory; `None` where cgroup v1 has a list, or nothing is to change.
    pub devices: Option<Vec<Instruction>>,
    /// Where a device was denied by name; `None`: where device rules are not permitted, a container does without.
    pub denied: Option<Pointer>,
    /// Controllers that the directories above the v2 one must hand down.
    pub enable: Vec<Enable>,
    /// The host's user who may divide the v2 directory ("Cgroup ownership"); `None`: it stays who makes it.
    pub owner: Option<u32>,
    /// `memory.checkBeforeUpdate`: what is used now must fit into this many bytes.
    pub fits: Option<Fits>,
    /// The unit that has the directory, where systemd makes it.
    pub unit: Option<Unit>,
}

/// A directory of a container in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dir {
    /// What is controlled here: `cpu`, `cpuacct`; on cgroup v2 what its root has to give.
    pub controllers: Vec<String>,
    /// Whether this is the cgroup v2 hierarchy.
    pub unified: bool,
    /// Where the hierarchy is mounted.
    pub mount: PathBuf,
    /// The directory.
    pub path: PathBuf,
}

impl Dir {
    /// Whether `controller` acts here.
    #[must_use]
    pub fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
    }
}

/// One value for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Index in [`Plan::dirs`].
    pub dir: usize,
    /// The file's name.
    pub file: Cow<'static, str>,
    /// What is written.
    pub value: String,
    /// Where it was asked for.
    pub field: Pointer,
    /// What is done when the kernel has no such file.
    pub missing: Missing,
    /// What a person can do when the file is missing or the value not permitted.
    pub hint: Option<&'static str>,
    /// The kernel checks this value against another one of this list: when it refuses, the others go first.
    pub entangled: bool,
}

/// When the kernel has no such file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It cannot be done here.
    Refuse,
    /// It does not matter; nor does it that the value is not permitted.
    Skip,
    /// This file takes this value instead.
    Use(Cow<'static, str>, String),
}

/// A controller for the v2 directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enable {
    /// `memory`
    pub controller: String,
    /// The field that needs it; `None`: it is only counted.
    pub field: Option<Pointer>,
}

/// A limit that must not be below what is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fits {
    /// Index in [`Plan::dirs`].
    pub dir: usize,
    /// The file that tells what is used.
    pub file: &'static str,
    /// The new limit.
    pub limit: u64,
    /// Where it was asked for.
    pub field: Pointer,
}

/// The cgroup of a new container.
pub fn plan(resources: &Resources<'_>, cgroups_path: Option<&str>, id: &str, layout: &Layout) -> Result<Plan> {
    let wanted = wanted_path(cgroups_path, id)?;
    let mut plan = Plan { dirs: directories(&wanted, layout), ..Plan::default() };
    limits::all(resources, &mut plan)?;
    devices::install(resources, &mut plan)?;
    Ok(plan)
}

/// New limits for a cgroup that is there (`update`). Device rules change only where some are given.
pub fn update_plan(resources: &Resources<'_>, cgroup: &Cgroup) -> Result<Plan> {
    let mut plan = Plan { dirs: cgroup.paths().to_vec(), ..Plan::default() };
    limits::all(resources, &mut plan)?;
    if !resources.devices.is_empty() {
        devices::install(resources, &mut plan)?;
    }
    systemd::update(cgroup, &mut plan);
    Ok(plan)
}

/// Refuses limits where there is no cgroup of the container's own that could have them.
pub fn nothing(resources: &Resources<'_>, layout: &Layout) -> Result<()> {
    let mut plan = Plan { dirs: directories(&wanted_path(None, "none")?, layout), ..Plan::default() };
    limits::all(resources, &mut plan)?;
    match plan.writes.into_iter().next() {
        None => Ok(()),
        Some(write) => Err(Error::unsupported(write.field, "a container without a cgroup of its own has no limits")
            .hint("leave --cgroup-manager=disabled out, or the limits")),
    }
}

/// `cgroupsPath` as two answers: below the mounts, or below the runtime's own cgroups, and which path.
pub(super) struct Wanted {
    pub(super) absolute: bool,
    path: PathBuf,
}

/// "If the value is specified as a relative path, the runtime MAY interpret it relative to a runtime-determined location":
/// below the cgroup of this process, as runc does; also where nothing is specified.
pub(super) fn wanted_path(cgroups_path: Option<&str>, id: &str) -> Result<Wanted> {
    let text = cgroups_path.filter(|path| !path.is_empty()).unwrap_or(id);
    let field = || Pointer::new("/linux/cgroupsPath");
    let mut path = PathBuf::new();
    for part in Path::new(text).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir if !path.pop() => {
                return Err(Error::config(field(), format!("cgroup path {text:?} climbs out of its hierarchy")));
            }
            _ => {}
        }
    }
    if path.as_os_str().is_empty() {
        let message = format!("cgroup path {text:?} names the root of the hierarchy, which cannot be a container's");
        return Err(Error::config(field(), message));
    }
    Ok(Wanted { absolute: text.starts_with('/'), path })
}

pub(super) fn directories(wanted: &Wanted, layout: &Layout) -> Vec<Dir> {
    let place = |mount: &Path, base: &Path| match wanted.absolute {
        true => mount.join(&wanted.path),
        false => below(mount, base).join(&wanted.path),
    };
    let v1 = layout.v1.iter().map(|hierarchy| Dir {
        controllers: hierarchy.controllers.clone(),
        unified: false,
        mount: hierarchy.mount.clone(),
        path: place(&hierarchy.mount, &hierarchy.own),
    });
    // Beside cgroup v1, a v2 hierarchy without controllers limits nothing. Alone it limits, and then this process's own cgroup can
    // hand no controllers down, for it has a process ("no internal processes", cgroups(7)): a container goes beside it, as in runc.
    let alone = layout.v1.is_empty();
    let v2 = layout.v2.iter().filter(|v2| alone || !v2.controllers.is_empty()).map(|v2| Dir {
        controllers: v2.controllers.clone(),
        unified: true,
        mount: v2.mount.clone(),
        path: place(&v2.mount, if alone && !v2.inside { v2.own.parent().unwrap_or(&v2.own) } else { &v2.own }),
    });
    v1.chain(v2).collect()
}
