//! `linux.netDevices`: an interface of the host is the container's, with its addresses, and comes back from a launch that fails.
//!
//! Each test is in a network namespace of its own, so nothing here touches the machine's.

use std::process::Command;

use conformance::{Bundle, Value, json, needs};
use nix::sched::{CloneFlags, unshare};

/// Puts this test, and what it starts, into a new network namespace with an interface that has all that is to be kept.
fn interface() {
    elsewhere();
    add("here0");
    host("ip link set here0 mtu 1400");
    host("ip address add 10.7.0.2/24 broadcast 10.7.0.255 dev here0");
    host("ip address add 10.7.1.2/32 dev here0");
    host("ip address add fd07::2/64 dev here0 nodad");
    host("ip link set here0 up");
}

fn elsewhere() {
    needs::root("moving interfaces");
    needs::path("/dev/net/tun");
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
}

fn add(name: &str) {
    host(&format!("ip tuntap add {name} mode tap"));
}

/// Runs a command of the host where this test is.
#[track_caller]
fn host(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What there is to see of an interface: flags, MTU, addresses.
fn all_of(name: &str) -> String {
    host(&format!(
        "ip -o link show {name} | sed 's/ qdisc .*//; s/,LOWER_UP//; s/NO-CARRIER,//'; ip -o address show {name}"
    ))
}

fn moving(devices: Value) -> Bundle {
    Bundle::new().set("/linux/netDevices", devices)
}

/// The line of one address in the output of busybox's `ip`.
#[track_caller]
fn shows(listing: &str, words: &[&str]) {
    for word in words {
        assert!(listing.contains(word), "`{word}` is not in:\n{listing}");
    }
}

#[conformance::test(covers = ["/linux/netDevices/*/name"])]
fn an_interface_moves_with_its_addresses_and_is_up() {
    interface();
    let container = moving(json!({"here0": {}})).start();
    let listing = container.exec(["ip", "address", "show", "here0"]).succeeds().stdout;
    shows(&listing, &["UP", "mtu 1400", "inet 10.7.0.2/24 brd 10.7.0.255", "inet 10.7.1.2/32", "inet6 fd07::2/64"]);
    assert!(!host("ip link").contains("here0"), "it is in one namespace");
}

#[conformance::test]
fn an_interface_that_was_down_is_up() {
    interface();
    host("ip link set here0 down");
    let container = moving(json!({"here0": {}})).start();
    let listing = container.exec(["ip", "address", "show", "here0"]).succeeds().stdout;
    shows(&listing, &["UP", "inet 10.7.0.2/24"]);
}

#[conformance::test]
fn addresses_that_are_not_permanent_and_global_stay_behind() {
    interface();
    host("ip address add 10.7.2.2/24 scope link dev here0");
    host("ip address add 10.7.3.2/24 valid_lft 1000 preferred_lft 1000 dev here0");
    let container = moving(json!({"here0": {}})).start();
    let listing = container.exec(["ip", "address", "show", "here0"]).succeeds().stdout;
    shows(&listing, &["10.7.0.2"]);
    assert!(!listing.contains("10.7.2.2") && !listing.contains("10.7.3.2"), "{listing}");
}

#[conformance::test(covers = ["/linux/netDevices/*/name"])]
fn an_interface_has_another_name_inside() {
    interface();
    add("here1");
    let container = moving(json!({"here0": {"name": "net0"}, "here1": {"name": "net1"}})).start();
    shows(&container.exec(["ip", "address", "show", "net0"]).succeeds().stdout, &["10.7.0.2/24", "fd07::2/64"]);
    container.exec(["ip", "link", "show", "net1"]).succeeds();
    container.exec(["ip", "link", "show", "here0"]).fails();
}

#[conformance::test(covers = ["/linux/netDevices/*/name"])]
fn the_kernel_completes_a_template() {
    interface();
    add("here1");
    let container = moving(json!({"here0": {"name": "net%d"}, "here1": {"name": "net%d"}})).start();
    let names = container.exec(["ip", "link"]).succeeds().stdout;
    shows(&names, &["net0", "net1"]);
}

#[conformance::test]
fn the_container_sets_sysctls_of_its_interface() {
    interface();
    let bundle = moving(json!({"here0": {"name": "net0"}})).set("/linux/sysctl/net.ipv4.conf.net0.forwarding", "1");
    bundle.start().exec(["cat", "/proc/sys/net/ipv4/conf/net0/forwarding"]).succeeds().prints("1");
}

#[conformance::test(covers = ["/linux/netDevices/*/name"])]
fn an_interface_moves_into_a_joined_namespace() {
    interface();
    let first = Bundle::new().start();
    let path = first.process().namespace_path("net");
    let second = moving(json!({"here0": {"name": "net0"}})).join("network", path).start();
    shows(&second.exec(["ip", "address", "show", "net0"]).succeeds().stdout, &["10.7.0.2/24"]);
    second.delete();
    // Whoever owns the namespace owns what is in it.
    first.exec(["ip", "link", "show", "net0"]).succeeds();
}

#[conformance::test]
fn an_interface_moves_into_a_container_with_a_user_namespace() {
    interface();
    let ids = || json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    let bundle = moving(json!({"here0": {"name": "net0"}})).namespace("user");
    let container = bundle.set("/linux/uidMappings", ids()).set("/linux/gidMappings", ids()).start();
    shows(&container.exec(["ip", "address", "show", "net0"]).succeeds().stdout, &["UP", "10.7.0.2/24", "fd07::2/64"]);
}

#[conformance::test]
fn an_interface_that_is_not_there_is_named() {
    elsewhere();
    moving(json!({"nonesuch": {}})).refused().names("/linux/netDevices/nonesuch").says("nonesuch");
}

#[conformance::test(covers = ["/linux/netDevices/*/name"])]
fn a_name_that_is_taken_inside_is_refused_and_everything_comes_back() {
    interface();
    add("here1");
    let before = all_of("here0");
    // In their order, so the first has moved when the second is refused.
    let bundle = moving(json!({"here0": {"name": "net0"}, "here1": {"name": "lo"}}));
    bundle.refused().names("/linux/netDevices/here1").says("lo");
    assert_eq!(all_of("here0"), before);
    host("ip link show here1");
}

#[conformance::test]
fn a_launch_that_fails_later_gives_the_interface_back() {
    interface();
    let before = all_of("here0");
    let bundle = moving(json!({"here0": {"name": "net0"}}));
    let bundle = bundle.mount("nonesuchfs", "none", "/mnt", &[]).dir("/mnt");
    bundle.refused();
    assert_eq!(all_of("here0"), before);
}

#[conformance::test]
fn a_hook_that_fails_gives_the_interface_back() {
    interface();
    let before = all_of("here0");
    let hook = json!([{"path": "/bin/false", "args": ["false"]}]);
    moving(json!({"here0": {}})).set("/hooks/createRuntime", hook).refused();
    assert_eq!(all_of("here0"), before);
}

/// An interface is found by each of its names, but has one of them.
#[conformance::test(covers = ["/linux/netDevices/*/name"])]
fn an_interface_that_is_found_by_an_alternative_name_gets_its_own_name_back() {
    interface();
    host("ip link property add dev here0 altname long0");
    let before = all_of("here0");
    let hook = json!([{"path": "/bin/false", "args": ["false"]}]);
    moving(json!({"long0": {"name": "net0"}})).set("/hooks/createRuntime", hook).refused();
    assert_eq!(all_of("here0"), before);
    let container = moving(json!({"long0": {"name": "net0"}})).start();
    shows(&container.exec(["ip", "address", "show", "net0"]).succeeds().stdout, &["UP", "10.7.0.2/24", "fd07::2/64"]);
}

#[conformance::test]
fn an_alternative_name_cannot_become_the_name() {
    interface();
    host("ip link property add dev here0 altname long0");
    let before = all_of("here0");
    moving(json!({"long0": {}})).refused().says("long0").names("here0");
    assert_eq!(all_of("here0"), before);
}

/// The hook takes the name that the interface had on the host.
#[conformance::test]
fn an_interface_whose_name_is_taken_meanwhile_comes_back_with_all_else() {
    interface();
    let before = all_of("here0");
    let hook = json!([{"path": "/bin/sh", "args": ["sh", "-c", "ip tuntap add here0 mode tap; false"]}]);
    moving(json!({"here0": {"name": "net0"}})).set("/hooks/createRuntime", hook).refused();
    assert_eq!(all_of("net0"), before.replace("here0", "net0"));
}

#[conformance::test]
fn an_interface_cannot_move_into_the_namespace_it_is_in() {
    interface();
    // Of this thread: the whole process has not moved.
    let own = format!("/proc/{}/task/{}/ns/net", std::process::id(), nix::unistd::gettid());
    moving(json!({"here0": {}})).join("network", own).refused().names("/linux/netDevices").says("own");
    moving(json!({"here0": {}})).without_namespace("network").refused().names("/linux/netDevices");
    host("ip link show here0");
}

#[conformance::test]
fn the_loopback_interface_stays_where_it_is() {
    elsewhere();
    moving(json!({"lo": {"name": "lo7"}})).refused().names("/linux/netDevices/lo");
}
