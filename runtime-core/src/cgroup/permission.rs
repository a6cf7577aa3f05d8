//! A user makes cgroups only where root has let them: in a part of a hierarchy that was delegated (cgroups(7), "Delegation").
//!
//! In: where this process stands. Out: what is closed to it, asked before anything is made; and a [`Plan`] without that, as runc
//! does without root.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::layout::{Layout, below};
use super::plan::{Dir, Missing, Plan, directories, wanted_path};
use super::{file, limits};
use crate::error::{Error, Pointer, Result};
use crate::spec::Resources;

impl Layout {
    /// Where the hierarchies are mounted in which this process may make no cgroup for the container. On cgroup v2 finds first
    /// whether one goes beside its own, as for root, or below it.
    pub(crate) fn closed(&mut self, resources: &Resources<'_>, path: Option<&str>, id: &str) -> Result<Vec<PathBuf>> {
        let wanted = wanted_path(path, id)?;
        let alone = self.v1.is_empty();
        if let Some(v2) = self.v2.as_mut().filter(|_| alone && !wanted.absolute) {
            let own = below(&v2.mount, &v2.own);
            let beside = own.parent().is_some_and(|parent| parent.starts_with(&v2.mount) && is_open(parent));
            v2.inside = !beside;
            // What systemd delegated to a service is to end with it. Limits need a cgroup above that has no processes.
            if beside && is_delegated(&own) && is_open(&own) {
                let mut plan = Plan { dirs: directories(&wanted, self), ..Plan::default() };
                limits::all(resources, &mut plan)?;
                if let Some(v2) = &mut self.v2 {
                    v2.inside = plan.writes.is_empty();
                }
            }
        }
        let own = self.v2.as_ref().map(|v2| below(&v2.mount, &v2.own)).unwrap_or_default();
        let dirs = directories(&wanted, self).into_iter();
        Ok(dirs.filter(|dir| !may_be_made(dir, &own)).map(|dir| dir.mount).collect())
    }
}

impl Plan {
    /// Does without the hierarchies mounted at `closed`, if nothing was asked of them.
    pub(crate) fn leave_out(&mut self, closed: &[PathBuf], is_named: bool) -> Result<()> {
        let is_closed = |dir: &Dir| closed.contains(&dir.mount);
        if !self.dirs.iter().any(is_closed) {
            return Ok(());
        }
        if let Some(field) = self.asked_of(is_closed) {
            return Err(Error::unsupported(field, "this user may make no cgroup that could limit it").hint(DELEGATE));
        }
        if is_named {
            let message = "this user may make no cgroup there";
            return Err(Error::unsupported(Pointer::new("/linux/cgroupsPath"), message).hint(DELEGATE));
        }
        let kept: Vec<usize> = (0..).zip(&self.dirs).filter(|(_, dir)| !is_closed(dir)).map(|(at, _)| at).collect();
        let moved = |dir: usize| kept.iter().position(|kept| *kept == dir);
        self.writes.retain_mut(|write| match moved(write.dir) {
            Some(dir) => {
                write.dir = dir;
                true
            }
            None => false,
        });
        if let Some(fits) = &mut self.fits {
            fits.dir = moved(fits.dir).unwrap_or(fits.dir);
        }
        self.dirs.retain(|dir| !is_closed(dir));
        if !self.dirs.iter().any(|dir| dir.unified) {
            self.devices = None;
            self.enable.clear();
        }
        Ok(())
    }

    /// Below this process's own cgroup, which has a process in it and so hands no controllers down ("no internal processes",
    /// cgroups(7)). Some the kernel would hand to threads, and let no process enter what is below.
    pub(crate) fn go_inside(&mut self) -> Result<()> {
        if let Some(field) = self.enable.iter().find_map(|enable| enable.field.clone()) {
            let message = "the cgroup that is delegated has this process in it, and so can give no container a limit";
            return Err(Error::unsupported(field, message).hint("move the process into a cgroup below it first"));
        }
        self.enable.clear();
        Ok(())
    }

    /// Who is not the host's root can install no device rules, and is not asked for any, as in runc: in a user namespace no device
    /// node can be made, and only those can be opened that the configuration shows.
    pub(crate) fn forgo_device_rules(&mut self) {
        self.devices = None;
        self.denied = None;
        self.writes.retain(|write| !write.file.starts_with("devices."));
    }

    /// The field of the first limit that needs a closed hierarchy. The device rules of every container are none.
    fn asked_of(&self, is_closed: impl Fn(&Dir) -> bool) -> Option<Pointer> {
        let closed = |dir: usize| self.dirs.get(dir).is_some_and(&is_closed);
        let limit = self.writes.iter().find(|write| closed(write.dir) && write.missing != Missing::Skip);
        let unified = self.dirs.iter().any(|dir| dir.unified && is_closed(dir));
        let controller = || self.enable.iter().filter(|_| unified).find_map(|enable| enable.field.clone());
        let denied = || self.denied.clone().filter(|_| unified && self.devices.is_some());
        limit.map(|write| write.field.clone()).or_else(controller).or_else(denied)
    }
}

const DELEGATE: &str =
    "have a cgroup delegated to this user (systemd: Delegate=yes), use --systemd-cgroup, or leave this out";

fn may_be_made(dir: &Dir, own: &Path) -> bool {
    if dir.unified && !may_be_entered(&dir.path, own) {
        return false;
    }
    let existing = dir.path.ancestors().find(|path| file::exists(path));
    existing.is_some_and(|path| path.starts_with(&dir.mount) && is_open(path))
}

/// A process enters a cgroup of v2 only if it may write to `cgroup.procs` of the nearest one above both ("Delegation
/// Containment", cgroup-v2.rst).
fn may_be_entered(path: &Path, own: &Path) -> bool {
    let common = own.ancestors().find(|above| path.starts_with(above));
    common.is_some_and(|common| may(&common.join("cgroup.procs"), Access::WRITE_OK))
}

fn is_open(path: &Path) -> bool {
    may(path, Access::WRITE_OK | Access::EXEC_OK)
}

/// With the ids that count when it is done.
fn may(path: &Path, access: Access) -> bool {
    accessat(CWD, path, access, AtFlags::EACCESS).is_ok()
}

/// systemd marks what it has delegated (Delegate= in systemd.resource-control(5)).
fn is_delegated(path: &Path) -> bool {
    let mut value = [0; 1];
    rustix::fs::getxattr(path, c"user.delegate", &mut value[..]).is_ok_and(|len| value.get(..len) == Some(b"1"))
}
