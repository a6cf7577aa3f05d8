//! Mounts of the host that the container is to have: a detached clone of each.
//!
//! The host's root opens them in the parent, before anything of the container exists. Anybody else may clone mounts only in a
//! mount namespace of their own (open_tree(2)): there init does, before anything of the container has run. So does the host's
//! root with what is bound, to make it in turn with the other mounts.
//!
//! In a user namespace somebody is root who may not undo what the host has done: take `ro`, `nosuid`, `nodev` or `noexec` from a
//! mount, or take away what is mounted over a part of it. The kernel locks that when it copies a mount namespace for another user
//! namespace (mount_namespaces(7), "Restrictions on mount namespaces"), and only then. So the parent has such a copy made, and
//! another init with its rights goes there and clones: it finds what the container's root may not reach.

use std::ffi::{CStr, CString};

use orlop_plan::{Slot, Step};

use super::plan::{Barrier, Open, Origin, Plan};
use super::process::PR_SET_DUMPABLE;
use super::rootfs::local;
use crate::host::Host;
use crate::spec::{Namespace, NamespaceKind, Propagation, Spec};

/// A clone of the tree at a path of the host: where it lies, which is `to` if init makes it.
pub(crate) fn open(
    path: CString,
    recursive: bool,
    to: Slot,
    spec: &Spec<'_>,
    host: &Host,
    plan: &mut Plan,
    origin: &Origin,
) -> Slot {
    match is_parents(spec, host) {
        true => {
            let locked = *spec.linux.namespaces.get(NamespaceKind::User) != Namespace::Host;
            plan.open(Open::Tree { path, recursive, locked }, origin)
        }
        false => by_init(&path, recursive, to, plan, origin),
    }
}

/// The same for one of `mounts`. Since Linux 6.8 mountinfo lists mounts in the order in which they were made, and what reads it
/// takes the last one at a path: so they are made in the order of their list, by init, where that finds what the parent does.
pub(crate) fn open_in_turn(
    path: CString,
    recursive: bool,
    to: Slot,
    spec: &Spec<'_>,
    host: &Host,
    plan: &mut Plan,
    origin: &Origin,
) -> Slot {
    let namespaces = &spec.linux.namespaces;
    let is_copy = *namespaces.get(NamespaceKind::Mount) == Namespace::New;
    // Mounts that are copied for another user namespace are locked together; the copies are slaves of the host's, never its peers.
    let is_whole = *namespaces.get(NamespaceKind::User) == Namespace::Host;
    match is_copy && is_whole && spec.linux.rootfs_propagation != Some(Propagation::Shared) {
        true => by_init(&path, recursive, to, plan, origin),
        false => open(path, recursive, to, spec, host, plan, origin),
    }
}

fn by_init(path: &CStr, recursive: bool, to: Slot, plan: &mut Plan, origin: &Origin) -> Slot {
    let origin = match recursive {
        true => origin.clone(),
        false => origin.clone().hint(PARTS),
    };
    plan.push(Step::OpenHost { path, to }, &origin);
    plan.push(Step::CloneTree { of: to, recursive, to }, &origin);
    to
}

const PARTS: &str = "in a user namespace, what has other mounts below it can be bound with these only (rbind), as they may hide something";

/// Whether the parent opens the trees: a mount namespace that is joined need not have the paths.
pub(super) fn is_parents(spec: &Spec<'_>, host: &Host) -> bool {
    host.caller.is_root() || !matches!(spec.linux.namespaces.get(NamespaceKind::Mount), Namespace::New)
}

/// How many clones lie in the socket at once, which holds some hundred.
pub(crate) const IN_ONE_GO: usize = 64;

/// What a process does that holds a copy of the mount namespace for another user namespace until somebody has opened it.
pub(crate) fn copy_keeper(origin: &Origin) -> Plan {
    let mut plan = Plan { namespaces: NamespaceKind::User.flag() | NamespaceKind::Mount.flag(), ..Plan::default() };
    // It holds nothing of the host, and nobody else is there.
    plan.push(Step::Prctl { option: PR_SET_DUMPABLE, value: 1 }, origin);
    plan.wait_for(Barrier::Ready, Step::Barrier {}, origin);
    plan
}

/// Clones trees in such a copy, and hands them to the parent in their order.
pub(crate) fn clones(trees: &[(&CStr, bool, &Origin)]) -> Plan {
    let mut plan = Plan::default();
    let Some((_, _, first)) = trees.first() else { return plan };
    let (copy, socket) = (plan.open(Open::Target, first), plan.open(Open::Added, first));
    plan.push(Step::Prctl { option: PR_SET_DUMPABLE, value: 0 }, first);
    plan.push(Step::Setns { ns: copy, flags: NamespaceKind::Mount.flag() }, first);
    for trees in trees.chunks(IN_ONE_GO) {
        for (path, recursive, origin) in trees {
            by_init(path, *recursive, local::MOUNT, &mut plan, origin);
            plan.push(Step::SendFd { socket, fd: local::MOUNT, name: c"mount" }, origin);
        }
        plan.wait_for(Barrier::Clones, Step::Barrier {}, first);
    }
    plan.wait_for(Barrier::Ready, Step::Barrier {}, first);
    plan
}
