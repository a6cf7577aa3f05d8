//! The flags of `create`.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use conformance::console::Console;
use conformance::observe::Process;
use conformance::{Bundle, Container, json, needs};

#[conformance::test]
fn pid_file_holds_the_pid() {
    let bundle = Bundle::new();
    let file = bundle.path().join("pid");
    let container = bundle.create_with(&["--pid-file", &file.to_string_lossy()]);
    assert_eq!(fs::read_to_string(file).unwrap(), container.process().pid.to_string());
}

#[conformance::test]
fn the_bundle_is_the_working_directory_by_default() {
    let bundle = Bundle::sh("echo here");
    let mut command = bundle.write().runtime.command(["run", &bundle.id]);
    command.current_dir(bundle.path());
    bundle.runtime.spawn(command).wait().succeeds().prints("here");
}

#[conformance::test]
fn the_bundle_can_be_relative() {
    let bundle = Bundle::sh("echo here");
    let name = bundle.path().file_name().unwrap().to_string_lossy().into_owned();
    let mut command = bundle.write().runtime.command(["run", "-b", &name, &bundle.id]);
    command.current_dir(bundle.path().parent().unwrap());
    bundle.runtime.spawn(command).wait().succeeds().prints("here");
}

#[conformance::test]
fn the_bundle_is_known_by_its_own_path_however_it_was_named() {
    let bundle = Bundle::new().set("/root/path", "./rootfs/");
    let link = bundle.host("links").join("link");
    std::os::unix::fs::symlink(bundle.path(), &link).unwrap();
    let name = link.parent().unwrap().join("../links/./link/").to_string_lossy().into_owned();
    bundle.write().runtime.call(["create", "--bundle", &name, &bundle.id]).succeeds();
    let state: conformance::Value = bundle.runtime.call(["state", &bundle.id]).succeeds().stdout.parse().unwrap();
    bundle.runtime.call(["delete", "--force", &bundle.id]).succeeds();
    assert_eq!(state["bundle"], json!(bundle.path()));
    assert_eq!(state["rootfs"], json!(bundle.rootfs()));
}

#[conformance::test]
fn flags_are_written_in_every_way_of_go() {
    // urfave/cli takes one dash for two, and = or a space before the value; go-runc writes both.
    let bundle = Bundle::sh("echo here");
    let path = bundle.write().path().to_string_lossy().into_owned();
    let joined = format!("-bundle={path}");
    for flags in [vec!["-bundle", &path], vec![&joined[..]], vec!["--bundle", &path], vec!["-b", &path]] {
        let mut words = vec!["run"];
        words.extend(flags);
        words.push(&bundle.id);
        bundle.runtime.call(words).succeeds().prints("here");
    }
}

#[conformance::test]
fn the_state_directory_is_where_root_says() {
    let container = Bundle::new().create();
    let state = container.bundle.runtime.state().join(container.id());
    assert!(state.is_dir());
    assert_eq!(fs::metadata(state).unwrap().mode() & 0o066, 0, "others may not read it");
}

#[conformance::test]
fn no_pivot_runs_in_the_root() {
    let bundle = Bundle::sh("ls /bin/busybox");
    let path = bundle.write().path().to_string_lossy().into_owned();
    bundle.runtime.call(["run", "--no-pivot", "--bundle", &path, &bundle.id]).succeeds().prints("/bin/busybox");
}

/// After pivot_root(2) the host's root is gone from the mount namespace; without it, it lies below the container's. `umount` shows what
/// lies there to whoever enters the namespace after that.
#[conformance::test]
fn the_hosts_root_is_below_the_containers_without_pivot_root_alone() {
    needs::root("entering a mount namespace");
    for (flags, below) in [(&[][..], false), (&["--no-pivot"], true)] {
        let container = Bundle::new().create_with(flags);
        let enter = |words: &[&str]| {
            let pid = container.process().pid.to_string();
            Command::new("nsenter").args(["--target", &pid, "--mount"]).args(words).status().unwrap().success()
        };
        assert!(enter(&["/bin/busybox", "umount", "-l", "/"]));
        let bundle = container.bundle.path().to_string_lossy().into_owned();
        assert_eq!(enter(&["/bin/busybox", "test", "-d", &bundle]), below, "{flags:?}");
    }
}

/// A session keyring (keyrings(7)) that the kernel knows by the container's name.
fn has_a_keyring(container: &Container) -> bool {
    let keys = fs::read_to_string("/proc/keys").unwrap();
    keys.lines().any(|key| key.contains(" keyring ") && key.contains(container.id()))
}

#[conformance::test]
fn the_session_keyring_is_new_unless_it_is_not_to_be() {
    needs::path("/proc/keys");
    assert!(has_a_keyring(&Bundle::new().create()));
    assert!(!has_a_keyring(&Bundle::new().create_with(&["--no-new-keyring"])));
}

#[conformance::test]
fn preserve_fds_passes_descriptors_on() {
    let bundle = Bundle::sh("cat <&3; ls /proc/self/fd | wc -l");
    let file = bundle.path().join("passed");
    fs::write(&file, "passed on\n").unwrap();
    let path = bundle.write().path().to_string_lossy().into_owned();
    let inner = bundle.runtime.command(["run", "--preserve-fds", "1", "--bundle", &path, &bundle.id]);
    // A shell opens descriptor 3 and becomes the runtime.
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"exec 3<"$0"; exec "$@""#]).arg(&file).arg(inner.get_program()).args(inner.get_args());
    // stdio, the one passed on, and the directory that ls reads.
    bundle.runtime.spawn(shell).wait().succeeds().prints("passed on\n5");
}

#[conformance::test]
fn the_process_outlives_the_command_that_made_it() {
    let container = Bundle::new().start();
    // Adopted by the subreaper: the runtime is gone.
    let parent = container.settled().status("PPid").unwrap();
    assert_eq!(parent, Process::myself().pid.to_string());
}

#[conformance::test(covers = ["create.config-is-final"])]
fn the_unchanged_config_is_not_read_again_at_start() {
    let container = Bundle::sh("echo first").create();
    container.bundle.write_raw(&json!({"ociVersion": "0"}).to_string());
    container.call("start").succeeds();
    container.eventually_prints("first");
}

#[conformance::test]
fn pidfd_socket_receives_the_process() {
    let bundle = Bundle::new();
    let socket = Console::of(&bundle);
    let container = bundle.create_with(&["--pidfd-socket", &socket.path.to_string_lossy()]);
    let pidfd = socket.receive_fd();
    let about = Process::myself().read(&format!("fdinfo/{}", pidfd.as_raw_fd()));
    let pid = about.lines().find_map(|line| line.strip_prefix("Pid:")).unwrap().trim();
    assert_eq!(pid, container.process().pid.to_string());
}
