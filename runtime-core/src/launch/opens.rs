//! Opens what a plan names, in the order of its slots. Everything is close-on-exec in this process: only init inherits it.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::OpenTreeFlags;

use crate::cgroup::Cgroup;
use crate::compile::{Open, Origin, Plan};
use crate::error::{At, Error, Kind, Op, Result};

/// statfs(2).
const PROC_SUPER_MAGIC: rustix::fs::FsWord = 0x9fa0;
/// `open_tree(2)`: with the mounts below.
const AT_RECURSIVE: u32 = 0x8000;

/// What only the caller of a launch can give.
#[derive(Debug, Default)]
pub(crate) struct Sources<'s> {
    /// The cgroup that was made or is joined.
    pub(crate) cgroup: Option<&'s Cgroup>,
    /// The pidfd of the container that is joined.
    pub(crate) target: Option<BorrowedFd<'s>>,
    /// The file that hooks read their state from.
    pub(crate) hook_state: Option<BorrowedFd<'s>>,
    /// The file that takes what init's hooks say.
    pub(crate) hook_output: Option<BorrowedFd<'s>>,
    /// The listening socket of the start gate.
    pub(crate) gate: Option<OwnedFd>,
    /// The connected console socket.
    pub(crate) console: Option<OwnedFd>,
    /// The directory of the container's notification socket.
    pub(crate) notify: Option<OwnedFd>,
    /// Where a terminal for the caller is sent.
    pub(crate) terminal: Option<OwnedFd>,
    /// Where the time of each step is written.
    pub(crate) trace: Option<BorrowedFd<'s>>,
    /// Where init sends mounts that are to be mapped.
    pub(crate) mounts: Option<OwnedFd>,
    /// Where init sends mounts that were added.
    pub(crate) added: Option<OwnedFd>,
    /// Added mounts that are taken back.
    pub(crate) taken_back: Vec<OwnedFd>,
    /// Where the listener of a seccomp filter is sent.
    pub(crate) listener: Option<OwnedFd>,
    /// What the program finds from descriptor 3 on.
    pub(crate) handed_on: Vec<OwnedFd>,
}

/// Opens everything `plan` names, under numbers from `first` on.
pub(crate) fn all(plan: &Plan, mut sources: Sources<'_>, first: i32) -> Result<Vec<OwnedFd>> {
    let mut tasks = match sources.cgroup {
        Some(cgroup) if plan.opens.iter().any(|(open, _)| matches!(open, Open::CgroupTasks(_))) => cgroup.joins()?,
        _ => Vec::new(),
    }
    .into_iter();
    let mut locked = super::locked::trees(plan)?.into_iter();
    plan.opens
        .iter()
        .map(|(open, origin)| match open {
            Open::CgroupTasks(_) => tasks.next().ok_or_else(|| missing(origin)),
            Open::CgroupTree(index) => cgroup_tree(&sources, *index, origin),
            Open::Tree { locked: true, .. } => locked.next().ok_or_else(|| missing(origin)),
            Open::Tree { path, recursive, .. } => tree(path, *recursive).map_err(|errno| refused(errno, origin)),
            Open::Directory { path } => directory(path).map_err(|errno| refused(errno, origin)),
            Open::Namespace { path, flag } => namespace(path, *flag, origin),
            Open::Target => duplicate(sources.target, origin),
            Open::Procfs => procfs(),
            Open::HookState => duplicate(sources.hook_state, origin),
            Open::HookOutput => duplicate(sources.hook_output, origin),
            Open::Trace => duplicate(sources.trace, origin),
            Open::IdMapNamespace(maps) => super::idmap::namespace(maps, origin),
            Open::Notify => sources.notify.take().ok_or_else(|| missing(origin)),
            Open::Gate => sources.gate.take().ok_or_else(|| missing(origin)),
            Open::Console => sources.console.take().ok_or_else(|| missing(origin)),
            Open::Mounts => sources.mounts.take().ok_or_else(|| missing(origin)),
            Open::Added => sources.added.take().ok_or_else(|| missing(origin)),
            Open::TakenBack(number) => duplicate(sources.taken_back.get(*number).map(AsFd::as_fd), origin),
            Open::Listener => sources.listener.take().ok_or_else(|| missing(origin)),
            Open::Terminal => sources.terminal.take().ok_or_else(|| missing(origin)),
        })
        // The child puts the standard streams in place before init finds these by number.
        .map(|opened| crate::sys::streams::from(first, opened?).at(Op::Open))
        .collect()
}

fn cgroup_tree(sources: &Sources<'_>, index: usize, origin: &Origin) -> Result<OwnedFd> {
    let directory = sources.cgroup.and_then(|cgroup| cgroup.paths().get(index)).ok_or_else(|| missing(origin))?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    rustix::mount::open_tree(CWD, &directory.path, flags).map_err(|errno| refused(errno, origin))
}

fn tree(path: &CStr, recursive: bool) -> rustix::io::Result<OwnedFd> {
    let deep = if recursive { AT_RECURSIVE } else { 0 };
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    rustix::mount::open_tree(CWD, path, OpenTreeFlags::from_bits_retain(flags.bits() | deep))
}

fn directory(path: &CStr) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// A namespace of the wanted kind, and nothing else: `NS_GET_NSTYPE` says which it is (ioctl_ns(2)).
fn namespace(path: &CStr, flag: u32, origin: &Origin) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| refused(errno, origin))?;
    match crate::sys::nsfs::kind(fd.as_fd()) {
        Ok(kind) if kind == flag => Ok(fd),
        Ok(_) => {
            Err(origin.error(nix::errno::Errno::EINVAL).message("a namespace of another kind").kind_is(Kind::Config))
        }
        Err(_) => Err(origin.error(nix::errno::Errno::EINVAL).message("not a namespace").kind_is(Kind::Config)),
    }
}

/// A clone of `/proc` of its own, without whatever is mounted over parts of it, and really a procfs.
fn procfs() -> Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let fd = match rustix::mount::open_tree(CWD, c"/proc", flags) {
        // In a user namespace mounts over parts of /proc are locked to it: then each path is opened without crossing mounts.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::PERM) => directory(c"/proc"),
        opened => opened,
    };
    let fd = fd.at(Op::Probe).map_err(|error| error.on("/proc"))?;
    match rustix::fs::fstatfs(&fd).at(Op::Probe)?.f_type {
        PROC_SUPER_MAGIC => Ok(fd),
        _ => Err(Error::new(Kind::Unsupported, Op::Probe).on("/proc").message("not a procfs")),
    }
}

fn duplicate(fd: Option<BorrowedFd<'_>>, origin: &Origin) -> Result<OwnedFd> {
    fd.ok_or_else(|| missing(origin))?.try_clone_to_owned().at(origin.op)
}

fn refused(errno: rustix::io::Errno, origin: &Origin) -> Error {
    origin.error(nix::errno::Errno::from_raw(errno.raw_os_error()))
}

fn missing(origin: &Origin) -> Error {
    Error::new(Kind::System, origin.op).message("the plan names something this launch does not have")
}
