//! Control groups: what the container may use, and the set its processes are counted in (config-linux.md, "Control groups").
//!
//! In: `linux.resources`, `linux.cgroupsPath` and the [`Layout`] of this machine. [`plan`] decides: every directory, every file and
//! every byte, without a system call. [`Cgroup`] acts: it makes, opens, freezes, kills and removes.
//!
//! With [`Systemd`] the directory is a scope that systemd makes: [`plan_unit`] decides, [`Cgroup::start`] asks for it once init is there.
//!
//! Nothing here writes the pid of another process to `cgroup.procs`: that waits for an RCU grace period, 15 ms here. On
//! cgroup v1 init writes `0` to the `tasks` files of [`Cgroup::joins`]; on v2 it is born in [`Cgroup::birthplace`].

mod below;
mod control;
mod cpuset;
mod create;
mod delegate;
mod device_list;
mod device_program;
#[cfg(test)]
mod device_properties;
mod devices;
mod enable;
mod exceeded;
mod file;
mod freeze;
#[cfg(test)]
mod golden;
mod kill;
mod layout;
mod limits;
mod oom;
mod permission;
mod plan;
mod print;
mod remove;
mod stats;
mod systemd;
mod v1;
mod v2;
mod write;

pub use create::Cgroup;
pub use device_program::Instruction;
pub use exceeded::Exceeded;
pub(crate) use layout::below;
pub use layout::{Hierarchy, Layout, Unified};
pub use oom::OomWatch;
pub use plan::{Dir, Enable, Fits, Missing, Plan, Write, nothing, plan, update_plan};
pub use stats::{
    Blkio, BlkioEntry, Cpu, CpuUsage, Cpuset, Hugetlb, IntelRdt, Memory, MemoryUsage, Pids, Pressure, Rdma, Stall,
    Stats, Throttling,
};
pub(crate) use systemd::PROPERTY_ANNOTATIONS;
pub use systemd::{Property, Scope, Systemd, Unit, Value, named as named_unit, plan as plan_unit};
