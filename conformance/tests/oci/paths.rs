//! `linux.maskedPaths` and `linux.readonlyPaths`.

use conformance::{Bundle, json};

#[conformance::test(covers = ["/linux/maskedPaths"])]
fn a_masked_file_reads_as_empty() {
    let bundle = Bundle::sh("cat /etc/secret; echo end").file("/etc/secret", "secret");
    bundle.set("/linux/maskedPaths", json!(["/etc/secret"])).run().succeeds().prints("end");
}

#[conformance::test(covers = ["/linux/maskedPaths"])]
fn a_masked_directory_is_empty_and_readonly() {
    let bundle = Bundle::sh("ls /etc/secrets; touch /etc/secrets/new").writable().file("/etc/secrets/key", "secret");
    let outcome = bundle.set("/linux/maskedPaths", json!(["/etc/secrets"])).run().fails().prints("");
    assert!(outcome.stderr.contains("Read-only file system"), "{}", outcome.stderr);
}

#[conformance::test(covers = ["/linux/maskedPaths"])]
fn a_masked_directory_shows_nothing_of_the_host() {
    let script = "find /proc/acpi /sys/firmware -type f";
    Bundle::sh(script).set("/linux/maskedPaths", json!(["/proc/acpi", "/sys/firmware"])).run().succeeds().prints("");
}

#[conformance::test]
fn a_masked_path_that_is_not_there_is_passed_over() {
    Bundle::sh("echo end").set("/linux/maskedPaths", json!(["/not/there"])).run().succeeds().prints("end");
}

#[conformance::test(covers = ["/linux/maskedPaths"])]
fn a_masked_file_cannot_be_unmasked_by_writing() {
    let bundle = Bundle::sh("echo x > /etc/secret; cat /etc/secret").writable().file("/etc/secret", "secret");
    let bundle = bundle.set("/linux/maskedPaths", json!(["/etc/secret"]));
    let outcome = bundle.run();
    assert!(!outcome.stdout.contains("secret"));
    assert_eq!(std::fs::read_to_string(bundle.inside("/etc/secret")).unwrap(), "secret");
}

#[conformance::test(covers = ["/linux/readonlyPaths"])]
fn a_readonly_path_cannot_be_written() {
    let bundle = Bundle::sh("echo x > /etc/fixed/file").writable().file("/etc/fixed/file", "fixed");
    bundle.set("/linux/readonlyPaths", json!(["/etc/fixed"])).run().fails().says("read-only file system");
}

#[conformance::test(covers = ["/linux/readonlyPaths"])]
fn a_readonly_file_cannot_be_written() {
    let bundle = Bundle::sh("echo x > /etc/fixed").writable().file("/etc/fixed", "fixed");
    bundle.set("/linux/readonlyPaths", json!(["/etc/fixed"])).run().fails().says("read-only file system");
}

#[conformance::test(covers = ["/linux/readonlyPaths"])]
fn proc_sys_is_readonly() {
    Bundle::sh("echo 1 > /proc/sys/net/ipv4/ip_forward").run().fails().says("read-only file system");
}

#[conformance::test(covers = ["/linux/readonlyPaths"])]
fn a_readonly_path_keeps_the_flags_of_its_mount() {
    let bundle = Bundle::new().mount("tmpfs", "tmpfs", "/m", &["nosuid", "nodev", "noexec"]);
    // The directory must exist on the tmpfs: a bind below it makes it.
    let bundle = bundle.mount("tmpfs", "tmpfs", "/m/sub", &["nosuid", "nodev", "noexec"]);
    let mount = bundle.set("/linux/readonlyPaths", json!(["/m/sub"])).start().settled().mount("/m/sub");
    assert!(mount.has(&["ro", "nosuid", "nodev", "noexec"]), "{mount:?}");
}

#[conformance::test]
fn a_readonly_path_that_is_not_there_is_passed_over() {
    Bundle::sh("echo end").set("/linux/readonlyPaths", json!(["/not/there"])).run().succeeds().prints("end");
}

#[conformance::test(covers = ["/linux/readonlyPaths"])]
fn the_root_itself_can_be_a_readonly_path() {
    let bundle = Bundle::sh("echo x > /new").writable().set("/linux/readonlyPaths", json!(["/"]));
    bundle.run().fails().says("read-only file system");
}

#[conformance::test(covers = ["/linux/maskedPaths"])]
fn the_root_itself_cannot_be_masked() {
    Bundle::new().set("/linux/maskedPaths", json!(["/proc/kcore", "/"])).refused().names("/linux/maskedPaths/1");
}
