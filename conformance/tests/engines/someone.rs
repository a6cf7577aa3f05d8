//! A user who is not root and has a Podman: `someone` of the virtual machine, with their systemd; elsewhere one who is seen in
//! Podman's own mount namespace only, and has no cgroups.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use conformance::{Outcome, user};

use super::daemon::{Daemon, runtime_path};
use super::podman;
use super::snippets;

/// The user of the virtual machine, who is logged in with a delegated session.
pub(super) const SOMEONE: &str = "/var/lib/systemd/linger/someone";

/// A command of theirs, started by their systemd. What stays of a detached container is in a cgroup of the user's.
fn as_someone(uid: u32) -> Vec<String> {
    let runtime = format!("XDG_RUNTIME_DIR=/run/user/{uid}");
    let user = ["setpriv", "--reuid", "someone", "--regid", "someone", "--init-groups", "env", &runtime];
    let unit = ["systemd-run", "--user", "-qPG", "--wait", "-p", "Delegate=yes", "-p", "KillMode=process"];
    let words = user.iter().chain(&unit).chain(&["--working-directory=/"]);
    words.map(|word| (*word).to_owned()).collect()
}

/// Gives the directory to the user, whom the files in `etc` are of.
const SCRIPT: &str = r#"
    for file in passwd group subuid subgid; do mount --bind $dir/etc/$file /etc/$file; done
    mkdir -m 700 $dir/home $dir/xdg; chown -R $USER $dir; touch ready; exec sleep infinity
"#;

pub(super) static PODMAN: LazyLock<Rootless> = LazyLock::new(Rootless::start);

/// Podman of one user. The namespaces of the daemon, which does nothing, end with this process, and all that is in them.
#[derive(Debug)]
pub(super) struct Rootless {
    pub(super) daemon: Daemon,
    pub(super) uid: u32,
}

impl Rootless {
    fn start() -> Self {
        let uid = if by_systemd() { owner(Path::new("/home/someone")) } else { user::USER };
        let script = if by_systemd() { "chown -R $USER $dir; touch ready; exec sleep infinity" } else { SCRIPT };
        let script = format!("USER={uid}:{uid}\nuntil [ -e etc/done ]; do sleep 0.05; done\n{script}");
        let daemon = Daemon::start("rootless", &script, |dir| {
            if !dir.join("etc").exists() {
                furnish(dir, uid);
            }
            dir.join("ready").exists()
        });
        let podman = Self { daemon, uid };
        if by_systemd() {
            // Theirs is no namespace that ends: the process that keeps it is ended here.
            let dir = &podman.daemon.dir;
            let front = podman::front(dir, "cgroupfs").join(" ");
            let call = format!("{} -E {} {front}", as_someone(uid).join(" "), configuration(dir));
            fs::write(dir.join("end"), format!("{call} rm -f -a -t 0\n{call} system migrate\n")).expect("a script");
        }
        podman.call("cgroupfs", &podman::load(&podman.daemon.dir).each_ref().map(String::as_str)).succeeds();
        podman
    }

    pub(super) fn call(&self, cgroups: &str, words: &[&str]) -> Outcome {
        let dir = &self.daemon.dir;
        let config = configuration(dir);
        let front = podman::front(dir, cgroups);
        let mut call = if by_systemd() {
            let words = as_someone(self.uid);
            let mut call = Command::new(&words[0]);
            call.args(&words[1..]).args(["-E", &config]);
            call
        } else {
            let uid = self.uid.to_string();
            let mut call = self.daemon.inside(["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups"]);
            call.args(["--inh-caps=-all", "--", "env", &config]);
            call.env("HOME", dir.join("home")).env("XDG_RUNTIME_DIR", dir.join("xdg"));
            call
        };
        call.args(front).args(words);
        self.daemon.call(call)
    }
}

fn configuration(dir: &Path) -> String {
    format!("CONTAINERS_CONF={}/containers.conf", dir.display())
}

fn by_systemd() -> bool {
    Path::new(SOMEONE).exists()
}

/// The user a file is of.
pub(super) fn owner(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").uid()
}

/// What Podman reads, and a runtime that the user may execute.
fn furnish(dir: &Path, uid: u32) {
    let program = own_program(dir);
    podman::configure(dir, &snippets::with_program("containers.conf", &program));
    let etc = dir.join("etc");
    fs::create_dir(&etc).expect("a directory");
    for (file, own) in [("passwd", format!("{uid}:{uid}::/:/bin/sh")), ("group", format!("{uid}:"))] {
        let known = fs::read_to_string(Path::new("/etc").join(file)).unwrap_or_default();
        fs::write(etc.join(file), format!("{known}conformance:x:{own}\n")).expect("a file");
    }
    for file in ["subuid", "subgid"] {
        fs::write(etc.join(file), format!("conformance:{}:65536\n", user::RANGE)).expect("ranges");
    }
    fs::write(etc.join("done"), "").expect("a file");
}

/// The runtime under test may be in a directory that is root's alone.
pub(super) fn own_program(dir: &Path) -> PathBuf {
    let program = runtime_path(dir);
    let copy = dir.join("program");
    if program.starts_with(dir) {
        return program;
    }
    if copy.exists() {
        return copy;
    }
    fs::copy(&program, &copy).expect("a copy of the runtime");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("its mode");
    copy
}
