//! `process.capabilities`: names to bits (config.md, "Linux Process"; `capabilities(7)`).
//!
//! Comes in: five lists of names. Goes out: five sets, and a warning for each name nobody knows, as the specification wants.

use serde::Deserialize;

use super::Warning;
use super::text::Text;
use crate::error::{Error, Pointer, Result};

/// The five sets of `capabilities(7)`, bit N for capability N.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// The limiting superset.
    pub bounding: u64,
    /// What the kernel checks.
    pub effective: u64,
    /// What survives an `execve(2)` of a file with inheritable capabilities.
    pub inheritable: u64,
    /// What effective may be raised to.
    pub permitted: u64,
    /// What survives an `execve(2)` of an ordinary file; a subset of permitted and of inheritable.
    pub ambient: u64,
}

/// Every capability of `linux/capability.h`, the bit of each being its place.
const NAMES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

/// `capabilities` as it stands.
#[derive(Deserialize, Default)]
pub(super) struct RawCapabilities<'c> {
    #[serde(borrow)]
    bounding: Option<Vec<Text<'c>>>,
    #[serde(borrow)]
    effective: Option<Vec<Text<'c>>>,
    #[serde(borrow)]
    inheritable: Option<Vec<Text<'c>>>,
    #[serde(borrow)]
    permitted: Option<Vec<Text<'c>>>,
    #[serde(borrow)]
    ambient: Option<Vec<Text<'c>>>,
}

impl Capabilities {
    /// The bit of a capability named as in `config.json` (`CAP_KILL`).
    #[must_use]
    pub fn bit(name: &str) -> Option<u64> {
        NAMES.iter().position(|known| *known == name).map(|number| 1 << number)
    }

    /// Every name with the number of its bit.
    pub fn names() -> impl Iterator<Item = (u32, &'static str)> {
        (0..).zip(NAMES)
    }
}

impl RawCapabilities<'_> {
    /// The sets. Whether they fit each other is for the kernel to say, but for one case that runc's own default config has:
    /// ambient capabilities that are not inheritable, which runc leaves out without a word.
    pub(super) fn check(self, at: &Pointer, warnings: &mut Vec<Warning>) -> Result<Capabilities> {
        let mut set = |list: Option<Vec<Text<'_>>>, key| bits(&list.unwrap_or_default(), at, key, warnings);
        let bounding = set(self.bounding, "bounding");
        let effective = set(self.effective, "effective");
        let inheritable = set(self.inheritable, "inheritable");
        let permitted = set(self.permitted, "permitted");
        let ambient = set(self.ambient, "ambient") & permitted & inheritable;
        if effective & !permitted != 0 {
            return Err(Error::config(at.key("effective"), "an effective capability is not permitted")
                .hint("every capability of `effective` must be in `permitted` (capset(2))"));
        }
        Ok(Capabilities { bounding, effective, inheritable, permitted, ambient })
    }
}

fn bits(names: &[Text<'_>], at: &Pointer, key: &str, warnings: &mut Vec<Warning>) -> u64 {
    let mut set = 0;
    for (index, Text(name)) in names.iter().enumerate() {
        match Capabilities::bit(name) {
            Some(bit) => set |= bit,
            None => warnings.push(Warning {
                field: at.key(key).index(index),
                message: format!("unknown capability `{name}` is left out"),
            }),
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<(Capabilities, Vec<Warning>), serde_json::Error> {
        let raw: RawCapabilities<'_> = serde_json::from_str(json)?;
        let mut warnings = Vec::new();
        let sets = raw.check(&Pointer::new("/process/capabilities"), &mut warnings);
        Ok((sets.expect("valid"), warnings))
    }

    #[test]
    fn the_numbers_are_the_kernels() {
        assert_eq!(Capabilities::bit("CAP_CHOWN"), Some(1));
        assert_eq!(Capabilities::bit("CAP_SYS_ADMIN"), Some(1 << 21));
        assert_eq!(Capabilities::bit("CAP_CHECKPOINT_RESTORE"), Some(1 << 40));
        assert_eq!(Capabilities::bit("chown"), None);
    }

    #[test]
    fn an_unknown_capability_warns_and_names_its_place() -> Result<(), serde_json::Error> {
        let (sets, warnings) = read(r#"{"bounding":["CAP_KILL","CAP_FLY"]}"#)?;
        assert_eq!(sets.bounding, 1 << 5);
        let places: Vec<_> = warnings.iter().map(|warning| warning.field.as_str()).collect();
        assert_eq!(places, ["/process/capabilities/bounding/1"]);
        Ok(())
    }

    #[test]
    fn ambient_keeps_what_is_permitted_and_inheritable() -> Result<(), serde_json::Error> {
        let (sets, warnings) = read(
            r#"{"permitted":["CAP_KILL","CAP_BPF"],"inheritable":["CAP_KILL"],"ambient":["CAP_KILL","CAP_BPF"]}"#,
        )?;
        assert_eq!((sets.ambient, warnings.len()), (1 << 5, 0));
        Ok(())
    }
}
