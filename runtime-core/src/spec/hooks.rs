//! `hooks`: programs run at points of the lifecycle (config.md, "POSIX-platform Hooks").

use std::time::Duration;

use serde::Deserialize;

use super::Str;
use super::json::Object;
use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

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
    /// Runtime namespaces, after the user's program began; one that fails ends the container.
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

/// `hooks` as it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawHooks<'c> {
    #[serde(borrow)]
    prestart: Option<Vec<Object<RawHook<'c>>>>,
    #[serde(borrow)]
    create_runtime: Option<Vec<Object<RawHook<'c>>>>,
    #[serde(borrow)]
    create_container: Option<Vec<Object<RawHook<'c>>>>,
    #[serde(borrow)]
    start_container: Option<Vec<Object<RawHook<'c>>>>,
    #[serde(borrow)]
    poststart: Option<Vec<Object<RawHook<'c>>>>,
    #[serde(borrow)]
    poststop: Option<Vec<Object<RawHook<'c>>>>,
}

#[derive(Deserialize)]
struct RawHook<'c> {
    #[serde(borrow)]
    path: Option<Text<'c>>,
    #[serde(borrow)]
    args: Option<Vec<Text<'c>>>,
    #[serde(borrow)]
    env: Option<Vec<Text<'c>>>,
    timeout: Option<i64>,
}

impl<'c> RawHooks<'c> {
    /// Checks all hooks.
    pub(super) fn check(self) -> Result<Hooks<'c>> {
        Ok(Hooks {
            prestart: list(self.prestart, Pointer::new("/hooks/prestart"))?,
            create_runtime: list(self.create_runtime, Pointer::new("/hooks/createRuntime"))?,
            create_container: list(self.create_container, Pointer::new("/hooks/createContainer"))?,
            start_container: list(self.start_container, Pointer::new("/hooks/startContainer"))?,
            poststart: list(self.poststart, Pointer::new("/hooks/poststart"))?,
            poststop: list(self.poststop, Pointer::new("/hooks/poststop"))?,
        })
    }
}

fn list(hooks: Option<Vec<Object<RawHook<'_>>>>, at: Pointer) -> Result<Vec<Hook<'_>>> {
    text::each(hooks, at).map(|(at, hook)| check(hook, at)).collect()
}

fn check(hook: RawHook<'_>, at: Pointer) -> Result<Hook<'_>> {
    let path = match text::some(hook.path) {
        Some(path) if path.starts_with('/') => path,
        Some(path) => return Err(Error::config(at.key("path"), format!("hook path `{path}` is not absolute"))),
        None => return Err(Error::config(at.key("path"), "a hook needs a `path`")),
    };
    let timeout = match hook.timeout {
        None => None,
        Some(seconds @ 1..) => Some(Duration::from_secs(seconds.unsigned_abs())),
        Some(seconds) => {
            return Err(Error::config(at.key("timeout"), format!("hook timeout {seconds} is not greater than zero"))
                .hint("leave `timeout` out to wait for ever"));
        }
    };
    let env = text::environment(hook.env, || at.key("env"))?;
    let mut args = text::list(hook.args);
    if args.is_empty() {
        args.push(path.clone());
    }
    Ok(Hook { at, path, args, env, timeout })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_without_args_gets_its_path() {
        let raw: RawHooks<'_> =
            serde_json::from_str(r#"{"poststop":[{"path":"/a"},{"path":"/b","args":["c"],"timeout":3}]}"#).unwrap();
        let hooks = raw.check().unwrap();
        let [first, second] = hooks.poststop.as_slice() else { panic!("{hooks:?}") };
        assert_eq!((first.args.as_slice(), first.timeout), (["/a".into()].as_slice(), None));
        assert_eq!((second.args.as_slice(), second.timeout), (["c".into()].as_slice(), Some(Duration::from_secs(3))));
        assert_eq!(second.at.as_str(), "/hooks/poststop/1");
    }
}
