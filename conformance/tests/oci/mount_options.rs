//! `mounts[].options`: every flag of the specification, alone and recursive, and propagation.

use conformance::observe::Mount;
use conformance::{Bundle, Container, json, needs};
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

/// Engines name `ro` or none at all: a volume from a directory that the host mounts `nosuid` is then another.
#[conformance::test]
fn a_bind_that_names_a_flag_has_those_it_names_alone_and_else_its_sources() {
    needs::root("a mount of the host's");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_NOATIME;
    for (options, expected) in [
        (&["bind"][..], &["rw", "nosuid", "nodev", "noexec", "noatime"][..]),
        (&["bind", "rprivate"], &["rw", "nosuid", "nodev", "noexec", "noatime"]),
        (&["bind", "ro"], &["ro", "noatime"]),
        (&["bind", "nosuid", "ro"], &["ro", "nosuid", "noatime"]),
        (&["bind", "relatime"], &["rw", "relatime"]),
        (&["bind", "nodiratime"], &["rw", "nodiratime", "relatime"]),
    ] {
        let bundle = Bundle::new();
        let source = bundle.host("source");
        mount(Some("tmpfs"), &source, Some("tmpfs"), flags, None::<&str>).expect("a mount");
        let container = bundle.bind(source, "/m", options).start();
        assert_eq!(container.settled().mount("/m").options, expected, "{options:?}");
    }
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

/// A recursive bind of two mounts that have all these flags already.
fn flagged_tree(flags: MsFlags, options: &[&str]) -> Container {
    needs::root("a mount of the host's");
    let all: Vec<&str> = ["rbind"].iter().chain(options).copied().collect();
    let bundle = Bundle::new();
    let top = bundle.host("tree");
    for place in [&top, &top.join("sub")] {
        std::fs::create_dir_all(place).unwrap();
        // The lower place is made before the upper mount can be read-only.
        mount(Some("tmpfs"), place, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("a mount");
    }
    for place in [&top.join("sub"), &top] {
        let again = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags;
        mount(None::<&str>, place, None::<&str>, again, None::<&str>).expect("flags");
    }
    bundle.bind(top, "/m", &all).start()
}

#[track_caller]
fn neither_has(container: &Container, gone: &[&str]) {
    for path in ["/m", "/m/sub"] {
        let mount = container.settled().mount(path);
        assert!(gone.iter().all(|option| !mount.has(&[option])), "{mount:?}");
    }
}

#[conformance::test(covers = ["/mounts/*/options={rrw,rsuid,rdev,rexec}"])]
fn rrw_rsuid_rdev_rexec_undo_them_all_the_way_down() {
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let container = flagged_tree(flags, &["rrw", "rsuid", "rdev", "rexec"]);
    neither_has(&container, &["ro", "nosuid", "nodev", "noexec"]);
}

#[conformance::test(covers = ["/mounts/*/options={ratime,rdiratime}"])]
fn ratime_and_rdiratime_undo_them_all_the_way_down() {
    let container = flagged_tree(MsFlags::MS_NOATIME | MsFlags::MS_NODIRATIME, &["ratime", "rdiratime"]);
    neither_has(&container, &["noatime", "nodiratime"]);
}

#[conformance::test(covers = ["/mounts/*/options=rrelatime"])]
fn rrelatime_goes_all_the_way_down() {
    let container = flagged_tree(MsFlags::MS_NOATIME, &["rrelatime"]);
    for path in ["/m", "/m/sub"] {
        assert!(container.settled().mount(path).has(&["relatime"]), "{path}");
    }
}

#[conformance::test(covers = ["/mounts/*/options={rnostrictatime,rnorelatime}"])]
fn rnostrictatime_returns_to_relatime_and_rnorelatime_changes_nothing() {
    let container = flagged_tree(MsFlags::MS_STRICTATIME, &["rnostrictatime", "rnorelatime"]);
    for path in ["/m", "/m/sub"] {
        assert!(container.settled().mount(path).has(&["relatime"]), "{path}");
    }
}

#[conformance::test(covers = ["/mounts/*/options=rsymfollow"])]
fn rsymfollow_undoes_it_all_the_way_down() {
    // MS_NOSYMFOLLOW of linux/mount.h.
    let container = flagged_tree(MsFlags::from_bits_retain(256), &["rsymfollow"]);
    neither_has(&container, &["nosymfollow"]);
}

#[conformance::test(covers = ["/mounts/*/options={atime,diratime,nostrictatime,norelatime,symfollow}"])]
fn access_times_and_symlinks_return_to_what_they_are_by_default() {
    for options in [
        &["noatime", "atime"][..],
        &["nodiratime", "diratime"],
        &["strictatime", "nostrictatime"],
        &["norelatime"],
        &["nosymfollow", "symfollow"],
    ] {
        let mount = tmpfs(options);
        assert_eq!(mount.options, ["rw", "relatime"], "{options:?}");
    }
}

#[conformance::test(covers = ["/mounts/*/options={defaults,silent,loud,iversion,noiversion}"])]
fn some_words_change_nothing_that_can_be_seen() {
    let plain = tmpfs(&[]);
    for option in ["defaults", "silent", "loud", "iversion", "noiversion"] {
        let mount = tmpfs(&[option]);
        assert_eq!((mount.options, mount.superblock), (plain.options.clone(), plain.superblock.clone()), "{option}");
    }
}

#[conformance::test(covers = ["/mounts/*/options={async,lazytime,nolazytime,mand,nomand}"])]
fn flags_of_the_filesystem_are_set_and_undone() {
    let superblock = |options: &[&str], word: &str| tmpfs(options).superblock.iter().any(|have| have == word);
    for (set, undone) in [("sync", "async"), ("lazytime", "nolazytime"), ("mand", "nomand")] {
        assert!(superblock(&[set], set), "{set}");
        assert!(!superblock(&[set, undone], set), "{undone}");
    }
}

/// A recursive bind of two mounts of the host that have peers.
fn shared_tree(option: &str) -> Container {
    needs::root("a mount of the host's");
    let bundle = Bundle::new();
    let top = bundle.host("tree");
    for place in [&top, &top.join("sub")] {
        std::fs::create_dir_all(place).unwrap();
        mount(Some("tmpfs"), place, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("a mount");
        mount(None::<&str>, place, None::<&str>, MsFlags::MS_SHARED, None::<&str>).expect("a shared mount");
    }
    bundle.bind(top, "/m", &["rbind", option]).start()
}

#[conformance::test(covers = ["/mounts/*/options={slave,rslave}"])]
fn a_slave_follows_the_host() {
    let follows = |container: &Container, path: &str| {
        let propagation = container.settled().mount(path).propagation;
        let has = |word: &str| propagation.iter().any(|field| field.starts_with(word));
        has("master:") && !has("shared:")
    };
    assert!(follows(&shared_tree("slave"), "/m"));
    let container = shared_tree("rslave");
    assert!(follows(&container, "/m") && follows(&container, "/m/sub"));
}

#[conformance::test(covers = ["/mounts/*/options={private,rprivate,runbindable}"])]
fn what_is_private_or_unbindable_follows_nobody() {
    assert!(shared_tree("private").settled().mount("/m").propagation.is_empty());
    for (option, expected) in [("rprivate", &[][..]), ("runbindable", &["unbindable"])] {
        let container = shared_tree(option);
        for path in ["/m", "/m/sub"] {
            assert_eq!(container.settled().mount(path).propagation, expected, "{option} {path}");
        }
    }
}

#[conformance::test(covers = ["/mounts/*/options=remount"])]
fn remount_changes_a_mount_that_is_there() {
    let again = json!({"destination": "/m", "type": "tmpfs", "source": "tmpfs", "options": ["remount", "ro", "nosuid", "noexec"]});
    let bundle = Bundle::new().mount("tmpfs", "tmpfs", "/m", &["nodev"]).mount("tmpfs", "tmpfs", "/m/sub", &[]);
    let container = bundle.set("/mounts/-", again).start();
    let mounts = container.settled().mounts();
    assert_eq!(mounts.iter().filter(|mount| mount.destination == "/m").count(), 1, "{mounts:?}");
    assert!(container.settled().mount("/m").has(&["ro", "nosuid", "noexec"]));
    assert!(container.settled().mount("/m/sub").has(&["rw"]));
}

#[conformance::test(covers = ["/mounts/*/options=remount"])]
fn remount_of_what_is_not_mounted_is_refused() {
    let again = json!({"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["remount", "ro"]});
    Bundle::new().set("/mounts/-", again).refused().names("/mounts/7");
}

/// As `podman run --tmpfs` asks for it, wherever that is.
#[conformance::test(covers = ["/mounts/*/options=tmpcopyup"])]
fn tmpcopyup_of_what_is_not_there_is_an_empty_mount() {
    let bundle = Bundle::sh("ls -A /new/place; touch /new/place/file").writable();
    bundle.mount("tmpfs", "tmpfs", "/new/place", &["tmpcopyup"]).run().succeeds().prints("");
}

#[conformance::test]
fn a_cgroup_mount_passes_over_no_option() {
    needs::runtime(&["orlop"]);
    let bundle = Bundle::new().mount("cgroup", "cgroup", "/dev/shm", &["ro", "memory_of_tomorrow"]);
    bundle.refused().names("/mounts/7/options/1");
}

#[conformance::test(covers = ["/mounts/*/options=remount"])]
fn remount_gives_a_new_filesystem_other_options() {
    let bundle = Bundle::new().mount("tmpfs", "tmpfs", "/dev/shm", &["remount", "size=128k", "nosuid"]);
    let mount = bundle.start().settled().mount("/dev/shm");
    assert!(mount.superblock.iter().any(|option| option == "size=128k"), "{mount:?}");
    assert!(mount.has(&["nosuid"]), "{mount:?}");
}

#[conformance::test]
fn one_option_may_be_several() {
    let mount = Bundle::new().writable().mount("tmpfs", "tmpfs", "/m", &["size=64k,nr_inodes=9", "nodev"]).start();
    let mount = mount.settled().mount("/m");
    for option in ["size=64k", "nr_inodes=9"] {
        assert!(mount.superblock.iter().any(|known| known == option), "{option}: {mount:?}");
    }
    let bundle = Bundle::new().writable().mount("tmpfs", "tmpfs", "/m", &["nodev", "size=64k,nonesuch"]);
    bundle.refused().names("/mounts/7/options/1");
}
