//! `delete`: removes what a stopped container left, or with `--force` any container.

use orlop::Kind;

use super::runtime;
use crate::args::{Call, flags};
use crate::report::{DONE, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    let force = call.on(&flags::FORCE);
    match runtime(call)?.container(call.id()?).and_then(|container| container.delete(force)) {
        // Engines force a delete without knowing how far an earlier one got.
        Err(error) if force && error.kind() == Kind::NotFound => Ok(DONE),
        done => done.map(|()| DONE).map_err(Into::into),
    }
}
