//! Has systemd start a scope around a process, change it and stop it (org.freedesktop.systemd1(5), `StartTransientUnit`).

use std::path::PathBuf;

use super::bus::{Answer, Connection, UNITS};
use super::message::{Malformed, Method, Writer};
use super::value::Value;
use super::{Property, Scope, Systemd, Unit};
use crate::cgroup::plan::{Dir, Plan};
use crate::cgroup::{Cgroup, device_program, enable, file, layout, write};
use crate::error::{Error, Kind, Op, Pointer, Result};

impl Cgroup {
    /// Has systemd make the cgroup of `plan` around process `pid`, which waits, and sets the limits. Once this has begun, and until it
    /// has ended, the cgroup is empty of directories: nothing of another's unit of that name would be harmed.
    pub fn start(plan: &Plan, pid: i32, started: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let (Some(unit), Some(dir)) = (&plan.unit, plan.dirs.first()) else { return Ok(()) };
        unit.start(pid)?;
        let cgroup = Self { dirs: plan.dirs.clone(), scope: Some(unit.scope()) };
        started(&cgroup)?;
        is_in(pid, dir, unit)?;
        enable::controllers(plan)?;
        write::all(plan)?;
        device_program::install(plan)?;
        plan.owner.map_or(Ok(()), |owner| cgroup.delegate(owner))
    }
}

impl Unit {
    /// As it is written down.
    pub(in crate::cgroup) fn scope(&self) -> Scope {
        Scope { systemd: self.systemd.clone(), name: self.name.clone() }
    }

    fn start(&self, pid: i32) -> Result<()> {
        let mut systemd = Connection::open(&self.systemd, &self.name)?;
        let mut answer = self.ask_to_start(&mut systemd, pid)?;
        // A unit of that name that failed, and that nobody has looked at since.
        if is_refused(&answer, "UnitExists") {
            ask(&mut systemd, "ResetFailedUnit", &self.name, None)?;
            answer = self.ask_to_start(&mut systemd, pid)?;
        }
        let job = match answer {
            Answer::Given(given) => {
                given.arguments().text().map(str::to_owned).map_err(|Malformed| nonsense(&self.name))?
            }
            Answer::Refused { name, words } => return Err(self.refused(&name, words)),
        };
        match systemd.result_of(&job)? {
            done if done == "done" => Ok(()),
            other => Err(problem(&self.name)
                .message(format!("systemd did not start the unit: its job ended with {other:?}"))
                .hint(format!("see `journalctl -u {}`", self.name))),
        }
    }

    /// `StartTransientUnit(s name, s mode, a(sv) properties, a(sa(sv)) aux) → o job`
    fn ask_to_start(&self, systemd: &mut Connection, pid: i32) -> Result<Answer> {
        let pids = Value::U32s(vec![pid.cast_unsigned()]);
        let mut body = Writer::default();
        body.text(&self.name).text("replace").array(8, |array| {
            self.properties.iter().for_each(|property| array.property(property.name, &property.value));
            array.property("PIDs", &pids);
        });
        body.array(8, |_| {});
        systemd.call(&Method { member: "StartTransientUnit", ..UNITS }, "ssa(sv)a(sa(sv))", &body)
    }

    /// `SetUnitProperties(s name, b runtime, a(sv) properties)`: until the unit is gone.
    pub(in crate::cgroup) fn change(&self) -> Result<()> {
        self.set(&self.properties)
    }

    /// Sets those properties that these files have, as well as it can be done: an error is under way already.
    pub(in crate::cgroup) fn change_back(&self, files: &[(PathBuf, String)]) {
        if let Err(error) = self.set(&super::unit::of_files(files)) {
            log::warn!("{error}");
        }
    }

    fn set(&self, properties: &[Property]) -> Result<()> {
        let mut systemd = Connection::open(&self.systemd, &self.name)?;
        let mut body = Writer::default();
        body.text(&self.name).truth(true).array(8, |array| {
            properties.iter().for_each(|property| array.property(property.name, &property.value));
        });
        match systemd.call(&Method { member: "SetUnitProperties", ..UNITS }, "sba(sv)", &body)? {
            Answer::Given(_) => Ok(()),
            Answer::Refused { name, words } => Err(self.refused(&name, words)),
        }
    }

    /// systemd names the property that it refuses.
    fn refused(&self, name: &str, words: String) -> Error {
        let culprit = |property: &&Property| {
            words.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == property.name)
        };
        let field = self.properties.iter().find(culprit).and_then(|property| property.field.clone());
        let error = problem(&self.name).field(field.unwrap_or(Pointer::new("/linux/cgroupsPath")));
        if name.ends_with(".UnitExists") {
            return error
                .kind_is(Kind::Exists)
                .message("a unit of this name is there already")
                .hint("choose another linux.cgroupsPath");
        }
        error.message(if words.is_empty() { name.to_owned() } else { words.trim_end_matches('.').to_owned() })
    }
}

impl Scope {
    /// Stops the unit, and waits until it is gone. Nothing of it is left to be seen; it may be gone already.
    pub(in crate::cgroup) fn stop(&self) -> Result<()> {
        let mut systemd = Connection::open(&self.systemd, &self.name)?;
        match ask(&mut systemd, "StopUnit", &self.name, Some("replace"))? {
            Answer::Given(given) => {
                let job = given.arguments().text().map(str::to_owned).map_err(|Malformed| nonsense(&self.name))?;
                // Whatever it came to: a unit that has processes left keeps its cgroup, and that will be seen.
                systemd.result_of(&job)?;
            }
            answer if is_refused(&answer, "NoSuchUnit") => return Ok(()),
            Answer::Refused { words, .. } => return Err(problem(&self.name).message(words)),
        }
        // One that failed would be listed until somebody takes note of it; most are gone by now.
        ask(&mut systemd, "ResetFailedUnit", &self.name, None).map(drop)
    }
}

/// The cgroup that the units of a systemd lie below: its property `ControlGroup`.
pub(super) fn root_of(systemd: &Systemd) -> Result<PathBuf> {
    let mut connection = Connection::open(systemd, "")?;
    let mut body = Writer::default();
    body.text(UNITS.interface).text("ControlGroup");
    let get = Method { interface: "org.freedesktop.DBus.Properties", member: "Get", ..UNITS };
    let problem = |message: String| Error::new(Kind::System, Op::Systemd).on(&systemd.socket).message(message);
    match connection.call(&get, "ss", &body)? {
        Answer::Given(given) => {
            let root = given.arguments().any_text().map(str::to_owned);
            let root = root.map_err(|Malformed| problem("systemd does not say where its cgroups are".to_owned()))?;
            Ok(if root.is_empty() { "/".into() } else { root.into() })
        }
        Answer::Refused { words, .. } => Err(problem(words)),
    }
}

/// The process stands where the unit was meant to be, or the limits would be somebody else's.
fn is_in(pid: i32, dir: &Dir, unit: &Unit) -> Result<()> {
    let path = format!("/proc/{pid}/cgroup");
    let text = file::read(&path).map_err(|errno| Error::system(Op::Cgroup, errno).on(&path))?;
    let place = layout::unified_of(&text).map(|own| layout::below(&dir.mount, &own));
    match place {
        Some(place) if place == dir.path => Ok(()),
        place => Err(problem(&unit.name)
            .message(format!(
                "systemd put the process into {}, not into {}",
                place.unwrap_or_default().display(),
                dir.path.display()
            ))
            .field(Pointer::new("/linux/cgroupsPath"))),
    }
}

/// A call about a unit.
fn ask(systemd: &mut Connection, member: &str, unit: &str, mode: Option<&str>) -> Result<Answer> {
    let mut body = Writer::default();
    body.text(unit);
    if let Some(mode) = mode {
        body.text(mode);
    }
    systemd.call(&Method { member, ..UNITS }, if mode.is_some() { "ss" } else { "s" }, &body)
}

fn is_refused(answer: &Answer, because: &str) -> bool {
    matches!(answer, Answer::Refused { name, .. } if name.strip_prefix("org.freedesktop.systemd1.") == Some(because))
}

fn problem(unit: &str) -> Error {
    Error::new(Kind::System, Op::Systemd).on(unit)
}

fn nonsense(unit: &str) -> Error {
    problem(unit).message("systemd did not answer with a job")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Welcomes the client; call 1 began `/job`; that job of `x.scope` is done.
    const STARTS: &[&[u8]] = &[
        b"DATA\r\nOK 0123456789abcdef\r\n",
        b"l\x02\x01\x01\x09\0\0\0\x06\0\0\0\x0f\0\0\0\x05\x01u\0\x01\0\0\0\x08\x01g\0\x01o\0\0\x04\0\0\0/job\0",
        b"l\x04\x01\x01\x25\0\0\0\x05\0\0\0\x13\0\0\0\x03\x01s\0\x0a\0\0\0JobRemoved\0\0\0\0\0\0",
        b"\x01\0\0\0\x04\0\0\0/job\0\0\0\0\x07\0\0\0x.scope\0\x04\0\0\0done\0",
    ];

    /// A systemd that starts every unit, and moves no process.
    #[test]
    fn a_process_that_is_not_in_its_scope_is_no_container() {
        let socket = std::env::temp_dir().join(format!("orlop-scope-{}", std::process::id()));
        let listener = UnixListener::bind(&socket).unwrap();
        let other = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(&STARTS.concat()).unwrap();
            // Until the client goes.
            stream.read_to_end(&mut Vec::new()).ok();
        });
        let systemd = Systemd::test(socket.to_str().unwrap(), false, "/");
        let path = PathBuf::from("/sys/fs/cgroup/x.slice/x.scope");
        let dir = Dir { controllers: Vec::new(), unified: true, mount: "/sys/fs/cgroup".into(), path };
        let unit = Unit { systemd, name: "x.scope".to_owned(), properties: Vec::new() };
        let plan = Plan { dirs: vec![dir], unit: Some(unit), ..Plan::default() };
        let started = Cgroup::start(&plan, std::process::id().cast_signed(), |_| Ok(()));
        other.join().unwrap();
        std::fs::remove_file(&socket).unwrap();
        let error = started.unwrap_err();
        assert!(error.to_string().contains(", not into /sys/fs/cgroup/x.slice/x.scope"), "{error}");
        assert_eq!(error.pointer().map(Pointer::as_str), Some("/linux/cgroupsPath"));
    }
}
