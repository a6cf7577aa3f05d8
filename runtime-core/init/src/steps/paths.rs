//! Paths beneath a root that somebody hostile may have prepared, and may be changing while we look.
//!
//! In: an fd of the root and a path as the container would write it. Out: an fd of what is there, beneath that root whatever
//! symlinks say (CVE-2019-19921, CVE-2021-30465, CVE-2024-45310). Must not: look a path up in any other way.

use core::ffi::CStr;

use crate::sys::{self, Errno, Fd, OwnedFd, Result, Room};

/// How many missing parents and dangling symlinks one path may lead through.
const DEPTH: u32 = 64;

/// What is made where nothing is.
#[derive(Clone, Copy)]
pub(crate) enum New {
    /// Mode 0755.
    Directory,
    /// Empty, mode 0644.
    File,
}

/// Opens `path` as if `root` were `/`.
pub(crate) fn resolve(root: Fd, path: &CStr, flags: u32) -> Result<OwnedFd> {
    retry(|| sys::openat2(root, beneath(path), flags, 0, sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_MAGICLINKS))
}

/// Opens the directory `path`, which is made if it is missing; a symlink anywhere on the way is ELOOP.
pub(crate) fn plain_directory(root: Fd, path: &CStr) -> Result<OwnedFd> {
    let resolve = sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_SYMLINKS;
    let open = || retry(|| sys::openat2(root, beneath(path), sys::O_PATH | sys::O_DIRECTORY, 0, resolve));
    match open() {
        Err(Errno::NOENT) => make_dir(root, path, 0o755).and_then(|()| open()),
        answer => answer,
    }
}

/// Opens what is at `path` as `O_PATH`; a symlink anywhere on the way is ELOOP.
pub(crate) fn plain(root: Fd, path: &CStr) -> Result<OwnedFd> {
    let resolve = sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_SYMLINKS;
    retry(|| sys::openat2(root, beneath(path), sys::O_PATH, 0, resolve))
}

/// Opens what is at `path` as `O_PATH`; where nothing is, makes it first, and its parents.
pub(crate) fn resolve_or_make(root: Fd, path: &CStr, new: New) -> Result<OwnedFd> {
    resolve_or_make_within(root, path, new, DEPTH)
}

/// Calls `act` with the directory that `path` lies in, made if it is missing, and the last name of `path`.
#[inline(never)] // its room is not part of the loop's frame: stack that is not touched is not resident
pub(crate) fn in_parent<T>(root: Fd, path: &CStr, act: impl FnOnce(Fd, &CStr) -> Result<T>) -> Result<T> {
    let (parent, name) = split(beneath(path));
    if parent.is_empty() {
        return act(root, name);
    }
    let mut room = Room::new();
    let dir = resolve_or_make(root, room.text(parent)?, New::Directory)?;
    act(dir.fd(), name)
}

/// The directory `path` with this mode, and its parents; one that exists stays as it is.
pub(crate) fn make_dir(root: Fd, path: &CStr, mode: u32) -> Result<()> {
    match in_parent(root, path, |dir, name| sys::mkdirat(dir, name, mode)) {
        Err(Errno::EXIST) => resolve_or_make(root, path, New::Directory).map(drop),
        answer => answer,
    }
}

/// The directory `path`, and its parents, in the root that this process is in: never through a magic link, which an image may have
/// on the way, to where the host's files are. What is there already is looked at when it is entered.
pub(crate) fn make_cwd(path: &CStr) -> Result<()> {
    if sys::stat(path).is_ok() {
        return Ok(());
    }
    let root = sys::openat(Fd::CWD, c"/", sys::O_PATH | sys::O_DIRECTORY)?;
    make_dir(root.fd(), path, 0o755)
}

/// Whether both are one directory; EXDEV where not.
pub(crate) fn same(one: Fd, other: Fd) -> Result<()> {
    let (one, other) = (sys::fstat(one)?, sys::fstat(other)?);
    if (one.device, one.ino) == (other.device, other.ino) { Ok(()) } else { Err(Errno::XDEV) }
}

/// The path seen from the root: without leading slashes, never empty.
pub(crate) fn beneath(path: &CStr) -> &CStr {
    let bytes = path.to_bytes_with_nul();
    let slashes = bytes.iter().take_while(|byte| **byte == b'/').count();
    match bytes.get(slashes..).map(CStr::from_bytes_with_nul) {
        Some(Ok(rest)) if !rest.is_empty() => rest,
        _ => c".",
    }
}

/// Whether a path beneath the root is one name, so that calls on the root's fd need no resolution.
pub(crate) fn is_name(path: &CStr) -> bool {
    let bytes = path.to_bytes();
    !bytes.contains(&b'/') && bytes != b"." && bytes != b".."
}

/// Repeats what a signal or a rename elsewhere disturbed (`openat2(2)`, EAGAIN), but not for ever.
pub(crate) fn retry<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 0..128 {
        match call() {
            Err(Errno::AGAIN | Errno::INTR) => (),
            answer => return answer,
        }
    }
    call()
}

/// Parent and last name of a path beneath the root; slashes at its end stay with the name.
fn split(path: &CStr) -> (&[u8], &CStr) {
    let bytes = path.to_bytes_with_nul();
    let mut slash = None;
    for (at, pair) in bytes.windows(2).enumerate() {
        if let [b'/', next] = pair
            && *next != b'/'
            && *next != 0
        {
            slash = Some(at);
        }
    }
    let cut = slash.and_then(|at| Some((bytes.get(..at)?, CStr::from_bytes_with_nul(bytes.get(at + 1..)?).ok()?)));
    cut.unwrap_or((b"", path))
}

fn resolve_or_make_within(root: Fd, path: &CStr, new: New, depth: u32) -> Result<OwnedFd> {
    match resolve(root, path, sys::O_PATH | new.flags()) {
        Err(Errno::NOENT) => make(root, path, new, depth),
        answer => answer,
    }
}

/// Makes what is missing at `path` and opens it. What somebody else made meanwhile is taken as it is.
#[inline(never)] // see `in_parent`
fn make(root: Fd, path: &CStr, new: New, depth: u32) -> Result<OwnedFd> {
    let depth = depth.checked_sub(1).ok_or(Errno::LOOP)?;
    let (parent, name) = split(beneath(path));
    let mut room = Room::new();
    let held;
    let dir = if parent.is_empty() {
        root
    } else {
        held = resolve_or_make_within(root, room.text(parent)?, New::Directory, depth)?;
        held.fd()
    };
    match new.make_at(dir, name) {
        // Beneath `dir`: a slash behind the name would have openat(2) follow a symlink put here meanwhile.
        Ok(()) => resolve(dir, name, sys::O_PATH | sys::O_NOFOLLOW | new.flags()),
        Err(Errno::EXIST) => match resolve(root, path, sys::O_PATH | new.flags()) {
            Err(Errno::NOENT) => make_target(root, parent, dir, name, new, depth),
            answer => answer,
        },
        Err(errno) => Err(errno),
    }
}

/// Makes what the dangling symlink `name` points to, as seen from inside: images have `/etc/resolv.conf` point into an
/// empty `/run`, and engines mount over it.
#[cold]
#[inline(never)]
fn make_target(root: Fd, parent: &[u8], dir: Fd, name: &CStr, new: New, depth: u32) -> Result<OwnedFd> {
    let mut link = Room::new();
    let mut path = Room::new();
    let target = link.readlinkat(dir, name)?;
    if !target.starts_with(b"/") {
        path.push(parent)?;
        path.push(b"/")?;
    }
    path.push(target)?;
    path.push(b"\0")?;
    let path = CStr::from_bytes_with_nul(path.bytes()).map_err(|_nul_inside| Errno::INVAL)?;
    resolve_or_make_within(root, path, new, depth)
}

impl New {
    fn make_at(self, dir: Fd, name: &CStr) -> Result<()> {
        match self {
            Self::Directory => sys::mkdirat(dir, name, 0o755),
            // Not by open(2), which would act on a device or FIFO that was put here meanwhile.
            Self::File => sys::mknodat(dir, name, sys::S_IFREG | 0o644, 0),
        }
    }

    fn flags(self) -> u32 {
        match self {
            Self::Directory => sys::O_DIRECTORY,
            Self::File => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::test_root::TestRoot;

    fn make_dir_of(root: &TestRoot, path: &CStr) -> Result<()> {
        make_dir(root.at(), path, 0o700)
    }

    #[test]
    fn paths_are_seen_from_the_root() {
        for (path, seen) in [(c"/a/b", c"a/b"), (c"//a", c"a"), (c"a", c"a"), (c"/", c"."), (c"", c".")] {
            assert_eq!(beneath(path), seen);
        }
    }

    #[test]
    fn a_path_is_split_at_its_last_slash_that_has_a_name_behind() {
        let cases: [(&CStr, &[u8], &CStr); 5] = [
            (c"a", b"", c"a"),
            (c"a/b", b"a", c"b"),
            (c"a//b", b"a/", c"b"),
            (c"a/b/", b"a", c"b/"),
            (c"a/", b"", c"a/"),
        ];
        for (path, parent, name) in cases {
            assert_eq!(split(path), (parent, name), "{path:?}");
        }
    }

    #[test]
    fn missing_parents_are_0755_and_the_last_has_its_mode() {
        let root = TestRoot::new("parents");
        make_dir_of(&root, c"/a/b/c").unwrap();
        let mode = |path| fs::metadata(root.path.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("a"), mode("a/b"), mode("a/b/c")), (0o755, 0o755, 0o700));
        fs::set_permissions(root.path.join("a/b"), PermissionsExt::from_mode(0o711)).unwrap();
        make_dir_of(&root, c"a/b").unwrap();
        make_dir_of(&root, c"/a//b/./slash/").unwrap();
        assert_eq!(mode("a/b/slash"), 0o700);
        assert_eq!(mode("a/b"), 0o711, "one that exists stays as it is");
    }

    #[test]
    fn what_is_no_directory_cannot_be_one() {
        let root = TestRoot::new("file");
        fs::write(root.path.join("f"), "").unwrap();
        assert_eq!(make_dir_of(&root, c"/f"), Err(Errno::NOTDIR));
        assert_eq!(make_dir_of(&root, c"/f/a/b"), Err(Errno::NOTDIR));
    }

    #[test]
    fn a_path_longer_than_a_path_may_be_is_refused() {
        let root = TestRoot::new("long");
        let deep = std::ffi::CString::new("a/".repeat(2100)).unwrap();
        assert_eq!(make_dir_of(&root, &deep), Err(Errno::NAMETOOLONG));
        let parents = std::ffi::CString::new("a/".repeat(200)).unwrap();
        assert_eq!(make_dir_of(&root, &parents), Err(Errno::LOOP));
        assert_eq!(fs::read_dir(&root.path).unwrap().count(), 0);
    }

    #[test]
    fn symlinks_stay_inside() {
        let root = TestRoot::new("inside");
        symlink(root.outside(), root.path.join("absolute")).unwrap();
        symlink("../outside", root.path.join("relative")).unwrap();
        symlink("..", root.path.join("up")).unwrap();
        fs::create_dir(root.path.join("outside")).unwrap();
        make_dir_of(&root, c"/relative/a").unwrap();
        make_dir_of(&root, c"/up/up/b").unwrap();
        make_dir_of(&root, c"/../../c").unwrap();
        make_dir_of(&root, c"/absolute/d").unwrap();
        assert!(root.path.join("outside/a").is_dir() && root.path.join("b").is_dir() && root.path.join("c").is_dir());
        assert!(root.path.join(root.outside().strip_prefix("/").unwrap()).join("d").is_dir(), "made inside the root");
        assert!(root.outside_is_empty());
    }

    #[test]
    fn what_a_dangling_symlink_points_to_is_made_inside() {
        let root = TestRoot::new("dangling");
        fs::create_dir(root.path.join("etc")).unwrap();
        symlink("../run/resolve/stub", root.path.join("etc/resolv.conf")).unwrap();
        symlink(root.outside().join("x"), root.path.join("escape")).unwrap();
        symlink("/../../../outside/y", root.path.join("climb")).unwrap();
        for path in [c"/etc/resolv.conf", c"/escape", c"/climb"] {
            let made = resolve_or_make(root.at(), path, New::File).unwrap();
            let found = resolve(root.at(), path, sys::O_PATH).unwrap();
            let (made, found) = (sys::fstat(made.fd()).unwrap(), sys::fstat(found.fd()).unwrap());
            assert_eq!((made.kind(), made.size, found.kind()), (sys::S_IFREG, 0, sys::S_IFREG), "{path:?}");
        }
        assert!(root.path.join("run/resolve/stub").is_file() && root.path.join("outside/y").is_file());
        assert!(root.outside_is_empty());
    }

    #[test]
    fn symlinks_in_a_circle_are_refused() {
        let root = TestRoot::new("circle");
        symlink("b", root.path.join("a")).unwrap();
        symlink("a", root.path.join("b")).unwrap();
        assert_eq!(make_dir_of(&root, c"/a/x"), Err(Errno::LOOP));
        symlink("grow/x", root.path.join("grow")).unwrap();
        assert!(make_dir_of(&root, c"/grow/x").is_err());
    }

    #[test]
    fn magic_links_are_not_followed() {
        let root = TestRoot::new("magic");
        let proc = sys::openat(Fd::CWD, c"/proc", sys::O_PATH).unwrap();
        assert_eq!(resolve(proc.fd(), c"/self/root", sys::O_PATH).err(), Some(Errno::LOOP));
        assert_eq!(resolve(proc.fd(), c"/self/fd/0/x", sys::O_PATH).err(), Some(Errno::LOOP));
        assert!(root.outside_is_empty());
    }

    /// Somebody swaps a directory for a symlink to the outside while we make directories below it (CVE-2024-45310).
    #[test]
    fn a_race_makes_nothing_outside() {
        let root = TestRoot::new("race");
        let (dir, link) = (root.path.join("d"), root.path.join("l"));
        fs::create_dir(&dir).unwrap();
        symlink(root.outside(), &link).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let mut made = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let parked = root.path.join("parked");
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let swapped = fs::rename(&dir, &parked).and_then(|()| fs::rename(&link, &dir));
                    let back = fs::rename(&dir, &link).and_then(|()| fs::rename(&parked, &dir));
                    drop((swapped, back));
                }
            });
            for turn in 0..500 {
                let path = std::ffi::CString::new(format!("/d/{turn}/x")).unwrap();
                made += usize::from(make_dir_of(&root, &path).is_ok());
                made += usize::from(resolve_or_make(root.at(), &path, New::File).is_ok());
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        assert!(root.outside_is_empty());
        assert!(made > 0, "some turns found a directory");
    }

    #[test]
    fn a_name_needs_no_resolution() {
        for (path, name) in
            [(c"a", true), (c"...", true), (c"a/b", false), (c".", false), (c"..", false), (c"a/", false)]
        {
            assert_eq!(is_name(path), name, "{path:?}");
        }
    }
}
