//! Golden tests: `config.json` + `host.toml` → the printed plan, or the error and its hint.
//!
//! Each directory `tests/golden/TOPIC/CASE` is one case; `process.json` in it makes it an `exec`. `UPDATE=1 cargo test -p
//! orlop golden` writes what is printed now: read the difference before you commit it.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use orlop_plan::{DIALOGUE, Slot, Step, Steps, Word};
use serde::Deserialize;

use super::plan::Open;
use super::{Driver, Plan, Request, Terminal, create, exec};
use crate::cgroup::{Hierarchy, Layout, Systemd, Unified};
use crate::error::Result;
use crate::host::{Caller, FileKind, Host, User};
use crate::seccomp::Filter;
use crate::spec::{Capabilities, MountKind, Process, Spec};

/// `host.toml`: what is said of the machine and of the call. What it leaves out is as on a host with cgroup v2, where
/// everything may be granted.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    /// `v1`, `v2` or `hybrid`.
    cgroups: String,
    /// `root`, `namespace-root` or `user` (with the ids 1000 and 1001).
    caller: String,
    /// The user's capabilities over the maps of ids.
    maps_ids: bool,
    /// Mounts of hierarchies in which the caller may make no cgroup.
    closed_cgroups: Vec<PathBuf>,
    /// Devices that the host has otherwise: path, and what is there.
    other_devices: Vec<(String, String)>,
    /// Capabilities that cannot be granted.
    without_capabilities: Vec<String>,
    /// Sources of bind mounts that are no directories.
    files: Vec<String>,
    /// The user's home.
    home: Option<String>,
    /// Streams that the user is to own.
    streams_to_own: Vec<u32>,
    /// Where resctrl is mounted.
    resctrl: Option<PathBuf>,
    /// The highest pid is one number for all, as before Linux 6.14.
    shares_pid_max: bool,
    /// Streams that are the host's null device.
    null_streams: Vec<u32>,
    /// Instructions of the compiled seccomp profile.
    seccomp: usize,
    /// How many hierarchies of cgroup v1 an `exec` joins.
    target_cgroups: usize,
    /// `apparmor`, `selinux`, or both.
    security: Vec<String>,
    /// As `create` does; `false`: as `run`.
    gate: bool,
    /// `console-socket` or `caller`.
    terminal: String,
    preserve_fds: u32,
    no_pivot: bool,
    no_new_keyring: bool,
    trace: bool,
    /// `cgroupfs`, `systemd`, `systemd-user` or `disabled`.
    driver: String,
    notify: bool,
    joins_own_network: bool,
    joins_own_mounts: bool,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            cgroups: "v2".to_owned(),
            caller: "root".to_owned(),
            maps_ids: false,
            closed_cgroups: Vec::new(),
            other_devices: Vec::new(),
            without_capabilities: Vec::new(),
            files: Vec::new(),
            home: None,
            streams_to_own: Vec::new(),
            resctrl: None,
            shares_pid_max: false,
            null_streams: Vec::new(),
            seccomp: 0,
            target_cgroups: 0,
            security: Vec::new(),
            gate: true,
            terminal: "none".to_owned(),
            preserve_fds: 0,
            no_pivot: false,
            no_new_keyring: false,
            trace: false,
            driver: "cgroupfs".to_owned(),
            notify: false,
            joins_own_network: false,
            joins_own_mounts: false,
        }
    }
}

impl Case {
    fn host(&self, spec: &Spec<'_>) -> Host {
        let kind = |source: &str| match self.files.iter().any(|file| file == source) {
            true => FileKind::Other,
            false => FileKind::Directory,
        };
        let sources = spec.mounts.iter().map(|mount| match &mount.kind {
            MountKind::Bind { source, .. } => kind(source),
            _ => FileKind::default(),
        });
        let missing =
            self.without_capabilities.iter().map(|name| Capabilities::bit(name).expect("a capability's name"));
        let flags = spec.linux.seccomp.as_ref().map_or(0, |profile| profile.flags);
        let filter = || Filter { bytes: vec![0; self.seccomp * 8], flags, warnings: Vec::new() };
        Host {
            caller: match &*self.caller {
                "root" => Caller::Root,
                "namespace-root" => Caller::NamespaceRoot,
                "user" => {
                    Caller::User(User { uid: 1000, gid: 1001, maps_uids: self.maps_ids, maps_gids: self.maps_ids })
                }
                other => panic!("caller = {other:?}"),
            },
            closed_cgroups: self.closed_cgroups.clone(),
            other_devices: self.other_devices.clone(),
            cgroups: layout(&self.cgroups),
            systemd: match &*self.driver {
                "systemd" => Some(Systemd::test("/run/systemd/private", false, "/")),
                "systemd-user" => {
                    let root = "/user.slice/user-1000.slice/user@1000.service";
                    Some(Systemd::test("/run/user/1000/systemd/private", true, root))
                }
                _ => None,
            },
            target_cgroups: self.target_cgroups,
            target_root: "/proc/7/root".into(),
            capabilities: ((1 << Capabilities::names().count()) - 1) & !missing.fold(0, |all, bit| all | bit),
            bind_sources: sources.collect(),
            joins_own_network: self.joins_own_network,
            joins_own_mounts: self.joins_own_mounts,
            home: self.home.clone(),
            streams_to_own: self.streams_to_own.clone(),
            resctrl: self.resctrl.clone(),
            shares_pid_max: self.shares_pid_max,
            null_streams: self.null_streams.clone(),
            seccomp: (self.seccomp > 0).then(filter),
            apparmor: self.security.iter().any(|name| name == "apparmor"),
            selinux: self.security.iter().any(|name| name == "selinux"),
        }
    }

    fn request(&self) -> Request<'static> {
        Request {
            id: "web",
            bundle: c"/bundle".to_owned(),
            terminal: match &*self.terminal {
                "none" => Terminal::None,
                "console-socket" => Terminal::ConsoleSocket,
                "caller" => Terminal::Caller,
                other => panic!("terminal = {other:?}"),
            },
            preserve_fds: self.preserve_fds,
            no_pivot: self.no_pivot,
            no_new_keyring: self.no_new_keyring,
            gate: self.gate,
            trace: self.trace,
            cgroups: match &*self.driver {
                "cgroupfs" => Driver::Cgroupfs,
                "systemd" | "systemd-user" => Driver::Systemd,
                "disabled" => Driver::Disabled,
                other => panic!("driver = {other:?}"),
            },
            notify: self.notify.then(|| c"/run/orlop/web/notify".to_owned()),
        }
    }
}

/// Small machines: each kind of layout, with as few hierarchies as show its shape.
fn layout(name: &str) -> Layout {
    let hierarchy = |controllers: &[&str], directory: &str| Hierarchy {
        controllers: controllers.iter().map(|name| (*name).to_owned()).collect(),
        mount: Path::new("/sys/fs/cgroup").join(directory),
        own: "/".into(),
    };
    let unified = |mount: &str, own: &str, controllers: &[&str]| Unified {
        mount: mount.into(),
        own: own.into(),
        controllers: controllers.iter().map(|name| (*name).to_owned()).collect(),
        inside: false,
    };
    let v1 = || {
        vec![
            hierarchy(&["cpu", "cpuacct"], "cpu,cpuacct"),
            hierarchy(&["memory"], "memory"),
            hierarchy(&["devices"], "devices"),
            hierarchy(&["name=systemd"], "systemd"),
        ]
    };
    match name {
        "v1" => Layout { v1: v1(), v2: None },
        "v2" => {
            let own = "/user.slice/shell.scope";
            Layout { v1: vec![], v2: Some(unified("/sys/fs/cgroup", own, &["cpu", "memory", "pids"])) }
        }
        "hybrid" => Layout { v1: v1(), v2: Some(unified("/sys/fs/cgroup/unified", "/", &["hugetlb"])) },
        other => panic!("cgroups = {other:?}"),
    }
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let below = |directory: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
    };
    let mut cases: Vec<_> = below(&root).iter().flat_map(|topic| below(topic)).collect();
    cases.sort();
    cases
}

fn compile(directory: &Path, config: &[u8]) -> Result<Plan> {
    let host = fs::read_to_string(directory.join("host.toml")).unwrap_or_default();
    let case: Case = toml::from_str(&host).unwrap_or_else(|error| panic!("{}/host.toml: {error}", directory.display()));
    let spec = Spec::from_slice(config)?;
    match fs::read(directory.join("process.json")) {
        Ok(process) => exec(&spec, &Process::from_slice(&process)?, &case.host(&spec), &case.request()),
        Err(_) => create(&spec, &case.host(&spec), &case.request()),
    }
}

/// What is kept of a case: the name of its file and the text in it.
fn outcome(directory: &Path) -> (&'static str, String) {
    let config = fs::read(directory.join("config.json")).unwrap();
    match compile(directory, &config) {
        Ok(plan) => {
            // Without the numbers, or each new step would change every line behind it.
            let printed = plan.to_string();
            let unnumbered = printed.lines().map(|line| match line.starts_with(' ') {
                true => line.get(6..).unwrap_or_default(),
                false => line,
            });
            let mut text: String = unnumbered.flat_map(|line| [line, "\n"]).collect();
            for warning in &plan.warnings {
                writeln!(text, "warning: {} [{}]", warning.message, warning.field).unwrap();
            }
            ("plan.txt", text)
        }
        Err(error) => {
            let hint = error.advice().map(|hint| format!("hint: {hint}\n"));
            ("error.txt", format!("{error}\n{}", hint.unwrap_or_default()))
        }
    }
}

#[test]
fn every_config_gives_the_plan_that_is_written_down() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = String::new();
    for directory in cases() {
        let (name, text) = outcome(&directory);
        let file = directory.join(name);
        let other = directory.join(if name == "plan.txt" { "error.txt" } else { "plan.txt" });
        if update {
            fs::write(&file, &text).unwrap();
            fs::remove_file(&other).ok();
            continue;
        }
        let written = fs::read_to_string(&file).unwrap_or_default();
        if other.exists() || written != text {
            writeln!(wrong, "{}\n{}", file.display(), difference(&written, &text)).unwrap();
        }
    }
    assert!(wrong.is_empty(), "`UPDATE=1 cargo test -p orlop golden` writes these down:\n{wrong}");
}

#[test]
fn there_is_a_case_for_every_concern() {
    assert!(cases().len() >= 45, "{} cases", cases().len());
}

/// Which lines are gone and which have come, by their longest common subsequence.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for (i, gone) in old.iter().enumerate().rev() {
        for (j, come) in new.iter().enumerate().rev() {
            common[i][j] = match gone == come {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut text) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            writeln!(text, "  - {}", old[i]).unwrap();
            i += 1;
        } else {
            writeln!(text, "  + {}", new[j]).unwrap();
            j += 1;
        }
    }
    text
}

#[test]
fn a_difference_names_each_line_that_changed() {
    assert_eq!(difference("a\nb\nc\nd\n", "a\nx\nc\n"), "  - b\n  + x\n  - d\n");
    assert_eq!(difference("", "a\n"), "  + a\n");
}

/// Every plan of every case, with the case's name.
fn plans() -> impl Iterator<Item = (String, Plan)> {
    cases().into_iter().filter_map(|directory| {
        let config = fs::read(directory.join("config.json")).unwrap();
        compile(&directory, &config).ok().map(|plan| (directory.display().to_string(), plan))
    })
}

#[test]
fn every_step_has_an_origin_and_is_read_as_it_was_written() {
    for (case, plan) in plans() {
        let steps: Vec<_> = Steps::new(&plan.steps).map(|step| step.unwrap_or_else(|_| panic!("{case}"))).collect();
        assert_eq!(steps.len(), plan.origins.len(), "{case}");
        let mut again = Vec::new();
        steps.iter().for_each(|step| step.write(&mut again));
        assert_eq!(again, plan.steps, "{case}");
    }
}

#[test]
fn every_slot_is_filled_before_it_is_used() {
    for (case, plan) in plans() {
        let opened = u16::try_from(plan.opens.len()).unwrap();
        let mut filled: HashSet<Slot> = (1..=opened).map(Slot::given).chain([DIALOGUE]).collect();
        let mut used = HashSet::new();
        for (index, step) in plan.steps() {
            let slots = slots(&step);
            for slot in slots.uses.into_iter().filter(|slot| *slot != Slot::NONE) {
                assert!(filled.contains(&slot), "{case}: step {index} {step:?} uses an empty slot");
                used.insert(slot);
            }
            for slot in slots.empties {
                filled.remove(&slot);
            }
            if let Step::CloseOthers { gate, input, output, .. } = step {
                filled.retain(|slot| [DIALOGUE, gate, input, output].contains(slot));
            }
            filled.extend(slots.fills);
        }
        for (number, (open, _)) in (1..).zip(&plan.opens) {
            let by_the_parent = matches!(open, Open::Trace)
                || [plan.pid_namespace, plan.user_namespace].contains(&Some(Slot::given(number)))
                || plan.id_mapped.iter().chain(&plan.handed).any(|mapped| mapped.namespace == Slot::given(number));
            assert!(by_the_parent || used.contains(&Slot::given(number)), "{case}: {open:?} is opened for nothing");
        }
    }
}

#[test]
fn a_kernel_that_maps_no_tmpfs_is_told_of() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/mounts/tmpfs-idmapped");
    let plan = compile(&directory, &fs::read(directory.join("config.json")).unwrap()).unwrap();
    let maps = |step: &Step<'_>| matches!(step, Step::MountSetattr { userns, .. } if *userns != Slot::NONE);
    let (step, _) = plan.steps().find(|(_, step)| maps(step)).unwrap();
    let error = plan.origins[step].error(nix::errno::Errno::EINVAL);
    assert_eq!(error.to_string(), "mount /cache: invalid argument [config.json /mounts/0/options/0]");
    let hint =
        "the filesystem of this mount does not support id-mapped mounts on this kernel (tmpfs does from Linux 6.3)";
    assert_eq!(error.advice(), Some(hint));
}

#[test]
fn the_parent_knows_every_step_that_waits_for_it() {
    for (case, plan) in plans() {
        let waits = plan.steps().filter(|(_, step)| matches!(step, Step::Barrier {} | Step::Gate { .. }));
        let waits: Vec<_> = waits.map(|(index, _)| u32::try_from(index).unwrap()).collect();
        let known: Vec<_> = plan.barriers.iter().map(|(step, _)| *step).collect();
        assert_eq!(waits, known, "{case}");
    }
}

/// What a step does with slots.
#[derive(Default)]
struct Touched {
    uses: Vec<Slot>,
    fills: Vec<Slot>,
    empties: Vec<Slot>,
}

fn slots(step: &Step<'_>) -> Touched {
    let of = |uses: &[Slot], fills: &[Slot], empties: &[Slot]| Touched {
        uses: uses.to_vec(),
        fills: fills.to_vec(),
        empties: empties.to_vec(),
    };
    match *step {
        Step::JoinCgroup { tasks } => of(&[tasks], &[], &[]),
        Step::Setns { ns, .. } | Step::EnterNamespace { procfs: ns, .. } => of(&[ns], &[], &[]),
        Step::OpenHost { to, .. } | Step::Fsopen { to, .. } => of(&[], &[to], &[]),
        Step::Open { root, to, .. } => of(&[root], &[to], &[]),
        Step::FsconfigString { fs, .. } | Step::FsconfigFlag { fs, .. } => of(&[fs], &[], &[]),
        Step::Fsmount { fs, to, .. } => of(&[fs], &[to], &[fs]),
        Step::Fspick { of: mount, to } => of(&[mount], &[to], &[]),
        Step::Reconfigure { fs } => of(&[fs], &[], &[fs]),
        Step::CloneTree { of: tree, to, .. } => of(&[tree], &[to], &[]),
        Step::MountSetattr { mount, userns, .. } => of(&[mount, userns], &[], &[]),
        Step::Attach { mount, root, .. } => of(&[mount, root], &[], &[]),
        Step::SameDirectory { one, other } => of(&[one, other], &[], &[]),
        Step::AttachOn { mount, on } => of(&[mount, on], &[], &[]),
        Step::MakeDir { root, .. } | Step::Mknod { root, .. } | Step::Symlink { root, .. } => of(&[root], &[], &[]),
        Step::Mask { root, file, dir, .. } => of(&[root, file, dir], &[], &[]),
        Step::Protect { root, .. } | Step::PivotRoot { root } | Step::Chroot { root } => of(&[root], &[], &[]),
        Step::CopyUp { root, to, .. } | Step::TakeMode { root, to, .. } => of(&[root, to], &[], &[]),
        Step::OpenMount { root, to, .. } => of(&[root], &[to], &[]),
        Step::Unmount { mount, procfs } => of(&[mount, procfs], &[], &[]),
        Step::Close { slot } => of(&[slot], &[], &[slot]),
        Step::WriteFile { dir, .. } => of(&[dir], &[], &[]),
        Step::Setxattr { mount, .. } => of(&[mount], &[], &[]),
        Step::OpenPty { root, terminal, peer, .. } => of(&[root], &[terminal, peer], &[]),
        Step::NullStream { root, .. } => of(&[root], &[], &[]),
        Step::SendFd { socket, fd, .. } => of(&[socket, fd], &[], &[]),
        Step::WindowSize { fd, .. } | Step::Stdio { fd } | Step::Fchown { fd, .. } => of(&[fd], &[], &[]),
        Step::Hook { state, output, .. } => of(&[state, output], &[], &[]),
        Step::Gate { listener } => of(&[listener], &[], &[]),
        Step::SeccompListener { to, .. } => of(&[], &[to], &[]),
        Step::CloseOthers { gate, input, output, .. } => of(&[gate, input, output], &[], &[]),
        Step::Unshare { .. }
        | Step::Barrier {}
        | Step::Prctl { .. }
        | Step::ResetSignals {}
        | Step::Setsid {}
        | Step::Umask { .. }
        | Step::JoinKeyring { .. }
        | Step::Sethostname { .. }
        | Step::Setdomainname { .. }
        | Step::Setrlimit { .. }
        | Step::ControllingTerminal {}
        | Step::ChownStream { .. }
        | Step::LoopbackUp {}
        | Step::Setgroups { .. }
        | Step::DropGroups {}
        | Step::Setgid { .. }
        | Step::Setuid { .. }
        | Step::DropBounding { .. }
        | Step::Capset { .. }
        | Step::RaiseAmbient { .. }
        | Step::Seccomp { .. }
        | Step::Chdir { .. }
        | Step::TryChdir { .. }
        | Step::ChdirLeft { .. }
        | Step::HearStart { .. }
        | Step::MakeCwd { .. }
        | Step::Lookup { .. }
        | Step::Exec { .. }
        | Step::Scheduler { .. }
        | Step::IoPriority { .. }
        | Step::Personality { .. }
        | Step::MemoryPolicy { .. }
        | Step::Affinity { .. } => Touched::default(),
    }
}
