//! When and where the process runs, and how its I/O and memory are served.

use super::{Result, at, call, nr, plain};

/// `struct sched_attr` of Linux 5.3, 56 bytes: flags that clamp the utilization are refused with a shorter one.
#[repr(C)]
struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: u32,
    priority: u32,
    times: [u64; 3],
    util_min: u32,
    util_max: u32,
}

/// `sched_setattr(2)` on the calling thread; the times are runtime, deadline and period.
pub fn sched_setattr(policy: u32, nice: u32, priority: u32, flags: u64, times: [u64; 3]) -> Result<()> {
    const SIZE: u32 = size_of::<SchedAttr>() as u32;
    let mut attr = SchedAttr { size: SIZE, policy, flags, nice, priority, times, util_min: 0, util_max: 0 };
    // SAFETY: the kernel reads as many bytes as `size` says, and writes that field where it knows a shorter struct.
    unsafe { call(nr::SCHED_SETATTR, [0, at(&raw mut attr), 0]) }.map(drop)
}

/// `ioprio_set(2)` on the calling thread.
pub fn ioprio_set(class: u32, priority: u32) -> Result<()> {
    const IOPRIO_WHO_PROCESS: usize = 1;
    const IOPRIO_CLASS_SHIFT: u32 = 13;
    let value = class << IOPRIO_CLASS_SHIFT | priority;
    plain(nr::IOPRIO_SET, [IOPRIO_WHO_PROCESS, 0, value as usize]).map(drop)
}

pub fn personality(domain: u32) -> Result<()> {
    plain(nr::PERSONALITY, [domain as usize]).map(drop)
}

/// `set_mempolicy(2)`; `nodes` in whole words of eight bytes. The kernel reads one bit fewer than it is told.
pub fn set_mempolicy(mode: u32, nodes: &[u8]) -> Result<()> {
    let words = nodes.len() / 8;
    if words == 0 {
        return plain(nr::SET_MEMPOLICY, [mode as usize, 0, 0]).map(drop);
    }
    // SAFETY: the kernel reads `words` whole words, which the slice holds; it copies, so alignment does not matter.
    unsafe { call(nr::SET_MEMPOLICY, [mode as usize, at(nodes.as_ptr()), words * 64 + 1]) }.map(drop)
}

/// `sched_setaffinity(2)` on the calling thread.
pub fn sched_setaffinity(processors: &[u8]) -> Result<()> {
    // SAFETY: the kernel reads one live slice, or less of it; it copies, so alignment does not matter.
    unsafe { call(nr::SCHED_SETAFFINITY, [0, processors.len(), at(processors.as_ptr())]) }.map(drop)
}
