//! Configurations as real engines write them, made to run here.
//!
//! In: the corpus of the library's tests, embedded. Out: bundles. What names things of the engine's machine is put in
//! place: the root filesystem, sources of bind mounts, hooks. Namespaces by path become new ones, and a systemd cgroup one of
//! the file system.

use std::fs;
use std::os::unix::fs::lchown;
use std::path::Path;

use conformance::observe::Process;
use conformance::{Bundle, Value, json};

const CORPUS: [(&str, &str); 19] = [
    ("buildkit", include_str!("../../../runtime-core/tests/corpus/buildkit.json")),
    ("containerd", include_str!("../../../runtime-core/tests/corpus/containerd.json")),
    ("crio", include_str!("../../../runtime-core/tests/corpus/crio.json")),
    ("devices", include_str!("../../../runtime-core/tests/corpus/devices.json")),
    ("docker", include_str!("../../../runtime-core/tests/corpus/docker.json")),
    ("docker-limits", include_str!("../../../runtime-core/tests/corpus/docker-limits.json")),
    ("docker-privileged", include_str!("../../../runtime-core/tests/corpus/docker-privileged.json")),
    ("hooks", include_str!("../../../runtime-core/tests/corpus/hooks.json")),
    ("kubernetes-app", include_str!("../../../runtime-core/tests/corpus/kubernetes-app.json")),
    ("kubernetes-pause", include_str!("../../../runtime-core/tests/corpus/kubernetes-pause.json")),
    ("kubernetes-userns", include_str!("../../../runtime-core/tests/corpus/kubernetes-userns.json")),
    ("minimal", include_str!("../../../runtime-core/tests/corpus/minimal.json")),
    ("namespaces", include_str!("../../../runtime-core/tests/corpus/namespaces.json")),
    ("options", include_str!("../../../runtime-core/tests/corpus/options.json")),
    ("podman", include_str!("../../../runtime-core/tests/corpus/podman.json")),
    ("podman-pod", include_str!("../../../runtime-core/tests/corpus/podman-pod.json")),
    ("podman-rootless", include_str!("../../../runtime-core/tests/corpus/podman-rootless.json")),
    ("runc", include_str!("../../../runtime-core/tests/corpus/runc.json")),
    ("runc-rootless", include_str!("../../../runtime-core/tests/corpus/runc-rootless.json")),
];

/// Docker's default filter; the corpus has the first lines of it.
const FILTER: &str = include_str!("../../../runtime-core/tests/corpus-seccomp/docker.json");

const CAP_SYS_RESOURCE: u64 = 1 << 24;

/// The names of the engines' shapes.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    CORPUS.iter().map(|(name, _)| *name)
}

/// A bundle of this shape.
pub(crate) fn bundle(name: &str) -> Bundle {
    let (_, text) = CORPUS.iter().find(|(one, _)| *one == name).expect("a shape of the corpus");
    let mut bundle = Bundle::new();
    bundle.config = text.parse().expect("JSON");
    bundle = bundle.set("/root/path", "rootfs");
    settle_mounts(&mut bundle);
    settle_linux(&mut bundle);
    settle_limits(&mut bundle);
    settle_hooks(&mut bundle.config["hooks"]);
    own_by_root_of_the_container(&bundle);
    bundle
}

/// The root filesystem belongs to root of the container's user namespace, as engines arrange it.
pub(crate) fn own_by_root_of_the_container(bundle: &Bundle) {
    let first = |kind: &str| {
        let mappings = bundle.config["linux"][kind].as_array().cloned().unwrap_or_default();
        let root = mappings.iter().find(|mapping| mapping["containerID"] == 0);
        root.and_then(|mapping| mapping["hostID"].as_u64()).map(|id| u32::try_from(id).expect("an id"))
    };
    if let (Some(uid), Some(gid)) = (first("uidMappings"), first("gidMappings")) {
        own(&bundle.rootfs(), uid, gid);
    }
}

fn own(path: &Path, uid: u32, gid: u32) {
    lchown(path, Some(uid), Some(gid)).expect("chown");
    if path.is_dir() && !path.is_symlink() {
        fs::read_dir(path).expect("a directory").flatten().for_each(|entry| own(&entry.path(), uid, gid));
    }
}

fn settle_mounts(bundle: &mut Bundle) {
    let sources = bundle.host("sources");
    let mounts = bundle.config["mounts"].as_array_mut();
    let Some(mounts) = mounts else { return };
    mounts.retain(|mount| !["nfs", "overlay"].contains(&mount["type"].as_str().unwrap_or_default()));
    for (number, mount) in mounts.iter_mut().enumerate() {
        let options = mount["options"].as_array().cloned().unwrap_or_default();
        let binds = mount["type"] == "bind" || options.iter().any(|option| option == "bind" || option == "rbind");
        if !binds || mount["source"] == "/sys" {
            continue;
        }
        let destination = mount["destination"].as_str().unwrap_or_default().to_owned();
        let source = sources.join(number.to_string());
        let file = ["hosts", "hostname", "resolv.conf", ".containerenv", "termination-log"];
        match file.iter().any(|name| destination.ends_with(name)) {
            true => fs::write(&source, "of the host\n").expect("a file"),
            false => fs::create_dir(&source).expect("a directory"),
        }
        mount["source"] = json!(source);
    }
}

fn settle_linux(bundle: &mut Bundle) {
    let id = bundle.id.clone();
    let Some(linux) = bundle.config["linux"].as_object_mut() else { return };
    for namespace in linux.get_mut("namespaces").and_then(Value::as_array_mut).into_iter().flatten() {
        namespace.as_object_mut().expect("a namespace").remove("path");
    }
    if linux.contains_key("cgroupsPath") {
        linux.insert("cgroupsPath".to_owned(), json!(format!("/{id}")));
    }
}

/// What this machine cannot give to any runtime.
fn settle_limits(bundle: &mut Bundle) {
    let config = &mut bundle.config;
    if let Some(linux) = config["linux"].as_object_mut() {
        if linux.contains_key("seccomp") {
            linux.insert("seccomp".to_owned(), FILTER.parse().expect("JSON"));
        }
        linux.get_mut("sysctl").and_then(Value::as_object_mut).map(|all| all.remove("user.max_user_namespaces"));
        let resources = linux.get_mut("resources").and_then(Value::as_object_mut);
        if let Some(resources) = resources {
            // Of devices that are not here; and only cgroup v2 has files by name.
            for kind in [
                "weightDevice",
                "throttleReadBpsDevice",
                "throttleWriteBpsDevice",
                "throttleReadIOPSDevice",
                "throttleWriteIOPSDevice",
            ] {
                resources.get_mut("blockIO").and_then(Value::as_object_mut).map(|all| all.remove(kind));
            }
            // With a thousandth of the processors the probe would wait for everybody else.
            if let Some(shares) = resources.get_mut("cpu").and_then(|cpu| cpu.get_mut("shares")) {
                *shares = json!(shares.as_u64().unwrap_or_default().max(200));
            }
            let at = |name: &str| Path::new("/sys/fs/cgroup").join(name).exists();
            if !at("cgroup.controllers") {
                resources.remove("unified");
            }
            if !at("cgroup.controllers") && !at("hugetlb") {
                resources.remove("hugepageLimits");
            }
        }
    }
    if Process::myself().capabilities("Eff") & CAP_SYS_RESOURCE == 0 {
        let process = config["process"].as_object_mut().expect("a process");
        process.remove("rlimits");
        if let Some(score) = process.get("oomScoreAdj").and_then(Value::as_i64) {
            process.insert("oomScoreAdj".to_owned(), json!(score.abs()));
        }
        let sets =
            process.get_mut("capabilities").and_then(Value::as_object_mut).into_iter().flat_map(|all| all.values_mut());
        for set in sets.filter_map(Value::as_array_mut) {
            set.retain(|name| name != "CAP_SYS_RESOURCE");
        }
    }
}

fn settle_hooks(hooks: &mut Value) {
    for hook in
        hooks.as_object_mut().into_iter().flat_map(|all| all.values_mut()).filter_map(Value::as_array_mut).flatten()
    {
        *hook = json!({"path": "/bin/true"});
    }
    if hooks.is_null() {
        *hooks = json!({});
    }
}
