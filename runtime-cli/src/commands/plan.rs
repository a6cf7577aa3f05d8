//! `plan`: what would be done for a bundle, step by step, without doing it.

use super::{bundle, launch, runtime};
use crate::args::Call;
use crate::report::{self, DONE, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    let bundle = call.operand(0)?.map_or_else(|| bundle(call), |path| Ok(path.into()))?;
    let plan = runtime(call)?.plan("plan", &bundle, &launch(call)?)?;
    report::print(&plan.to_string())?;
    Ok(DONE)
}
