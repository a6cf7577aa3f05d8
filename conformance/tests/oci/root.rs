//! `root.path`, `root.readonly`, `linux.rootfsPropagation`.

use conformance::observe::Process;
use conformance::{Bundle, json};

fn propagation(kind: &str) -> Vec<String> {
    let container = Bundle::new().set("/linux/rootfsPropagation", kind).start();
    container.settled().mount("/").propagation
}

#[conformance::test(covers = ["/root/readonly"])]
fn a_readonly_root_cannot_be_written() {
    Bundle::sh("touch /file").run().fails().says("read-only file system");
}

#[conformance::test(covers = ["/root/{path,readonly}"])]
fn a_writable_root_can_be_written() {
    let bundle = Bundle::sh("echo 5 > /file").writable();
    bundle.run().succeeds();
    assert_eq!(std::fs::read_to_string(bundle.inside("/file")).unwrap(), "5\n");
}

#[conformance::test(covers = ["/root/path"])]
fn a_root_path_can_be_absolute() {
    let bundle = Bundle::sh("echo here");
    let rootfs = bundle.rootfs();
    bundle.set("/root/path", json!(rootfs)).run().succeeds().prints("here");
}

#[conformance::test]
fn the_parent_of_the_root_is_the_root() {
    Bundle::sh("cd / && cd ../.. && ls bin/busybox").run().succeeds().prints("bin/busybox");
}

#[conformance::test]
fn no_mount_of_the_host_is_left_inside() {
    let container = Bundle::new().start();
    let strangers: Vec<_> = container.settled().mounts();
    let known = ["/", "/proc", "/dev", "/sys"];
    let strangers: Vec<_> = strangers
        .iter()
        .filter(|mount| {
            !known.iter().any(|path| mount.destination == *path || mount.destination.starts_with(&format!("{path}/")))
        })
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

#[conformance::test(covers = ["/linux/rootfsPropagation=private"])]
fn the_root_is_private_by_request() {
    assert!(propagation("private").is_empty());
}

#[conformance::test(covers = ["/linux/rootfsPropagation=slave"])]
fn the_root_is_a_slave_by_request() {
    let found = propagation("slave");
    assert!(!found.iter().any(|field| field.starts_with("shared")), "{found:?}");
}

#[conformance::test(covers = ["/linux/rootfsPropagation=shared"])]
fn the_root_is_shared_by_request() {
    let found = propagation("shared");
    assert!(found.iter().any(|field| field.starts_with("shared")), "{found:?}");
}

#[conformance::test(covers = ["/linux/rootfsPropagation=unbindable"])]
fn the_root_is_unbindable_by_request() {
    assert_eq!(propagation("unbindable"), ["unbindable"]);
}

#[conformance::test]
fn a_container_with_a_shared_root_does_not_touch_the_hosts_mounts() {
    let before = Process::myself().mounts();
    let container = Bundle::new().set("/linux/rootfsPropagation", "shared").start();
    let id = container.id().to_owned();
    let after = Process::myself().mounts();
    let new = after.iter().filter(|mount| !before.contains(mount) && mount.destination.contains(&id)).count();
    assert_eq!(new, 0);
    container.delete();
}
