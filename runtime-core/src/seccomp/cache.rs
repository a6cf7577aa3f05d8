//! Compiled filters, kept in a directory beside the containers' state.
//!
//! A file is named for the hash of its key and holds the whole key, which is compared: a collision is a miss. The key is the
//! profile's text and everything else that decides the program. Files are written under another name and renamed, so that
//! a reader sees all of one or none; no hard links, which `fs.protected_hardlinks` refuses to some. Whatever looks wrong
//! (cut short, changed, somebody else's) is a miss and gets rewritten. Runs no system call on a name outside the directory.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use libseccomp::ScmpVersion;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::{Filter, INSTRUCTION, MAX_INSTRUCTIONS};
use crate::error::{At, Error, Kind, Op, Pointer, Result};
use crate::spec::{Seccomp, Warning};

/// Changes with the layout of the file, and whenever [`super::compile`] makes another program of the same profile.
const FORMAT: &str = "orlop seccomp filter 1\n";

/// Files kept; the oldest goes first.
const ENTRIES: usize = 64;

/// Bytes of the largest file; a profile that needs more is compiled each time.
const LARGEST: usize = 1 << 20;

/// Opens, and makes if need be, the directory `seccomp` in `state_root`; nobody else may have had a hand in it.
pub fn open(state_root: BorrowedFd<'_>) -> Result<OwnedFd> {
    const NAME: &str = "@seccomp";
    match mkdirat(state_root, NAME, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno).at(Op::CompileSeccomp).map_err(|error| error.on(NAME)),
    }
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    let directory = openat(state_root, NAME, flags, Mode::empty()).at(Op::CompileSeccomp)?;
    if !is_ours(&fstat(&directory).at(Op::CompileSeccomp)?) {
        return Err(Error::new(Kind::System, Op::CompileSeccomp)
            .on(NAME)
            .message("the directory of compiled filters belongs to, or can be written by, another user"));
    }
    Ok(directory)
}

/// Where one profile is kept.
pub(super) struct Entry {
    key: String,
    name: String,
}

impl Entry {
    /// None where libseccomp does not say which version it is, or the profile has no text to know it by, or too much.
    pub(super) fn of(profile: &Seccomp<'_>) -> Option<Self> {
        let version = ScmpVersion::current().ok()?;
        let arch = std::env::consts::ARCH;
        let key = format!("{FORMAT}libseccomp {version}\n{arch}\n{}", profile.source);
        let name = format!("{:016x}", hash(key.as_bytes()));
        (!profile.source.is_empty() && key.len() < LARGEST / 2).then_some(Self { key, name })
    }

    /// The filter, if it is there and unharmed.
    pub(super) fn read(&self, directory: BorrowedFd<'_>, flags: u32) -> Option<Filter> {
        // Without NONBLOCK a FIFO of this name would hang us.
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(directory, self.name.as_str(), how, Mode::empty()).ok()?;
        let stat = fstat(&file).ok()?;
        let size = usize::try_from(stat.st_size).ok()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || !is_ours(&stat) || size > LARGEST {
            return None;
        }
        let mut bytes = Vec::with_capacity(size + 1);
        File::from(file).take(LARGEST as u64).read_to_end(&mut bytes).ok()?;
        self.decode(&bytes, flags)
    }

    /// Keeps `filter`, and makes room for it.
    pub(super) fn write(&self, directory: BorrowedFd<'_>, filter: &Filter) -> Result<(), Errno> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let temporary = format!("new-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let how = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = openat(directory, temporary.as_str(), how, Mode::RUSR | Mode::WUSR)?;
        let written = File::from(file)
            .write_all(&self.encode(filter))
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
            .and_then(|()| renameat(directory, temporary.as_str(), directory, self.name.as_str()));
        match written {
            Ok(()) => evict(directory),
            Err(errno) => unlinkat(directory, temporary.as_str(), AtFlags::empty()).and(Err(errno)),
        }
    }

    fn encode(&self, filter: &Filter) -> Vec<u8> {
        let mut file = Vec::with_capacity(self.key.len() + filter.bytes.len() + 256);
        put(&mut file, self.key.as_bytes());
        put(&mut file, &filter.bytes);
        for warning in &filter.warnings {
            put(&mut file, warning.field.as_str().as_bytes());
            put(&mut file, warning.message.as_bytes());
        }
        file.extend(hash(&file).to_le_bytes());
        file
    }

    fn decode(&self, file: &[u8], flags: u32) -> Option<Filter> {
        let (mut rest, sum) = file.split_last_chunk::<8>()?;
        if hash(rest) != u64::from_le_bytes(*sum) || take(&mut rest)? != self.key.as_bytes() {
            return None;
        }
        let bytes = take(&mut rest)?.to_vec();
        if bytes.is_empty() || bytes.len() % INSTRUCTION != 0 || bytes.len() / INSTRUCTION > MAX_INSTRUCTIONS {
            return None;
        }
        let mut warnings = Vec::new();
        while !rest.is_empty() {
            let field = Pointer::from_text(text(&mut rest)?);
            warnings.push(Warning { field, message: text(&mut rest)? });
        }
        Some(Filter { bytes, flags, warnings })
    }
}

/// Removes the oldest files, temporary ones of killed writers among them, until [`ENTRIES`] are left.
fn evict(directory: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut files = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_owned();
        if name.as_bytes().starts_with(b".") {
            continue;
        }
        match statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => files.push((stat.st_mtime, stat.st_mtime_nsec, name)),
            // Another writer was quicker.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    files.sort_unstable();
    let too_many = files.len().saturating_sub(ENTRIES);
    for (_, _, name) in files.into_iter().take(too_many) {
        match unlinkat(directory, &name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Owned by us, and nobody else may write it.
fn is_ours(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o022 == 0
}

fn put(file: &mut Vec<u8>, field: &[u8]) {
    file.extend((field.len() as u32).to_le_bytes());
    file.extend(field);
}

fn take<'f>(rest: &mut &'f [u8]) -> Option<&'f [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (field, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    Some(field)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    String::from_utf8(take(rest)?.to_vec()).ok()
}

/// FNV-1a over words of eight bytes: one multiplication each. Finds every damage confined to one word, and is no defence
/// against people: that is what the owner is checked for.
fn hash(bytes: &[u8]) -> u64 {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
    let step = |hash: u64, word: &[u8; 8]| (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = words.iter().chain([&last]).fold(0xcbf2_9ce4_8422_2325, step);
    (hash ^ bytes.len() as u64).wrapping_mul(0x0000_0100_0000_01b3)
}
