//! The home directory of the container's user, for an environment that does not name one (as runc and crun set `HOME`).

use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};

use crate::spec::{MountKind, Process, Spec};

/// The largest `passwd` that is read: what lies beyond is another machine's problem.
const LARGEST: u64 = 1 << 20;

/// The home to add to the environment; `None` where the environment has one.
pub(super) fn home(process: &Process<'_>, passwd: impl FnOnce() -> Option<OwnedFd>) -> Option<String> {
    if process.env.iter().any(|variable| variable.starts_with("HOME=") && variable.len() > "HOME=".len()) {
        return None;
    }
    let found = passwd().and_then(read).and_then(|text| entry(&text, process.user.uid));
    Some(found.unwrap_or_else(|| "/".to_owned()))
}

/// `/etc/passwd` of a root that is not running yet: where an engine mounts one, that.
pub(super) fn in_root(spec: &Spec<'_>, bundle: &Path, root: &Path) -> Option<OwnedFd> {
    let mounted = spec.mounts.iter().rev().find_map(|mount| match &mount.kind {
        MountKind::Bind { source, .. } if mount.destination == "/etc/passwd" => Some(bundle.join(&**source)),
        _ => None,
    });
    match mounted {
        Some(source) => open(CWD, &source, ResolveFlags::NO_MAGICLINKS),
        None => below(root),
    }
}

/// `/etc/passwd` beneath a directory, whatever links lie on the way.
pub(super) fn below(root: &Path) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(root, flags, Mode::empty()).ok()?;
    open(&root, Path::new("etc/passwd"), ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
}

fn open(dir: impl std::os::fd::AsFd, path: &Path, resolve: ResolveFlags) -> Option<OwnedFd> {
    // A FIFO in an image must not hang the runtime, and to open a device is to use it (a watchdog begins to count).
    let found = rustix::fs::openat2(dir, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve).ok()?;
    let stat = rustix::fs::fstat(&found).ok()?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
        return None;
    }
    let found = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&found));
    rustix::fs::open(found, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()
}

fn read(file: OwnedFd) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::from(file).take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The sixth field of the first line for this user (passwd(5)).
fn entry(text: &str, uid: u32) -> Option<String> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let id: u32 = fields.nth(2)?.parse().ok()?;
        let home = fields.nth(2)?;
        (id == uid && !home.is_empty()).then(|| home.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn the_first_line_of_the_user_counts() {
        let text = "# comment\nroot:x:0:0:root:/root:/bin/sh\nbroken:x\nweb:x:33:33::/var/www:/bin/false\nalso:x:33:33::/no:\n";
        assert_eq!(entry(text, 33).as_deref(), Some("/var/www"));
        assert_eq!(entry(text, 0).as_deref(), Some("/root"));
        assert_eq!(entry(text, 5), None);
    }
}
