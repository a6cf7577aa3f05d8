//! This machine → [`Host`]: the facts that compilation depends on, asked once and only those the spec needs.
//!
//! Asks, decides nothing: every question costs a system call of each start.

mod caller;
mod devices;
mod labels;
mod passwd;
mod process;

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use crate::cgroup::{Cgroup, Layout, Systemd};
use crate::error::{At, Error, Op, Pointer, Result};
use crate::seccomp::{self, Filter};
use crate::spec::{MountKind, Namespace, NamespaceKind, PID_MAX, Process, Spec};
use crate::sys::streams::Streams;

pub(crate) use caller::{Caller, User};
pub(crate) use labels::selinux_is_on;

/// The facts of this machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    /// Who makes the container.
    pub(crate) caller: Caller,
    /// How cgroups are mounted.
    pub(crate) cgroups: Layout,
    /// The hierarchies, by where they are mounted, in which this caller may make no cgroup for the container.
    pub(crate) closed_cgroups: Vec<PathBuf>,
    /// What the host has in the place of devices that it is to show the container: path, and what is there.
    pub(crate) other_devices: Vec<(String, String)>,
    /// The systemd that is to make the cgroup.
    pub(crate) systemd: Option<Systemd>,
    /// In how many hierarchies of cgroup v1 the container that `exec` joins has a cgroup.
    pub(crate) target_cgroups: usize,
    /// The root directory of the container that `exec` joins.
    pub(crate) target_root: PathBuf,
    /// The capabilities that can be granted, bit N for capability N.
    pub(crate) capabilities: u64,
    /// What each bind mount's source is, by index in `mounts`.
    pub(crate) bind_sources: Vec<FileKind>,
    /// The user's home directory, where the environment does not name one.
    pub(crate) home: Option<String>,
    /// The standard streams that the container's user is to own.
    pub(crate) streams_to_own: Vec<u32>,
    /// Whether the network namespace that is joined is the caller's own. Asked only where a sysctl is to be set in it.
    pub(crate) joins_own_network: bool,
    /// Whether the mount namespace that is joined is the caller's own.
    pub(crate) joins_own_mounts: bool,
    /// Where resctrl is mounted.
    pub(crate) resctrl: Option<PathBuf>,
    /// Whether the highest pid is one number for all. Asked only where a sysctl is to change it.
    pub(crate) shares_pid_max: bool,
    /// The standard streams that are the host's null device.
    pub(crate) null_streams: Vec<u32>,
    /// The compiled seccomp profile.
    pub(crate) seccomp: Option<Filter>,
    /// Whether AppArmor confines processes. Asked only where a profile is wanted.
    pub(crate) apparmor: bool,
    /// Whether SELinux labels processes and files. Asked only where a label is wanted.
    pub(crate) selinux: bool,
}

/// What the source of a bind mount is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A directory.
    #[default]
    Directory,
    /// Anything else.
    Other,
}

/// What the caller of `create` says that the facts depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'w> {
    /// The container's id.
    pub(crate) id: &'w str,
    /// Whether the container goes without a cgroup that may not be made; `None`: unless the caller is the host's root.
    pub(crate) forgoes_cgroups: Option<bool>,
}

/// All capabilities: what root of a new user namespace has.
const ALL_CAPABILITIES: u64 = u64::MAX;

impl Host {
    /// What `create` and `run` need to know.
    pub(crate) fn for_create(
        spec: &Spec<'_>,
        bundle: &Path,
        wanted: Wanted<'_>,
        streams: Streams<'_>,
        cache: &dyn Cache,
    ) -> Result<Self> {
        let root = bundle.join(&*spec.root);
        let mut cgroups = Layout::probe()?;
        let process = Self::for_process(&spec.process, spec, streams, cache)?;
        let (path, own_users) = (spec.linux.cgroups_path.as_deref(), has_own_users(spec));
        let closed_cgroups = match wanted.forgoes_cgroups.unwrap_or(!process.caller.is_root()) {
            true => cgroups.closed(&spec.linux.resources, path, wanted.id)?,
            false => Vec::new(),
        };
        Ok(Self {
            cgroups,
            closed_cgroups,
            other_devices: if own_users || !process.caller.is_root() { devices::others(spec) } else { Vec::new() },
            bind_sources: bind_sources(spec, bundle)?,
            joins_own_network: spec.linux.network_sysctl().is_some() && joins_own(NamespaceKind::Network, "net", spec),
            joins_own_mounts: joins_own(NamespaceKind::Mount, "mnt", spec),
            resctrl: spec.linux.intel_rdt.as_ref().map_or(Ok(None), |_| crate::resctrl::root())?,
            shares_pid_max: spec.linux.sysctl.iter().any(|sysctl| sysctl.path == PID_MAX) && kernel() < Some((6, 14)),
            null_streams: process::null_streams(&spec.process, streams),
            home: passwd::home(&spec.process, || passwd::in_root(spec, bundle, &root)),
            ..process
        })
    }

    /// What `exec` needs to know of a container whose first process has the root directory `root`.
    pub(crate) fn for_exec(
        process: &Process<'_>,
        spec: &Spec<'_>,
        root: &Path,
        cgroup: &Cgroup,
        streams: Streams<'_>,
        cache: &dyn Cache,
    ) -> Result<Self> {
        Ok(Self {
            target_cgroups: cgroup.paths().iter().filter(|dir| !dir.unified).count(),
            target_root: root.to_owned(),
            home: passwd::home(process, || passwd::below(root)),
            ..Self::for_process(process, spec, streams, cache)?
        })
    }

    /// Whether the host's root calls.
    pub(crate) fn is_roots() -> Result<bool> {
        Ok(Caller::with(process::capabilities()?).is_root())
    }

    /// What has to be known to mount what `spec` lists in a container that is there.
    pub(crate) fn for_mounts(spec: &Spec<'_>, bundle: &Path) -> Result<Self> {
        Ok(Self {
            caller: Caller::with(process::capabilities()?),
            bind_sources: bind_sources(spec, bundle)?,
            selinux: labels::selinux(&spec.process, spec),
            ..Self::default()
        })
    }

    fn for_process(process: &Process<'_>, spec: &Spec<'_>, streams: Streams<'_>, cache: &dyn Cache) -> Result<Self> {
        let seccomp = spec.linux.seccomp.as_ref().map(|profile| match cache.directory() {
            Some(directory) => seccomp::cached(profile, directory.as_fd()),
            None => seccomp::compile(profile),
        });
        let capabilities = process::capabilities()?;
        Ok(Self {
            caller: Caller::with(capabilities),
            capabilities: if has_own_users(spec) { ALL_CAPABILITIES } else { capabilities },
            streams_to_own: process::streams_to_own(process, &spec.linux, streams),
            seccomp: seccomp.transpose()?,
            apparmor: labels::apparmor(process, spec),
            selinux: labels::selinux(process, spec),
            ..Self::default()
        })
    }
}

/// Major and minor version of the kernel.
fn kernel() -> Option<(u32, u32)> {
    let name = rustix::system::uname();
    let mut numbers = name.release().to_str().ok()?.split(['.', '-']).map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Whether a namespace is joined that is the caller's own. One that cannot be asked about cannot be joined either.
fn joins_own(kind: NamespaceKind, name: &str, spec: &Spec<'_>) -> bool {
    let Namespace::Join(path, _) = spec.linux.namespaces.get(kind) else { return false };
    let file = |path: &str| rustix::fs::stat(path).map(|found| (found.st_dev, found.st_ino)).ok();
    file(path).is_some_and(|joined| file(&format!("/proc/thread-self/ns/{name}")) == Some(joined))
}

fn has_own_users(spec: &Spec<'_>) -> bool {
    *spec.linux.namespaces.get(NamespaceKind::User) != Namespace::Host
}

/// Where compiled seccomp filters are kept. Asked only when there is a profile.
pub(crate) trait Cache {
    /// The directory, if it can be had.
    fn directory(&self) -> Option<OwnedFd>;
}

/// What each bind source is: it decides whether its mount point is a directory or a file.
fn bind_sources(spec: &Spec<'_>, bundle: &Path) -> Result<Vec<FileKind>> {
    if !spec.mounts.iter().any(|mount| matches!(mount.kind, MountKind::Bind { .. })) {
        return Ok(Vec::new());
    }
    spec.mounts
        .iter()
        .map(|mount| match &mount.kind {
            MountKind::Bind { source, .. } => file_kind(&bundle.join(&**source), &mount.at.key("source")),
            _ => Ok(FileKind::default()),
        })
        .collect()
}

fn file_kind(path: &Path, field: &Pointer) -> Result<FileKind> {
    let stat = rustix::fs::stat(path).at(Op::Mount).map_err(|error: Error| {
        error.on(path).field(field.clone()).hint("the source of a bind mount must exist on the host")
    })?;
    match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
        rustix::fs::FileType::Directory => Ok(FileKind::Directory),
        _ => Ok(FileKind::Other),
    }
}
