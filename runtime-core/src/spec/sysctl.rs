//! `linux.sysctl`: names to paths below `/proc/sys`, and the namespace each one belongs to (config-linux.md, "Sysctl").
//!
//! A sysctl that belongs to no namespace of the container is the host's: to write it would change the host.

use super::text::Pairs;
use super::{Namespace, NamespaceKind, Namespaces, Str};
use crate::error::{Error, Pointer, Result};

/// One entry of `linux.sysctl`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sysctl<'c> {
    /// The path below `/proc/sys`, slashes between its parts.
    pub path: String,
    /// What is written.
    pub value: Str<'c>,
    /// Where it stands.
    pub at: Pointer,
}

/// The one that became a namespace's own while it had been the host's: since Linux 6.14.
pub(crate) const PID_MAX: &str = "kernel/pid_max";

/// What `ipc/ipc_sysctl.c` keeps for each IPC namespace.
const IPC: [&str; 12] = [
    "auto_msgmni",
    "msg_next_id",
    "msgmax",
    "msgmnb",
    "msgmni",
    "sem",
    "sem_next_id",
    "shm_next_id",
    "shm_rmid_forced",
    "shmall",
    "shmmax",
    "shmmni",
];

/// The names as paths, with the pointer of each.
pub(super) fn check<'c>(sysctl: Option<Pairs<'c>>) -> Result<Vec<Sysctl<'c>>> {
    let object = Pointer::new("/linux/sysctl");
    let check = |(name, value): (Str<'c>, Str<'c>)| {
        let at = object.key(&name);
        match path(&name) {
            Some(path) => Ok(Sysctl { path, value, at }),
            None => Err(Error::config(at, format!("`{name}` is not the name of a sysctl"))
                .hint("write it like net.ipv4.ip_forward or net/ipv4/ip_forward")),
        }
    };
    sysctl.unwrap_or_default().0.into_iter().map(check).collect()
}

/// Refuses a sysctl that is not the container's own.
pub(super) fn owned(sysctl: &Sysctl<'_>, namespaces: &Namespaces<'_>) -> Result<()> {
    match owner(&sysctl.path) {
        Some(kind) if *namespaces.get(kind) != Namespace::Host => Ok(()),
        Some(kind) => {
            let message =
                format!("sysctl `{}` is the host's without a new or joined {} namespace", sysctl.path, kind.name());
            Err(Error::config(sysctl.at.clone(), message)
                .hint(format!("add {{\"type\": \"{}\"}} to linux.namespaces", kind.name())))
        }
        None => Err(Error::config(
            sysctl.at.clone(),
            format!("sysctl `{}` is the host's: no namespace holds it", sysctl.path),
        )
        .hint("set it on the host")),
    }
}

fn owner(path: &str) -> Option<NamespaceKind> {
    match path.split_once('/')? {
        ("kernel", "hostname" | "domainname") => Some(NamespaceKind::Uts),
        ("kernel", name) if IPC.contains(&name) => Some(NamespaceKind::Ipc),
        ("fs", name) if name.starts_with("mqueue/") => Some(NamespaceKind::Ipc),
        ("net", _) => Some(NamespaceKind::Network),
        ("user", _) => Some(NamespaceKind::User),
        ("kernel", "ns_last_pid" | "pid_max") | ("vm", "memfd_noexec") => Some(NamespaceKind::Pid),
        _ => None,
    }
}

/// Both spellings of `sysctl(8)`: the first separator is the separator, and the other one stands for itself
/// (`net.ipv4.conf.eth0/1.forwarding`, `net/ipv4/conf/eth0.1/forwarding`).
fn path(name: &str) -> Option<String> {
    let path = match name.chars().find(|letter| matches!(letter, '.' | '/'))? {
        '/' => name.to_owned(),
        _ => name
            .chars()
            .map(|letter| {
                if letter == '.' {
                    '/'
                } else if letter == '/' {
                    '.'
                } else {
                    letter
                }
            })
            .collect(),
    };
    path.split('/').all(|part| !matches!(part, "" | "." | "..")).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_name_one_path() {
        for name in ["net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"] {
            assert_eq!(path(name).as_deref(), Some("net/ipv4/conf/eth0.1/forwarding"), "{name}");
        }
        assert_eq!(path("kernel.shmmax").as_deref(), Some("kernel/shmmax"));
    }

    #[test]
    fn a_name_cannot_leave_proc_sys() {
        for name in ["", "kernel", "/kernel/x", "net/../kernel/core_pattern", "net.//.kernel", "a..b", "net/"] {
            assert_eq!(path(name), None, "{name}");
        }
    }

    #[test]
    fn each_sysctl_has_its_namespace() {
        let cases = [
            ("kernel/shmmax", Some(NamespaceKind::Ipc)),
            ("fs/mqueue/msg_max", Some(NamespaceKind::Ipc)),
            ("net/core/somaxconn", Some(NamespaceKind::Network)),
            ("kernel/domainname", Some(NamespaceKind::Uts)),
            ("user/max_user_namespaces", Some(NamespaceKind::User)),
            ("kernel/pid_max", Some(NamespaceKind::Pid)),
            ("vm/memfd_noexec", Some(NamespaceKind::Pid)),
            ("kernel/core_pattern", None),
            ("kernel/shmmax/x", None),
            ("vm/swappiness", None),
        ];
        for (path, kind) in cases {
            assert_eq!(owner(path), kind, "{path}");
        }
    }
}
