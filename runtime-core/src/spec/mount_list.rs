//! Mounts as a document of their own: what a container that is there gets, or loses.
//!
//! Comes in: JSON, an array in the shape of `mounts`. Goes out: a [`MountList`], each entry as valid as one of `config.json`; or
//! [`MountPoint`]s, of which only the places count.

use serde::Deserialize;

use super::json;
use super::mounts::{self, Mount, RawMount};
use super::text::{self, Text};
use super::{Str, Warning};
use crate::error::{Error, Pointer, Result};

/// Mounts for a container that is there: [`Container::add_mounts`](crate::Container::add_mounts).
///
/// ```
/// let list = orlop::spec::MountList::from_slice(br#"[{"destination": "/scratch", "type": "tmpfs"}]"#).unwrap();
/// assert_eq!(list.mounts[0].destination, "/scratch");
/// let error = orlop::spec::MountList::from_slice(br#"[{"destination": "/scratch"}]"#).unwrap_err();
/// assert_eq!(error.pointer().unwrap().as_str(), "mounts/0/type");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MountList<'c> {
    /// In order.
    pub mounts: Vec<Mount<'c>>,
    /// What was passed over.
    pub warnings: Vec<Warning>,
}

/// A place that a container is to have a mount at no longer: [`Container::remove_mounts`](crate::Container::remove_mounts).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountPoint<'c> {
    /// Where it stands: `mounts/3`.
    pub at: Pointer,
    /// An absolute path in the container, lexically clean.
    pub destination: Str<'c>,
}

#[derive(Deserialize)]
struct RawMountPoint<'c> {
    #[serde(borrow)]
    destination: Option<Text<'c>>,
}

const AT: Pointer = Pointer::new("mounts");

impl<'c> MountList<'c> {
    /// Reads the document.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn from_slice(bytes: &'c [u8]) -> Result<Self> {
        let mut warnings = Vec::new();
        let mounts = mounts::check(Some(json::read_list::<RawMount<'c>>(bytes, &AT)?), AT, &mut warnings)?;
        Ok(Self { mounts, warnings })
    }
}

impl<'c> MountPoint<'c> {
    /// Reads the destinations of the same document.
    ///
    /// # Errors
    /// What is wrong with it, and where; a destination that stands twice, for one.
    pub fn list_from_slice(bytes: &'c [u8]) -> Result<Vec<Self>> {
        let mut points: Vec<Self> = Vec::new();
        for (at, raw) in text::each(Some(json::read_list::<RawMountPoint<'c>>(bytes, &AT)?), AT) {
            let destination = mounts::destination(raw.destination, &at, &mut Vec::new())?;
            if points.iter().any(|point| point.destination == destination) {
                return Err(Error::config(at.key("destination"), format!("`{destination}` stands twice")));
            }
            points.push(Self { at, destination });
        }
        Ok(points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        for (document, pointer) in [
            (r#"[{"type": "tmpfs"}]"#, "mounts/0/destination"),
            (r#"[{"destination": "/a", "type": "tmpfs"}, {"destination": "/b"}]"#, "mounts/1/type"),
            (r#"[{"destination": 1}]"#, "mounts/0/destination"),
            (r#"["/a"]"#, "mounts/0"),
            ("{}", "mounts"),
        ] {
            let error = MountList::from_slice(document.as_bytes()).unwrap_err();
            assert_eq!(error.pointer().map(Pointer::as_str), Some(pointer), "{document}: {error}");
        }
        let twice = MountPoint::list_from_slice(br#"[{"destination": "/a"}, {"destination": "/a/"}]"#).unwrap_err();
        assert_eq!(twice.to_string(), "check config: `/a` stands twice [mounts/1/destination]");
    }
}
