//! Two readers, one document: what `oci-spec` reads from each file of the corpus, we read too.
//!
//! The corpus is written after what runc, Docker, Podman, containerd, Kubernetes, CRI-O and BuildKit hand to a runtime.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end here")]

use oci_spec::runtime as oci;
use orlop::spec::{Capabilities, Namespace, NamespaceKind, Spec, Str, Sysctl};
use serde_json::{Value, json};

/// Runs `check` on each config: its name, our reading, and oci-spec's, written out again as JSON.
fn for_each(check: impl Fn(&str, &Spec<'_>, &Value)) {
    let mut seen = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let theirs: oci::Spec = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let ours = Spec::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        check(name, &ours, &serde_json::to_value(&theirs).unwrap());
        seen += 1;
    }
    assert!(seen >= 15, "the corpus has {seen} files only");
}

/// The list at `pointer`; empty where it is absent or null.
fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What stands at `pointer`, null where nothing does.
fn at(value: &Value, pointer: &str) -> Value {
    value.pointer(pointer).cloned().unwrap_or_default()
}

#[track_caller]
fn same_texts(name: &str, ours: &[Str<'_>], theirs: &[Value]) {
    assert_eq!(json!(ours), json!(theirs), "{name}");
}

fn bits(names: &[Value]) -> u64 {
    names.iter().filter_map(Value::as_str).map(|name| Capabilities::bit(name).unwrap()).sum()
}

#[test]
fn the_process_is_the_same() {
    for_each(|name, ours, theirs| {
        let process = &ours.process;
        same_texts(name, &process.args, list(theirs, "/process/args"));
        same_texts(name, &process.env, list(theirs, "/process/env"));
        assert_eq!(json!(process.cwd), at(theirs, "/process/cwd"), "{name}");
        assert_eq!(json!(process.user.uid), at(theirs, "/process/user/uid"), "{name}");
        assert_eq!(json!(process.user.gid), at(theirs, "/process/user/gid"), "{name}");
        assert_eq!(json!(process.user.additional_gids), json!(list(theirs, "/process/user/additionalGids")), "{name}");
        assert_eq!(json!(process.oom_score_adj), at(theirs, "/process/oomScoreAdj"), "{name}");
        assert_eq!(process.terminal, at(theirs, "/process/terminal") == true, "{name}");
        assert_eq!(process.no_new_privileges, at(theirs, "/process/noNewPrivileges") == true, "{name}");
        let limits: Vec<_> = process.rlimits.iter().map(|limit| json!([limit.soft, limit.hard])).collect();
        let wanted: Vec<_> =
            list(theirs, "/process/rlimits").iter().map(|limit| json!([limit["soft"], limit["hard"]])).collect();
        assert_eq!(limits, wanted, "{name}");
    });
}

#[test]
fn the_capabilities_are_the_same() {
    for_each(|name, ours, theirs| {
        let sets = &ours.process.capabilities;
        for (set, key) in [
            (sets.bounding, "bounding"),
            (sets.effective, "effective"),
            (sets.inheritable, "inheritable"),
            (sets.permitted, "permitted"),
        ] {
            assert_eq!(set, bits(list(theirs, &format!("/process/capabilities/{key}"))), "{name} {key}");
        }
        assert!(ours.warnings.is_empty(), "{name}: {:?}", ours.warnings);
    });
}

#[test]
fn the_mounts_stand_at_the_same_places() {
    for_each(|name, ours, theirs| {
        let destinations: Vec<_> = ours.mounts.iter().map(|mount| clean(&mount.destination)).collect();
        let wanted: Vec<_> =
            list(theirs, "/mounts").iter().map(|mount| clean(mount["destination"].as_str().unwrap())).collect();
        assert_eq!(destinations, wanted, "{name}");
    });
}

/// A cleaning of its own: the standard library's components, `..` applied.
fn clean(path: &str) -> std::path::PathBuf {
    let mut clean = std::path::PathBuf::new();
    for part in std::path::Path::new(path).components() {
        match part {
            std::path::Component::ParentDir => assert!(clean.pop()),
            part => clean.push(part),
        }
    }
    clean
}

#[test]
fn the_namespaces_are_the_same() {
    for_each(|name, ours, theirs| {
        let listed = list(theirs, "/linux/namespaces");
        for kind in NamespaceKind::ALL {
            let theirs = listed.iter().find(|namespace| namespace["type"] == kind.name());
            match (ours.linux.namespaces.get(kind), theirs) {
                (Namespace::Host, None) => {}
                (Namespace::New, Some(theirs)) => assert!(theirs.get("path").is_none_or(Value::is_null), "{name}"),
                (Namespace::Join(path, _), Some(theirs)) => assert_eq!(theirs["path"], **path, "{name}"),
                (ours, theirs) => panic!("{name} {}: {ours:?} {theirs:?}", kind.name()),
            }
        }
        for (mappings, key) in [(&ours.linux.uid_mappings, "uid"), (&ours.linux.gid_mappings, "gid")] {
            let ours: Vec<_> = mappings
                .iter()
                .map(|map| json!({"containerID": map.container_id, "hostID": map.host_id, "size": map.size}))
                .collect();
            assert_eq!(ours, list(theirs, &format!("/linux/{key}Mappings")), "{name}");
        }
    });
}

#[test]
fn names_paths_and_sysctls_are_the_same() {
    for_each(|name, ours, theirs| {
        assert_eq!(json!(ours.root), at(theirs, "/root/path"), "{name}");
        assert_eq!(ours.root_readonly, at(theirs, "/root/readonly") == true, "{name}");
        assert_eq!(ours.hostname.as_deref().unwrap_or_default(), at(theirs, "/hostname").as_str().unwrap_or_default());
        same_texts(name, &ours.linux.masked_paths, list(theirs, "/linux/maskedPaths"));
        same_texts(name, &ours.linux.readonly_paths, list(theirs, "/linux/readonlyPaths"));
        assert_eq!(json!(ours.linux.cgroups_path), at(theirs, "/linux/cgroupsPath"), "{name}");
        let theirs_sysctl = at(theirs, "/linux/sysctl");
        let wanted = theirs_sysctl.as_object().cloned().unwrap_or_default();
        assert_eq!(ours.linux.sysctl.len(), wanted.len(), "{name}");
        for (key, value) in wanted {
            let same = |sysctl: &&Sysctl<'_>| sysctl.path.replace('/', ".") == key.replace('/', ".");
            assert_eq!(ours.linux.sysctl.iter().find(same).map(|sysctl| json!(sysctl.value)), Some(value), "{name}");
        }
    });
}

#[test]
fn devices_and_limits_are_the_same() {
    for_each(|name, ours, theirs| {
        let devices: Vec<_> = ours.linux.devices.iter().map(|device| json!(device.path)).collect();
        let wanted: Vec<_> = list(theirs, "/linux/devices").iter().map(|device| device["path"].clone()).collect();
        assert_eq!(devices, wanted, "{name}");
        let resources = &ours.linux.resources;
        let allowed: Vec<_> = resources.devices.iter().map(|rule| json!(rule.allow)).collect();
        let wanted: Vec<_> =
            list(theirs, "/linux/resources/devices").iter().map(|rule| rule["allow"].clone()).collect();
        assert_eq!(allowed, wanted, "{name}");
        let memory = |key: &str| at(theirs, &format!("/linux/resources/memory/{key}"));
        assert_eq!(json!(resources.memory.limit), memory("limit"), "{name}");
        assert_eq!(json!(resources.memory.swap), memory("swap"), "{name}");
        assert_eq!(json!(resources.memory.swappiness), memory("swappiness"), "{name}");
        assert_eq!(json!(resources.cpu.quota), at(theirs, "/linux/resources/cpu/quota"), "{name}");
        assert_eq!(json!(resources.cpu.cpus), at(theirs, "/linux/resources/cpu/cpus"), "{name}");
        assert_eq!(json!(resources.pids_limit), at(theirs, "/linux/resources/pids/limit"), "{name}");
        assert_eq!(resources.hugepage_limits.len(), list(theirs, "/linux/resources/hugepageLimits").len(), "{name}");
    });
}

#[test]
fn hooks_and_seccomp_are_the_same() {
    for_each(|name, ours, theirs| {
        let hooks = &ours.hooks;
        for (hooks, key) in [
            (&hooks.prestart, "prestart"),
            (&hooks.create_runtime, "createRuntime"),
            (&hooks.create_container, "createContainer"),
            (&hooks.start_container, "startContainer"),
            (&hooks.poststart, "poststart"),
            (&hooks.poststop, "poststop"),
        ] {
            let paths: Vec<_> = hooks.iter().map(|hook| json!(hook.path)).collect();
            let wanted: Vec<_> =
                list(theirs, &format!("/hooks/{key}")).iter().map(|hook| hook["path"].clone()).collect();
            assert_eq!(paths, wanted, "{name} {key}");
        }
        let calls: Vec<_> =
            ours.linux.seccomp.iter().flat_map(|profile| &profile.calls).map(|call| json!(call.names)).collect();
        let wanted: Vec<_> = list(theirs, "/linux/seccomp/syscalls").iter().map(|call| call["names"].clone()).collect();
        assert_eq!(calls, wanted, "{name}");
    });
}

/// The way of an embedder who holds an `oci_spec::runtime::Spec`: written out and read by us.
#[test]
fn what_oci_spec_writes_out_reads_the_same() {
    for_each(|name, ours, theirs| {
        let bytes = serde_json::to_vec(theirs).unwrap();
        let mut again = Spec::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut ours = ours.clone();
        // Its maps have no order, and a profile's text is its own.
        for spec in [&mut ours, &mut again] {
            spec.annotations.sort();
            spec.linux.sysctl.sort_by(|a, b| a.path.cmp(&b.path));
            if let Some(seccomp) = &mut spec.linux.seccomp {
                seccomp.source = "";
            }
        }
        assert_eq!(again.process, ours.process, "{name}");
        assert_eq!(again.mounts, ours.mounts, "{name}");
        assert_eq!(again.linux, ours.linux, "{name}");
        assert_eq!(again, ours, "{name}");
    });
}
