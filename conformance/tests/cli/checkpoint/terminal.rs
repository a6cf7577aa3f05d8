//! Terminals: the container's own, and the caller's.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Command;

use conformance::console::Console;
use conformance::{Bundle, eventually, leaks, needs};
use nix::pty::openpty;

#[conformance::test]
fn a_console_socket_gets_the_terminal_of_a_restored_container() {
    needs::criu();
    let container = Bundle::new().args(["sh"]).set("/process/terminal", true);
    let console = Console::of(&container);
    let socket = console.path.to_str().unwrap();
    let (bundle, images) = (container.write().path().to_str().unwrap(), container.host("one"));
    let images = images.to_str().unwrap();
    let runtime = &container.runtime;
    runtime.call(["run", "--detach", "--console-socket", socket, "--bundle", bundle, &container.id]).succeeds();
    let mut terminal = console.receive();
    terminal.types("word=remembered; echo $((40 + 2))");
    terminal.shows("42");
    runtime.call(["checkpoint", "--image-path", images, &container.id]).succeeds();
    drop(terminal);
    let args = ["restore", "--detach", "--console-socket", socket, "--bundle", bundle, "--image-path", images];
    runtime.call(args.iter().chain(&[&*container.id])).succeeds();
    let mut terminal = console.receive();
    terminal.types("echo it is $word");
    terminal.shows("it is remembered");
    runtime.call(["delete", "--force", &container.id]).succeeds();
    leaks::nothing_left(&container);
}

/// Makes a call with a terminal as its streams.
fn on(terminal: &OwnedFd, mut command: Command) -> bool {
    let stream = || terminal.try_clone().unwrap();
    let mut child = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap();
    leaks::claim(child.id().cast_signed());
    child.wait().unwrap().success()
}

/// Reads what comes out of a terminal until these words do.
fn shows(master: &mut File, words: &str) -> bool {
    let mut seen = String::new();
    eventually(|| {
        let mut bytes = [0; 512];
        let length = master.read(&mut bytes).unwrap_or(0);
        seen.push_str(&String::from_utf8_lossy(&bytes[..length]));
        seen.contains(words)
    })
}

/// A container whose streams are a terminal of the host, checkpointed.
fn shell_job() -> (Bundle, String) {
    needs::criu();
    let container = Bundle::sh("i=0; while :; do i=$((i+1)); echo number $i; sleep 0.1; done");
    let (bundle, images) = (container.write().path().to_str().unwrap(), container.host("images").join("one"));
    let (images, runtime) = (images.to_str().unwrap().to_owned(), &container.runtime);
    let terminal = openpty(None, None).unwrap();
    assert!(on(&terminal.slave, runtime.command(["run", "--detach", "--bundle", bundle, &container.id])));
    assert!(shows(&mut File::from(terminal.master.try_clone().unwrap()), "number 5\r"));
    let refusal = runtime.call(["checkpoint", "--image-path", &images, &container.id]).fails();
    let reason = "Can't lookup mount=";
    assert!(log(&images, "dump").contains(reason), "the terminal is the host's: {}", refusal.stderr);
    runtime.call(["checkpoint", "--image-path", &images, "--shell-job", &container.id]).succeeds();
    (container, images)
}

fn log(images: &str, name: &str) -> String {
    std::fs::read_to_string(format!("{images}/{name}.log")).unwrap_or_default()
}

/// Restores it on a terminal, which is returned where that succeeds.
fn restored(container: &Bundle, images: &str, flags: &[&str]) -> Option<File> {
    let terminal = openpty(None, None).unwrap();
    let bundle = container.path().to_str().unwrap();
    let args =
        [&["restore", "--detach", "--bundle", bundle, "--image-path", images], flags, &[&*container.id]].concat();
    on(&terminal.slave, container.runtime.command(args)).then(|| File::from(terminal.master))
}

#[conformance::test]
fn a_container_on_the_callers_terminal_is_a_shell_job() {
    let (container, images) = shell_job();
    assert!(restored(&container, &images, &[]).is_none(), "without a word of the terminal");
    assert!(!log(&images, "restore").contains("Inherit terminal"));
    drop(restored(&container, &images, &["--shell-job"]));
    assert!(log(&images, "restore").contains("Inherit terminal"), "{}", log(&images, "restore"));
}

#[conformance::test]
fn a_shell_job_goes_on_on_the_terminal_of_who_restores_it() {
    let (container, images) = shell_job();
    let terminal = restored(&container, &images, &["--shell-job"]);
    assert!(shows(&mut terminal.unwrap(), "number "), "{}", log(&images, "restore"));
    container.runtime.call(["delete", "--force", &container.id]).succeeds();
    leaks::nothing_left(&container);
}
