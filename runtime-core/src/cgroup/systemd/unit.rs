//! The values of a cgroup → properties of its unit (systemd.resource-control(5)). Pure.
//!
//! systemd writes what it knows of a unit to the cgroup again, at the latest at `daemon-reload`: a limit that only stands in a file
//! would be gone then. So each value that has a property is both. What has none (`memory.oom.group`, `hugetlb.*`, limits of one disk)
//! systemd does not touch, nor does it touch a device program that it did not attach itself: the container's own holds.

use std::path::PathBuf;

use super::Property;
use super::value::Value;
use crate::cgroup::plan::{Missing, Write};
use crate::error::Pointer;

/// systemd keeps a quota in whole percents of a processor.
const PERCENT: u64 = 10_000;
const SECOND: u64 = 1_000_000;
/// The kernel's `cpu.max` of a new group, in microseconds.
const USUAL_PERIOD: u64 = 100_000;

/// What every container's unit has (runc's and crun's choice).
pub(super) fn of_every_container(id: &str, slice: &str) -> Vec<Property> {
    let path = Pointer::new("/linux/cgroupsPath");
    let text = |text: &str| Value::Text(text.to_owned());
    let own = |name, value| Property { name, value, field: None };
    vec![
        own("Description", Value::Text(format!("orlop container {id}"))),
        Property { name: "Slice", value: text(slice), field: Some(path) },
        // What is below the scope is the container's own business.
        own("Delegate", Value::Bool(true)),
        // A container is not stopped before others at shutdown unless it is asked for.
        own("DefaultDependencies", Value::Bool(false)),
        // Nothing stays behind when the container ends by itself, not even after the kernel ran out of memory.
        own("CollectMode", text("inactive-or-failed")),
        own("CPUAccounting", Value::Bool(true)),
        own("IOAccounting", Value::Bool(true)),
        own("MemoryAccounting", Value::Bool(true)),
        own("TasksAccounting", Value::Bool(true)),
    ]
}

/// The properties that say the same as these values of files.
pub(super) fn of_values(writes: &[Write]) -> Vec<Property> {
    let mut properties = Vec::new();
    for write in writes {
        let (file, value) = match &write.missing {
            // BFQ's weight is nobody's business but BFQ's.
            Missing::Use(file, value) => (&**file, &**value),
            _ => (&*write.file, &*write.value),
        };
        for (name, value) in same(file, value) {
            set(&mut properties, Property { name, value, field: Some(write.field.clone()) });
        }
    }
    properties
}

/// The properties that say the same as these files.
pub(super) fn of_files(files: &[(PathBuf, String)]) -> Vec<Property> {
    let mut properties = Vec::new();
    for (path, text) in files {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        for (name, value) in same(&file, text) {
            set(&mut properties, Property { name, value, field: None });
        }
    }
    properties
}

/// Adds a property; the last word on it counts.
pub(super) fn set(properties: &mut Vec<Property>, property: Property) {
    match properties.iter_mut().find(|known| known.name == property.name) {
        Some(known) => *known = property,
        None => properties.push(property),
    }
}

/// A value that systemd would refuse and the kernel may take, or the other way round, is the file's alone.
fn same(file: &str, value: &str) -> Vec<(&'static str, Value)> {
    let one = |name, value: Option<Value>| value.map(|value| (name, value)).into_iter().collect();
    match file {
        "cpu.max" => quota(value),
        "cpu.weight" => one("CPUWeight", number(value).map(Value::U64)),
        // 0 is systemd's word for idle (since 252).
        "cpu.idle" => one("CPUWeight", (value == "1").then_some(Value::U64(0))),
        "cpuset.cpus" => one("AllowedCPUs", mask(value).map(Value::Bytes)),
        "cpuset.mems" => one("AllowedMemoryNodes", mask(value).map(Value::Bytes)),
        "io.weight" => one("IOWeight", number(value.trim_start_matches("default ")).map(Value::U64)),
        "memory.high" => one("MemoryHigh", bytes(value).map(Value::U64)),
        "memory.low" => one("MemoryLow", bytes(value).map(Value::U64)),
        "memory.max" => one("MemoryMax", bytes(value).filter(|bytes| *bytes > 0).map(Value::U64)),
        "memory.min" => one("MemoryMin", bytes(value).map(Value::U64)),
        "memory.swap.max" => one("MemorySwapMax", bytes(value).map(Value::U64)),
        "memory.zswap.max" => one("MemoryZSwapMax", bytes(value).map(Value::U64)),
        "pids.max" => one("TasksMax", bytes(value).filter(|tasks| *tasks > 0).map(Value::U64)),
        _ => Vec::new(),
    }
}

/// `QUOTA PERIOD`, of which the second may be missing. A quota is rounded up, as in runc: systemd's must not be below the container's.
fn quota(value: &str) -> Vec<(&'static str, Value)> {
    let (quota, period) = value.split_once(' ').map_or((value, None), |(quota, period)| (quota, Some(period)));
    let period = period.map(str::parse::<u64>);
    let length = period.clone().and_then(Result::ok).unwrap_or(USUAL_PERIOD).max(1);
    let per_second = match quota {
        "max" => Some(u64::MAX),
        _ => number(quota).map(|quota| quota.saturating_mul(SECOND).div_ceil(length).next_multiple_of(PERCENT)),
    };
    let mut properties: Vec<_> =
        per_second.map(|share| ("CPUQuotaPerSecUSec", Value::U64(share))).into_iter().collect();
    if let Some(Ok(period)) = period {
        properties.push(("CPUQuotaPeriodUSec", Value::U64(period)));
    }
    properties
}

/// A weight, or a time: never 0.
fn number(value: &str) -> Option<u64> {
    value.parse().ok().filter(|number| *number > 0)
}

/// `max` is systemd's infinity.
fn bytes(value: &str) -> Option<u64> {
    if value == "max" { Some(u64::MAX) } else { value.parse().ok() }
}

/// `0-2,7` as a set of bits, the lowest first.
fn mask(list: &str) -> Option<Vec<u8>> {
    let mut mask = Vec::new();
    // None in particular: whatever the cgroup above has.
    for range in list.split(',').filter(|_| !list.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        // No machine has more (the kernel's NR_CPUS is at most 8192).
        if first > last || last >= 1 << 16 {
            return None;
        }
        mask.resize(mask.len().max(last / 8 + 1), 0);
        for bit in first..=last {
            if let Some(byte) = mask.get_mut(bit / 8) {
                *byte |= 1 << (bit % 8);
            }
        }
    }
    Some(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(file: &'static str, value: &str) -> String {
        let found = of_values(&[Write::of(file, value)]);
        found.iter().map(|property| format!("{}={}", property.name, property.value)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn values_have_properties_that_say_the_same() {
        for (file, value, expected) in [
            ("memory.max", "67108864", "MemoryMax=67108864"),
            ("memory.max", "max", "MemoryMax=infinity"),
            ("memory.swap.max", "0", "MemorySwapMax=0"),
            ("pids.max", "20", "TasksMax=20"),
            ("cpu.weight", "59", "CPUWeight=59"),
            ("cpu.idle", "1", "CPUWeight=0"),
            ("cpu.idle", "0", ""),
            ("cpu.max", "20000 50000", "CPUQuotaPerSecUSec=400000 CPUQuotaPeriodUSec=50000"),
            ("cpu.max", "33333 100000", "CPUQuotaPerSecUSec=340000 CPUQuotaPeriodUSec=100000"),
            ("cpu.max", "50000", "CPUQuotaPerSecUSec=500000"),
            ("cpu.max", "max 50000", "CPUQuotaPerSecUSec=infinity CPUQuotaPeriodUSec=50000"),
            ("cpuset.cpus", "0-2,9", "AllowedCPUs=[07, 02]"),
            ("cpuset.mems", "1", "AllowedMemoryNodes=[02]"),
            ("io.weight", "default 50", "IOWeight=50"),
            ("memory.oom.group", "1", ""),
        ] {
            assert_eq!(words(file, value), expected, "{file} {value}");
        }
    }

    #[test]
    fn what_the_kernel_will_refuse_is_not_asked_of_systemd() {
        for (file, value) in [
            ("memory.max", "much"),
            ("memory.max", "0"),
            ("pids.max", "0"),
            ("cpu.weight", "0"),
            ("cpuset.cpus", "2-1"),
            ("cpuset.cpus", "0-99999999"),
            ("cpu.max", "some"),
            ("io.weight", "8:0 50"),
        ] {
            assert_eq!(words(file, value), "", "{file} {value}");
        }
    }

    #[test]
    fn the_last_value_counts_as_in_the_file() {
        let writes = [Write::of("memory.max", "1"), Write::of("pids.max", "5"), Write::of("memory.max", "2")];
        let found: Vec<_> = of_values(&writes).into_iter().map(|property| (property.name, property.value)).collect();
        assert_eq!(found, [("MemoryMax", Value::U64(2)), ("TasksMax", Value::U64(5))]);
    }
}
