//! `process`: the program, who it is and what it may do (config.md, "Process").

use super::Str;
use crate::error::Pointer;

/// The container's process, or a second one for `exec`.
#[derive(Clone, Debug, PartialEq)]
pub struct Process<'c> {
    /// The pointer of this object: `/process`, or empty for a process document of its own.
    pub at: Pointer,
    /// `args`: not empty, and the first is not empty.
    pub args: Vec<Str<'c>>,
    /// `env`: each has a `=` that is not its first byte.
    pub env: Vec<Str<'c>>,
    /// `cwd`: absolute.
    pub cwd: Str<'c>,
    /// `user`.
    pub user: User,
    /// `capabilities`: all empty where the object is absent.
    pub capabilities: Capabilities,
    /// `rlimits`: no type twice.
    pub rlimits: Vec<Rlimit>,
    /// `noNewPrivileges`.
    pub no_new_privileges: bool,
    /// `oomScoreAdj`, −1000 to 1000: unset means unchanged.
    pub oom_score_adj: Option<i32>,
    /// `terminal`.
    pub terminal: bool,
    /// `consoleSize` as (rows, columns), in characters.
    pub console_size: Option<(u16, u16)>,
}

/// `process.user`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct User {
    /// The user id inside the container.
    pub uid: u32,
    /// The group id inside the container.
    pub gid: u32,
    /// `umask`: unset means 0022.
    pub umask: Option<u32>,
    /// `additionalGids`.
    pub additional_gids: Vec<u32>,
}

/// The five sets of `capabilities(7)`, bit N for capability N.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// The limiting superset.
    pub bounding: u64,
    /// What the kernel checks.
    pub effective: u64,
    /// What survives an `execve(2)` of a file with inheritable capabilities.
    pub inheritable: u64,
    /// What effective may be raised to.
    pub permitted: u64,
    /// What survives an `execve(2)` of an ordinary file; a subset of permitted and of inheritable.
    pub ambient: u64,
}

/// One entry of `process.rlimits`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rlimit {
    /// Where it stands.
    pub at: Pointer,
    /// The `RLIMIT_*` number of `getrlimit(2)`.
    pub resource: u32,
    /// The limit in force.
    pub soft: u64,
    /// The ceiling for `soft`, which is not above it.
    pub hard: u64,
}
