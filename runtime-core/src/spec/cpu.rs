//! `resources.cpu` (config-linux.md, "CPU").

use serde::Deserialize;

use super::Str;
use super::resources::limit;
use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

/// `cpu`; times in microseconds.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Cpu<'c> {
    /// Relative share, 1 to 262,144; cgroup v1 takes 2 at least.
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

/// `cpu` as it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawCpu<'c> {
    shares: Option<u64>,
    quota: Option<i64>,
    burst: Option<u64>,
    period: Option<u64>,
    realtime_runtime: Option<i64>,
    realtime_period: Option<u64>,
    #[serde(borrow)]
    cpus: Option<Text<'c>>,
    #[serde(borrow)]
    mems: Option<Text<'c>>,
    idle: Option<i64>,
}

impl<'c> RawCpu<'c> {
    /// Checks everything in `cpu`.
    pub(super) fn check(self, at: &Pointer) -> Result<Cpu<'c>> {
        // Engines send 0 shares for "not set".
        let shares = self.shares.filter(|shares| *shares != 0);
        if let Some(shares) = shares.filter(|shares| *shares > 262_144) {
            return Err(Error::config(at.key("shares"), format!("{shares} shares are above 262144")));
        }
        if let Some(idle) = self.idle.filter(|idle| !(0..=1).contains(idle)) {
            return Err(Error::config(at.key("idle"), format!("idle {idle} is neither 0 nor 1")));
        }
        Ok(Cpu {
            shares,
            quota: limit(self.quota, at, "quota")?,
            burst: self.burst,
            period: self.period,
            realtime_runtime: limit(self.realtime_runtime, at, "realtimeRuntime")?,
            realtime_period: self.realtime_period,
            cpus: processors(self.cpus, at, "cpus")?,
            mems: processors(self.mems, at, "mems")?,
            idle: self.idle,
        })
    }
}

/// The "list format" of cpuset(7); what is in it is for the kernel to judge, which takes a list without a number for none.
fn processors<'c>(list: Option<Text<'c>>, at: &Pointer, key: &str) -> Result<Option<Str<'c>>> {
    match text::some(list) {
        Some(list)
            if !list.bytes().any(|letter| letter.is_ascii_digit())
                || !list.bytes().all(|letter| letter.is_ascii_digit() || b",-:/ \n".contains(&letter)) =>
        {
            Err(Error::config(at.key(key), format!("`{list}` is not a list such as 0-3,7")))
        }
        list => Ok(list),
    }
}
