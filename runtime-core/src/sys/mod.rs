//! Safe wrappers for the system calls that neither nix nor rustix offers, or not in the form needed here. One file each.

pub(crate) mod affinity;
pub(crate) mod bpf;
pub(crate) mod file;
pub(crate) mod mount;
pub(crate) mod mountinfo;
pub(crate) mod netlink;
pub(crate) mod nsfs;
pub(crate) mod pidfd;
pub(crate) mod proc_stat;
pub(crate) mod scheduling;
pub(crate) mod streams;
pub(crate) mod wait;
