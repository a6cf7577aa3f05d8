//! `linux.devices` and `linux.resources.devices` (config-linux.md, "Devices", "Device whitelist").

use serde::Deserialize;

use super::Str;
use super::json::Object;
use super::process::id;
use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

/// Path, major, minor of the character devices of every container (config-linux.md, "Default Devices"; `/dev/console` is the
/// terminal's affair).
pub const DEFAULT_DEVICES: [(&str, u32, u32); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/tty", 5, 0),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
];

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

/// One device as it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawDevice<'c> {
    #[serde(borrow)]
    path: Option<Text<'c>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'c>>,
    major: Option<i64>,
    minor: Option<i64>,
    file_mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
}

/// One rule as it stands.
#[derive(Deserialize)]
pub(super) struct RawDeviceRule<'c> {
    allow: Option<bool>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'c>>,
    major: Option<i64>,
    minor: Option<i64>,
    #[serde(borrow)]
    access: Option<Text<'c>>,
}

/// Checks `linux.devices`.
pub(super) fn check(devices: Option<Vec<Object<RawDevice<'_>>>>) -> Result<Vec<Device<'_>>> {
    text::each(devices, Pointer::new("/linux/devices")).map(|(at, device)| node(device, at)).collect()
}

/// Checks `resources.devices`.
pub(super) fn rules(rules: Option<Vec<Object<RawDeviceRule<'_>>>>, at: Pointer) -> Result<Vec<DeviceRule>> {
    text::each(rules, at).map(|(at, raw)| rule(raw, at)).collect()
}

fn node(device: RawDevice<'_>, at: Pointer) -> Result<Device<'_>> {
    let kind = match device.kind.as_ref().map(|kind| &*kind.0) {
        Some("c" | "u") => DeviceKind::Char,
        Some("b") => DeviceKind::Block,
        Some("p") => DeviceKind::Fifo,
        Some(other) => {
            return Err(Error::config(at.key("type"), format!("unknown device type `{other}`"))
                .hint("the types are c, u, b and p"));
        }
        None => return Err(Error::config(at.key("type"), "a device needs a `type`")),
    };
    let path = match text::some(device.path).map(text::clean) {
        Some(Some(path)) => path,
        Some(None) => {
            return Err(Error::config(at.key("path"), "the device path is not absolute"));
        }
        None => return Err(Error::config(at.key("path"), "a device needs a `path`")),
    };
    let number = |number: Option<i64>, key: &str, most: u32| match number {
        _ if kind == DeviceKind::Fifo => Ok(0),
        None => Err(Error::config(at.key(key), format!("a device of type c, u or b needs a `{key}`"))),
        Some(number) => u32::try_from(number)
            .ok()
            .filter(|number| *number <= most)
            .ok_or_else(|| Error::config(at.key(key), format!("{key} {number} is not within 0 and {most}"))),
    };
    // `linux/kdev_t.h`: 12 bits and 20 bits.
    let (major, minor) = (number(device.major, "major", 0xfff)?, number(device.minor, "minor", 0xf_ffff)?);
    let mode = mode(device.file_mode, &at)?;
    let (uid, gid) = (id(device.uid, || at.key("uid"))?, id(device.gid, || at.key("gid"))?);
    Ok(Device { at, path, kind, major, minor, mode, uid, gid })
}

/// Permission bits. Old engines put the type of the file beside them (`st_mode` of stat(2)): it is passed over.
fn mode(mode: Option<u32>, at: &Pointer) -> Result<u32> {
    let mode = mode.unwrap_or(0o666) & !libc::S_IFMT;
    if mode > 0o7777 {
        return Err(Error::config(at.key("fileMode"), format!("file mode {mode} is above 4095 (07777)"))
            .hint("JSON numbers are decimal: 0666 is 438"));
    }
    Ok(mode)
}

fn rule(rule: RawDeviceRule<'_>, at: Pointer) -> Result<DeviceRule> {
    let Some(allow) = rule.allow else {
        return Err(Error::config(at.key("allow"), "a device rule needs `allow`"));
    };
    let kind = match text::some(rule.kind).as_deref() {
        None | Some("a") => None,
        Some("c") => Some(DeviceKind::Char),
        Some("b") => Some(DeviceKind::Block),
        Some(other) => {
            return Err(Error::config(at.key("type"), format!("unknown device type `{other}` in a rule"))
                .hint("the types are a, c and b"));
        }
    };
    let number = |number: Option<i64>, key| match number {
        None | Some(-1) => Ok(None),
        Some(number) => match u32::try_from(number) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Error::config(at.key(key), format!("{number} is not a device number; -1 stands for all"))),
        },
    };
    let (major, minor) = (number(rule.major, "major")?, number(rule.minor, "minor")?);
    let access = rule.access.map_or(Str::Borrowed("rwm"), |access| access.0);
    if access.is_empty() || !access.bytes().all(|letter| matches!(letter, b'r' | b'w' | b'm')) {
        let message = format!("device access `{access}` is not made of r, w and m");
        return Err(Error::config(at.key("access"), message));
    }
    let (read, write, mknod) = (access.contains('r'), access.contains('w'), access.contains('m'));
    Ok(DeviceRule { at, allow, kind, major, minor, read, write, mknod })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_the_defaults_of_the_specification() {
        let raw = serde_json::from_str(r#"[{"path":"/dev//x","type":"u","major":1,"minor":3}]"#).unwrap();
        let device = Device {
            at: Pointer::new("/linux/devices/0"),
            path: "/dev/x".into(),
            kind: DeviceKind::Char,
            major: 1,
            minor: 3,
            mode: 0o666,
            uid: 0,
            gid: 0,
        };
        assert_eq!(check(raw).unwrap(), [device]);
    }

    #[test]
    fn the_type_of_the_file_is_not_part_of_its_mode() {
        let raw = serde_json::from_str(r#"[{"path":"/dev/fuse","type":"c","major":10,"minor":229,"fileMode":8630}]"#);
        assert_eq!(check(raw.unwrap()).unwrap()[0].mode, 0o666);
    }

    #[test]
    fn a_rule_without_numbers_is_for_all_devices() {
        let raw =
            serde_json::from_str(r#"[{"allow":false},{"allow":true,"type":"c","major":136,"minor":-1,"access":"rw"}]"#);
        let rules = rules(raw.unwrap(), Pointer::new("/linux/resources/devices")).unwrap();
        let [all, pts] = rules.as_slice() else { panic!("{rules:?}") };
        assert!(!all.allow && all.read && all.write && all.mknod);
        assert_eq!((all.kind, all.major, all.minor), (None, None, None));
        assert!(pts.allow && pts.read && pts.write && !pts.mknod);
        assert_eq!((pts.kind, pts.major, pts.minor), (Some(DeviceKind::Char), Some(136), None));
    }
}
