//! A mount of type `cgroup` or `cgroup2`: the container's own groups, in the version the host has (config-linux.md,
//! "Control groups"). Without a cgroup namespace only the container's own part can be written to (CVE-2023-25809).

use std::path::Path;

use orlop_plan::{Slot, Step};

use super::labels;
use super::mounts::{
    MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY, MS_PRIVATE, Mounts, dress,
    set_attributes,
};
use super::plan::{Open, Origin, c};
use super::rootfs::{local, propagate};
use super::tree;
use crate::cgroup::{self, Hierarchy, Unified};
use crate::error::{Error, Result};
use crate::spec::{Attributes, Mount, MountKind, Namespace, NamespaceKind, Spec};

/// Adds the mount in the host's version of cgroups.
pub(crate) fn add(mount: &Mount<'_>, mounts: &mut Mounts<'_, '_>, origin: &Origin) -> Result<()> {
    let own_namespace = *mounts.spec.linux.namespaces.get(NamespaceKind::Cgroup) != Namespace::Host;
    match (mounts.host.cgroups.v1.is_empty(), own_namespace) {
        (false, _) => v1(mount, own_namespace, mounts, origin),
        (true, true) => {
            fresh(c"cgroup2", &[], mount, local::CGROUPS, mounts, origin)?;
            place(local::CGROUPS, mount, &mount.destination, mounts, origin);
            Ok(())
        }
        (true, false) => {
            let Some(v2) = &mounts.host.cgroups.v2 else { return Ok(()) };
            let slot = match is_read_only(mount) {
                true => whole(v2, mount, mounts, origin),
                false => own_part(&v2.mount, &v2.own, mount, mounts, origin)?,
            };
            place(slot, mount, &mount.destination, mounts, origin);
            Ok(())
        }
    }
}

/// The host's user who is to own the container's cgroup: its process's, where that sees it as a root of its own and may write to
/// the mount (config-linux.md, "Cgroup ownership"; runc has the same conditions).
pub(crate) fn owner(spec: &Spec<'_>) -> Option<u32> {
    let writable = |mount: &&Mount<'_>| {
        mount.kind == MountKind::Cgroup && mount.destination == "/sys/fs/cgroup" && !is_read_only(mount)
    };
    let namespaces = &spec.linux.namespaces;
    if *namespaces.get(NamespaceKind::Cgroup) != Namespace::New {
        return None;
    }
    spec.mounts.iter().find(writable)?;
    let uid = spec.process.user.uid;
    let owner = match namespaces.get(NamespaceKind::User) {
        Namespace::Host => Some(uid),
        Namespace::New => spec.linux.uid_mappings.iter().find_map(|map| map.host_id_of(uid)),
        Namespace::Join(..) => None,
    };
    // Root made it.
    owner.filter(|owner| *owner != 0)
}

/// Whether the container is to change nothing in a mount of cgroups.
pub(crate) fn is_read_only(mount: &Mount<'_>) -> bool {
    let Mount { attributes, recursive, .. } = mount;
    (attributes.set | recursive.set) & !recursive.clear & MOUNT_ATTR_RDONLY != 0
}

/// The host's hierarchy, which nobody may change: without a cgroup namespace `/proc/self/cgroup` has the path from the host's root,
/// and here it leads to the same place.
fn whole(v2: &Unified, mount: &Mount<'_>, mounts: &mut Mounts<'_, '_>, origin: &Origin) -> Slot {
    let path = c(&v2.mount.to_string_lossy());
    let tree = tree::open(path, false, local::CGROUPS, mounts.spec, mounts.host, mounts.plan, origin);
    mounts.plan.push(propagate(tree, MS_PRIVATE), origin);
    let Attributes { set, clear } = mount.attributes;
    let attributes = Attributes { set: set | MOUNT_ATTR_RDONLY, clear: clear & !MOUNT_ATTR_RDONLY };
    set_attributes(tree, false, attributes, mounts.plan, origin);
    tree
}

/// A tmpfs with a directory for each hierarchy, and a link for each controller that shares one.
fn v1(mount: &Mount<'_>, own_namespace: bool, mounts: &mut Mounts<'_, '_>, origin: &Origin) -> Result<()> {
    let base = local::CGROUPS;
    mounts.plan.push(Step::Fsopen { fstype: c"tmpfs", to: local::FS }, origin);
    mounts.plan.push(Step::FsconfigString { fs: local::FS, key: c"mode", value: c"755" }, origin);
    labels::configure(mounts.spec, mounts.plan);
    let safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    let attributes = attribute_word(mount, mount.attributes.set & !MOUNT_ATTR_RDONLY | safe)?;
    mounts.plan.push(Step::Fsmount { fs: local::FS, attributes, to: base }, origin);
    place(base, mount, &mount.destination, mounts, origin);
    let hierarchies = mounts.host.cgroups.v1.iter();
    for hierarchy in hierarchies {
        let name = hierarchy.mount.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let slot = match own_namespace {
            true => {
                fresh(c"cgroup", &hierarchy.controllers, mount, local::MOUNT, mounts, origin)?;
                local::MOUNT
            }
            false => own_part(&hierarchy.mount, &hierarchy.own, mount, mounts, origin)?,
        };
        dress(slot, mount, mounts.plan, origin);
        mounts.plan.push(Step::Attach { mount: slot, root: base, path: &c(&name), create: 1 }, origin);
        links(hierarchy, &name, base, mounts, origin);
    }
    if mount.attributes.set & MOUNT_ATTR_RDONLY != 0 {
        set_attributes(base, false, Attributes { set: MOUNT_ATTR_RDONLY, clear: 0 }, mounts.plan, origin);
    }
    Ok(())
}

fn links(hierarchy: &Hierarchy, name: &str, base: Slot, mounts: &mut Mounts<'_, '_>, origin: &Origin) {
    if hierarchy.controllers.len() < 2 {
        return;
    }
    for controller in &hierarchy.controllers {
        mounts.plan.push(Step::Symlink { root: base, path: &c(controller), target: &c(name) }, origin);
    }
}

/// The container's own directory of the host's mount. systemd shares that mount: a clone is still its peer, and what the
/// container did to it would be done on the host too.
///
/// A user's container without a cgroup of its own is in the user's, which it is shown and may not change.
fn own_part(
    hierarchy: &Path,
    makers: &Path,
    mount: &Mount<'_>,
    mounts: &mut Mounts<'_, '_>,
    origin: &Origin,
) -> Result<Slot> {
    let cgroup = mounts.plan.cgroup.as_ref();
    let own = cgroup.and_then(|cgroup| cgroup.dirs.iter().position(|dir| dir.mount == hierarchy));
    let dir = own.and_then(|index| cgroup?.dirs.get(index));
    let is_root = mounts.host.caller.is_root();
    let Attributes { mut set, clear } = mount.attributes;
    let slot = match (own, cgroup.and_then(|cgroup| cgroup.unit.as_ref())) {
        (None, _) if is_root => {
            let message = "a container without a cgroup of its own has none to show";
            return Err(Error::unsupported(mount.at.key("type"), message).hint("give it a cgroup namespace"));
        }
        (Some(index), None) if is_root => mounts.plan.open(Open::CgroupTree(index), origin),
        // Only init may clone it; and where systemd makes it around init, it is not there before.
        _ => {
            let path = dir.map_or_else(|| cgroup::below(hierarchy, makers), |dir| dir.path.clone());
            if dir.is_none() {
                set |= MOUNT_ATTR_RDONLY;
            }
            let path = c(&path.to_string_lossy());
            mounts.plan.push(Step::OpenHost { path: &path, to: local::FS }, origin);
            mounts.plan.push(Step::CloneTree { of: local::FS, recursive: false, to: local::MOUNT }, origin);
            local::MOUNT
        }
    };
    mounts.plan.push(propagate(slot, MS_PRIVATE), origin);
    set_attributes(slot, false, Attributes { set, clear: clear & !set }, mounts.plan, origin);
    Ok(slot)
}

/// A new mount of a cgroup filesystem, seen from the container's cgroup namespace.
fn fresh(
    fstype: &std::ffi::CStr,
    controllers: &[String],
    mount: &Mount<'_>,
    to: Slot,
    mounts: &mut Mounts<'_, '_>,
    origin: &Origin,
) -> Result<()> {
    mounts.plan.push(Step::Fsopen { fstype, to: local::FS }, origin);
    mounts.plan.push(Step::FsconfigString { fs: local::FS, key: c"source", value: c"cgroup" }, origin);
    for controller in controllers {
        let step = match controller.split_once('=') {
            Some((key, value)) => (c(key), Some(c(value))),
            None => (c(controller), None),
        };
        match &step {
            (key, Some(value)) => mounts.plan.push(Step::FsconfigString { fs: local::FS, key, value }, origin),
            (key, None) => mounts.plan.push(Step::FsconfigFlag { fs: local::FS, key }, origin),
        }
    }
    let attributes = attribute_word(mount, mount.attributes.set)?;
    mounts.plan.push(Step::Fsmount { fs: local::FS, attributes, to }, origin);
    Ok(())
}

fn place(slot: Slot, mount: &Mount<'_>, destination: &str, mounts: &mut Mounts<'_, '_>, origin: &Origin) {
    dress(slot, mount, mounts.plan, origin);
    mounts.attach(slot, destination, 1, &origin.clone().field(&mount.at.key("destination")));
}

fn attribute_word(mount: &Mount<'_>, attributes: u64) -> Result<u32> {
    u32::try_from(attributes)
        .map_err(|_too_wide| Error::unsupported(mount.at.key("options"), "an attribute fsmount(2) does not take"))
}
