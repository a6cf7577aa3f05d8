//! A container that lays symlinks where `mounts add` and `mounts remove` are to act.

use std::fs;

use super::trap::Trap;
use conformance::{Bundle, Container, Outcome, json, needs};

fn mounts(verb: &str, container: &Container, destination: &str) -> Outcome {
    let file = container.bundle.path().join("mounts.json");
    fs::write(&file, json!([{"destination": destination, "type": "tmpfs"}]).to_string()).unwrap();
    container.bundle.runtime.call(["mounts", verb, container.id(), file.to_str().unwrap()])
}

#[conformance::test]
fn a_destination_of_a_later_mount_stays_inside() {
    needs::live_mounts();
    for destination in ["/etc/x", "/etc/x/dir", "/etc/x/new/deep"] {
        for form in 0..2 {
            let bundle = Bundle::new().writable();
            let trap = Trap::beside(&bundle);
            let target = trap.targets()[form].to_string_lossy().into_owned();
            let container = bundle.start();
            container.sh(&format!("ln -s {target} /etc/x")).succeeds();
            mounts("add", &container, destination);
            trap.is_untouched();
            container.delete();
        }
    }
}

/// The link names what hides something: whoever takes a mount out at the link would uncover it.
#[conformance::test]
fn a_link_does_not_choose_what_is_unmounted() {
    needs::runtime(&["orlop"]);
    let container = Bundle::new().writable().set("/linux/maskedPaths", json!(["/proc/keys"])).start();
    container.sh("mkdir /data; ln -s /proc/keys /data/link; ln -s /proc /way").succeeds();
    let before = container.process().read("mountinfo");
    assert!(before.contains("/proc/keys"), "{before}");
    for place in ["/data/link", "/way/keys", "/data/../way/keys"] {
        mounts("remove", &container, place).fails().names("[mounts/0/destination");
    }
    assert_eq!(container.process().read("mountinfo"), before);
    container.delete();
}

#[conformance::test]
fn a_later_mount_leaves_nothing_of_the_host_open() {
    needs::live_mounts();
    let container = Bundle::new().writable().start();
    let before = container.process().fds();
    mounts("add", &container, "/scratch").succeeds();
    assert_eq!(container.process().fds(), before);
    container.delete();
}
