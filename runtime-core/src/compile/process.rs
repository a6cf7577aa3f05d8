//! The process: its limits, identity, privileges and program (config.md, "Process").
//!
//! `create` and `exec` share every line of this: capabilities in particular are computed here and nowhere else
//! (CVE-2022-29162, CVE-2025-27612).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;

use orlop_plan::{Bytes, Slot, Step, Texts};

use super::hooks::HookFiles;
use super::labels::Labels;
use super::mounts::Layout;
use super::plan::{Barrier, Open, Origin, Plan, block, c};
use super::rootfs::local;
use super::{Request, namespaces, scheduling, terminal};
use crate::error::{Op, Pointer};
use crate::host::Host;
use crate::spec::{Capabilities, Namespace, NamespaceKind, Process, Rlimit, Seccomp, Spec, Warning};

pub(crate) const PR_SET_DUMPABLE: u32 = 4;
pub(crate) const PR_SET_KEEPCAPS: u32 = 8;
pub(crate) const PR_SET_NO_NEW_PRIVS: u32 = 38;
pub(crate) const PR_CAP_AMBIENT: u32 = 47;
pub(crate) const PR_CAP_AMBIENT_CLEAR_ALL: u64 = 4;

/// Everything between the container's root and the program, up to the last privilege.
pub(crate) fn enter(
    process: &Process<'_>,
    spec: &Spec<'_>,
    host: &Host,
    peer: Option<Slot>,
    labels: &Labels<'_>,
    last: &LastSlots,
    plan: &mut Plan,
) {
    let seccomp = spec.linux.seccomp.as_ref();
    let at = |key| Origin::new(Op::Process).field(&process.at.key(key));
    plan.push(Step::Setsid {}, &at("terminal"));
    match peer {
        Some(peer) => terminal::adopt(peer, process, plan),
        None => own_streams(process, host, plan),
    }
    work_in(process, plan);
    // Before a filter that may forbid it, and before the privileges go. In a user namespace it has too few of them.
    let by_parent = *spec.linux.namespaces.get(NamespaceKind::User) != Namespace::Host;
    limit(process, by_parent && host.caller.is_root(), plan);
    scheduling::all(process, by_parent, plan);
    labels.of_program(plan);
    if process.no_new_privileges {
        plan.push(Step::Prctl { option: PR_SET_NO_NEW_PRIVS, value: 1 }, &at("noNewPrivileges"));
    } else {
        // Without no-new-privs a filter needs CAP_SYS_ADMIN: it goes in while that is still there.
        if closes_early(process, seccomp) {
            close_others(last, plan);
        }
        filter(seccomp, host, plan);
    }
    become_user(process, spec, host, plan);
    if is_users_own(process) {
        plan.push(Step::ChdirLeft {}, &cwd_origin(process));
    }
    look_up(process, plan);
    if process.no_new_privileges && notifies(seccomp) {
        filter(seccomp, host, plan);
    }
}

/// Sets `oom_score_adj`, before a user namespace is joined: the kernel asks for privilege in the host's (proc_oom_score_adj(5)).
/// A user's process, whose own file is root's, is born with it.
pub(crate) fn score(process: &Process<'_>, host: &Host, plan: &mut Plan) {
    let Some(score) = process.oom_score_adj else { return };
    if host.caller.user().is_some() {
        plan.oom_score_adj = Some((score, score_origin(process)));
        return;
    }
    write_own(c"self/oom_score_adj", &score.to_string(), host, plan, &score_origin(process));
}

/// Writes a file that `/proc` has of init itself. As nobody may trace init it belongs to root, whom alone it lets in; for a user
/// init can be traced meanwhile. It must not be in a user namespace with others then: they could (CVE-2016-9962).
pub(super) fn write_own(path: &CStr, value: &str, host: &Host, plan: &mut Plan, origin: &Origin) {
    let dir = namespaces::procfs(plan);
    let write = Step::WriteFile { dir, path, value: Bytes(value.as_bytes()) };
    if host.caller.user().is_none() {
        return plan.push(write, origin);
    }
    plan.push(Step::Prctl { option: PR_SET_DUMPABLE, value: 1 }, origin);
    plan.push(write, origin);
    plan.push(Step::Prctl { option: PR_SET_DUMPABLE, value: 0 }, origin);
}

/// Has the parent set it: a process born in a user namespace lacks that privilege.
pub(crate) fn have_score_set(process: &Process<'_>, plan: &mut Plan) {
    let Some(score) = process.oom_score_adj else { return };
    let origin = score_origin(process);
    plan.wait_for(Barrier::OomScore, Step::Barrier {}, &origin);
    plan.oom_score_adj = Some((score, origin));
}

fn score_origin(process: &Process<'_>) -> Origin {
    let field = process.at.key("oomScoreAdj");
    Origin::new(Op::Process).field(&field).path("oom_score_adj").hint("lowering it needs CAP_SYS_RESOURCE")
}

/// Makes the working directory if it is missing, as engines expect, while the root can still be written to.
pub(crate) fn make_cwd(process: &Process<'_>, plan: &mut Plan) {
    if process.cwd != "/" {
        plan.push(Step::MakeCwd { path: &c(&process.cwd) }, &cwd_origin(process));
    }
}

/// What the last steps need, and the caller of the program: all else is closed before them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastSlots {
    preserve_fds: u32,
    gate: Option<Slot>,
    hooks: HookFiles,
}

impl LastSlots {
    /// Opens the gate, if there is one.
    pub(crate) fn open(request: &Request<'_>, hooks: HookFiles, plan: &mut Plan) -> Self {
        let gate = request.gate.then(|| plan.open(Open::Gate, &Origin::new(Op::Start)));
        Self { preserve_fds: request.preserve_fds, gate, hooks }
    }
}

/// Lets go of everything of the host's but what the last steps need (CVE-2016-9962, CVE-2024-21626); then says ready, and
/// waits at the gate for `start`, if there is one.
pub(crate) fn stand_by(process: &Process<'_>, seccomp: Option<&Seccomp<'_>>, last: &LastSlots, plan: &mut Plan) {
    if !closes_early(process, seccomp) {
        close_others(last, plan);
    }
    if let Some(listener) = last.gate {
        plan.wait_for(Barrier::Ready, Step::Gate { listener }, &Origin::new(Op::Start));
    }
}

/// Whether all else is closed before the filter, which may refuse close_range(2): Linux 5.9 is younger than many a profile. A
/// filter with a listener is sent over a socket after it went in; one with no-new-privs comes last.
fn closes_early(process: &Process<'_>, seccomp: Option<&Seccomp<'_>>) -> bool {
    !process.no_new_privileges && seccomp.is_some() && !notifies(seccomp)
}

fn close_others(last: &LastSlots, plan: &mut Plan) {
    let first = last.preserve_fds.saturating_add(3);
    let HookFiles { input, output } = last.hooks;
    let gate = last.gate.unwrap_or(Slot::NONE);
    plan.push(Step::CloseOthers { first, gate, input, output }, &Origin::new(Op::Start));
}

/// The program takes the place of init. Where there is none, nobody is let past the gate.
pub(crate) fn execute(
    process: &Process<'_>,
    host: &Host,
    seccomp: Option<&Seccomp<'_>>,
    last: &LastSlots,
    plan: &mut Plan,
) {
    if process.args.is_empty() {
        return;
    }
    limit_files(process, plan);
    if last.gate.is_some() {
        plan.push(Step::HearStart {}, &Origin::new(Op::Start));
    }
    if process.no_new_privileges && !notifies(seccomp) {
        filter(seccomp, host, plan);
    }
    let args = block(&process.args);
    let home = host.home.as_ref().map(|home| format!("HOME={home}"));
    let env = block(variables(&process.env).into_iter().chain(home.as_deref()));
    let step = Step::Exec { args: Texts::from_block(&args), env: Texts::from_block(&env) };
    plan.push(step, &program(process));
}

/// The environment without a name twice, which programs read differently: the later value, where the name first stood.
fn variables<'e>(env: &'e [std::borrow::Cow<'_, str>]) -> Vec<&'e str> {
    let name = |variable: &'e str| variable.split('=').next().unwrap_or_default();
    let mut places = BTreeMap::new();
    let mut all: Vec<&str> = Vec::with_capacity(env.len());
    for variable in env.iter().map(AsRef::<str>::as_ref) {
        let place = *places.entry(name(variable)).or_insert(all.len());
        match all.get_mut(place) {
            Some(earlier) => *earlier = variable,
            None => all.push(variable),
        }
    }
    all
}

fn program(process: &Process<'_>) -> Origin {
    let origin = Origin::new(Op::Exec).field(&process.at.key("args"));
    process.args.first().map_or(origin.clone(), |name| origin.path(name))
}

/// Streams that the host handed in belong to the user, as `docker run --user` expects of `/dev/stdout`.
fn own_streams(process: &Process<'_>, host: &Host, plan: &mut Plan) {
    let origin = Origin::new(Op::Process).field(&process.at.key("user"));
    for stream in host.streams_to_own.iter().copied() {
        plan.push(Step::ChownStream { stream, uid: process.user.uid }, &origin);
    }
}

/// What the process has of the host's `/dev/null` is of its own `/dev` instead, where that is new: CRIU finds no file that lies
/// outside of the container.
pub(crate) fn own_null(host: &Host, layout: &Layout, plan: &mut Plan) {
    let (dev, path) = layout.place("/dev/null");
    for stream in host.null_streams.iter().copied().filter(|_| path == "null") {
        plan.push(Step::NullStream { root: dev, path: &c(path), stream }, &Origin::new(Op::Process));
    }
}

/// The working directory is inside the root (CVE-2024-21626). As root, who may enter where the user may not; where it is the other
/// way round, as on NFS with root_squash, once more as the user. So does runc.
fn work_in(process: &Process<'_>, plan: &mut Plan) {
    let path = &c(&process.cwd);
    match is_users_own(process) {
        true => plan.push(Step::TryChdir { path }, &cwd_origin(process)),
        false => plan.push(Step::Chdir { path }, &cwd_origin(process)),
    }
}

/// Whether the working directory may be one that the user alone can enter.
fn is_users_own(process: &Process<'_>) -> bool {
    process.user.uid != 0 && process.cwd != "/"
}

fn cwd_origin(process: &Process<'_>) -> Origin {
    Origin::new(Op::Cwd).field(&process.at.key("cwd")).path(&process.cwd)
}

fn limit(process: &Process<'_>, by_parent: bool, plan: &mut Plan) {
    for rlimit in &process.rlimits {
        let origin = Origin::new(Op::Rlimit).field(&rlimit.at).hint("raising a hard limit needs CAP_SYS_RESOURCE");
        let Rlimit { resource, soft, hard, .. } = *rlimit;
        let soft = match is_too_low(rlimit) {
            true if hard < FEW_FILES => continue,
            true => FEW_FILES,
            false => soft,
        };
        match by_parent {
            true => plan.rlimits.push((origin, Rlimit { soft, ..rlimit.clone() })),
            false => plan.push(Step::Setrlimit { resource, soft, hard }, &origin),
        }
    }
}

const RLIMIT_NOFILE: u32 = 7;
/// As many descriptors as the steps up to the program may need: a lower limit comes after them. To lower it needs no privilege.
const FEW_FILES: u64 = 64;

fn is_too_low(rlimit: &Rlimit) -> bool {
    rlimit.resource == RLIMIT_NOFILE && rlimit.soft < FEW_FILES
}

fn limit_files(process: &Process<'_>, plan: &mut Plan) {
    for rlimit in process.rlimits.iter().filter(|rlimit| is_too_low(rlimit)) {
        let step = Step::Setrlimit { resource: rlimit.resource, soft: rlimit.soft, hard: rlimit.hard };
        plan.push(step, &Origin::new(Op::Rlimit).field(&rlimit.at));
    }
}

fn filter(seccomp: Option<&Seccomp<'_>>, host: &Host, plan: &mut Plan) {
    let (Some(_), Some(filter)) = (seccomp, &host.seccomp) else { return };
    let origin = Origin::new(Op::Seccomp).field(&Pointer::new("/linux/seccomp"));
    match notifies(seccomp) {
        true => listen(filter.flags, Bytes(&filter.bytes), &origin, plan),
        false => plan.push(Step::Seccomp { flags: filter.flags, filter: Bytes(&filter.bytes) }, &origin),
    }
}

/// Whether the filter has a listener. Then it goes in before the start gate, even with no-new-privs: the parent, who hands the
/// listener on, is there for `create` and no more for `start`.
fn notifies(seccomp: Option<&Seccomp<'_>>) -> bool {
    seccomp.is_some_and(Seccomp::notifies)
}

/// From the filter on, any call of init may wait for an answer, so the listener is sent at once, by the one call that
/// cannot be notified (`sendmsg`). The parent, told just before, listens for nothing else until it has handed it on: whatever
/// init calls next is answered.
fn listen(flags: u32, filter: Bytes<'_>, origin: &Origin, plan: &mut Plan) {
    let path = Origin::new(Op::Seccomp).field(&Pointer::new("/linux/seccomp/listenerPath"));
    let socket = plan.open(Open::Listener, &path);
    plan.wait_for(Barrier::Listener, Step::Barrier {}, &path);
    // The kernel takes both flags only if told how to answer when threads differ (Linux 5.7). Init has one thread.
    let answer = if flags & TSYNC != 0 { TSYNC_ESRCH } else { 0 };
    let origin = match flags & WAIT_KILLABLE_RECV {
        0 => origin.clone(),
        _ => origin.clone().hint("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs Linux 5.19"),
    };
    plan.push(Step::SeccompListener { flags: flags | answer, filter, to: local::LISTENER }, &origin);
    plan.push(Step::SendFd { socket, fd: local::LISTENER, name: c"seccompFd" }, &path);
    plan.push(Step::Close { slot: local::LISTENER }, &path);
}

/// `SECCOMP_FILTER_FLAG_*` of `linux/seccomp.h`.
const TSYNC: u32 = 1 << 0;
const TSYNC_ESRCH: u32 = 1 << 4;
const WAIT_KILLABLE_RECV: u32 = 1 << 5;

fn become_user(process: &Process<'_>, spec: &Spec<'_>, host: &Host, plan: &mut Plan) {
    let user = &process.user;
    let at = process.at.key("user");
    let origin = |key| Origin::new(Op::User).field(&at.key(key));
    let capabilities = granted(process, host, plan);
    let privileges = Origin::new(Op::Capabilities).field(&process.at.key("capabilities"));
    // What an init of a new user namespace was born with must not outlive it here.
    plan.push(Step::Prctl { option: PR_CAP_AMBIENT, value: PR_CAP_AMBIENT_CLEAR_ALL }, &privileges);
    if capabilities.inheritable & !capabilities.bounding != 0 {
        // Inheritable can only be what was bounding when it became so, and stays it afterwards (capabilities(7)).
        let all = host.capabilities;
        let inheritable = capabilities.inheritable;
        plan.push(Step::Capset { effective: all, permitted: all, inheritable }, &privileges);
    }
    plan.push(Step::DropBounding { drop: !capabilities.bounding }, &privileges);
    plan.push(Step::Prctl { option: PR_SET_KEEPCAPS, value: 1 }, &privileges);
    if !spec.annotated.keep_original_groups {
        set_groups(&user.additional_gids, spec, host, &origin("additionalGids"), plan);
    }
    plan.push(Step::Setgid { gid: user.gid }, &origin("gid"));
    plan.push(Step::Setuid { uid: user.uid }, &origin("uid"));
    let Capabilities { effective, permitted, inheritable, ambient, .. } = capabilities;
    plan.push(Step::Capset { effective, permitted, inheritable }, &privileges);
    if ambient != 0 {
        plan.push(Step::RaiseAmbient { raise: ambient }, &privileges);
    }
    plan.push(Step::Umask { mask: user.umask.unwrap_or(0o022) }, &origin("umask"));
}

/// In a user namespace that forbids it (`/proc/PID/setgroups`, user_namespaces(7)) no group can be added, nor let go of.
fn set_groups(groups: &[u32], spec: &Spec<'_>, host: &Host, origin: &Origin, plan: &mut Plan) {
    let confined = *spec.linux.namespaces.get(NamespaceKind::User) != Namespace::Host || !host.caller.is_root();
    if confined && groups.is_empty() {
        return plan.push(Step::DropGroups {}, origin);
    }
    let origin = match confined {
        true => origin.clone().hint(GROUPS),
        false => origin.clone(),
    };
    let mut seen = BTreeSet::new();
    let gids = groups.iter().filter(|gid| seen.insert(**gid));
    let gids: Vec<u8> = gids.flat_map(|gid| gid.to_ne_bytes()).collect();
    plan.push(Step::Setgroups { gids: Bytes(&gids) }, &origin);
}

/// What a user needs to add groups.
pub(super) const GROUPS: &str = "groups need gidMappings that have them, of a range of /etc/subgid or made by root: a user's own group alone forbids others";

/// What can be granted of what is asked for. What cannot is a warning, not an error (config.md, `capabilities`).
fn granted(process: &Process<'_>, host: &Host, plan: &mut Plan) -> Capabilities {
    let asked = process.capabilities;
    let mask = host.capabilities;
    let missing = (asked.bounding | asked.effective | asked.permitted | asked.inheritable | asked.ambient) & !mask;
    if missing != 0 {
        let names: Vec<_> =
            Capabilities::names().filter(|(bit, _)| missing & 1 << bit != 0).map(|(_, name)| name).collect();
        let message = format!("cannot be granted here: {}", names.join(", "));
        plan.warnings.push(Warning { field: process.at.key("capabilities"), message });
    }
    Capabilities {
        bounding: asked.bounding & mask,
        effective: asked.effective & mask,
        inheritable: asked.inheritable & mask,
        permitted: asked.permitted & mask,
        ambient: asked.ambient & mask,
    }
}

/// The names under which the program may be found: itself, or itself in each directory of its own `PATH`.
fn look_up(process: &Process<'_>, plan: &mut Plan) {
    let Some(name) = process.args.first() else { return };
    let origin = program(process);
    if name.contains('/') {
        let candidates = block([name]);
        plan.push(Step::Lookup { candidates: Texts::from_block(&candidates) }, &origin);
        return;
    }
    let path = process.env.iter().rev().find_map(|variable| variable.strip_prefix("PATH=")).unwrap_or_default();
    let directories = path.split(':').filter(|directory| directory.starts_with('/'));
    let candidates = block(directories.map(|directory| format!("{}/{name}", directory.trim_end_matches('/'))));
    plan.push(Step::Lookup { candidates: Texts::from_block(&candidates) }, &origin.hint(NOT_IN_PATH));
}

/// Engines match on these words (`executable file not found in $PATH`).
pub(crate) const NOT_IN_PATH: &str = "executable file not found in $PATH";

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::variables;

    #[test]
    fn of_two_variables_of_one_name_the_later_value_stands_first() {
        let env = ["A=1", "B", "A=2=3", "AB=4", "B=5"].map(Cow::Borrowed);
        assert_eq!(variables(&env), ["A=2=3", "B=5", "AB=4"]);
    }

    /// As many as the kernel takes: for each its namesake is found without going through all others.
    #[test]
    fn very_many_variables_are_no_trouble() {
        let env: Vec<Cow<'_, str>> =
            (0..200_000).map(|number| Cow::Owned(format!("V{}={number}", number % 150_000))).collect();
        let kept = variables(&env);
        assert_eq!((kept.len(), kept.first(), kept.last()), (150_000, Some(&"V0=150000"), Some(&"V149999=149999")));
    }
}
