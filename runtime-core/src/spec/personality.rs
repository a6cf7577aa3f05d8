//! `linux.personality` (config-linux.md, "Personality"; `personality(2)`).

use serde::Deserialize;

use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

const AT: Pointer = Pointer::new("/linux/personality");

/// The execution domain that the process is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personality {
    /// `LINUX`
    Linux,
    /// `LINUX32`: `uname(2)` names a 32-bit machine.
    Linux32,
}

/// `personality` as it stands.
#[derive(Deserialize)]
pub(super) struct RawPersonality<'c> {
    #[serde(borrow)]
    domain: Option<Text<'c>>,
    #[serde(borrow)]
    flags: Option<Vec<Text<'c>>>,
}

impl RawPersonality<'_> {
    /// Checks the domain. "Currently no flag values are supported", so that each one is refused.
    pub(super) fn check(self) -> Result<Personality> {
        if let Some(flag) = text::list(self.flags).first() {
            let message = format!("unknown personality flag `{flag}`: the specification has none");
            return Err(Error::config(AT.key("flags").index(0), message));
        }
        match text::some(self.domain).as_deref() {
            Some("LINUX") => Ok(Personality::Linux),
            Some("LINUX32") => Ok(Personality::Linux32),
            Some(domain) => Err(Error::config(AT.key("domain"), format!("unknown personality `{domain}`"))
                .hint("it is LINUX or LINUX32")),
            None => Err(Error::config(AT.key("domain"), "a personality needs a `domain`")),
        }
    }
}

impl Personality {
    /// The number of the domain (`linux/personality.h`).
    pub(crate) fn domain(self) -> u32 {
        match self {
            Personality::Linux => 0,
            Personality::Linux32 => 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<u32, String> {
        let raw: RawPersonality<'_> = serde_json::from_str(json).unwrap();
        raw.check().map(Personality::domain).map_err(|error| error.to_string())
    }

    #[test]
    fn there_are_two_domains_and_no_flags() {
        assert_eq!(check(r#"{"domain":"LINUX","flags":[]}"#), Ok(0));
        assert_eq!(check(r#"{"domain":"LINUX32"}"#), Ok(8));
        for (json, key, message) in [
            ("{}", "domain", "a personality needs a `domain`"),
            (r#"{"domain":"PER_LINUX"}"#, "domain", "unknown personality `PER_LINUX`"),
            (
                r#"{"domain":"LINUX","flags":["X"]}"#,
                "flags/0",
                "unknown personality flag `X`: the specification has none",
            ),
        ] {
            let whole = format!("check config: {message} [config.json /linux/personality/{key}]");
            assert_eq!(check(json), Err(whole), "{json}");
        }
    }
}
