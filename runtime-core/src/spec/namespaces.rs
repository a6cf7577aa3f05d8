//! `linux.namespaces` and the id mappings (config-linux.md, "Namespaces", "User namespace mappings").

use serde::Deserialize;

use super::Str;
use super::json::Object;
use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

/// Where each namespace of the container comes from.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Namespaces<'c> {
    /// One of each of the eight kinds, in the order of [`NamespaceKind`].
    pub of: [Namespace<'c>; 8],
}

impl<'c> Namespaces<'c> {
    /// The namespace of this kind.
    #[must_use]
    pub fn get(&self, kind: NamespaceKind) -> &Namespace<'c> {
        let [user, mount, pid, network, ipc, uts, cgroup, time] = &self.of;
        match kind {
            NamespaceKind::User => user,
            NamespaceKind::Mount => mount,
            NamespaceKind::Pid => pid,
            NamespaceKind::Network => network,
            NamespaceKind::Ipc => ipc,
            NamespaceKind::Uts => uts,
            NamespaceKind::Cgroup => cgroup,
            NamespaceKind::Time => time,
        }
    }
}

/// Where one namespace comes from.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Namespace<'c> {
    /// The caller's own: not listed.
    #[default]
    Host,
    /// A new one.
    New,
    /// The one behind this absolute path, and the pointer of `path`.
    Join(Str<'c>, Pointer),
}

/// The kinds of `namespaces(7)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceKind {
    /// `user`
    User,
    /// `mount`
    Mount,
    /// `pid`
    Pid,
    /// `network`
    Network,
    /// `ipc`
    Ipc,
    /// `uts`
    Uts,
    /// `cgroup`
    Cgroup,
    /// `time`
    Time,
}

impl NamespaceKind {
    /// All kinds, in the order in which they are joined: the user namespace first, for its privileges.
    pub const ALL: [Self; 8] =
        [Self::User, Self::Mount, Self::Pid, Self::Network, Self::Ipc, Self::Uts, Self::Cgroup, Self::Time];

    /// The `CLONE_NEW*` flag of `clone(2)`.
    #[must_use]
    pub const fn flag(self) -> u32 {
        match self {
            Self::User => 0x1000_0000,
            Self::Mount => 0x0002_0000,
            Self::Pid => 0x2000_0000,
            Self::Network => 0x4000_0000,
            Self::Ipc => 0x0800_0000,
            Self::Uts => 0x0400_0000,
            Self::Cgroup => 0x0200_0000,
            Self::Time => 0x0000_0080,
        }
    }

    /// The name in `config.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Mount => "mount",
            Self::Pid => "pid",
            Self::Network => "network",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
            Self::Cgroup => "cgroup",
            Self::Time => "time",
        }
    }
}

/// One line of `/proc/<pid>/uid_map` (`user_namespaces(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdMapping {
    /// The first id inside the container.
    pub container_id: u32,
    /// The first id on the host.
    pub host_id: u32,
    /// How many, at least 1.
    pub size: u32,
}

impl IdMapping {
    /// The host's id for `id` of the container, where this mapping has it.
    #[must_use]
    pub fn host_id_of(&self, id: u32) -> Option<u32> {
        let offset = id.checked_sub(self.container_id).filter(|offset| *offset < self.size)?;
        self.host_id.checked_add(offset)
    }
}

/// One namespace as it stands.
#[derive(Deserialize)]
pub(super) struct RawNamespace<'c> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'c>>,
    #[serde(borrow)]
    path: Option<Text<'c>>,
}

/// One mapping as it stands.
#[derive(Deserialize)]
pub(super) struct RawIdMapping {
    #[serde(rename = "containerID")]
    container_id: Option<u32>,
    #[serde(rename = "hostID")]
    host_id: Option<u32>,
    size: Option<u32>,
}

/// Checks all namespaces: "the runtime MUST generate an error if namespaces contains duplicated entries with same type".
pub(super) fn check<'c>(namespaces: Option<Vec<Object<RawNamespace<'c>>>>) -> Result<Namespaces<'c>> {
    let mut checked = Namespaces::default();
    for (at, namespace) in text::each(namespaces, Pointer::new("/linux/namespaces")) {
        let kind = kind(namespace.kind, &at)?;
        let slot = slot(&mut checked, kind);
        if *slot != Namespace::Host {
            return Err(Error::config(at.key("type"), format!("a second `{}` namespace", kind.name())));
        }
        *slot = match text::some(namespace.path) {
            None => Namespace::New,
            Some(path) if path.starts_with('/') => Namespace::Join(path, at.key("path")),
            Some(path) => {
                return Err(Error::config(at.key("path"), format!("namespace path `{path}` is not absolute")));
            }
        };
    }
    Ok(checked)
}

/// Checks the mappings `at`; whether they overlap is for the kernel to say.
pub(super) fn mappings(mappings: Option<Vec<Object<RawIdMapping>>>, at: Pointer) -> Result<Vec<IdMapping>> {
    text::each(mappings, at).map(|(at, mapping)| check_mapping(&mapping, &at)).collect()
}

fn kind(name: Option<Text<'_>>, at: &Pointer) -> Result<NamespaceKind> {
    let Some(Text(name)) = name else {
        return Err(Error::config(at.key("type"), "a namespace needs a `type`"));
    };
    NamespaceKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        Error::config(at.key("type"), format!("unknown namespace type `{name}`"))
            .hint("the types are user, mount, pid, network, ipc, uts, cgroup and time")
    })
}

fn slot<'a, 'c>(namespaces: &'a mut Namespaces<'c>, kind: NamespaceKind) -> &'a mut Namespace<'c> {
    let [user, mount, pid, network, ipc, uts, cgroup, time] = &mut namespaces.of;
    match kind {
        NamespaceKind::User => user,
        NamespaceKind::Mount => mount,
        NamespaceKind::Pid => pid,
        NamespaceKind::Network => network,
        NamespaceKind::Ipc => ipc,
        NamespaceKind::Uts => uts,
        NamespaceKind::Cgroup => cgroup,
        NamespaceKind::Time => time,
    }
}

fn check_mapping(mapping: &RawIdMapping, at: &Pointer) -> Result<IdMapping> {
    let (Some(container_id), Some(host_id), Some(size)) = (mapping.container_id, mapping.host_id, mapping.size) else {
        return Err(Error::config(at.clone(), "an id mapping needs `containerID`, `hostID` and `size`"));
    };
    if size == 0 {
        return Err(Error::config(at.key("size"), "an id mapping of size 0 maps nothing"));
    }
    // The last id, 2³²−1, means "no change" to chown(2) and cannot be mapped (user_namespaces(7)).
    if container_id.checked_add(size).is_none() || host_id.checked_add(size).is_none() {
        return Err(Error::config(at.key("size"), "the id mapping runs past the last id, 4294967294"));
    }
    Ok(IdMapping { container_id, host_id, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_the_hosts_new_or_joined() {
        let raw = serde_json::from_str(
            r#"[{"type":"time"},{"type":"network","path":"/run/netns/a"},{"type":"pid","path":""}]"#,
        );
        let namespaces = check(raw.unwrap()).unwrap();
        for kind in NamespaceKind::ALL {
            let wanted = match kind {
                NamespaceKind::Time | NamespaceKind::Pid => Namespace::New,
                NamespaceKind::Network => {
                    Namespace::Join("/run/netns/a".into(), Pointer::new("/linux/namespaces/1/path"))
                }
                _ => Namespace::Host,
            };
            assert_eq!(*namespaces.get(kind), wanted, "{}", kind.name());
        }
    }
}
