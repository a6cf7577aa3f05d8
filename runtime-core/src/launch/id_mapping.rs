//! What a process in a user namespace cannot do itself: write the id maps (`user_namespaces(7)`) and its `oom_score_adj`, raise its
//! limits, and be scheduled before others.
//!
//! A user may map their own id. More of them `newuidmap(1)` and `newgidmap(1)` map, setuid programs that ask `/etc/subuid` and
//! `/etc/subgid`. They are looked for in fixed places, as the library reads no environment.

use std::fmt::Write as _;
use std::time::Duration;

use super::hooks::HookFiles;
use crate::compile::{self, IdMaps, Mapper, Origin, Plan};
use crate::error::{At, Error, Kind, Op, Pointer, Result};
use crate::spec::IdMapping;
use crate::sys::scheduling;
use crate::sys::wait::Ending;

/// Where distributions install them; the last is NixOS's place for setuid programs.
const DIRECTORIES: [&str; 4] = ["/usr/bin", "/usr/local/bin", "/bin", "/run/wrappers/bin"];
/// How long one may take: it may ask a directory service.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writes the maps of `pid`'s user namespace while it waits.
pub(crate) fn write(plan: &Plan, pid: i32) -> Result<()> {
    let Some((IdMaps { uids, gids, uids_by, gids_by }, at)) = &plan.id_maps else { return Ok(()) };
    one(pid, "uid_map", *uids_by, uids, at.key("uidMappings"))?;
    one(pid, "gid_map", *gids_by, gids, at.key("gidMappings"))
}

/// Writes `pid`'s `oom_score_adj`.
pub(crate) fn write_oom_score(plan: &Plan, pid: i32) -> Result<()> {
    let Some((score, origin)) = &plan.oom_score_adj else { return Ok(()) };
    std::fs::write(format!("/proc/{pid}/oom_score_adj"), score.to_string())
        .map_err(|error| origin.error(nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))))
}

/// Sets the limits of `pid`, how it is scheduled, and how urgent its I/O is.
pub(crate) fn schedule(plan: &Plan, pid: i32) -> Result<()> {
    for (origin, limit) in &plan.rlimits {
        scheduling::set_limit(pid, limit.resource, limit.soft, limit.hard).map_err(|errno| origin.error(errno))?;
    }
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

fn one(pid: i32, file: &str, mapper: Mapper, mappings: &[IdMapping], field: Pointer) -> Result<()> {
    match mapper {
        Mapper::NewUidMap => return by_program("newuidmap", "/etc/subuid", pid, mappings, &field),
        Mapper::NewGidMap => return by_program("newgidmap", "/etc/subgid", pid, mappings, &field),
        // Otherwise a user could leave a group that forbids something (CVE-2014-8989).
        Mapper::Owner if file == "gid_map" => put(pid, "setgroups", "deny", &field)?,
        Mapper::Owner | Mapper::Parent => {}
    }
    let mut lines = String::new();
    for IdMapping { container_id, host_id, size } in mappings {
        // Writing to a String cannot fail.
        writeln!(lines, "{container_id} {host_id} {size}").ok();
    }
    put(pid, file, &lines, &field)
}

fn put(pid: i32, file: &str, text: &str, field: &Pointer) -> Result<()> {
    std::fs::write(format!("/proc/{pid}/{file}"), text).at(Op::IdMap).map_err(|error| {
        error.field(field.clone()).hint("mappings must not overlap, and need privilege over the host's ids")
    })
}

fn by_program(name: &'static str, ranges: &str, pid: i32, mappings: &[IdMapping], field: &Pointer) -> Result<()> {
    let candidates = DIRECTORIES.map(|directory| format!("{directory}/{name}"));
    let numbers = mappings.iter().flat_map(|map| [map.container_id, map.host_id, map.size]).map(|id| id.to_string());
    let args: Vec<String> = [name.to_owned(), pid.to_string()].into_iter().chain(numbers).collect();
    let origin = Origin::new(Op::IdMap).field(field).path(name);
    let plan = compile::program(&candidates, &args, &[""; 0], "/", &origin);
    let files = HookFiles::new()?;
    let ended = match files.run(&plan, Some(PATIENCE)) {
        Err(error) if error.errno() == Some(nix::errno::Errno::ENOENT) => return Err(missing(name, field)),
        ended => ended?,
    };
    let failed = |kind, message| Err(Error::new(kind, Op::IdMap).on(name).message(message));
    let said = files.said();
    match ended {
        Some(Ending::Code(0)) => Ok(()),
        None => failed(Kind::Timeout, format!("took longer than {} s and was killed{said}", PATIENCE.as_secs())),
        Some(Ending::Signal(signal)) => failed(Kind::System, format!("was killed by signal {signal}{said}")),
        Some(Ending::Code(code)) => failed(Kind::System, format!("ended with status {code}{said}")),
    }
    .map_err(|error| {
        let hint = format!(
            "the ranges of a user stand in {ranges}; the program must be setuid root, and no-new-privileges off"
        );
        match refused(&said, mappings) {
            Some(index) => error.adding(&format!(": see {ranges}")).field(field.index(index)).hint(hint),
            None => error.field(field.clone()).hint(hint),
        }
    })
}

/// Which mapping it is that `newuidmap` names: `uid range [1-65537) -> [100000-165536) not allowed`.
fn refused(said: &str, mappings: &[IdMapping]) -> Option<usize> {
    let end = |id: u32, size: u32| u64::from(id) + u64::from(size);
    mappings.iter().position(|map| {
        let IdMapping { container_id: inside, host_id: outside, size } = *map;
        said.contains(&format!("[{inside}-{}) -> [{outside}-{})", end(inside, size), end(outside, size)))
    })
}

fn missing(name: &str, field: &Pointer) -> Error {
    Error::new(Kind::Unsupported, Op::IdMap)
        .on(name)
        .field(field.clone())
        .message(format!("not installed in {}: it is in Debian's package uidmap", DIRECTORIES.join(", ")))
        .hint("without it a user can map their own id alone, with size 1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mapping_that_was_refused_is_found() {
        let map = |container_id, host_id, size| IdMapping { container_id, host_id, size };
        let mappings = [map(0, 1000, 1), map(1, 100_000, 65536)];
        let said = ", saying: newuidmap: uid range [1-65537) -> [100000-165536) not allowed";
        assert_eq!(refused(said, &mappings), Some(1));
        assert_eq!(refused(", saying: newuidmap: write to uid_map failed", &mappings), None);
    }
}
