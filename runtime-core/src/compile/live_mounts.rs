//! Mounts of a container that is there: added as those of `create` are, taken out, and taken back.
//!
//! Init joins the container's namespaces as `exec` does, mounts or unmounts, and is ended. Destinations are resolved beneath the
//! root of the container's mount namespace; those of mounts to be taken out through no symlink at all, for a link that somebody put
//! there would choose what is uncovered: a masked path, for one.

use orlop_plan::{Slot, Step};

use super::plan::{Barrier, Open, Origin, Plan, below_root};
use super::rootfs::local;
use super::{Request, mounts, namespaces, process, rootfs, tree};
use crate::error::{Error, Op, Pointer, Result};
use crate::host::Host;
use crate::spec::{MountKind, MountPoint, Namespace, NamespaceKind, Spec};

const AT: Pointer = Pointer::new("mounts");

/// Adds the mounts of `spec`, which are not those it was created with. Init hands each to the parent, which can take it back.
pub(crate) fn add(spec: &Spec<'_>, host: &Host, request: &Request<'_>) -> Result<Plan> {
    check(spec, host)?;
    let mut plan = Plan { warnings: spec.warnings.clone(), ..Plan::default() };
    let root = enter(spec, host, &mut plan)?;
    let socket = plan.open(Open::Added, &Origin::new(Op::Mount).field(&AT));
    mounts::in_running(spec, host, request, root, socket, &mut plan)?;
    end(&mut plan);
    Ok(plan)
}

/// Takes out what is mounted at these places, the deepest first: all are looked up before the first goes.
pub(crate) fn remove(spec: &Spec<'_>, host: &Host, points: &[MountPoint<'_>]) -> Result<Plan> {
    let mut plan = Plan::default();
    let root = enter(spec, host, &mut plan)?;
    let procfs = namespaces::procfs(&mut plan);
    let mut points: Vec<_> = points.iter().collect();
    points.sort_by_key(|point| std::cmp::Reverse(point.destination.split('/').count()));
    let mut opened = Vec::new();
    for (point, number) in points.into_iter().zip(local::KEPT..) {
        let at = point.at.key("destination");
        if point.destination == "/" {
            return Err(Error::unsupported(at, "the root filesystem cannot be taken out"));
        }
        if number >= local::LAST {
            return Err(Error::unsupported(at, "too many mounts to take out at once"));
        }
        let origin = Origin::new(Op::Unmount).field(&at).path(&point.destination).hint(LINKS);
        let to = Slot::local(number);
        plan.push(Step::OpenMount { root, path: &below_root(&point.destination), to }, &origin);
        opened.push((to, origin));
    }
    for (mount, origin) in opened {
        plan.push(Step::Unmount { mount, procfs }, &origin);
    }
    end(&mut plan);
    Ok(plan)
}

/// Takes back the first `count` mounts that [`add`] made, the last first.
pub(crate) fn undo(spec: &Spec<'_>, host: &Host, count: usize) -> Result<Plan> {
    let mut plan = Plan::default();
    let origin = Origin::new(Op::Unmount).field(&AT);
    enter(spec, host, &mut plan)?;
    let procfs = namespaces::procfs(&mut plan);
    let added: Vec<_> = (0..count).map(|number| plan.open(Open::TakenBack(number), &origin)).collect();
    for mount in added.into_iter().rev() {
        plan.push(Step::Unmount { mount, procfs }, &origin);
    }
    end(&mut plan);
    Ok(plan)
}

const LINKS: &str = "name the place of a mount itself, through no symlink";

/// What cannot be done to a container that is there.
fn check(spec: &Spec<'_>, host: &Host) -> Result<()> {
    for mount in &spec.mounts {
        let (field, message) = match &mount.kind {
            MountKind::Remount => ("options", "what is mounted there already stays as it is: take it out, then add it"),
            MountKind::Cgroup => ("type", "cgroups are mounted when a container is created"),
            MountKind::Bind { .. } if !tree::is_parents(spec, host) => (
                "source",
                "needs the host's root: nobody else may clone a mount of the host for a container that is there",
            ),
            MountKind::Filesystem { fstype, .. } if fstype == "sysfs" && !tree::is_parents(spec, host) => {
                ("type", "needs the host's root in a container that is there")
            }
            MountKind::Bind { .. } | MountKind::Filesystem { .. } => continue,
        };
        return Err(Error::unsupported(mount.at.key(field), message));
    }
    Ok(())
}

/// Into the container's namespaces; its root.
fn enter(spec: &Spec<'_>, host: &Host, plan: &mut Plan) -> Result<Slot> {
    if *spec.linux.namespaces.get(NamespaceKind::Mount) == Namespace::Host {
        let message = "the container has no mount namespace: it would be done to the host's mounts";
        return Err(Error::unsupported(AT, message));
    }
    let origin = Origin::new(Op::Process);
    plan.push(Step::ResetSignals {}, &origin);
    // Nobody in the container can trace it, and so have what it holds of the host.
    plan.push(Step::Prctl { option: process::PR_SET_DUMPABLE, value: 0 }, &origin);
    plan.push(Step::Umask { mask: 0 }, &origin);
    namespaces::join_target(spec, host, plan);
    Ok(rootfs::of_target(spec, host, plan))
}

/// The parent learns that all is done, and ends it.
fn end(plan: &mut Plan) {
    plan.wait_for(Barrier::Ready, Step::Barrier {}, &Origin::new(Op::Mount).field(&AT));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::MountList;

    const CONFIG: &[u8] = br#"{"ociVersion": "1.3.0", "root": {"path": "r"}, "process": {"args": ["a"], "cwd": "/"},
        "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}}"#;

    /// The lines of a plan that stand for its purpose.
    fn lines(plan: &Plan, names: &[&str]) -> Vec<String> {
        let text = plan.to_string();
        let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        words.filter(|line| names.iter().any(|name| line.contains(name))).collect()
    }

    #[test]
    fn each_mount_is_handed_over_once_it_is_attached() {
        let document = br#"[{"destination": "/a", "source": "/s", "options": ["bind"]}, {"destination": "/a/b", "type": "tmpfs"}]"#;
        let list = MountList::from_slice(document).unwrap();
        let spec = Spec::from_slice(CONFIG).unwrap().with_mounts(&list).unwrap();
        let plan = add(&spec, &Host::default(), &Request::default()).unwrap();
        let expected = [
            "open mounts that were added, to the parent → h2 # mounts",
            "open tree /s → h3 # mounts/0/source",
            "3 setns h1 mount # /linux/namespaces",
            "6 move-mount h3 → fd5:a # mounts/0/destination",
            "7 send-fd h3 over h2 # mounts/0/destination",
            "11 move-mount fd1 → fd5:a/b # mounts/1/destination",
            "12 send-fd fd1 over h2 # mounts/1/destination",
        ];
        assert_eq!(lines(&plan, &["setns", "move-mount", "send-fd", "open mounts", "open tree"]), expected);
    }

    #[test]
    fn the_deepest_goes_first_and_none_before_all_are_found() {
        let points = MountPoint::list_from_slice(br#"[{"destination": "/a"}, {"destination": "/a/b"}]"#).unwrap();
        let spec = Spec::from_slice(CONFIG).unwrap();
        let plan = remove(&spec, &Host::default(), &points).unwrap();
        let expected = [
            "5 open-mount fd5:a/b → fd9 # mounts/1/destination",
            "6 open-mount fd5:a → fd10 # mounts/0/destination",
            "7 unmount fd9 # mounts/1/destination",
            "8 unmount fd10 # mounts/0/destination",
        ];
        assert_eq!(lines(&plan, &["mount fd"]), expected);
        let plan = undo(&spec, &Host::default(), 2).unwrap();
        assert_eq!(lines(&plan, &["unmount"]), ["5 unmount h4 # mounts", "6 unmount h3 # mounts"]);
    }

    #[test]
    fn a_container_in_the_hosts_mount_namespace_is_left_alone() {
        let config = br#"{"ociVersion": "1.3.0", "root": {"path": "r"}, "process": {"args": ["a"], "cwd": "/"}}"#;
        let spec = Spec::from_slice(config).unwrap();
        let points = MountPoint::list_from_slice(br#"[{"destination": "/a"}]"#).unwrap();
        let refusal = remove(&spec, &Host::default(), &points).unwrap_err();
        assert!(refusal.to_string().contains("has no mount namespace"), "{refusal}");
    }
}
