//! `mounts[].options`: every flag of the specification, alone and recursive, and propagation.

use conformance::observe::Mount;
use conformance::{Bundle, Container, needs};
use nix::mount::{MsFlags, mount};

/// A tmpfs at /m with these options, as the kernel shows it.
fn tmpfs(options: &[&str]) -> Mount {
    Bundle::new().mount("tmpfs", "tmpfs", "/m", options).start().settled().mount("/m")
}

/// A recursive bind of a tree of two mounts, /m and /m/sub, with more options.
fn tree(options: &[&str]) -> Container {
    let all: Vec<&str> = ["rbind"].iter().chain(options).copied().collect();
    needs::root("a mount of the host's");
    let bundle = Bundle::new();
    // The bundle unmounts what bears its id.
    mount(Some("tmpfs"), &bundle.host("tree/sub"), Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("a mount");
    let source = bundle.host("tree");
    bundle.bind(source, "/m", &all).start()
}

#[track_caller]
fn both_have(options: &[&str], expected: &[&str]) {
    let container = tree(options);
    for path in ["/m", "/m/sub"] {
        let mount = container.settled().mount(path);
        assert!(mount.has(expected), "{mount:?}");
    }
}

#[conformance::test(covers = ["/mounts/*/options=ro"])]
fn ro_is_readonly() {
    assert!(tmpfs(&["ro"]).has(&["ro"]));
}

#[conformance::test(covers = ["/mounts/*/options=rw"])]
fn rw_is_the_default() {
    assert!(tmpfs(&[]).has(&["rw"]));
    assert!(tmpfs(&["ro", "rw"]).has(&["rw"]));
}

#[conformance::test(covers = ["/mounts/*/options={nosuid,nodev,noexec}"])]
fn nosuid_nodev_noexec_are_set_together() {
    assert!(tmpfs(&["nosuid", "nodev", "noexec"]).has(&["nosuid", "nodev", "noexec"]));
}

#[conformance::test(covers = ["/mounts/*/options={suid,dev,exec}"])]
fn suid_dev_exec_undo_them() {
    let mount = tmpfs(&["nosuid", "nodev", "noexec", "suid", "dev", "exec"]);
    assert!(["nosuid", "nodev", "noexec"].iter().all(|option| !mount.has(&[option])), "{mount:?}");
}

#[conformance::test(covers = ["/mounts/*/options=noexec"])]
fn noexec_forbids_execution() {
    let bundle = Bundle::sh("cp /bin/busybox /m/true && /m/true").mount("tmpfs", "tmpfs", "/m", &["noexec"]);
    bundle.run().exits(126).says("permission denied");
}

#[conformance::test(covers = ["/mounts/*/options=relatime"])]
fn relatime_is_set() {
    assert!(tmpfs(&["relatime"]).has(&["relatime"]));
}

#[conformance::test(covers = ["/mounts/*/options=noatime"])]
fn noatime_is_set() {
    assert!(tmpfs(&["noatime"]).has(&["noatime"]));
}

#[conformance::test(covers = ["/mounts/*/options=strictatime"])]
fn strictatime_is_neither() {
    let mount = tmpfs(&["strictatime"]);
    assert!(!mount.has(&["relatime"]) && !mount.has(&["noatime"]), "{mount:?}");
}

#[conformance::test(covers = ["/mounts/*/options=nodiratime"])]
fn nodiratime_is_set() {
    assert!(tmpfs(&["nodiratime"]).has(&["nodiratime"]));
}

#[conformance::test(covers = ["/mounts/*/options=nosymfollow"])]
fn nosymfollow_is_set() {
    assert!(tmpfs(&["nosymfollow"]).has(&["nosymfollow"]));
}

#[conformance::test(covers = ["/mounts/*/options={sync,dirsync}"])]
fn sync_and_dirsync_reach_the_filesystem() {
    let bundle = Bundle::new().mount("tmpfs", "tmpfs", "/m", &["sync", "dirsync"]);
    let mount = bundle.start().settled().mount("/m");
    let superblock = |option: &str| mount.superblock.iter().any(|have| have == option);
    assert!(superblock("sync") && superblock("dirsync"), "{mount:?}");
}

#[conformance::test]
fn a_bind_keeps_the_flags_it_does_not_name() {
    let bundle = Bundle::new();
    let source = bundle.host("source");
    let container = bundle.bind(source, "/m", &["bind", "ro", "nosuid"]).start();
    let mount = container.settled().mount("/m");
    assert!(mount.has(&["ro", "nosuid"]), "{mount:?}");
}

#[conformance::test(covers = ["/mounts/*/options=ro"])]
fn ro_of_an_rbind_is_only_for_its_top() {
    let container = tree(&["ro"]);
    assert!(container.settled().mount("/m").has(&["ro"]));
    assert!(container.settled().mount("/m/sub").has(&["rw"]));
}

#[conformance::test(covers = ["/mounts/*/options=rro"])]
fn rro_is_readonly_all_the_way_down() {
    both_have(&["rro"], &["ro"]);
}

#[conformance::test(covers = ["/mounts/*/options={rnosuid,rnodev,rnoexec}"])]
fn rnosuid_rnodev_rnoexec_go_all_the_way_down() {
    both_have(&["rnosuid", "rnodev", "rnoexec"], &["nosuid", "nodev", "noexec"]);
}

#[conformance::test(covers = ["/mounts/*/options=rnoatime"])]
fn rnoatime_goes_all_the_way_down() {
    both_have(&["rnoatime"], &["noatime"]);
}

#[conformance::test(covers = ["/mounts/*/options=rnodiratime"])]
fn rnodiratime_goes_all_the_way_down() {
    both_have(&["rnodiratime"], &["nodiratime"]);
}

#[conformance::test(covers = ["/mounts/*/options=rnosymfollow"])]
fn rnosymfollow_goes_all_the_way_down() {
    both_have(&["rnosymfollow"], &["nosymfollow"]);
}

#[conformance::test(covers = ["/mounts/*/options=rstrictatime"])]
fn rstrictatime_goes_all_the_way_down() {
    let container = tree(&["rstrictatime"]);
    for path in ["/m", "/m/sub"] {
        let mount = container.settled().mount(path);
        assert!(!mount.has(&["relatime"]) && !mount.has(&["noatime"]), "{mount:?}");
    }
}

#[conformance::test]
fn a_bind_is_private_by_default() {
    let bundle = Bundle::new();
    let source = bundle.host("source");
    let mount = bundle.bind(source, "/m", &["bind"]).start().settled().mount("/m");
    assert!(!mount.propagation.iter().any(|field| field.starts_with("shared")), "{mount:?}");
}

#[conformance::test(covers = ["/mounts/*/options={shared,rshared,unbindable}"])]
fn propagation_is_set() {
    for (option, expected) in [("shared", "shared:"), ("rshared", "shared:"), ("unbindable", "unbindable")] {
        let mount = tmpfs(&[option]);
        assert!(mount.propagation.iter().any(|field| field.starts_with(expected)), "{option}: {mount:?}");
    }
    for option in ["private", "rprivate", "slave", "rslave"] {
        let mount = tmpfs(&[option]);
        assert!(!mount.propagation.iter().any(|field| field.starts_with("shared")), "{option}: {mount:?}");
    }
}

#[conformance::test(covers = ["/mounts/*/options=tmpcopyup"])]
fn tmpcopyup_copies_what_the_mount_covers() {
    let bundle = Bundle::sh("cat /etc/kept").file("/etc/kept", "kept").mount("tmpfs", "tmpfs", "/etc", &["tmpcopyup"]);
    bundle.run().succeeds().prints("kept");
}
