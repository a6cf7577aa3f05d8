//! Which security modules this machine runs, asked only where the configuration wants their labels.

use crate::spec::{Process, Spec};

/// `selinuxfs` (statfs(2)).
const SELINUX_MAGIC: rustix::fs::FsWord = 0xf97c_ff8c;

/// Whether AppArmor is there and switched on. What an `exec` leaves out it has from the container.
pub(super) fn apparmor(process: &Process<'_>, spec: &Spec<'_>) -> bool {
    let wanted = process.apparmor_profile.is_some() || spec.process.apparmor_profile.is_some();
    wanted && std::fs::read("/sys/module/apparmor/parameters/enabled").is_ok_and(|answer| answer.starts_with(b"Y"))
}

/// Whether SELinux is to give a label, and can.
pub(super) fn selinux(process: &Process<'_>, spec: &Spec<'_>) -> bool {
    let labels = [&process.selinux_label, &spec.process.selinux_label, &spec.linux.mount_label];
    let wanted = labels.iter().any(|label| label.is_some());
    wanted && selinux_is_on()
}

/// Whether SELinux is there and switched on: then, and only then, its filesystem can be mounted.
pub(crate) fn selinux_is_on() -> bool {
    rustix::fs::statfs("/sys/fs/selinux").is_ok_and(|filesystem| filesystem.f_type == SELINUX_MAGIC)
}
