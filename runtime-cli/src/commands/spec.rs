//! `spec`: a config.json to begin with: the one `runc spec` writes.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use rustix::fs::statfs;
use rustix::process::{getegid, geteuid};

use super::bundle;
use crate::args::{Call, flags};
use crate::report::{DONE, Failure, Outcome};

/// The document, with a name in `@` where the variants differ.
const TEMPLATE: &str = include_str!("spec.json.in");

/// `CGROUP2_SUPER_MAGIC` of linux/magic.h.
const CGROUP2: i64 = 0x6367_7270;

pub(crate) fn run(call: &Call) -> Outcome {
    let user = call.on(&flags::SPEC_ROOTLESS).then(|| (geteuid().as_raw(), getegid().as_raw()));
    let document = document(user, is_cgroup_v2());
    let path = bundle(call)?.join("config.json");
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::own(format!("file {} exists: remove it first", path.display())),
        _ => Failure::io("create", &path, &error),
    })?;
    file.write_all(document.as_bytes()).map_err(|error| Failure::io("write", &path, &error))?;
    Ok(DONE)
}

/// For root, or for a user whose ids become root inside.
fn document(user: Option<(u32, u32)>, cgroup_v2: bool) -> String {
    let cgroup = if cgroup_v2 { ",\n\t\t\t{ \"type\": \"cgroup\" }" } else { "" };
    let map = |id| format!("[{{ \"containerID\": 0, \"hostID\": {id}, \"size\": 1 }}]");
    let (devpts, sysfs, limits, (network, own_user)) = match user {
        None => (
            // The group "tty", which a user's namespace does not map.
            ", \"gid=5\"",
            r#""type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]"#,
            r#""resources": { "devices": [{ "allow": false, "access": "rwm" }] }"#.to_owned(),
            ("{ \"type\": \"network\" },\n\t\t\t", ""),
        ),
        Some((uid, gid)) => (
            "",
            // A new sysfs needs a network namespace of one's own.
            r#""type": "none", "source": "/sys", "options": ["rbind", "nosuid", "noexec", "nodev", "ro"]"#,
            format!("\"uidMappings\": {},\n\t\t\"gidMappings\": {}", map(uid), map(gid)),
            ("", ",\n\t\t\t{ \"type\": \"user\" }"),
        ),
    };
    TEMPLATE
        .replace("@DEVPTS_GROUP@", devpts)
        .replace("@SYSFS@", sysfs)
        .replace("@LIMITS_OR_MAPPINGS@", &limits)
        .replace("@NETWORK@", network)
        .replace("@USER@", own_user)
        .replace("@CGROUP@", cgroup)
}

/// Only there is a cgroup namespace worth having.
fn is_cgroup_v2() -> bool {
    statfs("/sys/fs/cgroup").is_ok_and(|found| found.f_type == CGROUP2)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parsed(user: Option<(u32, u32)>, cgroup_v2: bool) -> Value {
        let text = document(user, cgroup_v2);
        assert!(!text.contains('@'), "{text}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_document_is_a_valid_one() {
        let document = parsed(None, true);
        assert_eq!(document["ociVersion"], "1.3.0");
        assert_eq!(document["process"]["args"], json!(["sh"]));
        assert_eq!(document["linux"]["namespaces"].as_array().unwrap().len(), 6);
        assert_eq!(parsed(None, false)["linux"]["namespaces"].as_array().unwrap().len(), 5);
    }

    #[test]
    fn a_users_document_maps_the_user() {
        let document = parsed(Some((1000, 1001)), false);
        let linux = &document["linux"];
        assert_eq!(linux["uidMappings"], json!([{ "containerID": 0, "hostID": 1000, "size": 1 }]));
        assert_eq!(linux["gidMappings"], json!([{ "containerID": 0, "hostID": 1001, "size": 1 }]));
        assert_eq!(linux.get("resources"), None);
        let namespaces = linux["namespaces"].to_string();
        assert!(namespaces.contains("user") && !namespaces.contains("network"), "{namespaces}");
        assert!(!document["mounts"].to_string().contains("gid=5"));
        assert!(document["mounts"].to_string().contains("rbind"));
    }
}
