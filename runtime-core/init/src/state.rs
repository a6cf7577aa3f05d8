//! What init remembers between steps: open descriptors, the program it found, and whom it talks to.

use core::ffi::CStr;

use orlop_plan::{LOCAL_SLOTS, Plan, Slot};

use crate::dialogue::Dialogue;
use crate::sys::{self, Errno, Fd, OwnedFd, Result};
use crate::trace::Trace;

/// Everything that outlives a step.
pub(crate) struct State<'p> {
    pub(crate) plan: Plan<'p>,
    pub(crate) dialogue: Dialogue,
    pub(crate) trace: Trace,
    /// Index of the step that is being carried out.
    pub(crate) step: u32,
    /// What `Lookup` found; empty before, which `execve(2)` answers with ENOENT.
    pub(crate) program: &'p CStr,
    /// The working directory that is still to be entered.
    pub(crate) cwd: Option<&'p CStr>,
    /// The slot whose mount `Mask` has attached: from then on only clones of it are.
    pub(crate) cover: Slot,
    local: [Option<OwnedFd>; LOCAL_SLOTS],
}

impl<'p> State<'p> {
    pub(crate) fn new(plan: Plan<'p>, dialogue: Dialogue) -> Self {
        let trace = plan.fd(plan.trace).map_or(Trace::NONE, |fd| Trace::open(Fd(fd)));
        let local = [const { None }; LOCAL_SLOTS];
        Self { plan, dialogue, trace, step: 0, program: c"", cwd: None, cover: Slot::NONE, local }
    }

    /// The descriptor in a slot; EBADF where there is none.
    pub(crate) fn fd(&self, slot: Slot) -> Result<Fd> {
        let fd = match slot.local_index() {
            Some(index) => self.local.get(index).and_then(Option::as_ref).map(OwnedFd::fd),
            None => self.plan.fd(slot).map(Fd),
        };
        fd.ok_or(Errno::BADF)
    }

    /// Puts a descriptor into a local slot and closes what was in it.
    pub(crate) fn fill(&mut self, slot: Slot, fd: OwnedFd) -> Result<()> {
        *self.local(slot)? = Some(fd);
        if self.cover == slot {
            self.cover = Slot::NONE;
        }
        Ok(())
    }

    /// Takes the descriptor out of a local slot; EBADF where there is none.
    pub(crate) fn take(&mut self, slot: Slot) -> Result<OwnedFd> {
        self.local(slot)?.take().ok_or(Errno::BADF)
    }

    /// Closes every descriptor from `first` on but the dialogue and what lies in the given slots `kept`; these end at exec.
    pub(crate) fn close_others(&mut self, first: u32, kept: [Slot; 3]) -> Result<()> {
        for slot in &mut self.local {
            // Their descriptors are closed below, all at once.
            core::mem::forget(slot.take());
        }
        let [a, b, c] = kept.map(|slot| self.fd(slot).ok());
        let mut from = first;
        // Upwards: each round closes what lies below the lowest one left.
        while let Some(next) = [self.dialogue.fd(), a, b, c]
            .into_iter()
            .flatten()
            .map(|fd| fd.0.cast_unsigned())
            .filter(|fd| *fd >= from)
            .min()
        {
            if next > from {
                sys::close_range(from, next - 1)?;
            }
            sys::close_on_exec(Fd(next.cast_signed()))?;
            from = next + 1;
        }
        sys::close_range(from, u32::MAX)
    }

    fn local(&mut self, slot: Slot) -> Result<&mut Option<OwnedFd>> {
        slot.local_index().and_then(|index| self.local.get_mut(index)).ok_or(Errno::BADF)
    }
}
