//! `features`: what this runtime can do (features.md).

use super::print_json;
use crate::args::Call;
use crate::report::{DONE, Outcome};

pub(crate) fn run(_: &Call) -> Outcome {
    print_json(&orlop::features())?;
    Ok(DONE)
}
