//! `linux.resources`: what the container may use (config-linux.md, "Control groups").
//!
//! Every value is as written, `None` where absent: the arithmetic between cgroup v1 and v2 belongs to `cgroup::limits`.

use serde::Deserialize;

use super::block_io::RawBlockIo;
use super::devices::{self, RawDeviceRule};
use super::text::{self, Pairs, Text};
use super::unimplemented::{self, Asked};
use super::{DeviceRule, Str, Warning, json};
use crate::error::{Error, Pointer, Result};

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

/// `resources` as it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawResources<'c> {
    #[serde(borrow)]
    devices: Option<Vec<RawDeviceRule<'c>>>,
    memory: Option<RawMemory>,
    #[serde(borrow)]
    cpu: Option<RawCpu<'c>>,
    pids: Option<RawPids>,
    #[serde(rename = "blockIO")]
    block_io: Option<RawBlockIo>,
    #[serde(borrow)]
    hugepage_limits: Option<Vec<RawHugepageLimit<'c>>>,
    #[serde(borrow)]
    unified: Option<Pairs<'c>>,
    #[serde(default)]
    network: Asked,
    #[serde(default)]
    rdma: Asked,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMemory {
    limit: Option<i64>,
    reservation: Option<i64>,
    swap: Option<i64>,
    kernel: Option<i64>,
    #[serde(rename = "kernelTCP")]
    kernel_tcp: Option<i64>,
    swappiness: Option<u64>,
    #[serde(rename = "disableOOMKiller")]
    disable_oom_killer: Option<bool>,
    use_hierarchy: Option<bool>,
    check_before_update: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCpu<'c> {
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

#[derive(Deserialize)]
struct RawPids {
    limit: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHugepageLimit<'c> {
    #[serde(borrow)]
    page_size: Option<Text<'c>>,
    limit: Option<u64>,
}

impl<'c> Resources<'c> {
    /// Reads a resources document of its own, as `update --resources` takes it, and passes over what must only warn.
    ///
    /// # Errors
    ///
    /// A [`Kind::Config`](crate::Kind::Config) that names line and column or the JSON pointer, or an
    /// [`Kind::Unsupported`](crate::Kind::Unsupported) for what this build has not.
    pub fn from_slice(bytes: &'c [u8]) -> Result<Self> {
        let at = Pointer::default();
        json::read::<RawResources<'c>>(bytes, &at)?.check(at, &mut Vec::new())
    }
}

impl<'c> RawResources<'c> {
    /// Checks everything in `resources`.
    pub(super) fn check(self, at: Pointer, warnings: &mut Vec<Warning>) -> Result<Resources<'c>> {
        unimplemented::refuse(&at, &[("network", &self.network), ("rdma", &self.rdma)])?;
        Ok(Resources {
            devices: devices::rules(self.devices, at.key("devices"))?,
            memory: self
                .memory
                .map(|memory| memory.check(&at.key("memory"), warnings))
                .transpose()?
                .unwrap_or_default(),
            cpu: self.cpu.map(|cpu| cpu.check(&at.key("cpu"))).transpose()?.unwrap_or_default(),
            pids_limit: limit(self.pids.and_then(|pids| pids.limit), &at, "pids/limit")?,
            block_io: self.block_io.map(|io| io.check(&at.key("blockIO"))).transpose()?.unwrap_or_default(),
            hugepage_limits: hugepage_limits(self.hugepage_limits, at.key("hugepageLimits"))?,
            unified: unified(self.unified, &at)?,
            at,
        })
    }
}

impl RawMemory {
    fn check(self, at: &Pointer, warnings: &mut Vec<Warning>) -> Result<Memory> {
        for (key, value) in [("kernel", self.kernel), ("kernelTCP", self.kernel_tcp)] {
            // "NOT RECOMMENDED": Linux 5.16 took the first one out, and runc writes neither.
            if matches!(value, Some(limit) if limit > 0) {
                let message = format!("`{key}` is left out: the specification gave it up");
                warnings.push(Warning { field: at.key(key), message });
            }
        }
        if let Some(swappiness) = self.swappiness.filter(|swappiness| *swappiness > 100) {
            return Err(Error::config(at.key("swappiness"), format!("swappiness {swappiness} is above 100")));
        }
        if let (Some(most @ 1..), Some(both @ 1..)) = (self.limit, self.swap) {
            if both < most {
                return Err(Error::config(at.key("swap"), format!("swap {both} is below the memory limit {most}"))
                    .hint("`swap` counts memory and swap together"));
            }
        }
        Ok(Memory {
            limit: limit(self.limit, at, "limit")?,
            reservation: limit(self.reservation, at, "reservation")?,
            swap: limit(self.swap, at, "swap")?,
            swappiness: self.swappiness,
            disable_oom_killer: self.disable_oom_killer,
            use_hierarchy: self.use_hierarchy,
            check_before_update: self.check_before_update.unwrap_or_default(),
        })
    }
}

impl<'c> RawCpu<'c> {
    fn check(self, at: &Pointer) -> Result<Cpu<'c>> {
        // Engines send 0 shares for "not set".
        let shares = self.shares.filter(|shares| *shares != 0);
        if let Some(shares) = shares.filter(|shares| !(2..=262_144).contains(shares)) {
            return Err(Error::config(at.key("shares"), format!("{shares} shares are not within 2 and 262144")));
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

/// −1 is no limit, and nothing is below it. `key` may be a path of plain keys.
fn limit(value: Option<i64>, at: &Pointer, key: &str) -> Result<Option<i64>> {
    match value {
        Some(value) if value < -1 => {
            let field = key.split('/').fold(at.clone(), |field, key| field.key(key));
            Err(Error::config(field, format!("{value} is below -1")).hint("-1 is no limit"))
        }
        value => Ok(value),
    }
}

/// The "list format" of cpuset(7); what is in it is for the kernel to judge.
fn processors<'c>(list: Option<Text<'c>>, at: &Pointer, key: &str) -> Result<Option<Str<'c>>> {
    match text::some(list) {
        Some(list) if !list.bytes().all(|letter| letter.is_ascii_digit() || b",-:/ \n".contains(&letter)) => {
            Err(Error::config(at.key(key), format!("`{list}` is not a list such as 0-3,7")))
        }
        list => Ok(list),
    }
}

fn hugepage_limits<'c>(limits: Option<Vec<RawHugepageLimit<'c>>>, at: Pointer) -> Result<Vec<HugepageLimit<'c>>> {
    let check = |(at, raw): (Pointer, RawHugepageLimit<'c>)| {
        let (Some(Text(page_size)), Some(limit)) = (raw.page_size, raw.limit) else {
            return Err(Error::config(at, "a hugepage limit needs `pageSize` and `limit`"));
        };
        if !is_page_size(&page_size) {
            return Err(Error::config(
                at.key("pageSize"),
                format!("`{page_size}` is not a page size such as 2MB or 1GB"),
            ));
        }
        Ok(HugepageLimit { at, page_size, limit })
    };
    text::each(limits, at).map(check).collect()
}

/// `^[1-9][0-9]*[KMG]B$`
fn is_page_size(text: &str) -> bool {
    let Some(number) = text.strip_suffix("KB").or(text.strip_suffix("MB")).or(text.strip_suffix("GB")) else {
        return false;
    };
    !number.is_empty() && !number.starts_with('0') && number.bytes().all(|digit| digit.is_ascii_digit())
}

/// A file must be a limit of this cgroup: a path could name another one's, and some files move or kill processes.
fn unified<'c>(files: Option<Pairs<'c>>, at: &Pointer) -> Result<Vec<Unified<'c>>> {
    let object = at.key("unified");
    let check = |(file, value): (Str<'c>, Str<'c>)| {
        let at = object.key(&file);
        match &*file {
            "cgroup.procs"
            | "cgroup.threads"
            | "cgroup.subtree_control"
            | "cgroup.type"
            | "cgroup.freeze"
            | "cgroup.kill" => Err(Error::config(at, format!("`{file}` is the runtime's own"))),
            "." | ".." => Err(Error::config(at, "not the name of a cgroup file")),
            name if name.contains('/') => {
                Err(Error::config(at, format!("`{file}` is a path; a file of the cgroup itself is wanted")))
            }
            _ => Ok(Unified { at, file, value }),
        }
    };
    files.unwrap_or_default().0.into_iter().map(check).collect()
}
