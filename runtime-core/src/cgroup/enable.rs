//! Controllers of cgroup v2: a directory has one when every directory above hands it down (`cgroup.subtree_control`).

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::file;
use super::plan::{Enable, Plan};
use crate::error::{Error, Op, Result};

/// Hands the plan's controllers down to its v2 directory. Where they are there already, this is one file read.
pub(super) fn controllers(plan: &Plan) -> Result<()> {
    let Some(dir) = plan.dirs.iter().find(|dir| dir.unified) else { return Ok(()) };
    if plan.enable.is_empty() {
        return Ok(());
    }
    let path = dir.path.join("cgroup.controllers");
    let here = file::read_text(&path).map_err(|errno| Error::system(Op::Cgroup, errno).on(&path))?;
    let absent: Vec<&Enable> =
        plan.enable.iter().filter(|wanted| !here.split(' ').any(|name| name == wanted.controller)).collect();
    if absent.is_empty() {
        return Ok(());
    }
    for ancestor in ancestors(&dir.path, &dir.mount) {
        hand_down(&ancestor, &absent)?;
    }
    Ok(())
}

/// From the mount down to the parent.
fn ancestors(path: &Path, mount: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        path.ancestors().skip(1).take_while(|dir| dir.starts_with(mount)).map(Path::to_owned).collect();
    found.reverse();
    found
}

/// All in one write; one by one when the kernel refuses that, so that one it lacks does not cost the others.
fn hand_down(dir: &Path, controllers: &[&Enable]) -> Result<()> {
    let path = dir.join("cgroup.subtree_control");
    let all: Vec<String> = controllers.iter().map(|wanted| format!("+{}", wanted.controller)).collect();
    match file::write(&path, &all.join(" ")) {
        Ok(()) => return Ok(()),
        // One by one, those that threads can have would be taken, and make every child a "domain invalid" that no process can
        // enter (cgroup-v2.rst, "Threads"). Where nothing was asked for, nothing is limited.
        Err(Errno::EBUSY) => {
            let asked = controllers.iter().find_map(|wanted| Some((wanted, wanted.field.clone()?)));
            return asked
                .map_or(Ok(()), |(wanted, field)| Err(refused(&path, &wanted.controller, Errno::EBUSY).field(field)));
        }
        Err(_) => {}
    }
    for wanted in controllers {
        if let (Err(errno), Some(field)) = (file::write(&path, &format!("+{}", wanted.controller)), &wanted.field) {
            return Err(refused(&path, &wanted.controller, errno).field(field.clone()));
        }
    }
    Ok(())
}

fn refused(path: &Path, controller: &str, errno: Errno) -> Error {
    let error = Error::system(Op::Cgroup, errno).on(path);
    match errno {
        Errno::EBUSY => error
            .message(format!("enable controller {controller}: this cgroup has processes of its own"))
            .hint("a cgroup with processes hands no controllers down (\"no internal processes\", cgroups(7)): move them into a child"),
        Errno::ENOENT => error
            .message(format!("enable controller {controller}: it is not handed down to this cgroup"))
            .hint("delegate it, or ask for no limit of it"),
        _ => error.message(format!("enable controller {controller}")),
    }
}
