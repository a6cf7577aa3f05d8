//! What engines find and hand over beside words: pid files, the state directory, sockets, inherited descriptors, ids, and JSON in
//! the types that Go reads it into.

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use conformance::console::Console;
use conformance::{Bundle, Container, Runtime, Value, json, needs, rootless, user};

use super::engine_words::is_go_time;

/// Replaces a pid file and says whether that was done by a new file in its place, with nothing left beside it.
#[track_caller]
fn is_replaced(container: &Container, write: impl FnOnce(&str)) {
    let directory = container.bundle.host("pids");
    let (file, old) = (directory.join("pid"), directory.join("old"));
    fs::write(&file, "0").unwrap();
    fs::hard_link(&file, &old).unwrap();
    write(&file.to_string_lossy());
    assert_eq!(fs::read_to_string(&old).unwrap(), "0", "written into the file that somebody may be reading");
    assert!(fs::read_to_string(&file).unwrap().parse::<i32>().unwrap() > 0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::read_dir(directory).unwrap().count(), 2);
    fs::remove_file(file).unwrap();
    fs::remove_file(old).unwrap();
}

#[conformance::test]
fn a_pid_file_appears_whole() {
    let container = Bundle::new().start();
    is_replaced(&container, |file| drop(container.exec_with(&["-d", "--pid-file", file], ["sleep", "9"]).succeeds()));
    let other = Bundle::new();
    let path = other.write().path().to_string_lossy().into_owned();
    is_replaced(&container, |file| {
        let words = ["run", "--detach", "--bundle", &path, "--pid-file", file, &other.id];
        drop(other.runtime.call(words).succeeds());
    });
}

#[conformance::test(covers = ["error.no-effect"])]
fn a_pid_file_that_cannot_be_written_ends_the_container() {
    let bundle = Bundle::new();
    let path = bundle.write().path().to_string_lossy().into_owned();
    let words = ["create", "--bundle", &path, "--pid-file", "/not/there/pid", &bundle.id];
    bundle.runtime.call(words).exits(1).says("no such file or directory").names("/not/there/pid");
    conformance::leaks::nothing_left(&bundle);
}

#[conformance::test]
fn the_state_is_nobody_elses_to_list() {
    let bundle = Bundle::new();
    fs::remove_dir(bundle.runtime.state()).unwrap();
    let container = bundle.create();
    let root = container.bundle.runtime.state();
    for directory in [root, &root.join(container.id())] {
        let about = fs::metadata(directory).unwrap();
        assert_eq!(about.mode() & 0o066, 0, "{}: {:o}", directory.display(), about.mode());
    }
}

/// Whether a container has its state in `directory` if nothing but the environment says where.
fn has_its_state_in(directory: &Path, bundle: &Bundle, runtime_directory: &Path) -> bool {
    let path = bundle.write().path().to_string_lossy().into_owned();
    // The same call without `--root DIR`.
    let call = |words: &[&str]| {
        let full = bundle.runtime.command(words);
        let all: Vec<_> = full.get_args().map(ToOwned::to_owned).collect();
        let at = all.iter().position(|word| word == "--root").unwrap();
        let mut command = Command::new(full.get_program());
        command.args(&all[..at]).args(&all[at + 2..]).env("XDG_RUNTIME_DIR", runtime_directory);
        bundle.runtime.spawn(command).wait()
    };
    let created = call(&["create", "--bundle", &path, &bundle.id]);
    let there = directory.join(Runtime::name()).join(&bundle.id).is_dir();
    call(&["delete", "--force", &bundle.id]).succeeds();
    created.succeeds();
    there
}

#[conformance::test]
fn the_state_of_root_is_below_run() {
    needs::root("the state of all");
    assert!(has_its_state_in(Path::new("/run"), &Bundle::new(), Path::new("/not/for/root")));
}

#[conformance::test]
fn the_state_of_a_user_is_in_their_runtime_directory() {
    let bundle = if rootless::here() { Bundle::new() } else { user::bundle("sleep 1000") };
    let directory = bundle.host("runtime");
    if !rootless::here() {
        chown(&directory, Some(user::USER), Some(user::USER)).unwrap();
    }
    assert!(has_its_state_in(&directory, &bundle, &directory));
}

#[conformance::test(covers = ["create.invalid-id"])]
fn an_id_may_have_every_letter_of_runcs_and_be_long() {
    let bundle = Bundle::new();
    let path = bundle.write().path().to_string_lossy().into_owned();
    let end = format!("{}_aZ09+.-", bundle.id);
    for id in [end.clone(), format!("{end}{}", "x".repeat(200 - end.len()))] {
        bundle.runtime.call(["create", "--bundle", &path, &id]).succeeds();
        bundle.runtime.call(["list", "--quiet"]).succeeds().prints(&id);
        bundle.runtime.call(["start", &id]).succeeds();
        bundle.runtime.call(["delete", "--force", &id]).succeeds();
    }
}

/// As conmon calls it: the descriptors of its own protocol are open, and named in the environment.
#[conformance::test]
fn the_pipes_of_conmon_are_neither_used_nor_kept() {
    let bundle = Bundle::sh("env; sleep 1000");
    let path = bundle.write().path().to_string_lossy().into_owned();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let inner = bundle.runtime.command(["run", "--detach", "--bundle", &path, &bundle.id]);
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"exec 3>&0 4>&0 </dev/null; exec "$@""#, "-"]).arg(inner.get_program()).args(inner.get_args());
    shell.env("_OCI_SYNCPIPE", "3").env("_OCI_STARTPIPE", "4").stdin(OwnedFd::from(writer));
    let outcome = bundle.runtime.spawn(shell).wait().succeeds();
    let mut told = String::new();
    // The end: nobody has it open, though the container lives.
    reader.read_to_string(&mut told).unwrap();
    assert_eq!(told, "");
    assert!(conformance::eventually(|| outcome.output().contains("PATH=")));
    assert!(!outcome.output().contains("_OCI_"), "{}", outcome.output());
}

#[conformance::test]
fn the_console_socket_gets_one_terminal_and_its_name() {
    let bundle = Bundle::new().set("/process/terminal", true);
    let console = Console::of(&bundle);
    let container = bundle.create_with(&["--console-socket", &console.path.to_string_lossy()]);
    let (name, terminal) = console.receive_message();
    // recvtty and conmon pass the name over, go-runc's reader wants one.
    assert!(name.starts_with("/dev/"), "{name}");
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&terminal));
    assert!(fs::read_link(path).unwrap().ends_with("ptmx"));
    assert_eq!(container.status(), "created");
}

#[conformance::test]
fn a_pidfd_socket_of_exec_receives_its_process() {
    let container = Bundle::new().start();
    let socket = Console::of(&container.bundle);
    let pid = container.host("exec.pid");
    let flags = ["--detach", "--pid-file", &pid, "--pidfd-socket", &socket.path.to_string_lossy()];
    container.exec_with(&flags, ["sleep", "9"]).succeeds();
    let pidfd = socket.receive_fd();
    let name = format!("fdinfo/{}", std::os::fd::AsRawFd::as_raw_fd(&pidfd));
    let about = conformance::observe::Process::myself().read(&name);
    let told = about.lines().find_map(|line| line.strip_prefix("Pid:")).unwrap().trim();
    assert_eq!(told, fs::read_to_string(pid).unwrap());
}

/// go-runc reads `state` and `list` into one Go type: other types than these are an error to it.
#[track_caller]
fn is_go_container(value: &Value) {
    for key in ["ociVersion", "id", "status", "bundle", "rootfs", "created", "owner"] {
        assert!(value[key].is_string(), "{key} in {value}");
    }
    assert!(value["pid"].is_i64() || value["pid"].is_u64(), "{value}");
    assert!(is_go_time(value["created"].as_str().unwrap()), "{value}");
    let annotations = value["annotations"].as_object().expect("annotations");
    assert!(annotations.values().all(Value::is_string), "{value}");
}

#[conformance::test]
fn state_and_list_are_read_by_go_runc() {
    let container = Bundle::new().set("/annotations", json!({"a": "b"})).start();
    is_go_container(&container.state());
    let printed = container.bundle.runtime.call(["list", "--format", "json"]).succeeds().stdout;
    let listed: Value = printed.parse().unwrap();
    is_go_container(&listed[0]);
    container.kill("KILL");
    container.wait();
    is_go_container(&container.state());
}
