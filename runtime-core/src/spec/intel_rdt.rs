//! `linux.intelRdt` (config-linux.md, "IntelRdt"): shares of cache and memory bandwidth, through the kernel's resctrl
//! (Documentation/filesystems/resctrl.rst).
//!
//! Comes in: the object as it stands; an empty one asks for a group, too. Goes out: the group, and the lines for its `schemata`
//! in the order of the specification. What the machine can divide is for the kernel to say.

use serde::Deserialize;

use super::Str;
use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

/// What the container asks of resctrl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntelRdt<'c> {
    /// `closID`
    pub group: Clos<'c>,
    /// `l3CacheSchema`, `memBwSchema` and `schemata`, line by line, with the pointer of each.
    pub lines: Vec<(Str<'c>, Pointer)>,
    /// `enableMonitoring`
    pub monitoring: bool,
}

impl<'c> IntelRdt<'c> {
    /// What these two lines of `schemata` ask for.
    pub fn of_schemas(l3_cache: Option<&'c str>, bandwidth: Option<&'c str>) -> Result<Self> {
        let at = Pointer::new("/linux/intelRdt");
        let lines = lines(l3_cache.map(Str::Borrowed), bandwidth.map(Str::Borrowed), Vec::new(), &at)?;
        Ok(Self { group: Clos::Own, lines, monitoring: false })
    }
}

/// A class of service: a directory of the resctrl filesystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clos<'c> {
    /// `closID` is not set: one of the container's own, that bears its id.
    Own,
    /// `/`: the one of all that have no other.
    Default,
    /// One with this name, perhaps shared.
    Named(Str<'c>),
}

/// `intelRdt` as it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawIntelRdt<'c> {
    #[serde(borrow, rename = "closID")]
    clos_id: Option<Text<'c>>,
    #[serde(borrow)]
    l3_cache_schema: Option<Text<'c>>,
    #[serde(borrow)]
    mem_bw_schema: Option<Text<'c>>,
    #[serde(borrow)]
    schemata: Option<Vec<Text<'c>>>,
    enable_monitoring: Option<bool>,
}

/// What resctrl has of its own where groups are: a group cannot be called so.
pub(crate) const RESERVED: [&str; 3] = ["info", "mon_groups", "mon_data"];

impl<'c> RawIntelRdt<'c> {
    /// Checks everything in `intelRdt`.
    pub(super) fn check(self) -> Result<IntelRdt<'c>> {
        let at = Pointer::new("/linux/intelRdt");
        Ok(IntelRdt {
            group: clos(text::some(self.clos_id), at.key("closID"))?,
            lines: lines(
                text::some(self.l3_cache_schema),
                text::some(self.mem_bw_schema),
                text::list(self.schemata),
                &at,
            )?,
            monitoring: self.enable_monitoring.unwrap_or_default(),
        })
    }
}

fn clos(id: Option<Str<'_>>, at: Pointer) -> Result<Clos<'_>> {
    match id {
        None => Ok(Clos::Own),
        Some(id) if id == "/" => Ok(Clos::Default),
        Some(id) if matches!(&*id, "." | "..") || id.contains(['/', '\n']) || RESERVED.contains(&&*id) => {
            Err(Error::config(at, format!("{id:?} cannot be the name of a resctrl group"))
                .hint("it is the name of one directory; / is the group of all that have no other"))
        }
        Some(id) => Ok(Clos::Named(id)),
    }
}

/// "The runtimes MUST write l3CacheSchema first and memBwSchema last … the value of schemata field must be written last".
fn lines<'c>(
    cache: Option<Str<'c>>,
    bandwidth: Option<Str<'c>>,
    schemata: Vec<Str<'c>>,
    at: &Pointer,
) -> Result<Vec<(Str<'c>, Pointer)>> {
    let mut lines = Vec::new();
    // Before 1.3 code and data of a cache were two lines of one text, and a line of bandwidth gave way to `memBwSchema`.
    for line in cache.as_deref().unwrap_or_default().split('\n').filter(|line| !line.is_empty()) {
        if bandwidth.is_none() || !line.trim_start().starts_with("MB:") {
            lines.push((Str::Owned(line.to_owned()), at.key("l3CacheSchema")));
        }
    }
    if let Some(line) = bandwidth {
        let at = at.key("memBwSchema");
        if !line.starts_with("MB:") {
            return Err(Error::config(at, format!("{line:?} does not begin with `MB:`")));
        }
        lines.push((one_line(line, &at)?, at));
    }
    for (index, line) in schemata.into_iter().enumerate() {
        let at = at.key("schemata").index(index);
        lines.push((one_line(line, &at)?, at));
    }
    Ok(lines)
}

fn one_line<'c>(line: Str<'c>, at: &Pointer) -> Result<Str<'c>> {
    match line.is_empty() || line.contains('\n') {
        true => Err(Error::config(at.clone(), "one line of `schemata` is wanted, as L3:0=ff;1=ff")),
        false => Ok(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<IntelRdt<'_>> {
        serde_json::from_str::<RawIntelRdt<'_>>(json).unwrap().check()
    }

    #[test]
    fn lines_stand_in_the_order_of_the_specification() {
        let json = r#"{"schemata": ["L2:0=f"], "memBwSchema": "MB:0=20", "l3CacheSchema": "L3CODE:0=f\nMB:0=70\nL3DATA:0=3\n"}"#;
        let rdt = read(json).unwrap();
        let lines: Vec<_> = rdt.lines.iter().map(|(line, at)| (&**line, at.as_str())).collect();
        assert_eq!(
            lines,
            [
                ("L3CODE:0=f", "/linux/intelRdt/l3CacheSchema"),
                ("L3DATA:0=3", "/linux/intelRdt/l3CacheSchema"),
                ("MB:0=20", "/linux/intelRdt/memBwSchema"),
                ("L2:0=f", "/linux/intelRdt/schemata/0"),
            ]
        );
    }

    #[test]
    fn the_group_is_named_or_the_containers_own_or_the_default() {
        let group = |json| read(json).unwrap().group;
        assert_eq!(group("{}"), Clos::Own);
        assert_eq!(group(r#"{"closID": ""}"#), Clos::Own);
        assert_eq!(group(r#"{"closID": "/"}"#), Clos::Default);
        assert_eq!(group(r#"{"closID": "gold"}"#), Clos::Named("gold".into()));
    }
}
