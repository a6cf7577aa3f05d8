//! Hooks: those of the runtime run while init waits, those of the container are steps of init
//! (config.md, "POSIX-platform Hooks").

use orlop_plan::{Slot, Step, Texts};

use super::plan::{Barrier, Open, Origin, Plan, block, c};
use crate::error::{Op, Pointer};
use crate::spec::{Hook, Spec};

/// `prestart`, `createRuntime` and `createContainer`, once the mounts are there and before the root is entered.
pub(crate) fn before_pivot(spec: &Spec<'_>, plan: &mut Plan) {
    let hooks = &spec.hooks;
    if !hooks.prestart.is_empty() || !hooks.create_runtime.is_empty() {
        let origin = Origin::new(Op::Hook).field(&Pointer::new("/hooks/createRuntime"));
        plan.wait_for(Barrier::RuntimeHooks, Step::Barrier {}, &origin);
    }
    if hooks.create_container.is_empty() && hooks.start_container.is_empty() {
        return;
    }
    let files = HookFiles::open(plan);
    for hook in &hooks.create_container {
        run(hook, files, plan);
    }
}

/// `startContainer`, in the container, as its last deed before the program.
pub(crate) fn before_start(spec: &Spec<'_>, gate: bool, plan: &mut Plan) {
    if spec.hooks.start_container.is_empty() {
        return;
    }
    let files = HookFiles::open(plan);
    if !gate {
        // At a gate the parent says so once init is ready.
        let origin = Origin::new(Op::Hook).field(&Pointer::new("/hooks/startContainer"));
        plan.wait_for(Barrier::Created, Step::Barrier {}, &origin);
    }
    for hook in &spec.hooks.start_container {
        run(hook, files, plan);
    }
}

/// What hooks read and write: the container's state, and the words that an error is to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HookFiles {
    pub(crate) input: Slot,
    pub(crate) output: Slot,
}

impl HookFiles {
    pub(crate) const NONE: Self = Self { input: Slot::NONE, output: Slot::NONE };

    /// Those that the last hooks still need once everything else is closed.
    pub(crate) fn of_last(spec: &Spec<'_>, plan: &mut Plan) -> Self {
        match spec.hooks.start_container.is_empty() {
            true => Self::NONE,
            false => Self::open(plan),
        }
    }

    fn open(plan: &mut Plan) -> Self {
        Self { input: hook_state(plan), output: plan.open_once(Open::HookOutput, &Origin::new(Op::Hook)) }
    }
}

fn run(hook: &Hook<'_>, files: HookFiles, plan: &mut Plan) {
    let origin = Origin::new(Op::Hook).field(&hook.at).path(&hook.path);
    let (args, env) = (block(&hook.args), block(&hook.env));
    let millis = hook.timeout.map_or(0, |timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
    let step = Step::Hook {
        path: &c(&hook.path),
        args: Texts::from_block(&args),
        env: Texts::from_block(&env),
        timeout: millis,
        state: files.input,
        output: files.output,
    };
    plan.push(step, &origin);
}

/// The file that hooks read the container's state from, filled by the parent while init waits.
fn hook_state(plan: &mut Plan) -> Slot {
    let origin = Origin::new(Op::Hook).field(&Pointer::new("/hooks"));
    let opened = plan.opens.iter().any(|(open, _)| *open == Open::HookState);
    let state = plan.open_once(Open::HookState, &origin);
    if !opened {
        plan.wait_for(Barrier::HookState, Step::Barrier {}, &origin);
    }
    state
}
