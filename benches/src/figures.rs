//! What was measured, per runtime; everything that tells reads from here.

use std::collections::BTreeMap;

use crate::stats::Spread;

/// What is timed in a round, in the order it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// The three commands together.
    CreateStartDelete,
    /// From before create to after delete: the three commands and the wait for `/bin/true` to end.
    WholeLife,
    /// `create` alone.
    Create,
    /// `start` alone.
    Start,
    /// `delete` alone.
    Delete,
    /// `run`, which does it all in one command.
    Run,
    /// `exec /bin/true` in a container that runs already.
    Exec,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::CreateStartDelete, Self::WholeLife, Self::Create, Self::Start, Self::Delete, Self::Run, Self::Exec];

    /// As it is written in tables.
    pub const fn title(self) -> &'static str {
        match self {
            Self::CreateStartDelete => "create + start + delete",
            Self::WholeLife => "the same, and the wait for exit",
            Self::Create => "create",
            Self::Start => "start",
            Self::Delete => "delete",
            Self::Run => "run",
            Self::Exec => "exec /bin/true",
        }
    }
}

/// What one runtime did. Times are milliseconds, one per round; what could not be measured is absent.
#[derive(Debug, Default, Clone)]
pub struct Figures {
    /// `orlop`, `crun` …
    pub name: String,
    /// First line of `--version`.
    pub version: String,
    /// One sample per round.
    pub times: BTreeMap<Operation, Vec<f64>>,
    /// Create + start + delete by number of mounts added to the host.
    pub scale: BTreeMap<usize, Vec<f64>>,
    /// Resident memory of a created, waiting container's process.
    pub waiting_kib: Option<u64>,
    /// Resident peak of the command in `create`.
    pub create_peak_kib: Option<u64>,
    /// The lowest `linux.resources.memory.limit` under which the default bundle runs.
    pub lowest_limit_kib: Option<u64>,
    /// The command's file, without the libraries it loads.
    pub binary_kib: Option<u64>,
    /// System calls of `create`, parent and child together.
    pub create_syscalls: Option<u64>,
}

impl Figures {
    /// Median and spread of one operation.
    pub fn time(&self, operation: Operation) -> Option<Spread> {
        Spread::of(self.times.get(&operation)?)
    }

    /// How much of `base`'s time this one takes, by round.
    pub fn ratio(&self, base: &Self, operation: Operation) -> Option<Spread> {
        Spread::of_ratios(self.times.get(&operation)?, base.times.get(&operation)?)
    }
}

/// One whole run.
#[derive(Debug, Default)]
pub struct Run {
    /// Kernel, processors, cgroup version, rounds: one line.
    pub circumstances: String,
    /// What was left out, and why: one line each.
    pub notes: Vec<String>,
    /// In the order the runtimes are shown.
    pub figures: Vec<Figures>,
}

impl Run {
    /// The figures of one runtime.
    pub fn of(&self, name: &str) -> Option<&Figures> {
        self.figures.iter().find(|figures| figures.name == name)
    }
}
