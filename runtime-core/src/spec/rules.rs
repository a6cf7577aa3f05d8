//! Rules that tie sections together: what asks for a namespace, and what excludes each other.
//!
//! Comes in: a `Spec` whose sections are each right. Goes out: the first rule it breaks.

use super::{IdMap, Linux, MappedIds, Namespace, NamespaceKind, Spec, sysctl};
use crate::error::{Error, Pointer, Result};

/// Checks all rules.
pub(super) fn check(spec: &Spec<'_>) -> Result<()> {
    names(spec)?;
    users(&spec.linux)?;
    mapped_mounts(spec)?;
    clocks(&spec.linux)?;
    interfaces(&spec.linux)?;
    spec.linux.sysctl.iter().try_for_each(|sysctl| sysctl::owned(sysctl, &spec.linux.namespaces))
}

/// A host name of its own needs a UTS namespace, and is set in one place.
fn names(spec: &Spec<'_>) -> Result<()> {
    for (field, value) in [("/hostname", &spec.hostname), ("/domainname", &spec.domainname)] {
        if value.is_none() {
            continue;
        }
        needs(&spec.linux, NamespaceKind::Uts, field)?;
        let same = |path: &str| path.strip_prefix("kernel") == Some(field);
        if let Some(sysctl) = spec.linux.sysctl.iter().find(|sysctl| same(&sysctl.path)) {
            let message = format!("this sysctl and {field} set the same name");
            return Err(Error::config(sysctl.at.clone(), message).hint("keep one of them"));
        }
    }
    Ok(())
}

/// Mappings belong to a user namespace; a joined one may repeat its own.
fn users(linux: &Linux<'_>) -> Result<()> {
    let mappings =
        [("/linux/uidMappings", linux.uid_mappings.is_empty()), ("/linux/gidMappings", linux.gid_mappings.is_empty())];
    for (field, none) in mappings {
        if !none {
            needs(linux, NamespaceKind::User, field)?;
        } else if *linux.namespaces.get(NamespaceKind::User) == Namespace::New {
            let message = "a new user namespace needs mappings of both users and groups";
            return Err(Error::config(Pointer::new(field), message));
        }
    }
    Ok(())
}

/// "If there are no uidMappings and gidMappings specified and the container isn't using user namespaces, an error MUST be
/// returned."
fn mapped_mounts(spec: &Spec<'_>) -> Result<()> {
    if *spec.linux.namespaces.get(NamespaceKind::User) != Namespace::Host {
        return Ok(());
    }
    match spec.mounts.iter().find_map(|mount| mount.id_map.as_ref().filter(|map| map.ids == MappedIds::Containers)) {
        None => Ok(()),
        Some(IdMap { at, .. }) => {
            Err(Error::config(at.clone(), "an id-mapped mount needs mappings, or a container with a user namespace")
                .hint("give the mount uidMappings and gidMappings"))
        }
    }
}

/// The offsets of a time namespace can be set only before a process is in it (`time_namespaces(7)`).
fn clocks(linux: &Linux<'_>) -> Result<()> {
    if linux.time_offsets.is_empty() || *linux.namespaces.get(NamespaceKind::Time) == Namespace::New {
        return Ok(());
    }
    Err(Error::config(Pointer::new("/linux/timeOffsets"), "`timeOffsets` needs a new time namespace")
        .hint("add {\"type\": \"time\"} to linux.namespaces"))
}

/// An interface is in one network namespace at a time: without another one there is nowhere to move it to.
fn interfaces(linux: &Linux<'_>) -> Result<()> {
    match linux.net_devices.is_empty() {
        true => Ok(()),
        false => needs(linux, NamespaceKind::Network, "/linux/netDevices"),
    }
}

fn needs(linux: &Linux<'_>, kind: NamespaceKind, field: &'static str) -> Result<()> {
    if *linux.namespaces.get(kind) != Namespace::Host {
        return Ok(());
    }
    let (name, what) = (kind.name(), field.rsplit('/').next().unwrap_or_default());
    Err(Error::config(Pointer::new(field), format!("`{what}` needs a new or joined {name} namespace"))
        .hint(format!("add {{\"type\": \"{name}\"}} to linux.namespaces")))
}
