//! What lies outside of a container and CRIU has to be told of: sources of bind mounts, namespaces by path, cgroups.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::messages::{CgroupRoot, ExtMount, InheritFd, JoinNamespace, Options};
use crate::cgroup::{Cgroup, Dir};
use crate::compile::is_read_only;
use crate::error::{At, Error, Op, Result};
use crate::spec::{Mount, MountKind, Namespace, NamespaceKind, Spec};

/// Namespaces by path that CRIU leaves as they are; the others it joins.
const LEFT: [(NamespaceKind, &str, &str); 2] =
    [(NamespaceKind::Network, "net", "extRootNetNS"), (NamespaceKind::Pid, "pid", "extRootPidNS")];
const JOINED: [(NamespaceKind, &str); 5] = [
    (NamespaceKind::Mount, "mnt"),
    (NamespaceKind::Ipc, "ipc"),
    (NamespaceKind::Uts, "uts"),
    (NamespaceKind::User, "user"),
    (NamespaceKind::Time, "time"),
];

/// Tells of the mounts of a container to be dumped: their mount points are their names.
pub(super) fn dumped_mounts(spec: &Spec<'_>, cgroup: &Cgroup, pid: i32, options: &mut Options) {
    for (key, _) in mounts(spec, Path::new("/"), cgroup) {
        options.ext_mnt.push(ExtMount { value: key.clone(), key });
    }
    for path in &spec.linux.masked_paths {
        let there = std::fs::metadata(format!("/proc/{pid}/root{path}"));
        // A directory is covered by a tmpfs, which is the container's.
        if there.is_ok_and(|found| !found.is_dir()) {
            options.ext_mnt.push(ExtMount { key: path.to_string(), value: "/dev/null".into() });
        }
    }
}

/// Tells what is to be mounted there now.
pub(super) fn restored_mounts(spec: &Spec<'_>, bundle: &Path, cgroup: &Cgroup, options: &mut Options) {
    options.ext_mnt.extend(mounts(spec, bundle, cgroup).map(|(key, value)| ExtMount { key, value }));
    if !spec.linux.masked_paths.is_empty() {
        options.ext_mnt.push(ExtMount { key: "/dev/null".into(), value: "/dev/null".into() });
    }
}

/// Mount point and source of each mount that is a part of the host.
fn mounts<'s>(spec: &'s Spec<'_>, bundle: &'s Path, cgroup: &'s Cgroup) -> impl Iterator<Item = (String, String)> + 's {
    let shared = *spec.linux.namespaces.get(NamespaceKind::Cgroup) == Namespace::Host;
    spec.mounts.iter().flat_map(move |mount| match &mount.kind {
        MountKind::Bind { source, .. } => {
            vec![(mount.destination.to_string(), bundle.join(&**source).display().to_string())]
        }
        MountKind::Cgroup if shared => cgroups(mount, cgroup),
        MountKind::Cgroup | MountKind::Filesystem { .. } | MountKind::Remount => Vec::new(),
    })
}

/// Without a cgroup namespace of its own, a container has mounts of the host (`compile/cgroup_mount.rs`): its part of each v1
/// hierarchy, or of v2 all there is, to read alone, or its part.
fn cgroups(mount: &Mount<'_>, cgroup: &Cgroup) -> Vec<(String, String)> {
    let destination = &mount.destination;
    let (v2, v1): (Vec<&Dir>, Vec<&Dir>) = cgroup.paths().iter().partition(|dir| dir.unified);
    if v1.is_empty() {
        let source = |dir: &Dir| if is_read_only(mount) { dir.mount.clone() } else { dir.path.clone() };
        return v2.into_iter().map(|dir| (destination.to_string(), source(dir).display().to_string())).collect();
    }
    let name = |dir: &Dir| dir.mount.file_name().unwrap_or_default().to_string_lossy().into_owned();
    v1.into_iter().map(|dir| (format!("{destination}/{}", name(dir)), dir.path.display().to_string())).collect()
}

/// Tells of the namespaces of a container to be dumped that are not its own.
pub(super) fn dumped_namespaces(spec: &Spec<'_>, options: &mut Options) -> Result<()> {
    for (kind, name, key) in LEFT {
        if let Namespace::Join(path, field) = spec.linux.namespaces.get(kind) {
            let found = rustix::fs::stat(&**path).at(Op::Checkpoint);
            let found = found.map_err(|error: Error| error.on(&**path).field(field.clone()))?;
            options.external.push(format!("{name}[{}]:{key}", found.st_ino));
        }
    }
    Ok(())
}

/// Tells of those that a restored container gets. The descriptors are CRIU's from number `first` on.
pub(super) fn restored_namespaces(spec: &Spec<'_>, first: i32, options: &mut Options) -> Result<Vec<OwnedFd>> {
    let mut handed = Vec::new();
    for (kind, _, key) in LEFT {
        if let Namespace::Join(path, field) = spec.linux.namespaces.get(kind) {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
            let opened = rustix::fs::open(&**path, flags, Mode::empty()).at(Op::Restore);
            let opened = opened.map_err(|error| error.on(&**path).field(field.clone()))?;
            let fd = first + i32::try_from(handed.len()).unwrap_or(i32::MAX);
            options.inherit_fd.push(InheritFd { key: key.into(), fd });
            handed.push(opened);
        }
    }
    for (kind, name) in JOINED {
        if let Namespace::Join(path, _) = spec.linux.namespaces.get(kind) {
            options.join_ns.push(JoinNamespace { kind: name.into(), path: path.to_string() });
        }
    }
    match spec.linux.namespaces.get(NamespaceKind::Cgroup) {
        Namespace::Join(_, field) => Err(Error::unsupported(field.clone(), "CRIU joins no cgroup namespace by path")),
        _ => Ok(handed),
    }
}

/// Where the cgroups of a restored container are: below each root of cgroups, what it had is found here.
pub(super) fn cgroup_roots(cgroup: &Cgroup, options: &mut Options) {
    for dir in cgroup.paths() {
        let Ok(path) = dir.path.strip_prefix(&dir.mount) else { continue };
        let controllers = if dir.unified { String::new() } else { dir.controllers.join(",") };
        let path = format!("/{}", path.display());
        options.cg_root.push(CgroupRoot { controllers: Some(controllers), path });
    }
}

/// The cgroup by which CRIU stops everything.
pub(super) fn freezer(cgroup: &Cgroup) -> Option<String> {
    let mut dirs = cgroup.paths().iter().filter(|dir| dir.unified || dir.has("freezer"));
    dirs.next().map(|dir| dir.path.display().to_string())
}
