//! Who makes the container: the host's root, root of a user namespace, or a user (user_namespaces(7)).

use rustix::process::{getegid, geteuid};

use crate::spec::Capabilities;

/// What whoever calls may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Root of the host.
    #[default]
    Root,
    /// Root of a user namespace, such as that of `podman unshare`: everything but what asks for the host's privileges.
    NamespaceRoot,
    /// Somebody without `CAP_SYS_ADMIN`: what asks for privilege is done in a user namespace of the container's.
    User(User),
}

/// A user, and which ids beside their own they may map themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Has `CAP_SETUID`: any.
    pub(crate) maps_uids: bool,
    /// Has `CAP_SETGID`: any.
    pub(crate) maps_gids: bool,
}

/// The inode of the first user namespace, the same on every machine (`PROC_USER_INIT_INO` of linux/proc_ns.h).
const FIRST_NAMESPACE: u64 = 0xEFFF_FFFD;

impl Caller {
    /// The caller who has these capabilities.
    pub(super) fn with(capabilities: u64) -> Self {
        let has = |name| Capabilities::bit(name).is_some_and(|bit| capabilities & bit != 0);
        if has("CAP_SYS_ADMIN") {
            return if is_in_first_namespace() { Self::Root } else { Self::NamespaceRoot };
        }
        Self::User(User {
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
            maps_uids: has("CAP_SETUID"),
            maps_gids: has("CAP_SETGID"),
        })
    }

    /// Whether device nodes can be made and detached mounts handed to init.
    pub(crate) fn is_root(self) -> bool {
        self == Self::Root
    }

    /// The user, where it is one.
    pub(crate) fn user(self) -> Option<User> {
        match self {
            Self::User(user) => Some(user),
            Self::Root | Self::NamespaceRoot => None,
        }
    }
}

/// One question of each start: reading `uid_map` would be three.
fn is_in_first_namespace() -> bool {
    rustix::fs::stat(c"/proc/self/ns/user").is_ok_and(|namespace| namespace.st_ino == FIRST_NAMESPACE)
}
