//! `mounts`: what is mounted where, with every option of the specification (config.md, "Mounts"; config-linux.md).

use serde::Deserialize;

use super::id_map::{self, IdMap};
use super::json::Object;
use super::mount_attributes::Attributes;
use super::mount_options::{self, MountData, Target};
use super::namespaces::RawIdMapping;
use super::text::{self, Text};
use super::{Str, Warning};
use crate::error::{Error, Pointer, Result};

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
    /// them. Empty for a bind mount, and for what is not the container's own.
    pub data: Vec<MountData<'c>>,
    /// `tmpcopyup`: the tmpfs begins with what lies under it. Also the index of that option.
    pub copy_up: Option<usize>,
    /// `idmap`, `ridmap`: its files are shown with other owners.
    pub id_map: Option<IdMap>,
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
    /// What is mounted there already, with other attributes, and other options where it is a new filesystem (`remount`).
    Remount,
}

/// One entry of `mounts` as it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawMount<'c> {
    #[serde(borrow)]
    destination: Option<Text<'c>>,
    #[serde(borrow, rename = "type")]
    fstype: Option<Text<'c>>,
    #[serde(borrow)]
    source: Option<Text<'c>>,
    #[serde(borrow)]
    options: Option<Vec<Text<'c>>>,
    uid_mappings: Option<Vec<Object<RawIdMapping>>>,
    gid_mappings: Option<Vec<Object<RawIdMapping>>>,
}

/// Checks all mounts, which stand at `at`.
pub(super) fn check<'c>(
    mounts: Option<Vec<Object<RawMount<'c>>>>,
    at: Pointer,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Mount<'c>>> {
    let mut checked = Vec::with_capacity(mounts.as_ref().map_or(0, Vec::len));
    for (at, mount) in text::each(mounts, at) {
        let mount = check_one(mount, at, &checked, warnings)?;
        checked.push(mount);
    }
    Ok(checked)
}

/// Whether a new filesystem is mounted there last: its options are the container's to change again.
fn is_new_at(destination: &str, before: &[Mount<'_>]) -> bool {
    let mut there = before.iter().rev().filter(|mount| mount.destination == destination);
    there
        .find(|mount| mount.kind != MountKind::Remount)
        .is_some_and(|mount| matches!(mount.kind, MountKind::Filesystem { .. }))
}

fn check_one<'c>(
    mount: RawMount<'c>,
    at: Pointer,
    before: &[Mount<'_>],
    warnings: &mut Vec<Warning>,
) -> Result<Mount<'c>> {
    let destination = destination(mount.destination, &at, warnings)?;
    let options = text::list(mount.options);
    let kind = kind(mount.fstype, mount.source, &options, &at)?;
    let target = match &kind {
        MountKind::Remount if is_new_at(&destination, before) => Target::OwnReadOnly,
        MountKind::Bind { .. } | MountKind::Remount => Target::Bind,
        MountKind::Cgroup => Target::Cgroup,
        MountKind::Filesystem { fstype, .. } if fstype == "tmpfs" => Target::Tmpfs,
        // The default devices are made in /dev after it is mounted; like runc, it becomes read-only last, by the attribute.
        MountKind::Filesystem { .. } if destination == "/dev" => Target::OwnReadOnly,
        MountKind::Filesystem { .. } => Target::Filesystem,
    };
    let read = mount_options::read(options, target, &at, warnings)?;
    let id_map = id_map::check(read.id_map, mount.uid_mappings, mount.gid_mappings, &at)?;
    match (&kind, &id_map) {
        (MountKind::Cgroup, Some(map)) => {
            return Err(Error::config(map.at.clone(), "a cgroup filesystem cannot be id-mapped"));
        }
        (MountKind::Remount, Some(map)) => {
            return Err(Error::config(map.at.clone(), "a mount that is there already cannot be id-mapped any more"));
        }
        _ => {}
    }
    Ok(Mount {
        at,
        destination,
        kind,
        attributes: read.attributes,
        recursive: read.recursive,
        propagation: read.propagation,
        data: read.data,
        copy_up: read.copy_up,
        id_map,
    })
}

/// "For compatibility with old tools and configurations, it MAY be a relative path, in which case it MUST be interpreted as relative
/// to "/". Relative paths are deprecated."
pub(super) fn destination<'c>(path: Option<Text<'c>>, at: &Pointer, warnings: &mut Vec<Warning>) -> Result<Str<'c>> {
    let at = at.key("destination");
    let Some(path) = text::some(path) else { return Err(Error::config(at, "a mount needs a `destination`")) };
    if let Some(clean) = text::clean(path.clone()) {
        return Ok(clean);
    }
    let message = format!("mount destination `{path}` is not absolute: taken from the root, as old tools mean it");
    warnings.push(Warning { field: at, message });
    Ok(text::clean(Str::Owned(format!("/{path}"))).unwrap_or(Str::Borrowed("/")))
}

fn kind<'c>(
    fstype: Option<Text<'c>>,
    source: Option<Text<'c>>,
    options: &[Str<'c>],
    at: &Pointer,
) -> Result<MountKind<'c>> {
    let recursive = options.iter().any(|option| option == "rbind");
    let bind = recursive || options.iter().any(|option| option == "bind");
    if options.iter().any(|option| option == "remount") {
        return Ok(MountKind::Remount);
    }
    let source = text::some(source);
    // "For bind mounts (when options include either bind or rbind), the type is a dummy, often none."
    match text::some(fstype).unwrap_or_default() {
        fstype if bind || fstype == "bind" || fstype == "rbind" => match source {
            Some(source) => Ok(MountKind::Bind { source, recursive: recursive || fstype == "rbind" }),
            None => Err(Error::config(at.key("source"), "a bind mount needs a `source`")),
        },
        fstype if fstype.is_empty() || fstype == "none" => {
            Err(Error::config(at.key("type"), "a mount needs the `type` of a filesystem")
                .hint("for a bind mount add `bind` or `rbind` to `options`"))
        }
        fstype if fstype == "cgroup" || fstype == "cgroup2" => Ok(MountKind::Cgroup),
        fstype => Ok(MountKind::Filesystem { fstype, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Mount<'_> {
        let mount = serde_json::from_str(json).unwrap();
        check_one(mount, Pointer::new("/mounts/0"), &[], &mut Vec::new()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_options_or_the_type_make_a_bind_mount() {
        let cases = [
            (r#"{"destination":"/a","type":"bind","source":"b"}"#, false),
            (r#"{"destination":"/a","type":"none","source":"b","options":["bind"]}"#, false),
            (r#"{"destination":"/a","source":"b","options":["rbind","ro"]}"#, true),
            (r#"{"destination":"/a","type":"proc","source":"b","options":["rbind","bind"]}"#, true),
        ];
        for (json, recursive) in cases {
            assert_eq!(read(json).kind, MountKind::Bind { source: "b".into(), recursive }, "{json}");
        }
    }

    #[test]
    fn both_cgroup_versions_are_one_kind() {
        for json in [r#"{"destination":"/c","type":"cgroup"}"#, r#"{"destination":"/c","type":"cgroup2","source":"x"}"#]
        {
            assert_eq!(read(json).kind, MountKind::Cgroup);
        }
    }

    #[test]
    fn read_only_dev_is_an_attribute_alone() {
        let dev = read(r#"{"destination":"/dev/","type":"devtmpfs","options":["ro"]}"#);
        assert_eq!((&*dev.destination, dev.data.len(), dev.attributes.set), ("/dev", 0, libc::MOUNT_ATTR_RDONLY));
        let sys = read(r#"{"destination":"/sys","type":"sysfs","options":["ro"]}"#);
        assert_eq!((sys.data.len(), sys.attributes.set), (1, libc::MOUNT_ATTR_RDONLY));
    }
}
