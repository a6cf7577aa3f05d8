//! What a cgroup has used, in the words of runc's `events`, which containerd and cAdvisor read.
//!
//! Comes in: the directories of a [`Cgroup`]. Goes out: [`Stats`]; a controller that is not here leaves its part at zero. Only reads.
//! Times are nanoseconds, sizes bytes; no limit is 2^64 - 1, or 0 for processes, as in runc.

mod v1;
mod v2;

use std::collections::BTreeMap;
use std::path::Path;

use nix::errno::Errno;
use serde::Serialize;

use super::{Cgroup, file};
use crate::error::{Error, Op, Result};

/// Usage and limits of a container. It serializes to the `data` of runc's `events`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// Processor time.
    pub cpu: Cpu,
    /// Processors and memory nodes (cgroup v1).
    pub cpuset: Cpuset,
    /// Memory.
    pub memory: Memory,
    /// Processes and threads.
    pub pids: Pids,
    /// Block devices.
    pub blkio: Blkio,
    /// Huge pages, by size: `2MB`.
    pub hugetlb: BTreeMap<String, Hugetlb>,
    /// Handles and objects of RDMA adapters: current use, by adapter. Not part of runc's output, which leaves it out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rdma: BTreeMap<String, Rdma>,
    /// Intel RDT.
    pub intel_rdt: IntelRdt,
    /// Always `None`: runc fills this for interfaces it made itself, and a configuration cannot ask for one.
    pub network_interfaces: Option<Vec<()>>,
}

/// Processor time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cpu {
    /// What was used.
    pub usage: CpuUsage,
    /// How a quota held it back.
    pub throttling: Throttling,
    /// How long tasks waited for a processor (cgroup v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psi: Option<Pressure>,
}

/// Processor time that was used.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CpuUsage {
    /// All of it.
    #[serde(skip_serializing_if = "zero")]
    pub total: u64,
    /// By processor (cgroup v1).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percpu: Vec<u64>,
    /// By processor, in the kernel (cgroup v1).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percpu_kernel: Vec<u64>,
    /// By processor, outside of the kernel (cgroup v1).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percpu_user: Vec<u64>,
    /// In the kernel.
    pub kernel: u64,
    /// Outside of the kernel.
    pub user: u64,
}

/// How a quota held processes back.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Throttling {
    /// Periods that have passed.
    #[serde(skip_serializing_if = "zero")]
    pub periods: u64,
    /// Periods in which the quota ran out.
    #[serde(skip_serializing_if = "zero")]
    pub throttled_periods: u64,
    /// Time waited for the next period.
    #[serde(skip_serializing_if = "zero")]
    pub throttled_time: u64,
}

/// Pressure stall information (Documentation/accounting/psi.rst).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Pressure {
    /// Some tasks waited.
    pub some: Stall,
    /// All of them did.
    pub full: Stall,
}

/// One line of a pressure file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Stall {
    /// Percent of the last 10 s.
    pub avg10: f64,
    /// Percent of the last minute.
    pub avg60: f64,
    /// Percent of the last 5 minutes.
    pub avg300: f64,
    /// Microseconds in all.
    pub total: u64,
}

/// `cpuset`, of cgroup v1 alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the files of cpuset(7), without their prefix")]
pub struct Cpuset {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cpus: Vec<u16>,
    pub cpu_exclusive: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mems: Vec<u16>,
    pub mem_hardwall: u64,
    pub mem_exclusive: u64,
    pub memory_migrate: u64,
    pub memory_spread_page: u64,
    pub memory_spread_slab: u64,
    pub memory_pressure: u64,
    pub sched_load_balance: u64,
    pub sched_relax_domain_level: i64,
}

/// Memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Memory {
    /// Pages of files.
    #[serde(skip_serializing_if = "zero")]
    pub cache: u64,
    /// All of it.
    pub usage: MemoryUsage,
    /// Memory and swap together.
    pub swap: MemoryUsage,
    /// The kernel's own (cgroup v1).
    pub kernel: MemoryUsage,
    /// Buffers of TCP (cgroup v1).
    #[serde(rename = "kernelTCP")]
    pub kernel_tcp: MemoryUsage,
    /// `memory.stat`, line by line.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub raw: BTreeMap<String, u64>,
    /// How long tasks waited for memory (cgroup v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psi: Option<Pressure>,
}

/// One kind of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MemoryUsage {
    /// The limit.
    pub limit: u64,
    /// What is used now.
    #[serde(skip_serializing_if = "zero")]
    pub usage: u64,
    /// The most that ever was.
    #[serde(skip_serializing_if = "zero")]
    pub max: u64,
    /// How often the limit was hit.
    pub failcnt: u64,
}

/// Processes and threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pids {
    /// How many there are.
    #[serde(skip_serializing_if = "zero")]
    pub current: u64,
    /// How many there may be.
    #[serde(skip_serializing_if = "zero")]
    pub limit: u64,
}

/// Block devices, with everything below this cgroup. Which lists are filled depends on the scheduler of the device.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the files of cgroup-v1/blkio-controller.rst, without their prefix")]
pub struct Blkio {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_service_bytes_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_serviced_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty", rename = "ioQueueRecursive")]
    pub io_queued_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_service_time_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_wait_time_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_merged_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_time_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sectors_recursive: Vec<BlkioEntry>,
    /// How long tasks waited for input and output (cgroup v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psi: Option<Pressure>,
}

/// One count of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BlkioEntry {
    /// The device.
    #[serde(skip_serializing_if = "zero")]
    pub major: u64,
    /// The device.
    #[serde(skip_serializing_if = "zero")]
    pub minor: u64,
    /// `Read`, `Write` …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub op: String,
    /// The count.
    #[serde(skip_serializing_if = "zero")]
    pub value: u64,
}

/// Huge pages of one size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Hugetlb {
    /// Bytes reserved or used.
    #[serde(skip_serializing_if = "zero")]
    pub usage: u64,
    /// The most that ever was (cgroup v1).
    #[serde(skip_serializing_if = "zero")]
    pub max: u64,
    /// How often the limit was hit.
    pub failcnt: u64,
}

/// One RDMA adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rdma {
    /// Handles in use.
    pub handles: u64,
    /// Objects in use.
    pub objects: u64,
}

/// Intel RDT: nothing yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IntelRdt {}

impl Cgroup {
    /// What is used now.
    ///
    /// # Errors
    /// [`Op::Cgroup`] where a file cannot be read.
    pub fn stats(&self) -> Result<Stats> {
        let mut stats = Stats::default();
        for dir in &self.dirs {
            let read = if dir.unified { v2::add(dir, &mut stats) } else { v1::add(dir, &mut stats) };
            read.map_err(|errno| Error::system(Op::Cgroup, errno).on(&dir.path))?;
        }
        Ok(stats)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn zero(number: &u64) -> bool {
    *number == 0
}

/// The text of a file; `None` where the kernel has no such file, or cannot tell just now (pressure, when switched off).
fn text(path: &Path) -> Result<Option<String>, Errno> {
    match file::read_text(path) {
        Err(Errno::ENOENT | Errno::EOPNOTSUPP) => Ok(None),
        read => read.map(Some),
    }
}

/// A file of one number; `max` is 2^64 - 1.
fn number(path: &Path) -> Result<Option<u64>, Errno> {
    Ok(text(path)?.and_then(|text| if text == "max" { Some(u64::MAX) } else { text.parse().ok() }))
}

/// Lines of a name and a number.
fn table(path: &Path) -> Result<BTreeMap<String, u64>, Errno> {
    let text = text(path)?.unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    Ok(lines.filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?))).collect())
}

/// A word such as `max` is "no limit"; the limit of processes is 0 then.
fn pids(path: &Path) -> Result<Pids, Errno> {
    let limit = number(&path.join("pids.max"))?.filter(|limit| *limit != u64::MAX);
    Ok(Pids { current: number(&path.join("pids.current"))?.unwrap_or_default(), limit: limit.unwrap_or_default() })
}

/// `mlx4_0 hca_handle=2 hca_object=2000` (cgroup-v1/rdma.rst).
fn rdma(path: &Path) -> Result<BTreeMap<String, Rdma>, Errno> {
    let text = text(&path.join("rdma.current"))?.unwrap_or_default();
    let value = |words: &str, key: &str| {
        let found = words.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        found.and_then(|number| number.parse().ok()).unwrap_or_default()
    };
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    Ok(lines
        .map(|(device, words)| {
            let used = Rdma { handles: value(words, "hca_handle"), objects: value(words, "hca_object") };
            (device.to_owned(), used)
        })
        .collect())
}

/// The sizes of huge pages, from the names of the files: `hugetlb.2MB.…`.
fn huge_page_sizes(path: &Path) -> Result<Vec<String>, Errno> {
    let names = file::list(path)?;
    let mut sizes: Vec<String> = names
        .iter()
        .filter_map(|name| Some(name.to_str()?.strip_prefix("hugetlb.")?.split_once('.')?.0.to_owned()))
        .collect();
    sizes.sort();
    sizes.dedup();
    Ok(sizes)
}
