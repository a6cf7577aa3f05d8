//! Checkpoint and restore, by CRIU (criu.org): [`Container::checkpoint`](crate::Container::checkpoint) and
//! [`Runtime::restore`](crate::Runtime::restore).
//!
//! Comes in: what the caller asks for, the configuration, the record. Goes out: a request to the program `criu`, started through init
//! as everything is, and answers to what it asks meanwhile. CRIU's own work is none of this module's: it is told what lies
//! outside of the container (bind sources, namespaces by path, the cgroup, the streams), as runc tells it.

mod checkpoint;
mod external;
mod images;
mod messages;
mod mount_points;
mod restore;
mod service;

pub(crate) use images::CONFIG_ANNOTATION;

use std::os::fd::BorrowedFd;
use std::path::Path;

use crate::error::{Error, Kind, Op};

/// What checkpoint and restore have in common.
#[derive(Clone, Copy, Debug, Default)]
pub struct Criu<'a> {
    /// The directory of the images.
    pub images: Option<&'a Path>,
    /// The directory of logs and other files of the work; the images' where `None`.
    pub work: Option<&'a Path>,
    /// The program; where `None`, `criu` in one of the usual directories.
    pub program: Option<&'a Path>,
    /// Keep established TCP connections.
    pub tcp_established: bool,
    /// Allow unix sockets whose other end is outside.
    pub external_unix_sockets: bool,
    /// Allow a process in a session of the caller's, as one with a terminal of the caller is.
    pub shell_job: bool,
    /// Keep file locks.
    pub file_locks: bool,
    /// What is kept of the limits and paths of cgroups.
    pub cgroups: Option<CgroupsMode>,
    /// The network namespace comes without what is in it.
    pub empty_network: bool,
    /// Free in an image what a later one has.
    pub auto_dedup: bool,
    /// Move the pages of memory only when they are needed.
    pub lazy_pages: bool,
}

/// How to write a checkpoint.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checkpoint<'a> {
    /// What it shares with restore.
    pub criu: Criu<'a>,
    /// The images of a checkpoint before, relative to these: only what has changed since is written.
    pub parent: Option<&'a Path>,
    /// The container goes on afterwards.
    pub leave_running: bool,
    /// Only memory, for a checkpoint later; the container goes on.
    pub pre_dump: bool,
    /// Leave out TCP connections that are not established yet.
    pub tcp_skip_in_flight: bool,
    /// Keep files that were removed while they are open, by a link of their own.
    pub link_remap: bool,
    /// Where a page server listens that takes the pages of memory: address and port.
    pub page_server: Option<(&'a str, u16)>,
    /// Gets one zero byte once lazy pages can be fetched.
    pub status: Option<BorrowedFd<'a>>,
}

/// How to restore a container.
#[derive(Clone, Copy, Debug, Default)]
pub struct Restore<'a> {
    /// What it shares with checkpoint.
    pub criu: Criu<'a>,
    /// The streams, the terminal, the files: as for a new container.
    pub launch: crate::Launch<'a>,
    /// Another profile of the security module than it had: `apparmor:NAME` or `selinux:LABEL`.
    pub lsm_profile: Option<&'a str>,
    /// Restore established TCP connections as closed ones.
    pub tcp_close: bool,
    /// Another SELinux context of its mounts.
    pub lsm_mount_context: Option<&'a str>,
    /// Nobody will serve its terminal: one needs a console socket.
    pub detached: bool,
}

/// What is kept of the limits and paths of cgroups (criu(8), `--manage-cgroups`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupsMode {
    /// Nothing.
    Ignore,
    /// The limits of cgroups that have to be made anew.
    Soft,
    /// All.
    Full,
    /// All; none may be there yet.
    Strict,
}

impl CgroupsMode {
    fn number(mode: Option<Self>) -> i32 {
        match mode {
            Some(Self::Ignore) => 0,
            Some(Self::Soft) => 3,
            Some(Self::Full) => 4,
            Some(Self::Strict) => 5,
            // CRIU's default.
            None => 6,
        }
    }
}

impl std::str::FromStr for CgroupsMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "ignore" => Ok(Self::Ignore),
            "soft" => Ok(Self::Soft),
            "full" => Ok(Self::Full),
            "strict" => Ok(Self::Strict),
            _ => Err(Error::new(Kind::Argument, Op::Checkpoint)
                .message("invalid manage-cgroups-mode value")
                .hint("it is ignore, soft, full or strict")),
        }
    }
}
