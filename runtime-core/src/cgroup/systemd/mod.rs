//! Cgroups that systemd makes: a transient scope for each container (systemd.scope(5), org.freedesktop.systemd1(5)).
//!
//! In: `linux.resources`, `linux.cgroupsPath`, annotations, and where a systemd listens. [`plan`] decides, without a system call, which
//! unit with which properties; [`scope`] has systemd start it around init, which waits meanwhile, and stops it. What follows, the
//! values of the files and the device program, is the cgroup driver's own, as without systemd.
//!
//! Cgroup v2 alone: systemd gave up v1 (256).

mod annotation;
mod bus;
mod message;
mod name;
mod scope;
mod unit;
mod value;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::layout::{Layout, below};
use super::plan::{Dir, Plan};
use super::{Cgroup, devices, file, limits};
use crate::error::{Error, Kind, Op, Pointer, Result};
use crate::spec::Spec;
pub(crate) use annotation::PREFIX as PROPERTY_ANNOTATIONS;
pub use value::Value;

/// A systemd that can be asked for a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Systemd {
    /// Where it listens.
    pub(super) socket: PathBuf,
    /// It is behind a message bus.
    #[serde(default)]
    pub(super) routed: bool,
    /// It is a user's own.
    #[serde(default)]
    pub(super) user: bool,
    /// The cgroup that its units lie below.
    pub(super) root: PathBuf,
}

/// A unit to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Who starts it.
    pub systemd: Systemd,
    /// Its name.
    pub name: String,
    /// What it is told of it.
    pub properties: Vec<Property>,
}

/// A property of a unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// Its name on D-Bus.
    pub name: &'static str,
    /// Its value.
    pub value: Value,
    /// Where it was asked for; `None`: every container's unit has it.
    pub field: Option<Pointer>,
}

/// The unit of a container, in its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Who stops it.
    pub(super) systemd: Systemd,
    /// Its name.
    pub(super) name: String,
}

impl Systemd {
    /// The machine's own: directly where it may be, else over the system's bus.
    pub fn of_machine() -> Result<Self> {
        Self::find(Path::new("/run/systemd/private"), Path::new("/run/dbus/system_bus_socket"), false)
    }

    /// That of the user whose runtime directory this is: `/run/user/UID`.
    pub fn of_user(runtime_directory: &Path) -> Result<Self> {
        let mut found = Self::find(&runtime_directory.join("systemd/private"), &runtime_directory.join("bus"), true)?;
        // The machine's systemd has the whole hierarchy; a user's has a part, and knows which.
        found.root = scope::root_of(&found)?;
        Ok(found)
    }

    /// One that nobody asks anything.
    #[cfg(test)]
    pub(crate) fn test(socket: &str, user: bool, root: &str) -> Self {
        Self { socket: socket.into(), routed: false, user, root: root.into() }
    }

    fn find(direct: &Path, bus: &Path, user: bool) -> Result<Self> {
        let place = |socket: &Path, routed| Self { socket: socket.to_owned(), routed, user, root: "/".into() };
        match (file::exists(direct), file::exists(bus)) {
            (true, _) => Ok(place(direct, false)),
            (false, true) => Ok(place(bus, true)),
            (false, false) => Err(Error::new(Kind::Unsupported, Op::Systemd)
                .on(direct)
                .message("no systemd listens here: there is no such socket")
                .hint("without --systemd-cgroup, the cgroup is made without systemd")),
        }
    }
}

/// The cgroup of a new container, made by systemd.
pub fn plan(spec: &Spec<'_>, id: &str, layout: &Layout, systemd: &Systemd) -> Result<Plan> {
    let linux = &spec.linux;
    let field = || Pointer::new("/linux/cgroupsPath");
    let name = name::read(linux.cgroups_path.as_deref(), id, systemd.user)?;
    let (true, Some(v2)) = (layout.v1.is_empty(), &layout.v2) else {
        return Err(Error::unsupported(
            field(),
            "with systemd a container needs cgroup v2 alone; this machine has cgroup v1",
        )
        .hint("boot with systemd.unified_cgroup_hierarchy=1, or leave --systemd-cgroup out"));
    };
    let dir = Dir {
        controllers: v2.controllers.clone(),
        unified: true,
        mount: v2.mount.clone(),
        path: below(&v2.mount, &systemd.root).join(&name.path),
    };
    let mut plan = Plan { dirs: vec![dir], ..Plan::default() };
    limits::all(&linux.resources, &mut plan)?;
    devices::install(&linux.resources, &mut plan)?;
    // What systemd knows, it hands down itself.
    plan.enable.retain(|controller| controller.field.is_some());
    let mut properties = unit::of_every_container(id, &name.slice);
    for property in unit::of_values(&plan.writes).into_iter().chain(annotation::properties(&spec.annotations)?) {
        unit::set(&mut properties, property);
    }
    plan.unit = Some(Unit { systemd: systemd.clone(), name: name.unit, properties });
    Ok(plan)
}

/// The cgroup that a systemd makes for such a configuration, there or not: for a container whose record does not say.
pub fn named(cgroups_path: Option<&str>, id: &str, layout: &Layout) -> Option<Cgroup> {
    let v2 = layout.v2.as_ref().filter(|_| layout.v1.is_empty())?;
    let uid = rustix::process::geteuid();
    let systemd = match uid.is_root() {
        true => Systemd::of_machine(),
        false => Systemd::of_user(&Path::new("/run/user").join(uid.as_raw().to_string())),
    };
    let systemd = systemd.ok()?;
    let name = name::read(cgroups_path, id, systemd.user).ok()?;
    let path = below(&v2.mount, &systemd.root).join(name.path);
    let dir = Dir { controllers: v2.controllers.clone(), unified: true, mount: v2.mount.clone(), path };
    Some(Cgroup { dirs: vec![dir], scope: Some(Scope { systemd, name: name.unit }) })
}

/// New properties for the unit of a cgroup that is there, beside the values of `plan`.
pub(super) fn update(cgroup: &Cgroup, plan: &mut Plan) {
    let Some(Scope { systemd, name }) = &cgroup.scope else { return };
    let properties = unit::of_values(&plan.writes);
    if !properties.is_empty() {
        plan.unit = Some(Unit { systemd: systemd.clone(), name: name.clone(), properties });
    }
}
