//! Bad input: refused, with the field or path named, and nothing left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use conformance::{Bundle, Runtime, Value, json, leaks, needs};

#[conformance::test(covers = ["create.bundle"])]
fn no_bundle() {
    let bundle = Bundle::new();
    bundle.runtime.call(["create", "--bundle", "/not/there", &bundle.id]).fails().names("/not/there");
    leaks::nothing_left(&bundle);
}

#[conformance::test(covers = ["create.bundle"])]
fn no_config() {
    Bundle::new().refused_as_written().names("config.json");
}

#[conformance::test]
fn broken_json() {
    let bundle = Bundle::new();
    bundle.write_raw("{\n  \"ociVersion\": \"1.0.2\",\n  oops\n}\n");
    let outcome = bundle.refused_as_written().names("line 3");
    assert!(!Runtime::is_orlop() || outcome.stderr.contains("column 3"), "{}", outcome.stderr);
}

#[conformance::test]
fn an_empty_config() {
    let bundle = Bundle::new();
    bundle.write_raw("");
    bundle.refused_as_written().names("config.json");
}

#[conformance::test(covers = ["config.invalid-value", "error.no-effect"])]
fn a_wrong_type() {
    Bundle::new().set("/process/args", "sleep").refused().names("/process/args");
    Bundle::new().set("/process/user/uid", "root").refused().names("/process/user/uid");
    Bundle::new().set("/mounts/0/options", json!({})).refused().names("/mounts/0/options");
    Bundle::new().set("/linux/namespaces/0/type", 5).refused().names("/linux/namespaces/0/type");
    Bundle::new().set("/root", json!([])).refused().names("/root");
}

#[conformance::test(covers = ["config.invalid-value", "error.no-effect"])]
fn a_number_out_of_range() {
    Bundle::new().set("/process/user/uid", -1).refused().names("/process/user/uid");
    Bundle::new().set("/process/user/gid", 4_294_967_296_u64).refused().names("/process/user/gid");
}

#[conformance::test(covers = ["/ociVersion", "config.unsupported-version"])]
fn an_unsupported_version() {
    for version in ["2.0.0", "one", ""] {
        Bundle::new().set("/ociVersion", version).refused().names("/ociVersion");
    }
    Bundle::new().without("/ociVersion").refused().names("/ociVersion");
}

#[conformance::test]
fn no_root() {
    Bundle::new().without("/root").refused().names("/root");
    Bundle::new().set("/root/path", "").refused().names("/root/path");
}

#[conformance::test(covers = ["root.path-must-exist"])]
fn a_missing_rootfs() {
    Bundle::new().set("/root/path", "elsewhere").refused().names("/root/path");
}

#[conformance::test]
fn a_rootfs_that_is_a_file() {
    Bundle::new().set("/root/path", "config.json").refused().names("/root/path");
}

#[conformance::test]
fn a_mount_without_destination() {
    Bundle::new().without("/mounts/0/destination").refused().names("/mounts/0/destination");
}

#[conformance::test]
fn an_unknown_mount_option() {
    let bundle = Bundle::new().mount("tmpfs", "tmpfs", "/m", &["nosuid", "nonesuch"]);
    bundle.refused().names("/mounts/7/options/1");
}

#[conformance::test]
fn an_unknown_filesystem() {
    Bundle::new().mount("nonesuchfs", "none", "/m", &[]).refused().names("/mounts/7");
}

#[conformance::test]
fn a_missing_bind_source() {
    Bundle::new().bind("/not/there", "/m", &["bind"]).refused().names("/mounts/7/source");
}

#[conformance::test]
fn a_namespace_path_that_is_not_there() {
    let bundle = Bundle::new().join("uts", "/not/there");
    bundle.refused().names(&format!("{}/path", bundle.last("/linux/namespaces")));
}

#[conformance::test]
fn a_namespace_path_that_is_no_namespace() {
    let bundle = Bundle::new().join("uts", "/etc/passwd");
    bundle.refused().names(&format!("{}/path", bundle.last("/linux/namespaces")));
}

#[conformance::test(covers = ["linux.namespace-wrong-kind"])]
fn a_namespace_path_of_another_kind() {
    let bundle = Bundle::new().without("/hostname").join("uts", "/proc/self/ns/net");
    bundle.refused().names(&format!("{}/path", bundle.last("/linux/namespaces")));
}

#[conformance::test(covers = ["linux.namespace-once"])]
fn a_namespace_named_twice() {
    let bundle = Bundle::new().namespace("pid");
    bundle.refused().names(&bundle.last("/linux/namespaces"));
}

#[conformance::test]
fn an_unknown_namespace() {
    let bundle = Bundle::new().namespace("dream");
    bundle.refused().names(&format!("{}/type", bundle.last("/linux/namespaces")));
}

#[conformance::test]
fn a_hostname_without_a_uts_namespace() {
    Bundle::new().without_namespace("uts").refused().names("/hostname");
}

#[conformance::test(covers = ["linux.sysctl-of-a-namespace"])]
fn a_sysctl_without_its_namespace() {
    let sysctl = json!({"net.ipv4.ip_forward": "1"});
    let bundle = Bundle::new().without_namespace("network").set("/linux/sysctl", sysctl);
    bundle.refused().names("/linux/sysctl/net.ipv4.ip_forward");
}

#[conformance::test(covers = ["linux.sysctl-of-a-namespace"])]
fn a_sysctl_of_the_whole_host() {
    let sysctl = json!({"vm.swappiness": "1"});
    Bundle::new().set("/linux/sysctl", sysctl).refused().names("/linux/sysctl/vm.swappiness");
}

#[conformance::test(covers = ["start.without-process"])]
fn no_process() {
    let container = Bundle::new().without("/process").create();
    assert_eq!(container.status(), "created");
    container.call("start").fails().names("/process");
    assert_eq!(container.status(), "created");
    container.delete();
    Bundle::new().without("/process").run().fails().names("/process");
}

#[conformance::test(covers = ["process.args-not-empty"])]
fn empty_args() {
    Bundle::new().set("/process/args", json!([])).refused().names("/process/args");
    Bundle::new().without("/process/args").refused().names("/process/args");
}

#[conformance::test]
fn a_missing_executable() {
    let outcome = Bundle::new().args(["nonesuch"]).never_starts().names("/process/args");
    let stderr = outcome.stderr.to_lowercase();
    assert!(stderr.contains("executable file not found") || stderr.contains("no such file"), "{stderr}");
    Bundle::new().args(["/not/there"]).never_starts().names("/process/args");
}

#[conformance::test]
fn an_executable_that_is_not_executable() {
    let bundle = Bundle::new().file("/plain", "plain").args(["/plain"]);
    fs::set_permissions(bundle.inside("/plain"), PermissionsExt::from_mode(0o644)).unwrap();
    bundle.never_starts().says("permission denied").names("/process/args");
}

#[conformance::test]
fn an_executable_that_is_a_directory() {
    let outcome = Bundle::new().args(["/etc"]).never_starts().names("/process/args");
    let stderr = outcome.stderr.to_lowercase();
    assert!(stderr.contains("is a directory") || stderr.contains("permission denied"), "{stderr}");
}

#[conformance::test]
fn an_executable_of_no_known_format() {
    Bundle::new().file("/plain", "\u{7f}plain").args(["/plain"]).never_starts().names("/process/args");
}

#[conformance::test]
fn no_cwd() {
    Bundle::new().without("/process/cwd").refused().names("/process/cwd");
}

#[conformance::test(covers = ["process.cwd-absolute"])]
fn a_relative_cwd() {
    Bundle::new().set("/process/cwd", "etc").refused().names("/process/cwd");
}

#[conformance::test]
fn a_cwd_that_is_a_file() {
    Bundle::new().set("/process/cwd", "/bin/busybox").never_starts().names("/process/cwd");
}

#[conformance::test]
fn a_cwd_that_cannot_be_made() {
    Bundle::new().set("/process/cwd", "/proc/new/deep").never_starts().names("/process/cwd");
}

#[conformance::test]
fn a_cwd_that_climbs_out_stays_inside() {
    Bundle::sh("pwd; ls bin/busybox").set("/process/cwd", "/../../..").run().succeeds().prints("/\nbin/busybox");
}

#[conformance::test(covers = ["create.invalid-id"])]
fn an_invalid_id() {
    let bundle = Bundle::new();
    let path = bundle.write().path().to_string_lossy().into_owned();
    for id in ["", "..", ".", "a/b", "../x", "a b", "ä", "x;y"] {
        bundle.runtime.call(["create", "--bundle", &path, id]).fails().names("container id");
    }
    leaks::nothing_left(&bundle);
    assert_eq!(fs::read_dir(bundle.runtime.state()).unwrap().count(), 0);
}

#[conformance::test]
fn no_id() {
    let bundle = Bundle::new();
    let path = bundle.write().path().to_string_lossy().into_owned();
    bundle.runtime.call(["create", "--bundle", &path]).fails();
    bundle.runtime.call(["create", "--bundle", &path, "one", "two"]).fails();
}

#[conformance::test(covers = ["create.id-in-use", "state.unique-id"])]
fn a_taken_id() {
    let container = Bundle::new().start();
    let path = container.bundle.path().to_string_lossy().into_owned();
    let refusal = container.call_with(&["create", "--bundle", &path], &[]).fails();
    refusal.says("already exists").names(container.id());
    assert_eq!(container.status(), "running");
    container.exec(["true"]).succeeds();
    container.delete();
}

#[conformance::test]
fn an_unknown_command_or_flag() {
    let bundle = Bundle::new();
    for words in [
        vec!["sail"],
        vec!["create", "--nonesuch", "x"],
        vec!["--nonesuch", "list"],
        vec!["exec", "--nonesuch", "x", "true"],
    ] {
        let outcome = bundle.runtime.call(&words);
        assert_ne!(outcome.code, 0, "{words:?}");
    }
}

#[conformance::test(covers = ["process.rlimit-once"])]
fn a_rlimit_named_twice() {
    let limit = json!({"type": "RLIMIT_NOFILE", "soft": 10, "hard": 10});
    Bundle::new().set("/process/rlimits/-", limit).refused().names("/process/rlimits/1");
}

#[conformance::test]
fn an_unknown_rlimit() {
    let limit = json!([{"type": "RLIMIT_PATIENCE", "soft": 10, "hard": 10}]);
    Bundle::new().set("/process/rlimits", limit).refused().names("/process/rlimits/0/type");
}

#[conformance::test]
fn a_soft_limit_over_the_hard_one() {
    let limit = json!([{"type": "RLIMIT_NOFILE", "soft": 11, "hard": 10}]);
    Bundle::new().set("/process/rlimits", limit).never_starts().names("/process/rlimits/0");
}

#[conformance::test]
fn a_capability_outside_the_permitted_set() {
    let bundle = Bundle::new().without("/process/capabilities/ambient");
    let bundle = bundle.set("/process/capabilities/effective", json!(["CAP_SYS_ADMIN"]));
    bundle.never_starts().names("/process/capabilities");
}

#[conformance::test]
fn a_device_of_unknown_type() {
    let device = json!([{"path": "/dev/extra", "type": "x", "major": 1, "minor": 3}]);
    Bundle::new().set("/linux/devices", device).refused().names("/linux/devices/0/type");
}

#[conformance::test]
fn a_relative_device_path() {
    let device = json!([{"path": "extra", "type": "c", "major": 1, "minor": 3}]);
    Bundle::new().set("/linux/devices", device).refused().names("/linux/devices/0/path");
}

#[conformance::test]
fn an_unknown_propagation() {
    Bundle::new().set("/linux/rootfsPropagation", "sideways").refused().names("/linux/rootfsPropagation");
}

#[conformance::test(covers = ["create.unapplicable", "error.no-effect"])]
fn a_limit_the_kernel_refuses() {
    let cpus = json!({"cpus": "4000-4001"});
    Bundle::new().set("/linux/resources/cpu", cpus).refused().names("/linux/resources/cpu/cpus");
}

#[conformance::test]
fn user_mappings_without_a_user_namespace() {
    let mapping = json!([{"containerID": 0, "hostID": 0, "size": 1}]);
    Bundle::new().set("/linux/uidMappings", mapping).refused().names("/linux/uidMappings");
}

#[conformance::test]
fn a_user_namespace_without_mappings() {
    Bundle::new().namespace("user").refused().names("/linux/uidMappings");
}

#[conformance::test]
fn an_id_mapped_mount_that_cannot_be() {
    needs::root("mapping a filesystem of the host's");
    let one = || json!([{"containerID": 0, "hostID": 7, "size": 1}]);
    let mount = |kind: &str, options: Value| {
        let mut mount = json!({"destination": "/x", "type": kind, "source": "/tmp", "options": options});
        mount["uidMappings"] = one();
        mount["gidMappings"] = one();
        mount
    };
    let add = |mount: Value| Bundle::new().without("/mounts").set("/mounts", json!([mount]));
    // A filesystem that has no id-mapped mounts.
    add(mount("sysfs", json!(["nosuid", "idmap"]))).refused().names("/mounts/0/options/1");
    for list in ["uidMappings", "gidMappings"] {
        let mut overlapping = mount("bind", json!(["bind"]));
        overlapping[list] = json!([one()[0], one()[0]]);
        add(overlapping).refused().names(&format!("/mounts/0/{list}"));
    }
    let mut half = mount("bind", json!(["bind", "idmap"]));
    half["gidMappings"] = json!([]);
    add(half).refused().names("/mounts/0/gidMappings");
    let mut none = mount("bind", json!(["bind", "ridmap"]));
    none["uidMappings"] = json!([]);
    none["gidMappings"] = json!([]);
    add(none).refused().names("/mounts/0/options/1");
}

#[conformance::test]
fn a_process_file_that_is_broken() {
    let container = Bundle::new().start();
    let file = container.host("process.json");
    for (text, named) in
        [("{", "process.json"), ("{\"cwd\": \"/\"}", "[process/args]"), ("{\"args\": 5}", "[process/args]")]
    {
        fs::write(&file, text).unwrap();
        container.call_with(&["exec", "--process", &file], &[]).fails().names(named);
    }
    // Not what `config.json` says is wrong.
    container.exec(["nonesuch"]).fails().names("[process/args]");
    container.exec(["true"]).succeeds();
}

#[conformance::test]
fn a_nul_in_a_string() {
    Bundle::new().set("/process/args", json!(["sleep", "a\0b"])).never_starts().names("/process/args/1");
    Bundle::new().set("/process/env/-", Value::from("A=\0")).never_starts().names("/process/env/2");
}

#[conformance::test]
fn a_config_nested_without_end() {
    let bundle = Bundle::new();
    bundle.write_raw(&format!("{{\"annotations\": {}", "[".repeat(200_000)));
    let refusal = bundle.refused_as_written();
    assert!(refusal.code < 128, "it crashed");
}

#[conformance::test(covers = ["config.unknown-property"])]
fn an_unknown_property_is_passed_over() {
    // The specification: "implementations MUST NOT generate an error" for one they do not know.
    let bundle = Bundle::sh("echo ran").set("/ofTomorrow", json!({"a": 1})).set("/linux/ofTomorrow", 5);
    bundle.run().succeeds().prints("ran");
}

#[conformance::test]
fn a_known_property_is_never_ignored() {
    needs::runtime(&["orlop"]);
    for (field, value) in [
        ("/process/apparmorProfile", json!("nonesuch")),
        ("/process/selinuxLabel", json!("nonesuch")),
        ("/linux/mountLabel", json!("nonesuch")),
        ("/linux/intelRdt", json!({"closID": "nonesuch"})),
        ("/linux/personality", json!({"domain": "NONESUCH"})),
        ("/linux/memoryPolicy", json!({"mode": "NONESUCH"})),
        ("/linux/netDevices", json!({"nonesuch": {}})),
    ] {
        Bundle::new().set(field, value).never_starts().names(field);
    }
}
