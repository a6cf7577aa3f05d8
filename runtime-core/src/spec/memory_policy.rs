//! `linux.memoryPolicy` (config-linux.md, "Memory Policy"; `set_mempolicy(2)`).

use serde::Deserialize;

use super::Str;
use super::number_list;
use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

const AT: Pointer = Pointer::new("/linux/memoryPolicy");

/// On which NUMA nodes the container's memory lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPolicy {
    /// `mode` with the `flags` in its upper bits, as `set_mempolicy(2)` takes them.
    pub mode: u32,
    /// `nodes` as a mask, lowest first, in whole words of eight bytes; empty for none.
    pub nodes: Vec<u8>,
}

const MPOL_DEFAULT: u32 = 0;
const MPOL_PREFERRED: u32 = 1;
const MPOL_BIND: u32 = 2;
const MPOL_LOCAL: u32 = 4;
const MPOL_PREFERRED_MANY: u32 = 5;

/// Every mode of the specification, the number of each being its place (`linux/mempolicy.h`).
const MODES: [&str; 7] = [
    "MPOL_DEFAULT",
    "MPOL_PREFERRED",
    "MPOL_BIND",
    "MPOL_INTERLEAVE",
    "MPOL_LOCAL",
    "MPOL_PREFERRED_MANY",
    "MPOL_WEIGHTED_INTERLEAVE",
];

const MPOL_F_NUMA_BALANCING: u32 = 1 << 13;
const MPOL_F_RELATIVE_NODES: u32 = 1 << 14;
const MPOL_F_STATIC_NODES: u32 = 1 << 15;

const FLAGS: [(&str, u32); 3] = [
    ("MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING),
    ("MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES),
    ("MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES),
];

impl MemoryPolicy {
    /// The names of all modes.
    pub(crate) fn modes() -> impl Iterator<Item = &'static str> {
        MODES.into_iter()
    }

    /// The names and bits of all flags.
    pub(crate) fn flags() -> impl Iterator<Item = (&'static str, u32)> {
        FLAGS.into_iter()
    }
}

/// `memoryPolicy` as it stands.
#[derive(Deserialize)]
pub(super) struct RawMemoryPolicy<'c> {
    #[serde(borrow)]
    mode: Option<Text<'c>>,
    #[serde(borrow)]
    nodes: Option<Text<'c>>,
    #[serde(borrow)]
    flags: Option<Vec<Text<'c>>>,
}

impl RawMemoryPolicy<'_> {
    /// Checks mode, nodes and flags, and what the kernel refuses of their combinations (`set_mempolicy(2)`, EINVAL).
    pub(super) fn check(self) -> Result<MemoryPolicy> {
        let mode = mode(text::some(self.mode))?;
        let flags = flags(&text::list(self.flags))?;
        let nodes = match text::some(self.nodes) {
            Some(nodes) => number_list::mask(&nodes, &AT.key("nodes"))?,
            None => Vec::new(),
        };
        fits(mode, flags, !nodes.is_empty())?;
        Ok(MemoryPolicy { mode: mode | flags, nodes })
    }
}

fn mode(name: Option<Str<'_>>) -> Result<u32> {
    let Some(name) = name else { return Err(Error::config(AT.key("mode"), "a memory policy needs a `mode`")) };
    (0..).zip(MODES).find_map(|(number, known)| (known == name).then_some(number)).ok_or_else(|| {
        Error::config(AT.key("mode"), format!("unknown memory policy `{name}`"))
            .hint("the names are those of set_mempolicy(2), such as MPOL_BIND")
    })
}

fn flags(names: &[Str<'_>]) -> Result<u32> {
    names.iter().enumerate().try_fold(0, |bits, (index, name)| match FLAGS.iter().find(|(known, _)| known == name) {
        Some((_, bit)) => Ok(bits | bit),
        None => Err(Error::config(AT.key("flags").index(index), format!("unknown flag of a memory policy `{name}`"))),
    })
}

fn fits(mode: u32, flags: u32, nodes: bool) -> Result<()> {
    let name = usize::try_from(mode).ok().and_then(|place| MODES.get(place)).copied().unwrap_or_default();
    let wrong = |key: &str, message: String| Err(Error::config(AT.key(key), message));
    let of_nodes = flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES);
    match mode {
        MPOL_DEFAULT | MPOL_LOCAL if nodes => wrong("nodes", format!("{name} takes no nodes")),
        MPOL_DEFAULT if flags != 0 => wrong("flags", format!("{name} takes no flags")),
        MPOL_DEFAULT | MPOL_LOCAL | MPOL_PREFERRED if !nodes && of_nodes != 0 => {
            wrong("flags", format!("{name} without nodes takes no flags about nodes"))
        }
        _ if !nodes && !matches!(mode, MPOL_DEFAULT | MPOL_LOCAL | MPOL_PREFERRED) => {
            wrong("nodes", format!("{name} needs at least one node"))
        }
        _ if of_nodes.count_ones() == 2 => {
            wrong("flags", "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other".to_owned())
        }
        MPOL_BIND | MPOL_PREFERRED_MANY => Ok(()),
        // MPOL_BIND has it since Linux 5.12, MPOL_PREFERRED_MANY since 6.9: whether it is there is for the kernel to say.
        _ if flags & MPOL_F_NUMA_BALANCING != 0 => {
            wrong("flags", "MPOL_F_NUMA_BALANCING is for MPOL_BIND and MPOL_PREFERRED_MANY only".to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<(u32, Vec<u8>), String> {
        let raw: RawMemoryPolicy<'_> = serde_json::from_str(json).unwrap();
        raw.check().map(|policy| (policy.mode, policy.nodes)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_policy_has_the_kernels_numbers() {
        let word = |byte| vec![byte, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(check(r#"{"mode":"MPOL_DEFAULT","nodes":"","flags":[]}"#), Ok((0, vec![])));
        assert_eq!(check(r#"{"mode":"MPOL_PREFERRED"}"#), Ok((1, vec![])));
        assert_eq!(check(r#"{"mode":"MPOL_LOCAL"}"#), Ok((4, vec![])));
        let flagged = r#"{"mode":"MPOL_BIND","nodes":"0,2","flags":["MPOL_F_STATIC_NODES","MPOL_F_NUMA_BALANCING"]}"#;
        assert_eq!(check(flagged), Ok((0xa002, word(5))));
        assert_eq!(check(r#"{"mode":"MPOL_WEIGHTED_INTERLEAVE","nodes":"0-1"}"#), Ok((6, word(3))));
    }

    #[test]
    fn what_the_kernel_refuses_is_named() {
        for (json, key, message) in [
            ("{}", "mode", "a memory policy needs a `mode`"),
            (r#"{"mode":"BIND"}"#, "mode", "unknown memory policy `BIND`"),
            (r#"{"mode":"MPOL_BIND"}"#, "nodes", "MPOL_BIND needs at least one node"),
            (r#"{"mode":"MPOL_BIND","nodes":","}"#, "nodes", "MPOL_BIND needs at least one node"),
            (r#"{"mode":"MPOL_BIND","nodes":"x"}"#, "nodes", "`x` is not a list such as 0-3,7"),
            (r#"{"mode":"MPOL_LOCAL","nodes":"0"}"#, "nodes", "MPOL_LOCAL takes no nodes"),
            (r#"{"mode":"MPOL_DEFAULT","flags":["MPOL_F_STATIC_NODES"]}"#, "flags", "MPOL_DEFAULT takes no flags"),
            (r#"{"mode":"MPOL_BIND","nodes":"0","flags":["X"]}"#, "flags/0", "unknown flag of a memory policy `X`"),
            (
                r#"{"mode":"MPOL_PREFERRED","flags":["MPOL_F_STATIC_NODES"]}"#,
                "flags",
                "MPOL_PREFERRED without nodes takes no flags about nodes",
            ),
            (
                r#"{"mode":"MPOL_PREFERRED","nodes":"0","flags":["MPOL_F_STATIC_NODES","MPOL_F_RELATIVE_NODES"]}"#,
                "flags",
                "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other",
            ),
            (
                r#"{"mode":"MPOL_INTERLEAVE","nodes":"0","flags":["MPOL_F_NUMA_BALANCING"]}"#,
                "flags",
                "MPOL_F_NUMA_BALANCING is for MPOL_BIND and MPOL_PREFERRED_MANY only",
            ),
        ] {
            let whole = format!("check config: {message} [config.json /linux/memoryPolicy/{key}]");
            assert_eq!(check(json), Err(whole), "{json}");
        }
    }
}
