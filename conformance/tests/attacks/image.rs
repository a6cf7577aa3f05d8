//! What an image can make of the files that a runtime reads in it, and of the terminal of its caller
//! (CVE-2026-47262, CVE-2017-5226).

use std::fs::File;

use conformance::Bundle;
use nix::sys::stat::Mode;

#[conformance::test]
fn a_pipe_as_passwd_does_not_hang() {
    let bundle = Bundle::sh("echo ran").dir("/etc");
    nix::unistd::mkfifo(&bundle.inside("/etc/passwd"), Mode::S_IRWXU).unwrap();
    bundle.run().succeeds().prints("ran");
}

#[conformance::test]
fn a_passwd_without_end_is_not_read_to_its_end() {
    let bundle = Bundle::sh("echo ran").dir("/etc");
    File::create(bundle.inside("/etc/passwd")).unwrap().set_len(1 << 40).unwrap();
    // Within the time limit of every call; a runtime may refuse the file.
    let outcome = bundle.run();
    assert!(outcome.code != 0 || outcome.stdout == "ran\n", "{outcome:?}");
}

/// Who is in its caller's session may push input into its terminal (TIOCSTI).
#[conformance::test]
fn a_process_leads_a_session_of_its_own() {
    let leads = "test $(cut -d ' ' -f 6 /proc/$$/stat) = $$ && echo leads; sleep 100";
    let container = Bundle::sh(leads).start();
    container.eventually_prints("leads");
    let leads = "test $(cut -d ' ' -f 6 /proc/$$/stat) = $$";
    container.sh(leads).succeeds();
}
