//! `exec`: its flags, its process, its exit status.

use std::fs;
use std::process::Command;

use conformance::{Bundle, Container, console, eventually, json};

const KILL: u64 = 1 << 5;
const SYS_CHROOT: u64 = 1 << 18;

fn running() -> Container {
    Bundle::new().start()
}

#[track_caller]
fn status_line(container: &Container, flags: &[&str], field: &str) -> String {
    let outcome = container.exec_with(flags, ["cat", "/proc/self/status"]).succeeds();
    let line = outcome.stdout.lines().find_map(|line| line.strip_prefix(field).and_then(|rest| rest.strip_prefix(':')));
    line.unwrap_or_else(|| panic!("no {field}")).trim().to_owned()
}

#[conformance::test]
fn exec_returns_the_status_of_the_process() {
    let container = running();
    for status in [0, 1, 42] {
        container.sh(&format!("exit {status}")).exits(status);
    }
}

#[conformance::test]
fn exec_returns_128_and_the_signal() {
    running().sh("kill -KILL $$").exits(137);
}

#[conformance::test]
fn exec_passes_real_time_signals_on() {
    let container = running();
    let runtime = &container.bundle.runtime;
    let call = runtime.spawn(runtime.command(["exec", container.id(), "sh", "-c", "echo ready; exec sleep 1000"]));
    assert!(eventually(|| call.output().contains("ready")));
    let sent = Command::new("kill").args(["-37", &call.pid().to_string()]).status().unwrap();
    assert!(sent.success());
    call.wait().exits(128 + 37);
}

#[conformance::test]
fn exec_is_in_every_namespace_of_the_container() {
    let container = Bundle::new().namespace("cgroup").start();
    for kind in ["pid", "net", "ipc", "uts", "mnt", "cgroup", "user"] {
        let inner = container.exec(["readlink", &format!("/proc/self/ns/{kind}")]).succeeds();
        inner.prints(&container.process().namespace(kind).to_string_lossy());
    }
}

#[conformance::test]
fn exec_enters_a_user_namespace_as_its_root() {
    let mapping = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    let bundle = Bundle::new().namespace("user").set("/linux/uidMappings", mapping.clone());
    let container = bundle.set("/linux/gidMappings", mapping).start();
    container.sh("id -u; cat /proc/self/uid_map | tr -s ' '").succeeds().prints("0\n 0 100000 65536");
}

#[conformance::test]
fn exec_has_the_environment_of_the_config_and_of_its_flags() {
    let container = Bundle::new().set("/process/env/-", "FROM=config").start();
    let outcome = container.exec_with(&["-e", "ALSO=flag", "-e", "MORE=a=b"], ["env"]).succeeds();
    for entry in ["FROM=config", "ALSO=flag", "MORE=a=b"] {
        assert!(outcome.stdout.lines().any(|line| line == entry), "{entry} in {}", outcome.stdout);
    }
}

#[conformance::test]
fn exec_runs_as_the_user_of_its_flag() {
    let container = running();
    container.exec_with(&["-u", "1000:1001"], ["sh", "-c", "id -u; id -g"]).succeeds().prints("1000\n1001");
    container.exec_with(&["--user", "7"], ["id", "-u"]).succeeds().prints("7");
}

#[conformance::test]
fn exec_takes_more_groups() {
    let groups = status_line(&running(), &["--additional-gids", "100", "--additional-gids", "65534"], "Groups");
    assert_eq!(groups, "100 65534");
}

#[conformance::test]
fn exec_enters_the_directory_of_its_flag() {
    running().exec_with(&["--cwd", "/etc"], ["pwd"]).succeeds().prints("/etc");
}

#[conformance::test]
fn exec_has_the_capabilities_of_the_config() {
    let container = Bundle::new().capable(&["CAP_KILL"]).start();
    assert_eq!(u64::from_str_radix(&status_line(&container, &[], "CapEff"), 16).unwrap(), KILL);
    assert_eq!(u64::from_str_radix(&status_line(&container, &[], "CapBnd"), 16).unwrap(), KILL);
}

#[conformance::test]
fn exec_takes_more_capabilities() {
    let container = Bundle::new().capable(&["CAP_KILL"]).start();
    let mask = status_line(&container, &["--cap", "CAP_SYS_CHROOT"], "CapEff");
    assert_eq!(u64::from_str_radix(&mask, 16).unwrap(), KILL | SYS_CHROOT);
}

/// An engine of today knows capabilities of tomorrow: the specification wants a warning.
#[conformance::test]
fn exec_warns_of_a_capability_that_nobody_knows() {
    let container = Bundle::new().capable(&["CAP_KILL"]).start();
    let flags = ["--cap", "CAP_OF_TOMORROW", "--cap", "CAP_SYS_CHROOT"];
    let outcome = container.exec_with(&flags, ["grep", "CapEff", "/proc/self/status"]).succeeds();
    let mask = outcome.stdout.split_whitespace().last().unwrap().to_owned();
    assert_eq!(u64::from_str_radix(&mask, 16).unwrap(), KILL | SYS_CHROOT);
    outcome.says("unknown").says("CAP_OF_TOMORROW");
}

#[conformance::test]
fn exec_sets_no_new_privileges() {
    let container = Bundle::new().set("/process/noNewPrivileges", false).start();
    assert_eq!(status_line(&container, &[], "NoNewPrivs"), "0");
    assert_eq!(status_line(&container, &["--no-new-privs"], "NoNewPrivs"), "1");
}

#[conformance::test]
fn exec_decides_about_no_new_privileges_either_way() {
    let container = Bundle::new().set("/process/noNewPrivileges", true).start();
    assert_eq!(status_line(&container, &[], "NoNewPrivs"), "1");
    assert_eq!(status_line(&container, &["--no-new-privs=false"], "NoNewPrivs"), "0");
    assert_eq!(status_line(&container, &["--no-new-privs=false", "--no-new-privs"], "NoNewPrivs"), "1");
}

#[conformance::test]
fn exec_has_the_rlimits_of_the_config() {
    running().sh("ulimit -n").succeeds().prints("1024");
}

#[conformance::test]
fn exec_takes_a_process_from_a_file() {
    let container = running();
    let file = container.host("process.json");
    let process = json!({
        "args": ["sh", "-c", "id -u; pwd; echo $ONLY"], "cwd": "/etc", "env": ["PATH=/bin", "ONLY=this"],
        "user": {"uid": 12, "gid": 0}, "terminal": false,
    });
    fs::write(&file, process.to_string()).unwrap();
    container.call_with(&["exec", "--process", &file], &[]).succeeds().prints("12\n/etc\nthis");
}

#[conformance::test]
fn exec_detached_returns_at_once_and_writes_its_pid() {
    let container = running();
    let file = container.host("exec.pid");
    container.exec_with(&["--detach", "--pid-file", &file], ["sleep", "777"]).succeeds();
    let pid = fs::read_to_string(file).unwrap().parse().unwrap();
    let process = conformance::observe::Process::new(pid);
    assert!(eventually(|| process.args() == ["sleep", "777"]));
    assert_eq!(process.namespace("pid"), container.process().namespace("pid"));
}

#[conformance::test]
fn exec_passes_stdin_on() {
    let container = running();
    let typed = container.host("typed");
    fs::write(&typed, "typed").unwrap();
    let mut command = container.bundle.runtime.command(["exec", container.id(), "cat"]);
    command.stdin(fs::File::open(typed).unwrap());
    container.bundle.runtime.spawn(command).wait().succeeds().prints("typed");
}

#[conformance::test]
fn exec_of_a_missing_executable_fails_with_255() {
    let outcome = running().exec(["nonesuch"]).exits(255);
    let stderr = outcome.stderr.to_lowercase();
    assert!(stderr.contains("executable file not found") || stderr.contains("no such file"), "{stderr}");
}

#[conformance::test]
fn exec_of_a_file_that_is_not_executable_fails_with_255() {
    let container = Bundle::new().file("/etc/plain", "plain").start();
    fs::set_permissions(container.bundle.inside("/etc/plain"), std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .unwrap();
    container.exec(["/etc/plain"]).exits(255).says("permission denied");
}

#[conformance::test]
fn exec_in_a_missing_directory_fails() {
    let container = running();
    container.exec_with(&["--cwd", "/not/there"], ["true"]).fails();
    container.exec(["true"]).succeeds();
}

#[conformance::test]
fn exec_in_a_stopped_container_is_an_error_engines_know() {
    let container = Bundle::sh("exit 0").start();
    container.wait();
    container.exec(["true"]).exits(255).says("cannot exec in a stopped container");
}

#[conformance::test]
fn exec_in_an_unknown_container_is_an_error_engines_know() {
    Bundle::new().runtime.call(["exec", "unknown", "true"]).fails().says("does not exist");
}

#[conformance::test]
fn exec_in_a_created_container_works() {
    Bundle::new().create().sh("echo inside").succeeds().prints("inside");
}

#[conformance::test]
fn flags_end_at_the_id() {
    running().exec(["echo", "-e", "--detach"]).succeeds().prints("--detach");
}

#[conformance::test]
fn exec_with_a_terminal_passes_on_what_is_typed() {
    let container = running();
    let runtime = &container.bundle.runtime;
    let call = runtime.command(["exec", "--tty", container.id(), "sh", "-c", "tty; read line; echo got $line"]);
    let outcome = console::typing("words", runtime, &call, container.bundle.path()).succeeds();
    assert!(outcome.stdout.contains("got words") && outcome.stdout.contains("/dev/"), "{}", outcome.stdout);
}
