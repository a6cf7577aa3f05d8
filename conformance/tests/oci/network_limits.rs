//! `linux.resources.network` and `linux.resources.rdma`: an effect where the controller is, else an error that names it.

use std::fs;
use std::path::Path;

use conformance::{Bundle, json};

const NET_CLS: &str = "/sys/fs/cgroup/net_cls";

#[conformance::test]
fn packets_get_their_class_or_the_missing_controller_is_named() {
    let bundle = Bundle::new().set("/linux/resources/network", json!({"classID": 0x10_0001}));
    if !Path::new(NET_CLS).is_dir() {
        bundle.refused().names("/linux/resources/network/classID").names("net_cls");
        return;
    }
    let container = bundle.start();
    let class = fs::read_to_string(Path::new(NET_CLS).join(container.id()).join("net_cls.classid"));
    assert_eq!(class.unwrap().trim(), "1048577");
}

#[conformance::test]
fn the_priority_of_an_interface_that_is_not_there_is_refused() {
    let priorities = json!({"priorities": [{"name": "nonesuch0", "priority": 5}]});
    let bundle = Bundle::new().set("/linux/resources/network", priorities);
    bundle.refused().names("/linux/resources/network/priorities/0").names("net_prio");
}

#[conformance::test]
fn the_limit_of_an_adapter_that_is_not_there_is_refused() {
    let bundle =
        Bundle::new().set("/linux/resources/rdma", json!({"nonesuch": {"hcaHandles": 3, "hcaObjects": 10_000}}));
    bundle.refused().names("/linux/resources/rdma/nonesuch").names("rdma");
}
