//! Namespaces: born into, joined, named (config-linux.md, "Namespaces").

use orlop_plan::{Bytes, Slot, Step};

use super::plan::{Barrier, IdMaps, Mapper, Open, Origin, Plan, c};
use super::process;
use crate::error::{Error, Op, Pointer, Result};
use crate::host::{Host, User};
use crate::spec::{IdMapping, Namespace, NamespaceKind, PID_MAX, Spec};

const AT: Pointer = Pointer::new("/linux/namespaces");

/// Namespaces that init enters itself, once it is in its cgroup and has its identity.
const ENTERED_LATE: u32 = NamespaceKind::Cgroup.flag() | NamespaceKind::Time.flag();

/// The namespaces of a new container.
pub(crate) fn create(spec: &Spec<'_>, host: &Host, plan: &mut Plan) -> Result<()> {
    let namespaces = &spec.linux.namespaces;
    let user = namespaces.get(NamespaceKind::User);
    if let Some(sysctl) = spec.linux.network_sysctl().filter(|_| host.joins_own_network) {
        let message =
            format!("sysctl `{}` is the host's: the network namespace that is joined is its own", sysctl.path);
        return Err(Error::config(sysctl.at.clone(), message).hint("set it on the host"));
    }
    if let (Namespace::Join(path, field), true) = (namespaces.get(NamespaceKind::Mount), host.joins_own_mounts) {
        let message = "the mount namespace is the runtime's own: its root would become the container's";
        return Err(Error::config(field.clone(), message).on(&**path).hint(NO_NEW_ROOT));
    }
    if matches!(user, Namespace::Host) {
        needs_no_user_namespace(host)?;
        process::score(&spec.process, host, plan);
    }
    let mut late = 0;
    // The kernel gives the root of its message queues to whoever makes the namespace: root of the user namespace, once there is.
    let queues = if matches!(user, Namespace::New) { NamespaceKind::Ipc.flag() } else { 0 };
    for kind in NamespaceKind::ALL {
        match namespaces.get(kind) {
            Namespace::Host => {}
            Namespace::New if kind == NamespaceKind::User => match host.caller.user() {
                Some(caller) => map_first(spec, caller, plan)?,
                None => plan.namespaces |= kind.flag(),
            },
            Namespace::New if kind.flag() & ENTERED_LATE != 0 => late |= kind.flag(),
            Namespace::New if kind.flag() & queues != 0 => {}
            Namespace::New => plan.namespaces |= kind.flag(),
            Namespace::Join(path, field) => join(kind, path, field, plan),
        }
    }
    if late != 0 {
        plan.push(Step::Unshare { flags: late }, &Origin::new(Op::Namespace).field(&AT));
    }
    plan.pid_namespace_inside = !host.caller.is_root();
    if matches!(namespaces.get(NamespaceKind::Time), Namespace::New) {
        enter_time(spec, host, plan);
    }
    // From here on init cannot write its own files in /proc: it cannot be traced, so they belong to the host's root.
    match user {
        Namespace::Host => {}
        Namespace::New | Namespace::Join(..) if host.caller.user().is_some() => {
            process::score(&spec.process, host, plan);
            become_root(plan);
        }
        Namespace::New => map_ids(spec, plan),
        Namespace::Join(..) => become_root(plan),
    }
    if queues != 0 && matches!(namespaces.get(NamespaceKind::Ipc), Namespace::New) {
        plan.push(Step::Unshare { flags: queues }, &Origin::new(Op::Namespace).field(&AT));
    }
    if !matches!(user, Namespace::Host) && host.caller.user().is_none() {
        process::have_score_set(&spec.process, plan);
    }
    if matches!(namespaces.get(NamespaceKind::Network), Namespace::New) {
        plan.push(Step::LoopbackUp {}, &Origin::new(Op::Namespace).field(&AT).hint("brings the loopback interface up"));
    }
    if !spec.linux.net_devices.is_empty() {
        plan.net_devices.clone_from(&spec.linux.net_devices);
        let origin = Origin::new(Op::NetDevice).field(&Pointer::new("/linux/netDevices"));
        plan.wait_for(Barrier::NetDevices, Step::Barrier {}, &origin);
    }
    Ok(())
}

/// What to do in the place of joining a mount namespace that others need.
pub(super) const NO_NEW_ROOT: &str = "whoever is in a mount namespace gets the container's root: join one that was made for it \
                                      (unshare --mount), or leave the path out for a new one";

/// What is done to the host itself needs its root.
fn needs_no_user_namespace(host: &Host) -> Result<()> {
    match host.caller.user() {
        None => Ok(()),
        Some(_) => Err(Error::unsupported(AT, "without CAP_SYS_ADMIN a container needs a user namespace")
            .hint("add {\"type\": \"user\"} and mappings of your ids, as `orlop spec --rootless` does, or be root")),
    }
}

/// The namespaces of the container that `exec` enters: all at once through a pidfd (Linux 5.8).
pub(crate) fn join_target(spec: &Spec<'_>, host: &Host, plan: &mut Plan) {
    let own = |kind: &NamespaceKind| *spec.linux.namespaces.get(*kind) != Namespace::Host;
    let (pid, others): (Vec<_>, Vec<_>) =
        NamespaceKind::ALL.into_iter().filter(own).partition(|kind| *kind == NamespaceKind::Pid);
    if pid.is_empty() && others.is_empty() {
        return;
    }
    let origin = Origin::new(Op::Namespace).field(&AT);
    let target = plan.open(Open::Target, &origin);
    if !pid.is_empty() {
        plan.pid_namespace = Some(target);
    }
    plan.pid_namespace_inside = !host.caller.is_root();
    let mut flags = others.iter().fold(0, |flags, kind| flags | kind.flag());
    if host.caller.user().is_some() {
        // A pid namespace is joined before init is born, and by a user only with the privileges of the container's users.
        plan.user_namespace = Some(target);
        flags &= !NamespaceKind::User.flag();
    }
    if flags != 0 {
        plan.push(Step::Setns { ns: target, flags }, &origin);
    }
    if own(&NamespaceKind::User) {
        become_root(plan);
    }
}

/// Host name, domain name and sysctls: what the new namespaces are told about themselves.
pub(crate) fn name(spec: &Spec<'_>, host: &Host, plan: &mut Plan) -> Result<()> {
    if let Some(hostname) = &spec.hostname {
        let origin = Origin::new(Op::Hostname).field(&Pointer::new("/hostname"));
        plan.push(Step::Sethostname { name: &c(hostname) }, &origin);
    }
    if let Some(domainname) = &spec.domainname {
        let origin = Origin::new(Op::Hostname).field(&Pointer::new("/domainname"));
        plan.push(Step::Setdomainname { name: &c(domainname) }, &origin);
    }
    for sysctl in &spec.linux.sysctl {
        if host.shares_pid_max && sysctl.path == PID_MAX {
            let message = format!("sysctl `{PID_MAX}` is the host's: a pid namespace has its own since Linux 6.14");
            return Err(Error::unsupported(sysctl.at.clone(), message).hint("limit linux.resources.pids.limit instead"));
        }
        let origin = Origin::new(Op::Sysctl).field(&sysctl.at).path(&sysctl.path);
        let dir = procfs(plan);
        let path = c(&format!("sys/{}", sysctl.path));
        // Nothing written is nothing said: as a line the kernel takes it for an empty list, or refuses it.
        let value = if sysctl.value.is_empty() { "\n" } else { &sysctl.value };
        plan.push(Step::WriteFile { dir, path: &path, value: Bytes(value.as_bytes()) }, &origin);
    }
    Ok(())
}

/// The verified procfs that files of the kernel are written through, never the container's (CVE-2019-16884, CVE-2025-52881).
pub(crate) fn procfs(plan: &mut Plan) -> Slot {
    plan.open_once(Open::Procfs, &Origin::new(Op::Probe).path("/proc"))
}

fn join(kind: NamespaceKind, path: &str, field: &Pointer, plan: &mut Plan) {
    let origin = Origin::new(Op::Namespace)
        .field(field)
        .path(path)
        .hint("give the path of a namespace of this kind, such as /proc/PID/ns/NAME");
    let ns = plan.open(Open::Namespace { path: c(path), flag: kind.flag() }, &origin);
    match kind {
        NamespaceKind::Pid => plan.pid_namespace = Some(ns),
        NamespaceKind::User => plan.user_namespace = Some(ns),
        _ => plan.push(Step::Setns { ns, flags: kind.flag() }, &origin),
    }
}

/// For a user the namespace is there, and its ids are mapped, before init is born into it: the kernel lets them write only the
/// maps of a process that can be traced, and init never can be.
fn map_first(spec: &Spec<'_>, user: User, plan: &mut Plan) -> Result<()> {
    let linux = &spec.linux;
    let maps = IdMaps {
        uids: linux.uid_mappings.clone(),
        gids: linux.gid_mappings.clone(),
        uids_by: mapper(&linux.uid_mappings, user.uid, user.maps_uids, Mapper::NewUidMap),
        gids_by: mapper(&linux.gid_mappings, user.gid, user.maps_gids, Mapper::NewGidMap),
    };
    if maps.gids_by == Mapper::Owner && !spec.process.user.additional_gids.is_empty() {
        let field = spec.process.at.key("user").key("additionalGids");
        return Err(Error::unsupported(field, "a user cannot add groups").hint(process::GROUPS));
    }
    let origin = Origin::new(Op::IdMap).field(&Pointer::new("/linux"));
    plan.user_namespace = Some(plan.open(Open::IdMapNamespace(maps), &origin));
    Ok(())
}

/// Who writes a map: with the capability whoever has it, of the user's own id alone the user, of more the program for that.
fn mapper(mappings: &[IdMapping], own: u32, any: bool, program: Mapper) -> Mapper {
    match mappings {
        _ if any => Mapper::Parent,
        [IdMapping { host_id, size: 1, .. }] if *host_id == own => Mapper::Owner,
        _ => program,
    }
}

fn map_ids(spec: &Spec<'_>, plan: &mut Plan) {
    let linux = &spec.linux;
    let maps = IdMaps::by_parent(&linux.uid_mappings, &linux.gid_mappings);
    plan.id_maps = Some((maps, Pointer::new("/linux")));
    let origin = Origin::new(Op::IdMap).field(&Pointer::new("/linux/uidMappings"));
    plan.wait_for(Barrier::IdMaps, Step::Barrier {}, &origin);
    become_root(plan);
}

/// Takes id 0 of the user namespace just entered: the process came in with ids that are not mapped there.
fn become_root(plan: &mut Plan) {
    let origin = Origin::new(Op::User).field(&Pointer::new("/linux/uidMappings"));
    plan.push(Step::Setgid { gid: 0 }, &origin);
    plan.push(Step::Setuid { uid: 0 }, &origin);
}

/// The new time namespace is entered last: its offsets are written while nothing is in it, and `unshare` has made it for children
/// alone (time_namespaces(7)). Execution would enter it too, but from Linux 6.3 on, and for hooks and `exec` before it too late.
fn enter_time(spec: &Spec<'_>, host: &Host, plan: &mut Plan) {
    offset_clocks(spec, host, plan);
    let enter = Step::EnterNamespace {
        procfs: procfs(plan),
        path: c"self/ns/time_for_children",
        flags: NamespaceKind::Time.flag(),
    };
    plan.push(enter, &Origin::new(Op::Namespace).field(&AT));
}

fn offset_clocks(spec: &Spec<'_>, host: &Host, plan: &mut Plan) {
    let origin = Origin::new(Op::Namespace).field(&Pointer::new("/linux/timeOffsets"));
    let lines: String =
        spec.linux.time_offsets.iter().map(|(clock, secs, nanos)| format!("{clock} {secs} {nanos}\n")).collect();
    if !lines.is_empty() {
        process::write_own(c"self/timens_offsets", &lines, host, plan, &origin);
    }
}
