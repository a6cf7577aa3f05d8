//! What a service manager gives a service, and the container gets: sd_notify(3), sd_listen_fds(3).

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use conformance::runtime::Runtime;
use conformance::{Bundle, LIMIT, Value, eventually, json, needs};

/// The socket of a service manager, which the runtime finds in its environment.
fn manager(bundle: &mut Bundle) -> UnixDatagram {
    let path = bundle.host("manager").join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    bundle.runtime.environment.push(("NOTIFY_SOCKET".to_owned(), path.display().to_string()));
    socket
}

/// The next message. The descriptor that comes with a barrier is closed, which is the answer to it.
fn heard(manager: &UnixDatagram) -> String {
    let mut bytes = [0; 256];
    let len = manager.recv(&mut bytes).expect("a message");
    String::from_utf8_lossy(&bytes[..len]).trim_end().to_owned()
}

/// That somebody is ready, and which process is the main one; with ours also a barrier (as runc's since 1.2).
fn is_ready(manager: &UnixDatagram, main: i32) {
    assert_eq!(heard(manager), "READY=1");
    assert_eq!(heard(manager), format!("MAINPID={main}"));
    if Runtime::is_orlop() {
        return assert_eq!(heard(manager), "BARRIER=1");
    }
    manager.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    drop(manager.recv(&mut [0; 64]));
}

/// Says something for the container's program.
fn say(pid: i32, words: &str) {
    let path = PathBuf::from(format!("/proc/{pid}/root/run/notify/notify.sock"));
    assert!(eventually(|| path.exists()), "{}", path.display());
    UnixDatagram::unbound().unwrap().send_to(words.as_bytes(), path).unwrap();
}

#[conformance::test]
fn start_returns_once_the_program_is_ready() {
    let mut bundle = Bundle::new();
    let manager = manager(&mut bundle);
    let container = bundle.create();
    let start = container.bundle.runtime.spawn(container.bundle.runtime.command(["start", container.id()]));
    let pid = container.process().pid;
    say(pid, "STATUS=nearly there");
    say(pid, "READY=1");
    is_ready(&manager, pid);
    start.wait().succeeds();
    let seen = container.settled().environment();
    assert!(seen.iter().any(|variable| variable == "NOTIFY_SOCKET=/run/notify/notify.sock"), "{seen:?}");
    let mount = container.process().mount("/run/notify");
    assert!(mount.has(&["ro", "nosuid", "nodev", "noexec"]), "{mount:?}");
    container.delete();
}

#[conformance::test]
fn start_returns_once_the_program_has_ended_and_never_was_ready() {
    let mut bundle = Bundle::new().args(["true"]);
    let _manager = manager(&mut bundle);
    let container = bundle.create();
    container.call("start").succeeds();
    container.delete();
}

#[conformance::test]
fn any_user_of_the_container_may_say_so() {
    needs::root("a second user in the container");
    let mut bundle =
        Bundle::sh("stat -c %a /run/notify/notify.sock; [ -w /run/notify/notify.sock ] && echo writable; sleep 1000");
    let manager = manager(&mut bundle);
    let container = bundle.set("/process/user", json!({"uid": 1000, "gid": 1000})).create();
    let start = container.bundle.runtime.spawn(container.bundle.runtime.command(["start", container.id()]));
    container.eventually_prints("777\nwritable");
    say(container.process().pid, "READY=1");
    is_ready(&manager, container.process().pid);
    start.wait().succeeds();
    container.delete();
}

#[conformance::test]
fn in_the_foreground_the_runtime_is_the_main_process() {
    let mut bundle = Bundle::new();
    let manager = manager(&mut bundle);
    bundle.write();
    let directory = bundle.path().display().to_string();
    let run = bundle.runtime.spawn(bundle.runtime.command(["run", "--bundle", &directory, &bundle.id]));
    let mut pid = 0;
    let started = eventually(|| {
        let state: Value = bundle.runtime.call(["state", &bundle.id]).stdout.parse().unwrap_or_default();
        pid = state["pid"].as_i64().unwrap_or_default().try_into().unwrap();
        state["status"] == "running"
    });
    assert!(started);
    say(pid, "READY=1");
    is_ready(&manager, run.pid());
    bundle.runtime.call(["kill", &bundle.id, "KILL"]).succeeds();
    run.wait().exits(137);
}

#[conformance::test]
fn a_service_manager_that_is_not_there() {
    needs::runtime(&["orlop"]);
    let mut bundle = Bundle::new();
    bundle.runtime.environment.push(("NOTIFY_SOCKET".to_owned(), "/nowhere/notify".to_owned()));
    let container = bundle.create();
    container.call("start").fails().says("notify /nowhere/notify");
    assert_eq!(container.status(), "created", "nothing has run");
    container.delete();
}

/// The call as a service manager would make it: descriptors from 3 on are its sockets.
fn activated(runtime: &Runtime, args: &[&str], fds: &str) -> Command {
    let call = runtime.command(args);
    let mut shell = Command::new("sh");
    let script = format!("export LISTEN_FDS=2 LISTEN_PID={fds}; exec \"$@\" 3</etc/passwd 4</etc/hostname 5</dev/null");
    shell.args(["-c", &script, "-"]).arg(call.get_program()).args(call.get_args());
    shell
}

#[conformance::test]
fn listening_sockets_come_first_and_the_environment_tells_of_them() {
    let bundle = Bundle::sh("for fd in 3 4 5; do readlink /proc/self/fd/$fd; done; env");
    bundle.write();
    let directory = bundle.path().display().to_string();
    let args = ["run", "--bundle", &directory, "--preserve-fds", "1", &bundle.id];
    let seen = bundle.runtime.spawn(activated(&bundle.runtime, &args, "$$")).wait().succeeds().stdout;
    let lines: Vec<_> = seen.lines().collect();
    assert_eq!(lines[2], "/dev/null", "the caller's own come after them: {seen}");
    assert!(lines.contains(&"LISTEN_FDS=2") && lines.contains(&"LISTEN_PID=1"), "{seen}");
}

#[conformance::test]
fn sockets_of_another_process_are_not_handed_on() {
    let bundle = Bundle::sh("ls /proc/self/fd; env");
    bundle.write();
    let directory = bundle.path().display().to_string();
    let call = activated(&bundle.runtime, &["run", "--bundle", &directory, &bundle.id], "1");
    let seen = bundle.runtime.spawn(call).wait().succeeds().stdout;
    assert!(!seen.contains("LISTEN_"), "{seen}");
}
