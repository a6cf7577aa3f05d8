//! The default bundle as an ordinary user's engine writes it.
//!
//! In: the default config and who runs the tests. Out: the same for root. For anybody else it is what
//! `runc spec --rootless` changes, with the user's own ranges of ids in place of one id: a user namespace whose root is
//! the user, and no limits, since a rule for devices is root's to set. The rest stays: in a network namespace of its
//! own a user may mount sysfs, and group 5 of devpts is mapped.

use std::fs;

use nix::unistd::{Uid, User, getegid, geteuid};
use serde_json::{Value, json};

/// The config for whoever runs this.
pub(crate) fn adapted(mut config: Value) -> Value {
    if !here() {
        return config;
    }
    let user = geteuid();
    let linux = config["linux"].as_object_mut().expect("the default has linux");
    linux.remove("resources");
    linux["namespaces"].as_array_mut().expect("namespaces").push(json!({"type": "user"}));
    linux.insert("uidMappings".to_owned(), mappings(user.as_raw(), range("/etc/subuid", user)));
    linux.insert("gidMappings".to_owned(), mappings(getegid().as_raw(), range("/etc/subgid", user)));
    config
}

/// Whether the tests are an ordinary user's.
pub fn here() -> bool {
    !geteuid().is_root()
}

/// A new proc or sysfs is of a pid or network namespace that the user owns. Without one the host's is bound, as
/// `runc spec --rootless` does.
pub(crate) fn show_the_hosts(namespace: &str, config: &mut Value) {
    let (destination, kind) = match namespace {
        "pid" => ("/proc", "proc"),
        "network" => ("/sys", "sysfs"),
        _ => return,
    };
    let mounts = config["mounts"].as_array_mut().expect("mounts").iter_mut();
    for mount in mounts.filter(|mount| here() && mount["type"] == kind) {
        *mount = json!({"destination": destination, "source": destination, "type": "bind", "options": ["rbind"]});
    }
}

/// Root is the caller; the others are of the caller's range, if there is one.
fn mappings(own: u32, range: Option<(u32, u32)>) -> Value {
    let mut all = vec![json!({"containerID": 0, "hostID": own, "size": 1})];
    all.extend(range.map(|(first, size)| json!({"containerID": 1, "hostID": first, "size": size})));
    all.into()
}

/// First id and size of the user's range: `name:100000:65536`, subuid(5).
fn range(file: &str, user: Uid) -> Option<(u32, u32)> {
    let name = User::from_uid(user).ok().flatten().map_or_else(|| user.to_string(), |user| user.name);
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let fields = lines.find(|fields| fields.len() == 3 && (fields[0] == name || fields[0] == user.to_string()))?;
    Some((fields[1].parse().ok()?, fields[2].parse().ok()?))
}
