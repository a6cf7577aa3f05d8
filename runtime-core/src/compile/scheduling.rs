//! How the kernel treats the process: when it runs, when its I/O is done and what it
//! sees of the machine (config.md, "Process"; config-linux.md, "Memory Policy", "Personality").

use orlop_plan::{Bytes, Step};

use super::plan::{Barrier, Origin, Plan};
use crate::error::{Op, Pointer};
use crate::spec::{ExecAffinity, IoPriority, Linux, Process, Scheduler};

/// Everything `process` says about it, while init has every privilege it will ever have. In a user namespace that is not enough
/// (`CAP_SYS_NICE` of the first one is asked for): the parent does it there, with the limits that are left to it.
pub(crate) fn all(process: &Process<'_>, by_parent: bool, plan: &mut Plan) {
    if by_parent {
        return have_scheduled(process, plan);
    }
    if let Some(scheduler) = &process.scheduler {
        schedule(scheduler, plan);
    }
    if let Some(IoPriority { at, class, priority }) = &process.io_priority {
        plan.push(Step::IoPriority { class: *class, priority: *priority }, &io_origin(at));
    }
}

fn schedule(scheduler: &Scheduler, plan: &mut Plan) {
    let Scheduler { policy, nice, priority, flags, runtime, deadline, period, .. } = scheduler;
    let (policy, nice, priority, flags) = (*policy, nice.cast_unsigned(), *priority, *flags);
    let (runtime, deadline, period) = (*runtime, *deadline, *period);
    let origin = scheduler_origin(scheduler);
    plan.push(Step::Scheduler { policy, nice, priority, flags, runtime, deadline, period }, &origin);
}

fn have_scheduled(process: &Process<'_>, plan: &mut Plan) {
    plan.scheduler = process.scheduler.clone().map(|scheduler| (scheduler_origin(&scheduler), scheduler));
    plan.io_priority = process.io_priority.clone().map(|priority| (io_origin(&priority.at), priority));
    let rlimit = plan.rlimits.first().map(|(origin, _)| origin.clone());
    let scheduler = plan.scheduler.as_ref().map(|(origin, _)| origin.clone());
    let io_priority = plan.io_priority.as_ref().map(|(origin, _)| origin.clone());
    if let Some(origin) = rlimit.or(scheduler).or(io_priority) {
        plan.wait_for(Barrier::Scheduling, Step::Barrier {}, &origin);
    }
}

fn io_origin(at: &Pointer) -> Origin {
    Origin::new(Op::Process).field(at).path("I/O priority").hint("IOPRIO_CLASS_RT needs CAP_SYS_NICE")
}

fn scheduler_origin(scheduler: &Scheduler) -> Origin {
    // With CONFIG_RT_GROUP_SCHED a cgroup v1 has no real-time of its own (sched(7)).
    let hint = if scheduler.priority == 0 {
        "it may need CAP_SYS_NICE in the first user namespace"
    } else {
        "it needs CAP_SYS_NICE in the first user namespace and, on cgroup v1, resources.cpu.realtimeRuntime"
    };
    Origin::new(Op::Process).field(&scheduler.at).path("scheduler").hint(hint)
}

/// What `linux` says about every process of the container, before a filter that may forbid it.
pub(crate) fn of_container(linux: &Linux<'_>, plan: &mut Plan) {
    if let Some(personality) = linux.personality {
        let origin = Origin::new(Op::Process).field(&Pointer::new("/linux/personality")).path("personality");
        plan.push(Step::Personality { domain: personality.domain() }, &origin);
    }
    if let Some(policy) = &linux.memory_policy {
        let field = Pointer::new("/linux/memoryPolicy");
        let hint = "this needs a kernel with NUMA, and nodes that are there and in resources.cpu.mems";
        let origin = Origin::new(Op::Process).field(&field).path("memory policy").hint(hint);
        plan.push(Step::MemoryPolicy { mode: policy.mode, nodes: Bytes(&policy.nodes) }, &origin);
    }
}

/// As many processors as Linux can be built for (`CONFIG_MAXSMP`), in bytes of a mask.
const EVERY_PROCESSOR: [u8; 1024] = [0xff; 1024];

/// The processors of a process of `exec`, once it is in the container's cgroup. Where only the initial ones are given, they are
/// not to outlast that: "the container's default CPU affinity is used".
pub(crate) fn place(process: &Process<'_>, plan: &mut Plan) {
    let at = process.at.key("execCPUAffinity");
    let hint = "none of these processors is there, or the container's cpuset has none of them";
    let origin = |key| Origin::new(Op::Process).field(&at.key(key)).path("CPU affinity").hint(hint);
    let ExecAffinity { initial, last } = &process.exec_affinity;
    if !initial.is_empty() {
        plan.initial_affinity = Some((initial.clone(), origin("initial")));
    }
    match (initial.as_slice(), last.as_slice()) {
        ([], []) => {}
        (_, []) => plan.push(Step::Affinity { processors: Bytes(&EVERY_PROCESSOR) }, &origin("initial")),
        (_, last) => plan.push(Step::Affinity { processors: Bytes(last) }, &origin("final")),
    }
}
