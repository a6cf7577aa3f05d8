//! The launch plan: the only words that Orlop's library and its init have in common.
//!
//! The library compiles a configuration to a flat list of [`Step`]s and encodes it; init maps the bytes and carries the
//! steps out in order. Everything is computed beforehand: a step is one system call, or one bounded routine around one.
//! No OCI word appears here, nothing allocates, and no byte sequence can make [`Plan::read`] or [`Steps`] panic.

#![no_std]

mod step;
mod word;

pub use step::Step;
pub use word::{Bytes, Malformed, Slot, Texts, Word};

use word::Reader;

/// The first bytes of every plan; the last one is the version of the encoding.
pub const MAGIC: u32 = u32::from_le_bytes(*b"orl\x01");

/// How many slots init has of its own, beside those its parent filled.
pub const LOCAL_SLOTS: usize = 64;

/// The slot of the socket that init and its parent talk over.
pub const DIALOGUE: Slot = Slot::given(0);

/// What init tells its parent, eight bytes in the machine's byte order.
///
/// `errno` 0: init stands at the barrier or gate `step` and waits for one byte. Above 0: `step` failed with that errno.
/// Below 0: the program that `step` ran ended with the status `-errno` (256 + N for signal N).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Index of the step in the plan; [`Report::NO_STEP`] when the plan itself is not one.
    pub step: u32,
    /// The kernel's answer.
    pub errno: i32,
}

impl Report {
    /// The length of an encoded report in bytes.
    pub const LEN: usize = 8;
    /// Stands for the plan as a whole.
    pub const NO_STEP: u32 = u32::MAX;

    /// The eight bytes.
    #[must_use]
    pub fn encode(self) -> [u8; Self::LEN] {
        let [a, b, c, d] = self.step.to_ne_bytes();
        let [e, f, g, h] = self.errno.to_ne_bytes();
        [a, b, c, d, e, f, g, h]
    }

    /// Reads the eight bytes; `None` for any other length.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (step, errno) = bytes.split_first_chunk::<4>()?;
        Some(Self { step: u32::from_ne_bytes(*step), errno: i32::from_ne_bytes(errno.try_into().ok()?) })
    }
}

/// An encoded plan, opened for reading.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'p> {
    /// The file descriptors behind the given slots, as `i32`s.
    fds: &'p [u8],
    /// Where the time of each step goes, if anywhere.
    pub trace: Slot,
    /// The steps.
    pub steps: Steps<'p>,
}

impl<'p> Plan<'p> {
    /// Opens an encoded plan.
    ///
    /// # Errors
    /// [`Malformed`] where the bytes are not a whole plan of this version.
    pub fn read(bytes: &'p [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if u32::read(&mut reader)? != MAGIC || u32::read(&mut reader)? as usize != bytes.len() {
            return Err(Malformed);
        }
        let trace = Slot::read(&mut reader)?;
        let fds = Bytes::read(&mut reader)?.0;
        Ok(Self { fds, trace, steps: Steps { rest: reader } })
    }

    /// The descriptor behind a given slot.
    #[must_use]
    pub fn fd(&self, slot: Slot) -> Option<i32> {
        let at = slot.index()?.checked_mul(4)?;
        let bytes = self.fds.get(at..at.checked_add(4)?)?;
        Some(i32::from_ne_bytes(bytes.try_into().ok()?))
    }

    /// Writes a whole plan: `steps` are encoded steps, `fds` the descriptors behind the given slots, in order.
    pub fn write(fds: &[i32], trace: Slot, steps: &[u8], out: &mut impl Extend<u8>) {
        let fd_bytes = fds.len() * 4;
        let len = 4 + 4 + 2 + 4 + fd_bytes + steps.len();
        MAGIC.write(out);
        u32::try_from(len).unwrap_or(u32::MAX).write(out);
        trace.write(out);
        u32::try_from(fd_bytes).unwrap_or(u32::MAX).write(out);
        fds.iter().for_each(|fd| out.extend(fd.to_ne_bytes()));
        out.extend(steps.iter().copied());
    }
}

/// Walks over encoded steps without copying.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'p> {
    rest: Reader<'p>,
}

impl<'p> Steps<'p> {
    /// Over steps that no header stands before.
    #[must_use]
    pub fn new(encoded: &'p [u8]) -> Self {
        Self { rest: Reader::new(encoded) }
    }
}

impl<'p> Iterator for Steps<'p> {
    type Item = Result<Step<'p>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let step = Step::read(&mut self.rest);
        if step.is_err() {
            self.rest = Reader::new(&[]);
        }
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn sample() -> Vec<u8> {
        let mut steps = Vec::new();
        Step::Sethostname { name: c"web" }.write(&mut steps);
        Step::Setgroups { gids: Bytes(&[1, 0, 0, 0]) }.write(&mut steps);
        Step::Exec { args: Texts::from_block(b"sh\0-c\0\0"), env: Texts::from_block(b"") }.write(&mut steps);
        let mut plan = Vec::new();
        Plan::write(&[7, 9], Slot::NONE, &steps, &mut plan);
        plan
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = sample();
        let plan = Plan::read(&bytes).unwrap();
        assert_eq!((plan.fd(Slot::given(1)), plan.fd(Slot::given(2)), plan.fd(Slot::local(0))), (Some(9), None, None));
        let steps: Vec<_> = plan.steps.map(Result::unwrap).collect();
        assert_eq!(steps[0], Step::Sethostname { name: c"web" });
        let Step::Exec { args, .. } = steps[2] else { panic!("{:?}", steps[2]) };
        assert_eq!(args.iter().collect::<Vec<_>>(), [c"sh", c"-c", c""]);
    }

    #[test]
    fn a_plan_cut_short_is_malformed() {
        let bytes = sample();
        for len in 0..bytes.len() {
            assert_eq!(Plan::read(&bytes[..len]).err(), Some(Malformed), "{len}");
        }
    }

    #[test]
    fn steps_cut_short_end_with_malformed() {
        let bytes = sample();
        let steps = &bytes[4 + 4 + 2 + 4 + 8..];
        for len in 1..steps.len() {
            let read: Vec<_> = Steps::new(&steps[..len]).collect();
            assert!(read.len() <= 3);
            assert!(read.iter().rev().skip(1).all(Result::is_ok), "only the last may be malformed");
        }
    }

    #[test]
    fn a_report_is_eight_bytes() {
        let report = Report { step: 3, errno: 22 };
        assert_eq!(Report::decode(&report.encode()), Some(report));
        assert_eq!(Report::decode(&report.encode()[..7]), None);
    }
}
