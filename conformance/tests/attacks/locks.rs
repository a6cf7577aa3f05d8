//! Whoever is root in a user namespace leaves alone what the host has done to its mounts (mount_namespaces(7), "Restrictions on mount
//! namespaces"): their flags, and what is mounted over a part of them.

use std::fs;
use std::path::PathBuf;

use conformance::{Bundle, Container, json, needs};
use nix::mount::{MsFlags, mount};

/// A mount of the host with every flag that protects it, a tmpfs over its directory `sub`, and a file under that.
fn protected(bundle: &Bundle) -> PathBuf {
    let top = bundle.host("tree");
    let put = |place: &PathBuf| mount(Some("tmpfs"), place, Some("tmpfs"), MsFlags::empty(), Some("mode=777")).unwrap();
    // The bundle unmounts what bears its id.
    put(&top);
    fs::create_dir(top.join("sub")).unwrap();
    fs::write(top.join("sub/hidden"), "of the host").unwrap();
    put(&top.join("sub"));
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(None::<&str>, &top, None::<&str>, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags, None::<&str>).unwrap();
    top
}

/// With all that its root can be given.
fn privileged(bundle: Bundle) -> Bundle {
    let map = || json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    let bundle = bundle.namespace("user").set("/linux/uidMappings", map()).set("/linux/gidMappings", map());
    bundle.capable(&["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"]).without("/linux/seccomp")
}

#[track_caller]
fn is_locked(container: &Container) {
    for flags in ["rw", "ro,suid,nodev,noexec", "ro,nosuid,dev,noexec", "ro,nosuid,nodev,exec"] {
        container.sh(&format!("mount -o remount,bind,{flags} /data")).fails();
    }
    container.sh("umount /data/sub").fails();
    container.sh("umount -l /data/sub").fails();
    container.sh("mount --bind /data /mnt").fails();
    container.sh("ls /data/sub; ! touch /data/new").succeeds().prints("");
}

#[conformance::test]
fn flags_and_overmounts_of_the_host_are_locked_in_a_user_namespace() {
    needs::root("a mount of the host's");
    let bundle = Bundle::new();
    let source = protected(&bundle);
    is_locked(&privileged(bundle).dir("/mnt").dir("/data").bind(source, "/data", &["rbind"]).start());
}

#[conformance::test]
fn so_are_those_below_the_root_filesystem() {
    needs::root("a mount of the host's");
    let bundle = Bundle::new().dir("/data").dir("/mnt");
    let source = protected(&bundle);
    let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(&source), &bundle.inside("/data"), None::<&str>, bind, None::<&str>).unwrap();
    is_locked(&privileged(bundle).start());
}

/// Where the container's root may not go on the way to it.
#[conformance::test]
fn so_are_those_that_the_containers_root_cannot_reach() {
    needs::root("a mount of the host's");
    let bundle = Bundle::new();
    let source = protected(&bundle);
    let way = source.parent().unwrap().join("closed");
    fs::create_dir_all(way.join("tree")).unwrap();
    let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(&source), &way.join("tree"), None::<&str>, bind, None::<&str>).unwrap();
    fs::set_permissions(&way, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    is_locked(&privileged(bundle).dir("/mnt").dir("/data").bind(way.join("tree"), "/data", &["rbind"]).start());
}
