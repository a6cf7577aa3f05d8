//! What `/proc` says of a process (proc_pid_stat(5), proc_pid_status(5)).

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use rustix::fs::{CWD, Mode, OFlags};

/// 65536 groups (`NGROUPS_MAX`) and all the rest, in bytes.
const LONGEST_STATUS: usize = 1 << 20;

/// When the process began, in clock ticks since boot.
pub(crate) fn start_time(pid: i32) -> Result<u64, Errno> {
    Ok(stat(pid)?.began)
}

/// Whether the process that began at `start_time` is there, and not yet a zombie. One whose first thread alone has ended looks like
/// a zombie, and is none.
pub(crate) fn is_alive(pid: i32, start_time: u64) -> bool {
    stat(pid).is_ok_and(|stat| stat.began == start_time && (!matches!(stat.state, b'Z' | b'X') || stat.threads > 1))
}

/// Whether the process is still our init, and not yet the program. Where this process may not look, it is taken for that.
pub(crate) fn is_init(pid: i32) -> bool {
    let program = std::fs::read_link(format!("/proc/{pid}/exe"));
    program.map_or(true, |program| program.as_os_str().as_encoded_bytes().starts_with(b"/memfd:orlop-init"))
}

/// The process id inside its own, innermost pid namespace.
pub(crate) fn pid_inside(pid: i32) -> Result<i32, Errno> {
    // Longer than a page where the process is in many groups.
    let file = open(&format!("/proc/{pid}/status"))?;
    let text = super::file::read_all(file, LONGEST_STATUS).map_err(errno)?;
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find_map(|line| line.strip_prefix("NSpid:")).ok_or(Errno::EIO)?;
    line.split_whitespace().next_back().and_then(|pid| pid.parse().ok()).ok_or(Errno::EIO)
}

/// Every process in the pid namespace of `pid`, by its id in this one.
pub(crate) fn with_pids_of(pid: i32) -> std::io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        found.extend(number.filter(|other| shares_pids(*other, pid)));
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether two processes are in one pid namespace. Of one that is gone, or that this process may not look into, it is not said.
pub(crate) fn shares_pids(one: i32, other: i32) -> bool {
    let namespace = |pid: i32| std::fs::read_link(format!("/proc/{pid}/ns/pid"));
    matches!((namespace(one), namespace(other)), (Ok(one), Ok(other)) if one == other)
}

struct Stat {
    state: u8,
    threads: u64,
    began: u64,
}

/// Fields 3, 20 and 22.
fn stat(pid: i32) -> Result<Stat, Errno> {
    let text = read(&format!("/proc/{pid}/stat"))?;
    // The name, field 2, may hold spaces and parentheses: what follows the last one is safe.
    let (_, fields) = text.rsplit_once(") ").ok_or(Errno::EIO)?;
    let mut fields = fields.split(' ');
    let state = fields.next().and_then(|state| state.bytes().next()).ok_or(Errno::EIO)?;
    let mut number = |skipped| fields.nth(skipped).and_then(|number| number.parse().ok()).ok_or(Errno::EIO);
    Ok(Stat { state, threads: number(16)?, began: number(1)? })
}

fn read(path: &str) -> Result<String, Errno> {
    let bytes = super::file::read_some(&open(path)?).map_err(errno)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn open(path: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(errno)
}

fn errno(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw(errno.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_began_once() {
        let pid = std::process::id().cast_signed();
        let began = start_time(pid).unwrap();
        assert!(is_alive(pid, began));
        assert!(!is_alive(pid, began + 1));
        assert_eq!(start_time(i32::MAX), Err(Errno::ENOENT));
    }
}
