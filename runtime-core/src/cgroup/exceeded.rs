//! Which limits the processes of a cgroup ran into: why a container ended, for a person to read.
//!
//! Comes in: the directories of a [`Cgroup`]. Goes out: [`Exceeded`]. Only reads, and only what the kernel counts by itself
//! (cgroup-v1/memory.rst, `oom_control`; cgroup-v1/pids.rst; cgroup-v2.rst, `memory.events` and `pids.events`).

use serde::Serialize;

use super::{Cgroup, file};

/// What a container asked for beyond its limits. Nothing is known of what its cgroup no longer tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exceeded {
    /// How many of its processes the kernel killed for want of memory.
    #[serde(skip_serializing_if = "zero")]
    pub oom_kills: u64,
    /// How often a process or thread was refused because of the limit on them.
    #[serde(skip_serializing_if = "zero")]
    pub pids_refused: u64,
}

impl Cgroup {
    /// What was asked for beyond the limits so far. A cgroup that is gone tells of nothing.
    #[must_use]
    pub fn exceeded(&self) -> Exceeded {
        let count = |controller: &str, v1: &str, v2: &str, key: &str| {
            let dir = self.dirs.iter().find(|dir| dir.has(controller))?;
            let text = file::read_text(dir.path.join(if dir.unified { v2 } else { v1 })).ok()?;
            number(&text, key)
        };
        Exceeded {
            // On cgroup v1 the count is of this cgroup alone, on v2 of all below it, too.
            oom_kills: count("memory", "memory.oom_control", "memory.events", "oom_kill").unwrap_or_default(),
            pids_refused: count("pids", "pids.events", "pids.events", "max").unwrap_or_default(),
        }
    }
}

/// The number after `key` and a space, on a line of its own.
fn number(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_whole_word() {
        let v1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        let v2 = "low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n";
        assert_eq!((number(v1, "oom_kill"), number(v2, "oom_kill")), (Some(3), Some(1)));
        assert_eq!((number("max 7\n", "max"), number("", "max")), (Some(7), None));
    }
}
