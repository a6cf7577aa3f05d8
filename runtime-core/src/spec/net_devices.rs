//! `linux.netDevices` (config-linux.md, "Network Devices"): which interfaces of the host the container gets, and their names
//! in it.
//!
//! Names are checked as the kernel checks them (`dev_valid_name` of net/core/dev.c), so that an error names the field.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::json::Object;
use super::text::Text;
use crate::error::{Error, Pointer, Result};

/// An interface that moves into the container's network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetDevice {
    /// Its name in the runtime's network namespace.
    pub host: String,
    /// Its name in the container's; `%d` at the end stands for a number that the kernel chooses.
    pub name: String,
    /// Where it stands: `/linux/netDevices/eth0`.
    pub at: Pointer,
}

/// `netDevices` as it stands.
pub(super) type RawNetDevices<'c> = BTreeMap<String, Object<RawNetDevice<'c>>>;

#[derive(Deserialize)]
pub(super) struct RawNetDevice<'c> {
    #[serde(borrow)]
    name: Option<Text<'c>>,
}

/// What a kernel with `IFNAMSIZ` 16 takes beside the NUL.
const LONGEST: usize = 15;

/// The interfaces, by name.
pub(super) fn check(devices: Option<RawNetDevices<'_>>) -> Result<Vec<NetDevice>> {
    let all = Pointer::new("/linux/netDevices");
    let mut taken = BTreeSet::new();
    let check = |(host, Object(raw)): (String, Object<RawNetDevice<'_>>)| {
        let at = all.key(&host);
        let name = match super::text::some(raw.name) {
            Some(name) => name.into_owned(),
            None => host.clone(),
        };
        let place = if name == host { at.clone() } else { at.key("name") };
        if host.contains('%') || !is_name(&host) {
            return Err(not_a_name(&host, at));
        }
        if !is_name(&name) || !template(&name) {
            return Err(not_a_name(&name, place));
        }
        if !name.contains('%') && !taken.insert(name.clone()) {
            return Err(Error::config(place, format!("a second interface that is to be named `{name}`")));
        }
        Ok(NetDevice { host, name, at })
    };
    devices.unwrap_or_default().into_iter().map(check).collect()
}

fn is_name(name: &str) -> bool {
    let letters = |letter: u8| !matches!(letter, b'/' | b':' | 0 | b' ' | 0x09..=0x0d);
    (1..=LONGEST).contains(&name.len()) && !matches!(name, "." | "..") && name.bytes().all(letters)
}

/// "a template by appending `%d` to the new name"
fn template(name: &str) -> bool {
    match name.split_once('%') {
        None => true,
        Some((stem, number)) => !stem.is_empty() && number == "d",
    }
}

fn not_a_name(name: &str, at: Pointer) -> Error {
    Error::config(at, format!("{name:?} is not the name of a network interface"))
        .hint("1 to 15 bytes without space, `/` and `:`, not `.` or `..`; a new name may end in %d")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(json: &str) -> Result<Vec<NetDevice>> {
        check(Some(serde_json::from_str(json).unwrap()))
    }

    fn refused(json: &str) -> String {
        checked(json).unwrap_err().pointer().map_or_else(String::new, |field| field.as_str().to_owned())
    }

    #[test]
    fn a_name_is_new_or_the_hosts() {
        let devices =
            checked(r#"{"eth0":{},"eth1":{"name":"net0"},"eth2":{"name":""},"eth3":{"name":"x%d"}}"#).unwrap();
        let names: Vec<_> = devices.iter().map(|device| (&*device.host, &*device.name)).collect();
        assert_eq!(names, [("eth0", "eth0"), ("eth1", "net0"), ("eth2", "eth2"), ("eth3", "x%d")]);
        assert_eq!(devices[1].at.as_str(), "/linux/netDevices/eth1");
    }

    #[test]
    fn a_name_of_the_host_is_one_the_kernel_takes() {
        for name in ["", ".", "..", "a/b", "a:b", "a b", "a\\tb", "sixteen_letters_", "eth%d"] {
            let field = refused(&format!("{{\"{name}\":{{}}}}"));
            assert!(field.starts_with("/linux/netDevices/"), "{name}: {field}");
        }
    }

    #[test]
    fn so_is_a_new_name_or_a_template() {
        for name in
            [".", "..", "a/b", "a:b", "a b", "sixteen_letters_", "%d", "a%", "a%s", "%da", "a%db", "a%d%d", "a%%d"]
        {
            assert_eq!(
                refused(&format!("{{\"eth0\":{{\"name\":\"{name}\"}}}}")),
                "/linux/netDevices/eth0/name",
                "{name}"
            );
        }
    }

    #[test]
    fn two_interfaces_cannot_have_one_name_but_may_have_one_template() {
        assert_eq!(refused(r#"{"a":{"name":"x"},"b":{"name":"x"}}"#), "/linux/netDevices/b/name");
        assert_eq!(refused(r#"{"a":{"name":"b"},"b":{}}"#), "/linux/netDevices/b");
        assert_eq!(checked(r#"{"a":{"name":"x%d"},"b":{"name":"x%d"}}"#).unwrap().len(), 2);
    }
}
