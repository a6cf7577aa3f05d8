//! `SCMP_ACT_NOTIFY`: the listener reaches the socket at `listenerPath`, with the container process state beside it.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use conformance::console::Console;
use conformance::{Bundle, Value, eventually, json};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A bundle that leaves `mkdir` to whoever listens there.
fn notified(script: &str) -> (Console, Bundle) {
    let bundle = Bundle::sh(script).writable();
    let agent = Console::of(&bundle);
    let rules = json!([{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]);
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules, "listenerPath": agent.path,
        "listenerMetadata": "of this test"});
    (agent, bundle.set("/linux/seccomp", profile))
}

/// What the runtime sends: the state, read, and the listener, which is one.
#[track_caller]
fn received(agent: &Console) -> (Value, OwnedFd) {
    let (text, listener) = agent.receive_message();
    let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
    assert_eq!(link.to_str(), Some("anon_inode:seccomp notify"));
    (serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")), listener)
}

/// Whether a call waits for an answer.
fn is_asked(listener: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO) == Ok(1) && fds[0].revents() == Some(PollFlags::POLLIN)
}

fn the_listener_is_handed_over(no_new_privileges: bool) {
    let (agent, bundle) = notified("mkdir /new 2>/tmp/said; echo $? >/tmp/done; sleep 1000");
    let container = bundle.set("/process/noNewPrivileges", no_new_privileges).create();
    let (state, listener) = received(&agent);
    let pid = container.state()["pid"].clone();
    assert_eq!(
        (&state["fds"], &state["pid"], &state["metadata"]),
        (&json!(["seccompFd"]), &pid, &json!("of this test"))
    );
    assert!(state["ociVersion"].is_string(), "{state}");
    let inner = &state["state"];
    let expected = (&json!(container.id()), &pid, &json!("creating"));
    assert_eq!((&inner["id"], &inner["pid"], &inner["status"]), expected);
    assert_eq!(inner["bundle"], json!(container.bundle.path()));
    container.call("start").succeeds();
    assert!(eventually(|| is_asked(&listener)), "mkdir does not ask");
    assert!(!container.bundle.inside("/tmp/done").exists(), "mkdir does not wait for the answer");
    drop(listener);
    assert!(eventually(|| fs::read_to_string(container.bundle.inside("/tmp/done")).is_ok_and(|code| code == "1\n")));
    // seccomp_unotify(2): once nobody listens any more, ENOSYS.
    let said = fs::read_to_string(container.bundle.inside("/tmp/said")).unwrap();
    assert!(said.to_lowercase().contains("function not implemented"), "{said}");
}

#[conformance::test(covers = [
    "/linux/seccomp/syscalls/*/action=SCMP_ACT_NOTIFY",
    "/linux/seccomp/{listenerPath,listenerMetadata}",
])]
fn the_listener_is_handed_over_with_no_new_privileges() {
    the_listener_is_handed_over(true);
}

#[conformance::test(covers = [
    "/linux/seccomp/syscalls/*/action=SCMP_ACT_NOTIFY",
    "/linux/seccomp/{listenerPath,listenerMetadata}",
])]
fn the_listener_is_handed_over_without_no_new_privileges() {
    the_listener_is_handed_over(false);
}

#[conformance::test]
fn exec_hands_over_a_listener_of_its_own() {
    let (agent, bundle) = notified("sleep 1000");
    let container = bundle.start();
    let (first, _listener) = received(&agent);
    container.exec(["true"]).succeeds();
    let (second, _second_listener) = received(&agent);
    assert_eq!(second["state"]["pid"], first["pid"]);
    assert_ne!(second["pid"], first["pid"], "the process that was executed");
    assert_eq!(second["state"]["status"], json!("running"));
}

#[conformance::test]
fn nothing_of_the_listener_stays_in_the_container() {
    let (agent, bundle) = notified("ls -l /proc/self/fd >/tmp/fds; echo >>/tmp/fds; sleep 1000");
    let container = bundle.start();
    let (_, _listener) = received(&agent);
    let fds = || fs::read_to_string(container.bundle.inside("/tmp/fds")).unwrap_or_default();
    assert!(eventually(|| fds().ends_with("\n\n")), "{}", fds());
    let fds = fds();
    assert!(fds.contains("/tmp/fds") && !fds.contains("seccomp") && !fds.contains("socket"), "{fds}");
}

#[conformance::test]
fn flags_hold_for_a_filter_with_a_listener() {
    let (agent, bundle) = notified("sleep 1000");
    let flags = ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"];
    let container = bundle.set("/linux/seccomp/flags", json!(flags)).start();
    let (_, _listener) = received(&agent);
    assert_eq!(container.settled().status("Seccomp").unwrap(), "2");
}

#[conformance::test]
fn a_listener_path_where_nobody_listens_is_refused() {
    let (agent, bundle) = notified("true");
    drop(agent);
    bundle.refused().names("/linux/seccomp/listenerPath");
}

#[conformance::test]
fn a_rule_that_notifies_needs_a_listener_path() {
    let (_agent, bundle) = notified("true");
    bundle
        .without("/linux/seccomp/listenerPath")
        .without("/linux/seccomp/listenerMetadata")
        .refused()
        .names("/linux/seccomp/listenerPath");
}

#[conformance::test(covers = ["/linux/seccomp/defaultAction=SCMP_ACT_NOTIFY"])]
fn the_default_cannot_be_to_notify() {
    let (_agent, bundle) = notified("true");
    bundle.set("/linux/seccomp/defaultAction", "SCMP_ACT_NOTIFY").refused().names("/linux/seccomp/defaultAction");
}
