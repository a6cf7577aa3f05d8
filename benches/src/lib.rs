//! Orlop side by side with runc, crun, youki and the floor, on the same bundle, in one run.
//!
//! Comes in: the runtimes found on this machine. Goes out: a table, a chart, and whether the budgets hold. Figures of
//! different runs are never compared: a ratio is taken between two runtimes in the same round of the same run.
//!
//! [`place`] is where it all happens (private mounts, scratch directory, cleaning up); [`runtime`] knows how each is
//! called and [`call`] calls it; [`bundle`] makes what they are given. [`rounds`] takes times, [`memory`] and
//! [`syscalls`] what can be weighed and counted, [`scale`] the price of a busy host. [`stats`] condenses, [`figures`]
//! collects, [`table`], [`chart`] and [`budgets`] tell.

pub mod budgets;
pub mod bundle;
pub mod call;
pub mod chart;
pub mod failure;
pub mod figures;
pub mod memory;
pub mod place;
pub mod rounds;
pub mod runtime;
pub mod scale;
pub mod stats;
pub mod syscalls;
pub mod table;
