//! `process.scheduler` (config.md, "Process"; `sched(7)`, `sched_setattr(2)`).

use serde::Deserialize;

use super::Str;
use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

/// How the process is scheduled, in the numbers of `sched_setattr(2)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduler {
    /// Where it stands.
    pub at: Pointer,
    /// `policy`: a `SCHED_*` number.
    pub policy: u32,
    /// `nice`, −20 to 19: 0 but for `SCHED_OTHER` and `SCHED_BATCH`.
    pub nice: i32,
    /// `priority`, 1 to 99 for `SCHED_FIFO` and `SCHED_RR`: 0 for all others.
    pub priority: u32,
    /// `flags`: `SCHED_FLAG_*` bits.
    pub flags: u64,
    /// `runtime` in nanoseconds, for `SCHED_DEADLINE`.
    pub runtime: u64,
    /// `deadline` in nanoseconds, for `SCHED_DEADLINE`.
    pub deadline: u64,
    /// `period` in nanoseconds, for `SCHED_DEADLINE`; 0 is the deadline.
    pub period: u64,
}

const SCHED_OTHER: u32 = 0;
const SCHED_FIFO: u32 = 1;
const SCHED_RR: u32 = 2;
const SCHED_BATCH: u32 = 3;
const SCHED_ISO: u32 = 4;
const SCHED_DEADLINE: u32 = 6;

/// Every policy of the specification, the number of each being its place (`linux/sched.h`).
const POLICIES: [&str; 7] =
    ["SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"];

/// Every flag of the specification, each the bit of its place.
const FLAGS: [&str; 7] = [
    "SCHED_FLAG_RESET_ON_FORK",
    "SCHED_FLAG_RECLAIM",
    "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS",
    "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX",
];

/// The kernel counts in units of this many nanoseconds and takes no shorter runtime (`DL_SCALE`).
const SHORTEST_RUNTIME: u64 = 1 << 10;

impl Scheduler {
    /// The name of a policy (`SCHED_BATCH`).
    pub(crate) fn policy_name(policy: u32) -> Option<&'static str> {
        usize::try_from(policy).ok().and_then(|place| POLICIES.get(place)).copied()
    }

    /// The names of flags.
    pub(crate) fn flag_names(flags: u64) -> impl Iterator<Item = &'static str> {
        (0..).zip(FLAGS).filter(move |(bit, _)| flags >> bit & 1 == 1).map(|(_, name)| name)
    }
}

/// `scheduler` as it stands.
#[derive(Deserialize)]
pub(super) struct RawScheduler<'c> {
    #[serde(borrow)]
    policy: Option<Text<'c>>,
    nice: Option<i64>,
    priority: Option<i64>,
    #[serde(borrow)]
    flags: Option<Vec<Text<'c>>>,
    runtime: Option<u64>,
    deadline: Option<u64>,
    period: Option<u64>,
}

impl RawScheduler<'_> {
    /// Checks everything in `scheduler`: what the kernel would refuse, and what it would pass over.
    pub(super) fn check(self, at: Pointer) -> Result<Scheduler> {
        let policy = policy(text::some(self.policy), &at)?;
        let scheduler = Scheduler {
            policy,
            nice: nice(self.nice.unwrap_or_default(), policy, &at)?,
            priority: priority(self.priority.unwrap_or_default(), policy, &at)?,
            flags: flags(&text::list(self.flags), &at.key("flags"))?,
            runtime: self.runtime.unwrap_or_default(),
            deadline: self.deadline.unwrap_or_default(),
            period: self.period.unwrap_or_default(),
            at,
        };
        times(&scheduler)?;
        Ok(scheduler)
    }
}

fn policy(name: Option<Str<'_>>, at: &Pointer) -> Result<u32> {
    let at = at.key("policy");
    let Some(name) = name else { return Err(Error::config(at, "a scheduler needs a `policy`")) };
    match (0..).zip(POLICIES).find_map(|(number, known)| (known == name).then_some(number)) {
        Some(SCHED_ISO) => Err(Error::unsupported(at, "Linux has no `SCHED_ISO`: only its number is reserved")),
        Some(number) => Ok(number),
        None => Err(Error::config(at, format!("unknown scheduling policy `{name}`"))
            .hint("the names are those of sched(7), such as SCHED_BATCH")),
    }
}

fn nice(nice: i64, policy: u32, at: &Pointer) -> Result<i32> {
    match i32::try_from(nice) {
        Ok(0) => Ok(0),
        _ if !matches!(policy, SCHED_OTHER | SCHED_BATCH) => {
            Err(Error::config(at.key("nice"), "`nice` is for SCHED_OTHER and SCHED_BATCH only"))
        }
        Ok(nice @ -20..=19) => Ok(nice),
        _ => Err(Error::config(at.key("nice"), format!("{nice} is not within -20 and 19"))),
    }
}

fn priority(priority: i64, policy: u32, at: &Pointer) -> Result<u32> {
    let real_time = matches!(policy, SCHED_FIFO | SCHED_RR);
    match u32::try_from(priority) {
        Ok(0) if !real_time => Ok(0),
        _ if !real_time => Err(Error::config(at.key("priority"), "`priority` is for SCHED_FIFO and SCHED_RR only")),
        Ok(priority @ 1..=99) => Ok(priority),
        _ => Err(Error::config(at.key("priority"), format!("{priority} is not within 1 and 99"))),
    }
}

fn flags(names: &[Str<'_>], at: &Pointer) -> Result<u64> {
    names.iter().enumerate().try_fold(0, |bits, (index, name)| {
        match (0..).zip(FLAGS).find_map(|(bit, known)| (known == name).then_some(1 << bit)) {
            Some(bit) => Ok(bits | bit),
            None => Err(Error::config(at.index(index), format!("unknown scheduler flag `{name}`"))),
        }
    })
}

/// `runtime` ≤ `deadline` ≤ `period`, where they mean something (`sched_setattr(2)`, EINVAL).
fn times(scheduler: &Scheduler) -> Result<()> {
    let Scheduler { at, policy, runtime, deadline, period, .. } = scheduler;
    let wrong = |key: &str, message: String| Err(Error::config(at.key(key), message));
    if *policy != SCHED_DEADLINE {
        let times = [("runtime", runtime), ("deadline", deadline), ("period", period)];
        return match times.into_iter().find(|(_, time)| **time != 0) {
            Some((key, _)) => wrong(key, format!("`{key}` is for SCHED_DEADLINE only")),
            None => Ok(()),
        };
    }
    match () {
        () if *runtime < SHORTEST_RUNTIME => {
            wrong("runtime", format!("SCHED_DEADLINE needs a runtime of at least {SHORTEST_RUNTIME} nanoseconds"))
        }
        () if deadline < runtime => wrong("deadline", format!("deadline {deadline} is below the runtime {runtime}")),
        () if *period != 0 && period < deadline => {
            wrong("period", format!("period {period} is below the deadline {deadline}"))
        }
        () if deadline >> 63 != 0 => wrong("deadline", format!("deadline {deadline} is above {}", u64::MAX >> 1)),
        () if period >> 63 != 0 => wrong("period", format!("period {period} is above {}", u64::MAX >> 1)),
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<Scheduler, String> {
        let raw: RawScheduler<'_> = serde_json::from_str(json).unwrap();
        raw.check(Pointer::new("/process/scheduler")).map_err(|error| error.to_string())
    }

    #[test]
    fn names_become_the_kernels_numbers() {
        let scheduler = check(
            r#"{"policy":"SCHED_DEADLINE","flags":["SCHED_FLAG_RECLAIM","SCHED_FLAG_UTIL_CLAMP_MAX"],
                "runtime":1024,"deadline":2000,"period":3000}"#,
        )
        .unwrap();
        assert_eq!((scheduler.policy, scheduler.flags), (6, 0x42));
        assert_eq!((scheduler.runtime, scheduler.deadline, scheduler.period), (1024, 2000, 3000));
        assert_eq!(check(r#"{"policy":"SCHED_OTHER","nice":-20,"priority":0}"#).unwrap().nice, -20);
        assert_eq!(check(r#"{"policy":"SCHED_RR","priority":99}"#).unwrap().priority, 99);
        assert_eq!(Scheduler::policy_name(5), Some("SCHED_IDLE"));
        assert_eq!(
            Scheduler::flag_names(0x42).collect::<Vec<_>>(),
            ["SCHED_FLAG_RECLAIM", "SCHED_FLAG_UTIL_CLAMP_MAX"]
        );
    }

    #[test]
    fn what_a_policy_has_not_is_refused() {
        for (json, key, message) in [
            (r#"{"nice":1}"#, "policy", "a scheduler needs a `policy`"),
            (r#"{"policy":"BATCH"}"#, "policy", "unknown scheduling policy `BATCH`"),
            (r#"{"policy":"SCHED_ISO"}"#, "policy", "Linux has no `SCHED_ISO`: only its number is reserved"),
            (r#"{"policy":"SCHED_BATCH","nice":20}"#, "nice", "20 is not within -20 and 19"),
            (r#"{"policy":"SCHED_IDLE","nice":1}"#, "nice", "`nice` is for SCHED_OTHER and SCHED_BATCH only"),
            (r#"{"policy":"SCHED_FIFO"}"#, "priority", "0 is not within 1 and 99"),
            (r#"{"policy":"SCHED_RR","priority":100}"#, "priority", "100 is not within 1 and 99"),
            (r#"{"policy":"SCHED_OTHER","priority":1}"#, "priority", "`priority` is for SCHED_FIFO and SCHED_RR only"),
            (r#"{"policy":"SCHED_OTHER","flags":["X"]}"#, "flags/0", "unknown scheduler flag `X`"),
            (r#"{"policy":"SCHED_IDLE","period":1}"#, "period", "`period` is for SCHED_DEADLINE only"),
            (
                r#"{"policy":"SCHED_DEADLINE","deadline":5000}"#,
                "runtime",
                "SCHED_DEADLINE needs a runtime of at least 1024 nanoseconds",
            ),
            (
                r#"{"policy":"SCHED_DEADLINE","runtime":2000,"deadline":1999}"#,
                "deadline",
                "deadline 1999 is below the runtime 2000",
            ),
            (
                r#"{"policy":"SCHED_DEADLINE","runtime":2000,"deadline":2000,"period":1999}"#,
                "period",
                "period 1999 is below the deadline 2000",
            ),
        ] {
            let whole = format!("check config: {message} [config.json /process/scheduler/{key}]");
            assert_eq!(check(json), Err(whole), "{json}");
        }
    }
}
