//! The values a step is made of, and how each stands in an encoded plan.

use core::ffi::CStr;

/// The bytes are not a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A place in which a file descriptor lies.
///
/// Given slots were filled by the parent before init began, local ones are filled by steps. Filling a local slot again
/// closes what was in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(u16);

impl Slot {
    /// No descriptor.
    pub const NONE: Self = Self(u16::MAX);
    const LOCAL: u16 = 0x8000;

    /// The slot that the parent's descriptor number `index` lies in.
    #[must_use]
    pub const fn given(index: u16) -> Self {
        Self(index & !Self::LOCAL)
    }

    /// Init's own slot number `index`.
    #[must_use]
    pub const fn local(index: u16) -> Self {
        Self(index | Self::LOCAL)
    }

    /// Whether init itself fills it.
    #[must_use]
    pub const fn is_local(self) -> bool {
        self.0 & Self::LOCAL != 0
    }

    /// The index among the given slots.
    #[must_use]
    pub fn index(self) -> Option<usize> {
        (!self.is_local()).then_some(usize::from(self.0))
    }

    /// The index among the local slots.
    #[must_use]
    pub fn local_index(self) -> Option<usize> {
        (self.is_local() && self != Self::NONE).then_some(usize::from(self.0 & !Self::LOCAL))
    }
}

/// Bytes with their length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes<'p>(pub &'p [u8]);

/// A list of texts, each NUL-terminated, so that their addresses can go straight into `execve(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts<'p> {
    block: &'p [u8],
}

impl<'p> Texts<'p> {
    /// Over texts that each end in a NUL. Bytes after the last NUL are not a text and are passed over.
    #[must_use]
    pub const fn from_block(block: &'p [u8]) -> Self {
        Self { block }
    }

    /// The texts in order.
    pub fn iter(self) -> impl Iterator<Item = &'p CStr> + Clone {
        self.block.split_inclusive(|byte| *byte == 0).filter_map(|text| CStr::from_bytes_with_nul(text).ok())
    }
}

/// A value that can stand in a plan.
pub trait Word<'p>: Sized {
    /// Reads one.
    ///
    /// # Errors
    /// [`Malformed`] where the bytes end too early or are not one.
    fn read(from: &mut Reader<'p>) -> Result<Self, Malformed>;
    /// Writes one.
    fn write(&self, out: &mut impl Extend<u8>);
}

/// The bytes not read yet.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'p> {
    rest: &'p [u8],
}

impl<'p> Reader<'p> {
    pub(crate) const fn new(bytes: &'p [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, len: usize) -> Result<&'p [u8], Malformed> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*head)
    }
}

macro_rules! numbers {
    ($($number:ty),+) => { $(
        impl<'p> Word<'p> for $number {
            fn read(from: &mut Reader<'p>) -> Result<Self, Malformed> { from.array().map(<$number>::from_ne_bytes) }
            fn write(&self, out: &mut impl Extend<u8>) { out.extend(self.to_ne_bytes()); }
        }
    )+ };
}

numbers!(u8, u16, u32, u64);

impl<'p> Word<'p> for bool {
    fn read(from: &mut Reader<'p>) -> Result<Self, Malformed> {
        match u8::read(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    fn write(&self, out: &mut impl Extend<u8>) {
        u8::from(*self).write(out);
    }
}

impl<'p> Word<'p> for Slot {
    fn read(from: &mut Reader<'p>) -> Result<Self, Malformed> {
        u16::read(from).map(Self)
    }

    fn write(&self, out: &mut impl Extend<u8>) {
        self.0.write(out);
    }
}

impl<'p> Word<'p> for Bytes<'p> {
    fn read(from: &mut Reader<'p>) -> Result<Self, Malformed> {
        let len = u32::read(from)?;
        from.take(len as usize).map(Self)
    }

    fn write(&self, out: &mut impl Extend<u8>) {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX).write(out);
        out.extend(self.0.iter().copied());
    }
}

impl<'p> Word<'p> for &'p CStr {
    fn read(from: &mut Reader<'p>) -> Result<Self, Malformed> {
        CStr::from_bytes_with_nul(Bytes::read(from)?.0).map_err(|_nul_missing_or_inside| Malformed)
    }

    fn write(&self, out: &mut impl Extend<u8>) {
        Bytes(self.to_bytes_with_nul()).write(out);
    }
}

impl<'p> Word<'p> for Texts<'p> {
    fn read(from: &mut Reader<'p>) -> Result<Self, Malformed> {
        match Bytes::read(from)?.0 {
            block @ ([] | [.., 0]) => Ok(Self { block }),
            _ => Err(Malformed),
        }
    }

    fn write(&self, out: &mut impl Extend<u8>) {
        Bytes(self.block).write(out);
    }
}
