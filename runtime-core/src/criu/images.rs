//! The directories of images and logs, what lies in them beside CRIU's own, and what a log says that failed.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::Criu;
use super::messages::{InheritFd, Options};
use crate::error::{At, Error, Kind, Op, Result};
use crate::spec::Spec;

/// The annotation that names the settings of CRIU, in the place of runc's file.
pub(crate) const CONFIG_ANNOTATION: &str = "org.criu.config";
/// The streams that a checkpoint had, in a file of runc's format beside the images.
const DESCRIPTORS: &str = "descriptors.json";

/// The opened directories of one piece of work.
#[derive(Debug)]
pub(super) struct Directories {
    images: OwnedFd,
    work: Option<OwnedFd>,
    images_path: PathBuf,
    log: PathBuf,
    op: Op,
}

impl Directories {
    /// Opens them, and makes them where they are not there.
    pub(super) fn open(criu: &Criu<'_>, log: &str, op: Op) -> Result<Self> {
        let missing = || Error::new(Kind::Argument, op).message("no directory for the images of the checkpoint");
        let images_path = criu.images.ok_or_else(missing)?;
        let images = open(images_path, op)?;
        let work = criu.work.map(|path| open(path, op)).transpose()?;
        let log = criu.work.unwrap_or(images_path).join(log);
        Ok(Self { images, work, images_path: images_path.to_owned(), log, op })
    }

    /// The options that every request has. Descriptors are this process's: CRIU opens them through procfs.
    pub(super) fn options(&self, criu: &Criu<'_>, spec: &Spec<'_>) -> Options {
        Options {
            images_dir_fd: self.images.as_raw_fd(),
            work_dir_fd: self.work.as_ref().map(AsRawFd::as_raw_fd),
            log_level: 4,
            log_file: self.log.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            notify_scripts: true,
            manage_cgroups: true,
            manage_cgroups_mode: Some(super::CgroupsMode::number(criu.cgroups)),
            shell_job: criu.shell_job,
            ext_unix_sk: criu.external_unix_sockets,
            tcp_established: criu.tcp_established,
            file_locks: criu.file_locks,
            auto_dedup: criu.auto_dedup,
            lazy_pages: criu.lazy_pages,
            empty_ns: if criu.empty_network { crate::spec::NamespaceKind::Network.flag() } else { 0 },
            orphan_pts_master: true,
            config_file: config_file(spec),
            ..Options::default()
        }
    }

    /// Writes what the streams of process `pid` are.
    pub(super) fn keep_descriptors(&self, pid: i32) -> Result<()> {
        let link = |number| fs::read_link(format!("/proc/{pid}/fd/{number}"));
        let links = (0..3).map(|number| link(number).map_or_else(|_| String::new(), |to| to.display().to_string()));
        let text = serde_json::to_vec(&links.collect::<Vec<_>>());
        let text = text.map_err(|error| Error::new(Kind::System, self.op).cause(error))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::openat(&self.images, DESCRIPTORS, flags, Mode::from_raw_mode(0o600)).at(self.op)?;
        crate::sys::file::write_all(&file, &text).at(self.op)
    }

    /// The streams that were pipes: CRIU has their successors under the same numbers.
    pub(super) fn streams(&self) -> Result<Vec<InheritFd>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let path = || self.images_path.join(DESCRIPTORS);
        let file = rustix::fs::openat(&self.images, DESCRIPTORS, flags, Mode::empty())
            .at(self.op)
            .map_err(|error| error.on(path()).kind_is(Kind::NotFound).hint("is this a directory with a checkpoint?"))?;
        let text = crate::sys::file::read_all(file, 1 << 20).at(self.op)?;
        let links: Vec<String> =
            serde_json::from_slice(&text).map_err(|error| Error::new(Kind::Config, self.op).on(path()).cause(error))?;
        let pipes = (0..).zip(links).filter(|(_, link)| link.contains("pipe:"));
        Ok(pipes.map(|(fd, key)| InheritFd { key, fd }).collect())
    }

    /// What CRIU's log says of its first error: one line of dozens that says why.
    pub(super) fn explain(&self, error: Error) -> Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let why = log.lines().find_map(|line| line.split_once("Error (")?.1.split_once("): ")).map(|(_, why)| why);
        let hint = format!("the log of CRIU is {}", self.log.display());
        match why {
            Some(why) => error.adding(&format!(": {why}")).hint(hint),
            // Where CRIU did not begin, the error knows better what to do.
            None if error.advice().is_some() => error,
            None => error.hint(hint),
        }
    }
}

/// The images of a checkpoint before: relative to these, and there.
pub(super) fn check_parent(images: Option<&Path>, parent: &Path) -> Result<()> {
    let refuse = |message| Err(Error::new(Kind::Argument, Op::Checkpoint).on(parent).message(message));
    if parent.is_absolute() {
        return refuse("--parent-path must be relative");
    }
    match images.map(|images| images.join(parent).is_dir()) {
        Some(true) => Ok(()),
        _ => refuse("invalid --parent-path: no such directory, seen from --image-path"),
    }
}

/// CRIU's own settings for containers. An empty annotation asks for none.
fn config_file(spec: &Spec<'_>) -> Option<String> {
    match spec.annotations.iter().find(|(key, _)| key == CONFIG_ANNOTATION) {
        None => Some("/etc/criu/runc.conf".to_owned()),
        Some((_, file)) if file.is_empty() => None,
        Some((_, file)) => Some(file.to_string()),
    }
}

fn open(path: &Path, op: Op) -> Result<OwnedFd> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error).at(op).map_err(|error| error.on(path));
        }
        _ => {}
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(path, flags, Mode::empty()).at(op).map_err(|error| error.on(path))?;
    crate::sys::streams::above_standard(directory.as_fd().try_clone_to_owned().at(op)?).at(op)
}
