//! Where init waits for its parent: at barriers during a launch, at the gate until somebody says `start`.

use orlop_plan::Slot;

use crate::dialogue::Dialogue;
use crate::state::State;
use crate::sys::{self, OwnedFd, Result};

/// Tells the parent, waits for its byte.
pub(crate) fn barrier(state: &State<'_>) -> Result<()> {
    state.dialogue.stand_at(state.step);
    Ok(())
}

/// Takes note of what who started the container has said.
pub(crate) fn hear_start(state: &State<'_>) -> Result<()> {
    state.dialogue.hear();
    Ok(())
}

/// Says that the container is created, and waits for the one that starts it. The first connection counts.
pub(crate) fn wait_at(state: &mut State<'_>, listener: Slot) -> Result<()> {
    let listener = state.take(listener).or_else(|_given| state.fd(listener).map(OwnedFd::new))?;
    state.dialogue.announce(state.step);
    state.dialogue.hang_up();
    let starter = sys::uninterrupted(|| sys::accept(listener.fd()))?;
    state.dialogue = Dialogue::new(starter);
    Ok(())
}
