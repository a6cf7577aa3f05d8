//! `linux.intelRdt` → a group of the resctrl filesystem, and that group made, filled, entered and removed
//! (Documentation/filesystems/resctrl.rst).
//!
//! Comes in: what the spec asks for, and where resctrl is mounted. Goes out: a [`Plan`], pure, then a [`Group`]. A task is moved by
//! its number, which costs no wait here, unlike in a cgroup.

mod group;
mod schemata;

use std::path::{Path, PathBuf};

pub(crate) use group::{Group, Rewritten};

use crate::error::{At, Error, Op, Pointer, Result};
use crate::spec::{Clos, IntelRdt, RESERVED};
use crate::sys::mountinfo;

const AT: Pointer = Pointer::new("/linux/intelRdt");

/// The group of a container, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Where resctrl is mounted.
    pub(crate) root: PathBuf,
    /// The directory of the group.
    pub(crate) group: PathBuf,
    /// Whether it is made where it is missing.
    pub(crate) make: bool,
    /// Whether it goes with the container that made it.
    pub(crate) own: bool,
    /// What is written to its `schemata`, or must stand there where the group is older than the container.
    pub(crate) lines: Vec<(String, Pointer)>,
    /// The directory of the container's own counters.
    pub(crate) monitor: Option<PathBuf>,
    /// Which field names the group.
    pub(crate) field: Pointer,
}

/// What container `id` needs.
pub(crate) fn plan(rdt: &IntelRdt<'_>, id: &str, root: Option<&Path>) -> Result<Plan> {
    let Some(root) = root else {
        return Err(Error::unsupported(AT, "no resctrl filesystem is mounted").hint(
            "mount -t resctrl resctrl /sys/fs/resctrl; it needs a processor that divides its cache or bandwidth",
        ));
    };
    if rdt.group == Clos::Own && RESERVED.contains(&id) {
        return Err(Error::config(AT, format!("`{id}` cannot be the name of a resctrl group"))
            .hint("give the container another id, or name a group in closID"));
    }
    let (group, field) = match &rdt.group {
        Clos::Own => (root.join(id), AT),
        Clos::Default => (root.to_owned(), AT.key("closID")),
        Clos::Named(name) => (root.join(&**name), AT.key("closID")),
    };
    let own = rdt.group == Clos::Own;
    let monitor = rdt.monitoring.then(|| group.join("mon_groups").join(id));
    let lines: Vec<_> = rdt.lines.iter().map(|(line, at)| (line.to_string(), at.clone())).collect();
    // "If such pre-configured directory exists, runtime MUST assign container to this closID and generate an error if not."
    let make = own || !lines.is_empty();
    Ok(Plan { root: root.to_owned(), group, make, own, lines, monitor, field })
}

/// Where resctrl is mounted.
pub(crate) fn root() -> Result<Option<PathBuf>> {
    let mounts = mountinfo::read().at(Op::Probe)?;
    Ok(String::from_utf8_lossy(&mounts).lines().find_map(mounted_at))
}

/// The mount point in a line of `mountinfo` that is about resctrl (proc_pid_mountinfo(5)).
fn mounted_at(line: &str) -> Option<PathBuf> {
    let (mount, filesystem) = line.split_once(" - ")?;
    (filesystem.split(' ').next() == Some("resctrl")).then_some(())?;
    mount.split(' ').nth(4).map(mountinfo::path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resctrl_is_where_mountinfo_says() {
        let line = r"60 30 0:50 / /mnt/with\040space rw,relatime shared:1 master:2 - resctrl resctrl rw,mba_MBps";
        assert_eq!(mounted_at(line), Some("/mnt/with space".into()));
        assert_eq!(mounted_at("60 30 0:50 / /sys/fs/resctrl rw - sysfs resctrl rw"), None);
        assert_eq!(mounted_at("resctrl"), None);
    }
}
