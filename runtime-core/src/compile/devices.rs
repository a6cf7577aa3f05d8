//! Device nodes and the links in `/dev` that every container has (config-linux.md, "Default Devices", "Devices").
//!
//! A node in `linux.devices` may be opened only where `linux.resources.devices` allows it, as in runc and crun.

use std::borrow::Cow;

use orlop_plan::{Slot, Step};

use super::mounts::{Layout, MS_PRIVATE};
use super::plan::{Open, Origin, Plan, c};
use super::rootfs::propagate;
use crate::error::{Op, Pointer};
use crate::spec::{Device, DeviceKind, Namespace, NamespaceKind, Spec};

/// Path, major, minor of the devices of every container (config-linux.md, "Default Devices"; `/dev/console` is the
/// terminal's affair).
const DEFAULT: [(&str, u32, u32); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/tty", 5, 0),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
];

const LINKS: [(&str, &str); 6] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/core", "/proc/kcore"),
    ("/dev/ptmx", "pts/ptmx"),
];

/// All nodes and links.
pub(crate) fn all<'c>(spec: &Spec<'c>, layout: &Layout, plan: &mut Plan) {
    if !layout.devices {
        return;
    }
    // A user namespace may not make nodes: there the host's own are shown.
    let binds = *spec.linux.namespaces.get(NamespaceKind::User) != Namespace::Host;
    let wanted = |path: &str| !spec.linux.devices.iter().any(|device| device.path == path);
    for device in
        DEFAULT.iter().filter(|(path, ..)| wanted(path)).map(default).chain(spec.linux.devices.iter().cloned())
    {
        let origin = Origin::new(Op::Device).field(&device.at).path(&device.path);
        match binds && device.kind != DeviceKind::Fifo {
            true => bind(&device, layout, plan, &origin),
            false => make(&device, layout, plan, &origin),
        }
    }
    let origin = Origin::new(Op::Device).field(&Pointer::new("/linux/devices"));
    for (path, target) in LINKS {
        let (root, path) = layout.place(path);
        plan.push(Step::Symlink { root, path: &c(path), target: &c(target) }, &origin);
    }
}

fn default<'c>((path, major, minor): &(&'static str, u32, u32)) -> Device<'c> {
    Device {
        at: Pointer::new("/linux/devices"),
        path: Cow::Borrowed(path),
        kind: DeviceKind::Char,
        major: *major,
        minor: *minor,
        mode: 0o666,
        uid: 0,
        gid: 0,
    }
}

fn make(device: &Device<'_>, layout: &Layout, plan: &mut Plan, origin: &Origin) {
    let kind = match device.kind {
        DeviceKind::Char => libc::S_IFCHR,
        DeviceKind::Block => libc::S_IFBLK,
        DeviceKind::Fifo => libc::S_IFIFO,
    };
    let (root, path) = layout.place(&device.path);
    let step = Step::Mknod {
        root,
        path: &c(path),
        mode: kind | device.mode & 0o7777,
        device: libc::makedev(device.major, device.minor),
        uid: device.uid,
        gid: device.gid,
    };
    plan.push(step, origin);
}

fn bind(device: &Device<'_>, layout: &Layout, plan: &mut Plan, origin: &Origin) {
    let origin = origin.clone().hint("in a user namespace a device node of the host is shown: it must exist there");
    let tree: Slot = plan.open(Open::Tree { path: c(&device.path), recursive: false }, &origin);
    // In the host's peer group, whatever the container mounts on its node would appear on the host's.
    plan.push(propagate(tree, MS_PRIVATE), &origin);
    let (root, path) = layout.place(&device.path);
    plan.push(Step::Attach { mount: tree, root, path: &c(path), create: 2 }, &origin);
}
