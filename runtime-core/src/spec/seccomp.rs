//! `linux.seccomp`: which system calls the process may make (config-linux.md, "Seccomp").

use super::Str;
use crate::error::Pointer;

/// A profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Seccomp<'c> {
    /// The whole object as it stands in `config.json`: the key of the cache of compiled filters.
    pub source: &'c str,
    /// `defaultAction`, `defaultErrnoRet` in it.
    pub default: SeccompAction,
    /// `architectures` as the specification spells them (`SCMP_ARCH_X86_64`); empty means the native one.
    pub architectures: Vec<Str<'c>>,
    /// `SECCOMP_FILTER_FLAG_*` of `seccomp(2)`.
    pub flags: u32,
    /// `syscalls`, in order.
    pub calls: Vec<SeccompCall<'c>>,
}

/// What happens to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeccompAction {
    /// `SCMP_ACT_ALLOW`
    Allow,
    /// `SCMP_ACT_LOG`
    Log,
    /// `SCMP_ACT_ERRNO` with the errno, EPERM where none is given.
    Errno(u16),
    /// `SCMP_ACT_TRACE` with the message, EPERM where none is given.
    Trace(u16),
    /// `SCMP_ACT_TRAP`
    Trap,
    /// `SCMP_ACT_KILL`, `SCMP_ACT_KILL_THREAD`
    KillThread,
    /// `SCMP_ACT_KILL_PROCESS`
    KillProcess,
}

/// One entry of `syscalls`.
#[derive(Clone, Debug, PartialEq)]
pub struct SeccompCall<'c> {
    /// Where it stands.
    pub at: Pointer,
    /// Names, at least one.
    pub names: Vec<Str<'c>>,
    /// What happens.
    pub action: SeccompAction,
    /// Conditions, all of which must hold.
    pub args: Vec<SeccompArg>,
}

/// A condition on one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeccompArg {
    /// 0 to 5.
    pub index: u32,
    /// What it is compared with.
    pub value: u64,
    /// The second operand of [`SeccompOperator::MaskedEqual`].
    pub value_two: u64,
    /// How.
    pub operator: SeccompOperator,
}

/// The comparisons of `seccomp_rule_add(3)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeccompOperator {
    /// `SCMP_CMP_NE`
    NotEqual,
    /// `SCMP_CMP_LT`
    Less,
    /// `SCMP_CMP_LE`
    LessOrEqual,
    /// `SCMP_CMP_EQ`
    Equal,
    /// `SCMP_CMP_GE`
    GreaterOrEqual,
    /// `SCMP_CMP_GT`
    Greater,
    /// `SCMP_CMP_MASKED_EQ`
    MaskedEqual,
}
