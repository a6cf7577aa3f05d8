//! A root filesystem mounted on itself in the caller's mount namespace: what a container without a mount namespace of its own
//! mounts lies on it, so that all of it goes with one unmount.
//!
//! In: the directory of the root filesystem. Out: the mount and, for the record, which one it is. Unmounts no other.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};
use rustix::mount::{MoveMountFlags, OpenTreeFlags, UnmountFlags};
use serde::{Deserialize, Serialize};

use crate::error::{At, Op, Result};

/// Such a mount, for a container's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RootMount {
    directory: PathBuf,
    /// What statx(2) says of it, which since Linux 6.8 no other mount ever has.
    id: u64,
}

/// One that nobody sees yet.
#[derive(Debug)]
pub(crate) struct Detached {
    tree: OwnedFd,
    on: OwnedFd,
}

/// open_tree(2): with the mounts below.
const AT_RECURSIVE: u32 = 0x8000;
/// statx(2), Linux 6.8; before that the plain id, which a later mount may have again.
const STATX_MNT_ID_UNIQUE: StatxFlags = StatxFlags::from_bits_retain(0x4000);

impl RootMount {
    /// Makes it, to be written down before anybody can see it.
    pub(crate) fn prepare(directory: &Path) -> Result<(Self, Detached)> {
        let failed = |error: crate::Error| error.on(directory);
        let on = open(directory).at(Op::Root).map_err(failed)?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let flags = flags | OpenTreeFlags::AT_EMPTY_PATH | OpenTreeFlags::from_bits_retain(AT_RECURSIVE);
        let tree = rustix::mount::open_tree(&on, c"", flags).at(Op::Root).map_err(failed)?;
        let id = id(&tree).at(Op::Root).map_err(failed)?;
        Ok((Self { directory: directory.to_owned(), id }, Detached { tree, on }))
    }

    /// Unmounts it, with all that was mounted below. One that is gone, or not of this mount namespace, is fine.
    pub(crate) fn remove(&self) -> Result<()> {
        let Ok(there) = open(&self.directory) else { return Ok(()) };
        if id(&there).ok() != Some(self.id) {
            return Ok(());
        }
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&there));
        rustix::mount::unmount(path, UnmountFlags::DETACH).at(Op::Root).map_err(|error| error.on(&self.directory))
    }
}

impl Detached {
    /// Puts it in its place.
    pub(crate) fn attach(self) -> Result<()> {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        rustix::mount::move_mount(&self.tree, c"", &self.on, c"", flags).at(Op::Root)
    }
}

fn open(directory: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn id(mount: &OwnedFd) -> rustix::io::Result<u64> {
    let wanted = StatxFlags::MNT_ID | STATX_MNT_ID_UNIQUE;
    rustix::fs::statx(mount, c"", AtFlags::EMPTY_PATH, wanted).map(|found| found.stx_mnt_id)
}
