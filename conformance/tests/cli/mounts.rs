//! `mounts add` and `mounts remove`: crun's way to change the mounts of a container that is there.

use std::fs;
use std::path::PathBuf;

use conformance::{Bundle, Container, Outcome, Runtime, Value, json, needs};

/// A writable container, and a directory of the host with a file.
fn running(bundle: Bundle) -> (Container, PathBuf) {
    needs::live_mounts();
    let bundle = bundle.writable();
    let source = bundle.host("source");
    fs::write(source.join("file"), "of the source").unwrap();
    (bundle.start(), source)
}

fn mounts(verb: &str, container: &Container, document: &Value) -> Outcome {
    let file = container.bundle.path().join("mounts.json");
    fs::write(&file, document.to_string()).unwrap();
    container.bundle.runtime.call(["mounts", verb, container.id(), file.to_str().unwrap()])
}

fn is_mounted(container: &Container, destination: &str) -> bool {
    container.process().mounts().iter().any(|mount| mount.destination == destination)
}

#[conformance::test]
fn a_bind_mount_comes_and_goes() {
    needs::root("a mount of the host");
    let (container, source) = running(Bundle::new());
    let document = json!([{"destination": "/new/data", "source": source, "options": ["bind", "ro", "nosuid"]}]);
    mounts("add", &container, &document).succeeds();
    assert!(container.process().mount("/new/data").has(&["ro", "nosuid"]));
    container.sh("cat /new/data/file; ! touch /new/data/file").succeeds().prints("of the source");
    mounts("remove", &container, &document).succeeds();
    assert!(!is_mounted(&container, "/new/data"));
    container.sh("ls /new/data").succeeds().prints("");
    container.delete();
}

#[conformance::test]
fn a_file_is_mounted_on_a_file() {
    needs::root("a mount of the host");
    let (container, source) = running(Bundle::new());
    let document = json!([{"destination": "/etc/one", "source": source.join("file"), "options": ["bind"]}]);
    mounts("add", &container, &document).succeeds();
    container.sh("cat /etc/one").succeeds().prints("of the source");
    mounts("remove", &container, &document).succeeds();
    assert!(!is_mounted(&container, "/etc/one"));
    container.delete();
}

#[conformance::test]
fn new_filesystems_are_those_of_the_container() {
    needs::runtime(&["orlop"]);
    let (container, _) = running(Bundle::new());
    let document = json!([
        {"destination": "/scratch", "type": "tmpfs", "source": "here", "options": ["size=64k", "mode=700", "noexec"]},
        {"destination": "/scratch/proc", "type": "proc"},
        {"destination": "/sealed", "type": "tmpfs", "options": ["ro"]},
    ]);
    mounts("add", &container, &document).succeeds();
    let scratch = container.process().mount("/scratch");
    assert_eq!((&*scratch.kind, &*scratch.source, scratch.has(&["noexec"])), ("tmpfs", "here", true));
    assert!(scratch.superblock.contains(&"size=64k".to_owned()), "{:?}", scratch.superblock);
    assert!(container.process().mount("/sealed").has(&["ro"]));
    container
        .sh("stat -c %a /scratch; readlink /proc/1/ns/pid > /a; readlink /scratch/proc/1/ns/pid | cmp - /a")
        .succeeds()
        .prints("700");
    let places = json!([{"destination": "/scratch"}, {"destination": "/scratch/proc"}, {"destination": "/sealed"}]);
    mounts("remove", &container, &places).succeeds();
    assert!(!is_mounted(&container, "/scratch") && !is_mounted(&container, "/sealed"));
    container.delete();
}

#[conformance::test]
fn in_a_user_namespace_they_are_its_own() {
    needs::runtime(&["orlop"]);
    needs::root("ids of others");
    let ids = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    let bundle = Bundle::new().dir("/data").dir("/scratch").namespace("user").set("/linux/uidMappings", ids.clone());
    let (container, source) = running(bundle.set("/linux/gidMappings", ids));
    let document = json!([
        {"destination": "/data", "source": source, "options": ["bind"]},
        {"destination": "/scratch", "type": "tmpfs"},
    ]);
    mounts("add", &container, &document).succeeds();
    container.sh("cat /data/file; stat -c %u /scratch").succeeds().prints("of the source0");
    mounts("remove", &container, &document).succeeds();
    assert!(!is_mounted(&container, "/data") && !is_mounted(&container, "/scratch"));
    container.delete();
}

#[conformance::test]
fn they_are_mounted_in_a_created_and_in_a_paused_container() {
    needs::live_mounts();
    let container = Bundle::new().writable().create();
    let document = json!([{"destination": "/scratch", "type": "tmpfs"}]);
    mounts("add", &container, &document).succeeds();
    container.call("start").succeeds();
    assert!(is_mounted(&container, "/scratch"));
    container.call("pause").succeeds();
    mounts("remove", &container, &document).succeeds();
    assert!(!is_mounted(&container, "/scratch"));
    container.call("resume").succeeds();
    container.delete();
}

#[conformance::test]
fn what_was_mounted_is_taken_back_when_a_later_one_fails() {
    needs::runtime(&["orlop"]);
    needs::root("a mount of the host");
    let (container, source) = running(Bundle::new().file("/plain", "").link("/link", "/plain"));
    let before = container.process().read("mountinfo");
    for last in [
        json!({"destination": "/late", "type": "nonsense"}),
        json!({"destination": "/late", "type": "tmpfs", "options": ["size=much"]}),
        json!({"destination": "/plain", "type": "tmpfs"}),
        json!({"destination": "/link", "type": "proc"}),
        json!({"destination": "/plain/below", "source": source, "options": ["bind"]}),
        json!({"destination": "/late", "source": "/nowhere", "options": ["bind"]}),
    ] {
        let document = json!([
            {"destination": "/one", "source": source, "options": ["bind"]},
            {"destination": "/one/file", "source": source.join("file"), "options": ["bind"]},
            {"destination": "/two", "type": "tmpfs"},
            {"destination": "/two/three", "type": "tmpfs", "options": ["ro"]},
            last,
        ]);
        mounts("add", &container, &document).fails().names("[mounts/4");
        assert_eq!(container.process().read("mountinfo"), before, "{document}");
    }
    let places = json!([{"destination": "/proc"}, {"destination": "/plain"}]);
    mounts("remove", &container, &places).fails().names("[mounts/1/destination]").says("nothing is mounted there");
    assert_eq!(container.process().read("mountinfo"), before, "all stay where one is not there");
    container.delete();
}

#[conformance::test]
fn nothing_is_mounted_in_a_container_that_has_ended_or_never_was() {
    needs::live_mounts();
    let container = Bundle::sh("exit 0").start();
    assert_eq!(container.wait(), 0);
    let document = json!([{"destination": "/scratch", "type": "tmpfs"}]);
    for verb in ["add", "remove"] {
        let refusal = mounts(verb, &container, &document).fails();
        if Runtime::is_orlop() {
            refusal.says("container not running");
        }
    }
    let file = container.bundle.path().join("mounts.json");
    container.bundle.runtime.call(["mounts", "add", "nobody", file.to_str().unwrap()]).fails();
}

#[conformance::test]
fn what_is_wrong_with_mounts_is_named() {
    let (container, _) = running(Bundle::new());
    let before = container.process().read("mountinfo");
    for document in [json!("text"), json!([{"type": "tmpfs"}]), json!([{"destination": "/x", "type": "nonsense"}])] {
        mounts("add", &container, &document).fails();
    }
    mounts("remove", &container, &json!([{"destination": "/nowhere"}])).fails();
    if Runtime::is_orlop() {
        for (document, field, words) in [
            (json!([{"type": "tmpfs"}]), "mounts/0/destination", "needs a `destination`"),
            (json!([{"destination": "/x"}]), "mounts/0/type", "needs the `type`"),
            (json!([{"destination": "/", "type": "tmpfs"}]), "mounts/0/destination", "would cover the root"),
            (json!([{"destination": "/x", "type": "cgroup"}]), "mounts/0/type", "when a container is created"),
            (json!([{"destination": "/proc", "options": ["remount", "ro"]}]), "mounts/0/options", "stays as it is"),
            (json!({"mounts": []}), "mounts", "expected an array"),
        ] {
            mounts("add", &container, &document).fails().names(field).says(words);
        }
        for (document, words) in [
            (json!([{"destination": "/"}]), "cannot be taken out"),
            (json!([{"destination": "/nowhere"}]), "no such file"),
            (json!([{"destination": "/proc"}, {"destination": "/proc/"}]), "stands twice"),
        ] {
            mounts("remove", &container, &document).fails().says(words);
        }
        let runtime = &container.bundle.runtime;
        runtime.call(["mounts", "change", container.id(), "x"]).fails().says("unknown command change");
        runtime.call(["mounts", "add", container.id()]).fails().says("requires exactly 3 arguments");
        runtime.call(["mounts", "add", container.id(), "/no/file"]).fails().says("/no/file");
    }
    assert_eq!(container.process().read("mountinfo"), before);
    container.delete();
}

#[conformance::test]
fn a_file_is_not_mounted_on_a_directory() {
    needs::root("a mount of the host");
    let (container, source) = running(Bundle::new());
    let document = json!([{"destination": "/etc", "source": source.join("file"), "options": ["bind"]}]);
    mounts("add", &container, &document).fails().says("not a directory");
    assert!(!is_mounted(&container, "/etc"));
    container.delete();
}
