//! Docker's `--security-opt`: a profile of seccomp, profiles of AppArmor.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use conformance::{json, needs};

use super::docker::{Running, daemon, run};
use super::image::TINY;

#[conformance::test]
fn a_seccomp_profile_of_the_callers_is_loaded() {
    let refused = json!({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95});
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]});
    fs::write(daemon().dir.join("profile.json"), profile.to_string()).expect("a profile");
    let own = ["--security-opt", "seccomp=profile.json", TINY];
    run(own.into_iter().chain(["mkdir", "/tmp/x"])).exits(1).says("operation not supported");
    // The profile of Docker's own refuses this; the caller's is in its place, not beside it.
    run(own.into_iter().chain(["linux64", "-R", "true"])).succeeds();
    run([TINY, "mkdir", "/tmp/x"]).succeeds();
    run([TINY, "linux64", "-R", "true"]).fails().says("operation not permitted");
}

#[conformance::test]
fn no_new_privileges_hold_for_exec_too() {
    let container = Running::new("no-new", ["--security-opt", "no-new-privileges", TINY, "sleep", "1000"]);
    container.exec(["grep", "NoNewPrivs", "/proc/self/status"]).succeeds().prints("NoNewPrivs:\t1");
    container.exec(["grep", "Seccomp:", "/proc/self/status"]).succeeds().prints("Seccomp:\t2");
}

/// A profile that is loaded while a test runs.
struct Profile(&'static str);

impl Profile {
    fn load(name: &'static str) -> Self {
        let text = format!(
            "profile {name} flags=(attach_disconnected,mediate_deleted) {{
              file, capability, network, mount, umount, pivot_root, signal, ptrace, unix,
              deny /tmp/forbidden w,
            }}"
        );
        Self::parser("-r", &text);
        Self(name)
    }

    fn parser(flag: &str, text: &str) {
        let mut parser = Command::new("/usr/sbin/apparmor_parser").arg(flag).stdin(Stdio::piped()).spawn().expect("it");
        parser.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("to write");
        assert!(parser.wait().expect("wait").success(), "apparmor_parser {flag}");
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        Self::parser("-R", &format!("profile {} {{}}", self.0));
    }
}

#[conformance::test]
fn dockers_profile_of_apparmor_confines() {
    needs::apparmor();
    let current = "/proc/self/attr/current";
    run([TINY, "cat", current]).succeeds().prints("docker-default (enforce)");
    // Capabilities would allow it, and so would seccomp.
    let mount = ["sh", "-c", "mount -t tmpfs none /tmp || echo denied"];
    let may = ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"];
    run(may.into_iter().chain([TINY]).chain(mount)).prints("denied");
    let free = ["--security-opt", "apparmor=unconfined"];
    run(free.into_iter().chain([TINY, "cat", current])).succeeds().prints("unconfined");
    run(may.into_iter().chain(free).chain([TINY]).chain(mount)).prints("");
    let container = Running::new("confined", [TINY, "sleep", "1000"]);
    container.exec(["cat", current]).succeeds().prints("docker-default (enforce)");
}

#[conformance::test]
fn a_profile_of_apparmor_of_the_callers_confines() {
    needs::apparmor();
    let own = Profile::load("orlop-engines");
    let script = "cat /proc/self/attr/current; echo >/tmp/fine && echo fine; echo >/tmp/forbidden || echo denied";
    run(["--security-opt", &format!("apparmor={}", own.0), TINY, "sh", "-c", script])
        .prints("orlop-engines (enforce)\nfine\ndenied");
    let absent = run(["--security-opt", "apparmor=orlop-nonesuch", TINY, "true"]);
    absent.fails().says("apparmor");
}
