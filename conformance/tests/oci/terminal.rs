//! `process.terminal` and `process.consoleSize` with `--console-socket`; the test plays containerd.

use conformance::console::{Console, Terminal};
use conformance::{Bundle, Container, console, json};

fn on_a_terminal(bundle: Bundle) -> (Container, Terminal) {
    let console = Console::of(&bundle);
    let flag = format!("--console-socket={}", console.path.display());
    let container = bundle.set("/process/terminal", true).create_with(&[&flag]);
    let terminal = console.receive();
    container.call("start").succeeds();
    (container, terminal)
}

#[conformance::test(covers = ["/process/terminal"])]
fn stdio_is_the_terminal() {
    let script = "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all on $(tty); cat";
    let (_container, mut terminal) = on_a_terminal(Bundle::sh(script));
    terminal.shows("all on /dev/");
}

#[conformance::test]
fn what_is_typed_is_read() {
    let (container, mut terminal) = on_a_terminal(Bundle::sh("read line; echo got $line; exit 7"));
    terminal.types("words");
    terminal.shows("got words");
    assert_eq!(container.wait(), 7);
}

#[conformance::test(covers = ["/process/consoleSize/{height,width}"])]
fn the_terminal_has_its_size() {
    let bundle = Bundle::sh("stty size; cat").set("/process/consoleSize", json!({"height": 33, "width": 77}));
    let (_container, mut terminal) = on_a_terminal(bundle);
    terminal.shows("33 77");
}

#[conformance::test(covers = ["linux.dev-console"])]
fn the_console_is_a_terminal_of_the_containers_own_devpts() {
    let (container, mut terminal) = on_a_terminal(Bundle::sh("echo ready; cat"));
    terminal.shows("ready");
    container.sh("stat -c %F /dev/console; ls /dev/pts").succeeds().prints("character special file\n0\nptmx");
}

#[conformance::test(covers = ["/process/terminal"])]
fn it_is_the_controlling_terminal() {
    let (_container, mut terminal) = on_a_terminal(Bundle::sh("echo through > /dev/tty; cat"));
    terminal.shows("through");
}

#[conformance::test]
fn interrupt_reaches_the_foreground() {
    let (container, mut terminal) =
        on_a_terminal(Bundle::sh("trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.1; done"));
    terminal.shows("ready");
    terminal.types("\u{3}");
    terminal.shows("caught");
    assert_eq!(container.wait(), 5);
}

#[conformance::test]
fn the_terminal_belongs_to_the_user() {
    let bundle = Bundle::sh("stat -c %u $(tty); cat").set("/process/user", json!({"uid": 1000, "gid": 1000}));
    let (_container, mut terminal) = on_a_terminal(bundle);
    terminal.shows("1000");
}

#[conformance::test]
fn a_terminal_of_exec_goes_to_its_console_socket() {
    let container = Bundle::new().start();
    let console = Console::of(&container.bundle);
    let socket = console.path.to_string_lossy().into_owned();
    let flags = ["--tty", "--detach", "--console-socket", &socket];
    container.exec_with(&flags, ["sh", "-c", "read line; echo got $line; cat"]).succeeds();
    let mut terminal = console.receive();
    terminal.types("words");
    terminal.shows("got words");
}

#[conformance::test]
fn create_with_a_terminal_needs_a_console_socket() {
    Bundle::new().set("/process/terminal", true).refused().names("console socket");
}

#[conformance::test]
fn run_with_a_terminal_passes_on_what_is_typed() {
    let bundle = Bundle::sh("tty; read line; echo got $line").set("/process/terminal", true);
    let path = bundle.write().path().to_string_lossy().into_owned();
    let call = bundle.runtime.command(["run", "--bundle", &path, &bundle.id]);
    let outcome = console::typing("words", &bundle.runtime, &call, bundle.path()).succeeds();
    assert!(outcome.stdout.contains("got words") && outcome.stdout.contains("/dev/"), "{}", outcome.stdout);
}
