//! What a compiled launch is: what the parent opens, how the process is cloned, what init does, and where each comes from.

use std::ffi::{CStr, CString};

use orlop_plan::{Slot, Step, Word};
use serde::{Deserialize, Serialize};

use crate::cgroup;
use crate::error::{Error, Op, Pointer, Result};
use crate::resctrl;
use crate::spec::{IdMapping, IoPriority, NetDevice, Rlimit, Scheduler, Warning};

/// A launch, decided down to the last number. Made by [`crate::Runtime::plan`]; its `Display` is for people.
#[derive(Debug, Default)]
pub struct Plan {
    /// The `CLONE_NEW*` flags the process is born with.
    pub(crate) namespaces: u32,
    /// The pid namespace it is born into, where that is joined.
    pub(crate) pid_namespace: Option<Slot>,
    /// Whether a go-between joins that: whoever is not the host's root could not come back from it.
    pub(crate) pid_namespace_inside: bool,
    /// The user namespace it joins before its other namespaces are made, where that is joined.
    pub(crate) user_namespace: Option<Slot>,
    /// What the parent opens: the object behind given slot N+1 (slot 0 is the dialogue).
    pub(crate) opens: Vec<(Open, Origin)>,
    /// The mounts among these whose ids the parent maps: init has no right to in a user namespace.
    pub(crate) id_mapped: Vec<IdMapped>,
    /// The mounts that init makes in a user namespace and hands to the parent, to be mapped while it waits.
    pub(crate) handed: Vec<IdMapped>,
    /// The encoded steps.
    pub(crate) steps: Vec<u8>,
    /// Where each step comes from.
    pub(crate) origins: Vec<Origin>,
    /// What the parent does when init stands at a step.
    pub(crate) barriers: Vec<(u32, Barrier)>,
    /// The mappings of a new user namespace, and the object that has them: `/linux`.
    pub(crate) id_maps: Option<(IdMaps, Pointer)>,
    /// `oom_score_adj`, where the parent sets it: at a barrier, or where there is none at birth.
    pub(crate) oom_score_adj: Option<(i32, Origin)>,
    /// The interfaces that the parent moves into the network namespace.
    pub(crate) net_devices: Vec<NetDevice>,
    /// Its limits, where the parent sets them.
    pub(crate) rlimits: Vec<(Origin, Rlimit)>,
    /// How init is scheduled, where the parent sets it.
    pub(crate) scheduler: Option<(Origin, Scheduler)>,
    /// How urgent its I/O is, where the parent sets it.
    pub(crate) io_priority: Option<(Origin, IoPriority)>,
    /// The processors that the parent and, until it is in its cgroup, the process run on: a mask, where there is one.
    pub(crate) initial_affinity: Option<(Vec<u8>, Origin)>,
    /// The cgroup to make.
    pub(crate) cgroup: Option<cgroup::Plan>,
    /// The root filesystem that the parent mounts on itself: there is no mount namespace to keep the container's mounts in.
    pub(crate) root_mount: Option<CString>,
    /// The group of resctrl to make.
    pub(crate) resctrl: Option<resctrl::Plan>,
    /// What was passed over.
    pub(crate) warnings: Vec<Warning>,
}

/// Where a step comes from: what an error says when it fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) op: Op,
    pub(crate) field: Option<Pointer>,
    pub(crate) path: Option<String>,
    #[serde(skip)]
    pub(crate) hint: Option<&'static str>,
}

/// Where the steps behind the start gate come from: `start` has no plan, and may have to explain a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastSteps {
    /// The index of the first.
    pub(crate) first: u32,
    /// Their origins.
    pub(crate) origins: Vec<Origin>,
}

/// The mappings of a new user namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdMaps {
    pub(crate) uids: Vec<IdMapping>,
    pub(crate) gids: Vec<IdMapping>,
    pub(crate) uids_by: Mapper,
    pub(crate) gids_by: Mapper,
}

/// Who writes a map of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mapper {
    /// The parent, who may map any.
    Parent,
    /// The parent, who may map their own id alone, and of groups only once `setgroups(2)` is forbidden.
    Owner,
    /// `newuidmap(1)`, which may map what `/etc/subuid` gives a user.
    NewUidMap,
    /// `newgidmap(1)`, which may map what `/etc/subgid` gives a user.
    NewGidMap,
}

impl IdMaps {
    /// Written by one who may.
    pub(crate) fn by_parent(uids: &[IdMapping], gids: &[IdMapping]) -> Self {
        Self { uids: uids.to_vec(), gids: gids.to_vec(), uids_by: Mapper::Parent, gids_by: Mapper::Parent }
    }
}

/// A mount that is opened, and mapped before anybody has seen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdMapped {
    pub(crate) mount: Slot,
    pub(crate) recursive: bool,
    /// The user namespace that has the mappings.
    pub(crate) namespace: Slot,
    pub(crate) origin: Origin,
}

/// An object of the host that init is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// The `tasks` file of the cgroup in v1 hierarchy number N of the launch.
    CgroupTasks(usize),
    /// A detached clone of the tree at a path of the host: `locked` as for another user namespace, or with all that root may do to it.
    Tree { path: CString, recursive: bool, locked: bool },
    /// A detached clone of the cgroup made for the launch: directory number N of its plan.
    CgroupTree(usize),
    /// A namespace, by path.
    Namespace { path: CString, flag: u32 },
    /// The process whose namespaces are joined.
    Target,
    /// A detached, verified procfs.
    Procfs,
    /// A directory of the host, as it is.
    Directory { path: CString },
    /// The file that the container's hooks read its state from.
    HookState,
    /// The file that takes what these hooks say.
    HookOutput,
    /// The listening socket behind which `start` knocks.
    Gate,
    /// The connected console socket.
    Console,
    /// A socket whose other end the caller reads the terminal from.
    Terminal,
    /// Memory that the time of each step is written to.
    Trace,
    /// A user namespace that nobody is in, for its mappings.
    IdMapNamespace(IdMaps),
    /// A socket whose other end the parent takes mounts from.
    Mounts,
    /// A socket whose other end the parent takes mounts from that were added.
    Added,
    /// The added mount number N, which is taken back.
    TakenBack(usize),
    /// The directory of the container's socket for `sd_notify(3)`, as a detached tree.
    Notify,
    /// A socket whose other end the parent reads the seccomp listener from.
    Listener,
}

/// What the parent does while init waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barrier {
    /// Writes the id maps.
    IdMaps,
    /// Has systemd make the cgroup around init.
    Unit,
    /// Writes `oom_score_adj`.
    OomScore,
    /// Moves network interfaces into init's namespace.
    NetDevices,
    /// Takes the clones that init has made in the copy of a mount namespace.
    Clones,
    /// Maps the ids of mount number N of those that init hands it.
    IdMapped(usize),
    /// Moves init into the group of resctrl.
    Resctrl,
    /// Sets init's limits, and how it is scheduled.
    Scheduling,
    /// Runs the `prestart` and `createRuntime` hooks.
    RuntimeHooks,
    /// Writes the state for the hooks that init runs.
    HookState,
    /// Tells the last hooks that the container is created.
    Created,
    /// The container is created: init is at its gate.
    Ready,
    /// Hands the seccomp listener, which init sends once it goes on, to who answers for the container's calls.
    Listener,
}

const TOO_MANY_OPEN: &str = "the runtime may open no more files: a mount may need one for its source (ulimit -n)";

impl Origin {
    pub(crate) fn new(op: Op) -> Self {
        Self { op, field: None, path: None, hint: None }
    }

    pub(crate) fn field(mut self, field: &Pointer) -> Self {
        self.field = Some(field.clone());
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The error of a call that came from here.
    pub(crate) fn error(&self, errno: nix::errno::Errno) -> Error {
        let error = Error::system(self.op, errno).located(self);
        match (errno, self.hint) {
            // Whatever else this call may fail for, it is not that.
            (nix::errno::Errno::EMFILE, _) => error.hint(TOO_MANY_OPEN),
            (_, Some(hint)) => error.hint(hint),
            (_, None) => error,
        }
    }
}

impl Error {
    /// Adds where this came from.
    pub(crate) fn located(self, origin: &Origin) -> Self {
        let error = match &origin.field {
            Some(field) => self.field(field.clone()),
            None => self,
        };
        match &origin.path {
            Some(path) => error.on(path),
            None => error,
        }
    }
}

impl Plan {
    /// Adds a step.
    pub(crate) fn push(&mut self, step: Step<'_>, origin: &Origin) {
        step.write(&mut self.steps);
        self.origins.push(origin.clone());
    }

    /// Adds a step at which the parent acts.
    pub(crate) fn wait_for(&mut self, barrier: Barrier, step: Step<'_>, origin: &Origin) {
        self.barriers.push((u32::try_from(self.origins.len()).unwrap_or(u32::MAX), barrier));
        self.push(step, origin);
    }

    /// Has the parent open something; the slot it will lie in.
    pub(crate) fn open(&mut self, open: Open, origin: &Origin) -> Slot {
        self.opens.push((open, origin.clone()));
        Slot::given(u16::try_from(self.opens.len()).unwrap_or(u16::MAX))
    }

    /// The same, once for the same object.
    pub(crate) fn open_once(&mut self, open: Open, origin: &Origin) -> Slot {
        match self.opens.iter().position(|(opened, _)| *opened == open) {
            Some(index) => Slot::given(u16::try_from(index + 1).unwrap_or(u16::MAX)),
            None => self.open(open, origin),
        }
    }

    /// The steps behind the gate.
    pub(crate) fn last_steps(&self) -> LastSteps {
        let gate = self.barriers.iter().find(|(_, barrier)| *barrier == Barrier::Ready).map_or(0, |(step, _)| *step);
        let origins = self.origins.iter().skip(usize::try_from(gate).unwrap_or(usize::MAX).saturating_add(1));
        LastSteps { first: gate + 1, origins: origins.cloned().collect() }
    }

    /// The `oom_score_adj` that the process is born with.
    pub(crate) fn score_at_birth(&self) -> Option<&(i32, Origin)> {
        let waits = self.barriers.iter().any(|(_, barrier)| *barrier == Barrier::OomScore);
        self.oom_score_adj.as_ref().filter(|_| !waits)
    }

    /// Whether the caller keeps the terminal.
    pub(crate) fn wants_terminal(&self) -> bool {
        self.opens.iter().any(|(open, _)| *open == Open::Terminal)
    }

    /// Whether the caller hands on the listener of a seccomp filter.
    pub(crate) fn has_listener(&self) -> bool {
        self.opens.iter().any(|(open, _)| *open == Open::Listener)
    }

    /// The slot that the trace goes to.
    pub(crate) fn trace_slot(&self) -> Slot {
        match self.opens.iter().position(|(open, _)| *open == Open::Trace) {
            Some(index) => Slot::given(u16::try_from(index + 1).unwrap_or(u16::MAX)),
            None => Slot::NONE,
        }
    }
}

/// `text` for the kernel. Texts of a `Spec` hold no NUL; one of another source ends at its first.
pub(crate) fn c(text: &str) -> CString {
    let clean = text.split('\0').next().unwrap_or_default();
    CString::new(clean).unwrap_or_default()
}

/// A block of NUL-terminated texts, for [`orlop_plan::Texts`].
pub(crate) fn block<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut block = Vec::new();
    for text in texts {
        block.extend_from_slice(c(text.as_ref()).as_bytes_with_nul());
    }
    block
}

/// `text` as a path that the kernel takes from the container's root.
pub(crate) fn below_root(text: &str) -> CString {
    c(text.trim_start_matches('/'))
}

/// The joined path of a bundle's file: `path` where it is absolute.
pub(crate) fn in_bundle(bundle: &CStr, path: &str) -> Result<CString> {
    if path.starts_with('/') {
        return Ok(c(path));
    }
    let mut joined = bundle.to_bytes().to_vec();
    joined.push(b'/');
    joined.extend_from_slice(path.as_bytes());
    CString::new(joined)
        .map_err(|_nul| Error::new(crate::Kind::Config, Op::OpenBundle).message("path holds a NUL byte"))
}
