//! A plan, printed: what the parent does first, then each step of init, with the field of `config.json` it comes from.
//!
//! `h3` is what the parent opened third, `fd5` what init opened itself.

use std::fmt;

use orlop_plan::{Bytes, Slot, Step, Steps, Texts};

use super::names::{Attributes, FilterFlags, Kinds, Limit, Node, Prctl, Set, memory_mode, propagation, scheduling};
use super::plan::{Barrier, IdMapped, IdMaps, Mapper, Open, Origin, Plan};
use crate::cgroup::{self, Missing};
use crate::error::{Op, Pointer};
use crate::resctrl;
use crate::spec::{IoPriority, NetDevice, Rlimit, Scheduler};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cgroup) = &self.cgroup {
            explain_cgroup(f, cgroup)?;
        }
        if let Some(group) = &self.resctrl {
            explain_resctrl(f, group)?;
        }
        if let Some(path) = &self.root_mount {
            let origin = Origin::new(Op::Root).field(&Pointer::new("/root/path"));
            line(f, "mount", &format!("{} on itself", path.to_string_lossy()), &origin)?;
        }
        for (slot, (open, origin)) in (1..).zip(&self.opens) {
            line(f, "open", &format!("{} → {}", Given(open), Name(Slot::given(slot))), origin)?;
        }
        for IdMapped { mount, recursive, namespace, origin } in &self.id_mapped {
            let text = format!("{}{}, ids of {}", Name(*mount), deep(*recursive), Name(*namespace));
            line(f, "id-map", &text, origin)?;
        }
        if let Some((processors, origin)) = &self.initial_affinity {
            line(f, "affinity", &format!("{}, for the parent as well", numbers(Bytes(processors))), origin)?;
        }
        if let Some((score, origin)) = self.score_at_birth() {
            line(f, "oom-score-adj", &format!("{score}, for the parent as well"), origin)?;
        }
        line(f, "clone3", &birth(self), &Origin::new(Op::Spawn))?;
        for ((index, step), origin) in self.steps().zip(&self.origins) {
            write!(f, "{index:>4}  ")?;
            line(f, step.name(), &self.describe(index, &step), origin)?;
            if let Step::Exec { env, .. } = step {
                environment(f, env, origin)?;
            }
        }
        Ok(())
    }
}

fn explain_cgroup(f: &mut fmt::Formatter<'_>, cgroup: &cgroup::Plan) -> fmt::Result {
    let path = |dir: usize, file: &str| {
        cgroup.dirs.get(dir).map(|dir| dir.path.join(file)).unwrap_or_default().display().to_string()
    };
    let origin = Origin::new(Op::Cgroup);
    for dir in &cgroup.dirs {
        line(f, "cgroup", &dir.path.display().to_string(), &origin)?;
    }
    if let Some(unit) = &cgroup.unit {
        line(f, "unit", &unit.name, &origin.clone().field(&Pointer::new("/linux/cgroupsPath")))?;
        for property in &unit.properties {
            let origin = property.field.iter().fold(origin.clone(), |origin, field| origin.field(field));
            line(f, "property", &format!("{}={}", property.name, property.value), &origin)?;
        }
    }
    for enable in &cgroup.enable {
        match &enable.field {
            Some(field) => line(f, "controller", &enable.controller, &origin.clone().field(field))?,
            None => line(f, "controller", &format!("{}, if it can be", enable.controller), &origin)?,
        }
    }
    if let Some(fits) = &cgroup.fits {
        let text = format!("{} is at most {}", path(fits.dir, fits.file), fits.limit);
        line(f, "check", &text, &origin.clone().field(&fits.field))?;
    }
    for write in &cgroup.writes {
        let otherwise = match &write.missing {
            Missing::Refuse => String::new(),
            Missing::Skip => ", if it can be".to_owned(),
            Missing::Use(file, value) => format!(", or {file} {value}"),
        };
        let text = format!("{} {}{otherwise}", path(write.dir, &write.file), write.value);
        line(f, "limit", &text, &origin.clone().field(&write.field))?;
    }
    if let Some(program) = &cgroup.devices {
        line(f, "device-program", &format!("{} instructions", program.len()), &origin)?;
    }
    match cgroup.owner {
        Some(owner) => line(f, "cgroup-owner", &owner.to_string(), &origin),
        None => Ok(()),
    }
}

fn explain_resctrl(f: &mut fmt::Formatter<'_>, plan: &resctrl::Plan) -> fmt::Result {
    let origin = |field: &Pointer| Origin::new(Op::Resctrl).field(field);
    let fate = match (plan.make, plan.own) {
        (true, true) => ", made if it is missing, removed with the container",
        (true, false) => ", made if it is missing",
        (false, _) => ", which is there",
    };
    line(f, "resctrl", &format!("{}{fate}", plan.group.display()), &origin(&plan.field))?;
    for (schema, field) in &plan.lines {
        line(f, "schemata", schema, &origin(field))?;
    }
    match &plan.monitor {
        Some(monitor) => line(
            f,
            "monitor",
            &monitor.display().to_string(),
            &origin(&Pointer::new("/linux/intelRdt/enableMonitoring")),
        ),
        None => Ok(()),
    }
}

/// What the process is born into.
fn birth(plan: &Plan) -> String {
    let mut words = Vec::new();
    if plan.namespaces != 0 {
        words.push(format!("new {}", Kinds(plan.namespaces)));
    }
    if let Some(slot) = plan.user_namespace {
        words.push(format!("in the user namespace of {}", Name(slot)));
    }
    if let Some(slot) = plan.pid_namespace {
        words.push(format!("in the pid namespace of {}", Name(slot)));
    }
    let made_before = plan.cgroup.iter().filter(|cgroup| cgroup.unit.is_none());
    if let Some(dir) = made_before.flat_map(|cgroup| &cgroup.dirs).find(|dir| dir.unified) {
        words.push(format!("in {}", dir.path.display()));
    }
    words.join(", ")
}

impl Plan {
    /// The steps with their numbers.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (usize, Step<'_>)> {
        Steps::new(&self.steps).map_while(Result::ok).enumerate()
    }

    fn describe(&self, index: usize, step: &Step<'_>) -> String {
        let barrier =
            self.barriers.iter().find(|(at, _)| usize::try_from(*at) == Ok(index)).map(|(_, barrier)| barrier);
        match (step, barrier) {
            (Step::Barrier {}, Some(Barrier::IdMaps)) => {
                format!("the parent writes {}", self.id_maps.as_ref().map(|(ids, _)| maps(ids)).unwrap_or_default())
            }
            (Step::Barrier {}, Some(Barrier::Unit)) => {
                let unit = self.cgroup.as_ref().and_then(|cgroup| cgroup.unit.as_ref());
                format!("the parent has systemd start {}", unit.map_or("", |unit| &unit.name))
            }
            (Step::Barrier {}, Some(Barrier::OomScore)) => {
                let score = self.oom_score_adj.as_ref().map(|(score, _)| *score);
                format!("the parent writes oom_score_adj {}", score.unwrap_or_default())
            }
            (Step::Barrier {}, Some(Barrier::IdMapped(number))) => {
                let namespace = self.handed.get(*number).map_or(Slot::NONE, |mapped| mapped.namespace);
                format!("the parent gives it the ids of {}", Name(namespace))
            }
            (Step::Barrier {}, Some(Barrier::Scheduling)) => {
                let limit = |limit: &Rlimit| Limit(limit.resource, limit.soft, limit.hard).to_string();
                let limits: Vec<_> = self.rlimits.iter().map(|(_, rlimit)| limit(rlimit)).collect();
                let policy = self.scheduler.as_ref().map(|(_, how)| scheduler(how)).unwrap_or_default();
                let io = self.io_priority.as_ref().map(|(_, how)| io_priority(how.class, how.priority));
                phrase(["the parent sets".to_owned(), limits.join(" "), policy, io.unwrap_or_default()])
            }
            (Step::Barrier {}, Some(Barrier::Resctrl)) => {
                "the parent writes its pid to the group of resctrl".to_owned()
            }
            (Step::Barrier {}, Some(Barrier::NetDevices)) => {
                format!("the parent moves {}", interfaces(&self.net_devices))
            }
            (Step::Barrier {}, Some(Barrier::RuntimeHooks)) => "the parent runs its hooks".to_owned(),
            (Step::Barrier {}, Some(Barrier::HookState)) => "the parent writes the state for hooks".to_owned(),
            (Step::Barrier {}, Some(Barrier::Created)) => "the parent writes that the container is created".to_owned(),
            _ => describe(step),
        }
    }
}

fn interfaces(devices: &[NetDevice]) -> String {
    let one = |device: &NetDevice| match device.name == device.host {
        true => device.host.clone(),
        false => format!("{} as {}", device.host, device.name),
    };
    devices.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn maps(maps: &IdMaps) -> String {
    let one = |name: &str, mappings: &[crate::spec::IdMapping]| {
        let lines = mappings.iter().map(|map| format!("{} {} {}", map.container_id, map.host_id, map.size));
        format!("{name} {}", lines.collect::<Vec<_>>().join("; "))
    };
    format!("{}{}, {}{}", one("uid_map", &maps.uids), by(maps.uids_by), one("gid_map", &maps.gids), by(maps.gids_by))
}

fn by(mapper: Mapper) -> &'static str {
    match mapper {
        Mapper::Parent | Mapper::Owner => "",
        Mapper::NewUidMap => " by newuidmap",
        Mapper::NewGidMap => " by newgidmap",
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, text: &str, origin: &Origin) -> fmt::Result {
    match &origin.field {
        Some(field) => writeln!(f, "{name:<16} {text:<56} # {field}"),
        None => writeln!(f, "{}", format!("{name:<16} {text}").trim_end()),
    }
}

fn environment(f: &mut fmt::Formatter<'_>, env: Texts<'_>, exec: &Origin) -> fmt::Result {
    let process = exec.field.as_ref().map(|field| field.as_str().trim_end_matches("/args").to_owned());
    let field = Pointer::from_text(process.unwrap_or_default()).key("env");
    env.iter().try_for_each(|variable| {
        f.write_str("      ")?;
        line(f, "env", &text(variable), &Origin::new(Op::Exec).field(&field))
    })
}

fn describe(step: &Step<'_>) -> String {
    match *step {
        Step::Barrier {}
        | Step::ResetSignals {}
        | Step::Setsid {}
        | Step::ControllingTerminal {}
        | Step::ChdirLeft {}
        | Step::LoopbackUp {}
        | Step::HearStart {} => String::new(),
        Step::DropGroups {} => "none, if that is allowed".to_owned(),
        Step::JoinCgroup { tasks } => Name(tasks).to_string(),
        Step::Setns { ns, flags } => format!("{} {}", Name(ns), Kinds(flags)),
        Step::EnterNamespace { procfs, path, flags } => format!("{}:{} {}", Name(procfs), text(path), Kinds(flags)),
        Step::Unshare { flags } => Kinds(flags).to_string(),
        Step::Prctl { option, value } => Prctl(option, value).to_string(),
        Step::Umask { mask } => format!("{mask:04o}"),
        Step::JoinKeyring { name } | Step::Sethostname { name } | Step::Setdomainname { name } => text(name),
        Step::OpenHost { path, to } => format!("{} → {}", text(path), Name(to)),
        Step::Open { root, path, to, .. } => format!("{}:{} → {}", Name(root), text(path), Name(to)),
        Step::Fsopen { fstype, to } => format!("{} → {}", text(fstype), Name(to)),
        Step::Fspick { of, to } => format!("{} → {}", Name(of), Name(to)),
        Step::Reconfigure { fs } => Name(fs).to_string(),
        Step::FsconfigString { fs, key, value } => format!("{} {}={}", Name(fs), text(key), text(value)),
        Step::FsconfigFlag { fs, key } => format!("{} {}", Name(fs), text(key)),
        Step::Fsmount { fs, attributes, to } => {
            let attributes = Attributes { set: attributes.into(), clear: 0 }.to_string();
            phrase([Name(fs).to_string(), attributes, format!("→ {}", Name(to))])
        }
        Step::CloneTree { of, recursive, to } => format!("{}{} → {}", Name(of), deep(recursive), Name(to)),
        Step::MountSetattr { mount, recursive, set, clear, propagation: flags, userns } => {
            let attributes = Attributes { set, clear }.to_string();
            let ids = if userns == Slot::NONE { String::new() } else { format!("ids of {}", Name(userns)) };
            phrase([format!("{}{}", Name(mount), deep(recursive)), attributes, propagation(flags).to_owned(), ids])
        }
        Step::Attach { mount, root, path, create } => {
            let how = match create {
                0 => ", which is there",
                2 => ", a file",
                3 => ", through no link",
                _ => "",
            };
            format!("{} → {}:{}{how}", Name(mount), Name(root), text(path))
        }
        Step::SameDirectory { one, other } => format!("{} and {}", Name(one), Name(other)),
        Step::AttachOn { mount, on } => format!("{} → {}", Name(mount), Name(on)),
        Step::MakeDir { root, path, mode } => format!("{}:{} {mode:04o}", Name(root), text(path)),
        Step::Mknod { root, path, mode, device, uid, gid } => {
            let node = Node { mode, device };
            format!("{}:{} {node} {:04o} {uid}:{gid}", Name(root), text(path), mode & 0o7777)
        }
        Step::Symlink { root, path, target } => format!("{}:{} → {}", Name(root), text(path), text(target)),
        Step::Mask { root, path, .. } | Step::Protect { root, path } => format!("{}:{}", Name(root), text(path)),
        Step::PivotRoot { root } | Step::Chroot { root } => Name(root).to_string(),
        Step::CopyUp { root, path, to } | Step::TakeMode { root, path, to } => {
            format!("{}:{} → {}", Name(root), text(path), Name(to))
        }
        Step::OpenMount { root, path, to } => format!("{}:{} → {}", Name(root), text(path), Name(to)),
        Step::Unmount { mount, .. } => Name(mount).to_string(),
        Step::Close { slot } => Name(slot).to_string(),
        Step::WriteFile { dir, path, value } => format!("{}:{} {}", Name(dir), text(path), lossy(value)),
        Step::Setxattr { mount, name, value } => format!("{} {}={}", Name(mount), text(name), text(value)),
        Step::Setrlimit { resource, soft, hard } => Limit(resource, soft, hard).to_string(),
        Step::OpenPty { root, path, terminal, peer } => {
            format!("{}:{} → {} {}", Name(root), text(path), Name(terminal), Name(peer))
        }
        Step::SendFd { socket, fd, .. } => format!("{} over {}", Name(fd), Name(socket)),
        Step::WindowSize { fd, rows, columns } => format!("{} {rows} rows {columns} columns", Name(fd)),
        Step::Stdio { fd } => Name(fd).to_string(),
        Step::Fchown { fd, uid, .. } => format!("{} to {uid}", Name(fd)),
        Step::ChownStream { stream, uid } => format!("{stream} to {uid}"),
        Step::NullStream { root, path, stream } => format!("{}:{} → {stream}", Name(root), text(path)),
        Step::CloseOthers { first, gate, input, output } => {
            let kept: String = [gate, input, output]
                .iter()
                .filter(|slot| **slot != Slot::NONE)
                .map(|slot| format!(" {}", Name(*slot)))
                .collect();
            let but = if kept.is_empty() { "" } else { ", but" };
            format!("from {first}{but}{kept}")
        }
        Step::Setgroups { gids } => groups(gids),
        Step::Setgid { gid } => gid.to_string(),
        Step::Setuid { uid } => uid.to_string(),
        Step::DropBounding { drop } => Set(drop).to_string(),
        Step::Capset { effective, permitted, inheritable } => {
            format!("effective {} permitted {} inheritable {}", Set(effective), Set(permitted), Set(inheritable))
        }
        Step::RaiseAmbient { raise } => Set(raise).to_string(),
        Step::Seccomp { flags, filter } => format!("{} instructions{}", filter.0.len() / 8, FilterFlags(flags)),
        Step::SeccompListener { flags, filter, to } => {
            format!("{} instructions{} → {}", filter.0.len() / 8, FilterFlags(flags), Name(to))
        }
        Step::Chdir { path } | Step::TryChdir { path } | Step::MakeCwd { path } => text(path),
        Step::Lookup { candidates } => words(candidates, ":"),
        Step::Hook { path, args, timeout, .. } => {
            let limit = if timeout == 0 { "for any time".to_owned() } else { format!("for at most {timeout} ms") };
            phrase([text(path), words(args, " "), limit])
        }
        Step::Gate { listener } => format!("{}: created, until start", Name(listener)),
        Step::Exec { args, .. } => words(args, " "),
        Step::Scheduler { policy, nice, priority, flags, runtime, deadline, period } => {
            scheduling(policy, nice.cast_signed(), priority, flags, [runtime, deadline, period])
        }
        Step::IoPriority { class, priority } => io_priority(class, priority),
        Step::Personality { domain: 0 } => "LINUX".to_owned(),
        Step::Personality { domain: 8 } => "LINUX32".to_owned(),
        Step::Personality { domain } => domain.to_string(),
        Step::MemoryPolicy { mode, nodes } => phrase([memory_mode(mode), numbers(nodes)]),
        Step::Affinity { processors } => numbers(processors),
    }
}

fn scheduler(how: &Scheduler) -> String {
    scheduling(how.policy, how.nice, how.priority, how.flags, [how.runtime, how.deadline, how.period])
}

fn io_priority(class: u32, priority: u32) -> String {
    let name = IoPriority::class_name(class).map_or_else(|| class.to_string(), str::to_owned);
    format!("{name} {priority}")
}

struct Name(Slot);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.index(), self.0.local_index()) {
            (Some(index), _) => write!(f, "h{index}"),
            (_, Some(index)) => write!(f, "fd{index}"),
            _ => f.write_str("none"),
        }
    }
}

struct Given<'o>(&'o Open);

impl fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Open::CgroupTasks(index) => write!(f, "tasks of cgroup {index}"),
            Open::CgroupTree(index) => write!(f, "tree of cgroup {index}"),
            Open::Tree { path, recursive, locked } => {
                write!(f, "tree {}{}{}", text(path), deep(*recursive), if *locked { ", locked" } else { "" })
            }
            Open::Directory { path } => write!(f, "directory {}", text(path)),
            Open::Namespace { path, flag } => write!(f, "{} namespace {}", Kinds(*flag), text(path)),
            Open::Target => f.write_str("pidfd of the container"),
            Open::Procfs => f.write_str("procfs"),
            Open::HookState => f.write_str("state for hooks"),
            Open::HookOutput => f.write_str("output of hooks"),
            Open::Gate => f.write_str("start gate"),
            Open::Console => f.write_str("console socket"),
            Open::Terminal => f.write_str("terminal of the caller"),
            Open::Notify => f.write_str("directory of the container's notification socket"),
            Open::Trace => f.write_str("trace"),
            Open::IdMapNamespace(ids) => write!(f, "user namespace for {}", maps(ids)),
            Open::Mounts => f.write_str("mounts to be mapped, to the parent"),
            Open::Added => f.write_str("mounts that were added, to the parent"),
            Open::TakenBack(number) => write!(f, "added mount {number}"),
            Open::Listener => f.write_str("listener of the seccomp filter, to the parent"),
        }
    }
}

fn deep(recursive: bool) -> &'static str {
    if recursive { " and below" } else { "" }
}

/// What there is of these, as words.
fn phrase<const N: usize>(parts: [String; N]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn text(text: &std::ffi::CStr) -> String {
    text.to_string_lossy().into_owned()
}

fn lossy(bytes: Bytes<'_>) -> String {
    String::from_utf8_lossy(bytes.0).trim_end().replace('\n', "; ")
}

fn words(texts: Texts<'_>, between: &str) -> String {
    texts.iter().map(text).collect::<Vec<_>>().join(between)
}

fn groups(gids: Bytes<'_>) -> String {
    let ids = gids.0.chunks_exact(4).filter_map(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
    match gids.0.is_empty() {
        true => "none".to_owned(),
        false => ids.map(|id| id.to_string()).collect::<Vec<_>>().join(" "),
    }
}

/// The numbers in a mask, as a list of ranges.
fn numbers(mask: Bytes<'_>) -> String {
    let bits = mask
        .0
        .iter()
        .enumerate()
        .flat_map(|(place, byte)| (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| place * 8 + bit));
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for number in bits {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let shown = ranges.into_iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    shown.collect::<Vec<_>>().join(",")
}
