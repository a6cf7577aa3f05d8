//! `linux.resources` → the files of cgroup v1 (Documentation/admin-guide/cgroup-v1). Pure.

use super::limits::{Values, asked};
use super::plan::Write;
use crate::error::{Error, Result};
use crate::spec::{BlockIo, Cpu, Memory, ThrottleKind};

/// The kernel keeps `limit ≤ memsw.limit` after each write, so which of the two goes first depends on what they were.
pub(super) fn memory(memory: &Memory, values: &mut Values<'_>) -> Result<()> {
    let (limit, swap) = (asked(memory.limit), asked(memory.swap));
    if matches!((limit, swap), (Some(limit), Some(swap @ 0..)) if swap < limit) {
        return Err(Error::config(values.field("swap"), "memory and swap together are less than the memory limit"));
    }
    if memory.check_before_update {
        values.must_fit("memory.usage_in_bytes", limit);
    }
    if let Some(limit) = limit {
        values.put("limit", Write::of("memory.limit_in_bytes", limit).entangled())?;
    }
    match (limit, swap) {
        (_, Some(swap)) => {
            let write = Write::of("memory.memsw.limit_in_bytes", swap).entangled();
            values.put("swap", write.hint("boot with swapaccount=1: this kernel does not count swap"))?;
        }
        // Unlimited memory within limited memory and swap is no limit at all: both are lifted, as in runc.
        (Some(-1), None) => {
            values.put("limit", Write::of("memory.memsw.limit_in_bytes", -1).entangled().optional())?;
        }
        _ => {}
    }
    if let Some(reservation) = asked(memory.reservation) {
        values.put("reservation", Write::of("memory.soft_limit_in_bytes", reservation))?;
    }
    if let Some(swappiness) = memory.swappiness {
        values.put("swappiness", Write::of("memory.swappiness", swappiness))?;
    }
    if memory.disable_oom_killer == Some(true) {
        values.put("disableOOMKiller", Write::of("memory.oom_control", 1))?;
    }
    match memory.use_hierarchy {
        Some(hierarchy) => values.put("useHierarchy", Write::of("memory.use_hierarchy", u8::from(hierarchy))),
        None => Ok(()),
    }
}

/// Times of the fair scheduler depend on each other: the kernel takes no burst above the quota, and no period that would break the
/// parent's share. An idle group takes no shares.
pub(super) fn cpu(cpu: &Cpu<'_>, values: &mut Values<'_>) -> Result<()> {
    if let Some(shares) = asked(cpu.shares).filter(|_| cpu.idle != Some(1)) {
        if shares < 2 {
            // The kernel would make it 2 without a word.
            return Err(Error::unsupported(values.field("shares"), "cgroup v1 knows no share below 2"));
        }
        values.put("shares", Write::of("cpu.shares", shares).entangled())?;
    }
    if let Some(period) = asked(cpu.period) {
        values.put("period", Write::of("cpu.cfs_period_us", period).entangled())?;
    }
    if let Some(quota) = asked(cpu.quota) {
        values.put("quota", Write::of("cpu.cfs_quota_us", quota).entangled())?;
    }
    if let Some(burst) = cpu.burst {
        values.put("burst", Write::of("cpu.cfs_burst_us", burst).entangled())?;
    }
    if let Some(period) = asked(cpu.realtime_period) {
        values.put("realtimePeriod", Write::of("cpu.rt_period_us", period).entangled())?;
    }
    if let Some(runtime) = asked(cpu.realtime_runtime) {
        values.put("realtimeRuntime", Write::of("cpu.rt_runtime_us", runtime).entangled())?;
    }
    match cpu.idle {
        Some(idle) => values.put("idle", Write::of("cpu.idle", idle)),
        None => Ok(()),
    }
}

/// Weights are CFQ's up to Linux 4.20 and BFQ's since.
pub(super) fn blkio(io: &BlockIo, values: &mut Values<'_>) -> Result<()> {
    if let Some(weight) = asked(io.weight) {
        values.put("weight", Write::of("blkio.bfq.weight", weight).or("blkio.weight", weight))?;
    }
    if let Some(weight) = asked(io.leaf_weight) {
        values.put("leafWeight", Write::of("blkio.leaf_weight", weight))?;
    }
    for device in &io.weight_devices {
        let value = |weight: u16| format!("{}:{} {weight}", device.major, device.minor);
        if let Some(weight) = asked(device.weight).map(value) {
            let write = Write::of("blkio.bfq.weight_device", &weight).or("blkio.weight_device", &weight);
            values.put_at(device.at.key("weight"), write)?;
        }
        if let Some(weight) = asked(device.leaf_weight).map(value) {
            values.put_at(device.at.key("leafWeight"), Write::of("blkio.leaf_weight_device", weight))?;
        }
    }
    for throttle in &io.throttles {
        let file = match throttle.kind {
            ThrottleKind::ReadBps => "blkio.throttle.read_bps_device",
            ThrottleKind::WriteBps => "blkio.throttle.write_bps_device",
            ThrottleKind::ReadIops => "blkio.throttle.read_iops_device",
            ThrottleKind::WriteIops => "blkio.throttle.write_iops_device",
        };
        let value = format!("{}:{} {}", throttle.major, throttle.minor, throttle.rate);
        values.put_at(throttle.at.clone(), Write::of(file, value))?;
    }
    Ok(())
}
