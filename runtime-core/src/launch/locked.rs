//! Trees of the host that are cloned as they are locked for another user namespace.
//!
//! Comes in: a plan. Goes out: the clones it names, in their order. One init keeps a copy of the mount namespace, another goes there
//! and sends them; both are gone afterwards. A plan without such trees costs nothing.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;

use super::{Sources, idmap, launch, socket};
use crate::compile::{Barrier, IN_ONE_GO, Open, Plan, clones, copy_keeper};
use crate::error::{Op, Result};

pub(super) fn trees(plan: &Plan) -> Result<Vec<OwnedFd>> {
    let wanted = plan.opens.iter().filter_map(|(open, origin)| match open {
        Open::Tree { path, recursive, locked: true } => Some((path.as_c_str(), *recursive, origin)),
        _ => None,
    });
    let wanted: Vec<_> = wanted.collect();
    let Some((_, _, first)) = wanted.first() else { return Ok(Vec::new()) };
    let copy = idmap::held("mnt", &copy_keeper(first), first)?;
    let (ours, theirs) = super::fd_pair(Op::Mount)?;
    let sources = Sources { target: Some(copy.as_fd()), added: Some(theirs), ..Sources::default() };
    let plan = clones(&wanted);
    let mut trees = Vec::with_capacity(wanted.len());
    launch(&plan, sources, None, [None; 3])?.converse(|barrier, _| {
        if barrier == Barrier::Clones {
            for (_, _, origin) in wanted.iter().skip(trees.len()).take(IN_ONE_GO) {
                let tree = socket::receive(Op::Mount, ours.as_fd())?;
                // One was sent: there is no room for it in this process.
                trees.push(tree.ok_or_else(|| origin.error(Errno::EMFILE))?);
            }
        }
        Ok(())
    })?;
    Ok(trees)
}
