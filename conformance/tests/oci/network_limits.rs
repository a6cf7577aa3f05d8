//! `linux.resources.network` and `linux.resources.rdma`: an effect where the controller is, else an error that names it.

use std::path::Path;
use std::process::Command;

use conformance::{Bundle, hierarchies, json, needs};

/// The network controllers of v1, which nobody mounts any more, for this thread, whose children the runtime's processes are.
fn with_network_controllers() {
    needs::cgroup_v1("memory");
    needs::root("mounting the network controllers");
    let controllers = ["net_cls", "net_prio"];
    let missing = controllers.iter().find(|name| !hierarchies::kernel_has(name));
    missing.inspect(|name| needs::cgroup_v1(name));
    hierarchies::mount_too(&controllers);
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
    if !Path::new("/sys/fs/cgroup/net_cls").is_dir() {
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
