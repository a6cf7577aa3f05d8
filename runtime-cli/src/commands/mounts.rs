//! `mounts`: other mounts for a container that is there, from a document.

use orlop::spec::{MountList, MountPoint};

use super::{document, runtime};
use crate::args::Call;
use crate::report::{DONE, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    let operand = |index| call.operand(index).map(Option::unwrap_or_default);
    let verb = operand(0)?;
    if !matches!(verb, "add" | "remove") {
        return Err(call.wrong(format!("unknown command {verb}: it is add or remove")));
    }
    let container = runtime(call)?.container(operand(1)?)?;
    let document = document(operand(2)?)?;
    match verb {
        "add" => container.add_mounts(&MountList::from_slice(&document)?)?,
        _ => container.remove_mounts(&MountPoint::list_from_slice(&document)?)?,
    }
    Ok(DONE)
}
