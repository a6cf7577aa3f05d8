//! `process.execCPUAffinity` (config.md, "Process"; `sched_setaffinity(2)`): for `exec` only.

use serde::Deserialize;

use super::number_list;
use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

/// Where a process of `exec` may run: masks of processors, lowest first, in whole words of eight bytes; empty where unset.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ExecAffinity {
    /// `initial`: until it is in the container's cgroup.
    pub initial: Vec<u8>,
    /// `final`: from then on; where unset, wherever the cgroup lets it.
    pub last: Vec<u8>,
}

/// `execCPUAffinity` as it stands.
#[derive(Deserialize)]
pub(super) struct RawExecAffinity<'c> {
    #[serde(borrow)]
    initial: Option<Text<'c>>,
    #[serde(borrow, rename = "final")]
    last: Option<Text<'c>>,
}

impl RawExecAffinity<'_> {
    /// Reads both lists.
    pub(super) fn check(self, at: &Pointer) -> Result<ExecAffinity> {
        Ok(ExecAffinity {
            initial: processors(self.initial, at.key("initial"))?,
            last: processors(self.last, at.key("final"))?,
        })
    }
}

fn processors(list: Option<Text<'_>>, at: Pointer) -> Result<Vec<u8>> {
    let Some(list) = text::some(list) else { return Ok(Vec::new()) };
    let mask = number_list::mask(&list, &at)?;
    if mask.is_empty() { Err(Error::config(at, format!("`{list}` names no processor"))) } else { Ok(mask) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<ExecAffinity, String> {
        let raw: RawExecAffinity<'_> = serde_json::from_str(json).unwrap();
        raw.check(&Pointer::new("/a")).map_err(|error| error.to_string())
    }

    #[test]
    fn either_list_may_be_missing() {
        let word = |byte| vec![byte, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(check("{}"), Ok(ExecAffinity::default()));
        assert_eq!(check(r#"{"initial":"1","final":""}"#), Ok(ExecAffinity { initial: word(2), last: vec![] }));
        assert_eq!(check(r#"{"final":"0, 2-3"}"#), Ok(ExecAffinity { initial: vec![], last: word(13) }));
        assert_eq!(check(r#"{"final":"1500"}"#).map(|both| both.last.len()), Ok(192));
    }

    #[test]
    fn a_list_names_processors() {
        for (json, key, message) in [
            (r#"{"initial":" , "}"#, "initial", "` , ` names no processor"),
            (r#"{"final":"0-"}"#, "final", "`0-` is not a list such as 0-3,7"),
            (r#"{"final":"2-1"}"#, "final", "the range `2-1` ends before it begins"),
        ] {
            assert_eq!(check(json), Err(format!("check config: {message} [config.json /a/{key}]")), "{json}");
        }
    }
}
