//! Labels of security modules: `process.apparmorProfile`, `process.selinuxLabel`, `linux.mountLabel`, and the annotations that
//! decide something.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use conformance::{Bundle, Container, json, needs};

/// Everything is allowed but to write one path.
const PROFILE: &str = "profile orlop-conformance flags=(attach_disconnected,mediate_deleted) {
  file, capability, network, mount, umount, pivot_root, signal, ptrace, unix, dbus,
  deny /tmp/forbidden w,
}";

fn load_profile() {
    needs::apparmor();
    let mut parser = Command::new("/usr/sbin/apparmor_parser").arg("-r").stdin(Stdio::piped()).spawn().unwrap();
    parser.stdin.take().unwrap().write_all(PROFILE.as_bytes()).unwrap();
    assert!(parser.wait().unwrap().success());
}

fn confined(script: &str) -> Bundle {
    Bundle::sh(script).writable().set("/process/apparmorProfile", "orlop-conformance")
}

#[conformance::test(covers = ["/process/apparmorProfile"])]
fn an_apparmor_profile_confines_the_process() {
    load_profile();
    let script = "cat /proc/self/attr/current; echo > /tmp/fine && echo fine; echo > /tmp/forbidden || echo denied";
    confined(script).run().succeeds().prints("orlop-conformance (enforce)\nfine\ndenied");
}

#[conformance::test(covers = ["/process/apparmorProfile"])]
fn an_apparmor_profile_confines_with_no_new_privileges_and_in_a_user_namespace() {
    load_profile();
    let bundle = confined("cat /proc/self/attr/current").set("/process/noNewPrivileges", true);
    bundle.run().succeeds().prints("orlop-conformance (enforce)");
    let ids = json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]);
    let bundle = confined("cat /proc/self/attr/current").namespace("user");
    let bundle = bundle.set("/linux/uidMappings", ids.clone()).set("/linux/gidMappings", ids);
    // The container's root has to reach its files.
    fs::set_permissions(bundle.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    bundle.run().succeeds().prints("orlop-conformance (enforce)");
}

#[conformance::test]
fn exec_has_the_profile_of_the_container_unless_it_names_one() {
    load_profile();
    let container = confined("sleep 1000").start();
    let label = ["cat", "/proc/self/attr/current"];
    container.exec(label).succeeds().prints("orlop-conformance (enforce)");
    container.exec_with(&["--apparmor", "unconfined"], label).succeeds().prints("unconfined");
    let file = container.host("process.json");
    fs::write(&file, json!({"args": label, "cwd": "/", "env": ["PATH=/bin"]}).to_string()).unwrap();
    container.call_with(&["exec", "--process", &file], &[]).succeeds().prints("orlop-conformance (enforce)");
    container.delete();
}

#[conformance::test]
fn a_profile_that_is_not_loaded() {
    let bundle = Bundle::new().set("/process/apparmorProfile", "nonesuch");
    bundle.never_starts().says("apparmor").names("/process/apparmorProfile");
}

/// Podman looks for the file in the message, in the quotes that crun has.
#[conformance::test]
fn the_file_that_refuses_a_profile_is_named() {
    needs::apparmor();
    let bundle = Bundle::new().set("/process/apparmorProfile", "nonesuch");
    bundle.never_starts().names("`/proc/self/attr/apparmor/exec`");
}

/// The kernel ends it with a NUL.
const OWN_LABEL: &str = "tr -d '\\0' < /proc/self/attr/current";
const LABEL: &str = "system_u:system_r:container_t:s0:c1,c2";
const FILES: &str = "system_u:object_r:container_file_t:s0:c1,c2";

#[conformance::test(covers = ["/process/selinuxLabel"])]
fn a_selinux_label_is_that_of_the_process() {
    needs::selinux();
    Bundle::sh(OWN_LABEL).set("/process/selinuxLabel", LABEL).run().succeeds().prints(LABEL);
}

#[conformance::test]
fn exec_has_the_selinux_label_of_the_container_unless_it_names_one() {
    needs::selinux();
    let container = Bundle::new().set("/process/selinuxLabel", LABEL).start();
    let label = ["sh", "-c", OWN_LABEL];
    container.exec(label).succeeds().prints(LABEL);
    let other = "system_u:system_r:container_t:s0";
    container.exec_with(&["--process-label", other], label).succeeds().prints(other);
    container.delete();
}

#[conformance::test(covers = ["/linux/mountLabel"])]
fn the_mount_label_is_that_of_new_filesystems() {
    needs::selinux();
    let container = Bundle::new().set("/linux/mountLabel", FILES).start();
    for destination in ["/dev", "/dev/pts", "/dev/shm"] {
        let options = container.process().mount(destination).superblock.join(",").replace('"', "");
        assert!(options.contains(&format!("context={FILES}")), "{destination}: {options}");
    }
    // A message queue takes no label as an option.
    assert_eq!(label_of(&container, "/dev/mqueue"), FILES);
    assert_eq!(label_of(&container, "/dev/shm"), FILES);
    container.delete();
}

/// An overlay in place of every tmpfs: a label of files that have none is for a filesystem that stores labels.
#[conformance::test]
fn an_annotation_says_as_which_option_the_mount_label_is_given() {
    needs::selinux();
    needs::runtime(&["orlop", "crun"]);
    for option in ["context", "fscontext", "defcontext", "rootcontext"] {
        let mut bundle = Bundle::new().without("/linux/maskedPaths");
        bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["type"] == "proc");
        let layers = [("lowerdir", "lower"), ("upperdir", "upper"), ("workdir", "work")];
        let layers = layers.map(|(key, name)| format!("{key}={}", bundle.host(name).display()));
        let bundle = bundle.mount("overlay", "overlay", "/merged", &layers.each_ref().map(String::as_str));
        let bundle = bundle.set("/annotations", json!({"run.oci.mount_context_type": option}));
        let container = bundle.set("/linux/mountLabel", FILES).start();
        let shown = format!(",{}", container.process().mount("/merged").superblock.join(",").replace('"', ""));
        assert!(shown.contains(&format!(",{option}={FILES}")), "{option}: {shown}");
        assert_eq!(shown.matches("context=").count(), 1, "{option}: {shown}");
        container.delete();
    }
}

/// The label of a file, as the host sees it.
fn label_of(container: &Container, path: &str) -> String {
    let file = format!("/proc/{}/root{path}", container.process().pid);
    let seen = Command::new("stat").args(["-c", "%C", &file]).output().unwrap();
    String::from_utf8_lossy(&seen.stdout).trim().to_owned()
}

#[conformance::test]
fn labels_where_there_is_no_selinux() {
    needs::runtime(&["orlop"]);
    needs::no_path("/sys/fs/selinux/load");
    for field in ["/process/selinuxLabel", "/linux/mountLabel"] {
        Bundle::new().set(field, LABEL).never_starts().says("selinux").names(field);
        // Engines send an empty one.
        Bundle::new().args(["true"]).set(field, "").run().succeeds();
    }
}

#[conformance::test]
fn the_callers_groups_are_kept_where_an_annotation_says_so() {
    needs::runtime(&["orlop", "crun"]);
    needs::root("other groups than one's own");
    for (value, groups) in [("1", "5 6"), ("0", "77")] {
        let bundle = Bundle::sh("grep Groups: /proc/self/status").set("/process/user/additionalGids", json!([77]));
        let bundle = bundle.set("/annotations", json!({"run.oci.keep_original_groups": value}));
        bundle.write();
        let directory = bundle.path().display().to_string();
        let call = bundle.runtime.command(["run", "--bundle", &directory, &bundle.id]);
        let mut grouped = Command::new("setpriv");
        grouped.args(["--groups", "5,6", "--"]).arg(call.get_program()).args(call.get_args());
        let seen = bundle.runtime.spawn(grouped).wait().succeeds().stdout;
        assert_eq!(seen.split_whitespace().skip(1).collect::<Vec<_>>().join(" "), groups, "value {value}");
    }
}
