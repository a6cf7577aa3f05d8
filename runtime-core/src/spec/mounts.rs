//! `mounts`: what is mounted where, with every option of the specification (config.md, "Mounts"; config-linux.md).

use super::Str;
use crate::error::Pointer;

/// One entry of `mounts`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mount<'c> {
    /// Where it stands: `/mounts/3`.
    pub at: Pointer,
    /// An absolute path in the container, lexically clean: no `.`, `..`, doubled or final slash.
    pub destination: Str<'c>,
    /// What is mounted.
    pub kind: MountKind<'c>,
    /// Attributes of the mount (`ro`, `nosuid`, `noatime` …), set on the mount alone.
    pub attributes: Attributes,
    /// Attributes set on the mount and on all below it (`rro`, `rnosuid` …).
    pub recursive: Attributes,
    /// The propagation options, in order: an `MS_*` flag of `mount(2)`, with `MS_REC` for `rprivate` and its like.
    pub propagation: Vec<u64>,
    /// Options for the filesystem itself, in order, the superblock's flags (`ro`, `sync`, `dirsync`, `lazytime` …) among
    /// them. Empty for a bind mount.
    pub data: Vec<MountData<'c>>,
    /// `tmpcopyup`: the tmpfs begins with what lies under it. Also the index of that option.
    pub copy_up: Option<usize>,
}

/// What a mount shows.
#[derive(Clone, Debug, PartialEq)]
pub enum MountKind<'c> {
    /// A tree of the host (`bind`, or `rbind` where `recursive`).
    Bind {
        /// Relative to the bundle, or absolute.
        source: Str<'c>,
        /// With all mounts below it.
        recursive: bool,
    },
    /// A new filesystem of this type; `cgroup` and `cgroup2` are [`MountKind::Cgroup`].
    Filesystem {
        /// The kernel's name of the filesystem.
        fstype: Str<'c>,
        /// The source shown in mountinfo, or the device or share to mount. `None` where absent or empty.
        source: Option<Str<'c>>,
    },
    /// The container's own cgroups, whichever version the host has.
    Cgroup,
}

/// Bits of `mount_setattr(2)` (`MOUNT_ATTR_*`), with `MOUNT_ATTR__ATIME` in `clear` whenever an atime mode is in `set`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Attributes to turn on.
    pub set: u64,
    /// Attributes to turn off.
    pub clear: u64,
}

/// One option for the filesystem: `size=64m`, or `ro` without a value.
#[derive(Clone, Debug, PartialEq)]
pub struct MountData<'c> {
    /// Its index in `options`.
    pub index: usize,
    /// The part before the first `=`.
    pub key: Str<'c>,
    /// The part after the first `=`.
    pub value: Option<Str<'c>>,
}
