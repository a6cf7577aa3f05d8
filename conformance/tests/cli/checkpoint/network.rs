//! Sockets whose other end is not in the container.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use conformance::needs;
use nix::sched::{CloneFlags, unshare};

use super::counter::Counter;

/// Puts this test, and what it starts, into a network namespace of its own with a loopback that is up.
pub(super) fn elsewhere() {
    needs::criu();
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
}

/// Connected to the test by TCP and by datagrams; and one waits at its own listener.
const CONNECTED: &str = r#"
socket(my $peer, PF_INET, SOCK_STREAM, 0); connect($peer, sockaddr_in(7001, INADDR_LOOPBACK)) or die $!; $peer->blocking(0);
socket(my $door, PF_INET, SOCK_STREAM, 0); bind($door, sockaddr_in(7002, INADDR_LOOPBACK)) or die $!; listen($door, 5);
socket(my $log, PF_UNIX, SOCK_DGRAM, 0); connect($log, sockaddr_un($ENV{LOG})) or die $!"#;
/// What it hears it says again, on both.
const ECHO: &str = "if (sysread($peer, my $said, 100)) { syswrite($peer, $said); send($log, $said, 0); }";

#[track_caller]
fn talks(peer: &mut TcpStream, log: &UnixDatagram, words: &str) {
    let (mut heard, mut logged) = (vec![0; words.len()], [0; 100]);
    peer.write_all(words.as_bytes()).unwrap();
    peer.read_exact(&mut heard).unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), words);
    let length = log.recv(&mut logged).unwrap();
    assert_eq!(String::from_utf8_lossy(&logged[..length]), words);
}

#[conformance::test]
fn connections_to_the_outside_go_on_where_that_is_asked_for() {
    elsewhere();
    let listener = TcpListener::bind("127.0.0.1:7001").unwrap();
    let bundle = Counter::perl(CONNECTED, ECHO).without_namespace("network");
    // CRIU connects by the name that the socket was bound to: it is the same in the container.
    let dir = bundle.host("sockets");
    let log = UnixDatagram::bind(dir.join("log")).unwrap();
    let bundle = bundle.bind(&dir, dir.to_str().unwrap(), &["bind"]);
    let counter = Counter::of(bundle.set("/process/env/-", format!("LOG={}/log", dir.display())));
    let mut peer = listener.accept().unwrap().0;
    peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    log.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let waiting = TcpStream::connect("127.0.0.1:7002").unwrap();
    talks(&mut peer, &log, "before");

    let (established, in_flight, unix) = ("--tcp-established", "--tcp-skip-in-flight", "--ext-unix-sk");
    counter.refuses(&[in_flight, unix], "Connected TCP socket");
    counter.refuses(&[established, unix], "In-flight connection");
    counter.refuses(&[established, in_flight], "External socket is used");
    let images = counter.dir("one");
    counter.checkpoint(&["--image-path", &images, established, in_flight, unix]).succeeds();
    drop(waiting);
    // CRIU 4 wants to hear again of the connection, not of the socket.
    assert!(!counter.restore(&images, &["--detach", unix]).wait().unwrap().success());
    assert!(counter.read("one/restore.log").contains("Connected TCP socket in image"));
    counter.goes_on(&images, &[established, unix]);
    talks(&mut peer, &log, "after");
    assert!(TcpStream::connect("127.0.0.1:7002").is_ok(), "it listens again");
    counter.delete();
}

/// runc has no such flag.
#[conformance::test]
fn a_connection_may_be_restored_as_closed() {
    needs::runtime(&["orlop"]);
    elsewhere();
    let listener = TcpListener::bind("127.0.0.1:7001").unwrap();
    let connect =
        "socket(my $peer, PF_INET, SOCK_STREAM, 0); connect($peer, sockaddr_in(7001, INADDR_LOOPBACK)) or die $!";
    let counter = Counter::of(Counter::perl(connect, "").without_namespace("network"));
    let _peer = listener.accept().unwrap();
    let images = counter.dir("one");
    counter.checkpoint(&["--image-path", &images, "--tcp-established"]).succeeds();
    let process = counter.goes_on(&images, &["--tcp-close"]);
    // Addresses of the container's socket, its peer 127.0.0.1:7001, and the state TCP_ESTABLISHED: proc_net_tcp.rst.
    assert!(!process.read("net/tcp").contains("0100007F:1B59 01 "), "{}", process.read("net/tcp"));
    counter.delete();
}

/// With and without the flag: the devices of a network are its engine's.
#[conformance::test]
fn what_was_in_its_network_is_left_out() {
    needs::criu();
    needs::path("/dev/net/tun");
    let counter = Counter::start();
    let net = format!("--net={}", counter.process().namespace_path("net").display());
    let interfaces = || {
        let net = format!("--net={}", counter.process().namespace_path("net").display());
        let listed = Command::new("nsenter").args([&*net, "ip", "-o", "link"]).output().unwrap();
        String::from_utf8(listed.stdout).unwrap()
    };
    let added = Command::new("nsenter").args([&*net, "ip", "tuntap", "add", "kept0", "mode", "tap"]).status();
    assert!(added.unwrap().success() && interfaces().contains("kept0"));
    let images = counter.dir("one");
    counter.checkpoint(&["--image-path", &images, "--empty-ns", "network"]).succeeds();
    counter.goes_on(&images, &["--empty-ns", "network"]);
    assert!(interfaces().contains("lo:") && !interfaces().contains("kept0"), "{}", interfaces());
    counter.delete();
}
