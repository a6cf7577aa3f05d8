//! A group of resctrl, made and filled for a container, entered by its processes, removed with it.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::{Plan, schemata};
use crate::error::{Error, Kind, Op, Pointer, Result};

/// The group of a container, for its record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// The `tasks` files that each process is written to, in this order: a group's counters take only who is in the group.
    tasks: Vec<PathBuf>,
    /// The directories that go with the container.
    made: Vec<PathBuf>,
    /// The fields that asked for it.
    field: Pointer,
}

impl Group {
    /// Makes the group, or takes the one that is there, and sees to its schemata.
    pub(crate) fn make(plan: &Plan) -> Result<Self> {
        let mut fresh = Made::default();
        let field = plan.field.clone();
        let mut group = Self { tasks: vec![plan.group.join("tasks")], made: Vec::new(), field };
        match plan.make && make(&plan.group, plan, &mut fresh)? {
            true => write(plan)?,
            false => compare(plan)?,
        }
        // "If closID is set … the runtime MUST NOT remove the sub-directory."
        group.made.extend(fresh.0.first().filter(|_| plan.own).cloned());
        if let Some(monitor) = &plan.monitor {
            make(monitor, plan, &mut fresh)?;
            group.tasks.push(monitor.join("tasks"));
            group.made.push(monitor.clone());
        }
        fresh.0.clear();
        Ok(group)
    }

    /// Writes other lines into the schemata of the group, which a later container of the same group shares. What stood there comes
    /// back, unless the answer is kept.
    pub(crate) fn rewrite(&self, lines: &[(crate::spec::Str<'_>, Pointer)]) -> Result<Rewritten> {
        let Some(directory) = self.tasks.first().and_then(|tasks| tasks.parent()) else {
            return Ok(Rewritten::default());
        };
        let file = directory.join("schemata");
        let at = |errno| Error::system(Op::Resctrl, errno).on(&file);
        let before = fs::read_to_string(&file).map_err(|error| at(errno(&error)).message("read"))?;
        let rewritten = Rewritten { file: Some(file.clone()), before };
        lines.iter().try_for_each(|(line, field)| {
            put(&file, &format!("{line}\n"))
                .map_err(|errno| at(errno).message(format!("write {line:?}")).field(field.clone()))
        })?;
        Ok(rewritten)
    }

    /// Moves a process, and whatever it starts from now on.
    pub(crate) fn enter(&self, pid: i32) -> Result<()> {
        self.tasks.iter().try_for_each(|tasks| {
            put(tasks, &pid.to_string())
                .map_err(|errno| Error::system(Op::Resctrl, errno).on(tasks).field(self.field.clone()))
        })
    }

    /// Removes what was made; who is still in it is in the default group then. What is gone already is fine.
    pub(crate) fn remove(&self) -> Result<()> {
        self.made.iter().rev().try_for_each(|directory| match fs::remove_dir(directory) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::system(Op::Resctrl, errno(&error)).on(directory).message("remove"))
            }
            _ => Ok(()),
        })
    }

    /// Removes what a `create` left that was killed before it could write down its group: nothing that has a task.
    pub(crate) fn remove_unused(plan: &Plan) {
        let own = plan.own.then_some(&plan.group);
        for directory in plan.monitor.iter().chain(own) {
            if fs::read(directory.join("tasks")).is_ok_and(|tasks| tasks.is_empty()) {
                // Whatever the answer: nobody asked for this.
                fs::remove_dir(directory).ok();
            }
        }
    }
}

/// Directories made so far; removed on drop, the last first.
#[derive(Default)]
struct Made(Vec<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        for directory in self.0.iter().rev() {
            // An error is under way already, and says more than this one could.
            fs::remove_dir(directory).ok();
        }
    }
}

/// Whether it was not there before.
fn make(directory: &Path, plan: &Plan, made: &mut Made) -> Result<bool> {
    match fs::create_dir(directory) {
        Ok(()) => {
            made.0.push(directory.to_owned());
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => {
            let refused = refused(errno(&error), directory, "create".to_owned(), plan).field(plan.field.clone());
            Err(match errno(&error) {
                Errno::ENOSPC => refused.hint("the processor has no more classes of service, or no more counters"),
                _ => refused,
            })
        }
    }
}

fn write(plan: &Plan) -> Result<()> {
    let file = plan.group.join("schemata");
    plan.lines.iter().try_for_each(|(line, field)| {
        put(&file, &format!("{line}\n"))
            .map_err(|errno| refused(errno, &file, format!("write {line:?}"), plan).field(field.clone()))
    })
}

/// "If closID directory … exists, runtimes MUST compare … value with schemata file, and generate an error if doesn't match."
fn compare(plan: &Plan) -> Result<()> {
    let missing = |error: std::io::Error| {
        let refused = Error::system(Op::Resctrl, errno(&error)).on(&plan.group).field(plan.field.clone());
        match error.kind() {
            ErrorKind::NotFound => refused
                .kind_is(Kind::NotFound)
                .message("there is no such group")
                .hint("make it first, or say in schemata what it is to have"),
            _ => refused,
        }
    };
    let there = fs::read_to_string(plan.group.join("schemata")).map_err(missing)?;
    match plan.lines.iter().find(|(line, _)| !schemata::has(&there, line)) {
        None => Ok(()),
        Some((line, field)) => {
            let message = format!("the group is there already, and {line:?} is not what its schemata say");
            Err(Error::new(Kind::Exists, Op::Resctrl).on(&plan.group).message(message).field(field.clone()))
        }
    }
}

/// Schemata with other lines: those that stood there are written back when this is dropped, until it is kept.
#[derive(Debug, Default)]
pub(crate) struct Rewritten {
    file: Option<PathBuf>,
    before: String,
}

impl Rewritten {
    pub(crate) fn keep(mut self) {
        self.file = None;
    }
}

impl Drop for Rewritten {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        if let Err(errno) = put(file, &self.before) {
            log::warn!("{} could not be given back what it had: {errno}", file.display());
        }
    }
}

/// One value, in one call, into a file that the kernel has made.
fn put(file: &Path, value: &str) -> Result<(), Errno> {
    let mut opened = fs::OpenOptions::new().write(true).open(file).map_err(|error| errno(&error))?;
    opened.write_all(value.as_bytes()).map_err(|error| errno(&error))
}

/// With the kernel's own words about it, where it has any.
fn refused(errno: Errno, path: &Path, what: String, plan: &Plan) -> Error {
    let status = fs::read_to_string(plan.root.join("info/last_cmd_status")).unwrap_or_default();
    let message = match status.trim() {
        "" | "ok" => what,
        status => format!("{what}: {status}"),
    };
    Error::system(Op::Resctrl, errno).on(path).message(message)
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

/// No machine at hand has the hardware: a directory stands in for resctrl, and the test for the kernel, which fills new groups.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_given_other_schemata() {
        let stand = Stand::new("rewrite");
        stand.group("one");
        let group = Group { tasks: vec![stand.0.join("one/tasks")], ..Group::default() };
        let rdt = crate::spec::IntelRdt::of_schemas(Some("L3:0=f"), None).unwrap();
        let schemata = || fs::read_to_string(stand.0.join("one/schemata")).unwrap();
        let before = schemata();
        drop(group.rewrite(&rdt.lines).unwrap());
        assert_eq!(schemata(), before, "what is not kept goes back");
        group.rewrite(&rdt.lines).unwrap().keep();
        assert!(schemata().starts_with("L3:0=f\n"), "{}", schemata());
    }

    struct Stand(PathBuf);

    impl Stand {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("resctrl-{name}-{}", std::process::id()));
            fs::create_dir_all(root.join("info")).unwrap();
            let stand = Self(root);
            stand.fill("");
            stand
        }

        /// What the kernel puts into a new group.
        fn fill(&self, group: &str) {
            for (file, text) in [("schemata", "    L3:0=7ff;1=7ff\n    MB:0=100;1=100\n"), ("tasks", "")] {
                fs::write(self.0.join(group).join(file), text).unwrap();
            }
            fs::create_dir_all(self.0.join(group).join("mon_groups")).unwrap();
        }

        fn group(&self, name: &str) {
            fs::create_dir(self.0.join(name)).unwrap();
            self.fill(name);
        }

        /// What the kernel takes away with a group.
        fn empty(&self, group: &str) {
            for file in ["schemata", "tasks"] {
                fs::remove_file(self.0.join(group).join(file)).ok();
            }
            fs::remove_dir_all(self.0.join(group).join("mon_groups")).ok();
        }

        fn plan(&self, json: &str) -> Plan {
            let config = format!(
                r#"{{"ociVersion": "1.3.0", "root": {{"path": "r"}}, "process": {{"args": ["a"], "cwd": "/"}}, "linux": {{"intelRdt": {json}}}}}"#
            );
            let spec = crate::spec::Spec::from_slice(config.as_bytes()).unwrap();
            super::super::plan(spec.linux.intel_rdt.as_ref().unwrap(), "web", Some(&self.0)).unwrap()
        }

        fn read(&self, file: &str) -> String {
            fs::read_to_string(self.0.join(file)).unwrap()
        }
    }

    impl Drop for Stand {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_group_of_its_own_is_made_entered_and_removed() {
        let stand = Stand::new("own");
        let group = Group::make(&stand.plan("{}")).unwrap();
        stand.fill("web");
        group.enter(4711).unwrap();
        assert_eq!(stand.read("web/tasks"), "4711");
        stand.empty("web");
        group.remove().unwrap();
        assert!(!stand.0.join("web").exists());
        group.remove().unwrap();
    }

    #[test]
    fn lines_are_written_one_by_one_to_a_group_that_is_new() {
        let stand = Stand::new("lines");
        let plan = stand.plan(r#"{"closID": "gold", "l3CacheSchema": "L3:0=f;1=f", "schemata": ["MB:0=20"]}"#);
        stand.group("gold");
        write(&plan).unwrap();
        // Each line was a call of its own, and a file keeps the last of those that begin at its start.
        assert!(stand.read("gold/schemata").starts_with("MB:0=20\n"));
        stand.empty("gold");
        let error = write(&plan).unwrap_err();
        assert_eq!(error.pointer().map(Pointer::as_str), Some("/linux/intelRdt/l3CacheSchema"));
    }

    #[test]
    fn a_group_that_is_there_must_have_what_is_asked_for_and_stays() {
        let stand = Stand::new("there");
        stand.group("gold");
        let group = Group::make(&stand.plan(r#"{"closID": "gold", "schemata": ["L3:0=07ff", "MB:1=100"]}"#)).unwrap();
        group.enter(7).unwrap();
        assert_eq!(stand.read("gold/tasks"), "7");
        group.remove().unwrap();
        assert!(stand.0.join("gold").exists());
        let error = Group::make(&stand.plan(r#"{"closID": "gold", "memBwSchema": "MB:0=20"}"#)).unwrap_err();
        assert_eq!(
            (error.kind(), error.pointer().map(Pointer::as_str)),
            (Kind::Exists, Some("/linux/intelRdt/memBwSchema"))
        );
    }

    #[test]
    fn a_named_group_without_schemata_must_be_there() {
        let stand = Stand::new("named");
        let error = Group::make(&stand.plan(r#"{"closID": "gold"}"#)).unwrap_err();
        assert_eq!(
            (error.kind(), error.pointer().map(Pointer::as_str)),
            (Kind::NotFound, Some("/linux/intelRdt/closID"))
        );
        assert!(!stand.0.join("gold").exists());
        assert_eq!(Group::make(&stand.plan(r#"{"closID": "/"}"#)).unwrap().tasks, [stand.0.join("tasks")]);
    }

    #[test]
    fn counters_are_the_containers_own_and_go_with_it() {
        let stand = Stand::new("counters");
        stand.group("gold");
        let group = Group::make(&stand.plan(r#"{"closID": "gold", "enableMonitoring": true}"#)).unwrap();
        stand.fill("gold/mon_groups/web");
        group.enter(7).unwrap();
        assert_eq!((stand.read("gold/tasks"), stand.read("gold/mon_groups/web/tasks")), ("7".into(), "7".into()));
        stand.empty("gold/mon_groups/web");
        group.remove().unwrap();
        assert!(!stand.0.join("gold/mon_groups/web").exists() && stand.0.join("gold").exists());
    }

    #[test]
    fn what_fails_leaves_nothing_and_says_what_the_kernel_says() {
        let stand = Stand::new("fails");
        fs::write(stand.0.join("info/last_cmd_status"), "out of CLOSIDs\n").unwrap();
        // A new group of this directory has no `schemata`: the kernel's own refusal, as far as it can be had here.
        let error = Group::make(&stand.plan(r#"{"schemata": ["L3:0=f"]}"#)).unwrap_err();
        assert!(error.to_string().contains(r#"write "L3:0=f": out of CLOSIDs"#), "{error}");
        assert!(!stand.0.join("web").exists());
    }

    #[test]
    fn what_a_killed_create_left_is_removed_if_nobody_is_in_it() {
        let stand = Stand::new("killed");
        stand.group("web");
        fs::write(stand.0.join("web/tasks"), "7\n").unwrap();
        Group::remove_unused(&stand.plan("{}"));
        assert!(stand.0.join("web").exists());
        stand.group("gold");
        Group::remove_unused(&stand.plan(r#"{"closID": "gold", "schemata": ["L3:0=f"]}"#));
        assert!(stand.0.join("gold").exists(), "it is not the container's own");
    }
}
