//! A cgroup in use: how to enter it, who is in it, kill, freeze and thaw.
//!
//! Who is in it is asked of one directory, the v2 one where there is one, else the freezer's: a container's processes are in all.

use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use nix::errno::Errno;
use rustix::fs::OFlags;

use super::plan::Dir;
use super::{Cgroup, below, file, layout};
use crate::error::{Error, Kind, Op, Result};

impl Cgroup {
    /// The `tasks` files of cgroup v1, one in each hierarchy: a process that writes `0` to them is in the cgroup.
    pub fn joins(&self) -> Result<Vec<OwnedFd>> {
        self.dirs
            .iter()
            .filter(|dir| !dir.unified)
            .map(|dir| {
                let path = dir.path.join("tasks");
                file::open(&path, OFlags::WRONLY).map_err(|errno| Error::system(Op::Cgroup, errno).on(&path))
            })
            .collect()
    }

    /// The cgroup v2 directory, for `CLONE_INTO_CGROUP`: a process is born in it.
    pub fn birthplace(&self) -> Result<Option<OwnedFd>> {
        let Some(dir) = self.unified() else { return Ok(None) };
        open_birthplace(&dir.path).map(Some)
    }

    /// The cgroup v2 directory that process `pid` stands in, where that lies below: a container that divided its cgroup has its
    /// processes there ("no internal processes", cgroups(7)).
    pub fn birthplace_beside(&self, pid: i32) -> Result<Option<OwnedFd>> {
        let Some(dir) = self.unified() else { return Ok(None) };
        let file = format!("/proc/{pid}/cgroup");
        let text = file::read(&file).map_err(|errno| Error::system(Op::Cgroup, errno).on(&file))?;
        let Some(path) = layout::unified_of(&text).map(|own| layout::below(&dir.mount, &own)) else { return Ok(None) };
        if path == dir.path || !path.starts_with(&dir.path) {
            return Ok(None);
        }
        open_birthplace(&path).map(Some)
    }

    /// Every process in it and below, by its id in this pid namespace.
    pub fn processes(&self) -> Result<Vec<i32>> {
        match self.census() {
            Some(dir) => {
                let mut pids = Vec::new();
                collect(&dir.path, &mut pids).map_err(|errno| Error::system(Op::Cgroup, errno).on(&dir.path))?;
                Ok(pids)
            }
            None => Ok(Vec::new()),
        }
    }

    /// The directories below these that a second process is to join: one `path`, or for hierarchies of cgroup v1 several of
    /// `controller,…:path`, of which the last counts. They must be there; no path may climb out (crun 1.29 fixed just that).
    pub fn below(&self, wanted: &[&str]) -> Result<Self> {
        let mut below = self.clone();
        for &one in wanted {
            let refuse = |message| Err(Error::new(Kind::Argument, Op::Cgroup).on(one).message(message));
            let (controllers, path) = match one.split_once(':') {
                Some((list, path)) => (list.split(',').collect(), path),
                None if wanted.len() > 1 => {
                    return refuse("of several cgroups each names its controllers: controller:path");
                }
                None => (Vec::new(), one),
            };
            let path = Path::new(path.trim_start_matches('/'));
            if path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
                return refuse("the cgroup of a process lies below its container's");
            }
            let named = |dir: &Dir, name: &str| !dir.unified && dir.has(name);
            if controllers.iter().any(|name| !self.dirs.iter().any(|dir| named(dir, name))) {
                return refuse("the container is in no hierarchy of cgroup v1 with this controller");
            }
            let chosen = |dir: &Dir| controllers.is_empty() || controllers.iter().any(|name| named(dir, name));
            for (dir, whole) in below.dirs.iter_mut().zip(&self.dirs).filter(|(dir, _)| chosen(dir)) {
                dir.path = whole.path.join(path);
                if !file::exists(&dir.path) {
                    return refuse("no such cgroup below the container's");
                }
            }
        }
        Ok(below)
    }

    /// The directory that tells who is in the container.
    pub(super) fn census(&self) -> Option<&Dir> {
        census(&self.dirs)
    }

    /// The freezer of cgroup v1.
    pub(super) fn freezer(&self) -> Option<&Dir> {
        freezer(&self.dirs)
    }
}

/// The directory of these that tells who is in the container.
pub(super) fn census(dirs: &[Dir]) -> Option<&Dir> {
    dirs.iter().find(|dir| dir.unified).or_else(|| freezer(dirs)).or_else(|| dirs.first())
}

fn freezer(dirs: &[Dir]) -> Option<&Dir> {
    dirs.iter().find(|dir| !dir.unified && dir.has("freezer"))
}

fn open_birthplace(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    file::open(path, flags).map_err(|errno| Error::system(Op::Cgroup, errno).on(path))
}

/// A cgroup that is gone has no processes.
pub(super) fn collect(path: &Path, pids: &mut Vec<i32>) -> Result<(), Errno> {
    add(file::read_text(path.join("cgroup.procs")), pids)?;
    match below::any(path) {
        true => {
            below::each(path, |dir, name| add(file::read_text_in(dir, &Path::new(name).join("cgroup.procs")), pids))
        }
        false => Ok(()),
    }
}

fn add(text: Result<String, Errno>, pids: &mut Vec<i32>) -> Result<(), Errno> {
    match text {
        Ok(text) => pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok())),
        // A threaded cgroup (v2): its processes are listed by the domain above.
        Err(Errno::ENOENT | Errno::ENODEV | Errno::EOPNOTSUPP) => {}
        Err(errno) => return Err(errno),
    }
    Ok(())
}
