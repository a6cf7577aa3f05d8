//! Facts of the calling process: what it may hand on.

use std::os::fd::BorrowedFd;

use rustix::fs::{FileType, fstat};

use crate::error::{At, Op, Result};
use crate::spec::{Linux, Namespace, NamespaceKind, Process};
use crate::sys::streams::Streams;

/// The capabilities this process has, and so can grant.
pub(super) fn capabilities() -> Result<u64> {
    Ok(rustix::thread::capabilities(None).at(Op::Probe)?.permitted.bits())
}

/// The standard streams that are not the user's yet. `/dev/null` belongs to everybody and stays as it is.
pub(super) fn streams_to_own(process: &Process<'_>, linux: &Linux<'_>, given: Streams<'_>) -> Vec<u32> {
    if process.terminal {
        return Vec::new();
    }
    foreign(given, id_here(process.user.uid, linux))
}

/// The standard streams that are the host's null device: the container's own takes their place.
pub(super) fn null_streams(process: &Process<'_>, given: Streams<'_>) -> Vec<u32> {
    if process.terminal {
        return Vec::new();
    }
    those(given, is_null)
}

/// What this process sees as the owner of a file that is the container's `uid`; not known of a user namespace that is joined.
fn id_here(uid: u32, linux: &Linux<'_>) -> Option<u32> {
    match linux.namespaces.get(NamespaceKind::User) {
        Namespace::Host => Some(uid),
        Namespace::New => linux.uid_mappings.iter().find_map(|map| map.host_id_of(uid)),
        Namespace::Join(..) => None,
    }
}

fn foreign(given: Streams<'_>, uid: Option<u32>) -> Vec<u32> {
    those(given, |stat| Some(stat.st_uid) != uid && !is_null(stat))
}

fn those(given: Streams<'_>, wanted: impl Fn(&rustix::fs::Stat) -> bool) -> Vec<u32> {
    let stream = |number, given: Option<_>| given.or_else(|| crate::sys::streams::standard(number));
    let streams = given.into_iter().enumerate().map(|(number, given)| stream(number, given));
    let wanted =
        |stream: Option<BorrowedFd<'_>>| stream.and_then(|fd| fstat(fd).ok()).is_some_and(|stat| wanted(&stat));
    (0..).zip(streams).filter(|(_, stream)| wanted(*stream)).map(|(number, _)| number).collect()
}

fn is_null(stat: &rustix::fs::Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == libc::makedev(1, 3)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn null_is_nobodys_whatever_this_programs_own_streams_are() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let (pipe, _other_end) = std::io::pipe().unwrap();
        let given = [Some(null.as_fd()), Some(pipe.as_fd()), Some(null.as_fd())];
        assert_eq!(foreign(given, Some(12345)), [1]);
        assert_eq!(foreign(given, Some(rustix::process::geteuid().as_raw())), [0; 0]);
        assert_eq!(foreign(given, None), [1]);
        assert_eq!(those(given, is_null), [0, 2]);
    }
}
