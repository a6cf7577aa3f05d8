//! `idmap`, `ridmap` and the mappings of a mount (config.md, "Mounts": `uidMappings`, `gidMappings`).
//!
//! Comes in: the option and the two lists of one mount. Goes out: an [`IdMap`] that has its mappings, or none. Whether the
//! filesystem can be mapped is for the kernel to say.

use super::json::Object;
use super::namespaces::{self, IdMapping, RawIdMapping};
use crate::error::{Error, Pointer, Result};

/// How the ids of a mount are mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdMap {
    /// What asks for it: `/mounts/3/options/1`, or `/mounts/3/uidMappings` where no option does.
    pub at: Pointer,
    /// `ridmap`: also all mounts below.
    pub recursive: bool,
    /// The ids.
    pub ids: MappedIds,
}

/// Which mappings an id-mapped mount has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappedIds {
    /// The mount's own: an id of the filesystem (`containerID`) is shown to the host as another (`hostID`).
    Own {
        /// Never empty.
        uids: Vec<IdMapping>,
        /// Never empty.
        gids: Vec<IdMapping>,
    },
    /// Those of the container's user namespace.
    Containers,
}

/// The option that asks for it: its index, and whether it is `ridmap`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) index: usize,
    pub(super) recursive: bool,
}

/// Checks the id-mapping of the mount `at`. Mappings without an option mean `idmap`, as in runc.
pub(super) fn check(
    option: Option<Asked>,
    uids: Option<Vec<Object<RawIdMapping>>>,
    gids: Option<Vec<Object<RawIdMapping>>>,
    at: &Pointer,
) -> Result<Option<IdMap>> {
    let (uids_at, gids_at) = (at.key("uidMappings"), at.key("gidMappings"));
    let uids = namespaces::mappings(uids, uids_at.clone())?;
    let gids = namespaces::mappings(gids, gids_at.clone())?;
    let ids = match (uids.is_empty(), gids.is_empty()) {
        (false, false) => MappedIds::Own { uids, gids },
        (true, true) if option.is_some() => MappedIds::Containers,
        (true, true) => return Ok(None),
        (no_uids, _) => {
            let missing = if no_uids { uids_at } else { gids_at };
            return Err(Error::config(missing, "an id-mapped mount needs mappings of both users and groups"));
        }
    };
    Ok(Some(match option {
        Some(Asked { index, recursive }) => IdMap { at: at.key("options").index(index), recursive, ids },
        None => IdMap { at: uids_at, recursive: false, ids },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"[{"containerID":0,"hostID":7,"size":1}]"#;

    fn checked(option: Option<Asked>, uids: &str, gids: &str) -> Result<Option<IdMap>> {
        let read = |json: &str| serde_json::from_str(json).unwrap();
        check(option, read(uids), read(gids), &Pointer::new("/mounts/0"))
    }

    fn own() -> MappedIds {
        let ids = vec![IdMapping { container_id: 0, host_id: 7, size: 1 }];
        MappedIds::Own { uids: ids.clone(), gids: ids }
    }

    #[test]
    fn without_option_and_mappings_nothing_is_mapped() {
        for empty in ["null", "[]"] {
            assert_eq!(checked(None, empty, empty).unwrap(), None);
        }
    }

    #[test]
    fn mappings_alone_mean_idmap() {
        let map = IdMap { at: Pointer::new("/mounts/0/uidMappings"), recursive: false, ids: own() };
        assert_eq!(checked(None, ONE, ONE).unwrap(), Some(map));
    }

    #[test]
    fn an_option_without_mappings_means_the_containers() {
        let option = Asked { index: 2, recursive: true };
        let at = Pointer::new("/mounts/0/options/2");
        let map = IdMap { at: at.clone(), recursive: true, ids: MappedIds::Containers };
        assert_eq!(checked(Some(option), "null", "[]").unwrap(), Some(map));
        assert_eq!(checked(Some(option), ONE, ONE).unwrap(), Some(IdMap { at, recursive: true, ids: own() }));
    }

    #[test]
    fn one_list_of_two_is_refused() {
        for (uids, gids, field) in [(ONE, "[]", "/mounts/0/gidMappings"), ("null", ONE, "/mounts/0/uidMappings")] {
            let error = checked(None, uids, gids).unwrap_err();
            assert_eq!(error.pointer().map(Pointer::as_str), Some(field), "{error}");
        }
    }
}
