//! `cpuset.cpus` and `cpuset.mems` of cgroup v1: empty in a new cgroup, and no process can enter until both are set (cpuset(7)).
//!
//! The parent's `cgroup.clone_children` would have the kernel do this, 20 µs faster; but it is a setting of a directory that is not
//! ours, and everyone else who makes one there would get it too.

use std::path::Path;

use nix::errno::Errno;

use super::file;
use super::plan::{Dir, Plan};
use crate::error::{Error, Op, Result};

/// Gives a new cgroup what its parent has, where the plan says nothing else.
pub(super) fn inherit(dir: &Dir, plan: &Plan) -> Result<()> {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let planned = plan.writes.iter().any(|write| write.file == name && plan.dirs.get(write.dir) == Some(dir));
        let Some(parent) = dir.path.parent() else { continue };
        if planned {
            // The parent must hold what the plan takes from it.
            value_of(parent, &dir.mount, name)?;
        } else {
            let value = value_of(parent, &dir.mount, name)?;
            write(&dir.path, name, &value)?;
        }
    }
    Ok(())
}

/// The value of a directory; an empty one takes its own parent's first, up to the mount.
fn value_of(dir: &Path, mount: &Path, name: &str) -> Result<String> {
    let path = dir.join(name);
    let value = file::read_text(&path).map_err(|errno| Error::system(Op::Cgroup, errno).on(&path))?;
    match dir.parent() {
        Some(parent) if value.is_empty() && dir != mount => {
            let value = value_of(parent, mount, name)?;
            write(dir, name, &value)?;
            Ok(value)
        }
        _ => Ok(value),
    }
}

fn write(dir: &Path, name: &str, value: &str) -> Result<()> {
    let path = dir.join(name);
    match file::write(&path, value) {
        // Someone else's processes are in a cgroup that was there already: it had a value by then.
        Ok(()) | Err(Errno::EBUSY) => Ok(()),
        Err(errno) => Err(Error::system(Op::Cgroup, errno).on(&path).message("inherit from the parent")),
    }
}
