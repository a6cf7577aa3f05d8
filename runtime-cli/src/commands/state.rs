//! `state`: the state of a container, as the specification's JSON with runc's additions.

use super::container;
use crate::args::Call;
use crate::report::{self, DONE, Failure, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    let state = container(call)?.state()?;
    let text = serde_json::to_string_pretty(&state).map_err(|error| Failure::own(format!("write state: {error}")))?;
    report::print(&format!("{text}\n"))?;
    Ok(DONE)
}
