//! The root filesystem: opened by the parent, attached in the container's mount namespace, entered at the end
//! (config.md, "Root"; config-linux.md, "Rootfs Mount Propagation").

use orlop_plan::{Slot, Step};

use super::mounts::{Layout, MS_PRIVATE, MS_REC, MS_SHARED, MS_SLAVE, MS_UNBINDABLE};
use super::plan::{Open, Origin, Plan, c, in_bundle};
use super::tree;
use super::{Request, Terminal};
use crate::error::{Error, Op, Pointer, Result};
use crate::host::Host;
use crate::spec::{Namespace, NamespaceKind, Propagation, Spec};

const ROOT: Pointer = Pointer::new("/root/path");

/// Init's own slots.
pub(crate) mod local {
    use orlop_plan::Slot;

    /// The filesystem context being configured.
    pub(crate) const FS: Slot = Slot::local(0);
    /// The mount being made.
    pub(crate) const MOUNT: Slot = Slot::local(1);
    /// The container's `/dev`, where that is a new tmpfs.
    pub(crate) const DEV: Slot = Slot::local(2);
    /// The empty directory that masked directories show.
    pub(crate) const EMPTY: Slot = Slot::local(3);
    /// The host's `/dev/null`, which masked files show.
    pub(crate) const NULL: Slot = Slot::local(4);
    /// The root of the mount namespace before the container's own.
    pub(crate) const OLD_ROOT: Slot = Slot::local(5);
    /// The multiplexer's side of the terminal.
    pub(crate) const TERMINAL: Slot = Slot::local(6);
    /// The listener of a seccomp filter: the multiplexer's side is gone by then.
    pub(crate) const LISTENER: Slot = TERMINAL;
    /// The process's side of the terminal.
    pub(crate) const PEER: Slot = Slot::local(7);
    /// The hierarchy of cgroup v2, or the directory of all those of v1.
    pub(crate) const CGROUPS: Slot = Slot::local(8);
    /// The first of those that each hold one mount to the end.
    pub(crate) const KEPT: u16 = 9;
    /// Behind the last of them: the container's root, where init opens it.
    pub(crate) const LAST: u16 = 63;
    pub(crate) const ROOT: Slot = Slot::local(LAST);
}

/// Has the parent open the root filesystem, and puts it where nothing of the host's mounts can see it.
pub(crate) fn open(spec: &Spec<'_>, host: &Host, request: &Request<'_>, plan: &mut Plan) -> Result<Slot> {
    let origin = Origin::new(Op::Root)
        .field(&ROOT)
        .path(&spec.root)
        .hint("root.path names the directory of the container's filesystem, relative to the bundle");
    let path = in_bundle(&request.bundle, &spec.root)?;
    if *spec.linux.namespaces.get(NamespaceKind::Mount) == Namespace::Host {
        return without_mount_namespace(spec, path, host, request, &origin, plan);
    }
    isolate(spec, plan, &origin);
    let root = tree::open(path, true, local::ROOT, spec, host, plan, &origin);
    inherit(spec, root, plan, &origin);
    if spec.linux.rootfs_propagation == Some(Propagation::Shared) {
        // What lies below stays in the host's peer groups; the root itself gets one of its own at the end.
        plan.push(propagate(root, MS_PRIVATE), &origin);
    }
    plan.push(Step::AttachOn { mount: root, on: local::OLD_ROOT }, &origin);
    Ok(root)
}

/// The root of the container that `exec` joins: that of its mount namespace, or where it has none the one it was put in.
pub(crate) fn of_target(spec: &Spec<'_>, host: &Host, plan: &mut Plan) -> Slot {
    let origin = Origin::new(Op::Root).field(&ROOT);
    if *spec.linux.namespaces.get(NamespaceKind::Mount) == Namespace::Host {
        return plan.open(Open::Directory { path: c(&host.target_root.to_string_lossy()) }, &origin);
    }
    plan.push(Step::OpenHost { path: c"/", to: local::OLD_ROOT }, &origin);
    local::OLD_ROOT
}

/// Enters the root of a container without a mount namespace: nothing else keeps a second process out of the host's.
pub(crate) fn enter_target(spec: &Spec<'_>, root: Slot, plan: &mut Plan) {
    if *spec.linux.namespaces.get(NamespaceKind::Mount) == Namespace::Host {
        plan.push(Step::Chroot { root }, &Origin::new(Op::Root).field(&ROOT));
    }
}

/// The propagation that trees taken from the host begin with: what the whole root is to have, slave unless it says otherwise.
pub(crate) fn inherit(spec: &Spec<'_>, mount: Slot, plan: &mut Plan, origin: &Origin) {
    let propagation = match spec.linux.rootfs_propagation {
        None | Some(Propagation::Slave) => MS_SLAVE,
        Some(Propagation::Private | Propagation::Unbindable) => MS_PRIVATE,
        Some(Propagation::Shared) => return,
    };
    plan.push(propagate(mount, MS_REC | propagation), origin);
}

/// A step that changes how mount events travel.
pub(crate) fn propagate(mount: Slot, flags: u64) -> Step<'static> {
    let recursive = flags & MS_REC != 0;
    Step::MountSetattr { mount, recursive, set: 0, clear: 0, propagation: flags & !MS_REC, userns: Slot::NONE }
}

/// Into the root.
pub(crate) fn enter(spec: &Spec<'_>, layout: &Layout, request: &Request<'_>, plan: &mut Plan) {
    let origin = Origin::new(Op::Root).field(&ROOT).path(&spec.root);
    let step = match layout.pivots && !request.no_pivot {
        true => Step::PivotRoot { root: layout.root },
        false => Step::Chroot { root: layout.root },
    };
    plan.push(step, &origin);
}

/// The last changes to the root, once nothing is made in it any more.
pub(crate) fn finish(spec: &Spec<'_>, layout: &Layout, plan: &mut Plan) {
    if spec.root_readonly {
        let read_only = Step::MountSetattr {
            mount: layout.root,
            recursive: false,
            set: super::mounts::MOUNT_ATTR_RDONLY,
            clear: 0,
            propagation: 0,
            userns: Slot::NONE,
        };
        plan.push(read_only, &Origin::new(Op::Root).field(&Pointer::new("/root/readonly")));
    }
    // Not before: a root that is shared cannot be pivoted to (pivot_root(2), EINVAL).
    let at_the_end = match spec.linux.rootfs_propagation {
        Some(Propagation::Shared) => MS_SHARED,
        Some(Propagation::Unbindable) => MS_UNBINDABLE,
        _ => return,
    };
    let origin = Origin::new(Op::Root).field(&Pointer::new("/linux/rootfsPropagation"));
    plan.push(propagate(layout.root, at_the_end), &origin);
}

/// Cuts the new mount namespace off from the host's: what is done here shows nowhere else. What the host mounts below a tree that
/// is bound from it still shows there.
///
/// One that is joined must have the host's root: another is a container's, which would have this one's from then on.
fn isolate(spec: &Spec<'_>, plan: &mut Plan, origin: &Origin) {
    plan.push(Step::OpenHost { path: c"/", to: local::OLD_ROOT }, origin);
    if let Namespace::Join(path, field) = spec.linux.namespaces.get(NamespaceKind::Mount) {
        let joined = Origin::new(Op::Namespace).field(field).path(path).hint(super::namespaces::NO_NEW_ROOT);
        let hosts = plan.open(Open::Directory { path: c("/") }, &joined);
        plan.push(Step::SameDirectory { one: local::OLD_ROOT, other: hosts }, &joined);
    }
    plan.push(propagate(local::OLD_ROOT, MS_REC | MS_SLAVE), origin);
}

/// In the caller's mount namespace: what the container mounts lies on its root alone, and goes with it.
fn without_mount_namespace(
    spec: &Spec<'_>,
    path: std::ffi::CString,
    host: &Host,
    request: &Request<'_>,
    origin: &Origin,
    plan: &mut Plan,
) -> Result<Slot> {
    let Some(field) = mounted_field(spec, request) else { return Ok(plan.open(Open::Directory { path }, origin)) };
    if *spec.linux.namespaces.get(NamespaceKind::User) != Namespace::Host || !host.caller.is_root() {
        let message = "needs a mount namespace: only root may mount in that of the caller";
        return Err(Error::unsupported(field, message).hint("add {\"type\": \"mount\"} to linux.namespaces"));
    }
    plan.root_mount = Some(path.clone());
    let root = plan.open(Open::Directory { path }, origin);
    inherit(spec, root, plan, origin);
    Ok(root)
}

/// The first field that asks for a mount.
fn mounted_field(spec: &Spec<'_>, request: &Request<'_>) -> Option<Pointer> {
    let linux = &spec.linux;
    let asked = [
        (spec.root_readonly, "/root/readonly"),
        (request.terminal != Terminal::None, "/process/terminal"),
        (!linux.masked_paths.is_empty(), "/linux/maskedPaths"),
        (!linux.readonly_paths.is_empty(), "/linux/readonlyPaths"),
        (linux.rootfs_propagation.is_some(), "/linux/rootfsPropagation"),
    ];
    let mount = spec.mounts.first().map(|mount| mount.at.clone());
    mount.or_else(|| asked.into_iter().find(|(asked, _)| *asked).map(|(_, field)| Pointer::new(field)))
}
