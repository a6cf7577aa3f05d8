//! `linux.resources` → the files of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst). Pure.

use super::limits::{Values, asked, or_max};
use super::plan::{Plan, Write};
use crate::error::{Error, Pointer, Result};
use crate::spec::{BlockIo, Cpu, Memory, ThrottleKind, Unified};

/// `swap` counts memory and swap together; `memory.swap.max` counts swap alone.
pub(super) fn memory(memory: &Memory, values: &mut Values<'_>) -> Result<()> {
    let (limit, swap) = (asked(memory.limit), asked(memory.swap));
    if memory.check_before_update {
        values.must_fit("memory.current", limit);
    }
    if let Some(swap) = swap_alone(limit, swap, &values.field("swap"))? {
        let field = if memory.swap.is_some() { "swap" } else { "limit" };
        let write =
            Write::of("memory.swap.max", or_max(swap)).hint("boot with swapaccount=1: this kernel does not count swap");
        // Asked for or not, "no limit" is what a kernel without swap accounting does.
        values.put(field, if swap < 0 { write.optional() } else { write })?;
    }
    if let Some(limit) = limit {
        values.put("limit", Write::of("memory.max", or_max(limit)))?;
    }
    if let Some(reservation) = asked(memory.reservation) {
        values.put("reservation", Write::of("memory.low", or_max(reservation)))?;
    }
    // `memory.swappiness` and `memory.oom_control` have no successor.
    if memory.swappiness.is_some() {
        return Err(only_v1(values.field("swappiness")));
    }
    if memory.disable_oom_killer == Some(true) {
        return Err(only_v1(values.field("disableOOMKiller")));
    }
    match memory.use_hierarchy {
        Some(false) => Err(only_v1(values.field("useHierarchy"))),
        _ => Ok(()),
    }
}

fn swap_alone(limit: Option<i64>, swap: Option<i64>, field: &Pointer) -> Result<Option<i64>> {
    match (limit, swap) {
        (Some(..0), None) => Ok(Some(-1)),
        (_, None) => Ok(None),
        (_, Some(swap)) if swap < 0 => Ok(Some(-1)),
        (None | Some(..0), Some(_)) => {
            Err(Error::config(field.clone(), "a limit of memory and swap together needs a limit of memory"))
        }
        (Some(limit), Some(swap)) if swap < limit => {
            Err(Error::config(field.clone(), "memory and swap together are less than the memory limit"))
        }
        (Some(limit), Some(swap)) => Ok(Some(swap - limit)),
    }
}

/// Shares become a weight, which an idle group does not take; quota and period share a file.
pub(super) fn cpu(cpu: &Cpu<'_>, values: &mut Values<'_>) -> Result<()> {
    if let Some(shares) = asked(cpu.shares).filter(|_| cpu.idle != Some(1)) {
        values.put("shares", Write::of("cpu.weight", weight_of_shares(shares)).entangled())?;
    }
    let (quota, period) = (asked(cpu.quota), asked(cpu.period));
    if quota.is_some() || period.is_some() {
        let field = if quota.is_some() { "quota" } else { "period" };
        // Without a period the kernel keeps the one it has; a period alone leaves no quota, as in runc.
        let period = period.map(|period| format!(" {period}")).unwrap_or_default();
        let value = format!("{}{period}", or_max(quota.unwrap_or(-1)));
        values.put(field, Write::of("cpu.max", value).entangled())?;
    }
    if let Some(burst) = cpu.burst {
        values.put("burst", Write::of("cpu.max.burst", burst).entangled())?;
    }
    if asked(cpu.realtime_runtime).is_some() {
        return Err(only_v1(values.field("realtimeRuntime")));
    }
    if asked(cpu.realtime_period).is_some() {
        return Err(only_v1(values.field("realtimePeriod")));
    }
    match cpu.idle {
        Some(idle) => values.put("idle", Write::of("cpu.idle", idle)),
        None => Ok(()),
    }
}

/// 2 → 1, 1024 → 100 (the default of both), 262144 → 10000, and a parabola through them on logarithmic scales, as in runc 1.3.2 and crun 1.23:
/// the straight line used before gave a container with the default shares 39.
pub(super) fn weight_of_shares(shares: u64) -> u64 {
    if shares <= 2 {
        return 1;
    }
    if shares >= 262_144 {
        return 10_000;
    }
    #[expect(clippy::cast_precision_loss, reason = "below 2^18")]
    let log = (shares as f64).log2();
    let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
    // The powers of two that give whole weights must not fall over to the next one by a rounding error.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 10000")]
    let weight = (10_f64.powf(exponent) - 1e-9).ceil() as u64;
    weight
}

/// BFQ's file where there is one: it takes the specification's numbers. Else the cost model's, which has its own scale.
pub(super) fn io(io: &BlockIo, values: &mut Values<'_>) -> Result<()> {
    if let Some(weight) = asked(io.weight) {
        values.put("weight", Write::of("io.bfq.weight", weight).or("io.weight", io_weight(weight)))?;
    }
    if asked(io.leaf_weight).is_some() {
        return Err(only_v1(values.field("leafWeight")));
    }
    for device in &io.weight_devices {
        if let Some(weight) = asked(device.weight) {
            let value = |weight: u64| format!("{}:{} {weight}", device.major, device.minor);
            let write = Write::of("io.bfq.weight", value(weight.into())).or("io.weight", value(io_weight(weight)));
            values.put_at(device.at.key("weight"), write)?;
        }
        if asked(device.leaf_weight).is_some() {
            return Err(only_v1(device.at.key("leafWeight")));
        }
    }
    for throttle in &io.throttles {
        let key = match throttle.kind {
            ThrottleKind::ReadBps => "rbps",
            ThrottleKind::WriteBps => "wbps",
            ThrottleKind::ReadIops => "riops",
            ThrottleKind::WriteIops => "wiops",
        };
        // 0 lifts the limit on v1; v2 has a word for it and refuses 0.
        let rate = if throttle.rate == 0 { "max".to_owned() } else { throttle.rate.to_string() };
        let value = format!("{}:{} {key}={rate}", throttle.major, throttle.minor);
        values.put_at(throttle.at.clone(), Write::of("io.max", value))?;
    }
    Ok(())
}

/// 10 … 1000 → 1 … 10000.
fn io_weight(weight: u16) -> u64 {
    1 + u64::from(weight.saturating_sub(10)) * 9_999 / 990
}

/// "unified: … properties of cgroup v2": file names and values as they are.
pub(super) fn unified(files: &[Unified<'_>], plan: &mut Plan) -> Result<()> {
    for entry in files {
        let controller = entry.file.split_once('.').map_or("", |(prefix, _)| prefix);
        let found = plan.dirs.iter().position(|dir| dir.unified && (controller == "cgroup" || dir.has(controller)));
        let Some(dir) = found else {
            let message = match plan.dirs.iter().any(|dir| dir.unified) {
                true => format!("cgroup v2 has no controller {controller:?} here"),
                false => "this machine has no cgroup v2 hierarchy that controls anything".to_owned(),
            };
            return Err(Error::unsupported(entry.at.clone(), message));
        };
        let write = Write::of(entry.file.clone().into_owned(), &entry.value);
        plan.writes.push(Write { dir, field: entry.at.clone(), ..write });
    }
    Ok(())
}

fn only_v1(field: Pointer) -> Error {
    Error::unsupported(field, "cgroup v2 has no such control")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_become_the_weights_of_runc_and_crun() {
        let pairs =
            [(2, 1), (3, 2), (256, 35), (512, 59), (1024, 100), (2048, 174), (4096, 303), (262_144, 10_000), (1, 1)];
        for (shares, weight) in pairs {
            assert_eq!(weight_of_shares(shares), weight, "{shares}");
        }
    }

    #[test]
    fn more_shares_never_weigh_less() {
        assert!((2..262_144).all(|shares| weight_of_shares(shares) <= weight_of_shares(shares + 1)));
    }

    #[test]
    fn io_weights_span_the_scale() {
        assert_eq!([10, 11, 500, 1000].map(io_weight), [1, 11, 4950, 10_000]);
    }

    #[test]
    fn swap_is_what_is_left_of_memory_and_swap() {
        let field = Pointer::new("/m/swap");
        let of = |limit, swap| swap_alone(limit, swap, &field).map_err(|error| error.to_string());
        assert_eq!(of(Some(100), Some(300)), Ok(Some(200)));
        assert_eq!(of(Some(100), Some(100)), Ok(Some(0)), "no swap at all");
        assert_eq!(of(Some(100), None), Ok(None));
        assert_eq!(of(Some(100), Some(-1)), Ok(Some(-1)));
        assert_eq!(of(None, Some(-1)), Ok(Some(-1)));
        assert_eq!(of(Some(-1), None), Ok(Some(-1)));
        let less = "check config: memory and swap together are less than the memory limit [config.json /m/swap]";
        assert_eq!(of(Some(100), Some(99)), Err(less.to_owned()));
        let alone = "check config: a limit of memory and swap together needs a limit of memory [config.json /m/swap]";
        assert_eq!(of(None, Some(99)), Err(alone.to_owned()));
        assert_eq!(of(Some(-1), Some(99)), Err(alone.to_owned()));
    }
}
