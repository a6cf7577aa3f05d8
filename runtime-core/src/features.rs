//! The features document (features.md, features-linux.md): what this build understands, for engines to probe.
//!
//! The lists are the tables that `spec` reads by, so neither can know a word that the other does not. Hooks are the fields of a
//! struct there: of them a test says that each is read, and not passed over.

use serde_json::{Value, json};

use crate::cgroup::PROPERTY_ANNOTATIONS;
use crate::spec::{
    Capabilities, DECIDING_ANNOTATIONS, MemoryPolicy, NamespaceKind, SECCOMP_ACTIONS, SECCOMP_ARCHITECTURES,
    SECCOMP_FLAGS, SECCOMP_OPERATORS, mount_option_names,
};

/// The lowest and the highest `ociVersion` that is read.
const VERSIONS: (&str, &str) = ("1.0.0", "1.3.0");

const HOOKS: [&str; 6] = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// What this build understands, as the features document of the specification.
#[must_use]
pub fn features() -> Value {
    json!({
        "ociVersionMin": VERSIONS.0,
        "ociVersionMax": VERSIONS.1,
        "hooks": HOOKS,
        "mountOptions": mount_option_names(),
        "linux": {
            "namespaces": NamespaceKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
            "capabilities": Capabilities::names().map(|(_, name)| name).collect::<Vec<_>>(),
            "cgroup": { "v1": true, "v2": true, "systemd": true, "systemdUser": true, "rdma": true },
            "seccomp": {
                "enabled": true,
                "actions": words(&SECCOMP_ACTIONS),
                "operators": words(&SECCOMP_OPERATORS),
                "archs": SECCOMP_ARCHITECTURES,
                "knownFlags": words(&SECCOMP_FLAGS),
                "supportedFlags": words(&SECCOMP_FLAGS),
            },
            "apparmor": { "enabled": true },
            "selinux": { "enabled": true },
            "intelRdt": { "enabled": true, "schemata": true, "monitoring": true },
            "mountExtensions": { "idmap": { "enabled": true } },
            "netDevices": { "enabled": true },
            "memoryPolicy": {
                "modes": MemoryPolicy::modes().collect::<Vec<_>>(),
                "flags": MemoryPolicy::flags().map(|(name, _)| name).collect::<Vec<_>>(),
            },
        },
        "potentiallyUnsafeConfigAnnotations": unsafe_annotations(),
        // runc's word for `checkpoint` and `restore`, for which the specification has none.
        "annotations": {
            "dev.orlop.version": env!("CARGO_PKG_VERSION"),
            "org.opencontainers.runc.checkpoint.enabled": "true",
        },
    })
}

/// The annotations that change what a container gets: whoever writes `config.json` for others lets none of them through unseen. A
/// name that ends with a dot is a prefix.
fn unsafe_annotations() -> Vec<&'static str> {
    DECIDING_ANNOTATIONS.into_iter().chain([PROPERTY_ANNOTATIONS, crate::criu::CONFIG_ANNOTATION]).collect()
}

/// The words of a table.
fn words<T>(table: &[(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(word, _)| *word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Spec;

    fn reads(config: &Value) -> bool {
        Spec::from_slice(&serde_json::to_vec(config).unwrap()).map_err(|error| println!("{config}: {error}")).is_ok()
    }

    fn config() -> Value {
        json!({
            "ociVersion": VERSIONS.1,
            "root": { "path": "rootfs" },
            "process": { "args": ["sh"], "cwd": "/", "env": [] },
            "linux": { "namespaces": [{ "type": "mount" }] },
        })
    }

    #[test]
    fn every_listed_mount_option_is_read() {
        for option in mount_option_names() {
            let mut config = config();
            let (kind, source) = if option.ends_with("bind") { ("bind", "/tmp") } else { ("tmpfs", "tmpfs") };
            config["mounts"] = json!([{ "destination": "/x", "type": kind, "source": source, "options": [option] }]);
            if option.ends_with("idmap") {
                let ids = json!([{ "containerID": 0, "hostID": 1, "size": 1 }]);
                config["mounts"][0]["uidMappings"] = ids.clone();
                config["mounts"][0]["gidMappings"] = ids;
            }
            assert!(reads(&config), "{option}");
        }
    }

    #[test]
    fn every_listed_word_of_seccomp_is_read() {
        let with = |profile: Value| with("/linux/seccomp", profile);
        let ruled = |action: &str, flag: &str| {
            let rule = json!([{ "names": ["read"], "action": action }]);
            json!({ "defaultAction": "SCMP_ACT_ALLOW", "flags": [flag], "syscalls": rule, "listenerPath": "/run/agent" })
        };
        for (action, _) in SECCOMP_ACTIONS {
            assert!(reads(&with(ruled(action, "SECCOMP_FILTER_FLAG_LOG"))), "{action}");
        }
        for (flag, _) in SECCOMP_FLAGS {
            assert!(reads(&with(ruled("SCMP_ACT_NOTIFY", flag))), "{flag}");
        }
        for (op, _) in SECCOMP_OPERATORS {
            let args = json!([{ "index": 0, "value": 1, "valueTwo": 1, "op": op }]);
            let rule = json!([{ "names": ["read"], "action": "SCMP_ACT_LOG", "args": args }]);
            assert!(reads(&with(json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": rule }))), "{op}");
        }
    }

    /// A config with this value at a pointer.
    fn with(pointer: &str, value: Value) -> Value {
        let mut config = config();
        let place = pointer.split('/').skip(1).fold(&mut config, |value, key| &mut value[key]);
        *place = value;
        config
    }

    /// Every word of the list at a pointer of the document is read where the config has it; said is whether another one is, too.
    fn words_are_read(list: &str, field: &str, value: impl Fn(&str) -> Value) -> bool {
        let document = features();
        let listed = document.pointer(list).and_then(Value::as_array).unwrap();
        assert!(!listed.is_empty(), "{list}");
        for word in listed {
            assert!(reads(&with(field, value(word.as_str().unwrap()))), "{list}: {word}");
        }
        reads(&with(field, value("NONESUCH")))
    }

    #[test]
    fn every_listed_memory_policy_is_read_and_no_other() {
        let mode = |word: &str| match word {
            "MPOL_DEFAULT" | "MPOL_LOCAL" => json!({ "mode": word }),
            _ => json!({ "mode": word, "nodes": "0" }),
        };
        let flag = |word: &str| json!({ "mode": "MPOL_BIND", "nodes": "0", "flags": [word] });
        assert!(!words_are_read("/linux/memoryPolicy/modes", "/linux/memoryPolicy", mode));
        assert!(!words_are_read("/linux/memoryPolicy/flags", "/linux/memoryPolicy", flag));
    }

    #[test]
    fn every_listed_capability_and_architecture_is_read() {
        let architecture = |word: &str| json!({ "defaultAction": "SCMP_ACT_ALLOW", "architectures": [word] });
        assert!(!words_are_read("/linux/seccomp/archs", "/linux/seccomp", architecture));
        // One of tomorrow is only warned of.
        assert!(words_are_read("/linux/capabilities", "/process/capabilities", |word| json!({ "bounding": [word] })));
    }

    #[test]
    fn every_version_in_between_is_read_and_none_beyond() {
        for (version, is_read) in
            [(VERSIONS.0, true), ("1.2.1", true), (VERSIONS.1, true), ("0.9.0", false), ("2.0.0", false)]
        {
            assert_eq!(reads(&with("/ociVersion", version.into())), is_read, "{version}");
        }
    }

    #[test]
    fn interfaces_and_shares_of_the_cache_are_read() {
        let mut config = config();
        config["linux"]["namespaces"] = json!([{ "type": "network" }]);
        config["linux"]["netDevices"] = json!({ "eth0": { "name": "net0" } });
        config["linux"]["intelRdt"] = json!({ "schemata": ["L3:0=f"], "enableMonitoring": true });
        assert!(reads(&config));
        config["linux"]["intelRdt"] = json!({ "schemata": [5] });
        assert!(!reads(&config));
        config["linux"] = json!({ "netDevices": { "eth0": 5 } });
        assert!(!reads(&config));
    }

    #[test]
    fn every_listed_hook_and_namespace_is_read() {
        for hook in HOOKS {
            let mut config = config();
            config["hooks"] = json!({ hook: [{ "path": "/bin/true", "timeout": 1 }] });
            assert!(reads(&config), "{hook}");
            config["hooks"] = json!({ hook: [{ "path": "relative" }] });
            assert!(!reads(&config), "{hook} is not passed over");
        }
        for kind in NamespaceKind::ALL {
            let mut config = config();
            config["linux"]["namespaces"] = json!([{ "type": kind.name(), "path": "/proc/self/ns/x" }]);
            assert!(reads(&config), "{}", kind.name());
        }
    }
}
