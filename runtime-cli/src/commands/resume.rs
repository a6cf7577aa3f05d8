//! `resume`: thaws a paused container.

use super::container;
use crate::args::Call;
use crate::report::{DONE, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    container(call)?.resume()?;
    Ok(DONE)
}
