//! `/proc/PID/exe` of the runtime's own process in a container is no file of the host (CVE-2019-5736).

use std::fs;
use std::path::{Path, PathBuf};

use conformance::Bundle;

/// The program under test as a file of the host.
fn program(container: &Bundle) -> PathBuf {
    let command = container.runtime.command(["list"]);
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let name = words.map(Path::new).take_while(|word| *word != "--root").last().unwrap().to_owned();
    let dirs = ["", "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"];
    dirs.iter().map(|dir| Path::new(dir).join(&name)).find(|path| path.is_file()).expect("a program")
}

fn digest(path: &Path) -> (Vec<u8>, std::time::SystemTime) {
    (fs::read(path).unwrap(), fs::metadata(path).unwrap().modified().unwrap())
}

#[conformance::test]
fn a_created_container_waits_in_no_file_of_the_host() {
    // A memfd, or a detached read-only mount, has no path that leads to it.
    let exe = Bundle::new().create().process().link("exe");
    assert!(!exe.as_os_str().is_empty() && !exe.is_file(), "{}", exe.display());
}

#[conformance::test]
fn the_runtime_survives_a_container_that_runs_proc_self_exe() {
    let bundle = Bundle::new().args(["/proc/self/exe"]).capable(&["CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"]).writable();
    let program = program(&bundle);
    let before = digest(&program);
    bundle.write();
    bundle.run();
    assert!(digest(&program) == before, "{} was changed", program.display());
}

#[conformance::test]
fn exec_is_never_a_writable_file_of_the_host() {
    // A process in the container watches for newcomers and tries to write to their exe.
    let watch = "while :; do for exe in /proc/[0-9]*/exe; do case $(readlink $exe) in \
                 /bin/busybox | '') ;; *) echo evil > $exe && echo written ;; esac; done; done 2>/dev/null";
    let container = Bundle::sh(watch).capable(&["CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE"]).start();
    let program = program(&container.bundle);
    let before = digest(&program);
    for _ in 0..20 {
        container.exec(["true"]);
    }
    assert!(digest(&program) == before, "{} was changed", program.display());
}
