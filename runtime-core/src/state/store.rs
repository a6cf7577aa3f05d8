//! The directories of all containers: `<root>/<id>/{state.json,config.json,gate,notify/}`, locked by whoever changes one.
//!
//! A directory is the container: it is there from the first moment of `create` to the last of `delete`. Whoever holds the
//! lock of one in which nothing is recorded yet has found what an interrupted `create` left.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::OpenTreeFlags;
use rustix::net::SocketAddrUnix;

use super::Record;
use crate::compile::{Open, Plan};
use crate::error::{At, Error, Kind, Op, Result};

const RECORD: &CStr = c"state.json";
const NEW_RECORD: &CStr = c".state.json";
const CONFIG: &CStr = c"config.json";
const GATE: &CStr = c"gate";
const NEW_GATE: &CStr = c".gate";
/// There while a container is made that has no gate.
const LAUNCHING: &CStr = c".launching";
/// There where a container has no cgroup at all: what has the name that it would have is another's.
const NO_CGROUP: &CStr = c".no-cgroup";
const NOTIFY: &CStr = c"notify";
/// Where a restore mounts the root filesystem for CRIU.
pub(crate) const CRIU_ROOT: &CStr = c"criu-root";
/// How long another call on the same container may take before this one gives up.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// The directory of all containers of one root.
#[derive(Debug)]
pub(crate) struct Store {
    root: OwnedFd,
}

/// The directory of one container.
#[derive(Debug)]
pub(crate) struct Directory {
    fd: OwnedFd,
    id: String,
}

/// The right to change one container. It ends with this value, not with the [`Directory`]: a program may keep that for as
/// long as the container lives.
#[derive(Debug)]
#[must_use]
pub(crate) struct Lock {
    #[expect(dead_code, reason = "held, then dropped")]
    held: OwnedFd,
    /// Whose directory it is: who made the container.
    pub(crate) owner: u32,
}

impl Store {
    /// Opens `path`, and makes it if need be, for its owner alone.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let root = match open_directory(rustix::fs::CWD, path) {
            Err(Errno::NOENT) => {
                make_with_parents(path)?;
                open_directory(rustix::fs::CWD, path)
            }
            opened => opened,
        };
        let root = root.at(Op::OpenRoot).map_err(|error| match error.errno() {
            Some(nix::errno::Errno::EACCES) => {
                error.on(path).hint("a user needs a directory of their own: --root, or XDG_RUNTIME_DIR")
            }
            _ => error.on(path),
        })?;
        Ok(Self { root })
    }

    /// The open directory.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Where the socket of `id` for `sd_notify(3)` is to be, on the host.
    pub(crate) fn notify_directory(&self, id: &str) -> Result<CString> {
        let root =
            rustix::fs::readlink(format!("/proc/self/fd/{}", self.root.as_raw_fd()), Vec::new()).at(Op::Notify)?;
        let path = [root.as_bytes(), b"/", id.as_bytes(), b"/", NOTIFY.to_bytes()].concat();
        CString::new(path).map_err(|_nul| Error::new(Kind::Argument, Op::Notify))
    }

    /// A new directory for `id`, locked.
    pub(crate) fn make(&self, id: &str) -> Result<(Directory, Lock)> {
        check_id(id)?;
        match rustix::fs::mkdirat(&self.root, id, Mode::from_raw_mode(0o700)) {
            Err(Errno::EXIST) => {
                return Err(Error::new(Kind::Exists, Op::State)
                    .message("container with given ID already exists")
                    .on(id));
            }
            made => made.at(Op::State).map_err(|error| error.on(id))?,
        }
        let directory = self.find(id)?;
        let lock = directory.lock()?;
        Ok((directory, lock))
    }

    /// The directory of `id`.
    pub(crate) fn find(&self, id: &str) -> Result<Directory> {
        check_id(id)?;
        match open_directory(&self.root, Path::new(id)) {
            Err(Errno::NOENT) => Err(Error::new(Kind::NotFound, Op::State).on(id).message("container does not exist")),
            opened => Ok(Directory { fd: opened.at(Op::State).map_err(|error| error.on(id))?, id: id.to_owned() }),
        }
    }

    /// All ids, sorted.
    pub(crate) fn ids(&self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.root).at(Op::State)? {
            let entry = entry.at(Op::State)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." && check_id(&name).is_ok() {
                ids.push(name);
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// Removes the directory of a container and what is in it. One that is gone is fine.
    pub(crate) fn remove(&self, directory: &Directory) -> Result<()> {
        // A restore that was killed leaves the root mounted that it gave to CRIU.
        if directory.has(CRIU_ROOT) {
            let path = format!("/proc/self/fd/{}/{}", directory.fd.as_raw_fd(), CRIU_ROOT.to_string_lossy());
            rustix::mount::unmount(path, rustix::mount::UnmountFlags::DETACH).ok();
            absent(rustix::fs::unlinkat(&directory.fd, CRIU_ROOT, AtFlags::REMOVEDIR)).at(Op::State)?;
        }
        // The record goes last: until then a later call can finish the removal.
        for name in [GATE, NEW_GATE, LAUNCHING, CONFIG, NEW_RECORD, RECORD, NO_CGROUP] {
            absent(rustix::fs::unlinkat(&directory.fd, name, AtFlags::empty())).at(Op::State)?;
        }
        let last = || absent(rustix::fs::unlinkat(&self.root, directory.id.as_str(), AtFlags::REMOVEDIR));
        let removed = match last() {
            // The socket of a service, or what somebody else has put there.
            Err(Errno::NOTEMPTY) => {
                empty(&directory.fd).at(Op::State).map_err(|error| error.on(&directory.id))?;
                last()
            }
            removed => removed,
        };
        removed.at(Op::State).map_err(|error| error.on(&directory.id))
    }
}

impl Directory {
    /// Waits until nobody else changes this container: neither another process nor another thread, so each lock has a
    /// description of its own (flock(2)).
    pub(crate) fn lock(&self) -> Result<Lock> {
        let own = open_directory(&self.fd, Path::new(".")).at(Op::State)?;
        self.wait_for(&own)?;
        let stat = rustix::fs::fstat(&own).at(Op::State)?;
        match stat.st_nlink {
            // Removed while it was waited for: the name may belong to a new container now.
            0 => Err(Error::new(Kind::NotFound, Op::State).on(&self.id).message("container does not exist")),
            _ => Ok(Lock { held: own, owner: stat.st_uid }),
        }
    }

    fn wait_for(&self, own: &OwnedFd) -> Result<()> {
        let deadline = Instant::now() + LOCK_TIMEOUT;
        let mut pause = Duration::from_micros(100);
        loop {
            match rustix::fs::flock(own, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < deadline => std::thread::sleep(pause),
                Err(Errno::WOULDBLOCK) => {
                    return Err(Error::new(Kind::Timeout, Op::State)
                        .on(&self.id)
                        .message("another call holds its lock"));
                }
                Err(errno) => return Err(errno).at(Op::State),
            }
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// The open directory.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The container's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether another call is changing this container now.
    pub(crate) fn is_busy(&self) -> bool {
        let Ok(probe) = open_directory(&self.fd, Path::new(".")) else { return false };
        rustix::fs::flock(&probe, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
    }

    /// The record; `None` where `create` has not come that far.
    pub(crate) fn record(&self) -> Result<Option<Record>> {
        let Some(bytes) = self.read(RECORD)? else { return Ok(None) };
        let record = serde_json::from_slice(&bytes)
            .map_err(|error| Error::new(Kind::System, Op::State).on(&self.id).message("damaged record").cause(error))?;
        Ok(Some(record))
    }

    /// Writes the configuration. From here on an interrupted `create` can be cleaned up after.
    pub(crate) fn keep_config(&self, config: &[u8]) -> Result<()> {
        self.write(CONFIG, config)
    }

    /// Writes the record; a reader sees the old one or the new one.
    pub(crate) fn replace(&self, record: &Record) -> Result<()> {
        self.write_new(record)?;
        self.take_new()
    }

    /// Writes a record that takes the place of the other with [`Directory::take_new`].
    pub(crate) fn write_new(&self, record: &Record) -> Result<()> {
        self.write(NEW_RECORD, &encode(record)?)
    }

    /// The new record is the record.
    pub(crate) fn take_new(&self) -> Result<()> {
        rustix::fs::renameat(&self.fd, NEW_RECORD, &self.fd, RECORD).at(Op::State)
    }

    /// The configuration the container was created from.
    pub(crate) fn config(&self) -> Result<Option<Vec<u8>>> {
        self.read(CONFIG)
    }

    /// Writes down that the container gets no cgroup.
    pub(crate) fn keep_no_cgroup(&self) -> Result<()> {
        rustix::fs::mknodat(&self.fd, NO_CGROUP, FileType::RegularFile, Mode::from_raw_mode(0o600), 0).at(Op::State)
    }

    /// Whether it got none.
    pub(crate) fn has_no_cgroup(&self) -> bool {
        self.has(NO_CGROUP)
    }

    /// Whether nobody has knocked at the start gate yet.
    pub(crate) fn has_gate(&self) -> bool {
        self.has(GATE)
    }

    /// The address of the start gate while the container is being created, and after. Socket addresses hold 107 bytes, state
    /// roots may be longer: it goes through the descriptor.
    pub(crate) fn gate(&self, created: bool) -> PathBuf {
        let name = if created { "gate" } else { ".gate" };
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.fd.as_raw_fd()))
    }

    /// The container is created: its gate can be found.
    pub(crate) fn show_gate(&self) -> Result<()> {
        rustix::fs::renameat(&self.fd, NEW_GATE, &self.fd, GATE).at(Op::State)
    }

    /// Whether init is still on its way to the gate.
    pub(crate) fn has_new_gate(&self) -> bool {
        self.has(NEW_GATE)
    }

    /// A container without a gate is on its way to its program.
    pub(crate) fn begin_launch(&self) -> Result<()> {
        rustix::fs::mknodat(&self.fd, LAUNCHING, FileType::RegularFile, Mode::from_raw_mode(0o600), 0).at(Op::State)
    }

    /// Its program runs.
    pub(crate) fn end_launch(&self) -> Result<()> {
        absent(rustix::fs::unlinkat(&self.fd, LAUNCHING, AtFlags::empty())).at(Op::State)
    }

    /// Whether it still is on its way. Whoever launches it holds the lock: one who was killed leaves a container that runs.
    pub(crate) fn is_launching(&self) -> bool {
        self.has(LAUNCHING) && self.is_busy()
    }

    /// Takes the gate away: the container is started.
    pub(crate) fn remove_gate(&self) -> Result<()> {
        absent(rustix::fs::unlinkat(&self.fd, GATE, AtFlags::empty())).at(Op::State)
    }

    /// The name of the socket over which a container says that it is ready, in a directory that the container sees.
    pub(crate) const NOTIFY_SOCKET: &str = "notify.sock";

    /// Makes that directory, for every user to enter; a detached mount of it, unless init is to make that.
    pub(crate) fn make_notify(&self, plan: &Plan) -> Result<Option<OwnedFd>> {
        let mode = Mode::from_raw_mode(0o755);
        rustix::fs::mkdirat(&self.fd, NOTIFY, mode).at(Op::Notify)?;
        let notify = open_directory(&self.fd, Path::new("notify")).at(Op::Notify)?;
        // Whatever the umask of the program is.
        rustix::fs::fchmod(&notify, mode).at(Op::Notify)?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let wanted = plan.opens.iter().any(|(open, _)| matches!(open, Open::Notify));
        wanted.then(|| rustix::mount::open_tree(&self.fd, NOTIFY, flags).at(Op::Notify)).transpose()
    }

    /// Whether the container was created with one.
    pub(crate) fn has_notify(&self) -> bool {
        self.has(NOTIFY)
    }

    /// Gives the socket its name, for every user to write to.
    pub(crate) fn bind_notify(&self, socket: &OwnedFd) -> Result<()> {
        let notify = open_directory(&self.fd, Path::new("notify")).at(Op::Notify)?;
        absent(rustix::fs::unlinkat(&notify, Self::NOTIFY_SOCKET, AtFlags::empty())).at(Op::Notify)?;
        let path = format!("/proc/self/fd/{}/{}", notify.as_raw_fd(), Self::NOTIFY_SOCKET);
        rustix::net::bind(socket, &SocketAddrUnix::new(&path).at(Op::Notify)?).at(Op::Notify)?;
        // By a descriptor of the socket: a privileged container could have put a link to something else in its place.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let bound = rustix::fs::openat(&notify, Self::NOTIFY_SOCKET, flags, Mode::empty()).at(Op::Notify)?;
        if FileType::from_raw_mode(rustix::fs::fstat(&bound).at(Op::Notify)?.st_mode) != FileType::Socket {
            return Err(Error::new(Kind::System, Op::Notify).message("the socket was replaced by something else"));
        }
        let path = format!("/proc/self/fd/{}", bound.as_raw_fd());
        rustix::fs::chmod(&path, Mode::from_raw_mode(0o777)).at(Op::Notify)
    }

    fn has(&self, name: &CStr) -> bool {
        rustix::fs::accessat(&self.fd, name, rustix::fs::Access::EXISTS, AtFlags::empty()).is_ok()
    }

    fn read(&self, name: &CStr) -> Result<Option<Vec<u8>>> {
        match rustix::fs::openat(&self.fd, name, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty()) {
            Err(Errno::NOENT) => Ok(None),
            opened => crate::sys::file::read_all(opened.at(Op::State)?, usize::MAX).at(Op::State).map(Some),
        }
    }

    fn write(&self, name: &CStr, bytes: &[u8]) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(0o600)).at(Op::State)?;
        crate::sys::file::write_all(&file, bytes).at(Op::State)
    }
}

/// The time now, RFC 3339 with nanoseconds.
pub(crate) fn timestamp() -> String {
    humantime::format_rfc3339_nanos(SystemTime::now()).to_string()
}

fn encode(record: &Record) -> Result<Vec<u8>> {
    serde_json::to_vec(record).map_err(|error| Error::new(Kind::System, Op::State).cause(error))
}

fn open_directory(dir: impl AsFd, path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(dir, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Removes all that is in a directory. It follows no link and enters no other mount: that has content of its own.
fn empty(directory: &OwnedFd) -> Result<(), Errno> {
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        match absent(rustix::fs::unlinkat(directory, name, AtFlags::empty())) {
            Err(Errno::ISDIR) => {}
            removed => {
                removed?;
                continue;
            }
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let inside = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        empty(&rustix::fs::openat2(directory, name, flags, Mode::empty(), inside)?)?;
        absent(rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR))?;
    }
    Ok(())
}

fn make_with_parents(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).at(Op::OpenRoot).map_err(|error| error.on(path))
}

fn absent(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// The characters that runc and crun allow; `.` and `..` are directories of their own.
pub(crate) fn check_id(id: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-.".contains(&byte);
    match id {
        "" => Err(Error::new(Kind::Argument, Op::Id).message("container id cannot be empty")),
        "." | ".." => Err(Error::new(Kind::Argument, Op::Id).on(id).message("invalid container id")),
        _ if id.len() > 1024 || !id.bytes().all(allowed) => Err(Error::new(Kind::Argument, Op::Id)
            .on(id)
            .message("invalid container id")
            .hint("an id is made of A-Z a-z 0-9 _ + - . and has at most 1024 characters")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_names_of_one_directory() {
        for id in ["a", "web-1", "A_b+c.d", "..."] {
            assert!(check_id(id).is_ok(), "{id}");
        }
        for id in ["", ".", "..", "a/b", "../x", "a b", "ä", "a\0", "@seccomp"] {
            assert_eq!(check_id(id).unwrap_err().kind(), Kind::Argument, "{id:?}");
        }
    }

    #[test]
    fn what_others_put_into_a_directory_goes_with_it_and_links_are_not_followed() {
        let dir = std::env::temp_dir().join(format!("orlop-foreign-{}", std::process::id()));
        let kept = dir.with_extension("kept");
        std::fs::create_dir_all(&kept).unwrap();
        std::fs::write(kept.join("file"), "stays").unwrap();
        let store = Store::open(&dir).unwrap();
        let (made, _lock) = store.make("web").unwrap();
        std::fs::create_dir_all(dir.join("web/deep/er")).unwrap();
        std::fs::write(dir.join("web/deep/er/file"), "goes").unwrap();
        std::os::unix::fs::symlink(&kept, dir.join("web/deep/link")).unwrap();
        store.remove(&made).unwrap();
        assert_eq!(std::fs::read(kept.join("file")).unwrap(), b"stays");
        // Nothing is left: not even a name.
        std::fs::remove_dir(dir).unwrap();
        std::fs::remove_dir_all(kept).unwrap();
    }

    #[test]
    fn two_cannot_make_the_same() {
        let dir = std::env::temp_dir().join(format!("orlop-store-{}", std::process::id()));
        let store = Store::open(&dir).unwrap();
        let (made, lock) = store.make("web").unwrap();
        assert_eq!(store.make("web").unwrap_err().kind(), Kind::Exists);
        assert!(store.find("web").unwrap().is_busy());
        drop(lock);
        assert!(!store.find("web").unwrap().is_busy(), "the lock ends before the directory is let go of");
        assert_eq!(store.ids().unwrap(), ["web"]);
        assert!(made.record().unwrap().is_none());
        store.remove(&made).unwrap();
        store.remove(&made).unwrap();
        let _again = store.make("web").unwrap();
        assert_eq!(made.lock().unwrap_err().kind(), Kind::NotFound, "the name is another container's now");
        store.remove(&store.find("web").unwrap()).unwrap();
        assert_eq!(store.find("web").unwrap_err().kind(), Kind::NotFound);
        std::fs::remove_dir(dir).unwrap();
    }
}
