//! `linux.devices` and `linux.resources.devices` (config-linux.md, "Devices", "Device whitelist").

use super::Str;
use crate::error::Pointer;

/// A device node to create.
#[derive(Clone, Debug, PartialEq)]
pub struct Device<'c> {
    /// Where it stands.
    pub at: Pointer,
    /// An absolute, clean path in the container.
    pub path: Str<'c>,
    /// What kind of node.
    pub kind: DeviceKind,
    /// The major number; 0 for a FIFO.
    pub major: u32,
    /// The minor number; 0 for a FIFO.
    pub minor: u32,
    /// Permission bits; 0666 where absent.
    pub mode: u32,
    /// The owner inside the container.
    pub uid: u32,
    /// The group inside the container.
    pub gid: u32,
}

/// The kinds of device node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// `c` or `u`
    Char,
    /// `b`
    Block,
    /// `p`
    Fifo,
}

/// One rule of the device cgroup. The last rule that matches decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRule {
    /// Where it stands.
    pub at: Pointer,
    /// Allow, or deny.
    pub allow: bool,
    /// `None` is `a`: both kinds.
    pub kind: Option<DeviceKind>,
    /// `None` is every number.
    pub major: Option<u32>,
    /// `None` is every number.
    pub minor: Option<u32>,
    /// `r`
    pub read: bool,
    /// `w`
    pub write: bool,
    /// `m`
    pub mknod: bool,
}
