//! `config.json` → [`Spec`]: a configuration that exists is valid; nobody checks it again.
//!
//! Comes in: the bytes of `config.json` (OCI runtime specification 1.3). Goes out: a `Spec` that borrows from them, or an
//! [`Error`] that names the JSON pointer of what is wrong. Touches nothing: no file, no system call.

mod affinity;
mod annotations;
mod block_io;
mod capabilities;
mod cpu;
mod devices;
mod hooks;
mod id_map;
mod intel_rdt;
mod io_priority;
mod json;
mod limits;
mod linux;
mod memory;
mod memory_policy;
mod mount_attributes;
mod mount_list;
mod mount_options;
mod mounts;
mod namespaces;
mod net_devices;
mod network;
mod number_list;
mod personality;
mod process;
mod resources;
mod rlimits;
mod rules;
mod scheduler;
mod seccomp;
mod sysctl;
mod text;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

pub use affinity::ExecAffinity;
pub use annotations::DECIDING as DECIDING_ANNOTATIONS;
pub use annotations::{Annotated, LabelOption};
pub use block_io::{BlockIo, Throttle, ThrottleKind, WeightDevice};
pub use capabilities::Capabilities;
pub use cpu::Cpu;
pub use devices::{DEFAULT_DEVICES, Device, DeviceKind, DeviceRule};
pub use hooks::{Hook, Hooks};
pub use id_map::{IdMap, MappedIds};
pub(crate) use intel_rdt::RESERVED;
pub use intel_rdt::{Clos, IntelRdt};
pub use io_priority::IoPriority;
pub use limits::Limits;
pub use linux::{Linux, Propagation};
pub use memory::Memory;
pub use memory_policy::MemoryPolicy;
pub use mount_attributes::Attributes;
pub use mount_list::{MountList, MountPoint};
pub use mount_options::MountData;
pub(crate) use mount_options::names as mount_option_names;
pub use mounts::{Mount, MountKind};
pub use namespaces::{IdMapping, Namespace, NamespaceKind, Namespaces};
pub use net_devices::NetDevice;
pub use network::{InterfacePriority, Network, RdmaLimit};
pub use personality::Personality;
pub use process::{Process, User};
pub use resources::{HugepageLimit, Resources, Unified};
pub use rlimits::Rlimit;
pub use scheduler::Scheduler;
pub use seccomp::ARCHITECTURES as SECCOMP_ARCHITECTURES;
pub(crate) use seccomp::{ACTIONS as SECCOMP_ACTIONS, FLAGS as SECCOMP_FLAGS, OPERATORS as SECCOMP_OPERATORS};
pub use seccomp::{Seccomp, SeccompAction, SeccompArg, SeccompCall, SeccompOperator};
pub(crate) use sysctl::PID_MAX;
pub use sysctl::Sysctl;

use crate::error::{Error, Pointer, Result};
use hooks::RawHooks;
use json::Object;
use linux::RawLinux;
use mounts::RawMount;
use process::RawProcess;
use text::{Pairs, Text};

/// Text of `config.json`: borrowed where it holds no escape sequence. Holds no NUL byte.
pub type Str<'c> = Cow<'c, str>;

/// A valid configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec<'c> {
    /// `ociVersion`, as written.
    pub version: Str<'c>,
    /// `root.path`: relative to the bundle, or absolute.
    pub root: Str<'c>,
    /// `root.readonly`.
    pub root_readonly: bool,
    /// `process`; one without a program where the object is absent. Such a container can be created, not started.
    pub process: Process<'c>,
    /// `hostname`; a UTS namespace comes with it.
    pub hostname: Option<Str<'c>>,
    /// `domainname`; a UTS namespace comes with it.
    pub domainname: Option<Str<'c>>,
    /// `mounts`, in order.
    pub mounts: Vec<Mount<'c>>,
    /// `hooks`.
    pub hooks: Hooks<'c>,
    /// `annotations`, in the order of the document.
    pub annotations: Vec<(Str<'c>, Str<'c>)>,
    /// What some of them decide.
    pub annotated: Annotated,
    /// `linux`; all defaults where the object is absent.
    pub linux: Linux<'c>,
    /// What the specification says must only warn, such as an unknown capability.
    pub warnings: Vec<Warning>,
}

/// Something that was passed over, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands.
    pub field: Pointer,
    /// What was passed over and why.
    pub message: String,
}

/// One line, the place last.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.field.place())
    }
}

/// `config.json` as it stands. What it does not name (`windows`, `solaris`, `vm`, `zos` …) is passed over: "runtimes MUST
/// ignore unknown properties".
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSpec<'c> {
    #[serde(borrow)]
    oci_version: Option<Text<'c>>,
    #[serde(borrow)]
    root: Option<Object<RawRoot<'c>>>,
    #[serde(borrow)]
    process: Option<Object<RawProcess<'c>>>,
    #[serde(borrow)]
    hostname: Option<Text<'c>>,
    #[serde(borrow)]
    domainname: Option<Text<'c>>,
    #[serde(borrow)]
    mounts: Option<Vec<Object<RawMount<'c>>>>,
    #[serde(borrow)]
    hooks: Option<Object<RawHooks<'c>>>,
    #[serde(borrow)]
    annotations: Option<Pairs<'c>>,
    #[serde(borrow)]
    linux: Option<Object<RawLinux<'c>>>,
}

#[derive(Deserialize)]
struct RawRoot<'c> {
    #[serde(borrow)]
    path: Option<Text<'c>>,
    readonly: Option<bool>,
}

impl<'c> Spec<'c> {
    /// Reads and checks the bytes of `config.json`.
    ///
    /// # Errors
    ///
    /// A [`Kind::Config`](crate::Kind::Config) that names line and column or the JSON pointer, or an
    /// [`Kind::Unsupported`](crate::Kind::Unsupported) for what this build has not.
    ///
    /// ```
    /// let config = br#"{"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"cwd": "/", "args": []}}"#;
    /// let error = orlop::spec::Spec::from_slice(config).unwrap_err();
    /// assert_eq!(error.to_string(), "check config: no program to run [config.json /process/args]");
    /// ```
    pub fn from_slice(bytes: &'c [u8]) -> Result<Self> {
        let raw: RawSpec<'c> = json::read(bytes, &Pointer::default())?;
        let mut warnings = Vec::new();
        let version = version(raw.oci_version)?;
        let (root, root_readonly) = root(raw.root)?;
        let at = Pointer::new("/process");
        let process = match raw.process {
            Some(Object(process)) => process.check(at, &mut warnings)?,
            None => Process::absent(at),
        };
        let annotations = raw.annotations.unwrap_or_default().0;
        let mut linux = raw.linux.unwrap_or_default().0.check(&mut warnings)?;
        let spec = Spec {
            version,
            root,
            root_readonly: readonly_root(&mut linux) || root_readonly,
            process,
            hostname: text::some(raw.hostname),
            domainname: text::some(raw.domainname),
            mounts: mounts::check(raw.mounts, Pointer::new("/mounts"), &mut warnings)?,
            hooks: raw.hooks.map(|hooks| hooks.0.check()).transpose()?.unwrap_or_default(),
            annotated: annotations::check(&annotations)?,
            annotations,
            linux,
            warnings,
        };
        rules::check(&spec)?;
        Ok(spec)
    }

    /// The configuration with these mounts in the place of its own.
    pub(crate) fn with_mounts(self, list: &MountList<'c>) -> Result<Self> {
        let spec = Self { mounts: list.mounts.clone(), warnings: list.warnings.clone(), ..self };
        rules::check(&spec)?;
        Ok(spec)
    }
}

/// Any 1.x: a newer minor version only adds properties (SemVer 2.0.0), and unknown ones are passed over.
fn version(version: Option<Text<'_>>) -> Result<Str<'_>> {
    let field = Pointer::new("/ociVersion");
    let hint = "this build reads versions 1.x";
    let Some(version) = text::some(version) else {
        return Err(Error::config(field, "no `ociVersion`").hint(hint));
    };
    match major(&version) {
        Some("1") => Ok(version),
        Some(_) => Err(Error::config(field, format!("unsupported version `{version}`")).hint(hint)),
        None => Err(Error::config(field, format!("`{version}` is not a version such as 1.3.0")).hint(hint)),
    }
}

/// The major number of `major.minor.patch`, perhaps with `-pre` or `+build` behind.
fn major(version: &str) -> Option<&str> {
    let core = version.split_once(['-', '+']).map_or(version, |(core, _)| core);
    let mut numbers = core.split('.');
    let major = numbers.next()?;
    let digits = |number: &str| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    (digits(major) && numbers.clone().count() == 2 && numbers.all(digits)).then_some(major)
}

/// Whether `readonlyPaths` names the root itself, which nothing can be mounted over: its own mount is made read-only.
fn readonly_root(linux: &mut Linux<'_>) -> bool {
    let before = linux.readonly_paths.len();
    linux.readonly_paths.retain(|path| path != "/");
    linux.readonly_paths.len() < before
}

fn root(root: Option<Object<RawRoot<'_>>>) -> Result<(Str<'_>, bool)> {
    let Some(Object(root)) = root else {
        return Err(Error::config(Pointer::new("/root"), "no `root`").hint("write \"root\": {\"path\": \"rootfs\"}"));
    };
    match text::some(root.path) {
        Some(path) => Ok((path, root.readonly.unwrap_or_default())),
        None => Err(Error::config(Pointer::new("/root/path"), "no path to the root filesystem")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_semantic() {
        let cases = [
            ("1.0.2-dev", Some("1")),
            ("1.3.0", Some("1")),
            ("10.0.0+x.y", Some("10")),
            ("1.3", None),
            ("1.3.0.0", None),
            ("1.x.0", None),
            ("v1.3.0", None),
            ("-1.0.0", None),
        ];
        for (text, number) in cases {
            assert_eq!(major(text), number, "{text}");
        }
    }

    #[test]
    fn text_is_borrowed_from_the_document() {
        let json = br#"{"ociVersion":"1.3.0","root":{"path":"r","readonly":true},"process":{"args":["a"],"cwd":"/"}}"#;
        let spec = Spec::from_slice(json).unwrap();
        assert!(matches!((&spec.root, &spec.process.args[0]), (Cow::Borrowed("r"), Cow::Borrowed("a"))));
        assert!(spec.root_readonly && spec.warnings.is_empty());
        assert_eq!(spec.linux.resources.at.as_str(), "/linux/resources");
    }
}
