//! Descriptors of the host in the container, and a working directory through one (CVE-2016-9962, CVE-2024-21626).

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use conformance::{Bundle, Container, Outcome, eventually};

/// Calls the runtime from a careless engine: descriptors 5, 7 and 9 are the host's root and inheritable.
fn carelessly(bundle: &Bundle, args: &[&str]) -> Outcome {
    let inner = bundle.runtime.command(args);
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"exec 5</ 7</ 9</; exec "$@""#, "-"]).arg(inner.get_program()).args(inner.get_args());
    bundle.runtime.spawn(shell).wait()
}

/// Reads config.json of the bundle, which only the host has, from wherever the process stands.
fn escape(bundle: &Bundle) -> String {
    let path = bundle.path().join("config.json");
    format!("cat ./../../../../../../../..{0}; cat ./{0}", path.display())
}

#[track_caller]
fn did_not_escape(outcome: &Outcome) {
    assert!(!outcome.stdout.contains("ociVersion"), "a file of the host was read");
}

fn open_in(container: &Container, flags: &[&str]) -> Outcome {
    let words =
        ["exec"].iter().chain(flags).chain(&[container.id(), "ls", "/proc/self/fd"]).copied().collect::<Vec<_>>();
    carelessly(&container.bundle, &words)
}

#[conformance::test]
fn run_leaks_no_descriptor() {
    let bundle = Bundle::new().args(["ls", "/proc/self/fd"]);
    let path = bundle.write().path().to_string_lossy().into_owned();
    // 3 is the directory that ls reads.
    carelessly(&bundle, &["run", "--bundle", &path, &bundle.id]).succeeds().prints("0\n1\n2\n3");
}

#[conformance::test(covers = ["linux.only-stdio"])]
fn create_and_start_leak_no_descriptor() {
    let bundle = Bundle::sh("ls /proc/$$/fd; echo end");
    let path = bundle.write().path().to_string_lossy().into_owned();
    let pid = bundle.path().join("pid");
    carelessly(&bundle, &["run", "--detach", "--pid-file", &pid.to_string_lossy(), "--bundle", &path, &bundle.id])
        .succeeds();
    let texts =
        || fs::read_dir(bundle.path()).unwrap().flatten().filter_map(|file| fs::read_to_string(file.path()).ok());
    assert!(
        eventually(|| texts().any(|text| text == "0\n1\n2\nend\n")),
        "{:?}",
        texts().find(|text| text.ends_with("end\n"))
    );
}

#[conformance::test]
fn exec_leaks_no_descriptor() {
    let container = Bundle::new().start();
    open_in(&container, &[]).succeeds().prints("0\n1\n2\n3");
}

#[conformance::test]
fn a_created_container_holds_no_directory_of_the_host() {
    // config.json is not in the root: whoever reaches it is outside.
    let container = Bundle::new().create();
    let config = container.bundle.path().join("config.json");
    assert!(config.exists());
    let config = config.strip_prefix("/").unwrap();
    for fd in container.process().fds().keys() {
        let file = PathBuf::from(format!("/proc/{}/fd/{fd}", container.process().pid));
        for way in ["", "..", "../..", "../../..", "../../../../../../../.."] {
            assert!(!file.join(way).join(config).exists(), "{fd} is {:?}", fs::read_link(&file));
        }
    }
}

#[conformance::test]
fn a_cwd_through_a_descriptor_does_not_escape() {
    for fd in 3..14 {
        let bundle = Bundle::new();
        let script = escape(&bundle);
        let bundle = bundle.args(["sh", "-c", &script]).set("/process/cwd", format!("/proc/self/fd/{fd}"));
        let path = bundle.write().path().to_string_lossy().into_owned();
        did_not_escape(&carelessly(&bundle, &["run", "--bundle", &path, &bundle.id]));
    }
}

#[conformance::test]
fn a_cwd_of_exec_through_a_descriptor_does_not_escape() {
    let container = Bundle::new().start();
    let script = escape(&container.bundle);
    for fd in 3..14 {
        let cwd = format!("/proc/self/fd/{fd}");
        let words = ["exec", "--cwd", &cwd, container.id(), "sh", "-c", &script];
        did_not_escape(&carelessly(&container.bundle, &words));
    }
}

#[conformance::test]
fn a_symlink_to_a_descriptor_as_cwd_does_not_escape() {
    for fd in [5, 7, 9] {
        let bundle = Bundle::new().link("/etc/x", format!("/proc/self/fd/{fd}"));
        let script = escape(&bundle);
        let bundle = bundle.args(["sh", "-c", &script]).set("/process/cwd", "/etc/x");
        let path = bundle.write().path().to_string_lossy().into_owned();
        did_not_escape(&carelessly(&bundle, &["run", "--bundle", &path, &bundle.id]));
    }
}

/// A working directory that is missing is made, by root, while init still has descriptors of the host's.
#[conformance::test]
fn a_cwd_to_be_made_is_not_made_on_the_host() {
    let bundle = Bundle::new().without_namespace("pid");
    let host = bundle.host("empty");
    for fd in 3..14 {
        let bundle = Bundle::new().link("/work", format!("/proc/self/fd/{fd}{}", host.display()));
        bundle.set("/process/cwd", "/work/made").run();
    }
    let way = format!("/proc/{}/root{}", std::process::id(), host.display());
    let container = bundle.link("/work", way).start();
    container.exec_with(&["--cwd", "/work/made/by/exec"], ["true"]);
    assert_eq!(fs::read_dir(host).unwrap().count(), 0, "a directory was made on the host");
}

#[conformance::test]
fn a_descriptor_to_be_preserved_that_is_not_open_is_none_of_the_runtimes() {
    let bundle = Bundle::new()
        .args(["ls", "-l", "/proc/self/fd"])
        .set("/linux/sysctl", conformance::json!({"net.ipv4.ip_forward": "1"}));
    let path = bundle.write().path().to_string_lossy().into_owned();
    for count in ["1", "30", "4294967295"] {
        let outcome = bundle.runtime.call(["run", "--preserve-fds", count, "--bundle", &path, &bundle.id]);
        outcome.fails().says("not open");
    }
    let container = Bundle::new().start();
    container.exec_with(&["--preserve-fds", "30"], ["ls", "/proc/self/fd"]).fails().says("not open");
}

#[conformance::test]
fn streams_that_the_caller_has_closed_are_null() {
    let bundle = Bundle::new().args(["readlink", "/proc/self/fd/0"]);
    let path = bundle.write().path().to_string_lossy().into_owned();
    let inner = bundle.runtime.command(["run", "--detach", "--bundle", &path, &bundle.id]);
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"exec "$@" <&-"#, "-"]).arg(inner.get_program()).args(inner.get_args());
    let call = bundle.runtime.spawn(shell);
    assert!(eventually(|| call.output() == "/dev/null\n"), "{}", call.output());
    call.wait().succeeds();
}
