//! The files of cgroup v2 → [`Stats`] (Documentation/admin-guide/cgroup-v2.rst).

use std::path::Path;

use nix::errno::Errno;

use super::{
    Blkio, BlkioEntry, Hugetlb, MemoryUsage, Pressure, Stall, Stats, huge_page_sizes, number, pids, rdma, table, text,
};
use crate::cgroup::Dir;

/// Adds what the controllers of this directory tell.
pub(super) fn add(dir: &Dir, stats: &mut Stats) -> Result<(), Errno> {
    let path = &dir.path;
    if dir.has("cpu") {
        cpu(path, stats)?;
    }
    if dir.has("memory") {
        memory(path, stats)?;
    }
    if dir.has("pids") {
        stats.pids = pids(path)?;
    }
    if dir.has("io") {
        stats.blkio = io(&text(&path.join("io.stat"))?.unwrap_or_default());
        stats.blkio.psi = pressure(&path.join("io.pressure"))?;
    }
    if dir.has("hugetlb") {
        for size in huge_page_sizes(path)? {
            let used = hugetlb(path, &size)?;
            stats.hugetlb.insert(size, used);
        }
    }
    if dir.has("rdma") {
        stats.rdma = rdma(path)?;
    }
    Ok(())
}

fn cpu(path: &Path, stats: &mut Stats) -> Result<(), Errno> {
    let found = table(&path.join("cpu.stat"))?;
    let value = |name: &str| found.get(name).copied().unwrap_or_default();
    let cpu = &mut stats.cpu;
    cpu.usage.total = value("usage_usec") * 1000;
    cpu.usage.user = value("user_usec") * 1000;
    cpu.usage.kernel = value("system_usec") * 1000;
    cpu.throttling.periods = value("nr_periods");
    cpu.throttling.throttled_periods = value("nr_throttled");
    cpu.throttling.throttled_time = value("throttled_usec") * 1000;
    cpu.psi = pressure(&path.join("cpu.pressure"))?;
    Ok(())
}

/// `swap` is memory and swap together, as on cgroup v1.
fn memory(path: &Path, stats: &mut Stats) -> Result<(), Errno> {
    let memory = &mut stats.memory;
    memory.raw = table(&path.join("memory.stat"))?;
    memory.cache = memory.raw.get("file").copied().unwrap_or_default();
    memory.usage = MemoryUsage {
        usage: number(&path.join("memory.current"))?.unwrap_or_default(),
        limit: number(&path.join("memory.max"))?.unwrap_or_default(),
        max: number(&path.join("memory.peak"))?.unwrap_or_default(),
        failcnt: 0,
    };
    let swap = number(&path.join("memory.swap.current"))?;
    let limit = number(&path.join("memory.swap.max"))?.unwrap_or_default();
    memory.swap.usage = swap.unwrap_or_default() + memory.usage.usage;
    memory.swap.limit = limit.saturating_add(memory.usage.limit);
    memory.psi = pressure(&path.join("memory.pressure"))?;
    Ok(())
}

/// `8:0 rbytes=90 wbytes=0 rios=3 wios=0 dbytes=0 dios=0`.
fn io(text: &str) -> Blkio {
    let mut blkio = Blkio::default();
    for line in text.lines() {
        let mut words = line.split(' ');
        let Some((major, minor)) = words.next().and_then(device) else { continue };
        for word in words {
            let Some((key, value)) = word.split_once('=') else { continue };
            let (list, op) = match key {
                "rbytes" => (&mut blkio.io_service_bytes_recursive, "Read"),
                "wbytes" => (&mut blkio.io_service_bytes_recursive, "Write"),
                "rios" => (&mut blkio.io_serviced_recursive, "Read"),
                "wios" => (&mut blkio.io_serviced_recursive, "Write"),
                _ => continue,
            };
            list.push(BlkioEntry { major, minor, op: op.to_owned(), value: value.parse().unwrap_or_default() });
        }
    }
    blkio
}

/// `8:16` → 8, 16.
pub(super) fn device(text: &str) -> Option<(u64, u64)> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// What is reserved where the kernel tells (5.7), for a page fault beyond it would kill; else what is used.
fn hugetlb(path: &Path, size: &str) -> Result<Hugetlb, Errno> {
    for kind in [".rsvd", ""] {
        if let Some(usage) = number(&path.join(format!("hugetlb.{size}{kind}.current")))? {
            let events = table(&path.join(format!("hugetlb.{size}.events")))?;
            return Ok(Hugetlb { usage, max: 0, failcnt: events.get("max").copied().unwrap_or_default() });
        }
    }
    Ok(Hugetlb::default())
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and the same for `full`.
fn pressure(path: &Path) -> Result<Option<Pressure>, Errno> {
    let Some(text) = text(path)? else { return Ok(None) };
    let mut pressure = Pressure::default();
    for line in text.lines() {
        let (kind, words) = line.split_once(' ').unwrap_or((line, ""));
        let value = |key: &str| words.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        let average = |key| value(key).and_then(|text| text.parse().ok()).unwrap_or_default();
        let stall = Stall {
            avg10: average("avg10"),
            avg60: average("avg60"),
            avg300: average("avg300"),
            total: value("total").and_then(|text| text.parse().ok()).unwrap_or_default(),
        };
        match kind {
            "some" => pressure.some = stall,
            "full" => pressure.full = stall,
            _ => {}
        }
    }
    Ok(Some(pressure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_counted_in_the_words_of_cgroup_v1() {
        let blkio = io("8:16 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n254:0\nnonsense");
        let entry = |op: &str, value| BlkioEntry { major: 8, minor: 16, op: op.to_owned(), value };
        assert_eq!(blkio.io_service_bytes_recursive, [entry("Read", 10), entry("Write", 20)]);
        assert_eq!(blkio.io_serviced_recursive, [entry("Read", 1), entry("Write", 2)]);
    }
}
