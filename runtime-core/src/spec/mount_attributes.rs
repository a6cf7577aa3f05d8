//! The options that are attributes of a mount, in the words of `mount_setattr(2)` (config.md, "Linux mount options").
//!
//! Comes in: names of options, in order. Goes out: the bits to set and the bits to clear.

/// Bits of `mount_setattr(2)` (`MOUNT_ATTR_*`), with `MOUNT_ATTR__ATIME` in `clear` whenever an atime mode is in `set`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Attributes to turn on.
    pub set: u64,
    /// Attributes to turn off.
    pub clear: u64,
}

/// What one option changes.
#[derive(Clone, Copy)]
pub(super) enum Change {
    /// Turns an attribute on.
    Set(u64),
    /// Turns it off.
    Clear(u64),
    /// Chooses how access times are kept.
    Atime(u64),
    /// Returns to `relatime`, the kernel's default, from any mode but this one.
    NotAtimeExcept(u64),
    /// What is so already.
    Nothing,
}

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

/// Every option that has a recursive twin with an `r` in front, and what it changes.
pub(super) const CHANGES: [(&str, Change); 18] = [
    ("ro", Change::Set(RDONLY)),
    ("rw", Change::Clear(RDONLY)),
    ("nosuid", Change::Set(NOSUID)),
    ("suid", Change::Clear(NOSUID)),
    ("nodev", Change::Set(NODEV)),
    ("dev", Change::Clear(NODEV)),
    ("noexec", Change::Set(NOEXEC)),
    ("exec", Change::Clear(NOEXEC)),
    ("nodiratime", Change::Set(NODIRATIME)),
    ("diratime", Change::Clear(NODIRATIME)),
    ("nosymfollow", Change::Set(NOSYMFOLLOW)),
    ("symfollow", Change::Clear(NOSYMFOLLOW)),
    ("noatime", Change::Atime(NOATIME)),
    ("strictatime", Change::Atime(STRICTATIME)),
    ("relatime", Change::Atime(RELATIME)),
    ("atime", Change::NotAtimeExcept(STRICTATIME)),
    ("nostrictatime", Change::NotAtimeExcept(NOATIME)),
    // `mount(2)` turned MS_RELATIME off here and then kept relatime, as it does without any flag (since Linux 2.6.30).
    ("norelatime", Change::Nothing),
];

/// What an option changes.
pub(super) fn change(name: &str) -> Option<Change> {
    CHANGES.iter().find(|(known, _)| *known == name).map(|(_, change)| *change)
}

impl Attributes {
    /// Applies one change; it overrides what was said before.
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Set(flag) => {
                self.set |= flag;
                self.clear &= !flag;
            }
            Change::Clear(flag) => {
                self.set &= !flag;
                self.clear |= flag;
            }
            // The modes are values, not bits: mount_setattr(2) wants the whole mask cleared to set one of them.
            Change::Atime(mode) => {
                self.set = self.set & !ATIME | mode;
                self.clear |= ATIME;
            }
            Change::NotAtimeExcept(mode) if self.set & ATIME != mode => {
                self.set = self.set & !ATIME | RELATIME;
                self.clear |= ATIME;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(names: &[&str]) -> (u64, u64) {
        let mut attributes = Attributes::default();
        names.iter().filter_map(|name| change(name)).for_each(|change| attributes.apply(change));
        (attributes.set, attributes.clear)
    }

    #[test]
    fn a_later_option_overrides_an_earlier_one() {
        assert_eq!(apply(&["ro", "rw"]), (0, RDONLY));
        assert_eq!(apply(&["rw", "ro"]), (RDONLY, 0));
        assert_eq!(apply(&["nosuid", "nodev", "dev"]), (NOSUID, NODEV));
        assert_eq!(apply(&["noatime", "strictatime"]), (STRICTATIME, ATIME));
        assert_eq!(apply(&["strictatime", "relatime"]), (0, ATIME));
        assert_eq!(apply(&["noatime", "atime"]), (0, ATIME));
        assert_eq!(apply(&["strictatime", "atime"]), (STRICTATIME, ATIME));
        assert_eq!(apply(&["noatime", "nostrictatime"]), (NOATIME, ATIME));
        assert_eq!(apply(&["norelatime"]), (0, 0));
    }
}
