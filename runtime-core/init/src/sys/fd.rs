//! File descriptors: a number that names one, and one that is closed when it is no longer needed.

use super::{nr, plain};

/// Names a file descriptor; does not say whether it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)] // the kernel writes one as an int
pub struct Fd(pub i32);

impl Fd {
    /// The working directory, for calls that take a directory.
    pub const CWD: Self = Self(-100);

    pub(super) const fn arg(self) -> usize {
        self.0 as usize
    }
}

/// A file descriptor that is closed with its owner.
#[derive(Debug, PartialEq, Eq)]
pub struct OwnedFd(Fd);

impl OwnedFd {
    /// Takes over a descriptor that nobody else closes.
    #[must_use]
    pub const fn new(fd: Fd) -> Self {
        Self(fd)
    }

    pub(super) const fn from_answer(answer: usize) -> Self {
        Self(Fd(answer as i32))
    }

    #[must_use]
    pub const fn fd(&self) -> Fd {
        self.0
    }
}

impl Drop for OwnedFd {
    fn drop(&mut self) {
        // Linux frees the number whatever close(2) answers.
        plain(nr::CLOSE, [self.0.arg()]).ok();
    }
}
