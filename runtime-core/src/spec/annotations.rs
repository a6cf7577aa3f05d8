//! `annotations` → [`Annotated`]: the few that decide something. All others are handed on and never read, for whoever labels a
//! container may be a stranger to this machine (config.md, "Annotations").
//!
//! [`DECIDING`] is the whole list, but for `org.systemd.property.*`, of which `cgroup/systemd/annotation.rs` has a list: nothing
//! else reads an annotation to act on it.

use super::Str;
use crate::error::{Error, Pointer, Result};

/// The annotations that decide something. None of them gives the process what its caller does not have. The names are crun's.
pub const DECIDING: [&str; 2] = [KEEP_ORIGINAL_GROUPS, MOUNT_CONTEXT_TYPE];

const KEEP_ORIGINAL_GROUPS: &str = "run.oci.keep_original_groups";
const MOUNT_CONTEXT_TYPE: &str = "run.oci.mount_context_type";

/// What annotations decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Annotated {
    /// `run.oci.keep_original_groups`, with any value but `0`: the process keeps the supplementary groups of the runtime's caller and
    /// gets none of `additionalGids`.
    pub keep_original_groups: bool,
    /// `run.oci.mount_context_type`.
    pub label_option: LabelOption,
}

/// As which option of mounts `linux.mountLabel` is given to the kernel (mount(8), "FILESYSTEM-INDEPENDENT MOUNT OPTIONS").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelOption {
    /// `context`: the label of the filesystem and of all its files.
    #[default]
    Context,
    /// `fscontext`: the label of the filesystem itself.
    Fscontext,
    /// `defcontext`: the label of files that have none.
    Defcontext,
    /// `rootcontext`: the label of its root.
    Rootcontext,
}

impl LabelOption {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Context, Self::Fscontext, Self::Defcontext, Self::Rootcontext];

    /// The name of the option.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Fscontext => "fscontext",
            Self::Defcontext => "defcontext",
            Self::Rootcontext => "rootcontext",
        }
    }
}

/// Reads those that decide something.
pub(super) fn check(annotations: &[(Str<'_>, Str<'_>)]) -> Result<Annotated> {
    let mut annotated = Annotated::default();
    for (name, value) in annotations {
        match &**name {
            KEEP_ORIGINAL_GROUPS => annotated.keep_original_groups = value != "0",
            MOUNT_CONTEXT_TYPE => annotated.label_option = label_option(value)?,
            _ => {}
        }
    }
    Ok(annotated)
}

fn label_option(value: &str) -> Result<LabelOption> {
    LabelOption::ALL.into_iter().find(|option| option.name() == value).ok_or_else(|| {
        Error::config(Pointer::new("/annotations").key(MOUNT_CONTEXT_TYPE), format!("unknown mount context `{value}`"))
            .hint("it is context, fscontext, defcontext or rootcontext")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_table_decides_something_and_no_other_does() {
        let value = |name: &str| if name == MOUNT_CONTEXT_TYPE { "rootcontext" } else { "1" };
        for name in DECIDING {
            let annotated = check(&[(name.into(), value(name).into())]).unwrap();
            assert_ne!(annotated, Annotated::default(), "{name}");
        }
        let strangers = ["run.oci.keep_original_group", "org.criu.config", "run.oci.handler", ""];
        let strangers: Vec<_> = strangers.iter().map(|name| ((*name).into(), "1".into())).collect();
        assert_eq!(check(&strangers).unwrap(), Annotated::default());
    }
}
