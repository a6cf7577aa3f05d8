//! A plan, printed: each step with the field of `config.json` it comes from.

use std::fmt;

use orlop_plan::{Bytes, Slot, Step, Steps, Texts};

use crate::cgroup;

use super::plan::{Open, Origin, Plan};
use crate::spec::NamespaceKind;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cgroup) = &self.cgroup {
            explain_cgroup(f, cgroup)?;
        }
        for (slot, (open, origin)) in (0..).zip(&self.opens) {
            line(f, "open", &format!("{} → {}", Given(open), Name(Slot::given(slot + 1))), origin)?;
        }
        line(f, "clone3", &Kinds(self.namespaces).to_string(), &Origin::new(crate::Op::Spawn))?;
        for ((index, step), origin) in self.steps().zip(&self.origins) {
            write!(f, "{index:>4}  ")?;
            line(f, step.name(), &describe(&step), origin)?;
        }
        Ok(())
    }
}

fn explain_cgroup(f: &mut fmt::Formatter<'_>, cgroup: &cgroup::Plan) -> fmt::Result {
    for dir in &cgroup.dirs {
        line(f, "cgroup", &dir.path.display().to_string(), &Origin::new(crate::Op::Cgroup))?;
    }
    for write in &cgroup.writes {
        let dir = cgroup.dirs.get(write.dir).map(|dir| dir.path.join(&*write.file));
        let text = format!("{} {}", dir.unwrap_or_default().display(), write.value);
        line(f, "limit", &text, &Origin::new(crate::Op::Cgroup).field(&write.field))?;
    }
    if let Some(program) = &cgroup.devices {
        let text = format!("{} instructions", program.len());
        line(f, "device-program", &text, &Origin::new(crate::Op::DeviceRules))?;
    }
    if let Some(owner) = cgroup.owner {
        line(f, "cgroup-owner", &owner.to_string(), &Origin::new(crate::Op::Cgroup))?;
    }
    Ok(())
}

impl Plan {
    /// The steps with their numbers.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (usize, Step<'_>)> {
        Steps::new(&self.steps).map_while(Result::ok).enumerate()
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, text: &str, origin: &Origin) -> fmt::Result {
    match &origin.field {
        Some(field) => writeln!(f, "{name:<16} {text:<56} # {field}"),
        None => writeln!(f, "{}", format!("{name:<16} {text}").trim_end()),
    }
}

fn describe(step: &Step<'_>) -> String {
    match *step {
        Step::JoinCgroup { tasks } => Name(tasks).to_string(),
        Step::Setns { ns, flags } => format!("{} {}", Name(ns), Kinds(flags)),
        Step::Unshare { flags } => Kinds(flags).to_string(),
        Step::Barrier {}
        | Step::ResetSignals {}
        | Step::Setsid {}
        | Step::ControllingTerminal {}
        | Step::LoopbackUp {} => String::new(),
        Step::Prctl { option, value } => format!("{option} {value}"),
        Step::Umask { mask } => format!("{mask:04o}"),
        Step::JoinKeyring { name } | Step::Sethostname { name } | Step::Setdomainname { name } => text(name),
        Step::OpenHost { path, to } => format!("{} → {}", text(path), Name(to)),
        Step::Open { root, path, to, .. } => format!("{}:{} → {}", Name(root), text(path), Name(to)),
        Step::Fsopen { fstype, to } => format!("{} → {}", text(fstype), Name(to)),
        Step::FsconfigString { fs, key, value } => format!("{} {}={}", Name(fs), text(key), text(value)),
        Step::FsconfigFlag { fs, key } => format!("{} {}", Name(fs), text(key)),
        Step::Fsmount { fs, attributes, to } => format!("{} {}→ {}", Name(fs), Attributes(attributes.into()), Name(to)),
        Step::CloneTree { of, recursive, to } => format!("{}{} → {}", Name(of), deep(recursive), Name(to)),
        Step::MountSetattr { mount, recursive, set, clear, propagation, .. } => format!(
            "{}{} {}{}{}",
            Name(mount),
            deep(recursive),
            Attributes(set),
            if clear == 0 { String::new() } else { format!("without {}", Attributes(clear)) },
            propagation_name(propagation)
        ),
        Step::Attach { mount, root, path, .. } => format!("{} → {}:{}", Name(mount), Name(root), text(path)),
        Step::AttachOn { mount, on } => format!("{} → {}", Name(mount), Name(on)),
        Step::MakeDir { root, path, mode } => format!("{}:{} {mode:04o}", Name(root), text(path)),
        Step::Mknod { root, path, mode, device, uid, gid } => format!(
            "{}:{} {} {}:{} {:04o} {uid}:{gid}",
            Name(root),
            text(path),
            node_kind(mode),
            libc::major(device),
            libc::minor(device),
            mode & 0o7777
        ),
        Step::Symlink { root, path, target } => format!("{}:{} → {}", Name(root), text(path), text(target)),
        Step::Mask { root, path, .. } | Step::Protect { root, path } => format!("{}:{}", Name(root), text(path)),
        Step::PivotRoot { root } | Step::Chroot { root } => Name(root).to_string(),
        Step::CopyUp { root, path, to } => format!("{}:{} → {}", Name(root), text(path), Name(to)),
        Step::Close { slot } => Name(slot).to_string(),
        Step::WriteFile { dir, path, value } => format!("{}:{} {}", Name(dir), text(path), lossy(value)),
        Step::Setrlimit { resource, soft, hard } => format!("{resource} {soft} {hard}"),
        Step::OpenPty { root, path, terminal, peer } => {
            format!("{}:{} → {} {}", Name(root), text(path), Name(terminal), Name(peer))
        }
        Step::SendFd { socket, fd, .. } => format!("{} over {}", Name(fd), Name(socket)),
        Step::WindowSize { fd, rows, columns } => format!("{} {rows}x{columns}", Name(fd)),
        Step::Stdio { fd } => Name(fd).to_string(),
        Step::Fchown { fd, uid, .. } => format!("{} {uid}", Name(fd)),
        Step::ChownStream { stream, uid } => format!("{stream} {uid}"),
        Step::CloseOthers { first, kept, also_kept } => {
            format!("from {first}, but {} and {}", Name(kept), Name(also_kept))
        }
        Step::Setgroups { gids } => groups(gids),
        Step::Setgid { gid } => gid.to_string(),
        Step::Setuid { uid } => uid.to_string(),
        Step::DropBounding { drop } => format!("{drop:#x}"),
        Step::Capset { effective, permitted, inheritable } => format!("{effective:#x} {permitted:#x} {inheritable:#x}"),
        Step::RaiseAmbient { raise } => format!("{raise:#x}"),
        Step::Seccomp { flags, filter } => format!("{} instructions, flags {flags:#x}", filter.0.len() / 8),
        Step::Chdir { path } | Step::MakeCwd { path } => text(path),
        Step::Lookup { candidates } => words(candidates, ":"),
        Step::Hook { path, timeout, .. } => format!("{} within {timeout} ms", text(path)),
        Step::Gate { listener } => Name(listener).to_string(),
        Step::Exec { args, .. } => words(args, " "),
    }
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
            Open::Tree { path, recursive } => write!(f, "tree {}{}", text(path), deep(*recursive)),
            Open::Directory { path } => write!(f, "directory {}", text(path)),
            Open::Namespace { path, flag } => write!(f, "{} namespace {}", Kinds(*flag), text(path)),
            Open::Target => f.write_str("pidfd of the container"),
            Open::Procfs => f.write_str("procfs"),
            Open::HookState => f.write_str("state for hooks"),
            Open::HookOutput => f.write_str("output of hooks"),
            Open::Gate => f.write_str("start gate"),
            Open::Console => f.write_str("console socket"),
            Open::Terminal => f.write_str("terminal of the caller"),
            Open::Trace => f.write_str("trace"),
        }
    }
}

struct Kinds(u32);

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = NamespaceKind::ALL.iter().filter(|kind| self.0 & kind.flag() != 0).map(|kind| kind.name());
        f.write_str(&names.collect::<Vec<_>>().join(","))
    }
}

struct Attributes(u64);

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(u64, &str); 8] = [
            (0x1, "ro"),
            (0x2, "nosuid"),
            (0x4, "nodev"),
            (0x8, "noexec"),
            (0x10, "noatime"),
            (0x20, "strictatime"),
            (0x80, "nodiratime"),
            (0x20_0000, "nosymfollow"),
        ];
        let names: Vec<_> = match self.0 & 0x70 {
            // All three bits together stand for the whole field of access-time modes.
            0x70 => vec!["atime-mode"],
            _ => NAMES.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, name)| *name).collect(),
        };
        match names.is_empty() {
            true => Ok(()),
            false => write!(f, "{} ", names.join(",")),
        }
    }
}

fn propagation_name(flags: u64) -> &'static str {
    match flags {
        super::mounts::MS_SHARED => "shared",
        super::mounts::MS_SLAVE => "slave",
        super::mounts::MS_PRIVATE => "private",
        super::mounts::MS_UNBINDABLE => "unbindable",
        _ => "",
    }
}

fn deep(recursive: bool) -> &'static str {
    if recursive { " and below" } else { "" }
}

fn node_kind(mode: u32) -> &'static str {
    match mode & libc::S_IFMT {
        libc::S_IFBLK => "b",
        libc::S_IFIFO => "p",
        _ => "c",
    }
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
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(" ")
}
