//! `start`: lets the process of a created container go.

use super::container;
use crate::args::Call;
use crate::report::{DONE, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    container(call)?.start()?;
    Ok(DONE)
}
