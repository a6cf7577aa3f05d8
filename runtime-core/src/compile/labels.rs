//! Labels of security modules: what the program is confined by (config.md, "Linux Process"), who may use its session keyring,
//! and what the files of new mounts show (config-linux.md, "Mount Label").
//!
//! A label is set through the verified procfs, never the container's (CVE-2019-16884, CVE-2025-52881). It waits in init for
//! `execve(2)`; hooks that init runs after that are confined by it too.

use std::ffi::CStr;

use orlop_plan::{Bytes, Slot, Step};

use super::namespaces;
use super::plan::{Origin, Plan, c};
use super::rootfs::local;
use crate::error::{Error, Op, Pointer, Result};
use crate::host::Host;
use crate::spec::{LabelOption, Mount, Process, Spec};

/// The labels of one process, each with the field it comes from.
#[derive(Debug, Default)]
pub(crate) struct Labels<'l> {
    apparmor: Option<(&'l str, Pointer)>,
    selinux: Option<(&'l str, Pointer)>,
}

impl<'l> Labels<'l> {
    /// Those of `process`. Where a second process has none of its own, it has the container's: to leave one out must not be the
    /// way out of it.
    pub(crate) fn of(process: &'l Process<'_>, spec: &'l Spec<'_>, host: &Host) -> Result<Self> {
        let apparmor = [process, &spec.process].into_iter().find_map(|process| {
            process.apparmor_profile.as_deref().map(|profile| (profile, process.at.key("apparmorProfile")))
        });
        let selinux = [process, &spec.process]
            .into_iter()
            .find_map(|process| process.selinux_label.as_deref().map(|label| (label, process.at.key("selinuxLabel"))));
        match (&apparmor, &selinux) {
            (Some((_, field)), _) if !host.apparmor => {
                Err(Error::unsupported(field.clone(), "AppArmor is not enabled on this machine").hint(NO_APPARMOR))
            }
            (_, Some((_, field))) if !host.selinux => Err(no_selinux(field)),
            _ => Ok(Self { apparmor, selinux }),
        }
    }

    /// Labels the keyring that the next step makes. `execve(2)` takes this back.
    pub(super) fn of_keyring(&self, plan: &mut Plan) {
        if let Some((label, field)) = &self.selinux {
            write(c"self/attr/keycreate", label.as_bytes(), label, field, SELINUX_HINT, plan);
        }
    }

    /// What the program runs under from its `execve(2)` on.
    pub(super) fn of_program(&self, plan: &mut Plan) {
        if let Some((profile, field)) = &self.apparmor {
            // A directory of its own since Linux 5.8: `attr/exec` may be another security module's.
            let value = format!("exec {profile}");
            write(c"self/attr/apparmor/exec", value.as_bytes(), profile, field, APPARMOR_HINT, plan);
        }
        if let Some((label, field)) = &self.selinux {
            write(c"self/attr/exec", label.as_bytes(), label, field, SELINUX_HINT, plan);
        }
    }
}

const NO_APPARMOR: &str = "take it out of config.json, or boot with AppArmor (apparmor=1 security=apparmor)";
const NO_SELINUX: &str = "take it out of config.json, or boot with SELinux and a policy (selinux=1 security=selinux)";
const APPARMOR_HINT: &str = "is this profile loaded? apparmor_parser(8) loads profiles, aa-status(8) lists them";
const SELINUX_HINT: &str = "does the policy know this label, and may this process give it?";

fn no_selinux(field: &Pointer) -> Error {
    Error::unsupported(field.clone(), "SELinux is not enabled on this machine").hint(NO_SELINUX)
}

/// Podman knows by the file, in such quotes, that it is the security module that refuses.
fn write(path: &'static CStr, value: &[u8], label: &str, field: &Pointer, hint: &'static str, plan: &mut Plan) {
    let words = format!("{label} in `/proc/{}`", path.to_string_lossy());
    let origin = Origin::new(Op::Label).field(field).path(&words).hint(hint);
    let dir = namespaces::procfs(plan);
    plan.push(Step::WriteFile { dir, path, value: Bytes(value) }, &origin);
}

const MOUNT_LABEL: Pointer = Pointer::new("/linux/mountLabel");

/// Refuses a label of mounts that this machine cannot give.
pub(super) fn check_mounts(spec: &Spec<'_>, host: &Host) -> Result<()> {
    match spec.linux.mount_label {
        Some(_) if !host.selinux => Err(no_selinux(&MOUNT_LABEL)),
        _ => Ok(()),
    }
}

/// Labels the new filesystem that is being configured.
pub(super) fn configure(spec: &Spec<'_>, plan: &mut Plan) {
    if let Some(label) = spec.linux.mount_label.as_deref() {
        let key = c(spec.annotated.label_option.name());
        plan.push(Step::FsconfigString { fs: local::FS, key: &key, value: &c(label) }, &mount_origin(label));
    }
}

/// Whether a filesystem takes a label as an option, and has none of its own there. procfs and sysfs keep the policy's labels; a
/// message queue is labelled once it is mounted, as in runc.
pub(super) fn takes_option(fstype: &str, mount: &Mount<'_>) -> bool {
    !matches!(fstype, "proc" | "sysfs" | "mqueue") && !mount.data.iter().any(|data| is_label(&data.key))
}

/// Labels a mount whose filesystem takes no label as an option.
pub(super) fn dress(mount: Slot, fstype: &str, spec: &Spec<'_>, plan: &mut Plan) {
    if let (Some(label), "mqueue") = (spec.linux.mount_label.as_deref(), fstype) {
        plan.push(Step::Setxattr { mount, name: c"security.selinux", value: &c(label) }, &mount_origin(label));
    }
}

fn mount_origin(label: &str) -> Origin {
    Origin::new(Op::Label).field(&MOUNT_LABEL).path(label).hint(SELINUX_HINT)
}

/// The value of an option of a mount as the kernel wants it here: mount(8) quotes a label, for the commas in it.
pub(super) fn unquoted<'v>(key: &str, value: &'v str) -> &'v str {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if is_label(key) => inner,
        _ => value,
    }
}

fn is_label(key: &str) -> bool {
    LabelOption::ALL.iter().any(|option| option.name() == key)
}
