//! Rules that tie sections together: what asks for a namespace, and what excludes each other.
//!
//! Comes in: a `Spec` whose sections are each right. Goes out: the first rule it breaks.

use super::{Linux, Namespace, NamespaceKind, Spec, sysctl};
use crate::error::{Error, Pointer, Result};

/// Checks all rules.
pub(super) fn check(spec: &Spec<'_>) -> Result<()> {
    names(spec)?;
    paths(&spec.linux)?;
    users(&spec.linux)?;
    clocks(&spec.linux)?;
    spec.linux.sysctl.iter().try_for_each(|sysctl| sysctl::owned(sysctl, &spec.linux.namespaces))
}

/// A host name of its own needs a UTS namespace, and is set in one place.
fn names(spec: &Spec<'_>) -> Result<()> {
    for (field, value) in [("hostname", &spec.hostname), ("domainname", &spec.domainname)] {
        if value.is_none() {
            continue;
        }
        needs(&spec.linux, NamespaceKind::Uts, || Pointer::default().key(field), field)?;
        let same = |path: &str| path.strip_prefix("kernel/") == Some(field);
        if let Some(sysctl) = spec.linux.sysctl.iter().find(|sysctl| same(&sysctl.path)) {
            let message = format!("this sysctl and /{field} set the same name");
            return Err(Error::config(sysctl.at.clone(), message).hint("keep one of them"));
        }
    }
    Ok(())
}

/// Hidden and read-only paths are mounts: without a mount namespace they would be the host's.
fn paths(linux: &Linux<'_>) -> Result<()> {
    if !linux.masked_paths.is_empty() {
        needs(linux, NamespaceKind::Mount, || Pointer::new("/linux/maskedPaths"), "maskedPaths")?;
    }
    if !linux.readonly_paths.is_empty() {
        needs(linux, NamespaceKind::Mount, || Pointer::new("/linux/readonlyPaths"), "readonlyPaths")?;
    }
    Ok(())
}

/// Mappings belong to a user namespace; a joined one may repeat its own.
fn users(linux: &Linux<'_>) -> Result<()> {
    let mappings =
        [("/linux/uidMappings", linux.uid_mappings.is_empty()), ("/linux/gidMappings", linux.gid_mappings.is_empty())];
    for (field, empty) in mappings {
        match linux.namespaces.get(NamespaceKind::User) {
            Namespace::Host if !empty => {
                needs(linux, NamespaceKind::User, || Pointer::new(field), "an id mapping")?;
            }
            Namespace::New if empty => {
                return Err(Error::config(
                    Pointer::new(field),
                    "a new user namespace needs id mappings for users and groups",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The offsets of a time namespace can be set only before a process is in it (`time_namespaces(7)`).
fn clocks(linux: &Linux<'_>) -> Result<()> {
    let field = Pointer::new("/linux/timeOffsets");
    if linux.time_offsets.is_empty() || *linux.namespaces.get(NamespaceKind::Time) == Namespace::New {
        return Ok(());
    }
    Err(Error::config(field, "`timeOffsets` needs a new time namespace")
        .hint("add {\"type\": \"time\"} to linux.namespaces"))
}

fn needs(linux: &Linux<'_>, kind: NamespaceKind, field: impl Fn() -> Pointer, what: &str) -> Result<()> {
    if *linux.namespaces.get(kind) != Namespace::Host {
        return Ok(());
    }
    let name = kind.name();
    Err(Error::config(field(), format!("{what} needs a {name} namespace"))
        .hint(format!("add {{\"type\": \"{name}\"}} to linux.namespaces")))
}
