//! `linux.resources`: what the container may use (config-linux.md, "Control groups").
//!
//! Every value is as written, `None` where absent: the arithmetic between cgroup v1 and v2 belongs to `cgroup::limits`.

use serde::Deserialize;

use super::block_io::{BlockIo, RawBlockIo};
use super::cpu::{Cpu, RawCpu};
use super::devices::{self, RawDeviceRule};
use super::json::{self, Object};
use super::memory::{Memory, RawMemory};
use super::network::{self, Network, RawNetwork, RawRdma, RdmaLimit};
use super::text::{self, Pairs, Text};
use super::{DeviceRule, Str, Warning};
use crate::error::{Error, Pointer, Result};

/// The `resources` object.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Resources<'c> {
    /// Where it stands: `/linux/resources`, or `resources` for a document of its own (`update`).
    pub at: Pointer,
    /// `devices`, in order.
    pub devices: Vec<DeviceRule>,
    /// `memory`.
    pub memory: Memory,
    /// `cpu`.
    pub cpu: Cpu<'c>,
    /// `pids.limit`: −1 is no limit, 0 is a real limit.
    pub pids_limit: Option<i64>,
    /// `blockIO`.
    pub block_io: BlockIo,
    /// `hugepageLimits`.
    pub hugepage_limits: Vec<HugepageLimit<'c>>,
    /// `unified`: files of cgroup v2, in order.
    pub unified: Vec<Unified<'c>>,
    /// `network`.
    pub network: Network<'c>,
    /// `rdma`, by device.
    pub rdma: Vec<RdmaLimit>,
}

/// One entry of `hugepageLimits`.
#[derive(Clone, Debug, PartialEq)]
pub struct HugepageLimit<'c> {
    /// Where it stands.
    pub at: Pointer,
    /// `2MB`, `1GB` …
    pub page_size: Str<'c>,
    /// Bytes.
    pub limit: u64,
}

/// One entry of `unified`.
#[derive(Clone, Debug, PartialEq)]
pub struct Unified<'c> {
    /// Where it stands.
    pub at: Pointer,
    /// A file name in the cgroup: no slash.
    pub file: Str<'c>,
    /// What is written to it.
    pub value: Str<'c>,
}

/// `resources` as it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawResources<'c> {
    #[serde(borrow)]
    devices: Option<Vec<Object<RawDeviceRule<'c>>>>,
    memory: Option<Object<RawMemory>>,
    #[serde(borrow)]
    cpu: Option<Object<RawCpu<'c>>>,
    pids: Option<Object<RawPids>>,
    #[serde(rename = "blockIO")]
    block_io: Option<Object<RawBlockIo>>,
    #[serde(borrow)]
    hugepage_limits: Option<Vec<Object<RawHugepageLimit<'c>>>>,
    #[serde(borrow)]
    unified: Option<Pairs<'c>>,
    #[serde(borrow)]
    network: Option<Object<RawNetwork<'c>>>,
    rdma: Option<RawRdma>,
}

#[derive(Deserialize)]
struct RawPids {
    limit: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHugepageLimit<'c> {
    #[serde(borrow)]
    page_size: Option<Text<'c>>,
    limit: Option<u64>,
}

impl<'c> Resources<'c> {
    /// Reads a resources document of its own, as `update --resources` takes it, and passes over what must only warn.
    ///
    /// # Errors
    ///
    /// A [`Kind::Config`](crate::Kind::Config) that names line and column or the JSON pointer, or an
    /// [`Kind::Unsupported`](crate::Kind::Unsupported) for what this build has not.
    pub fn from_slice(bytes: &'c [u8]) -> Result<Self> {
        Self::from_slice_warning(bytes, &mut Vec::new())
    }

    /// As [`Resources::from_slice`]; what was passed over is added to `warnings`.
    ///
    /// # Errors
    ///
    /// As [`Resources::from_slice`].
    pub fn from_slice_warning(bytes: &'c [u8], warnings: &mut Vec<Warning>) -> Result<Self> {
        let at = Pointer::new("resources");
        json::read::<RawResources<'c>>(bytes, &at)?.check(at, warnings)
    }
}

impl<'c> RawResources<'c> {
    /// Checks everything in `resources`.
    pub(super) fn check(self, at: Pointer, warnings: &mut Vec<Warning>) -> Result<Resources<'c>> {
        Ok(Resources {
            devices: devices::rules(self.devices, at.key("devices"))?,
            memory: self
                .memory
                .map(|memory| memory.0.check(&at.key("memory"), warnings))
                .transpose()?
                .unwrap_or_default(),
            cpu: self.cpu.map(|cpu| cpu.0.check(&at.key("cpu"))).transpose()?.unwrap_or_default(),
            pids_limit: limit(self.pids.and_then(|pids| pids.0.limit), &at.key("pids"), "limit")?,
            block_io: self.block_io.map(|io| io.0.check(&at.key("blockIO"))).transpose()?.unwrap_or_default(),
            hugepage_limits: hugepage_limits(self.hugepage_limits, at.key("hugepageLimits"))?,
            unified: unified(self.unified, &at)?,
            network: self.network.map(|network| network.0.check(&at.key("network"))).transpose()?.unwrap_or_default(),
            rdma: network::rdma(self.rdma, &at.key("rdma"))?,
            at,
        })
    }
}

/// −1 is no limit, and nothing is below it.
pub(super) fn limit(value: Option<i64>, at: &Pointer, key: &str) -> Result<Option<i64>> {
    match value {
        Some(value) if value < -1 => {
            Err(Error::config(at.key(key), format!("{value} is below -1")).hint("-1 is no limit"))
        }
        value => Ok(value),
    }
}

fn hugepage_limits<'c>(
    limits: Option<Vec<Object<RawHugepageLimit<'c>>>>,
    at: Pointer,
) -> Result<Vec<HugepageLimit<'c>>> {
    let check = |(at, raw): (Pointer, RawHugepageLimit<'c>)| {
        let (Some(Text(page_size)), Some(limit)) = (raw.page_size, raw.limit) else {
            return Err(Error::config(at, "a hugepage limit needs `pageSize` and `limit`"));
        };
        if !is_page_size(&page_size) {
            return Err(Error::config(
                at.key("pageSize"),
                format!("`{page_size}` is not a page size such as 2MB or 1GB"),
            ));
        }
        Ok(HugepageLimit { at, page_size, limit })
    };
    text::each(limits, at).map(check).collect()
}

/// `^[1-9][0-9]*[KMG]B$`
fn is_page_size(text: &str) -> bool {
    let Some(number) = text.strip_suffix("KB").or(text.strip_suffix("MB")).or(text.strip_suffix("GB")) else {
        return false;
    };
    !number.is_empty() && !number.starts_with('0') && number.bytes().all(|digit| digit.is_ascii_digit())
}

/// A file must be a limit of this cgroup: a path could name another one's, and some files move or kill processes.
fn unified<'c>(files: Option<Pairs<'c>>, at: &Pointer) -> Result<Vec<Unified<'c>>> {
    let object = at.key("unified");
    let check = |(file, value): (Str<'c>, Str<'c>)| {
        let at = object.key(&file);
        match &*file {
            "cgroup.procs"
            | "cgroup.threads"
            | "cgroup.subtree_control"
            | "cgroup.type"
            | "cgroup.freeze"
            | "cgroup.kill" => Err(Error::config(at, format!("`{file}` is the runtime's own"))),
            "." | ".." => Err(Error::config(at, format!("`{file}` is not the name of a cgroup file"))),
            name if name.contains('/') => {
                Err(Error::config(at, format!("`{file}` is a path; a file of the cgroup itself is wanted")))
            }
            _ => Ok(Unified { at, file, value }),
        }
    };
    files.unwrap_or_default().0.into_iter().map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_not_set_for_weights_and_a_limit_for_pids() {
        let json = br#"{"blockIO":{"weight":0},"cpu":{"shares":0,"cpus":""},"pids":{"limit":0}}"#;
        let resources = Resources::from_slice(json).unwrap();
        assert_eq!((resources.block_io.weight, resources.cpu.shares, resources.cpu.cpus), (None, None, None));
        assert_eq!(resources.pids_limit, Some(0));
    }

    #[test]
    fn page_sizes_are_those_of_the_specification() {
        for (text, right) in
            [("2MB", true), ("64KB", true), ("1GB", true), ("MB", false), ("02MB", false), ("2M", false)]
        {
            assert_eq!(is_page_size(text), right, "{text}");
        }
    }

    #[test]
    fn throttles_of_all_kinds_share_one_list() {
        let entry = r#"[{"major":8,"minor":0,"rate":5}]"#;
        let json = format!(
            r#"{{"blockIO":{{"throttleReadBpsDevice":{entry},"throttleWriteBpsDevice":{entry},
                "throttleReadIOPSDevice":{entry},"throttleWriteIOPSDevice":{entry}}}}}"#
        );
        let throttles = Resources::from_slice(json.as_bytes()).unwrap().block_io.throttles;
        let places: Vec<_> = throttles.iter().map(|throttle| throttle.at.as_str()).collect();
        assert_eq!(
            places,
            [
                "resources/blockIO/throttleReadBpsDevice/0",
                "resources/blockIO/throttleWriteBpsDevice/0",
                "resources/blockIO/throttleReadIOPSDevice/0",
                "resources/blockIO/throttleWriteIOPSDevice/0"
            ]
        );
    }
}
