//! What a process in a user namespace cannot write itself: the id maps (`user_namespaces(7)`) and its `oom_score_adj`.

use std::fmt::Write as _;

use crate::compile::Plan;
use crate::error::{At, Op, Pointer, Result};
use crate::spec::IdMapping;
use crate::sys::scheduling;

/// Writes the maps of `pid`'s user namespace while it waits.
pub(crate) fn write(plan: &Plan, pid: i32) -> Result<()> {
    let Some((maps, at)) = &plan.id_maps else { return Ok(()) };
    one(pid, "uid_map", &maps.uids, at.key("uidMappings"))?;
    one(pid, "gid_map", &maps.gids, at.key("gidMappings"))
}

/// Writes `pid`'s `oom_score_adj`.
pub(crate) fn write_oom_score(plan: &Plan, pid: i32) -> Result<()> {
    let Some((score, origin)) = &plan.oom_score_adj else { return Ok(()) };
    std::fs::write(format!("/proc/{pid}/oom_score_adj"), score.to_string())
        .map_err(|error| origin.error(nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))))
}

/// Sets how `pid` is scheduled, and how urgent its I/O is.
pub(crate) fn schedule(plan: &Plan, pid: i32) -> Result<()> {
    if let Some((origin, how)) = &plan.scheduler {
        let times = [how.runtime, how.deadline, how.period];
        scheduling::set_policy(pid, how.policy, how.nice, how.priority, how.flags, times)
            .map_err(|errno| origin.error(errno))?;
    }
    if let Some((origin, how)) = &plan.io_priority {
        scheduling::set_io_priority(pid, how.class, how.priority).map_err(|errno| origin.error(errno))?;
    }
    Ok(())
}

fn one(pid: i32, file: &str, mappings: &[IdMapping], field: Pointer) -> Result<()> {
    let mut lines = String::new();
    for IdMapping { container_id, host_id, size } in mappings {
        // Writing to a String cannot fail.
        writeln!(lines, "{container_id} {host_id} {size}").ok();
    }
    std::fs::write(format!("/proc/{pid}/{file}"), lines)
        .at(Op::IdMap)
        .map_err(|error| error.field(field).hint("mappings must not overlap, and need privilege over the host's ids"))
}
