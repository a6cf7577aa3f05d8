//! Who makes the cgroups: `--systemd-cgroup`, as runc has it, and `--cgroup-manager`, as crun has it and podman gives it.

use std::path::PathBuf;

use orlop::CgroupDriver;

use super::flags;
use super::parse::Given;
use crate::report::Failure;

/// Who makes the cgroups of new containers. Those that are there already know it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Cgroups {
    /// The library.
    #[default]
    Cgroupfs,
    /// The machine's systemd.
    Systemd,
    /// That of the user whose runtime directory this is.
    SystemdUser(PathBuf),
    /// Nobody.
    Disabled,
}

impl Cgroups {
    /// What the flags say.
    pub(super) fn of(given: &Given) -> Result<Self, Failure> {
        let usage = |line| Failure::usage(None, line);
        let word = given.text(&flags::CGROUP_MANAGER).map_err(usage)?;
        match (given.on(&flags::SYSTEMD_CGROUP), word) {
            (false, None | Some("cgroupfs")) => Ok(Self::Cgroupfs),
            (true, None) | (_, Some("systemd")) => Ok(Self::of_systemd()),
            (false, Some("disabled")) => Ok(Self::Disabled),
            (true, Some(other @ ("cgroupfs" | "disabled"))) => {
                Err(usage(format!("--systemd-cgroup and --cgroup-manager={other} exclude each other")))
            }
            (_, Some(other)) => Err(usage(format!("invalid value \"{other}\" for flag -cgroup-manager"))),
        }
    }

    /// The machine's systemd serves root alone. Root of a user namespace, as in a rootless podman, is no root to it.
    fn of_systemd() -> Self {
        let uid = rustix::process::geteuid();
        let directory = std::env::var_os("XDG_RUNTIME_DIR").filter(|directory| !directory.is_empty());
        match (uid.is_root() && !in_user_namespace(), directory) {
            (true, _) => Self::Systemd,
            (false, Some(directory)) => Self::SystemdUser(directory.into()),
            (false, None) => Self::SystemdUser(format!("/run/user/{}", uid.as_raw()).into()),
        }
    }

    /// As the library knows it.
    pub(crate) fn driver(&self) -> CgroupDriver<'_> {
        match self {
            Self::Cgroupfs => CgroupDriver::Cgroupfs,
            Self::Systemd => CgroupDriver::Systemd,
            Self::SystemdUser(directory) => CgroupDriver::SystemdUser(directory),
            Self::Disabled => CgroupDriver::Disabled,
        }
    }
}

/// Only the first user namespace maps every id to itself.
fn in_user_namespace() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().ne(["0", "0", "4294967295"])
}
