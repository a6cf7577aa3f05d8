//! Mapped memory: files to read, numbers shared with another process, tables for `execve`.

use core::ffi::CStr;
use core::sync::atomic::{AtomicI32, AtomicU64};

use super::{Fd, Result, at, call, nr, plain};

const PROT_READ: usize = 1;
const PROT_WRITE: usize = 2;
const MAP_SHARED: usize = 1;
const MAP_PRIVATE: usize = 2;
const MAP_ANONYMOUS: usize = 0x20;

/// `mmap(2)` at an address of the kernel's choice: nothing that is mapped already can be harmed.
fn mmap(len: usize, protection: usize, flags: usize, fd: Fd) -> Result<*mut u8> {
    plain(nr::MMAP, [0, len, protection, flags, fd.arg(), 0]).map(|address| address as *mut u8)
}

/// Maps a file to read, for good. The file must not shrink or change: a sealed memfd.
pub fn map_to_read(fd: Fd, len: usize) -> Result<&'static [u8]> {
    let start = mmap(len, PROT_READ, MAP_PRIVATE, fd)?;
    // SAFETY: the mapping has `len` readable bytes and is never unmapped.
    Ok(unsafe { core::slice::from_raw_parts(start, len) })
}

/// Maps a file as numbers shared with whoever else maps it, for good.
pub fn map_shared(fd: Fd, count: usize) -> Result<&'static [AtomicU64]> {
    let start = mmap(count * size_of::<u64>(), PROT_READ | PROT_WRITE, MAP_SHARED, fd)?;
    // SAFETY: the mapping is page-aligned, holds `count` numbers, and is never unmapped.
    Ok(unsafe { core::slice::from_raw_parts(start.cast(), count) })
}

/// A number that a forked child shares with its parent, 0 at first; the page is unmapped with its owner.
#[derive(Debug)]
pub struct SharedNumber(&'static AtomicI32);

impl SharedNumber {
    pub fn new() -> Result<Self> {
        let start = mmap(size_of::<AtomicI32>(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, Fd(-1))?;
        // SAFETY: the mapping is page-aligned, zeroed and lives until `drop`; the reference does not leave this type.
        Ok(Self(unsafe { &*start.cast::<AtomicI32>() }))
    }

    #[must_use]
    pub fn get(&self) -> &AtomicI32 {
        self.0
    }
}

impl Drop for SharedNumber {
    fn drop(&mut self) {
        plain(nr::MUNMAP, [at(&raw const *self.0), size_of::<AtomicI32>()]).ok();
    }
}

/// `execve(2)`; returns only where it fails.
pub fn execve<'p>(
    path: &CStr,
    args: impl Iterator<Item = &'p CStr> + Clone,
    env: impl Iterator<Item = &'p CStr> + Clone,
) -> Result<()> {
    let env_at = args.clone().count() + 1;
    let argv = addresses(args.map(Some).chain([None]).chain(env.map(Some)).chain([None]))?;
    let envp = argv + env_at * size_of::<usize>();
    // SAFETY: the path ends in NUL; both tables end in null and point to NUL-terminated texts.
    unsafe { call(nr::EXECVE, [at(path.as_ptr()), argv, envp]) }.map(drop)
}

/// A table of addresses, with null for none. It stays until the process is another program.
fn addresses<'p>(texts: impl Iterator<Item = Option<&'p CStr>> + Clone) -> Result<usize> {
    let count = texts.clone().count();
    let table = mmap(count * size_of::<usize>(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, Fd(-1))?;
    // SAFETY: the mapping is page-aligned, zeroed, holds `count` addresses, and nobody else knows of it.
    let entries = unsafe { core::slice::from_raw_parts_mut(table.cast::<usize>(), count) };
    entries.iter_mut().zip(texts).for_each(|(entry, text)| *entry = text.map_or(0, |text| at(text.as_ptr())));
    Ok(at(table))
}
