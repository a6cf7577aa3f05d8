//! `process.rlimits` (config.md, "POSIX process"; `getrlimit(2)`).

use serde::Deserialize;

use super::json::Object;
use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

/// One entry of `process.rlimits`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rlimit {
    /// Where it stands.
    pub at: Pointer,
    /// The `RLIMIT_*` number of `getrlimit(2)`.
    pub resource: u32,
    /// The limit in force.
    pub soft: u64,
    /// The ceiling for `soft`, which is not above it.
    pub hard: u64,
}

/// Every limit of `asm-generic/resource.h`, the number of each being its place.
const NAMES: [&str; 16] = [
    "RLIMIT_CPU",
    "RLIMIT_FSIZE",
    "RLIMIT_DATA",
    "RLIMIT_STACK",
    "RLIMIT_CORE",
    "RLIMIT_RSS",
    "RLIMIT_NPROC",
    "RLIMIT_NOFILE",
    "RLIMIT_MEMLOCK",
    "RLIMIT_AS",
    "RLIMIT_LOCKS",
    "RLIMIT_SIGPENDING",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_RTPRIO",
    "RLIMIT_RTTIME",
];

impl Rlimit {
    /// The name of a resource (`RLIMIT_NOFILE`).
    pub(crate) fn name(resource: u32) -> Option<&'static str> {
        usize::try_from(resource).ok().and_then(|place| NAMES.get(place)).copied()
    }
}

/// One limit as it stands.
#[derive(Deserialize)]
pub(super) struct RawRlimit<'c> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'c>>,
    soft: Option<u64>,
    hard: Option<u64>,
}

/// Checks all limits: "if rlimits contains duplicated entries with same type, the runtime MUST generate an error".
pub(super) fn check(limits: Option<Vec<Object<RawRlimit<'_>>>>, at: Pointer) -> Result<Vec<Rlimit>> {
    let mut checked: Vec<Rlimit> = Vec::with_capacity(limits.as_ref().map_or(0, Vec::len));
    for (at, limit) in text::each(limits, at) {
        let limit = check_one(&limit, at)?;
        if let Some(first) = checked.iter().find(|earlier| earlier.resource == limit.resource) {
            return Err(Error::config(limit.at.key("type"), format!("the same limit stands at {} already", first.at)));
        }
        checked.push(limit);
    }
    Ok(checked)
}

fn check_one(limit: &RawRlimit<'_>, at: Pointer) -> Result<Rlimit> {
    let Some(Text(kind)) = &limit.kind else { return Err(Error::config(at.key("type"), "an rlimit needs a `type`")) };
    let Some(resource) = (0..).zip(NAMES).find_map(|(number, name)| (name == kind).then_some(number)) else {
        return Err(Error::config(at.key("type"), format!("unknown rlimit `{kind}`"))
            .hint("the names are those of getrlimit(2), such as RLIMIT_NOFILE"));
    };
    let (Some(soft), Some(hard)) = (limit.soft, limit.hard) else {
        return Err(Error::config(at, "an rlimit needs both `soft` and `hard`"));
    };
    if soft > hard {
        return Err(Error::config(at.key("soft"), format!("soft limit {soft} is above the hard limit {hard}")));
    }
    Ok(Rlimit { at, resource, soft, hard })
}
