//! Images with symlinks where the runtime mounts, makes nodes, or writes
//! (CVE-2019-19921, CVE-2021-30465, CVE-2023-27561, CVE-2024-45310, CVE-2025-31133, CVE-2025-52565, CVE-2026-41579).

use super::trap::Trap;
use conformance::{Bundle, Outcome, json, leaks};

/// Runs a bundle whose image has a symlink to the host, of either form, at this path.
fn with_link(path: &str, edit: impl Fn(Bundle) -> Bundle, check: impl Fn(Outcome, &Bundle)) {
    for form in 0..2 {
        let bundle = edit(Bundle::sh("echo ran; ls /; cat /file; true").writable());
        let trap = Trap::beside(&bundle);
        let bundle = bundle.link(path, &trap.targets()[form]);
        let outcome = bundle.run();
        assert!(!outcome.stdout.contains("of the host"), "{}", outcome.stdout);
        trap.is_untouched();
        check(outcome, &bundle);
    }
}

/// Without a mount at /dev: the runtime works in the image's own.
fn plain_dev(bundle: Bundle) -> Bundle {
    let mounts = bundle.config["mounts"].as_array().unwrap();
    let kept = mounts.iter().filter(|mount| !mount["destination"].as_str().unwrap().starts_with("/dev"));
    let kept: Vec<_> = kept.cloned().collect();
    bundle.set("/mounts", kept)
}

#[conformance::test]
fn proc_as_a_symlink_is_refused() {
    with_link("/proc", |bundle| bundle, |outcome, _| drop(outcome.fails().names("/mounts/0/destination")));
}

#[conformance::test]
fn sys_as_a_symlink_is_refused() {
    with_link("/sys", |bundle| bundle, |outcome, _| drop(outcome.fails().names("/mounts/5/destination")));
}

#[conformance::test]
fn dev_as_a_symlink_stays_inside() {
    with_link("/dev", |bundle| bundle, |_, _| {});
}

#[conformance::test]
fn a_plain_dev_as_a_symlink_stays_inside() {
    with_link("/dev", plain_dev, |_, _| {});
}

#[conformance::test]
fn dev_null_as_a_symlink_stays_inside() {
    with_link("/dev/null", plain_dev, |_, _| {});
}

#[conformance::test]
fn dev_ptmx_as_a_symlink_stays_inside() {
    with_link("/dev/ptmx", plain_dev, |_, _| {});
}

#[conformance::test]
fn dev_console_as_a_symlink_stays_inside() {
    for form in 0..2 {
        let bundle = plain_dev(Bundle::new().writable()).set("/process/terminal", true);
        let trap = Trap::beside(&bundle);
        let target = trap.targets()[form].join("file");
        let bundle = bundle.link("/dev/console", target).mount("devpts", "devpts", "/dev/pts", &["newinstance"]);
        let console = conformance::console::Console::of(&bundle);
        let socket = format!("--console-socket={}", console.path.display());
        let path = bundle.write().path().to_string_lossy().into_owned();
        // Whether it runs or is refused, the host's file is no console.
        bundle.runtime.call(["create", &socket, "--bundle", &path, &bundle.id]);
        trap.is_untouched();
        bundle.runtime.call(["delete", "--force", &bundle.id]).succeeds();
        leaks::nothing_left(&bundle);
        trap.is_untouched();
    }
}

#[conformance::test]
fn dev_pts_and_shm_as_symlinks_stay_inside() {
    for path in ["/dev/pts", "/dev/shm", "/dev/mqueue"] {
        let only = |bundle: Bundle| plain_dev(bundle).mount("tmpfs", "tmpfs", path, &[]);
        with_link(path, only, |_, _| {});
    }
}

#[conformance::test]
fn a_cgroup_destination_as_a_symlink_stays_inside() {
    with_link("/cgroups", |bundle| bundle.mount("cgroup", "cgroup", "/cgroups", &["ro"]), |_, _| {});
}

#[conformance::test]
fn a_mount_destination_through_a_symlink_stays_inside() {
    for destination in ["/etc/x", "/etc/x/dir", "/etc/x/new/deep"] {
        with_link("/etc/x", |bundle| bundle.mount("tmpfs", "tmpfs", destination, &[]), |_, _| {});
    }
}

#[conformance::test]
fn a_file_made_for_a_bind_stays_inside() {
    for destination in ["/etc/x/file", "/etc/x/new-file"] {
        with_link("/etc/x", |bundle| bundle.bind("/etc/passwd", destination, &["bind", "ro"]), |_, _| {});
    }
}

#[conformance::test]
fn a_dangling_symlink_as_a_destination_stays_inside() {
    let bundle = Bundle::sh("true").writable();
    let trap = Trap::beside(&bundle);
    let bundle = bundle.link("/etc/x", trap.path.join("new")).bind("/etc/passwd", "/etc/x", &["bind", "ro"]);
    bundle.run();
    trap.is_untouched();
}

#[conformance::test]
fn a_device_through_a_symlink_stays_inside() {
    let device = json!([{"path": "/etc/x/node", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666}]);
    with_link("/etc/x", |bundle| bundle.set("/linux/devices", device.clone()), |_, _| {});
}

#[conformance::test]
fn a_cwd_through_a_symlink_stays_inside() {
    for cwd in ["/etc/x", "/etc/x/dir", "/etc/x/new"] {
        with_link(
            "/etc/x",
            |bundle| bundle.set("/process/cwd", cwd),
            |outcome, _| {
                assert!(!outcome.stdout.contains("of the host"));
            },
        );
    }
}

#[conformance::test]
fn a_root_that_is_a_symlink_is_its_target() {
    let bundle = Bundle::sh("echo ran");
    std::os::unix::fs::symlink("rootfs", bundle.path().join("alias")).unwrap();
    bundle.set("/root/path", "alias").run().succeeds().prints("ran");
}

#[conformance::test]
fn a_masked_path_does_not_show_what_the_image_calls_null() {
    let bundle = plain_dev(Bundle::sh("cat /etc/secret")).writable();
    let bundle = bundle.file("/etc/secret", "secret").file("/etc/other", "other").link("/dev/null", "/etc/other");
    let outcome = bundle.set("/linux/maskedPaths", json!(["/etc/secret"])).run();
    assert!(!outcome.stdout.contains("secret") && !outcome.stdout.contains("other"), "{}", outcome.stdout);
}

#[conformance::test]
fn a_masked_path_as_a_symlink_masks_inside() {
    let bundle = Bundle::sh("cat /etc/masked").writable();
    let trap = Trap::beside(&bundle);
    let bundle = bundle.link("/etc/masked", trap.path.join("file"));
    let bundle = bundle.set("/linux/maskedPaths", json!(["/etc/masked"]));
    bundle.run();
    trap.is_untouched();
}
