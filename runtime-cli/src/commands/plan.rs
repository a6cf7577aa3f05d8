//! `plan`: what would be done for a bundle, step by step, without doing it.

use super::{bundle, launch, runtime};
use crate::args::Call;
use crate::report::{self, DONE, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    let id = call.operand(0)?.unwrap_or("plan");
    let plan = runtime(call)?.plan(id, &bundle(call)?, &launch(call)?)?;
    report::print(&plan.to_string())?;
    Ok(DONE)
}
