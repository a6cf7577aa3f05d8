//! A user of the host who is not root, and a runtime that they call.
//!
//! In: a bundle. Out: the same bundle, theirs, whose runtime runs with their ids and without any capability. Their name, and their
//! ranges of `/etc/subuid` and `/etc/subgid`, are seen in a mount namespace of the call's own: no file of the host changes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use serde_json::{Value, json};

use crate::bundle::Bundle;
use crate::needs;

/// The user's id, and their group's.
pub const USER: u32 = 61_234;
/// The first id of their range, of 65,536.
pub const RANGE: u32 = 1_610_612_736;

/// What is done in the call's own mount namespace; then it becomes the user.
const BECOME: &str = r#"
for file in passwd subuid subgid; do mount --bind "$DIR/etc/$file" "/etc/$file" || exit 99; done
eval "$BEFORE" || exit 98
exec setpriv --reuid="$ID" --regid="$ID" --clear-groups --inh-caps=-all -- "$@""#;

/// The default bundle for the user: in a user namespace that maps their own ids alone, in the host's network.
pub fn bundle(script: &str) -> Bundle {
    theirs(Bundle::sh(script), "")
}

/// The same for a call before which a script of root runs, in its mount namespace.
pub fn bundle_after(script: &str, before: &str) -> Bundle {
    theirs(Bundle::sh(script), before)
}

/// What maps their own id to 0, and their range to what follows.
pub fn ranges() -> Value {
    json!([{"containerID": 0, "hostID": USER, "size": 1}, {"containerID": 1, "hostID": RANGE, "size": 65536}])
}

/// Sets both maps.
pub fn mapped(bundle: Bundle, maps: &Value) -> Bundle {
    bundle.set("/linux/uidMappings", maps.clone()).set("/linux/gidMappings", maps.clone())
}

/// As what `runc spec --rootless` writes.
fn theirs(bundle: Bundle, before: &str) -> Bundle {
    needs::root("becoming another user");
    own(&bundle);
    let mut bundle = bundle.without_namespace("network").namespace("user").without("/linux/resources");
    let options = json!(["rbind", "nosuid", "noexec", "nodev", "ro"]);
    let mounts = bundle.config["mounts"].as_array_mut().expect("mounts");
    mounts.retain(|mount| mount["destination"] != "/sys/fs/cgroup");
    for mount in mounts {
        if mount["destination"] == "/sys" {
            *mount = json!({"destination": "/sys", "type": "none", "source": "/sys", "options": options});
        }
        if let Some(options) = mount["options"].as_array_mut() {
            options.retain(|option| option != "gid=5");
        }
    }
    let own = json!([{"containerID": 0, "hostID": USER, "size": 1}]);
    let mut bundle = mapped(bundle, &own);
    let directory = bundle.host("etc");
    let name = format!("{}conformance:x:{USER}:{USER}::/:/bin/sh\n", read("/etc/passwd"));
    fs::write(directory.join("passwd"), name).expect("passwd");
    for file in ["subuid", "subgid"] {
        fs::write(directory.join(file), format!("conformance:{RANGE}:65536\n")).expect("ranges");
    }
    let assigned = |name: &str, value: &str| format!("{name}={value}");
    bundle.runtime.call_through([
        "env".to_owned(),
        assigned("DIR", &bundle.path().to_string_lossy()),
        assigned("ID", &USER.to_string()),
        assigned("BEFORE", before),
        "unshare".to_owned(),
        "--mount".to_owned(),
        "sh".to_owned(),
        "-c".to_owned(),
        BECOME.to_owned(),
        "-".to_owned(),
    ]);
    bundle
}

/// Gives the user the bundle, with its state and its root filesystem. Others may read what they could.
fn own(bundle: &Bundle) {
    let mut queue = vec![bundle.path().to_owned()];
    while let Some(path) = queue.pop() {
        let kind = fs::symlink_metadata(&path).expect("metadata").file_type();
        if kind.is_dir() {
            queue.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
        }
        if !kind.is_symlink() {
            chown(&path, Some(USER), Some(USER)).expect("chown");
        }
    }
    fs::set_permissions(bundle.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
