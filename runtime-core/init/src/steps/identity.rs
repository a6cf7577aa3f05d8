//! Capabilities one by one; groups.

use super::accept;
use crate::sys::{self, Errno, Result};

const PR_CAPBSET_DROP: u32 = 24;
const PR_CAP_AMBIENT: u32 = 47;
const PR_CAP_AMBIENT_RAISE: u64 = 2;

/// The first bit the kernel does not know ends the set: the plan drops whatever capabilities a later kernel may have.
pub(crate) fn drop_bounding(drop: u64) -> Result<()> {
    match bits(drop).try_for_each(|bit| sys::prctl(PR_CAPBSET_DROP, [bit, 0])) {
        Err(Errno::INVAL) => Ok(()),
        dropped => dropped,
    }
}

pub(crate) fn raise_ambient(raise: u64) -> Result<()> {
    bits(raise).try_for_each(|bit| sys::prctl(PR_CAP_AMBIENT, [PR_CAP_AMBIENT_RAISE, bit]))
}

fn bits(set: u64) -> impl Iterator<Item = u64> {
    (0..64).filter(move |bit| set >> bit & 1 == 1)
}

/// No supplementary group, where the user namespace lets them be changed.
pub(crate) fn drop_groups() -> Result<()> {
    accept(sys::setgroups(&[]), &[Errno::PERM])
}
