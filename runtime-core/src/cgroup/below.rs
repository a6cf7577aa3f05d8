//! The cgroups below one: a container with a cgroup mount that it may write makes as many as it likes, as deep as it likes.
//!
//! In: a directory. Out: a call for each below it. No path here is longer than a name or two, as the kernel takes none beyond
//! `PATH_MAX`; nothing recurses; and however deep it gets, two directories are open.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use rustix::fs::{AtFlags, Dir, FileType, OFlags};

use super::file;

/// How directories are opened here. A filesystem of cgroups has no links.
const LISTED: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// Whether there is any. The kernel counts a cgroup's children in its link count: one question instead of a listing.
pub(super) fn any(path: &Path) -> bool {
    rustix::fs::stat(path).is_ok_and(|stat| stat.st_nlink > 2)
}

/// Calls `visit` for each, the lowest first, with the directory it is in and its name there. What goes meanwhile is fine.
pub(super) fn each(path: &Path, mut visit: impl FnMut(&OwnedFd, &OsStr) -> Result<(), Errno>) -> Result<(), Errno> {
    let Some(mut here) = unless_gone(file::open(path, LISTED))? else { return Ok(()) };
    // What is left to visit in the directory that is open, behind the same of each above.
    let mut left = vec![children(&here)?];
    while let Some(names) = left.last_mut() {
        let name = match names.last() {
            Some(name) => match with_children(&here, name)? {
                Some(lower) => {
                    left.push(children(&lower)?);
                    here = lower;
                    continue;
                }
                None => names.pop(),
            },
            None => {
                left.pop();
                let Some(above) = left.last_mut() else { break };
                // Where it was: no cgroup changes its parent.
                here = file::open_in(&here, "..", LISTED)?;
                above.pop()
            }
        };
        name.map_or(Ok(()), |name| visit(&here, &name))?;
    }
    Ok(())
}

/// The directory of this name, opened, if there are any in it.
fn with_children(dir: &OwnedFd, name: &OsStr) -> Result<Option<OwnedFd>, Errno> {
    let found = rustix::fs::statat(dir, name, AtFlags::empty()).map_err(file::errno);
    match unless_gone(found)? {
        Some(stat) if stat.st_nlink > 2 => unless_gone(file::open_in(dir, name, LISTED)),
        _ => Ok(None),
    }
}

/// The names of the directories in one: a name does not tell, for it may have the dot that those of the files have.
fn children(dir: &OwnedFd) -> Result<Vec<OsString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir).map_err(file::errno)? {
        let Some(entry) = unless_gone(entry.map_err(file::errno))? else { break };
        let name = entry.file_name().to_bytes();
        if entry.file_type() == FileType::Directory && name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(names)
}

fn unless_gone<T>(result: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match result {
        Err(Errno::ENOENT) => Ok(None),
        result => result.map(Some),
    }
}
