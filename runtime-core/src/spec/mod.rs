//! `config.json` → [`Spec`]: a configuration that exists is valid; nobody checks it again.
//!
//! Comes in: the bytes of `config.json` (OCI runtime specification 1.3). Goes out: a `Spec` that borrows from them, or an
//! [`Error`] that names the JSON pointer of what is wrong. Touches nothing: no file, no system call.

mod devices;
mod hooks;
mod linux;
mod mounts;
mod process;
mod resources;
mod seccomp;

use std::borrow::Cow;

pub use devices::{Device, DeviceKind, DeviceRule};
pub use hooks::{Hook, Hooks};
pub use linux::{IdMapping, Linux, Namespace, NamespaceKind, Namespaces, Propagation, Sysctl};
pub use mounts::{Attributes, Mount, MountData, MountKind};
pub use process::{Capabilities, Process, Rlimit, User};
pub use resources::{BlockIo, Cpu, HugepageLimit, Memory, Resources, Throttle, ThrottleKind, Unified, WeightDevice};
pub use seccomp::{Seccomp, SeccompAction, SeccompArg, SeccompCall, SeccompOperator};

use crate::error::Pointer;

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
    /// `process`.
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
