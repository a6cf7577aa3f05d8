//! The state of a container as the specification words it (runtime.md, "State").

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::cgroup::Exceeded;

/// What `state` answers (runtime.md, "State"), with the fields runc adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// `ociVersion` of the configuration.
    pub oci_version: String,
    /// The container's id.
    pub id: String,
    /// The first process, in the runtime's pid namespace; 0 once it has stopped.
    pub pid: i32,
    /// Where in its life the container is.
    pub status: Status,
    /// The bundle, absolute.
    pub bundle: PathBuf,
    /// The root filesystem on the host, absolute.
    pub rootfs: PathBuf,
    /// When it was created, RFC 3339.
    pub created: String,
    /// The name of the user who created it, or the id where that has no name; empty for root, as runc says it.
    pub owner: String,
    /// The annotations of the configuration.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The limits it ran into, while its cgroup is there to tell: `oomKills` and `pidsRefused`, each only where there were any.
    #[serde(flatten)]
    pub exceeded: Exceeded,
}

/// Where in its life a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is being created.
    Creating,
    /// It waits for `start`.
    Created,
    /// Its program runs.
    Running,
    /// Its program runs, and is frozen.
    Paused,
    /// Its first process is gone.
    Stopped,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Creating => "creating",
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        })
    }
}
