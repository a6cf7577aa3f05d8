//! `mounts[].options`: the table of config.md, "Linux mount options", and what each does in the words of the new mount API.
//!
//! Comes in: the options of one mount, in order; a later one overrides an earlier one. Goes out: attributes for
//! `mount_setattr(2)`, propagation for `mount(2)`, and the rest as `fsconfig(2)` data for the filesystem to judge.

use std::borrow::Cow;

use super::id_map::Asked;
use super::mount_attributes::{Attributes, CHANGES, Change, change};
use super::{Str, Warning};
use crate::error::{Error, Pointer, Result};

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

/// What the options are for; it decides what becomes of `ro` and of options nobody knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A bind mount, or one that is there already: the superblock belongs to another mount.
    Bind,
    /// A filesystem: `ro` is for the mount and for the superblock.
    Filesystem,
    /// As `Filesystem`, but `ro` is for the mount alone: the superblock is shared with the host, or written to first.
    OwnReadOnly,
    /// As `OwnReadOnly`, and may `tmpcopyup`.
    Tmpfs,
    /// The container's cgroups: their hierarchies are the host's, and take no options from a container.
    Cgroup,
}

impl Target {
    /// Whether what is shown has a superblock of somebody else's.
    fn is_borrowed(self) -> bool {
        matches!(self, Self::Bind | Self::Cgroup)
    }
}

/// What the options of one mount say.
#[derive(Default)]
pub(super) struct Options<'c> {
    pub(super) attributes: Attributes,
    pub(super) recursive: Attributes,
    pub(super) propagation: Vec<u64>,
    pub(super) data: Vec<MountData<'c>>,
    pub(super) copy_up: Option<usize>,
    pub(super) id_map: Option<Asked>,
}

/// What one option does.
#[derive(Clone, Copy)]
enum Meaning {
    /// Changes attributes of the mount.
    One(Change),
    /// Changes attributes of the mount and of all below it.
    All(Change),
    /// A flag of the superblock, which a bind mount does not own.
    Superblock,
    /// Propagation of mount events.
    Propagation(u64),
    /// Known, and there is nothing to do.
    Nothing,
    /// Copies what lies under a new tmpfs.
    CopyUp,
    /// Maps the ids of the mount, or of all below it, too.
    IdMap { recursive: bool },
    /// Maps ids as the option itself says: for crun alone.
    Mappings,
    /// Not in the table: for the filesystem to judge.
    Unknown,
}

/// Reads the options of the mount `at`.
pub(super) fn read<'c>(
    options: Vec<Str<'c>>,
    target: Target,
    at: &Pointer,
    warnings: &mut Vec<Warning>,
) -> Result<Options<'c>> {
    let mut read = Options::default();
    for (index, option) in options.into_iter().enumerate() {
        let place = || at.key("options").index(index);
        match meaning(&option) {
            Meaning::One(change) => {
                read.attributes.apply(change);
                if target == Target::Filesystem && matches!(&*option, "ro" | "rw") {
                    read.data.push(data(index, option));
                }
            }
            Meaning::All(change) => read.recursive.apply(change),
            Meaning::Propagation(flags) => read.propagation.push(flags),
            Meaning::Nothing => {}
            Meaning::IdMap { recursive } => read.id_map = Some(Asked { index, recursive }),
            Meaning::CopyUp if target == Target::Tmpfs => read.copy_up = Some(index),
            Meaning::Superblock if target.is_borrowed() => warnings.extend(lost(&option, place)),
            Meaning::Unknown if target == Target::Bind && option.contains('=') => {
                let message =
                    format!("`{option}` is left out: a bind mount shows a filesystem that is mounted already");
                warnings.push(Warning { field: place(), message });
            }
            Meaning::Superblock => read.data.push(data(index, option)),
            Meaning::Unknown if !target.is_borrowed() && parts(&option).all(|part| !part.starts_with('=')) => {
                match option {
                    Cow::Borrowed(text) => read.data.extend(parts(text).map(|part| data(index, part.into()))),
                    Cow::Owned(text) => read.data.extend(parts(&text).map(|part| data(index, part.to_owned().into()))),
                }
            }
            Meaning::CopyUp | Meaning::Mappings | Meaning::Unknown => {
                return Err(refusal(&option, target, place()));
            }
        }
    }
    Ok(read)
}

/// The options that are no attributes of a mount; those are in [`CHANGES`], and each has a recursive twin.
const MEANINGS: [(&str, Meaning); 25] = [
    ("async", Meaning::Superblock),
    ("dirsync", Meaning::Superblock),
    ("lazytime", Meaning::Superblock),
    ("mand", Meaning::Superblock),
    ("nolazytime", Meaning::Superblock),
    ("nomand", Meaning::Superblock),
    ("sync", Meaning::Superblock),
    // MS_I_VERSION has no word for fsconfig(2): xfs and btrfs always count versions, and ext4 since Linux 6.1.
    ("iversion", Meaning::Nothing),
    ("noiversion", Meaning::Nothing),
    // MS_SILENT has no counterpart in the new mount API, whose messages go to the caller anyway.
    ("silent", Meaning::Nothing),
    ("loud", Meaning::Nothing),
    // They have chosen the kind of mount already, or are the kernel's default.
    ("bind", Meaning::Nothing),
    ("rbind", Meaning::Nothing),
    ("remount", Meaning::Nothing),
    ("defaults", Meaning::Nothing),
    ("private", Meaning::Propagation(libc::MS_PRIVATE)),
    ("rprivate", Meaning::Propagation(libc::MS_PRIVATE | libc::MS_REC)),
    ("shared", Meaning::Propagation(libc::MS_SHARED)),
    ("rshared", Meaning::Propagation(libc::MS_SHARED | libc::MS_REC)),
    ("slave", Meaning::Propagation(libc::MS_SLAVE)),
    ("rslave", Meaning::Propagation(libc::MS_SLAVE | libc::MS_REC)),
    ("unbindable", Meaning::Propagation(libc::MS_UNBINDABLE)),
    ("runbindable", Meaning::Propagation(libc::MS_UNBINDABLE | libc::MS_REC)),
    ("idmap", Meaning::IdMap { recursive: false }),
    ("ridmap", Meaning::IdMap { recursive: true }),
];

/// Of tmpfs alone.
const COPY_UP: &str = "tmpcopyup";

/// Every option that is read, in order, for the features document.
pub(crate) fn names() -> Vec<String> {
    let alone = MEANINGS.iter().map(|(name, _)| *name).chain([COPY_UP]).chain(CHANGES.iter().map(|(name, _)| *name));
    let recursive = CHANGES.iter().map(|(name, _)| format!("r{name}"));
    let mut names: Vec<String> = alone.map(str::to_owned).chain(recursive).collect();
    names.sort_unstable();
    names
}

fn meaning(option: &str) -> Meaning {
    match option {
        // runc passes over an empty option, too.
        "" => return Meaning::Nothing,
        COPY_UP => return Meaning::CopyUp,
        _ if has_mappings(option) => return Meaning::Mappings,
        _ => {}
    }
    // An attribute is what is asked for most.
    match (change(option), option.strip_prefix('r').and_then(change)) {
        (Some(one), _) => Meaning::One(one),
        (None, Some(all)) => Meaning::All(all),
        (None, None) => MEANINGS.iter().find(|(name, _)| *name == option).map_or(Meaning::Unknown, |(_, known)| *known),
    }
}

fn has_mappings(option: &str) -> bool {
    option.starts_with("idmap=") || option.starts_with("ridmap=")
}

/// The warning for a flag of a superblock that belongs to another mount.
fn lost(option: &str, place: impl Fn() -> Pointer) -> Option<Warning> {
    let message = format!("`{option}` is left out: this mount cannot change the filesystem it shows");
    matches!(option, "sync" | "dirsync" | "lazytime" | "mand").then(|| Warning { field: place(), message })
}

/// The error for an option that no mount, or not this one, can have.
fn refusal(option: &str, target: Target, place: Pointer) -> Error {
    match option {
        "tmpcopyup" => Error::config(place, "`tmpcopyup` is for mounts of type tmpfs only"),
        _ if has_mappings(option) => Error::config(place, format!("`{option}` is crun's own way to map ids"))
            .hint("name them in `uidMappings` and `gidMappings` of the mount, with `idmap` or `ridmap` alone"),
        _ if target == Target::Bind => Error::config(place, format!("unknown option `{option}` for a bind mount"))
            .hint("a bind mount takes only the mount options of the OCI specification"),
        _ if target == Target::Cgroup => Error::config(place, format!("unknown option `{option}` for a cgroup mount"))
            .hint("a cgroup mount shows the host's hierarchies, and takes only attributes of a mount"),
        _ => Error::config(place, format!("option `{option}` has no name")),
    }
}

/// "Pass those as a comma-separated string": one option may be several. A comma in quotes (`context="…"`) or behind a backslash
/// (overlayfs) parts nothing.
fn parts(option: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let parted = move |letter| {
        let parts = letter == ',' && !quoted && !escaped;
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        parts
    };
    option.split(parted).filter(|part| !part.is_empty())
}

/// `size=64m` is a key and a value, `ro` a key alone.
fn data(index: usize, option: Str<'_>) -> MountData<'_> {
    match option {
        Cow::Borrowed(text) => match text.split_once('=') {
            Some((key, value)) => MountData { index, key: key.into(), value: Some(value.into()) },
            None => MountData { index, key: text.into(), value: None },
        },
        Cow::Owned(text) => match text.split_once('=') {
            Some((key, value)) => {
                MountData { index, key: Cow::Owned(key.to_owned()), value: Some(Cow::Owned(value.to_owned())) }
            }
            None => MountData { index, key: Cow::Owned(text), value: None },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options<'c>(texts: &[&'c str], target: Target) -> Options<'c> {
        let texts = texts.iter().map(|text| Cow::Borrowed(*text)).collect();
        let at = Pointer::new("/mounts/0");
        read(texts, target, &at, &mut Vec::new()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn keys<'a>(options: &'a Options<'_>) -> Vec<&'a str> {
        options.data.iter().map(|data| &*data.key).collect()
    }

    /// config.md, "Linux mount options".
    const ALL: &str = "async atime bind defaults dev diratime dirsync exec idmap iversion lazytime loud mand noatime nodev nodiratime \
        noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev \
        rdiratime relatime remount rexec ridmap rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid \
        rnosymfollow ro rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw \
        shared silent slave strictatime suid symfollow sync unbindable";

    #[test]
    fn every_option_of_the_specification_is_known() {
        // A bind mount refuses what is unknown.
        assert!(options(&ALL.split(' ').collect::<Vec<_>>(), Target::Bind).data.is_empty());
    }

    #[test]
    fn recursive_options_are_apart() {
        let read = options(&["rro", "nosuid", "rrw", "rnoexec", "rnoatime"], Target::Bind);
        assert_eq!(read.attributes, Attributes { set: libc::MOUNT_ATTR_NOSUID, clear: 0 });
        assert_eq!(
            read.recursive,
            Attributes {
                set: libc::MOUNT_ATTR_NOEXEC | libc::MOUNT_ATTR_NOATIME,
                clear: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR__ATIME
            }
        );
    }

    #[test]
    fn read_only_reaches_the_superblock_of_a_filesystem_alone() {
        assert_eq!(keys(&options(&["ro", "sync", "rw"], Target::Filesystem)), ["ro", "sync", "rw"]);
        for target in [Target::Tmpfs, Target::OwnReadOnly, Target::Bind] {
            let read = options(&["ro"], target);
            assert_eq!((keys(&read), read.attributes.set), (Vec::new(), libc::MOUNT_ATTR_RDONLY));
        }
    }

    #[test]
    fn propagation_keeps_its_order() {
        let read = options(&["rslave", "shared"], Target::Bind);
        assert_eq!(read.propagation, [libc::MS_SLAVE | libc::MS_REC, libc::MS_SHARED]);
    }

    #[test]
    fn what_is_not_in_the_table_is_for_the_filesystem() {
        let read = options(&["mode=755", "", "lowerdir=/a=b:/c", "newinstance", "tmpcopyup"], Target::Tmpfs);
        let data: Vec<_> = read.data.iter().map(|data| (data.index, &*data.key, data.value.as_deref())).collect();
        assert_eq!(data, [(0, "mode", Some("755")), (2, "lowerdir", Some("/a=b:/c")), (3, "newinstance", None)]);
        assert_eq!(read.copy_up, Some(4));
    }
}
