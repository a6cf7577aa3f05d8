//! `idmap`, `ridmap`, and `uidMappings` and `gidMappings` of a mount: whose a file is, inside and on the host.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use conformance::{Bundle, Value, json, needs};
use nix::mount::{MsFlags, mount};

/// So many ids from 0 on, shown as the ids from `to` on.
fn ids(to: u32, size: u32) -> Value {
    json!([{"containerID": 0, "hostID": to, "size": size}])
}

/// A mount with mappings of its own: users from 1000 on, groups from 2000 on.
fn mapped(kind: &str, source: impl AsRef<Path>, destination: &str, options: &[&str]) -> Value {
    // The sources may lie on a tmpfs.
    needs::linux(6, 3);
    json!({
        "type": kind, "source": source.as_ref(), "destination": destination, "options": options,
        "uidMappings": ids(1000, 10), "gidMappings": ids(2000, 10),
    })
}

/// In a user namespace whose root is user 100000 of the host, and may make nothing in the root filesystem.
fn in_user_namespace(bundle: Bundle) -> Bundle {
    let bundle = bundle.dir("/data").namespace("user").set("/linux/uidMappings", ids(100_000, 65536));
    bundle.set("/linux/gidMappings", ids(100_000, 65536))
}

/// A directory of the host with a file of user 3 and group 5.
fn source(bundle: &Bundle) -> std::path::PathBuf {
    needs::root("files of others, and mapping a filesystem of the host's");
    let source = bundle.host("source");
    fs::write(source.join("file"), "").unwrap();
    chown(source.join("file"), Some(3), Some(5)).unwrap();
    source
}

const OWNERS: &str = "stat -c %u:%g /data /data/file";

#[conformance::test(covers = ["/mounts/*/{uidMappings,gidMappings}/*/hostID", "/mounts/*/options=idmap"])]
fn a_bind_mount_shows_mapped_owners() {
    let bundle = Bundle::sh(OWNERS);
    let mount = mapped("bind", source(&bundle), "/data", &["bind", "idmap"]);
    bundle.set("/mounts/-", mount).run().succeeds().prints("1000:2000\n1003:2005");
}

#[conformance::test]
fn mappings_without_an_option_mean_idmap() {
    let bundle = Bundle::sh(OWNERS);
    let mount = mapped("bind", source(&bundle), "/data", &["bind"]);
    bundle.set("/mounts/-", mount).run().succeeds().prints("1000:2000\n1003:2005");
}

#[conformance::test(covers = ["/mounts/*/uidMappings/*/size"])]
fn an_owner_without_a_mapping_is_nobody() {
    let bundle = Bundle::sh(OWNERS);
    let source = source(&bundle);
    chown(source.join("file"), Some(10), Some(5)).unwrap();
    let mount = mapped("bind", source, "/data", &["bind", "idmap"]);
    bundle.set("/mounts/-", mount).run().succeeds().prints("1000:2000\n65534:2005");
}

#[conformance::test]
fn in_a_user_namespace_files_of_the_host_are_the_containers() {
    let bundle = Bundle::sh(&format!("{OWNERS}; echo > /data/new"));
    let source = source(&bundle);
    let mut mount = mapped("bind", &source, "/data", &["bind", "idmap"]);
    mount["uidMappings"] = ids(100_000, 65536);
    mount["gidMappings"] = ids(100_000, 65536);
    let bundle = in_user_namespace(bundle).set("/mounts/-", mount);
    bundle.run().succeeds().prints("0:0\n3:5");
    let new = fs::metadata(source.join("new")).unwrap();
    assert_eq!((new.uid(), new.gid()), (0, 0), "what the container makes is root's on the host");
}

#[conformance::test]
fn the_containers_mappings_are_taken_where_the_mount_has_none() {
    let bundle = Bundle::sh(OWNERS);
    let source = source(&bundle);
    in_user_namespace(bundle).bind(source, "/data", &["bind", "idmap"]).run().succeeds().prints("0:0\n3:5");
}

#[conformance::test]
fn the_mappings_of_a_joined_user_namespace_are_taken() {
    let first = in_user_namespace(Bundle::new()).start();
    let bundle = Bundle::sh(OWNERS).dir("/data").join("user", first.process().namespace_path("user"));
    let source = source(&bundle);
    bundle.bind(source, "/data", &["bind", "idmap"]).run().succeeds().prints("0:0\n3:5");
}

#[conformance::test]
fn mounts_with_the_same_mappings_and_others_stand_side_by_side() {
    let bundle = Bundle::sh("stat -c %u:%g /a/file /b/file /c/file");
    let source = source(&bundle);
    let mut other = mapped("bind", &source, "/c", &["bind", "idmap"]);
    other["uidMappings"] = ids(7000, 10);
    let same = ["/a", "/b"].map(|place| mapped("bind", &source, place, &["bind", "idmap"]));
    let bundle = same.into_iter().chain([other]).fold(bundle, |bundle, mount| bundle.set("/mounts/-", mount));
    bundle.run().succeeds().prints("1003:2005\n1003:2005\n7003:2005");
}

/// The owners of a bind mount and of a mount below it.
#[track_caller]
fn owners_of_two(option: &str, expected: &str) {
    needs::linux(6, 3);
    needs::root("a mount of the host's");
    let bundle = Bundle::new();
    // The bundle unmounts what bears its id.
    mount(Some("tmpfs"), &bundle.host("source/sub"), Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
    let mount = mapped("bind", bundle.host("source"), "/data", &["rbind", option]);
    bundle.set("/mounts/-", mount).start().sh("stat -c %u:%g /data /data/sub").succeeds().prints(expected);
}

#[conformance::test(covers = ["/mounts/*/options=idmap"])]
fn idmap_is_for_one_mount() {
    owners_of_two("idmap", "1000:2000\n0:0");
}

#[conformance::test(covers = ["/mounts/*/options=ridmap"])]
fn ridmap_is_for_all_below() {
    owners_of_two("ridmap", "1000:2000\n1000:2000");
}

#[conformance::test]
fn a_tmpfs_is_mapped() {
    needs::root("a new filesystem with the host's ids");
    needs::linux(6, 3);
    let mount = mapped("tmpfs", "tmpfs", "/cache", &["idmap", "mode=751"]);
    let container = Bundle::new().set("/mounts/-", mount).start();
    assert!(container.settled().mount("/cache").has(&["idmapped"]), "{:?}", container.settled().mount("/cache"));
    container.exec(["stat", "-c", "%u:%g %a", "/cache"]).succeeds().prints("1000:2000 751");
}

#[conformance::test]
fn a_tmpfs_in_a_user_namespace_is_mapped() {
    needs::linux(6, 3);
    // To the users 5 and up, and groups 50 and up, of the container.
    let mut mount = mapped("tmpfs", "tmpfs", "/data", &["idmap", "mode=751"]);
    mount["uidMappings"] = ids(100_005, 65536 - 5);
    mount["gidMappings"] = ids(100_050, 65536 - 50);
    let container = in_user_namespace(Bundle::new()).set("/mounts/-", mount).start();
    assert!(container.settled().mount("/data").has(&["idmapped"]), "{:?}", container.settled().mount("/data"));
    container.exec(["stat", "-c", "%u:%g %a", "/data"]).succeeds().prints("5:50 751");
    // What is made by an id that the mapping has is that id's again.
    container.exec_with(&["--user", "5:50"], ["sh", "-c", "touch /data/file; stat -c %u:%g /data/file"]).prints("5:50");
}

#[conformance::test]
fn two_filesystems_of_a_user_namespace_are_mapped_each_its_own_way() {
    needs::linux(6, 3);
    let at = |place: &str, to: u32| {
        let mut mount = mapped("tmpfs", "tmpfs", place, &["idmap"]);
        mount["uidMappings"] = ids(100_000 + to, 10);
        mount["gidMappings"] = ids(100_000 + to, 10);
        mount
    };
    let bundle = in_user_namespace(Bundle::sh("stat -c %u:%g /data /other")).dir("/other");
    bundle.set("/mounts/-", at("/data", 7)).set("/mounts/-", at("/other", 9)).run().succeeds().prints("7:7\n9:9");
}

#[conformance::test]
fn a_tmpfs_in_a_joined_user_namespace_is_mapped() {
    needs::linux(6, 3);
    let first = in_user_namespace(Bundle::new()).start();
    let mut mount = mapped("tmpfs", "tmpfs", "/data", &["idmap"]);
    mount["uidMappings"] = ids(100_005, 10);
    mount["gidMappings"] = ids(100_050, 10);
    let bundle = Bundle::sh("stat -c %u:%g /data").dir("/data").join("user", first.process().namespace_path("user"));
    bundle.set("/mounts/-", mount).run().succeeds().prints("5:50");
}

#[conformance::test]
fn a_filesystem_with_the_mappings_of_its_own_namespace_has_the_containers_ids() {
    let bundle = in_user_namespace(Bundle::sh("stat -c %u:%g /data && touch /data/file"));
    bundle.mount("tmpfs", "tmpfs", "/data", &["idmap"]).run().succeeds().prints("0:0");
}

#[conformance::test]
fn a_filesystem_of_a_user_namespace_that_cannot_be_mapped_is_named() {
    // The one queue of messages has no id-mapped mounts.
    let mut mount = mapped("mqueue", "mqueue", "/data", &["idmap"]);
    mount["uidMappings"] = ids(100_005, 10);
    mount["gidMappings"] = ids(100_050, 10);
    in_user_namespace(Bundle::new()).set("/mounts/-", mount).refused().names("/options/0");
}

#[conformance::test]
fn a_mapped_mount_can_be_readonly() {
    let bundle = Bundle::sh("stat -c %u /data && touch /data/file");
    let mount = mapped("bind", source(&bundle), "/data", &["bind", "idmap", "ro"]);
    bundle.set("/mounts/-", mount).run().exits(1).says("read-only").prints("1000");
}

#[conformance::test]
fn nothing_else_of_the_host_is_mapped() {
    let bundle = Bundle::sh(OWNERS);
    let source = source(&bundle);
    let bundle = bundle.set("/mounts/-", mapped("bind", &source, "/data", &["bind", "idmap"]));
    bundle.run().succeeds();
    let file = fs::metadata(source.join("file")).unwrap();
    assert_eq!((file.uid(), file.gid()), (3, 5));
}

#[conformance::test(covers = ["/mounts/*/{uidMappings,gidMappings}/*/{containerID,hostID,size}"])]
fn a_range_of_a_mount_begins_and_ends_where_it_says() {
    needs::root("giving files to other users");
    let bundle = Bundle::sh("stat -c %u:%g /data/*");
    let source = bundle.host("source");
    // Owners before, in and behind the range of three users from 3 on and of two groups from 5 on.
    for (name, user, group) in [("a", 2, 4), ("b", 3, 5), ("c", 5, 6), ("d", 6, 7)] {
        fs::write(source.join(name), "").unwrap();
        chown(source.join(name), Some(user), Some(group)).unwrap();
    }
    let mut mount = mapped("bind", &source, "/data", &["bind", "idmap"]);
    mount["uidMappings"] = json!([{"containerID": 3, "hostID": 7000, "size": 3}]);
    mount["gidMappings"] = json!([{"containerID": 5, "hostID": 8000, "size": 2}]);
    let expected = "65534:65534\n7000:8000\n7002:8001\n65534:65534";
    bundle.set("/mounts/-", mount).run().succeeds().prints(expected);
}
