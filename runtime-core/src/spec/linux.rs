//! `linux`: namespaces, id mappings, sysctls and paths (config-linux.md).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::devices::{self, RawDevice};
use super::intel_rdt::{IntelRdt, RawIntelRdt};
use super::json::Object;
use super::memory_policy::{MemoryPolicy, RawMemoryPolicy};
use super::namespaces::{self, IdMapping, Namespaces, RawIdMapping, RawNamespace};
use super::net_devices::{self, NetDevice, RawNetDevices};
use super::personality::{Personality, RawPersonality};
use super::resources::RawResources;
use super::sysctl::{self, Sysctl};
use super::text::{self, Pairs, Text};
use super::{Device, Resources, Seccomp, Str, Warning, seccomp};
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
    /// `mountLabel`: not empty.
    pub mount_label: Option<Str<'c>>,
    /// `personality`: unset means unchanged.
    pub personality: Option<Personality>,
    /// `memoryPolicy`: unset means unchanged.
    pub memory_policy: Option<MemoryPolicy>,
    /// `netDevices`; a network namespace comes with them.
    pub net_devices: Vec<NetDevice>,
    /// `intelRdt`: unset means that resctrl is left alone.
    pub intel_rdt: Option<IntelRdt<'c>>,
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
    namespaces: Option<Vec<Object<RawNamespace<'c>>>>,
    uid_mappings: Option<Vec<Object<RawIdMapping>>>,
    gid_mappings: Option<Vec<Object<RawIdMapping>>>,
    time_offsets: Option<BTreeMap<String, Object<RawOffset>>>,
    #[serde(borrow)]
    devices: Option<Vec<Object<RawDevice<'c>>>>,
    #[serde(borrow)]
    cgroups_path: Option<Text<'c>>,
    #[serde(borrow)]
    resources: Option<Object<RawResources<'c>>>,
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
    #[serde(borrow)]
    mount_label: Option<Text<'c>>,
    #[serde(borrow)]
    memory_policy: Option<Object<RawMemoryPolicy<'c>>>,
    #[serde(borrow)]
    personality: Option<Object<RawPersonality<'c>>>,
    #[serde(borrow)]
    net_devices: Option<RawNetDevices<'c>>,
    #[serde(borrow)]
    intel_rdt: Option<Object<RawIntelRdt<'c>>>,
}

#[derive(Deserialize)]
struct RawOffset {
    secs: Option<i64>,
    nanosecs: Option<u32>,
}

impl<'c> Linux<'c> {
    /// The first sysctl of a network namespace.
    #[must_use]
    pub fn network_sysctl(&self) -> Option<&Sysctl<'c>> {
        self.sysctl.iter().find(|sysctl| sysctl.path.starts_with("net/"))
    }
}

impl<'c> RawLinux<'c> {
    /// Checks everything in `linux`.
    pub(super) fn check(self, warnings: &mut Vec<Warning>) -> Result<Linux<'c>> {
        let resources = Pointer::new("/linux/resources");
        Ok(Linux {
            namespaces: namespaces::check(self.namespaces)?,
            uid_mappings: namespaces::mappings(self.uid_mappings, Pointer::new("/linux/uidMappings"))?,
            gid_mappings: namespaces::mappings(self.gid_mappings, Pointer::new("/linux/gidMappings"))?,
            time_offsets: time_offsets(self.time_offsets)?,
            devices: devices::check(self.devices)?,
            cgroups_path: cgroups_path(self.cgroups_path)?,
            resources: match self.resources {
                Some(Object(raw)) => raw.check(resources, warnings)?,
                None => Resources { at: resources, ..Resources::default() },
            },
            sysctl: sysctl::check(self.sysctl)?,
            seccomp: self.seccomp.map(seccomp::read).transpose()?,
            rootfs_propagation: rootfs_propagation(self.rootfs_propagation)?,
            masked_paths: masked_paths(self.masked_paths)?,
            readonly_paths: paths(self.readonly_paths, Pointer::new("/linux/readonlyPaths"))?,
            mount_label: text::some(self.mount_label),
            memory_policy: self.memory_policy.map(|Object(raw)| raw.check()).transpose()?,
            intel_rdt: self.intel_rdt.map(|Object(raw)| raw.check()).transpose()?,
            net_devices: net_devices::check(self.net_devices)?,
            personality: self.personality.map(|Object(raw)| raw.check()).transpose()?,
        })
    }
}

/// The kernel counts time in nanoseconds of 63 bits, and leaves half of them for what is to come (`kernel/time/namespace.c`).
const FARTHEST: i64 = i64::MAX / 1_000_000_000 / 2;

/// "The name of the clock is the entry key."
fn time_offsets(offsets: Option<BTreeMap<String, Object<RawOffset>>>) -> Result<Vec<(i32, i64, u32)>> {
    let all = Pointer::new("/linux/timeOffsets");
    let offset = |(name, Object(RawOffset { secs, nanosecs })): (String, Object<RawOffset>)| {
        let at = all.key(&name);
        let clock = match &*name {
            "monotonic" => libc::CLOCK_MONOTONIC,
            "boottime" => libc::CLOCK_BOOTTIME,
            _ => {
                return Err(Error::config(at, format!("a time namespace has no clock `{name}`"))
                    .hint("its clocks are monotonic and boottime"));
            }
        };
        let (secs, nanosecs) = (secs.unwrap_or_default(), nanosecs.unwrap_or_default());
        if !(-FARTHEST..=FARTHEST).contains(&secs) {
            let message = format!("{secs} seconds are more than {FARTHEST}, the farthest a clock can be set off");
            return Err(Error::config(at.key("secs"), message));
        }
        if nanosecs > 999_999_999 {
            return Err(Error::config(at.key("nanosecs"), format!("{nanosecs} nanoseconds are a second or more")));
        }
        Ok((clock, secs, nanosecs))
    };
    offsets.unwrap_or_default().into_iter().map(offset).collect()
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

/// A root that shows nothing holds no program.
fn masked_paths(masked: Option<Vec<Text<'_>>>) -> Result<Vec<Str<'_>>> {
    let at = Pointer::new("/linux/maskedPaths");
    let checked = paths(masked, at.clone())?;
    match checked.iter().position(|path| path == "/") {
        None => Ok(checked),
        Some(index) => Err(Error::config(at.index(index), "the root filesystem itself cannot be masked")),
    }
}

fn paths(paths: Option<Vec<Text<'_>>>, at: Pointer) -> Result<Vec<Str<'_>>> {
    let mut checked = text::list(paths);
    for (index, path) in checked.iter_mut().enumerate() {
        match text::clean(std::mem::take(path)) {
            Some(clean) => *path = clean,
            None => return Err(Error::config(at.index(index), "the path is not absolute")),
        }
    }
    Ok(checked)
}
