//! Device nodes and the links in `/dev` that every container has (config-linux.md, "Default Devices", "Devices").
//!
//! A node in `linux.devices` may be opened only where `linux.resources.devices` allows it, as in runc and crun.

use std::borrow::Cow;

use orlop_plan::Step;

use super::mounts::{Layout, MS_PRIVATE};
use super::plan::{Origin, Plan, c};
use super::rootfs::{local, propagate};
use super::tree;
use crate::error::{Error, Op, Pointer, Result};
use crate::host::Host;
use crate::spec::{DEFAULT_DEVICES, Device, DeviceKind, Namespace, NamespaceKind, Spec};

const LINKS: [(&str, &str); 6] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/core", "/proc/kcore"),
    ("/dev/ptmx", "pts/ptmx"),
];

/// All nodes and links.
pub(crate) fn all<'c>(spec: &Spec<'c>, host: &Host, layout: &Layout, plan: &mut Plan) -> Result<()> {
    // A user namespace may not make nodes: there the host's own are shown.
    let binds = *spec.linux.namespaces.get(NamespaceKind::User) != Namespace::Host || !host.caller.is_root();
    // What the config puts there is the better one: `-v /dev/urandom:/dev/random`, say.
    let asked = |path: &str| {
        spec.linux.devices.iter().any(|device| device.path == path)
            || spec.mounts.iter().any(|mount| mount.destination == path)
    };
    let defaults = DEFAULT_DEVICES.iter().filter(|(path, ..)| !asked(path)).map(default);
    // A /dev of the host's is as the host has it; and a terminal of the container's comes from its own devpts.
    let wanted =
        |device: &Device<'_>| !device.path.starts_with("/dev/") || layout.devices && device.path != "/dev/ptmx";
    for device in defaults.chain(spec.linux.devices.iter().cloned()).filter(wanted) {
        let origin = Origin::new(Op::Device).field(&device.at).path(&device.path).hint(TAKEN);
        match binds && device.kind != DeviceKind::Fifo {
            true => bind(&device, spec, host, layout, plan, &origin)?,
            false => make(&device, layout, plan, &origin),
        }
    }
    let origin = Origin::new(Op::Device).field(&Pointer::new("/linux/devices"));
    for (path, target) in LINKS.into_iter().filter(|_| layout.devices) {
        let (root, path) = layout.place(path);
        plan.push(Step::Symlink { root, path: &c(path), target: &c(target) }, &origin);
    }
    Ok(())
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

fn bind(
    device: &Device<'_>,
    spec: &Spec<'_>,
    host: &Host,
    layout: &Layout,
    plan: &mut Plan,
    origin: &Origin,
) -> Result<()> {
    if let Some((path, found)) = host.other_devices.iter().find(|(path, _)| *path == device.path) {
        let kind = if device.kind == DeviceKind::Block { 'b' } else { 'c' };
        let wanted = format!("{kind} {}:{}", device.major, device.minor);
        return Err(
            Error::unsupported(device.at.clone(), format!("{path} of the host is {found}, not {wanted}")).hint(SHOWN)
        );
    }
    let origin = origin.clone().hint(SHOWN);
    let shown = tree::open(c(&device.path), false, local::MOUNT, spec, host, plan, &origin);
    // In the host's peer group, whatever the container mounts on its node would appear on the host's.
    plan.push(propagate(shown, MS_PRIVATE), &origin);
    let (root, path) = layout.place(&device.path);
    plan.push(Step::Attach { mount: shown, root, path: &c(path), create: 2 }, &origin);
    Ok(())
}

const TAKEN: &str = "a node that is there must be this device: what else is in its place stays, and is an error";
const SHOWN: &str = "in a user namespace no device node can be made: that of the host is shown, and must be there";
