//! `features`: the document of the specification (features.md, features-linux.md), as engines probe it. What it says of the
//! parser, tests of the library hold to the parser's own tables; here it is held to the lists of the specification.

use std::collections::BTreeSet;

use conformance::coverage::names;
use conformance::{Bundle, Runtime, Value, json, needs};

fn features() -> Value {
    Bundle::new().runtime.call(["features"]).succeeds().stdout.parse().unwrap()
}

#[track_caller]
fn words(document: &Value, pointer: &str) -> BTreeSet<String> {
    let list = document.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list at {pointer}"));
    let words: BTreeSet<String> = list.iter().map(|word| word.as_str().unwrap().to_owned()).collect();
    assert_eq!(words.len(), list.len(), "{pointer} names something twice");
    words
}

/// The values the specification has for a field: the lines `FIELD=value` of the lists.
fn values(field: &str) -> BTreeSet<String> {
    let all = [names("fields.txt"), names("values.txt")].concat();
    let values = all.iter().filter_map(|name| name.strip_prefix(field)?.strip_prefix('=').map(str::to_owned));
    values.collect()
}

/// Of ours every word is asked for; others may know fewer, and some of their own.
#[track_caller]
fn covers(document: &Value, pointer: &str, field: &str) {
    let (have, wanted) = (words(document, pointer), values(field));
    let missing: Vec<_> = wanted.difference(&have).collect();
    assert!(!wanted.is_empty() && !have.is_disjoint(&wanted), "{pointer}: {have:?}");
    if Runtime::is_orlop() {
        let more: Vec<_> = have.difference(&wanted).collect();
        assert!(missing.is_empty() && more.is_empty(), "{pointer}: without {missing:?}, with {more:?}");
    }
}

#[conformance::test(covers = ["features:/{ociVersionMin,ociVersionMax}"])]
fn both_versions_are_taken_as_they_are_told() {
    let document = features();
    for field in ["/ociVersionMin", "/ociVersionMax"] {
        let version = document.pointer(field).and_then(Value::as_str).unwrap().to_owned();
        Bundle::sh("true").set("/ociVersion", version).run().succeeds();
    }
}

#[conformance::test(covers = ["features:/ociVersionMax"])]
fn the_highest_version_is_that_of_version() {
    needs::runtime(&["orlop", "runc"]);
    let told = Bundle::new().runtime.call(["--version"]).succeeds().stdout;
    let version = told.lines().find_map(|line| line.strip_prefix("spec: ")).unwrap();
    assert_eq!(features()["ociVersionMax"], version);
}

#[conformance::test(covers = ["features:/hooks"])]
fn every_kind_of_hook_is_known() {
    let kinds: BTreeSet<String> = names("fields.txt").iter().filter_map(|name| hook(name)).collect();
    assert_eq!(words(&features(), "/hooks"), kinds);
}

fn hook(name: &str) -> Option<String> {
    name.strip_prefix("/hooks/")?.split('/').next().map(str::to_owned)
}

#[conformance::test(covers = ["features:/mountOptions"])]
fn every_mount_option_is_known() {
    covers(&features(), "/mountOptions", "/mounts/*/options");
}

#[conformance::test(covers = ["features:/linux/namespaces"])]
fn every_namespace_is_known() {
    covers(&features(), "/linux/namespaces", "/linux/namespaces/*/type");
}

#[conformance::test(covers = ["features:/linux/capabilities"])]
fn every_capability_of_this_kernel_is_known_and_can_be_given() {
    needs::all_capabilities();
    let known = words(&features(), "/linux/capabilities");
    let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap();
    let last: usize = last.trim().parse().unwrap();
    assert!(known.len() > last, "{} capabilities, this kernel has {}", known.len(), last + 1);
    let own = conformance::observe::Process::myself().capabilities("Bnd");
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    let container = Bundle::new().capable(&names).start();
    assert_eq!(container.settled().capabilities("Bnd"), own);
}

#[conformance::test(covers = ["features:/linux/seccomp/{enabled,actions,operators,archs,knownFlags,supportedFlags}"])]
fn every_word_of_seccomp_is_known() {
    let document = features();
    assert_eq!(document["linux"]["seccomp"]["enabled"], true);
    for (list, field) in [
        ("actions", "/linux/seccomp/syscalls/*/action"),
        ("operators", "/linux/seccomp/syscalls/*/args/*/op"),
        ("archs", "/linux/seccomp/architectures"),
        ("knownFlags", "/linux/seccomp/flags"),
        ("supportedFlags", "/linux/seccomp/flags"),
    ] {
        covers(&document, &format!("/linux/seccomp/{list}"), field);
    }
}

#[conformance::test(covers = ["features:/linux/cgroup/{v1,v2,systemd,systemdUser,rdma}"])]
fn both_versions_of_cgroups_are_told_of() {
    let cgroup = features()["linux"]["cgroup"].clone();
    assert_eq!((&cgroup["v1"], &cgroup["v2"]), (&json!(true), &json!(true)));
    for key in ["systemd", "systemdUser", "rdma"] {
        assert!(cgroup[key].is_boolean(), "{key}: {cgroup}");
    }
    let systemd = Bundle::new().runtime.call(["--systemd-cgroup", "list"]).code == 0;
    assert!(systemd || cgroup["systemd"] == json!(false), "{cgroup}");
}

#[conformance::test(covers = [
    "features:/linux/apparmor/enabled", "features:/linux/selinux/enabled", "features:/linux/intelRdt/enabled",
    "features:/linux/netDevices/enabled", "features:/linux/mountExtensions/idmap/enabled",
])]
fn what_engines_probe_is_told_and_true() {
    let linux = features()["linux"].clone();
    // A value that cannot be: where the feature is there, the field is read, and refused by name.
    for (feature, field, value) in [
        ("/apparmor/enabled", "/process/apparmorProfile", json!(5)),
        ("/selinux/enabled", "/process/selinuxLabel", json!(5)),
        ("/intelRdt/enabled", "/linux/intelRdt", json!({"closID": 5})),
        ("/netDevices/enabled", "/linux/netDevices", json!({"eth0": 5})),
        ("/mountExtensions/idmap/enabled", "/mounts/0/uidMappings", json!(5)),
    ] {
        assert!(linux.pointer(feature).is_some_and(Value::is_boolean), "{feature}: {linux}");
        Bundle::new().set(field, value).refused().names(field);
    }
}

/// What containerd, CRI-O and Docker decide by: who lacks these gets no pod with users of its own, no volume that is read-only all the
/// way down, and no profile.
#[conformance::test(covers = [
    "features:/linux/mountExtensions/idmap/enabled", "features:/linux/seccomp/enabled", "features:/mountOptions",
])]
fn what_engines_ask_for_is_there() {
    let document = features();
    for pointer in ["/linux/mountExtensions/idmap/enabled", "/linux/seccomp/enabled"] {
        assert_eq!(document.pointer(pointer), Some(&json!(true)), "{pointer}");
    }
    assert!(words(&document, "/mountOptions").contains("rro"));
}

#[conformance::test(covers = ["features:/linux/intelRdt/enabled"])]
fn memory_policies_and_shares_of_the_cache_are_told_of() {
    needs::runtime(&["orlop"]);
    let document = features();
    covers(&document, "/linux/memoryPolicy/modes", "/linux/memoryPolicy/mode");
    covers(&document, "/linux/memoryPolicy/flags", "/linux/memoryPolicy/flags");
    let all = json!({"enabled": true, "schemata": true, "monitoring": true});
    assert_eq!(document["linux"]["intelRdt"], all);
}

#[conformance::test(covers = ["features:/potentiallyUnsafeConfigAnnotations", "features:/annotations"])]
fn annotations_that_change_a_container_are_told_of() {
    let document = features();
    let unsafe_ones = words(&document, "/potentiallyUnsafeConfigAnnotations");
    assert!(!Runtime::is_orlop() || unsafe_ones.iter().any(|name| name.starts_with("run.oci.")), "{unsafe_ones:?}");
    let annotations = document["annotations"].as_object().unwrap();
    let version = annotations.iter().find(|(key, _)| key.ends_with(".version")).unwrap().1.as_str().unwrap();
    let told = Bundle::new().runtime.call(["--version"]).succeeds().stdout;
    assert!(Runtime::name() == "runc" || told.contains(version), "{version} is not in {told}");
}

/// By an annotation of runc's: the specification has no word for it.
#[conformance::test]
fn checkpoints_are_told_of() {
    needs::runtime(&["orlop", "runc"]);
    let enabled = &features()["annotations"]["org.opencontainers.runc.checkpoint.enabled"];
    assert_eq!(*enabled, "true");
}

/// "The feature document MUST NOT contain properties that are not defined in this version of the specification."
#[conformance::test]
fn no_property_is_ours_alone() {
    let document = features();
    // features-linux.md has these, and the schema has not.
    let more = [
        "/linux/intelRdt/schemata",
        "/linux/intelRdt/monitoring",
        "/linux/memoryPolicy/modes",
        "/linux/memoryPolicy/flags",
    ];
    let known: BTreeSet<String> = names("fields.txt")
        .iter()
        .filter_map(|name| name.strip_prefix("features:"))
        .chain(more)
        .map(str::to_owned)
        .collect();
    let mut found = Vec::new();
    leaves(&document, "", &mut found);
    found.retain(|pointer| !known.contains(pointer) && !pointer.starts_with("/annotations/"));
    assert!(found.is_empty() || !Runtime::is_orlop(), "{found:?}");
}

fn leaves(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| leaves(value, &format!("{pointer}/{key}"), found))
        }
        _ => found.push(pointer.to_owned()),
    }
}
