//! `pause`: freezes every process of a container.

use super::container;
use crate::args::Call;
use crate::report::{DONE, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    container(call)?.pause()?;
    Ok(DONE)
}
