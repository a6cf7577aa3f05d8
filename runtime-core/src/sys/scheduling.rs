//! `sched_setattr(2)`, `ioprio_set(2)` and `prlimit(2)` on another process.
#![allow(unsafe_code, reason = "system calls that no crate offers")]

use nix::errno::Errno;

/// `struct sched_attr` of Linux 5.3, 56 bytes: flags that clamp the utilization are refused with a shorter one.
#[repr(C)]
struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    times: [u64; 3],
    util: [u32; 2],
}

/// Sets the policy of a process; the times are runtime, deadline and period.
pub(crate) fn set_policy(
    pid: i32,
    policy: u32,
    nice: i32,
    priority: u32,
    flags: u64,
    times: [u64; 3],
) -> Result<(), Errno> {
    const SIZE: u32 = size_of::<SchedAttr>() as u32;
    let mut attributes = SchedAttr { size: SIZE, policy, flags, nice, priority, times, util: [0; 2] };
    // SAFETY: the kernel reads as many bytes as `size` says, and writes that field where it knows a shorter struct.
    let answer = unsafe { libc::syscall(libc::SYS_sched_setattr, pid, &raw mut attributes, 0) };
    Errno::result(answer).map(drop)
}

/// Sets the class of a process's I/O and the priority in it.
pub(crate) fn set_io_priority(pid: i32, class: u32, priority: u32) -> Result<(), Errno> {
    const IOPRIO_WHO_PROCESS: libc::c_int = 1;
    const IOPRIO_CLASS_SHIFT: u32 = 13;
    let value = class << IOPRIO_CLASS_SHIFT | priority;
    // SAFETY: passes no pointers.
    let answer = unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, value) };
    Errno::result(answer).map(drop)
}

/// Sets a limit of a process; `resource` is a number of `RLIMIT_*`.
pub(crate) fn set_limit(pid: i32, resource: u32, soft: u64, hard: u64) -> Result<(), Errno> {
    let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the kernel reads one struct, and writes nowhere.
    let answer = unsafe { libc::syscall(libc::SYS_prlimit64, pid, resource, &raw const limit, 0) };
    Errno::result(answer).map(drop)
}
