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
    // The value that it has: crun writes it.
    let value = std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap();
    bundle
        .set("/linux/sysctl", json!({"net.ipv4.ip_forward": value.trim()}))
        .refused()
        .names("/linux/sysctl/net.ipv4.ip_forward");
}

#[conformance::test(covers = ["/linux/sysctl"])]
fn sysctl_of_the_ipc_namespace_is_set() {
    let bundle = Bundle::sh("cat /proc/sys/kernel/shmmax").set("/linux/sysctl", json!({"kernel.shmmax": "1234567"}));
    bundle.run().succeeds().prints("1234567");
}

/// Linux keeps them for each pid namespace: `pid_max` since 6.14, `memfd_noexec` since 6.3.
#[conformance::test(covers = ["/linux/sysctl"])]
fn sysctls_of_the_pid_namespace_are_set_and_the_hosts_are_untouched() {
    needs::linux(6, 14);
    needs::root("privilege over the pid namespace of a sysctl");
    let names = ["kernel/pid_max", "vm/memfd_noexec"];
    let of_host = || names.map(|name| std::fs::read_to_string(format!("/proc/sys/{name}")).unwrap());
    let before = of_host();
    let sysctl = json!({"kernel.pid_max": "500", "vm.memfd_noexec": "1", "kernel.ns_last_pid": "90"});
    let script = "cat /proc/sys/kernel/pid_max /proc/sys/vm/memfd_noexec; sleep 0 & [ $! -gt 90 ] && echo late";
    Bundle::sh(script).set("/linux/sysctl", sysctl).run().succeeds().prints("500\n1\nlate");
    assert_eq!(of_host(), before);
    let sysctl = json!({"kernel.pid_max": "500"});
    let shared = Bundle::new().without_namespace("pid").set("/linux/sysctl", sysctl);
    shared.refused().names("/linux/sysctl/kernel.pid_max");
}

#[conformance::test(covers = ["/linux/sysctl"])]
fn an_empty_value_empties_a_list_and_is_no_number() {
    needs::runtime(&["orlop"]);
    let list = |value: &str| json!({"net.ipv4.ip_local_reserved_ports": value});
    let script = "cat /proc/sys/net/ipv4/ip_local_reserved_ports";
    Bundle::sh(script).set("/linux/sysctl", list("7-9")).run().succeeds().prints("7-9");
    Bundle::sh(script).set("/linux/sysctl", list("")).run().succeeds().prints("");
    let number = json!({"net.ipv4.ip_forward": ""});
    Bundle::new().set("/linux/sysctl", number).refused().names("/linux/sysctl/net.ipv4.ip_forward");
}
