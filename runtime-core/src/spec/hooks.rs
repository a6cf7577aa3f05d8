//! `hooks`: programs run at points of the lifecycle (config.md, "POSIX-platform Hooks").

use super::Str;
use crate::error::Pointer;
use std::time::Duration;

/// All hooks, each kind in order.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Hooks<'c> {
    /// Runtime namespaces, before `createRuntime`; deprecated.
    pub prestart: Vec<Hook<'c>>,
    /// Runtime namespaces, after the namespaces exist and before the root is entered.
    pub create_runtime: Vec<Hook<'c>>,
    /// Container namespaces, path on the host, before the root is entered.
    pub create_container: Vec<Hook<'c>>,
    /// Container namespaces, path in the container, just before the user's program.
    pub start_container: Vec<Hook<'c>>,
    /// Runtime namespaces, after the user's program began; failures only warn.
    pub poststart: Vec<Hook<'c>>,
    /// Runtime namespaces, after the container is gone; failures only warn.
    pub poststop: Vec<Hook<'c>>,
}

/// One hook.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook<'c> {
    /// Where it stands.
    pub at: Pointer,
    /// Absolute.
    pub path: Str<'c>,
    /// `args`; the path alone where absent.
    pub args: Vec<Str<'c>>,
    /// `env`; empty where absent.
    pub env: Vec<Str<'c>>,
    /// `timeout`, more than zero; `None` waits for ever, as the specification allows.
    pub timeout: Option<Duration>,
}
