//! Mounts of the host that the container is to have: a detached clone of each.
//!
//! The host's root opens them in the parent, before anything of the container exists. Anybody else may clone mounts only in a
//! mount namespace of their own (open_tree(2)): there init does, before anything of the container has run. So does the host's
//! root with what is bound, to make it in turn with the other mounts.

use std::ffi::{CStr, CString};

use orlop_plan::{Slot, Step};

use super::plan::{Open, Origin, Plan};
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
        true => plan.open(Open::Tree { path, recursive }, origin),
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

const PARTS: &str =
    "without root, what has other mounts below it can be bound with these only (rbind), as they may hide something";

/// Whether the parent opens the trees: a mount namespace that is joined need not have the paths.
pub(super) fn is_parents(spec: &Spec<'_>, host: &Host) -> bool {
    host.caller.is_root() || !matches!(spec.linux.namespaces.get(NamespaceKind::Mount), Namespace::New)
}
