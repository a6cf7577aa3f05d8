//! `resources.network` and `resources.rdma` (config-linux.md, "Network" and "RDMA").

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Str;
use super::json::Object;
use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

/// `network`: how packets are marked, on cgroup v1 alone.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Network<'c> {
    /// `classID`; 0 is the class of packets without one.
    pub class_id: Option<u32>,
    /// `priorities`, in order.
    pub priorities: Vec<InterfacePriority<'c>>,
}

/// One entry of `priorities`.
#[derive(Clone, Debug, PartialEq)]
pub struct InterfacePriority<'c> {
    /// Where it stands.
    pub at: Pointer,
    /// An interface in the network namespace of the runtime: one word.
    pub interface: Str<'c>,
    /// The priority.
    pub priority: u32,
}

/// One entry of `rdma`: at least one of the two limits.
#[derive(Clone, Debug, PartialEq)]
pub struct RdmaLimit {
    /// Where it stands.
    pub at: Pointer,
    /// The host channel adapter: one word.
    pub device: String,
    /// `hcaHandles`
    pub handles: Option<u32>,
    /// `hcaObjects`
    pub objects: Option<u32>,
}

/// `network` as it stands.
#[derive(Deserialize)]
pub(super) struct RawNetwork<'c> {
    #[serde(rename = "classID")]
    class_id: Option<u32>,
    #[serde(borrow)]
    priorities: Option<Vec<Object<RawPriority<'c>>>>,
}

#[derive(Deserialize)]
struct RawPriority<'c> {
    #[serde(borrow)]
    name: Option<Text<'c>>,
    priority: Option<u32>,
}

/// `rdma` as it stands.
pub(super) type RawRdma = BTreeMap<String, Object<RawRdmaLimit>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawRdmaLimit {
    hca_handles: Option<u32>,
    hca_objects: Option<u32>,
}

impl<'c> RawNetwork<'c> {
    /// Checks everything in `network`.
    pub(super) fn check(self, at: &Pointer) -> Result<Network<'c>> {
        let priority = |(at, raw): (Pointer, RawPriority<'c>)| {
            let (Some(Text(interface)), Some(priority)) = (raw.name, raw.priority) else {
                return Err(Error::config(at, "a network priority needs `name` and `priority`"));
            };
            one_word(&interface, &at.key("name"))?;
            Ok(InterfacePriority { at, interface, priority })
        };
        let priorities = text::each(self.priorities, at.key("priorities")).map(priority).collect::<Result<_>>()?;
        Ok(Network { class_id: self.class_id, priorities })
    }
}

/// Checks everything in `rdma`. "You MUST specify at least one of the hcaHandles or hcaObjects in a given entry."
pub(super) fn rdma(limits: Option<RawRdma>, at: &Pointer) -> Result<Vec<RdmaLimit>> {
    let limit = |(device, Object(raw)): (String, Object<RawRdmaLimit>)| {
        let at = at.key(&device);
        one_word(&device, &at)?;
        let RawRdmaLimit { hca_handles: handles, hca_objects: objects } = raw;
        match (handles, objects) {
            (None, None) => Err(Error::config(at, "an RDMA limit needs `hcaHandles`, `hcaObjects` or both")),
            _ => Ok(RdmaLimit { at, device, handles, objects }),
        }
    };
    limits.unwrap_or_default().into_iter().map(limit).collect()
}

/// The kernel's files take the name first and the value behind a space, and one line after the other.
fn one_word(name: &str, at: &Pointer) -> Result<()> {
    match name.is_empty() || name.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        true => Err(Error::config(at.clone(), format!("{name:?} is not the name of a device"))),
        false => Ok(()),
    }
}
