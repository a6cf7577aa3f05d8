//! Mounts of the host that the container is to have: a detached clone of each.
//!
//! The host's root opens them in the parent, before anything of the container exists. Anybody else may clone mounts only in a
//! mount namespace of their own (open_tree(2)): there init does, before anything of the container has run.

use std::ffi::CString;

use orlop_plan::{Slot, Step};

use super::plan::{Open, Origin, Plan};
use crate::host::Host;
use crate::spec::{Namespace, NamespaceKind, Spec};

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
    if is_parents(spec, host) {
        return plan.open(Open::Tree { path, recursive }, origin);
    }
    let origin = match recursive {
        true => origin.clone(),
        false => origin.clone().hint(PARTS),
    };
    plan.push(Step::OpenHost { path: &path, to }, &origin);
    plan.push(Step::CloneTree { of: to, recursive, to }, &origin);
    to
}

const PARTS: &str =
    "without root, what has other mounts below it can be bound with these only (rbind), as they may hide something";

/// Whether the parent opens the trees: a mount namespace that is joined need not have the paths.
pub(super) fn is_parents(spec: &Spec<'_>, host: &Host) -> bool {
    host.caller.is_root() || !matches!(spec.linux.namespaces.get(NamespaceKind::Mount), Namespace::New)
}
