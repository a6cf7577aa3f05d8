//! The record of a container: `state.json` in its directory. Its format is ours; engines read the output of `state`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cgroup::Cgroup;
use crate::compile::LastSteps;
use crate::resctrl::Group;
use crate::root_mount::RootMount;
use crate::spec::Limits;

/// What a later call must know of a container and cannot ask the kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// `ociVersion` of the configuration.
    pub(crate) oci_version: String,
    /// The container's id.
    pub(crate) id: String,
    /// The first process, in the runtime's pid namespace; 0 until there is one.
    pub(crate) pid: i32,
    /// When that process began, in clock ticks since boot (field 22 of proc_pid_stat(5)): tells it from a later one of the same id.
    pub(crate) start_time: u64,
    /// The bundle.
    pub(crate) bundle: PathBuf,
    /// The root filesystem on the host.
    pub(crate) rootfs: PathBuf,
    /// When it was created, RFC 3339.
    pub(crate) created: String,
    /// The name of the user who created it.
    pub(crate) owner_name: String,
    /// The annotations of the configuration.
    pub(crate) annotations: BTreeMap<String, String>,
    /// Its cgroup.
    pub(crate) cgroup: Cgroup,
    /// Its root, mounted on itself, where it has no mount namespace of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) root_mount: Option<RootMount>,
    /// Its group of resctrl.
    #[serde(default)]
    pub(crate) resctrl: Option<Group>,
    /// Whether it has a new pid namespace: its first process then takes all others with it.
    pub(crate) own_pids: bool,
    /// Where the steps behind the start gate come from.
    pub(crate) last_steps: LastSteps,
    /// Its limits since `update` changed those of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<Limits>,
}
