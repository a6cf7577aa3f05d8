//! `resources.blockIO` (config-linux.md, "Block IO").

use serde::Deserialize;

use super::json::Object;
use super::text;
use crate::error::{Error, Pointer, Result};

/// `blockIO`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BlockIo {
    /// 1 to 1000.
    pub weight: Option<u16>,
    /// 1 to 1000 (v1).
    pub leaf_weight: Option<u16>,
    /// `weightDevice`.
    pub weight_devices: Vec<WeightDevice>,
    /// The four `throttle…Device` lists.
    pub throttles: Vec<Throttle>,
}

/// One entry of `weightDevice`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightDevice {
    /// Where it stands.
    pub at: Pointer,
    /// Device major.
    pub major: u32,
    /// Device minor.
    pub minor: u32,
    /// 1 to 1000.
    pub weight: Option<u16>,
    /// 1 to 1000 (v1).
    pub leaf_weight: Option<u16>,
}

/// What is throttled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThrottleKind {
    /// `throttleReadBpsDevice`
    ReadBps,
    /// `throttleWriteBpsDevice`
    WriteBps,
    /// `throttleReadIOPSDevice`
    ReadIops,
    /// `throttleWriteIOPSDevice`
    WriteIops,
}

/// One entry of a throttle list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Where it stands.
    pub at: Pointer,
    /// What is throttled.
    pub kind: ThrottleKind,
    /// Device major.
    pub major: u32,
    /// Device minor.
    pub minor: u32,
    /// Bytes or operations a second.
    pub rate: u64,
}

/// `blockIO` as it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawBlockIo {
    weight: Option<u64>,
    leaf_weight: Option<u64>,
    weight_device: Option<Vec<Object<RawWeightDevice>>>,
    throttle_read_bps_device: Option<Vec<Object<RawThrottle>>>,
    throttle_write_bps_device: Option<Vec<Object<RawThrottle>>>,
    #[serde(rename = "throttleReadIOPSDevice")]
    throttle_read_iops_device: Option<Vec<Object<RawThrottle>>>,
    #[serde(rename = "throttleWriteIOPSDevice")]
    throttle_write_iops_device: Option<Vec<Object<RawThrottle>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawWeightDevice {
    major: Option<i64>,
    minor: Option<i64>,
    weight: Option<u64>,
    leaf_weight: Option<u64>,
}

#[derive(Deserialize)]
struct RawThrottle {
    major: Option<i64>,
    minor: Option<i64>,
    rate: Option<u64>,
}

impl RawBlockIo {
    /// Checks everything in `blockIO`.
    pub(super) fn check(self, at: &Pointer) -> Result<BlockIo> {
        let weight_devices = text::each(self.weight_device, at.key("weightDevice"))
            .map(|(at, device)| weight_device(&device, at))
            .collect::<Result<_>>()?;
        let lists = [
            (ThrottleKind::ReadBps, self.throttle_read_bps_device, "throttleReadBpsDevice"),
            (ThrottleKind::WriteBps, self.throttle_write_bps_device, "throttleWriteBpsDevice"),
            (ThrottleKind::ReadIops, self.throttle_read_iops_device, "throttleReadIOPSDevice"),
            (ThrottleKind::WriteIops, self.throttle_write_iops_device, "throttleWriteIOPSDevice"),
        ];
        let mut throttles = Vec::new();
        for (kind, list, key) in lists {
            for (at, entry) in text::each(list, at.key(key)) {
                throttles.push(throttle(&entry, kind, at)?);
            }
        }
        Ok(BlockIo {
            weight: weight(self.weight, at, "weight")?,
            leaf_weight: weight(self.leaf_weight, at, "leafWeight")?,
            weight_devices,
            throttles,
        })
    }
}

fn weight_device(device: &RawWeightDevice, at: Pointer) -> Result<WeightDevice> {
    let (major, minor) = numbers(device.major, device.minor, &at)?;
    let (own, leaf) = (weight(device.weight, &at, "weight")?, weight(device.leaf_weight, &at, "leafWeight")?);
    if own.is_none() && leaf.is_none() {
        return Err(Error::config(at, "a weight device needs a `weight` or a `leafWeight`"));
    }
    Ok(WeightDevice { at, major, minor, weight: own, leaf_weight: leaf })
}

fn throttle(entry: &RawThrottle, kind: ThrottleKind, at: Pointer) -> Result<Throttle> {
    let (major, minor) = numbers(entry.major, entry.minor, &at)?;
    match entry.rate {
        Some(rate) => Ok(Throttle { at, kind, major, minor, rate }),
        None => Err(Error::config(at.key("rate"), "a throttled device needs a `rate`")),
    }
}

fn numbers(major: Option<i64>, minor: Option<i64>, at: &Pointer) -> Result<(u32, u32)> {
    let number = |number: Option<i64>, key| match number.map(u32::try_from) {
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err(Error::config(at.key(key), format!("`{key}` is not a device number"))),
        None => Err(Error::config(at.key(key), format!("a block device needs a `{key}`"))),
    };
    Ok((number(major, "major")?, number(minor, "minor")?))
}

/// Engines send 0 for "not set". BFQ takes 1 to 1000, CFQ took none below 10: which of them is there is for the kernel to say.
fn weight(weight: Option<u64>, at: &Pointer, key: &str) -> Result<Option<u16>> {
    match weight.map(u16::try_from) {
        None | Some(Ok(0)) => Ok(None),
        Some(Ok(weight @ 1..=1000)) => Ok(Some(weight)),
        Some(_) => Err(Error::config(at.key(key), format!("`{key}` is not within 1 and 1000"))),
    }
}
