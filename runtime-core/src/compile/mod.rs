//! `Spec` + `Host` → `Plan`: every decision of a launch, and none of its system calls.
//!
//! Comes in: a valid [`Spec`], the facts of the [`Host`], and what the caller of `create`, `run` or `exec` asked for.
//! Goes out: a [`Plan`]. Touches nothing: no file, no descriptor, no clock, no environment.

mod cgroup_mount;
mod devices;
mod explain;
#[cfg(test)]
mod golden;
mod hooks;
mod id_map;
mod labels;
mod live_mounts;
mod mounts;
mod names;
mod namespaces;
mod notify;
mod plan;
mod process;
mod rootfs;
mod scheduling;
mod terminal;
mod tree;

use std::ffi::CString;

use orlop_plan::{Slot, Step};

use crate::cgroup;
use crate::error::{Op, Pointer, Result};
use crate::host::Host;
use crate::resctrl;
use crate::spec::{Process, Spec};

pub(crate) use cgroup_mount::is_read_only;
pub(crate) use id_map::keeper;
use labels::Labels;
pub(crate) use live_mounts::{add as add_mounts, remove as remove_mounts, undo as undo_mounts};
pub(crate) use notify::NOTIFY_DIRECTORY;
pub use plan::Plan;
pub(crate) use plan::{Barrier, IdMaps, LastSteps, Mapper, Open, Origin, block, c};
pub(crate) use process::NOT_IN_PATH;
pub(crate) use tree::{IN_ONE_GO, clones, copy_keeper};

/// What the caller of `create`, `run` or `exec` asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request<'r> {
    /// The container's id.
    pub(crate) id: &'r str,
    /// The bundle, absolute.
    pub(crate) bundle: CString,
    /// Where the terminal goes.
    pub(crate) terminal: Terminal,
    /// How many descriptors after the standard three stay open.
    pub(crate) preserve_fds: u32,
    /// `chroot(2)` in the place of `pivot_root(2)`.
    pub(crate) no_pivot: bool,
    /// The process stays in the caller's session keyring.
    pub(crate) no_new_keyring: bool,
    /// The container gets a socket for `sd_notify(3)`, in this directory of the host.
    pub(crate) notify: Option<CString>,
    /// Stop at the gate until `start`.
    pub(crate) gate: bool,
    /// Write down the time of each step.
    pub(crate) trace: bool,
    /// Who makes the cgroup.
    pub(crate) cgroups: Driver,
}

/// Who makes the cgroup of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Driver {
    /// This library.
    #[default]
    Cgroupfs,
    /// systemd: the host's, as [`Host`] has it.
    Systemd,
    /// Nobody.
    Disabled,
}

/// Where the terminal of a process goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// There is none.
    #[default]
    None,
    /// Over the console socket the caller named.
    ConsoleSocket,
    /// To the caller.
    Caller,
}

/// The launch of a container's first process.
pub(crate) fn create(spec: &Spec<'_>, host: &Host, request: &Request<'_>) -> Result<Plan> {
    let seccomp = spec.linux.seccomp.as_ref();
    let mut plan = Plan { warnings: spec.warnings.clone(), ..Plan::default() };
    let labels = Labels::of(&spec.process, spec, host)?;
    begin(request, &labels, &mut plan);
    join_cgroup(spec, host, request, &mut plan)?;
    if let Some(rdt) = &spec.linux.intel_rdt {
        plan.resctrl = Some(resctrl::plan(rdt, request.id, host.resctrl.as_deref())?);
        enter_resctrl(&mut plan);
    }
    namespaces::create(spec, host, &mut plan)?;
    let root = rootfs::open(spec, host, request, &mut plan)?;
    let layout = mounts::all(spec, host, request, root, &mut plan)?;
    notify::mount(spec, host, &layout, request, &mut plan)?;
    devices::all(spec, host, &layout, &mut plan)?;
    let peer = terminal::open(&spec.process, request, layout.root, &mut plan);
    if let Some(peer) = peer {
        terminal::show_console(peer, layout.root, &mut plan);
    }
    process::own_null(host, &layout, &mut plan);
    layout.seal(&mut plan);
    hooks::before_pivot(spec, &mut plan);
    rootfs::enter(spec, &layout, request, &mut plan);
    process::make_cwd(&spec.process, &mut plan);
    rootfs::finish(spec, &layout, &mut plan);
    namespaces::name(spec, host, &mut plan)?;
    scheduling::of_container(&spec.linux, &mut plan);
    let last = process::LastSlots::open(request, hooks::HookFiles::of_last(spec, &mut plan), &mut plan);
    process::enter(&spec.process, spec, host, peer, &labels, &last, &mut plan);
    process::stand_by(&spec.process, seccomp, &last, &mut plan);
    hooks::before_start(spec, request.gate, &mut plan);
    process::execute(&spec.process, host, seccomp, &last, &mut plan);
    Ok(plan)
}

/// The launch of a second process in a running container.
pub(crate) fn exec(spec: &Spec<'_>, process: &Process<'_>, host: &Host, request: &Request<'_>) -> Result<Plan> {
    let seccomp = spec.linux.seccomp.as_ref();
    let mut plan = Plan { warnings: spec.warnings.clone(), ..Plan::default() };
    let labels = Labels::of(process, spec, host)?;
    begin(request, &labels, &mut plan);
    for index in 0..host.target_cgroups {
        join_hierarchy(index, &mut plan);
    }
    if spec.linux.intel_rdt.is_some() {
        enter_resctrl(&mut plan);
    }
    scheduling::place(process, &mut plan);
    process::score(process, host, &mut plan);
    namespaces::join_target(spec, host, &mut plan);
    let root = rootfs::of_target(spec, host, &mut plan);
    let peer = terminal::open(process, request, root, &mut plan);
    rootfs::enter_target(spec, root, &mut plan);
    process::make_cwd(process, &mut plan);
    scheduling::of_container(&spec.linux, &mut plan);
    let last = process::LastSlots::open(request, hooks::HookFiles::NONE, &mut plan);
    process::enter(process, spec, host, peer, &labels, &last, &mut plan);
    process::stand_by(process, seccomp, &last, &mut plan);
    process::execute(process, host, seccomp, &last, &mut plan);
    Ok(plan)
}

/// The launch of a program of the host, such as a hook of the runtime's namespaces: the first of these paths that is one.
pub(crate) fn program(
    candidates: &[impl AsRef<str>],
    args: &[impl AsRef<str>],
    env: &[impl AsRef<str>],
    cwd: &str,
    origin: &Origin,
) -> Plan {
    service(candidates, args, env, cwd, &Service::default(), origin)
}

/// What a program of the host has that a hook has not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Service {
    /// In how many hierarchies of cgroup v1 it joins a container's cgroup.
    pub(crate) hierarchies: usize,
    /// How many descriptors after the standard three it is handed.
    pub(crate) handed_on: u32,
}

/// The same for one that does its work for a container, such as CRIU.
pub(crate) fn service(
    candidates: &[impl AsRef<str>],
    args: &[impl AsRef<str>],
    env: &[impl AsRef<str>],
    cwd: &str,
    service: &Service,
    origin: &Origin,
) -> Plan {
    let mut plan = Plan::default();
    plan.push(Step::ResetSignals {}, origin);
    for index in 0..service.hierarchies {
        join_hierarchy(index, &mut plan);
    }
    let first = service.handed_on.saturating_add(3);
    plan.push(Step::CloseOthers { first, gate: Slot::NONE, input: Slot::NONE, output: Slot::NONE }, origin);
    plan.push(Step::Chdir { path: &c(cwd) }, origin);
    let (candidates, args, env) = (block(candidates), block(args), block(env));
    plan.push(Step::Lookup { candidates: orlop_plan::Texts::from_block(&candidates) }, origin);
    let exec = Step::Exec { args: orlop_plan::Texts::from_block(&args), env: orlop_plan::Texts::from_block(&env) };
    plan.push(exec, origin);
    plan
}

fn begin(request: &Request<'_>, labels: &Labels<'_>, plan: &mut Plan) {
    let origin = Origin::new(Op::Process);
    plan.push(Step::ResetSignals {}, &origin);
    // Whoever can trace init could use what it still holds of the host (CVE-2016-9962): until exec, nobody can.
    plan.push(Step::Prctl { option: process::PR_SET_DUMPABLE, value: 0 }, &origin);
    plan.push(Step::Umask { mask: 0 }, &origin);
    if request.trace {
        plan.open(Open::Trace, &origin);
    }
    if !request.no_new_keyring {
        labels.of_keyring(plan);
        plan.push(Step::JoinKeyring { name: &c(&format!("_ses.{}", request.id)) }, &origin);
    }
}

fn join_cgroup(spec: &Spec<'_>, host: &Host, request: &Request<'_>, plan: &mut Plan) -> Result<()> {
    let linux = &spec.linux;
    let path = linux.cgroups_path.as_deref();
    let mut cgroup = match (request.cgroups, &host.systemd) {
        (Driver::Disabled, _) => return cgroup::nothing(&linux.resources, &host.cgroups),
        (Driver::Systemd, Some(systemd)) => {
            // A scope is made around a process, so init is born outside of it.
            let origin = Origin::new(Op::Cgroup).field(&Pointer::new("/linux/cgroupsPath"));
            plan.wait_for(Barrier::Unit, Step::Barrier {}, &origin);
            let mut cgroup = cgroup::plan_unit(spec, request.id, &host.cgroups, systemd)?;
            forgo_device_rules(host, &mut cgroup);
            cgroup
        }
        _ => {
            let mut cgroup = cgroup::plan(&linux.resources, path, request.id, &host.cgroups)?;
            forgo_device_rules(host, &mut cgroup);
            if host.cgroups.v2.as_ref().is_some_and(|v2| v2.inside) {
                cgroup.go_inside()?;
            }
            cgroup.leave_out(&host.closed_cgroups, path.is_some_and(|path| !path.is_empty()))?;
            cgroup
        }
    };
    for index in 0..cgroup.dirs.iter().filter(|dir| !dir.unified).count() {
        join_hierarchy(index, plan);
    }
    cgroup.owner = cgroup_mount::owner(spec);
    plan.cgroup = Some(cgroup);
    Ok(())
}

/// The parent moves init, before it has anything that a group could count.
fn enter_resctrl(plan: &mut Plan) {
    let origin = Origin::new(Op::Resctrl).field(&Pointer::new("/linux/intelRdt"));
    plan.wait_for(Barrier::Resctrl, Step::Barrier {}, &origin);
}

fn forgo_device_rules(host: &Host, cgroup: &mut cgroup::Plan) {
    if !host.caller.is_root() {
        cgroup.forgo_device_rules();
    }
}

fn join_hierarchy(index: usize, plan: &mut Plan) {
    let origin = Origin::new(Op::Cgroup).field(&Pointer::new("/linux/cgroupsPath"));
    let tasks = plan.open(Open::CgroupTasks(index), &origin);
    plan.push(Step::JoinCgroup { tasks }, &origin);
}
