//! `mounts[].options`: the table of config.md, "Linux mount options", and what each does in the words of the new mount API.
//!
//! Comes in: the options of one mount, in order; a later one overrides an earlier one. Goes out: attributes for
//! `mount_setattr(2)`, propagation for `mount(2)`, and the rest as `fsconfig(2)` data for the filesystem to judge.

use std::borrow::Cow;

use super::unimplemented::not_yet;
use super::{Attributes, MountData, Str, Warning};
use crate::error::{Error, Pointer, Result};

const RDONLY: u64 = libc::MOUNT_ATTR_RDONLY;
const NOSUID: u64 = libc::MOUNT_ATTR_NOSUID;
const NODEV: u64 = libc::MOUNT_ATTR_NODEV;
const NOEXEC: u64 = libc::MOUNT_ATTR_NOEXEC;
const NOATIME: u64 = libc::MOUNT_ATTR_NOATIME;
const STRICTATIME: u64 = libc::MOUNT_ATTR_STRICTATIME;
const RELATIME: u64 = libc::MOUNT_ATTR_RELATIME;
/// The mask of the three modes above.
const ATIME: u64 = libc::MOUNT_ATTR__ATIME;
const NODIRATIME: u64 = libc::MOUNT_ATTR_NODIRATIME;
const NOSYMFOLLOW: u64 = libc::MOUNT_ATTR_NOSYMFOLLOW;

/// What the options are for; it decides what becomes of `ro` and of options nobody knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A bind mount: the superblock belongs to another mount.
    Bind,
    /// A filesystem: `ro` is for the mount and for the superblock.
    Filesystem,
    /// As `Filesystem`, but `ro` is for the mount alone: the superblock is shared with the host, or written to first.
    OwnReadOnly,
    /// As `OwnReadOnly`, and may `tmpcopyup`.
    Tmpfs,
}

/// What the options of one mount say.
#[derive(Default)]
pub(super) struct Options<'c> {
    pub(super) attributes: Attributes,
    pub(super) recursive: Attributes,
    pub(super) propagation: Vec<u64>,
    pub(super) data: Vec<MountData<'c>>,
    pub(super) copy_up: Option<usize>,
}

/// What one option of the table does.
#[derive(Clone, Copy)]
enum Meaning {
    /// Turns an attribute of the mount on.
    Set(u64),
    /// Turns it off.
    Clear(u64),
    /// Chooses how access times are kept.
    Atime(u64),
    /// Returns to `relatime`, the kernel's default, from any mode but this one.
    NotAtimeExcept(u64),
    /// A flag of the superblock, which a bind mount does not own.
    Superblock,
    /// Propagation of mount events.
    Propagation(u64),
    /// Known, and there is nothing to do.
    Nothing,
    /// Copies what lies under a new tmpfs.
    CopyUp,
    /// Not implemented yet.
    NotYet,
    /// Changes a mount that is there, which no container start does.
    Remount,
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
        // Engines join lists with commas and leave empty options behind; runc passes over them.
        if option.is_empty() {
            continue;
        }
        let place = || at.key("options").index(index);
        let (on_all, known) = meaning(&option);
        match known {
            Some(Meaning::Superblock) if target == Target::Bind => {
                if matches!(&*option, "sync" | "dirsync" | "lazytime" | "mand" | "iversion") {
                    let message = format!("`{option}` is left out: a bind mount cannot change the filesystem it shows");
                    warnings.push(Warning { field: place(), message });
                }
            }
            Some(Meaning::CopyUp) if target != Target::Tmpfs => {
                return Err(Error::config(place(), "`tmpcopyup` is for mounts of type tmpfs only"));
            }
            Some(Meaning::CopyUp) => read.copy_up = Some(index),
            Some(Meaning::Propagation(flags)) => read.propagation.push(flags),
            Some(Meaning::Nothing) => {}
            Some(Meaning::NotYet) => return Err(not_yet(place(), &option)),
            Some(Meaning::Remount) => {
                return Err(Error::config(
                    place(),
                    "`remount` changes a mount that is there, and here all mounts are new",
                )
                .hint("give the wanted options to the mount itself"));
            }
            None if target == Target::Bind => {
                return Err(Error::config(place(), format!("unknown option `{option}` for a bind mount"))
                    .hint("a bind mount takes only the mount options of the OCI specification"));
            }
            None | Some(Meaning::Superblock) => read.data.push(data(index, option)),
            Some(attribute) => {
                let attributes = if on_all { &mut read.recursive } else { &mut read.attributes };
                attributes.apply(attribute);
                if target == Target::Filesystem && matches!(&*option, "ro" | "rw") {
                    read.data.push(data(index, option));
                }
            }
        }
    }
    Ok(read)
}

/// What the option does, and whether it does it to all mounts below as well.
fn meaning(option: &str) -> (bool, Option<Meaning>) {
    let on_one = match option {
        "async" | "dirsync" | "iversion" | "lazytime" | "mand" | "noiversion" | "nolazytime" | "nomand" | "sync" => {
            Some(Meaning::Superblock)
        }
        // `silent` and `loud` steer the kernel's log lines (MS_SILENT), which the new mount API writes to the fs context
        // instead of the log. `bind` and `rbind` have chosen the kind of mount already. `defaults` is the kernel's default.
        "silent" | "loud" | "bind" | "rbind" | "defaults" => Some(Meaning::Nothing),
        "private" => Some(Meaning::Propagation(libc::MS_PRIVATE)),
        "rprivate" => Some(Meaning::Propagation(libc::MS_PRIVATE | libc::MS_REC)),
        "shared" => Some(Meaning::Propagation(libc::MS_SHARED)),
        "rshared" => Some(Meaning::Propagation(libc::MS_SHARED | libc::MS_REC)),
        "slave" => Some(Meaning::Propagation(libc::MS_SLAVE)),
        "rslave" => Some(Meaning::Propagation(libc::MS_SLAVE | libc::MS_REC)),
        "unbindable" => Some(Meaning::Propagation(libc::MS_UNBINDABLE)),
        "runbindable" => Some(Meaning::Propagation(libc::MS_UNBINDABLE | libc::MS_REC)),
        "tmpcopyup" => Some(Meaning::CopyUp),
        "idmap" | "ridmap" => Some(Meaning::NotYet),
        "remount" => Some(Meaning::Remount),
        name => attribute(name),
    };
    match (on_one, option.strip_prefix('r')) {
        (Some(meaning), _) => (false, Some(meaning)),
        (None, Some(name)) => (true, attribute(name)),
        (None, None) => (false, None),
    }
}

/// The options that have a recursive twin with an `r` in front.
fn attribute(name: &str) -> Option<Meaning> {
    Some(match name {
        "ro" => Meaning::Set(RDONLY),
        "rw" => Meaning::Clear(RDONLY),
        "nosuid" => Meaning::Set(NOSUID),
        "suid" => Meaning::Clear(NOSUID),
        "nodev" => Meaning::Set(NODEV),
        "dev" => Meaning::Clear(NODEV),
        "noexec" => Meaning::Set(NOEXEC),
        "exec" => Meaning::Clear(NOEXEC),
        "nodiratime" => Meaning::Set(NODIRATIME),
        "diratime" => Meaning::Clear(NODIRATIME),
        "nosymfollow" => Meaning::Set(NOSYMFOLLOW),
        "symfollow" => Meaning::Clear(NOSYMFOLLOW),
        "noatime" => Meaning::Atime(NOATIME),
        "strictatime" => Meaning::Atime(STRICTATIME),
        "relatime" => Meaning::Atime(RELATIME),
        "atime" => Meaning::NotAtimeExcept(STRICTATIME),
        "nostrictatime" => Meaning::NotAtimeExcept(NOATIME),
        // `mount(2)` turned MS_RELATIME off here and then kept relatime, as it does without any flag (since Linux 2.6.30).
        "norelatime" => Meaning::Nothing,
        _ => return None,
    })
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

impl Attributes {
    fn apply(&mut self, meaning: Meaning) {
        match meaning {
            Meaning::Set(flag) => {
                self.set |= flag;
                self.clear &= !flag;
            }
            Meaning::Clear(flag) => {
                self.set &= !flag;
                self.clear |= flag;
            }
            // The modes are values, not bits: mount_setattr(2) wants the whole mask cleared to set one of them.
            Meaning::Atime(mode) => {
                self.set = self.set & !ATIME | mode;
                self.clear |= ATIME;
            }
            Meaning::NotAtimeExcept(mode) if self.set & ATIME != mode => {
                self.set = self.set & !ATIME | RELATIME;
                self.clear |= ATIME;
            }
            _ => {}
        }
    }
}
