//! What `docker run` can be asked for: limits, users, privileges, devices, namespaces.

use conformance::needs;

use super::docker::{FOREVER, Running, run};
use super::image::TINY;

#[conformance::test]
fn limits_are_the_kernels() {
    let limits = ["-m", "64m", "--cpus", "0.5", "--pids-limit", "20", "--cpuset-cpus", "0"];
    let read = "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max cpu/cpu.cfs_quota_us cpu.max \
        pids/pids.max pids.max cpuset/cpuset.cpus cpuset.cpus 2>/dev/null | tr '\\n' ' '";
    let seen = run(limits.into_iter().chain([TINY, "sh", "-c", read])).stdout;
    assert!(["67108864 50000 20 0", "67108864 50000 100000 20 0"].contains(&seen.trim()), "{seen}");
}

#[conformance::test]
fn a_read_only_root_is_read_only() {
    run(["--read-only", TINY, "touch", "/x"]).exits(1).says("read-only file system");
    run(["--read-only", "--tmpfs", "/scratch", TINY, "touch", "/scratch/x"]).succeeds();
}

#[conformance::test]
fn a_user_has_its_ids_and_groups() {
    run(["--user", "web", TINY, "id"]).prints("uid=1000(web) gid=1000(web) groups=50(staff),1000(web)");
    run(["--user", "7:8", "--group-add", "9", TINY, "sh", "-c", "id -u; id -g; id -G"]).prints("7\n8\n8 9");
}

#[conformance::test]
fn capabilities_are_dropped_and_added() {
    let show = "grep CapEff /proc/self/status | tr -d ' \\t'";
    run(["--cap-drop", "ALL", TINY, "sh", "-c", show]).prints("CapEff:0000000000000000");
    run(["--cap-drop", "ALL", "--cap-add", "CHOWN", TINY, "sh", "-c", show]).prints("CapEff:0000000000000001");
    run([TINY, "sh", "-c", show]).prints("CapEff:00000000a80425fb");
}

#[conformance::test]
fn security_options_act() {
    run(["--security-opt", "no-new-privileges", TINY, "grep", "NoNewPrivs", "/proc/self/status"])
        .prints("NoNewPrivs:\t1");
    run([TINY, "grep", "Seccomp:", "/proc/self/status"]).prints("Seccomp:\t2");
    run(["--security-opt", "seccomp=unconfined", TINY, "grep", "Seccomp:", "/proc/self/status"]).prints("Seccomp:\t0");
    run([TINY, "unshare", "-m", "true"]).fails();
}

#[conformance::test]
fn init_reaps() {
    needs::path("/usr/bin/docker-init");
    let seen = run(["--init", TINY, "sh", "-c", "cat /proc/1/comm; (sleep 0.1 & exec true); sleep 0.5; ps"]).succeeds();
    assert!(seen.stdout.starts_with("docker-init"), "{}", seen.stdout);
    assert!(!seen.stdout.contains("[sleep]"), "a zombie: {}", seen.stdout);
}

#[conformance::test]
fn devices_ulimits_sysctls_and_names_are_given() {
    run(["--device", "/dev/null:/dev/mine:rwm", TINY, "sh", "-c", "echo x >/dev/mine && ls -l /dev/mine | cut -c1"])
        .prints("c");
    run(["--ulimit", "nofile=64:64", TINY, "sh", "-c", "ulimit -n"]).prints("64");
    run(["--sysctl", "net.ipv4.ip_default_ttl=77", TINY, "cat", "/proc/sys/net/ipv4/ip_default_ttl"]).prints("77");
    run(["--hostname", "deck", TINY, "hostname"]).prints("deck");
    run(["--shm-size", "1m", TINY, "sh", "-c", "df -k /dev/shm | tail -1 | awk '{print $2}'"]).prints("1024");
    run(["-e", "GREETING=hi", "-w", "/home/web", TINY, "sh", "-c", "echo $GREETING $PWD"]).prints("hi /home/web");
}

#[conformance::test]
fn a_privileged_container_sees_the_devices_of_the_host() {
    needs::all_capabilities();
    let count = |args: &[&str]| {
        let seen = run(args.iter().copied().chain([TINY, "sh", "-c", "ls /dev | wc -l"])).succeeds().stdout;
        seen.trim().parse::<u32>().expect("a number")
    };
    assert!(count(&["--privileged"]) > count(&[]));
    run(["--privileged", TINY, "sh", "-c", "mount -t tmpfs none /tmp && echo mounted"]).prints("mounted");
}

#[conformance::test]
fn namespaces_are_shared_on_request() {
    let container = Running::new("shared", FOREVER);
    run(["--pid", "container:shared", TINY, "cat", "/proc/1/comm"]).prints("sleep");
    run(["--ipc", "host", "--pid", "host", "--uts", "host", TINY, "true"]).succeeds();
    let net = container.exec(["readlink", "/proc/self/ns/net"]).stdout;
    run(["--network", "container:shared", TINY, "readlink", "/proc/self/ns/net"]).prints(net.trim());
    run(["--cgroupns", "private", TINY, "sh", "-c", "grep -c -v ':/$' /proc/self/cgroup"]).prints("0");
}
