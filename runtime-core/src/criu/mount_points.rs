//! Mount points in a root filesystem that may never have held this container: `create` makes them, CRIU does not.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::error::{At, Error, Op, Result};
use crate::spec::{Mount, MountKind, Spec};

/// Makes what is missing. What lies in a tmpfs comes with the checkpoint, and what lies in a bind mount with its source.
pub(super) fn make(spec: &Spec<'_>, bundle: &Path, rootfs: &Path) -> Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(rootfs, flags, Mode::empty()).at(Op::Restore).map_err(|error| error.on(rootfs))?;
    for (index, mount) in spec.mounts.iter().enumerate() {
        let above = spec.mounts.iter().take(index);
        let inside = |other: &Mount<'_>| {
            mount.destination.strip_prefix(&*other.destination).is_some_and(|rest| rest.starts_with('/'))
        };
        if above.into_iter().any(inside) || mount.destination == "/" {
            continue;
        }
        let is_file = match &mount.kind {
            MountKind::Bind { source, .. } => {
                std::fs::metadata(bundle.join(&**source)).is_ok_and(|found| !found.is_dir())
            }
            _ => false,
        };
        one(&root, &mount.destination, is_file)
            .at(Op::Restore)
            .map_err(|error: Error| error.on(&*mount.destination).field(mount.at.key("destination")))?;
    }
    Ok(())
}

/// Each part of the path is resolved beneath the root: a symlink leads to a place inside, never out of it.
fn one(root: &OwnedFd, path: &str, is_file: bool) -> Result<(), Errno> {
    let mut parent = root.try_clone().map_err(|_full| Errno::MFILE)?;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    for (index, part) in parts.iter().enumerate() {
        let so_far = parts.get(..=index).unwrap_or_default().join("/");
        parent = match open(root, &so_far) {
            Err(Errno::NOENT) if is_file && index + 1 == parts.len() => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
                rustix::fs::openat(parent.as_fd(), *part, flags, Mode::from_raw_mode(0o755))?
            }
            Err(Errno::NOENT) => {
                rustix::fs::mkdirat(parent.as_fd(), *part, Mode::from_raw_mode(0o755))?;
                open(root, &so_far)?
            }
            opened => opened?,
        };
    }
    Ok(())
}

fn open(root: &OwnedFd, path: &str) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_made_inside() {
        let dir = std::env::temp_dir().join(format!("orlop-mount-points-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("real")).unwrap();
        std::os::unix::fs::symlink("/real", dir.join("link")).unwrap();
        let root = OwnedFd::from(std::fs::File::open(&dir).unwrap());
        one(&root, "/link/a/b", false).unwrap();
        one(&root, "/etc/hosts", true).unwrap();
        one(&root, "/etc/hosts", true).unwrap();
        assert!(dir.join("real/a/b").is_dir() && dir.join("etc/hosts").is_file());
        assert!(open(&root, "../../../../etc/passwd").is_err(), "`..` ends at the root");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
