//! `mounts`: every type of this issue, in order, at destinations that exist or not.

use std::fs;
use std::process::Command;

use conformance::observe::Mount;
use conformance::{Bundle, Container, json, needs};

#[conformance::test(covers = ["/mounts/*/type=proc"])]
fn proc_is_of_the_containers_pid_namespace() {
    Bundle::sh("cat /proc/1/comm").run().succeeds().prints("cat");
}

#[conformance::test(covers = ["/mounts/*/type=sysfs"])]
fn sysfs_is_mounted_readonly() {
    let mount = Bundle::new().start().settled().mount("/sys");
    assert_eq!(mount.kind, "sysfs");
    assert!(mount.has(&["ro", "nosuid", "nodev", "noexec"]), "{mount:?}");
}

#[conformance::test(covers = ["/mounts/*/{type,destination,options}", "/mounts/*/type=tmpfs"])]
fn tmpfs_has_its_size_and_mode() {
    let bundle = Bundle::new().dir("/cache").mount("tmpfs", "tmpfs", "/cache", &["size=64k", "mode=751", "nosuid"]);
    let container = bundle.start();
    let mount = container.settled().mount("/cache");
    assert_eq!(mount.kind, "tmpfs");
    assert!(mount.superblock.iter().any(|option| option == "size=64k"), "{mount:?}");
    container.exec(["stat", "-c", "%a", "/cache"]).succeeds().prints("751");
}

#[conformance::test(covers = ["/mounts/*/type=devpts"])]
fn devpts_is_a_new_instance() {
    let container = Bundle::new().start();
    assert_eq!(container.settled().mount("/dev/pts").kind, "devpts");
    container.sh("ls /dev/pts").succeeds().prints("ptmx");
    container.exec(["stat", "-L", "-c", "%a", "/dev/ptmx"]).succeeds().prints("666");
}

#[conformance::test]
fn shm_is_sticky_and_writable_by_all() {
    Bundle::sh("stat -c %a /dev/shm").run().succeeds().prints("1777");
}

#[conformance::test(covers = ["/mounts/*/type=mqueue"])]
fn mqueue_is_mounted() {
    assert_eq!(Bundle::new().start().settled().mount("/dev/mqueue").kind, "mqueue");
}

#[conformance::test(covers = ["/mounts/*/type=cgroup"])]
fn cgroup_v1_shows_each_controller_at_the_containers_own_cgroup() {
    needs::cgroup_v1("memory");
    let container = Bundle::new().start();
    let memory = container.settled().mount("/sys/fs/cgroup/memory");
    assert_eq!(memory.kind, "cgroup");
    assert!(memory.has(&["ro", "nosuid", "nodev", "noexec"]), "{memory:?}");
    assert!(memory.root.ends_with(container.id()), "{memory:?}");
    assert_eq!(container.settled().mount("/sys/fs/cgroup").kind, "tmpfs");
}

#[conformance::test(covers = ["/mounts/*/type=cgroup"])]
fn cgroup_v2_is_mounted() {
    needs::cgroup_v2(&[]);
    assert_eq!(Bundle::new().start().settled().mount("/sys/fs/cgroup").kind, "cgroup2");
}

/// Programs look for their limits at the path that `/proc/self/cgroup` has (a JVM, say).
#[conformance::test]
fn without_a_cgroup_namespace_the_cgroup_is_where_the_kernel_says() {
    needs::cgroup_v2(&["pids"]);
    let limit = "cat /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/pids.max";
    let bundle = Bundle::sh(limit).without_namespace("cgroup").set("/linux/resources/pids/limit", 33);
    bundle.run().succeeds().prints("33");
}

/// Whoever may write to those of others is root on the host (CVE-2023-25809).
#[conformance::test]
fn without_a_cgroup_namespace_only_its_own_cgroup_can_be_written() {
    needs::cgroup_v2(&["pids"]);
    let script = "cd /sys/fs/cgroup; mkdir below && rmdir below && cat pids.max";
    let mut bundle = Bundle::sh(script).without_namespace("cgroup").set("/linux/resources/pids/limit", 33);
    let mounts = bundle.config["mounts"].as_array_mut().unwrap();
    let cgroup = mounts.iter_mut().find(|mount| mount["type"] == "cgroup").unwrap();
    cgroup["options"] = json!(["nosuid", "noexec", "nodev", "relatime", "rw"]);
    bundle.run().succeeds().prints("33");
    let bundle = Bundle::sh("mkdir /sys/fs/cgroup/above 2>&1").without_namespace("cgroup");
    bundle.run().exits(1).prints("mkdir: can't create directory '/sys/fs/cgroup/above': Read-only file system");
}

#[track_caller]
fn has_no_peers(container: &Container) {
    let shared = |mount: &Mount| mount.propagation.iter().any(|field| field.starts_with("shared"));
    let peers: Vec<_> = container.settled().mounts().into_iter().filter(shared).collect();
    assert!(peers.is_empty(), "{peers:#?}");
}

#[conformance::test]
fn no_mount_is_a_peer_of_the_hosts() {
    has_no_peers(&Bundle::new().start());
}

#[conformance::test]
fn no_mount_is_a_peer_of_the_hosts_in_a_user_namespace() {
    let mapping = json!([{"containerID": 0, "hostID": 0, "size": 65536}]);
    let bundle = Bundle::new().namespace("user").set("/linux/uidMappings", mapping.clone());
    has_no_peers(&bundle.set("/linux/gidMappings", mapping).start());
}

#[conformance::test(covers = ["/mounts/*/{source,destination}", "/mounts/*/type=bind", "/mounts/*/options=bind"])]
fn bind_of_a_directory_shows_its_files() {
    let bundle = Bundle::sh("cat /data/file");
    let source = bundle.host("source");
    fs::write(source.join("file"), "content").unwrap();
    bundle.bind(source, "/data", &["bind"]).run().succeeds().prints("content");
}

#[conformance::test(covers = ["/mounts/*/source", "mounts.destination-is-made"])]
fn bind_of_a_file_makes_the_file_to_mount_on() {
    let bundle = Bundle::sh("cat /etc/motd");
    let source = bundle.host("source").join("motd");
    fs::write(&source, "welcome").unwrap();
    bundle.bind(source, "/etc/motd", &["bind", "ro"]).run().succeeds().prints("welcome");
}

#[conformance::test(covers = ["/mounts/*/source", "mounts.relative-source"])]
fn bind_source_can_be_relative_to_the_bundle() {
    let bundle = Bundle::sh("cat /data/file");
    fs::write(bundle.host("source").join("file"), "content").unwrap();
    bundle.bind("source", "/data", &["bind"]).run().succeeds().prints("content");
}

#[conformance::test(covers = ["/mounts/*/options={bind,rbind}"])]
fn bind_takes_one_mount_and_rbind_all_below() {
    needs::root("binding one mount without those below it");
    let bundle = Bundle::new().bind("/proc", "/one", &["bind"]).bind("/dev", "/all", &["rbind"]);
    let container = bundle.start();
    let process = container.settled();
    let below = |path: &str| process.mounts().iter().filter(|mount| mount.destination.starts_with(path)).count();
    assert_eq!(below("/one"), 1);
    let host = conformance::observe::Process::myself();
    let expected =
        host.mounts().into_iter().filter(|mount| mount.destination == "/dev" || mount.destination.starts_with("/dev/"));
    assert_eq!(below("/all"), expected.count().max(1));
}

#[conformance::test(covers = ["/mounts/*/options=rbind"])]
fn a_bind_without_type_is_a_bind() {
    let bundle = Bundle::sh("ls /data");
    fs::write(bundle.host("source").join("file"), "").unwrap();
    let mount = json!({"source": "source", "destination": "/data", "options": ["rbind"]});
    bundle.set("/mounts/-", mount).run().succeeds().prints("file");
}

#[conformance::test]
fn overlay_joins_its_layers() {
    let bundle = Bundle::sh("cat /merged/lower; echo new > /merged/upper");
    let paths = ["lower", "upper", "work"].map(|name| bundle.host(name).display().to_string());
    fs::write(bundle.host("lower").join("lower"), "below").unwrap();
    let layers = [format!("lowerdir={}", paths[0]), format!("upperdir={}", paths[1]), format!("workdir={}", paths[2])];
    let options: Vec<&str> = layers.iter().map(String::as_str).collect();
    let bundle = bundle.mount("overlay", "overlay", "/merged", &options);
    bundle.run().succeeds().prints("below");
    assert_eq!(fs::read_to_string(bundle.host("upper").join("upper")).unwrap(), "new\n");
}

#[conformance::test]
fn overlay_takes_more_layers_than_fit_into_one_value() {
    needs::linux(6, 7);
    let bundle = Bundle::sh("cat /merged/*");
    let layers: Vec<String> = (0..12)
        .map(|number| {
            let layer = bundle.host(&format!("a-layer-with-a-long-name-{number:02}"));
            fs::write(layer.join(format!("{number:02}")), format!("{number} ")).unwrap();
            layer.display().to_string()
        })
        .collect();
    let option = format!("lowerdir={}", layers.join(":"));
    assert!(option.len() > 255);
    bundle.mount("overlay", "overlay", "/merged", &[&option]).run().succeeds().prints("0 1 2 3 4 5 6 7 8 9 10 11");
}

#[conformance::test(covers = ["mounts.order"])]
fn mounts_are_made_in_order() {
    let bundle = Bundle::sh("cat /a/b/file").mount("tmpfs", "tmpfs", "/a", &[]);
    fs::write(bundle.host("source").join("file"), "inner").unwrap();
    bundle.bind("source", "/a/b", &["bind"]).run().succeeds().prints("inner");
}

#[conformance::test(covers = ["mounts.order"])]
fn mountinfo_lists_mounts_in_order() {
    let bundle = Bundle::new().mount("tmpfs", "tmpfs", "/a", &[]).bind("source", "/b", &["bind"]);
    bundle.host("source");
    let container = bundle.mount("tmpfs", "tmpfs", "/c", &[]).bind("source", "/d", &["rbind"]).start();
    let mounts = container.settled().mounts();
    let known = ["/a", "/b", "/c", "/d"];
    let order: Vec<_> = mounts.iter().map(|mount| &*mount.destination).filter(|path| known.contains(path)).collect();
    assert_eq!(order, known);
}

#[conformance::test]
fn what_the_host_mounts_below_a_slave_shows_in_the_container() {
    needs::root("mounting on the host");
    let bundle = Bundle::new();
    let source = bundle.host("source");
    let mount = |arguments: &[&str]| assert!(Command::new("mount").args(arguments).status().unwrap().success());
    let path = source.display().to_string();
    mount(&["-t", "tmpfs", "--make-shared", "tmpfs", &path]);
    fs::create_dir(source.join("below")).unwrap();
    let container = bundle.bind(&source, "/data", &["rbind", "rslave"]).start();
    container.settled();
    mount(&["-t", "tmpfs", "tmpfs", &format!("{path}/below")]);
    assert_eq!(container.process().mount("/data/below").kind, "tmpfs");
}

#[conformance::test(covers = ["mounts.order"])]
fn a_later_mount_covers_an_earlier_one() {
    needs::root("binding one mount without those below it");
    let bundle = Bundle::sh("ls /a").bind("/proc", "/a", &["bind"]).mount("tmpfs", "tmpfs", "/a", &[]);
    bundle.run().succeeds().prints("");
}

#[conformance::test]
fn a_destination_through_a_symlink_stays_inside() {
    let bundle = Bundle::sh("ls /real/data").dir("/real").link("/alias", "/real");
    fs::write(bundle.host("source").join("file"), "").unwrap();
    bundle.bind("source", "/alias/data", &["bind"]).run().succeeds().prints("file");
}

#[conformance::test]
fn without_mounts_there_is_only_the_root() {
    let bundle = ["/linux/maskedPaths", "/linux/readonlyPaths", "/mounts"]
        .iter()
        .fold(Bundle::sh("ls /proc"), |bundle, list| bundle.set(list, json!([])));
    bundle.writable().run().succeeds().prints("");
}

/// "For compatibility with old tools … it MAY be a relative path, in which case it MUST be interpreted as relative to "/"."
#[conformance::test(covers = ["/mounts/*/destination"])]
fn a_relative_destination_is_below_the_root() {
    let bundle = Bundle::new().mount("tmpfs", "tmpfs", "old/way", &[]).writable();
    assert_eq!(bundle.start().settled().mount("/old/way").kind, "tmpfs");
}

#[conformance::test(covers = ["/mounts/*/destination"])]
fn nothing_is_above_the_root_of_a_destination() {
    let bundle = Bundle::new().mount("tmpfs", "tmpfs", "/../../escaped", &[]).writable();
    let outside = bundle.path().parent().unwrap().join("escaped");
    assert_eq!(bundle.start().settled().mount("/escaped").kind, "tmpfs");
    assert!(!outside.exists());
}
