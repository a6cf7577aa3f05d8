//! The directory in which the container finds the socket of `sd_notify(3)`, where its caller has one.

use orlop_plan::Step;

use super::Request;
use super::mounts::{Layout, MOUNT_ATTR_RDONLY, set_attributes};
use super::plan::{Open, Origin, Plan, c};
use super::rootfs::{inherit, local};
use super::tree;
use crate::error::{Error, Op, Pointer, Result};
use crate::host::Host;
use crate::spec::{Attributes, Spec};

/// Where the container finds it; the place is runc's.
pub(crate) const NOTIFY_DIRECTORY: &str = "/run/notify";
/// nosuid, nodev, noexec.
const NOTHING_BUT_SOCKETS: u64 = 0x2 | 0x4 | 0x8;

/// Mounts it last, so that no mount of the configuration covers it. The socket itself is made once somebody listens.
pub(super) fn mount(
    spec: &Spec<'_>,
    host: &Host,
    layout: &Layout,
    request: &Request<'_>,
    plan: &mut Plan,
) -> Result<()> {
    let Some(directory) = &request.notify else { return Ok(()) };
    if !layout.pivots {
        let message = "NOTIFY_SOCKET is mounted into the container, which needs a mount namespace";
        return Err(Error::unsupported(Pointer::new("/linux/namespaces"), message).hint("unset NOTIFY_SOCKET"));
    }
    let origin = Origin::new(Op::Notify).path(NOTIFY_DIRECTORY);
    let mount = match tree::is_parents(spec, host) {
        true => plan.open(Open::Notify, &origin),
        false => tree::open(directory.clone(), false, local::MOUNT, spec, host, plan, &origin),
    };
    inherit(spec, mount, plan, &origin);
    let attributes = Attributes { set: MOUNT_ATTR_RDONLY | NOTHING_BUT_SOCKETS, clear: 0 };
    set_attributes(mount, false, attributes, plan, &origin);
    let path = c(NOTIFY_DIRECTORY.trim_start_matches('/'));
    plan.push(Step::Attach { mount, root: layout.root, path: &path, create: 1 }, &origin);
    Ok(())
}
