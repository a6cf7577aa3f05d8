//! `process.capabilities`: the five sets, as the kernel shows them; `noNewPrivileges`.

use conformance::{Bundle, json};

const CHOWN: u64 = 1 << 0;
const KILL: u64 = 1 << 5;
const NET_BIND_SERVICE: u64 = 1 << 10;
const SYS_CHROOT: u64 = 1 << 18;

fn with_set(set: &str, names: &[&str]) -> Bundle {
    Bundle::new().capable(&["CAP_CHOWN", "CAP_KILL"]).set(&format!("/process/capabilities/{set}"), json!(names))
}

#[conformance::test(covers = ["/process/capabilities/bounding"])]
fn bounding_set_is_exact() {
    let container = with_set("bounding", &["CAP_CHOWN", "CAP_KILL", "CAP_SYS_CHROOT"]).start();
    assert_eq!(container.settled().capabilities("Bnd"), CHOWN | KILL | SYS_CHROOT);
}

#[conformance::test(covers = ["/process/capabilities/{permitted,effective}"])]
fn permitted_and_effective_sets_are_exact() {
    let container = Bundle::new().capable(&["CAP_CHOWN", "CAP_KILL"]).start();
    assert_eq!(container.settled().capabilities("Prm"), CHOWN | KILL);
    assert_eq!(container.settled().capabilities("Eff"), CHOWN | KILL);
}

#[conformance::test(covers = ["/process/capabilities/{inheritable,ambient}"])]
fn inheritable_set_is_empty_unless_asked_for() {
    let container = Bundle::new().capable(&["CAP_CHOWN", "CAP_KILL"]).start();
    assert_eq!(container.settled().capabilities("Inh"), 0);
    assert_eq!(container.settled().capabilities("Amb"), 0);
}

#[conformance::test(covers = ["/process/capabilities/inheritable"])]
fn inheritable_set_is_exact() {
    let container = with_set("inheritable", &["CAP_KILL"]).start();
    assert_eq!(container.settled().capabilities("Inh"), KILL);
}

#[conformance::test(covers = ["/process/capabilities/ambient"])]
fn ambient_set_reaches_a_process_that_is_not_root() {
    let names = ["CAP_NET_BIND_SERVICE"];
    let bundle = Bundle::new().capable(&names).set("/process/user", json!({"uid": 1000, "gid": 1000}));
    let bundle = bundle.set("/process/capabilities/inheritable", json!(names));
    let container = bundle.set("/process/capabilities/ambient", json!(names)).start();
    assert_eq!(container.settled().capabilities("Amb"), NET_BIND_SERVICE);
    assert_eq!(container.settled().capabilities("Eff"), NET_BIND_SERVICE);
}

#[conformance::test]
fn a_process_that_is_not_root_loses_effective_and_permitted_at_exec() {
    let bundle = Bundle::new().capable(&["CAP_CHOWN", "CAP_KILL"]);
    let container = bundle.set("/process/user", json!({"uid": 1000, "gid": 1000})).start();
    assert_eq!(container.settled().capabilities("Eff"), 0);
    assert_eq!(container.settled().capabilities("Prm"), 0);
    assert_eq!(container.settled().capabilities("Bnd"), CHOWN | KILL);
}

#[conformance::test(covers = ["/process/capabilities/{inheritable,permitted,effective,bounding,ambient}"])]
fn absent_capabilities_are_none() {
    let container = Bundle::new().without("/process/capabilities").start();
    for set in ["Inh", "Prm", "Eff", "Bnd", "Amb"] {
        assert_eq!(container.settled().capabilities(set), 0, "{set}");
    }
}

#[conformance::test]
fn an_unknown_capability_is_only_a_warning() {
    let container = Bundle::new().capable(&["CAP_KILL", "CAP_OF_TOMORROW"]).start();
    assert_eq!(container.settled().capabilities("Eff"), KILL);
}

#[conformance::test(covers = ["/process/noNewPrivileges"])]
fn no_new_privileges_is_set() {
    let container = Bundle::new().start();
    assert_eq!(container.settled().status("NoNewPrivs").unwrap(), "1");
}

#[conformance::test(covers = ["/process/noNewPrivileges"])]
fn no_new_privileges_is_not_set_unless_asked_for() {
    let container = Bundle::new().set("/process/noNewPrivileges", false).start();
    assert_eq!(container.settled().status("NoNewPrivs").unwrap(), "0");
}

/// The kernel allows it (capabilities(7)): what is dropped from the bounding set stays inheritable.
#[conformance::test(covers = ["/process/capabilities/inheritable"])]
fn a_capability_can_be_inheritable_beyond_the_bounding_set() {
    let bundle = Bundle::new().capable(&["CAP_KILL"]);
    let container = bundle.set("/process/capabilities/inheritable", json!(["CAP_CHOWN"])).start();
    assert_eq!(container.settled().capabilities("Inh"), CHOWN);
    assert_eq!(container.settled().capabilities("Bnd"), KILL);
    assert_eq!(container.settled().capabilities("Prm"), KILL);
}
