//! The default devices and symlinks; `linux.devices`.

use conformance::{Bundle, json, needs};

fn with_device(device: conformance::Value, show: &str) -> Bundle {
    if device["type"] != "p" {
        needs::root("making device nodes");
    }
    Bundle::sh(&format!("stat -c {show} /dev/extra")).set("/linux/devices", json!([device]))
}

#[conformance::test(covers = ["linux.default-devices"])]
fn the_default_devices_are_there() {
    let script = "cd /dev && stat -c '%n %t:%T %a' null zero full random urandom tty";
    let expected = "null 1:3 666\nzero 1:5 666\nfull 1:7 666\nrandom 1:8 666\nurandom 1:9 666\ntty 5:0 666";
    Bundle::sh(script).run().succeeds().prints(expected);
}

#[conformance::test(covers = ["linux.dev-symlinks", "linux.dev-ptmx"])]
fn the_default_symlinks_are_there() {
    let script = "cd /dev && for link in fd stdin stdout stderr ptmx; do readlink $link; done";
    let expected = "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx";
    Bundle::sh(script).run().succeeds().prints(expected);
}

/// Docker, privileged, hands over the host's.
#[conformance::test(covers = ["linux.dev-ptmx"])]
fn ptmx_is_that_of_the_containers_devpts_whatever_is_asked_for() {
    needs::root("making device nodes");
    let host = json!({"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2, "fileMode": 0o666});
    Bundle::sh("readlink /dev/ptmx").set("/linux/devices", json!([host])).run().succeeds().prints("pts/ptmx");
}

#[conformance::test(covers = ["linux.default-devices"])]
fn a_mount_may_take_the_place_of_a_default_device() {
    needs::root("a device of the host's");
    let bundle = Bundle::sh("stat -c %t:%T /dev/random").bind("/dev/urandom", "/dev/random", &["bind"]);
    bundle.run().succeeds().prints("1:9");
}

#[conformance::test(covers = ["linux.default-devices"])]
fn the_default_devices_work() {
    Bundle::sh("echo x > /dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c")
        .run()
        .prints("4\n4");
}

#[conformance::test(covers = ["linux.default-devices"])]
fn the_default_devices_are_made_in_a_plain_dev_too() {
    // Without a mount at /dev the nodes are made in the root filesystem itself.
    let bundle = Bundle::sh("stat -c %t:%T /dev/null").writable();
    let mounts = bundle.config["mounts"].as_array().unwrap();
    let kept =
        mounts.iter().filter(|mount| !mount["destination"].as_str().unwrap().starts_with("/dev")).cloned().collect();
    bundle.set("/mounts", conformance::Value::Array(kept)).run().succeeds().prints("1:3");
}

#[conformance::test]
fn a_bound_dev_is_left_as_it_is() {
    let bundle = Bundle::sh("ls /dev");
    let source = bundle.host("dev");
    for file in ["null", "only"] {
        std::fs::write(source.join(file), "").unwrap();
    }
    let bundle = bundle.set(
        "/mounts",
        json!([
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "source": source, "options": ["bind"]},
        ]),
    );
    bundle
        .set("/linux/maskedPaths", json!([]))
        .set("/linux/readonlyPaths", json!([]))
        .run()
        .succeeds()
        .prints("null\nonly");
}

#[conformance::test(covers = ["/linux/devices/*/path"])]
fn a_device_elsewhere_is_made_beside_a_bound_dev() {
    needs::root("making device nodes");
    let bundle = Bundle::sh("stat -c %t:%T /srv/extra; ls /dev").writable();
    let source = bundle.host("dev");
    std::fs::write(source.join("only"), "").unwrap();
    let device = |path: &str| json!({"path": path, "type": "c", "major": 1, "minor": 3});
    let mounts = json!([
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "source": source, "options": ["bind"]},
    ]);
    let bundle = bundle.set("/mounts", mounts).set("/linux/devices", json!([device("/srv/extra"), device("/dev/not")]));
    bundle.set("/linux/maskedPaths", json!([])).run().succeeds().prints("1:3\nonly");
}

#[conformance::test(covers = ["/linux/devices/*/{type,path,major,minor,fileMode,uid,gid}", "/linux/devices/*/type=c"])]
fn a_character_device_is_made() {
    let device =
        json!({"path": "/dev/extra", "type": "c", "major": 10, "minor": 229, "fileMode": 0o640, "uid": 7, "gid": 8});
    with_device(device, "%F,%t:%T,%a,%u:%g").run().succeeds().prints("character special file,a:e5,640,7:8");
}

#[conformance::test(covers = ["/linux/devices/*/type=b"])]
fn a_block_device_is_made() {
    let device = json!({"path": "/dev/extra", "type": "b", "major": 7, "minor": 3, "fileMode": 0o600});
    with_device(device, "%F,%t:%T,%a").run().succeeds().prints("block special file,7:3,600");
}

#[conformance::test(covers = ["/linux/devices/*/type=u"])]
fn an_unbuffered_device_is_a_character_device() {
    let device = json!({"path": "/dev/extra", "type": "u", "major": 1, "minor": 3, "fileMode": 0o666});
    with_device(device, "%F,%t:%T").run().succeeds().prints("character special file,1:3");
}

#[conformance::test(covers = ["/linux/devices/*/type=p"])]
fn a_fifo_is_made() {
    let device = json!({"path": "/dev/extra", "type": "p", "fileMode": 0o600});
    with_device(device, "%F,%a").run().succeeds().prints("fifo,600");
}

#[conformance::test]
fn a_device_below_a_new_directory_is_made() {
    let device = json!({"path": "/dev/net/tun", "type": "c", "major": 10, "minor": 200, "fileMode": 0o666});
    let bundle = Bundle::sh("stat -c %t:%T /dev/net/tun").set("/linux/devices", json!([device]));
    bundle.run().succeeds().prints("a:c8");
}

#[conformance::test(covers = ["/linux/devices/*/fileMode"])]
fn the_mode_of_a_device_does_not_depend_on_the_umask() {
    let device = json!({"path": "/dev/extra", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666});
    let bundle = with_device(device, "%a").set("/process/user/umask", 0o77);
    bundle.run().succeeds().prints("666");
}

#[conformance::test]
fn a_device_can_stand_in_for_a_default_one() {
    needs::root("making device nodes");
    let device = json!({"path": "/dev/full", "type": "c", "major": 1, "minor": 7, "fileMode": 0o600});
    let bundle = Bundle::sh("stat -c %a /dev/full").set("/linux/devices", json!([device]));
    bundle.run().succeeds().prints("600");
}

/// A node for the null device of the host under another name, and the rules for it.
fn ruled(script: &str, device: conformance::Value, rules: conformance::Value) -> Bundle {
    needs::root("rules for devices");
    let mut all = vec![json!({"allow": false, "access": "rwm"})];
    all.extend(rules.as_array().unwrap().iter().cloned());
    Bundle::sh(script)
        .capable(&["CAP_MKNOD"])
        .set("/linux/devices", json!([device]))
        .set("/linux/resources/devices", all)
}

fn fuse() -> conformance::Value {
    needs::path("/dev/fuse");
    json!({"path": "/dev/extra", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666})
}

const OPENS: &str = "(: < /dev/extra) 2>/dev/null && echo read; (: > /dev/extra) 2>/dev/null && echo write; true";

#[conformance::test(covers = ["/linux/resources/devices/*/access={r,w}"])]
fn reading_and_writing_are_allowed_apart() {
    for (access, expected) in [("r", "read"), ("w", "write"), ("rw", "read\nwrite")] {
        let rule = json!([{"allow": true, "type": "c", "major": 10, "minor": 229, "access": access}]);
        ruled(OPENS, fuse(), rule).run().succeeds().prints(expected);
    }
}

#[conformance::test(covers = ["/linux/resources/devices/*/access=m"])]
fn to_make_a_node_is_not_to_open_it() {
    let script = "mknod /dev/made c 10 229 && echo made; (: < /dev/made) 2>/dev/null && echo read; true";
    let rule = |access: &str| json!([{"allow": true, "type": "c", "major": 10, "minor": 229, "access": access}]);
    ruled(script, fuse(), rule("m")).run().succeeds().prints("made");
    ruled(script, fuse(), rule("rm")).run().succeeds().prints("made\nread");
}

/// Those who run a VPN in a container make the node themselves, and no engine asks for the rule.
#[conformance::test]
fn a_tunnel_may_be_opened_by_default() {
    needs::root("rules for devices");
    needs::path("/dev/net/tun");
    let rules = json!([{"allow": false, "access": "rwm"}]);
    let bundle = Bundle::sh("mknod /dev/made c 10 200 && : 3<>/dev/made && echo opened").capable(&["CAP_MKNOD"]);
    bundle.set("/linux/resources/devices", rules).run().succeeds().prints("opened");
}

#[conformance::test(covers = ["/linux/resources/devices/*/type=a"])]
fn a_rule_for_all_devices_is_for_all() {
    ruled(OPENS, fuse(), json!([{"allow": true, "type": "a", "access": "rwm"}])).run().succeeds().prints("read\nwrite");
}

#[conformance::test(covers = ["/linux/resources/devices/*/type=b"])]
fn a_block_device_has_rules_of_its_own() {
    needs::root("rules for devices");
    needs::path("/sys/dev/block/7:7");
    let device = || json!({"path": "/dev/extra", "type": "b", "major": 7, "minor": 7, "fileMode": 0o666});
    let script = "(: < /dev/extra) && echo read; true";
    let rule = |kind: &str| json!([{"allow": true, "type": kind, "major": 7, "minor": 7, "access": "r"}]);
    ruled(script, device(), rule("b")).run().succeeds().prints("read");
    ruled(script, device(), rule("c")).run().succeeds().prints("").says("operation not permitted");
}

#[conformance::test(covers = ["linux.device-rules-in-order"])]
fn a_later_rule_about_a_device_wins() {
    let rule = |allow: bool| json!({"allow": allow, "type": "c", "major": 10, "minor": 229, "access": "rw"});
    ruled(OPENS, fuse(), json!([rule(true), rule(false)])).run().succeeds().prints("");
    ruled(OPENS, fuse(), json!([rule(false), rule(true)])).run().succeeds().prints("read\nwrite");
}

/// "If a file already exists at path that does not match the requested device, the runtime MUST generate an error."
#[conformance::test(covers = ["/linux/devices/*/path"])]
fn a_device_in_the_place_of_something_else_is_refused() {
    needs::root("making device nodes");
    for path in ["/etc", "/dev", "/bin/busybox", "/"] {
        let device = json!([{"path": path, "type": "c", "major": 1, "minor": 3}]);
        Bundle::new().writable().set("/linux/devices", device).refused().names("/linux/devices/0");
    }
    let device = |minor: u32| json!({"path": "/dev/extra", "type": "c", "major": 1, "minor": minor});
    Bundle::new().set("/linux/devices", json!([device(3), device(5)])).refused().names("/linux/devices/1");
    let bundle = Bundle::sh("stat -c %t:%T /dev/extra").set("/linux/devices", json!([device(3), device(3)]));
    bundle.run().succeeds().prints("1:3");
}
