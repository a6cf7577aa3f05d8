//! `linux.resources`: what the container may use (config-linux.md, "Control groups").
//!
//! Every value is as written, `None` where absent: the arithmetic between cgroup v1 and v2 belongs to `cgroup::limits`.

use super::{DeviceRule, Str};
use crate::error::Pointer;

/// The `resources` object.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Resources<'c> {
    /// Where it stands: `/linux/resources`, or empty for a document of its own (`update`).
    pub at: Pointer,
    /// `devices`, in order.
    pub devices: Vec<DeviceRule>,
    /// `memory`.
    pub memory: Memory,
    /// `cpu`.
    pub cpu: Cpu<'c>,
    /// `pids.limit`: −1 is no limit, 0 is a real limit.
    pub pids_limit: Option<i64>,
    /// `blockIO`.
    pub block_io: BlockIo,
    /// `hugepageLimits`.
    pub hugepage_limits: Vec<HugepageLimit<'c>>,
    /// `unified`: files of cgroup v2, in order.
    pub unified: Vec<Unified<'c>>,
}

/// `memory`, in bytes; −1 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Memory {
    /// Hard limit.
    pub limit: Option<i64>,
    /// Soft limit.
    pub reservation: Option<i64>,
    /// Memory and swap together.
    pub swap: Option<i64>,
    /// 0 to 100.
    pub swappiness: Option<u64>,
    /// No OOM killer (v1).
    pub disable_oom_killer: Option<bool>,
    /// Hierarchical accounting (v1).
    pub use_hierarchy: Option<bool>,
    /// Refuse a limit below what is used now.
    pub check_before_update: bool,
}

/// `cpu`; times in microseconds.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Cpu<'c> {
    /// Relative share, 2 to 262,144.
    pub shares: Option<u64>,
    /// Time in each period; −1 is no limit.
    pub quota: Option<i64>,
    /// Accumulated burst.
    pub burst: Option<u64>,
    /// The period.
    pub period: Option<u64>,
    /// Real-time time in each period (v1).
    pub realtime_runtime: Option<i64>,
    /// The real-time period (v1).
    pub realtime_period: Option<u64>,
    /// List of processors: `0-3,7`.
    pub cpus: Option<Str<'c>>,
    /// List of memory nodes.
    pub mems: Option<Str<'c>>,
    /// `SCHED_IDLE` for the group: 0 or 1.
    pub idle: Option<i64>,
}

/// `blockIO`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BlockIo {
    /// 10 to 1000.
    pub weight: Option<u16>,
    /// 10 to 1000 (v1).
    pub leaf_weight: Option<u16>,
    /// `weightDevice`.
    pub weight_devices: Vec<WeightDevice>,
    /// The four `throttle…Device` lists.
    pub throttles: Vec<Throttle>,
}

/// One entry of `weightDevice`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightDevice {
    /// Where it stands.
    pub at: Pointer,
    /// Device major.
    pub major: u32,
    /// Device minor.
    pub minor: u32,
    /// 10 to 1000.
    pub weight: Option<u16>,
    /// 10 to 1000 (v1).
    pub leaf_weight: Option<u16>,
}

/// What is throttled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThrottleKind {
    /// `throttleReadBpsDevice`
    ReadBps,
    /// `throttleWriteBpsDevice`
    WriteBps,
    /// `throttleReadIOPSDevice`
    ReadIops,
    /// `throttleWriteIOPSDevice`
    WriteIops,
}

/// One entry of a throttle list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Where it stands.
    pub at: Pointer,
    /// What is throttled.
    pub kind: ThrottleKind,
    /// Device major.
    pub major: u32,
    /// Device minor.
    pub minor: u32,
    /// Bytes or operations a second.
    pub rate: u64,
}

/// One entry of `hugepageLimits`.
#[derive(Clone, Debug, PartialEq)]
pub struct HugepageLimit<'c> {
    /// Where it stands.
    pub at: Pointer,
    /// `2MB`, `1GB` …
    pub page_size: Str<'c>,
    /// Bytes.
    pub limit: u64,
}

/// One entry of `unified`.
#[derive(Clone, Debug, PartialEq)]
pub struct Unified<'c> {
    /// Where it stands.
    pub at: Pointer,
    /// A file name in the cgroup: no slash.
    pub file: Str<'c>,
    /// What is written to it.
    pub value: Str<'c>,
}
