//! The time of each step, left in memory that the parent shares.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::sys::{self, Fd};

/// `CLOCK_MONOTONIC` in nanoseconds: entry 0 before the first step, entry N + 1 after step N.
pub(crate) struct Trace(&'static [AtomicU64]);

impl Trace {
    pub(crate) const NONE: Self = Self(&[]);

    /// Over a file of 64-bit numbers. One that cannot be mapped traces nothing: a trace may not make a launch fail.
    pub(crate) fn open(fd: Fd) -> Self {
        let numbers = sys::fstat(fd).map(|stat| stat.size as usize / size_of::<u64>());
        Self(numbers.and_then(|count| sys::map_shared(fd, count)).unwrap_or(&[]))
    }

    pub(crate) fn stamp(&self, entry: u32) {
        if let Some(cell) = self.0.get(entry as usize) {
            cell.store(sys::now().unwrap_or(0), Ordering::Relaxed);
        }
    }
}
