//! `idmap`, `ridmap` → a user namespace with the mappings, and the mount that takes them (`mount_setattr(2)`,
//! MOUNT_ATTR_IDMAP).
//!
//! The kernel asks for privilege over the filesystem and over the namespace, and for a mount nobody has seen. So the parent
//! maps bind mounts, as init in a user namespace has no power over the host's filesystems; init maps what it makes itself. What it
//! makes in a user namespace it hands to the parent for that: init has power over the filesystem then, and none over the namespace
//! that has the mappings.

use orlop_plan::{Slot, Step};

use super::plan::{Barrier, IdMapped, IdMaps, Open, Origin, Plan, c};
use super::process::PR_SET_DUMPABLE;
use crate::error::{Error, Op, Pointer, Result};
use crate::host::Host;
use crate::spec::{IdMap, MappedIds, Mount, Namespace, NamespaceKind, Spec};

const MOUNT_ATTR_IDMAP: u64 = 0x10_0000;

const UNSUPPORTED: &str =
    "the filesystem of this mount does not support id-mapped mounts on this kernel (tmpfs does from Linux 6.3)";

/// Has the parent map the tree of a bind mount, if that is wanted.
pub(crate) fn bind(tree: Slot, mount: &Mount<'_>, spec: &Spec<'_>, host: &Host, plan: &mut Plan) -> Result<()> {
    let Some(map) = &mount.id_map else { return Ok(()) };
    if !host.caller.is_root() {
        let message =
            "an id-mapped bind mount needs privilege over the host's filesystem: root outside of any user namespace";
        return Err(Error::unsupported(map.at.clone(), message));
    }
    let (namespace, origin) = (namespace(map, mount, spec, plan), origin(map, mount));
    plan.id_mapped.push(IdMapped { mount: tree, recursive: map.recursive, namespace, origin });
    Ok(())
}

/// Maps a new filesystem, if that is wanted.
pub(crate) fn filesystem(slot: Slot, mount: &Mount<'_>, spec: &Spec<'_>, plan: &mut Plan) {
    let Some(map) = &mount.id_map else { return };
    if *spec.linux.namespaces.get(NamespaceKind::User) != Namespace::Host {
        match map.ids {
            // It belongs to the container's user namespace, so it has the ids of that.
            MappedIds::Containers => {}
            MappedIds::Own { .. } => hand_over(slot, map, mount, spec, plan),
        }
        return;
    }
    let userns = namespace(map, mount, spec, plan);
    let (recursive, set) = (map.recursive, MOUNT_ATTR_IDMAP);
    let step = Step::MountSetattr { mount: slot, recursive, set, clear: 0, propagation: 0, userns };
    plan.push(step, &origin(map, mount));
}

/// Has the parent map a mount that init has made and nobody has seen.
fn hand_over(slot: Slot, map: &IdMap, mount: &Mount<'_>, spec: &Spec<'_>, plan: &mut Plan) {
    let (namespace, origin) = (namespace(map, mount, spec, plan), origin(map, mount));
    let socket = plan.open_once(Open::Mounts, &Origin::new(Op::Mount).field(&map.at));
    plan.push(Step::SendFd { socket, fd: slot, name: c"mount" }, &origin);
    plan.wait_for(Barrier::IdMapped(plan.handed.len()), Step::Barrier {}, &origin);
    plan.handed.push(IdMapped { mount: slot, recursive: map.recursive, namespace, origin });
}

/// What a process does that holds a new user namespace until somebody has opened it: it waits for its mappings, then to be
/// ended.
pub(crate) fn keeper(maps: &IdMaps, origin: &Origin) -> Plan {
    let at = origin.field.clone().unwrap_or(Pointer::new("/linux"));
    let mut plan =
        Plan { namespaces: NamespaceKind::User.flag(), id_maps: Some((maps.clone(), at)), ..Plan::default() };
    // It holds nothing of the host, and nobody else is there. A user, and newuidmap(1), may write the maps of a process only that
    // can be traced: the others' files in /proc belong to root.
    plan.push(Step::Prctl { option: PR_SET_DUMPABLE, value: 1 }, origin);
    plan.wait_for(Barrier::IdMaps, Step::Barrier {}, origin);
    plan.wait_for(Barrier::Ready, Step::Barrier {}, origin);
    plan
}

/// The namespace that has the mappings: one for all mounts with the same.
fn namespace(map: &IdMap, mount: &Mount<'_>, spec: &Spec<'_>, plan: &mut Plan) -> Slot {
    let linux = &spec.linux;
    let (maps, at) = match (&map.ids, linux.namespaces.get(NamespaceKind::User)) {
        (MappedIds::Own { uids, gids }, _) => (IdMaps::by_parent(uids, gids), mount.at.clone()),
        (MappedIds::Containers, Namespace::Join(path, field)) => {
            let flag = NamespaceKind::User.flag();
            let origin = Origin::new(Op::Namespace).field(field).path(path);
            return plan.open_once(Open::Namespace { path: c(path), flag }, &origin);
        }
        (MappedIds::Containers, _) => {
            (IdMaps::by_parent(&linux.uid_mappings, &linux.gid_mappings), Pointer::new("/linux"))
        }
    };
    // Of the object that has the lists: the error of one names it.
    plan.open_once(Open::IdMapNamespace(maps), &Origin::new(Op::IdMap).field(&at))
}

fn origin(map: &IdMap, mount: &Mount<'_>) -> Origin {
    Origin::new(Op::Mount).field(&map.at).path(&mount.destination).hint(UNSUPPORTED)
}
