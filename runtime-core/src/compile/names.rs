//! The kernel's numbers, as people write them: for printed plans.

use std::fmt;

use super::mounts::{MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE};
use super::process::{PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS};
use crate::spec::{Capabilities, MemoryPolicy, NamespaceKind, Rlimit, Scheduler};

/// `CLONE_NEW*` flags.
pub(super) struct Kinds(pub(super) u32);

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = NamespaceKind::ALL.iter().filter(|kind| self.0 & kind.flag() != 0);
        list(f, kinds.map(|kind| kind.name()))
    }
}

/// An option and a value of `prctl(2)`.
pub(super) struct Prctl(pub(super) u32, pub(super) u64);

impl fmt::Display for Prctl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL) => f.write_str("PR_CAP_AMBIENT PR_CAP_AMBIENT_CLEAR_ALL"),
            (PR_SET_DUMPABLE, value) => write!(f, "PR_SET_DUMPABLE {value}"),
            (PR_SET_KEEPCAPS, value) => write!(f, "PR_SET_KEEPCAPS {value}"),
            (PR_SET_NO_NEW_PRIVS, value) => write!(f, "PR_SET_NO_NEW_PRIVS {value}"),
            (option, value) => write!(f, "{option} {value}"),
        }
    }
}

/// What `mount_setattr(2)` sets and clears. The access-time modes are one field: what sets one clears the others.
pub(super) struct Attributes {
    pub(super) set: u64,
    pub(super) clear: u64,
}

const ATIME: u64 = 0x70;
const ATTRIBUTES: [(u64, &str); 8] = [
    (0x1, "ro"),
    (0x2, "nosuid"),
    (0x4, "nodev"),
    (0x8, "noexec"),
    (0x10, "noatime"),
    (0x20, "strictatime"),
    (0x80, "nodiratime"),
    (0x20_0000, "nosymfollow"),
];

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |bits: u64| ATTRIBUTES.iter().filter(move |(bit, _)| bits & bit != 0).map(|(_, name)| *name);
        // Relative access times are the field's zero.
        let relative = (self.clear & ATIME == ATIME && self.set & ATIME == 0).then_some("relatime");
        let cleared: Vec<_> = names(self.clear & !ATIME).collect();
        list(f, names(self.set).chain(relative))?;
        match (self.set != 0 || relative.is_some(), cleared.is_empty()) {
            (_, true) => return Ok(()),
            (true, false) => f.write_str(" ")?,
            (false, false) => {}
        }
        f.write_str("without ")?;
        list(f, cleared.into_iter())
    }
}

/// An `MS_*` flag of propagation; nothing for 0.
pub(super) fn propagation(flags: u64) -> &'static str {
    match flags {
        MS_SHARED => "shared",
        MS_SLAVE => "slave",
        MS_PRIVATE => "private",
        MS_UNBINDABLE => "unbindable",
        _ => "",
    }
}

/// A set of capabilities: named, or by what it lacks where that is shorter.
pub(super) struct Set(pub(super) u64);

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (there, missing): (Vec<_>, Vec<_>) = Capabilities::names().partition(|(bit, _)| self.0 & 1 << bit != 0);
        let names = |set: Vec<(u32, &'static str)>| set.into_iter().map(|(_, name)| name);
        match (there.len(), missing.len()) {
            (0, _) => f.write_str("none"),
            (_, 0) => f.write_str("all"),
            (some, few) if few < some => {
                f.write_str("all but ")?;
                list(f, names(missing))
            }
            _ => list(f, names(there)),
        }
    }
}

/// A resource and its two limits.
pub(super) struct Limit(pub(super) u32, pub(super) u64, pub(super) u64);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: u64| match value {
            u64::MAX => "unlimited".to_owned(),
            value => value.to_string(),
        };
        let name = Rlimit::name(self.0).map_or_else(|| self.0.to_string(), str::to_owned);
        write!(f, "{name} soft {} hard {}", value(self.1), value(self.2))
    }
}

/// `SECCOMP_FILTER_FLAG_*`.
pub(super) struct FilterFlags(pub(super) u32);

impl fmt::Display for FilterFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(u32, &str); 5] =
            [(1, "TSYNC"), (2, "LOG"), (4, "SPEC_ALLOW"), (16, "TSYNC_ESRCH"), (32, "WAIT_KILLABLE_RECV")];
        if self.0 != 0 {
            f.write_str(", ")?;
        }
        list(f, NAMES.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, name)| *name))
    }
}

/// A policy of `sched_setattr(2)` with what it has beside its name.
pub(super) fn scheduling(
    policy: u32,
    nice: i32,
    priority: u32,
    flags: u64,
    [runtime, deadline, period]: [u64; 3],
) -> String {
    let name = Scheduler::policy_name(policy).map_or_else(|| policy.to_string(), str::to_owned);
    let parts = [
        (nice != 0).then(|| format!("nice {nice}")),
        (priority != 0).then(|| format!("priority {priority}")),
        (runtime != 0).then(|| format!("runtime {runtime} deadline {deadline} period {period}")),
    ];
    let flags = Scheduler::flag_names(flags).map(str::to_owned);
    [name].into_iter().chain(parts.into_iter().flatten()).chain(flags).collect::<Vec<_>>().join(" ")
}

/// A mode of `set_mempolicy(2)` with its flags.
pub(super) fn memory_mode(mode: u32) -> String {
    let all = MemoryPolicy::flags().fold(0, |all, (_, bit)| all | bit);
    let name = usize::try_from(mode & !all).ok().and_then(|place| MemoryPolicy::modes().nth(place));
    let flags = MemoryPolicy::flags().filter(|(_, bit)| mode & bit != 0).map(|(name, _)| name);
    name.into_iter().chain(flags).collect::<Vec<_>>().join(" ")
}

/// Kind and number of a device node.
pub(super) struct Node {
    pub(super) mode: u32,
    pub(super) device: u64,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.mode & libc::S_IFMT {
            libc::S_IFIFO => return f.write_str("p"),
            libc::S_IFBLK => "b",
            _ => "c",
        };
        write!(f, "{kind} {}:{}", libc::major(self.device), libc::minor(self.device))
    }
}

fn list<'n>(f: &mut fmt::Formatter<'_>, names: impl Iterator<Item = &'n str>) -> fmt::Result {
    f.write_str(&names.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_time_modes_are_one_field() {
        let shown = |set, clear| Attributes { set, clear }.to_string();
        assert_eq!(shown(0x11, 0x70), "ro,noatime");
        assert_eq!(shown(0x1, 0x70), "ro,relatime");
        assert_eq!(shown(0, 0xd), "without ro,nodev,noexec");
        assert_eq!(shown(0x2, 0x71), "nosuid,relatime without ro");
    }

    #[test]
    fn a_set_is_told_the_shorter_way() {
        assert_eq!(Set(0).to_string(), "none");
        assert_eq!(Set(u64::MAX).to_string(), "all");
        assert_eq!(Set(0x21).to_string(), "CAP_CHOWN,CAP_KILL");
        assert_eq!(Set(!0x20).to_string(), "all but CAP_KILL");
    }
}
