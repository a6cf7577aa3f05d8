//! `create`: a container whose process waits for `start`.

use super::{bundle, launch, runtime};
use crate::args::Call;
use crate::report::{DONE, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    runtime(call)?.create(call.id()?, &bundle(call)?, &launch(call)?)?;
    Ok(DONE)
}
