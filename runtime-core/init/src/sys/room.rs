//! Room on the stack for one path. It is not cleared first: pages never written to are never resident.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use super::{Errno, Result, at, call, nr};

/// As long as a path may be, with its NUL.
const PATH_MAX: usize = 4096;

/// Uninitialised room for a path.
#[derive(Debug)]
pub struct Room {
    bytes: [MaybeUninit<u8>; PATH_MAX],
    len: usize,
}

impl Room {
    #[must_use]
    #[inline]
    pub const fn new() -> Self {
        Self { bytes: [MaybeUninit::uninit(); PATH_MAX], len: 0 }
    }

    /// What was written so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let written: *const MaybeUninit<u8> = self.bytes.as_ptr();
        // SAFETY: `len` counts bytes that `push` or `fill` initialised, within the array.
        unsafe { core::slice::from_raw_parts(written.cast(), self.len) }
    }

    /// Adds bytes behind what was written; `ENAMETOOLONG` where there is no room left for them.
    ///
    /// # Errors
    /// `ENAMETOOLONG`.
    pub fn push(&mut self, more: &[u8]) -> Result<()> {
        let room = self.bytes.get_mut(self.len..).and_then(|rest| rest.get_mut(..more.len()));
        room.ok_or(Errno::NAMETOOLONG)?.write_copy_of_slice(more);
        self.len += more.len();
        Ok(())
    }

    /// Replaces the content by `text` and a NUL.
    ///
    /// # Errors
    /// `ENAMETOOLONG`; `EINVAL` for a NUL inside.
    pub fn text(&mut self, text: &[u8]) -> Result<&CStr> {
        self.len = 0;
        self.push(text)?;
        self.push(b"\0")?;
        CStr::from_bytes_with_nul(self.bytes()).map_err(|_nul_inside| Errno::INVAL)
    }

    /// `getcwd(2)`, the raw call: the path with its NUL; begins with `(unreachable)` where there is none.
    ///
    /// # Errors
    /// The kernel's.
    pub fn getcwd(&mut self) -> Result<&[u8]> {
        // SAFETY: the kernel writes at most PATH_MAX bytes into the array.
        self.len = unsafe { call(nr::GETCWD, [at(self.bytes.as_ptr()), PATH_MAX]) }?;
        Ok(self.bytes())
    }

    /// `readlinkat(2)` of the symlink `name` in `dir`; `ENAMETOOLONG` where it may have been cut.
    ///
    /// # Errors
    /// The kernel's; `EINVAL` where `name` is not a symlink.
    pub fn readlinkat(&mut self, dir: super::Fd, name: &CStr) -> Result<&[u8]> {
        let args = [dir.arg(), at(name.as_ptr()), at(self.bytes.as_ptr()), PATH_MAX];
        // SAFETY: the kernel writes at most PATH_MAX bytes into the array; `name` ends in NUL.
        self.len = unsafe { call(nr::READLINKAT, args) }?;
        if self.len == PATH_MAX { Err(Errno::NAMETOOLONG) } else { Ok(self.bytes()) }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}
