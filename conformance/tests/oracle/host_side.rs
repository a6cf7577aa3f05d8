//! A container's process as the kernel shows it to the host: `/proc/PID`, its root, its cgroups.
//!
//! In: a process. Out: lines by key. Nothing of it is asked of the container.

use std::fs;
use std::path::Path;
use std::process::Command;

use conformance::Value;
use conformance::observe::{Mount, Process};

use super::differences::Seen;
use super::probe::shape_of;

const STATUS: [&str; 21] = [
    "Umask",
    "Uid",
    "Gid",
    "Groups",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",
    "Speculation_Store_Bypass",
    "SpeculationIndirectBranch",
    "SigBlk",
    "SigIgn",
    "SigCgt",
    "THP_enabled",
    "Cpus_allowed_list",
    "Mems_allowed_list",
    "Threads",
];

const FILES: [&str; 9] = [
    "oom_score_adj",
    "personality",
    "uid_map",
    "gid_map",
    "setgroups",
    "timens_offsets",
    "coredump_filter",
    "comm",
    "attr/current",
];

const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// Cgroup files that tell what happened, not what was set.
const HAPPENED: [&str; 30] = [
    "stat",
    "usage_in_bytes",
    "usage",
    "current",
    "events",
    "events.local",
    "peak",
    "pressure",
    "procs",
    "tasks",
    "threads",
    "failcnt",
    "slabinfo",
    "usage_all",
    "usage_percpu",
    "usage_percpu_sys",
    "usage_percpu_user",
    "usage_sys",
    "usage_user",
    "_recursive",
    "io_serviced",
    "io_service_bytes",
    "event_control",
    "force_empty",
    "pressure_level",
    "reclaim",
    "kill",
    "io_merged",
    "io_queued",
    "stat.local",
];

/// Properties of a scope (systemd.resource-control(5), systemd.scope(5)).
const PROPERTIES: &str = "AllowedCPUs,AllowedMemoryNodes,CPUQuotaPerSecUSec,CPUQuotaPeriodUSec,CPUWeight,CollectMode,\
    DefaultDependencies,Delegate,Description,DeviceAllow,DevicePolicy,IOWeight,MemoryLow,MemoryMax,MemorySwapMax,OOMPolicy,\
    Slice,TasksMax";

/// Everything.
pub(crate) fn all(process: Process, config: &Value, seen: &mut Seen) {
    let mut say = |key: String, value: String| drop(seen.insert(key, value));
    for field in STATUS {
        say(format!("status.{field}"), words(&process.status(field).unwrap_or_default()));
    }
    for file in FILES {
        say(file.to_owned(), words(&process.read(file)));
    }
    for line in process.read("limits").lines().skip(1) {
        let (name, values) = line.split_at(26.min(line.len()));
        say(format!("limit.{}", name.trim()), words(values));
    }
    for (number, variable) in process.environment().iter().enumerate() {
        say(format!("environment.{number}"), variable.clone());
    }
    for (number, file) in process.fds() {
        say(format!("descriptor.{number}"), kind_of_file(&file.to_string_lossy()));
    }
    for link in ["cwd", "root", "exe"] {
        say(link.to_owned(), process.link(link).to_string_lossy().into_owned());
    }
    for kind in NAMESPACES {
        let own = process.namespace(kind) != Process::myself().namespace(kind);
        say(format!("namespace.{kind}"), if own { "its own" } else { "the host's" }.to_owned());
    }
    scheduling(process, seen);
    mounts(process, seen);
    let root = process.link_path("root");
    tree(&root, &root.join("dev"), 3, "dev", seen);
    let places = config["mounts"].as_array().into_iter().flatten().filter_map(|mount| mount["destination"].as_str());
    for place in places.chain(config["process"]["cwd"].as_str()) {
        let shape = shape_of(&root.join(place.trim_start_matches('/')));
        seen.insert(format!("place.{place}"), shape.unwrap_or_default());
    }
    cgroups(process, seen);
}

/// What the runtime made in the root filesystem and left there.
pub(crate) fn left(rootfs: &Path, seen: &mut Seen) {
    tree(rootfs, rootfs, 6, "left", seen);
}

/// proc_pid_stat(5): the numbers that are set by a runtime.
fn scheduling(process: Process, seen: &mut Seen) {
    let stat = process.read("stat");
    let numbers: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let pid = process.pid.to_string();
    let leads = |index: usize| if numbers[index] == pid { "its own" } else { "another's" }.to_owned();
    seen.insert("process.group".to_owned(), leads(2));
    seen.insert("process.session".to_owned(), leads(3));
    seen.insert("process.terminal".to_owned(), if numbers[4] == "0" { "none" } else { "one" }.to_owned());
    for (name, index) in [("priority", 15), ("nice", 16), ("exit_signal", 35), ("rt_priority", 37), ("policy", 38)] {
        seen.insert(format!("scheduling.{name}"), numbers[index].to_owned());
    }
    let io = Command::new("/bin/busybox").args(["ionice", "-p", &pid]).output().expect("ionice");
    seen.insert("scheduling.io".to_owned(), words(&String::from_utf8_lossy(&io.stdout)));
}

/// By destination: their order in the file is that of their numbers, and says nothing.
fn mounts(process: Process, seen: &mut Seen) {
    for Mount { root, destination, options, propagation, kind, source, superblock } in process.mounts() {
        let propagation: Vec<&str> = propagation.iter().map(|one| one.split(':').next().unwrap_or_default()).collect();
        let line = format!(
            "{root} {} [{}] {kind} {source} {}",
            options.join(","),
            propagation.join(","),
            superblock.join(",")
        );
        let mut key = format!("mount.{destination}");
        while seen.contains_key(&key) {
            key.push_str(" again");
        }
        seen.insert(key, line);
    }
}

fn tree(root: &Path, dir: &Path, depth: u32, key: &str, seen: &mut Seen) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        // The applets are the same; the number of a terminal is not.
        if name.starts_with("bin/") || name.starts_with("dev/pts/") && key == "dev" && name != "dev/pts/ptmx" {
            continue;
        }
        let shape = shape_of(&path).unwrap_or_default();
        let deeper = shape.starts_with('d') && depth > 1;
        seen.insert(format!("{key}./{name}"), shape);
        if deeper {
            tree(root, &path, depth - 1, key, seen);
        }
    }
}

fn cgroups(process: Process, seen: &mut Seen) {
    for line in process.read("cgroup").lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        seen.insert(format!("cgroup.[{controllers}]"), path.to_owned());
        let hierarchy = match controllers {
            "" if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() => String::new(),
            "" => "unified".to_owned(),
            _ => controllers.trim_start_matches("name=").to_owned(),
        };
        let dir = Path::new("/sys/fs/cgroup").join(hierarchy).join(path.trim_start_matches('/'));
        if path != "/" {
            files(&dir, controllers, seen);
        }
        if let Some((_, unit)) = path.rsplit_once('/').filter(|(_, unit)| unit.ends_with(".scope")) {
            properties(unit, seen);
        }
    }
}

fn properties(unit: &str, seen: &mut Seen) {
    let shown = Command::new("systemctl").args(["show", "--property", PROPERTIES, unit]).output().expect("systemctl");
    let lines = String::from_utf8_lossy(&shown.stdout).into_owned();
    for (name, value) in lines.lines().filter_map(|line| line.split_once('=')) {
        seen.insert(format!("unit.{name}"), value.to_owned());
    }
}

fn files(dir: &Path, controllers: &str, seen: &mut Seen) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten().filter(|entry| entry.path().is_file()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let last = name.rsplit_once('.').map_or(name.as_str(), |(_, last)| last);
        let happened =
            HAPPENED.iter().any(|one| last == *one || name.ends_with(&format!("_{one}")) || name.ends_with(one));
        if happened {
            continue;
        }
        if let Ok(value) = fs::read_to_string(entry.path()) {
            let mut value: Vec<&str> = value.trim().lines().collect();
            // Exceptions to one default: their order means nothing.
            if name == "devices.list" {
                value.sort_unstable();
            }
            seen.insert(format!("cgroup.[{controllers}].{name}"), value.join("; "));
        }
    }
}

/// `pipe:[4711]` → `pipe`; a file of a call without its number.
fn kind_of_file(name: &str) -> String {
    let name = name.split(":[").next().unwrap_or_default();
    let (head, tail) = name.split_once("/call-").unwrap_or((name, ""));
    format!("{head}{}", tail.trim_start_matches(|letter: char| letter.is_ascii_digit()))
}

/// With single blanks between.
fn words(text: &str) -> String {
    text.trim_matches(['\0', '\n']).split_whitespace().collect::<Vec<_>>().join(" ")
}
