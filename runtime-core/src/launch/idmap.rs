//! Id-mapped mounts: a user namespace for its mappings alone, and the mounts of the parent that take them.
//!
//! Comes in: mappings, and what was opened. Goes out: the namespace's descriptor. A host program has threads, which can make
//! no user namespace and come back (`unshare(2)`): an init is born in it, waits until it has been opened, and is ended.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use rustix::fs::{Mode, OFlags};

use super::{Sources, launch};
use crate::compile::{Barrier, IdMaps, Origin, Plan, keeper};
use crate::error::{At, Error, Op, Result};

const PRIVILEGE: &str = "it needs privilege over the filesystem, a source that is not id-mapped already, and a user namespace other \
                         than the host's";

/// A user namespace with these mappings, in which no process is left.
pub(super) fn namespace(maps: &IdMaps, origin: &Origin) -> Result<OwnedFd> {
    held("user", &keeper(maps, origin), origin)
}

/// The namespace of this kind that an init is born in, which then is ended.
pub(super) fn held(kind: &str, keeper: &Plan, origin: &Origin) -> Result<OwnedFd> {
    let mut opened = None;
    let kept = launch(keeper, Sources::default(), None, [None; 3]).and_then(|mut init| {
        init.converse(|barrier, init| {
            if barrier == Barrier::Ready {
                let path = format!("/proc/{}/ns/{kind}", init.pid());
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
        let (Some(mount), Some(namespace)) = (given(mapped.mount, opened), given(mapped.namespace, opened)) else {
            return Err(mapped.origin.error(Errno::EBADF));
        };
        crate::sys::mount::map_ids(mount.as_fd(), mapped.recursive, namespace.as_fd())
            .map_err(|errno| explain(mapped.origin.error(errno), errno))?;
    }
    Ok(())
}

/// Mounts that init will hand over: the socket they come from, and the namespaces they take their mappings from.
#[derive(Debug)]
pub(super) struct Handed {
    socket: OwnedFd,
    namespaces: Vec<OwnedFd>,
}

/// A socket pair, where init makes mounts that are to be mapped: the parent's end, and init's.
pub(super) fn pair(plan: &Plan) -> Result<(Option<OwnedFd>, Option<OwnedFd>)> {
    if plan.handed.is_empty() {
        return Ok((None, None));
    }
    let (ours, theirs) = super::fd_pair(Op::Mount)?;
    Ok((Some(ours), Some(theirs)))
}

impl Handed {
    /// Keeps of `opened` what the mounts of `plan` will need.
    pub(super) fn new(socket: OwnedFd, plan: &Plan, opened: &[OwnedFd]) -> Result<Self> {
        let namespaces = plan.handed.iter().map(|mapped| match given(mapped.namespace, opened) {
            Some(namespace) => namespace.try_clone().at(Op::Mount),
            None => Err(mapped.origin.error(Errno::EBADF)),
        });
        Ok(Self { socket, namespaces: namespaces.collect::<Result<_>>()? })
    }

    /// Maps mount number `number`, which init has sent before it waits.
    pub(super) fn map(&self, plan: &Plan, number: usize) -> Result<()> {
        let (Some(mapped), Some(namespace)) = (plan.handed.get(number), self.namespaces.get(number)) else {
            return Err(super::dialogue::nonsense());
        };
        let mount = super::socket::receive(Op::Mount, self.socket.as_fd())?;
        let mount = mount.ok_or_else(|| mapped.origin.error(Errno::EBADF))?;
        crate::sys::mount::map_ids(mount.as_fd(), mapped.recursive, namespace.as_fd())
            .map_err(|errno| explain(mapped.origin.error(errno), errno))
    }
}

fn given(slot: orlop_plan::Slot, opened: &[OwnedFd]) -> Option<&OwnedFd> {
    slot.index().and_then(|index| opened.get(index.checked_sub(1)?))
}

fn explain(error: Error, errno: Errno) -> Error {
    match errno {
        Errno::EPERM => error.hint(PRIVILEGE),
        _ => error,
    }
}
