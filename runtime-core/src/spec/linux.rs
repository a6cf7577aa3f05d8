//! `linux`: namespaces, id mappings, sysctls and paths (config-linux.md).

use super::{Device, Resources, Seccomp, Str};
use crate::error::Pointer;

/// The `linux` object.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Linux<'c> {
    /// `namespaces`: one of each kind at most.
    pub namespaces: Namespaces<'c>,
    /// `uidMappings`; never empty when the user namespace is new.
    pub uid_mappings: Vec<IdMapping>,
    /// `gidMappings`; never empty when the user namespace is new.
    pub gid_mappings: Vec<IdMapping>,
    /// `timeOffsets` as (clock id, seconds, nanoseconds); needs a new time namespace.
    pub time_offsets: Vec<(i32, i64, u32)>,
    /// `devices`, beyond those every container has.
    pub devices: Vec<Device<'c>>,
    /// `cgroupsPath`, as written; `None` where absent or empty.
    pub cgroups_path: Option<Str<'c>>,
    /// `resources`.
    pub resources: Resources<'c>,
    /// `sysctl`: each one belongs to a namespace the container has of its own.
    pub sysctl: Vec<Sysctl<'c>>,
    /// `seccomp`.
    pub seccomp: Option<Seccomp<'c>>,
    /// `rootfsPropagation`.
    pub rootfs_propagation: Option<Propagation>,
    /// `maskedPaths`: absolute, clean.
    pub masked_paths: Vec<Str<'c>>,
    /// `readonlyPaths`: absolute, clean.
    pub readonly_paths: Vec<Str<'c>>,
}

/// Where each namespace of the container comes from.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Namespaces<'c> {
    /// One of each of the eight kinds, in the order of [`NamespaceKind`].
    pub of: [Namespace<'c>; 8],
}

impl<'c> Namespaces<'c> {
    /// The namespace of this kind.
    #[must_use]
    pub fn get(&self, kind: NamespaceKind) -> &Namespace<'c> {
        let [user, mount, pid, network, ipc, uts, cgroup, time] = &self.of;
        match kind {
            NamespaceKind::User => user,
            NamespaceKind::Mount => mount,
            NamespaceKind::Pid => pid,
            NamespaceKind::Network => network,
            NamespaceKind::Ipc => ipc,
            NamespaceKind::Uts => uts,
            NamespaceKind::Cgroup => cgroup,
            NamespaceKind::Time => time,
        }
    }
}

/// Where one namespace comes from.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Namespace<'c> {
    /// The caller's own: not listed.
    #[default]
    Host,
    /// A new one.
    New,
    /// The one behind this absolute path, and the pointer of `path`.
    Join(Str<'c>, Pointer),
}

/// The kinds of `namespaces(7)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceKind {
    /// `user`
    User,
    /// `mount`
    Mount,
    /// `pid`
    Pid,
    /// `network`
    Network,
    /// `ipc`
    Ipc,
    /// `uts`
    Uts,
    /// `cgroup`
    Cgroup,
    /// `time`
    Time,
}

impl NamespaceKind {
    /// All kinds, in the order in which they are joined: the user namespace first, for its privileges.
    pub const ALL: [Self; 8] =
        [Self::User, Self::Mount, Self::Pid, Self::Network, Self::Ipc, Self::Uts, Self::Cgroup, Self::Time];

    /// The `CLONE_NEW*` flag of `clone(2)`.
    #[must_use]
    pub const fn flag(self) -> u32 {
        match self {
            Self::User => 0x1000_0000,
            Self::Mount => 0x0002_0000,
            Self::Pid => 0x2000_0000,
            Self::Network => 0x4000_0000,
            Self::Ipc => 0x0800_0000,
            Self::Uts => 0x0400_0000,
            Self::Cgroup => 0x0200_0000,
            Self::Time => 0x0000_0080,
        }
    }

    /// The name in `config.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Mount => "mount",
            Self::Pid => "pid",
            Self::Network => "network",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
            Self::Cgroup => "cgroup",
            Self::Time => "time",
        }
    }
}

/// One line of `/proc/<pid>/uid_map` (`user_namespaces(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdMapping {
    /// The first id inside the container.
    pub container_id: u32,
    /// The first id on the host.
    pub host_id: u32,
    /// How many, at least 1.
    pub size: u32,
}

/// One entry of `linux.sysctl`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sysctl<'c> {
    /// The path below `/proc/sys`, slashes between its parts.
    pub path: String,
    /// What is written.
    pub value: Str<'c>,
    /// Where it stands.
    pub at: Pointer,
}

/// `linux.rootfsPropagation` (`mount_namespaces(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// `shared`, `rshared`
    Shared,
    /// `slave`, `rslave`
    Slave,
    /// `private`, `rprivate`
    Private,
    /// `unbindable`, `runbindable`
    Unbindable,
}
