//! Id-mapped mounts: a user namespace for its mappings alone, and the mounts of the parent that take them.
//!
//! Comes in: mappings, and what was opened. Goes out: the namespace's descriptor. A host program has threads, which can make
//! no user namespace and come back (`unshare(2)`): an init is born in it, waits until it has been opened, and is ended.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use rustix::fs::{Mode, OFlags};

use super::{Sources, launch};
use crate::compile::{Barrier, IdMaps, Origin, Plan, keeper};
use crate::error::{Error, Result};

const PRIVILEGE: &str = "it needs privilege over the filesystem, a source that is not id-mapped already, and a user namespace other \
                         than the host's";

/// A user namespace with these mappings, in which no process is left.
pub(super) fn namespace(maps: &IdMaps, origin: &Origin) -> Result<OwnedFd> {
    let plan = keeper(maps, origin);
    let mut opened = None;
    let kept = launch(&plan, Sources::default(), None, [None; 3]).and_then(|mut init| {
        init.converse(|barrier, init| {
            if barrier == Barrier::Ready {
                let path = format!("/proc/{}/ns/user", init.pid());
                let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
                opened = Some(file.map_err(|errno| origin.error(Errno::from_raw(errno.raw_os_error())))?);
            }
            Ok(())
        })
    });
    kept.map_err(|error| if error.pointer().is_some() { error } else { error.located(origin) })?;
    opened.ok_or_else(|| origin.error(Errno::ESRCH))
}

/// Maps what `plan` wants mapped among `opened`.
pub(super) fn apply(plan: &Plan, opened: &[OwnedFd]) -> Result<()> {
    for mapped in &plan.id_mapped {
        let fd = |slot: orlop_plan::Slot| slot.index().and_then(|index| opened.get(index.checked_sub(1)?));
        let (Some(mount), Some(namespace)) = (fd(mapped.mount), fd(mapped.namespace)) else {
            return Err(mapped.origin.error(Errno::EBADF));
        };
        crate::sys::mount::map_ids(mount.as_fd(), mapped.recursive, namespace.as_fd())
            .map_err(|errno| explain(mapped.origin.error(errno), errno))?;
    }
    Ok(())
}

fn explain(error: Error, errno: Errno) -> Error {
    match errno {
        Errno::EPERM => error.hint(PRIVILEGE),
        _ => error,
    }
}
