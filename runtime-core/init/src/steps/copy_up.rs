//! `tmpcopyup`: what an image has below a directory, copied into the tmpfs that will cover it.
//!
//! Copies files, directories, symlinks, device nodes, FIFOs and sockets with owner and mode; extended attributes as far as
//! the tmpfs takes them. Hard links become files of their own; times are not kept.

use core::ffi::CStr;

use super::paths;
use crate::sys::{self, Errno, Fd, OwnedFd, Result, Room, Statx};

/// How deep a tree may be.
const DEPTH: u32 = 64;

/// Copies what is below `path` into `to`: nothing, where the image has no such directory.
pub(crate) fn copy_up(root: Fd, path: &CStr, to: Fd) -> Result<()> {
    match paths::resolve(root, path, sys::O_RDONLY | sys::O_DIRECTORY) {
        Ok(from) => copy_entries(from.fd(), to, DEPTH),
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

#[inline(never)] // see `paths::in_parent`
fn copy_entries(from: Fd, to: Fd, depth: u32) -> Result<()> {
    let depth = depth.checked_sub(1).ok_or(Errno::LOOP)?;
    let mut room = [0; 1024];
    loop {
        let mut entries = sys::getdents(from, &mut room)?;
        if entries.is_empty() {
            return Ok(());
        }
        while let Some((name, rest)) = first_entry(entries) {
            if name != c"." && name != c".." {
                copy(from, to, name, depth)?;
            }
            entries = rest;
        }
    }
}

/// The name of the first `struct linux_dirent64`, and the entries after it.
fn first_entry(entries: &[u8]) -> Option<(&CStr, &[u8])> {
    let (_inode_and_offset, rest) = entries.split_first_chunk::<16>()?;
    let (len, rest) = rest.split_first_chunk::<2>()?;
    let (_kind, name) = rest.split_first()?;
    let after = entries.get(usize::from(u16::from_ne_bytes(*len))..)?;
    Some((CStr::from_bytes_until_nul(name).ok()?, after))
}

fn copy(from: Fd, to: Fd, name: &CStr, depth: u32) -> Result<()> {
    let stat = sys::lstatat(from, name)?;
    match stat.kind() {
        sys::S_IFDIR => {
            sys::mkdirat(to, name, 0o700)?;
            let source = sys::openat(from, name, sys::O_RDONLY | sys::O_DIRECTORY | sys::O_NOFOLLOW)?;
            let copy = sys::openat(to, name, sys::O_RDONLY | sys::O_DIRECTORY | sys::O_NOFOLLOW)?;
            copy_entries(source.fd(), copy.fd(), depth)?;
            copy_attributes(&source, &copy, &stat)
        }
        sys::S_IFREG => copy_file(from, to, name, &stat),
        sys::S_IFLNK => {
            copy_symlink(from, to, name)?;
            sys::fchownat(to, name, stat.uid, stat.gid)
        }
        _ => {
            sys::mknodat(to, name, stat.mode(), stat.device())?;
            sys::fchownat(to, name, stat.uid, stat.gid)
        }
    }
}

fn copy_file(from: Fd, to: Fd, name: &CStr, stat: &Statx) -> Result<()> {
    // Without blocking: a FIFO may have taken the file's place.
    let source = sys::openat(from, name, sys::O_RDONLY | sys::O_NOFOLLOW | sys::O_NONBLOCK)?;
    let copy = sys::openat2(to, name, sys::O_WRONLY | sys::O_CREAT | sys::O_EXCL, 0o600, 0)?;
    while sys::sendfile(copy.fd(), source.fd(), 1 << 20)? > 0 {}
    copy_attributes(&source, &copy, stat)
}

#[inline(never)] // its rooms are not part of every level of the tree
fn copy_symlink(from: Fd, to: Fd, name: &CStr) -> Result<()> {
    let mut link = Room::new();
    let mut target = Room::new();
    sys::symlinkat(target.text(link.readlinkat(from, name)?)?, to, name)
}

/// Owner first: changing it clears the set-id bits of the mode.
fn copy_attributes(from: &OwnedFd, to: &OwnedFd, stat: &Statx) -> Result<()> {
    sys::fchown(to.fd(), stat.uid, stat.gid)?;
    sys::fchmod(to.fd(), stat.mode() & 0o7777)?;
    copy_xattrs(from.fd(), to.fd());
    Ok(())
}

/// A list or value too long for the room, or a name that the tmpfs does not take, is left out.
#[inline(never)] // its buffers are not part of every level of the tree
fn copy_xattrs(from: Fd, to: Fd) {
    let (mut names, mut value) = ([0; 1024], [0; 1024]);
    let names = sys::flistxattr(from, &mut names).unwrap_or(&[]);
    for name in names.split_inclusive(|byte| *byte == 0).filter_map(|name| CStr::from_bytes_with_nul(name).ok()) {
        if let Ok(value) = sys::fgetxattr(from, name, &mut value) {
            sys::fsetxattr(to, name, value).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};

    use super::*;
    use crate::test_root::TestRoot;

    #[test]
    fn a_tree_is_copied_with_owners_and_modes() {
        let root = TestRoot::new("copy-up");
        let (from, to) = (root.path.join("from"), root.path.join("to"));
        fs::create_dir_all(from.join("dir/below")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("dir/file"), vec![7; 3_000_000]).unwrap();
        fs::write(from.join("empty"), "").unwrap();
        symlink("../../outside", from.join("dir/link")).unwrap();
        sys::mknodat(Fd::CWD, &path(&from.join("null")), 0o020_600, 0x103).unwrap();
        sys::fchownat(Fd::CWD, &path(&from.join("dir/file")), 12, 34).unwrap();
        sys::fchownat(Fd::CWD, &path(&from.join("dir/link")), 56, 78).unwrap();
        fs::set_permissions(from.join("dir/file"), PermissionsExt::from_mode(0o4711)).unwrap();
        fs::set_permissions(from.join("dir/below"), PermissionsExt::from_mode(0o1700)).unwrap();
        for name in 0..200 {
            fs::write(from.join(format!("dir/below/many-files-with-names-{name}")), "").unwrap();
        }
        let target = fs::File::open(&to).unwrap();
        copy_up(root.at(), c"/from", Fd(target.as_raw_fd())).unwrap();

        assert_eq!(fs::read(to.join("dir/file")).unwrap(), vec![7; 3_000_000]);
        let file = fs::metadata(to.join("dir/file")).unwrap();
        assert_eq!((file.uid(), file.gid(), file.mode() & 0o7777), (12, 34, 0o4711));
        let link = fs::symlink_metadata(to.join("dir/link")).unwrap();
        assert_eq!((link.uid(), link.gid(), link.is_symlink()), (56, 78, true));
        assert_eq!(fs::read_link(to.join("dir/link")).unwrap(), fs::read_link(from.join("dir/link")).unwrap());
        let null = fs::metadata(to.join("null")).unwrap();
        assert_eq!((null.file_type().is_char_device(), null.rdev(), null.mode() & 0o777), (true, 0x103, 0o600));
        assert_eq!(fs::metadata(to.join("dir/below")).unwrap().mode() & 0o7777, 0o1700);
        assert_eq!(fs::read_dir(to.join("dir/below")).unwrap().count(), 200);
        assert_eq!(fs::metadata(to.join("empty")).unwrap().len(), 0);
    }

    #[test]
    fn a_tree_too_deep_is_refused() {
        let root = TestRoot::new("copy-deep");
        fs::create_dir_all(root.path.join("from").join("d/".repeat(70))).unwrap();
        fs::create_dir(root.path.join("to")).unwrap();
        let target = fs::File::open(root.path.join("to")).unwrap();
        assert_eq!(copy_up(root.at(), c"/from", Fd(target.as_raw_fd())), Err(Errno::LOOP));
    }

    fn path(path: &std::path::Path) -> std::ffi::CString {
        std::ffi::CString::new(path.to_str().unwrap()).unwrap()
    }
}
