//! The time of each step: init writes it into shared memory, this reads it back.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::MemfdFlags;

use crate::compile::Plan;
use crate::error::{At, Op, Result};
use crate::process::{Trace, TraceStep};

/// Memory for the times of one launch.
#[derive(Debug)]
pub(crate) struct Recorder(OwnedFd);

const WORD: usize = size_of::<u64>();

impl Recorder {
    /// Room for every step of `plan`, and for the beginning.
    pub(crate) fn new(plan: &Plan) -> Result<Self> {
        let memory = rustix::fs::memfd_create("orlop-trace", MemfdFlags::CLOEXEC).at(Op::Spawn)?;
        let len = u64::try_from((plan.origins.len() + 1) * WORD).unwrap_or(u64::MAX);
        rustix::fs::ftruncate(&memory, len).at(Op::Spawn)?;
        Ok(Self(memory))
    }

    /// The times so far. Steps that have not ended yet are left out.
    pub(crate) fn read(&self, plan: &Plan) -> Result<Trace> {
        let mut bytes = vec![0; (plan.origins.len() + 1) * WORD];
        rustix::io::pread(&self.0, &mut bytes[..], 0).at(Op::Spawn)?;
        let times: Vec<u64> =
            bytes.chunks_exact(WORD).filter_map(|word| word.try_into().ok()).map(u64::from_ne_bytes).collect();
        let began = times.first().copied().unwrap_or_default();
        let spans = times.iter().zip(times.iter().skip(1)).take_while(|(_, end)| **end != 0);
        let steps = plan.steps().zip(&plan.origins).zip(spans);
        let steps = steps.map(|(((_, step), origin), (start, end))| TraceStep {
            name: step.name().to_owned(),
            field: origin.field.as_ref().map(ToString::to_string),
            start_ns: start.saturating_sub(began),
            duration_ns: end.saturating_sub(*start),
        });
        Ok(Trace { steps: steps.collect() })
    }
}

impl AsFd for Recorder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
