//! `linux`: namespaces, id mappings, sysctls and paths (config-linux.md).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::devices::{self, RawDevice};
use super::namespaces::{self, RawIdMapping, RawNamespace};
use super::resources::RawResources;
use super::text::{self, Pairs, Text};
use super::unimplemented::{self, Asked};
use super::{Device, Resources, Seccomp, Str, Warning, seccomp, sysctl};
use crate::error::{Error, Pointer, Result};

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

/// `linux` as it stands.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawLinux<'c> {
    #[serde(borrow)]
    namespaces: Option<Vec<RawNamespace<'c>>>,
    uid_mappings: Option<Vec<RawIdMapping>>,
    gid_mappings: Option<Vec<RawIdMapping>>,
    time_offsets: Option<RawTimeOffsets>,
    #[serde(borrow)]
    devices: Option<Vec<RawDevice<'c>>>,
    #[serde(borrow)]
    cgroups_path: Option<Text<'c>>,
    #[serde(borrow)]
    resources: Option<RawResources<'c>>,
    #[serde(borrow)]
    sysctl: Option<Pairs<'c>>,
    #[serde(borrow)]
    seccomp: Option<&'c RawValue>,
    #[serde(borrow)]
    rootfs_propagation: Option<Text<'c>>,
    #[serde(borrow)]
    masked_paths: Option<Vec<Text<'c>>>,
    #[serde(borrow)]
    readonly_paths: Option<Vec<Text<'c>>>,
    #[serde(default)]
    mount_label: Asked,
    #[serde(default)]
    memory_policy: Asked,
    #[serde(default)]
    personality: Asked,
    #[serde(default)]
    net_devices: Asked,
    #[serde(default)]
    intel_rdt: Asked,
}

#[derive(Deserialize)]
struct RawTimeOffsets {
    monotonic: Option<RawOffset>,
    boottime: Option<RawOffset>,
}

#[derive(Deserialize)]
struct RawOffset {
    secs: Option<i64>,
    nanosecs: Option<u32>,
}

impl<'c> RawLinux<'c> {
    /// Checks everything in `linux`.
    pub(super) fn check(self, warnings: &mut Vec<Warning>) -> Result<Linux<'c>> {
        unimplemented::refuse(
            &Pointer::new("/linux"),
            &[
                ("mountLabel", &self.mount_label),
                ("memoryPolicy", &self.memory_policy),
                ("personality", &self.personality),
                ("netDevices", &self.net_devices),
                ("intelRdt", &self.intel_rdt),
            ],
        )?;
        let resources = Pointer::new("/linux/resources");
        Ok(Linux {
            namespaces: namespaces::check(self.namespaces)?,
            uid_mappings: namespaces::mappings(self.uid_mappings, Pointer::new("/linux/uidMappings"))?,
            gid_mappings: namespaces::mappings(self.gid_mappings, Pointer::new("/linux/gidMappings"))?,
            time_offsets: time_offsets(self.time_offsets)?,
            devices: devices::check(self.devices)?,
            cgroups_path: cgroups_path(self.cgroups_path)?,
            resources: match self.resources {
                Some(raw) => raw.check(resources, warnings)?,
                None => Resources { at: resources, ..Resources::default() },
            },
            sysctl: sysctl::check(self.sysctl)?,
            seccomp: self.seccomp.map(seccomp::read).transpose()?,
            rootfs_propagation: rootfs_propagation(self.rootfs_propagation)?,
            masked_paths: paths(self.masked_paths, Pointer::new("/linux/maskedPaths"))?,
            readonly_paths: paths(self.readonly_paths, Pointer::new("/linux/readonlyPaths"))?,
        })
    }
}

fn time_offsets(offsets: Option<RawTimeOffsets>) -> Result<Vec<(i32, i64, u32)>> {
    let Some(offsets) = offsets else { return Ok(Vec::new()) };
    let mut checked = Vec::new();
    let clocks = [
        (libc::CLOCK_MONOTONIC, offsets.monotonic, "/linux/timeOffsets/monotonic/nanosecs"),
        (libc::CLOCK_BOOTTIME, offsets.boottime, "/linux/timeOffsets/boottime/nanosecs"),
    ];
    for (clock, offset, field) in clocks {
        let Some(RawOffset { secs, nanosecs }) = offset else { continue };
        let nanosecs = nanosecs.unwrap_or_default();
        if nanosecs > 999_999_999 {
            return Err(Error::config(Pointer::new(field), format!("{nanosecs} nanoseconds are a second or more")));
        }
        checked.push((clock, secs.unwrap_or_default(), nanosecs));
    }
    Ok(checked)
}

/// The path is as written, but for `..`: nothing that engines write climbs, and a path that does would leave its parent.
fn cgroups_path(path: Option<Text<'_>>) -> Result<Option<Str<'_>>> {
    match text::some(path) {
        Some(path) if path.split('/').any(|part| part == "..") => {
            Err(Error::config(Pointer::new("/linux/cgroupsPath"), format!("cgroup path `{path}` holds `..`")))
        }
        path => Ok(path),
    }
}

fn rootfs_propagation(name: Option<Text<'_>>) -> Result<Option<Propagation>> {
    let Some(name) = text::some(name) else { return Ok(None) };
    Ok(Some(match &*name {
        "shared" | "rshared" => Propagation::Shared,
        "slave" | "rslave" => Propagation::Slave,
        "private" | "rprivate" => Propagation::Private,
        "unbindable" | "runbindable" => Propagation::Unbindable,
        _ => {
            return Err(Error::config(
                Pointer::new("/linux/rootfsPropagation"),
                format!("unknown propagation `{name}`"),
            )
            .hint("it is shared, slave, private or unbindable"));
        }
    }))
}

fn paths(paths: Option<Vec<Text<'_>>>, at: Pointer) -> Result<Vec<Str<'_>>> {
    let mut checked = text::list(paths);
    for (index, path) in checked.iter_mut().enumerate() {
        match text::clean(std::mem::take(path)) {
            Some(clean) => *path = clean,
            None => return Err(Error::config(at.index(index), "the path is not absolute, or climbs above the root")),
        }
    }
    Ok(checked)
}
