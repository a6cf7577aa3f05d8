//! The features document (features.md, features-linux.md): what this build understands, for engines to probe.
//!
//! The lists stand here; a test reads a configuration with each of their entries, so none can promise what `spec` refuses.

use serde_json::{Value, json};

use crate::spec::{Capabilities, MemoryPolicy, NamespaceKind};

/// The lowest and the highest `ociVersion` that is read.
const VERSIONS: (&str, &str) = ("1.0.0", "1.3.0");

const HOOKS: [&str; 6] = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

#[rustfmt::skip]
const MOUNT_OPTIONS: [&str; 61] = [
    "async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "idmap", "iversion", "lazytime", "loud", "mand",
    "noatime", "nodev", "nodiratime", "noexec", "noiversion", "nolazytime", "nomand", "norelatime", "nostrictatime", "nosuid",
    "nosymfollow", "private", "ratime", "rbind", "rdev", "rdiratime", "relatime", "rexec", "ridmap", "rnoatime", "rnodev",
    "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime", "rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime",
    "rro", "rrw", "rshared", "rslave", "rstrictatime", "rsuid", "rsymfollow", "runbindable", "rw", "shared", "silent",
    "slave", "strictatime", "suid", "symfollow", "sync", "tmpcopyup", "unbindable",
];

const ACTIONS: [&str; 9] = [
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_TRAP",
];

const OPERATORS: [&str; 7] =
    ["SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"];

const FLAGS: [&str; 4] = [
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];

/// What this build understands, as the features document of the specification.
#[must_use]
pub fn features() -> Value {
    json!({
        "ociVersionMin": VERSIONS.0,
        "ociVersionMax": VERSIONS.1,
        "hooks": HOOKS,
        "mountOptions": MOUNT_OPTIONS.as_slice(),
        "linux": {
            "namespaces": NamespaceKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
            "capabilities": Capabilities::names().map(|(_, name)| name).collect::<Vec<_>>(),
            "cgroup": { "v1": true, "v2": true, "systemd": false, "systemdUser": false, "rdma": true },
            "seccomp": {
                "enabled": true,
                "actions": ACTIONS,
                "operators": OPERATORS,
                "archs": crate::spec::SECCOMP_ARCHITECTURES,
                "knownFlags": FLAGS,
                "supportedFlags": FLAGS,
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
        "annotations": { "dev.orlop.version": env!("CARGO_PKG_VERSION") },
    })
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
        for option in MOUNT_OPTIONS {
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
        let with = |seccomp: Value| {
            let mut config = config();
            config["linux"]["seccomp"] = seccomp;
            config
        };
        let ruled = |action: &str, flag: &str| {
            let rule = json!([{ "names": ["read"], "action": action }]);
            json!({ "defaultAction": "SCMP_ACT_ALLOW", "flags": [flag], "syscalls": rule, "listenerPath": "/run/agent" })
        };
        for action in ACTIONS {
            assert!(reads(&with(ruled(action, "SECCOMP_FILTER_FLAG_LOG"))), "{action}");
        }
        for flag in FLAGS {
            assert!(reads(&with(ruled("SCMP_ACT_NOTIFY", flag))), "{flag}");
        }
        for op in OPERATORS {
            let args = json!([{ "index": 0, "value": 1, "valueTwo": 1, "op": op }]);
            let rule = json!([{ "names": ["read"], "action": "SCMP_ACT_LOG", "args": args }]);
            assert!(reads(&with(json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": rule }))), "{op}");
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
