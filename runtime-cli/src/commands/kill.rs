//! `kill`: a signal for the container's process, or for all of its processes.

use super::container;
use crate::args::{Call, flags, signal};
use crate::report::{DONE, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    let text = call.operand(1)?.filter(|text| !text.is_empty()).unwrap_or("TERM");
    let signal = signal::number(text).ok_or_else(|| call.wrong(format!("unknown signal \"{text}\"")))?;
    container(call)?.kill(signal, call.on(&flags::ALL))?;
    Ok(DONE)
}
