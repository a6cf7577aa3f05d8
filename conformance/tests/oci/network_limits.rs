//! `linux.resources.network` and `linux.resources.rdma`: an effect where the controller is, else an error that names it.

use std::fs;
use std::path::Path;
use std::process::Command;

use conformance::{Bundle, json, needs};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

const CGROUPS: &str = "/sys/fs/cgroup";

/// The network controllers of v1, which nobody mounts any more: in a mount namespace of this thread, whose children the
/// runtime's processes are, all of /sys/fs/cgroup as it is and these two beside it.
fn with_network_controllers() {
    needs::cgroup_v1("memory");
    needs::root("mounting the network controllers");
    let listed = fs::read_to_string("/proc/cgroups").unwrap();
    let missing = ["net_cls", "net_prio"].iter().find(|name| !listed.contains(**name));
    missing.inspect(|name| needs::cgroup_v1(name));
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let (none, private) = (None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE);
    mount(none, "/", none, private, none).unwrap();
    let aside = "/mnt";
    mount(Some(CGROUPS), aside, none, MsFlags::MS_BIND | MsFlags::MS_REC, none).unwrap();
    mount(Some("tmpfs"), CGROUPS, Some("tmpfs"), MsFlags::empty(), none).unwrap();
    for entry in fs::read_dir(aside).unwrap().flatten() {
        let place = Path::new(CGROUPS).join(entry.file_name());
        fs::create_dir(&place).unwrap();
        mount(Some(&entry.path()), &place, none, MsFlags::MS_BIND | MsFlags::MS_REC, none).unwrap();
    }
    for controller in ["net_cls", "net_prio"] {
        let place = Path::new(CGROUPS).join(controller);
        fs::create_dir_all(&place).unwrap();
        mount(Some("cgroup"), &place, Some("cgroup"), MsFlags::empty(), Some(controller)).unwrap();
    }
}

#[conformance::test(covers = ["/linux/resources/network/classID"])]
fn packets_get_their_class() {
    with_network_controllers();
    let container = Bundle::new().set("/linux/resources/network", json!({"classID": 0x10_0001})).start();
    assert_eq!(container.settled().cgroup_value("net_cls.classid"), "1048577");
    container.delete();
}

#[conformance::test(covers = ["/linux/resources/network/priorities/*/{name,priority}"])]
fn packets_get_the_priority_of_their_interface() {
    with_network_controllers();
    let priorities = json!({"priorities": [{"name": "lo", "priority": 5}]});
    let container = Bundle::new().set("/linux/resources/network", priorities).start();
    let map = container.settled().cgroup_value("net_prio.ifpriomap");
    assert!(map.lines().any(|line| line == "lo 5"), "{map}");
    container.delete();
}

#[conformance::test]
fn a_class_without_its_controller_is_refused() {
    if !Path::new(CGROUPS).join("net_cls").is_dir() {
        let bundle = Bundle::new().set("/linux/resources/network", json!({"classID": 0x10_0001}));
        bundle.refused().names("/linux/resources/network/classID").names("net_cls");
    }
}

#[conformance::test]
fn the_priority_of_an_interface_that_is_not_there_is_refused() {
    let priorities = json!({"priorities": [{"name": "nonesuch0", "priority": 5}]});
    let bundle = Bundle::new().set("/linux/resources/network", priorities);
    bundle.refused().names("/linux/resources/network/priorities/0").names("net_prio");
}

/// An adapter made of the loopback interface (`rdma_rxe`), for as long as a test lasts.
struct Adapter;

impl Adapter {
    const NAME: &str = "oc-rdma";

    fn new() -> Self {
        needs::cgroup_v2(&["rdma"]);
        needs::root("making an adapter");
        drop(Command::new("modprobe").arg("rdma_rxe").output());
        needs::path("/sys/module/rdma_rxe");
        needs::path("/usr/bin/rdma");
        let made = Command::new("rdma").args(["link", "add", Self::NAME, "type", "rxe", "netdev", "lo"]).status();
        assert!(made.unwrap().success(), "no adapter was made");
        Self
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        drop(Command::new("rdma").args(["link", "delete", Self::NAME]).status());
    }
}

#[conformance::test(covers = ["/linux/resources/rdma/*/{hcaHandles,hcaObjects}"])]
fn the_use_of_an_adapter_is_limited() {
    let adapter = Adapter::new();
    let limits = json!({Adapter::NAME: {"hcaHandles": 3, "hcaObjects": 10_000}});
    let container = Bundle::new().set("/linux/resources/rdma", limits).start();
    let value = container.settled().cgroup_value("rdma.max");
    let line = value.lines().find(|line| line.starts_with(Adapter::NAME)).unwrap_or_else(|| panic!("{value}"));
    assert!(line.contains("hca_handle=3") && line.contains("hca_object=10000"), "{line}");
    container.delete();
    drop(adapter);
}

#[conformance::test]
fn the_limit_of_an_adapter_that_is_not_there_is_refused() {
    let bundle =
        Bundle::new().set("/linux/resources/rdma", json!({"nonesuch": {"hcaHandles": 3, "hcaObjects": 10_000}}));
    bundle.refused().names("/linux/resources/rdma/nonesuch").names("rdma");
}
