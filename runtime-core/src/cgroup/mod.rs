//! Control groups: what the container may use, and the set its processes are counted in (config-linux.md, "Control groups").
//!
//! In: `linux.resources`, `linux.cgroupsPath` and the [`Layout`] of this machine. [`plan`] decides: every directory, every file and
//! every byte, without a system call. [`Cgroup`] acts: it makes, opens, freezes, kills and removes.
//!
//! Nothing here writes the pid of another process to `cgroup.procs`: that waits for an RCU grace period, 15 ms here. On
//! cgroup v1 init writes `0` to the `tasks` files of [`Cgroup::joins`]; on v2 it is born in [`Cgroup::birthplace`].

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
mod file;
mod freeze;
#[cfg(test)]
mod golden;
mod kill;
mod layout;
mod limits;
mod permission;
mod plan;
mod print;
mod remove;
mod v1;
mod v2;
mod write;

pub use create::Cgroup;
pub use device_program::Instruction;
pub(crate) use layout::below;
pub use layout::{Hierarchy, Layout, Unified};
pub use plan::{Dir, Enable, Fits, Missing, Plan, Write, plan, update_plan};
