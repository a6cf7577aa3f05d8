//! The files of cgroup v1 → [`Stats`] (Documentation/admin-guide/cgroup-v1).

use std::path::Path;

use nix::errno::Errno;

use super::v2::device;
use super::{Blkio, BlkioEntry, Cpuset, Hugetlb, MemoryUsage, Stats, huge_page_sizes, number, pids, rdma, table, text};
use crate::cgroup::Dir;

/// `USER_HZ` is 100 on every architecture this builds for (proc_stat(5)).
const NANOSECONDS_PER_TICK: u64 = 10_000_000;

/// Adds what the controllers of this directory tell.
pub(super) fn add(dir: &Dir, stats: &mut Stats) -> Result<(), Errno> {
    let path = &dir.path;
    for controller in &dir.controllers {
        match controller.as_str() {
            "cpu" => throttling(path, stats)?,
            "cpuacct" => cpu(path, stats)?,
            "cpuset" => stats.cpuset = cpuset(path)?,
            "memory" => memory(path, stats)?,
            "pids" => stats.pids = pids(path)?,
            "blkio" => stats.blkio = blkio(path)?,
            "hugetlb" => {
                for size in huge_page_sizes(path)? {
                    let used = hugetlb(path, &size)?;
                    stats.hugetlb.insert(size, used);
                }
            }
            "rdma" => stats.rdma = rdma(path)?,
            _ => {}
        }
    }
    Ok(())
}

fn throttling(path: &Path, stats: &mut Stats) -> Result<(), Errno> {
    let found = table(&path.join("cpu.stat"))?;
    let value = |name: &str| found.get(name).copied().unwrap_or_default();
    let throttling = &mut stats.cpu.throttling;
    throttling.periods = value("nr_periods");
    throttling.throttled_periods = value("nr_throttled");
    throttling.throttled_time = value("throttled_time");
    Ok(())
}

fn cpu(path: &Path, stats: &mut Stats) -> Result<(), Errno> {
    let usage = &mut stats.cpu.usage;
    let ticks = table(&path.join("cpuacct.stat"))?;
    usage.user = ticks.get("user").copied().unwrap_or_default() * NANOSECONDS_PER_TICK;
    usage.kernel = ticks.get("system").copied().unwrap_or_default() * NANOSECONDS_PER_TICK;
    usage.total = number(&path.join("cpuacct.usage"))?.unwrap_or_default();
    usage.percpu = numbers(&text(&path.join("cpuacct.usage_percpu"))?.unwrap_or_default());
    // A heading, then `processor user system` (4.7).
    for line in text(&path.join("cpuacct.usage_all"))?.unwrap_or_default().lines().skip(1) {
        if let [_, user, kernel] = *numbers(line).as_slice() {
            usage.percpu_user.push(user);
            usage.percpu_kernel.push(kernel);
        }
    }
    Ok(())
}

fn numbers(line: &str) -> Vec<u64> {
    line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn cpuset(path: &Path) -> Result<Cpuset, Errno> {
    let value = |name: &str| Ok::<_, Errno>(number(&path.join(format!("cpuset.{name}")))?.unwrap_or_default());
    let list = |name: &str| Ok::<_, Errno>(members(&text(&path.join(format!("cpuset.{name}")))?.unwrap_or_default()));
    let level = text(&path.join("cpuset.sched_relax_domain_level"))?;
    Ok(Cpuset {
        cpus: list("cpus")?,
        cpu_exclusive: value("cpu_exclusive")?,
        mems: list("mems")?,
        mem_hardwall: value("mem_hardwall")?,
        mem_exclusive: value("mem_exclusive")?,
        memory_migrate: value("memory_migrate")?,
        memory_spread_page: value("memory_spread_page")?,
        memory_spread_slab: value("memory_spread_slab")?,
        memory_pressure: value("memory_pressure")?,
        sched_load_balance: value("sched_load_balance")?,
        sched_relax_domain_level: level.and_then(|text| text.parse().ok()).unwrap_or_default(),
    })
}

/// `0-2,7` → 0, 1, 2, 7.
fn members(list: &str) -> Vec<u16> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<u16>().ok()?..=last.parse::<u16>().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

fn memory(path: &Path, stats: &mut Stats) -> Result<(), Errno> {
    let memory = &mut stats.memory;
    memory.raw = table(&path.join("memory.stat"))?;
    memory.cache = memory.raw.get("cache").copied().unwrap_or_default();
    memory.usage = usage(path, "memory")?;
    memory.swap = usage(path, "memory.memsw")?;
    memory.kernel = usage(path, "memory.kmem")?;
    memory.kernel_tcp = usage(path, "memory.kmem.tcp")?;
    Ok(())
}

/// All zero where the kernel does not count it.
fn usage(path: &Path, prefix: &str) -> Result<MemoryUsage, Errno> {
    let value = |name: &str| Ok::<_, Errno>(number(&path.join(format!("{prefix}.{name}")))?.unwrap_or_default());
    Ok(MemoryUsage {
        limit: value("limit_in_bytes")?,
        usage: value("usage_in_bytes")?,
        max: value("max_usage_in_bytes")?,
        failcnt: value("failcnt")?,
    })
}

/// What BFQ counts, else what CFQ did (up to 4.20), else what throttling counts.
fn blkio(path: &Path) -> Result<Blkio, Errno> {
    let list = |file: String| Ok::<_, Errno>(text(&path.join(file))?.map(|text| entries(&text)).unwrap_or_default());
    for scheduler in ["bfq.", "", "throttle."] {
        let read = |name: &str| list(format!("blkio.{scheduler}{name}_recursive"));
        let serviced = read("io_serviced")?;
        if !serviced.is_empty() {
            return Ok(Blkio {
                io_service_bytes_recursive: read("io_service_bytes")?,
                io_serviced_recursive: serviced,
                io_queued_recursive: read("io_queued")?,
                io_service_time_recursive: read("io_service_time")?,
                io_wait_time_recursive: read("io_wait_time")?,
                io_merged_recursive: read("io_merged")?,
                io_time_recursive: read("time")?,
                sectors_recursive: read("sectors")?,
                psi: None,
            });
        }
    }
    Ok(Blkio {
        io_service_bytes_recursive: list("blkio.throttle.io_service_bytes".into())?,
        io_serviced_recursive: list("blkio.throttle.io_serviced".into())?,
        ..Blkio::default()
    })
}

/// `8:0 Read 124`, `8:0 6792`; the last line, `Total 124`, is of no device.
fn entries(text: &str) -> Vec<BlkioEntry> {
    let entry = |line: &str| {
        let mut words = line.split(' ');
        let (major, minor) = device(words.next()?)?;
        let (op, value) = match (words.next()?, words.next()) {
            (op, Some(value)) => (op, value),
            (value, None) => ("", value),
        };
        Some(BlkioEntry { major, minor, op: op.to_owned(), value: value.parse().ok()? })
    };
    text.lines().filter_map(entry).collect()
}

fn hugetlb(path: &Path, size: &str) -> Result<Hugetlb, Errno> {
    for kind in [".rsvd", ""] {
        let value = |name: &str| number(&path.join(format!("hugetlb.{size}{kind}.{name}")));
        if let Some(usage) = value("usage_in_bytes")? {
            let max = value("max_usage_in_bytes")?.unwrap_or_default();
            return Ok(Hugetlb { usage, max, failcnt: value("failcnt")?.unwrap_or_default() });
        }
    }
    Ok(Hugetlb::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_members() {
        assert_eq!(members("0-2,7"), [0, 1, 2, 7]);
        assert!(members("").is_empty() && members("x-1").is_empty());
    }

    #[test]
    fn the_total_is_of_no_device() {
        let found = entries("8:0 Read 124\n8:0 Total 228\nTotal 228");
        let entry = |op: &str, value| BlkioEntry { major: 8, minor: 0, op: op.to_owned(), value };
        assert_eq!(found, [entry("Read", 124), entry("Total", 228)]);
        assert_eq!(entries("8:0 6792"), [entry("", 6792)]);
    }
}
