//! Bridges, names and ports between containers.

use conformance::eventually;

use super::docker::{Running, docker, run};
use super::image::TINY;

const SERVE: &str = "mkdir /tmp/www; echo served >/tmp/www/index.html; exec httpd -f -p 80 -h /tmp/www";

#[conformance::test]
fn two_containers_on_a_bridge_reach_each_other() {
    let server = Running::new("bridge-server", [TINY, "sh", "-c", SERVE]);
    let address = server.inspect(
        "{{.NetworkSettings.IPAddress}}{{with index .NetworkSettings.Networks \"bridge\"}} {{.IPAddress}}{{end}}",
    );
    let address = address.split_whitespace().next_back().expect("an address");
    run([TINY, "ping", "-c", "1", "-W", "5", address]).succeeds();
    let url = format!("http://{address}/");
    assert!(eventually(|| run([TINY, "wget", "-qO-", &url]).stdout.trim() == "served"));
}

#[conformance::test]
fn containers_on_a_network_of_their_own_find_each_other_by_name() {
    docker(["network", "create", "own"]).succeeds();
    let server = Running::new("named", ["--network", "own", TINY, "sh", "-c", SERVE]);
    assert!(eventually(|| run(["--network", "own", TINY, "wget", "-qO-", "http://named/"]).stdout.trim() == "served"));
    assert_ne!(
        run([TINY, "timeout", "3", "wget", "-qO-", "http://named/"]).code,
        0,
        "the name is known on another network"
    );
    drop(server);
    docker(["network", "rm", "own"]).succeeds();
}

#[conformance::test]
fn a_published_port_answers_on_the_host() {
    let server = Running::new("published", ["-p", "127.0.0.1:8099:80", TINY, "sh", "-c", SERVE]);
    // The host of this daemon is its own network namespace: a container on the host's network is there.
    let ask = ["--network", "host", TINY, "timeout", "3", "wget", "-qO-", "http://127.0.0.1:8099/"];
    assert!(eventually(|| run(ask).stdout.trim() == "served"));
    drop(server);
}

#[conformance::test]
fn a_container_without_network_has_only_loopback() {
    run(["--network", "none", TINY, "sh", "-c", "ls /sys/class/net"]).prints("lo");
}
