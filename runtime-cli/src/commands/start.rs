//! `start`: lets the process of a created container go.

use super::{container, let_go};
use crate::args::Call;
use crate::report::{DONE, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    let_go(call, &container(call)?)?;
    Ok(DONE)
}
