//! `hostname`, `domainname`, `linux.sysctl`.

use conformance::observe::Process;
use conformance::{Bundle, json, needs};

#[conformance::test(covers = ["/hostname"])]
fn hostname_is_set() {
    Bundle::sh("hostname").set("/hostname", "deck").run().succeeds().prints("deck");
}

#[conformance::test(covers = ["/domainname"])]
fn domainname_is_set() {
    let bundle = Bundle::sh("cat /proc/sys/kernel/domainname").set("/domainname", "example.org");
    bundle.run().succeeds().prints("example.org");
}

#[conformance::test]
fn hostname_of_the_host_is_untouched() {
    let before = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    Bundle::sh("true").set("/hostname", "deck").run().succeeds();
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), before);
}

#[conformance::test(covers = ["/linux/sysctl"])]
fn sysctl_of_the_network_namespace_is_set() {
    let script = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/ip_default_ttl";
    let sysctl = json!({"net.ipv4.ip_forward": "1", "net.ipv4.ip_default_ttl": "99"});
    Bundle::sh(script).set("/linux/sysctl", sysctl).run().succeeds().prints("1\n99");
}

/// Joined by path, the runtime's own is still the host's.
#[conformance::test(covers = ["/linux/sysctl"])]
fn sysctl_of_the_runtimes_own_network_namespace_is_refused() {
    needs::root("joining its own network namespace");
    let bundle = Bundle::new().without("/hostname").join("network", Process::myself().namespace_path("net"));
    bundle
        .set("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"}))
        .refused()
        .names("/linux/sysctl/net.ipv4.ip_forward");
}

#[conformance::test(covers = ["/linux/sysctl"])]
fn sysctl_of_the_ipc_namespace_is_set() {
    let bundle = Bundle::sh("cat /proc/sys/kernel/shmmax").set("/linux/sysctl", json!({"kernel.shmmax": "1234567"}));
    bundle.run().succeeds().prints("1234567");
}
