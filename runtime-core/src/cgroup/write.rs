//! Writes the values of a [`Plan`] to their files. Knows no controller: what to do on refusal is part of each [`Write`].

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use rustix::fs::OFlags;

use super::file;
use super::plan::{Fits, Missing, Plan, Write};
use crate::error::{Error, Kind, Op, Result};

/// Writes every value, in order.
pub(super) fn all(plan: &Plan) -> Result<()> {
    if let Some(fits) = &plan.fits {
        check(plan, fits)?;
    }
    let mut open = Open::default();
    let mut late = Vec::new();
    for write in &plan.writes {
        match one(plan, write, &mut open) {
            Err(error) if write.entangled && error.errno() == Some(Errno::EINVAL) => late.push(write),
            other => other?,
        }
    }
    retry(plan, late, &mut open)
}

/// What the files of a plan hold now. One that cannot be read, as `devices.allow`, is left out.
pub(super) fn current(plan: &Plan) -> Vec<(PathBuf, String)> {
    let mut found: Vec<(PathBuf, String)> = Vec::new();
    for write in &plan.writes {
        let names = match &write.missing {
            Missing::Use(other, _) => vec![&write.file, other],
            _ => vec![&write.file],
        };
        for name in names {
            let Some(path) = plan.dirs.get(write.dir).map(|dir| dir.path.join(&**name)) else { continue };
            if let (false, Ok(text)) = (found.iter().any(|(known, _)| *known == path), file::read_text(&path)) {
                found.push((path, text));
            }
        }
    }
    found
}

/// Writes back what [`current`] found, as well as it can be done: an error is under way already. Twice, because the kernel
/// checks some values against each other.
pub(super) fn back(before: &[(PathBuf, String)]) {
    for (path, text) in before.iter().rev().chain(before) {
        // An empty write changes nothing; a line end empties a `cpuset.cpus`.
        for line in if text.is_empty() { "\n" } else { text }.split_inclusive('\n') {
            file::write(path, line).ok();
        }
    }
}

/// Values the kernel checks against each other: what it refused may fit now that the others are written.
fn retry(plan: &Plan, mut late: Vec<&Write>, open: &mut Open) -> Result<()> {
    while !late.is_empty() {
        let before = late.len();
        let mut refused = None;
        late.retain(|write| match one(plan, write, open) {
            Ok(()) => false,
            Err(error) => {
                refused.get_or_insert(error);
                true
            }
        });
        if let (Some(error), true) = (refused, late.len() == before) {
            return Err(error);
        }
    }
    Ok(())
}

/// The file of the last write: several values for one file need one open.
#[derive(Default)]
struct Open(Option<(PathBuf, OwnedFd)>);

impl Open {
    fn write(&mut self, path: &Path, value: &str) -> Result<(), Errno> {
        match &self.0 {
            Some((open, fd)) if open == path => file::write_fd(fd, value),
            _ => {
                let fd = file::open(path, OFlags::WRONLY)?;
                let (_, fd) = self.0.insert((path.to_owned(), fd));
                file::write_fd(fd, value)
            }
        }
    }
}

fn one(plan: &Plan, write: &Write, open: &mut Open) -> Result<()> {
    let Some(dir) = plan.dirs.get(write.dir) else { return Ok(()) };
    let path = dir.path.join(&*write.file);
    match (open.write(&path, &write.value), &write.missing) {
        (Ok(()), _) => Ok(()),
        (Err(Errno::ENOENT | Errno::EPERM), Missing::Skip) => Ok(()),
        (Err(Errno::ENOENT), Missing::Use(file, value)) => {
            let path = dir.path.join(&**file);
            open.write(&path, value).map_err(|errno| refused(&path, write, value, errno))
        }
        (Err(errno), _) => Err(refused(&path, write, &write.value, errno)),
    }
}

fn refused(path: &Path, write: &Write, value: &str, errno: Errno) -> Error {
    let error = Error::system(Op::Cgroup, errno).on(path).field(write.field.clone());
    let error = match errno {
        Errno::ENOENT => error.kind_is(Kind::Unsupported).message("this kernel has no such file"),
        _ => error.message(format!("write {value:?}")),
    };
    match (errno, write.hint) {
        (Errno::EBUSY, _) => error.hint("more is used now than this limit allows"),
        (Errno::ENOENT | Errno::EPERM, Some(hint)) => error.hint(hint),
        _ => error,
    }
}

/// "checkBeforeUpdate: … the container MUST check if the new limit is lower than the current usage".
fn check(plan: &Plan, fits: &Fits) -> Result<()> {
    let Some(dir) = plan.dirs.get(fits.dir) else { return Ok(()) };
    let path = dir.path.join(fits.file);
    let used = file::read_text(&path).map_err(|errno| Error::system(Op::Cgroup, errno).on(&path))?;
    match used.parse::<u64>() {
        Ok(used) if used > fits.limit => Err(Error::new(Kind::System, Op::Cgroup)
            .on(&path)
            .message(format!("{used} bytes are used now, more than the new limit of {}", fits.limit))
            .field(fits.field.clone())),
        _ => Ok(()),
    }
}
