//! `resources.memory` (config-linux.md, "Memory").

use serde::Deserialize;

use super::Warning;
use super::resources::limit;
use crate::error::{Error, Pointer, Result};

/// `memory`, in bytes; −1 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Memory {
    /// Hard limit.
    pub limit: Option<i64>,
    /// Soft limit.
    pub reservation: Option<i64>,
    /// Memory and swap together.
    pub swap: Option<i64>,
    /// 0 to 100.
    pub swappiness: Option<u64>,
    /// No OOM killer (v1).
    pub disable_oom_killer: Option<bool>,
    /// Hierarchical accounting (v1).
    pub use_hierarchy: Option<bool>,
    /// Refuse a limit below what is used now.
    pub check_before_update: bool,
}

/// `memory` as it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawMemory {
    limit: Option<i64>,
    reservation: Option<i64>,
    swap: Option<i64>,
    kernel: Option<i64>,
    #[serde(rename = "kernelTCP")]
    kernel_tcp: Option<i64>,
    swappiness: Option<u64>,
    #[serde(rename = "disableOOMKiller")]
    disable_oom_killer: Option<bool>,
    use_hierarchy: Option<bool>,
    check_before_update: Option<bool>,
}

impl RawMemory {
    /// Checks everything in `memory`.
    pub(super) fn check(self, at: &Pointer, warnings: &mut Vec<Warning>) -> Result<Memory> {
        for (key, value) in [("kernel", self.kernel), ("kernelTCP", self.kernel_tcp)] {
            // "NOT RECOMMENDED": Linux 5.16 took the first one out, and runc writes neither.
            if matches!(value, Some(limit) if limit > 0) {
                let message = format!("`{key}` is left out: the specification gave it up");
                warnings.push(Warning { field: at.key(key), message });
            }
        }
        if let Some(swappiness) = self.swappiness.filter(|swappiness| *swappiness > 100) {
            return Err(Error::config(at.key("swappiness"), format!("swappiness {swappiness} is above 100")));
        }
        if let (Some(most @ 1..), Some(both @ 1..)) = (self.limit, self.swap)
            && both < most
        {
            return Err(Error::config(at.key("swap"), format!("swap {both} is below the memory limit {most}"))
                .hint("`swap` counts memory and swap together"));
        }
        Ok(Memory {
            limit: limit(self.limit, at, "limit")?,
            reservation: limit(self.reservation, at, "reservation")?,
            swap: limit(self.swap, at, "swap")?,
            swappiness: self.swappiness,
            disable_oom_killer: self.disable_oom_killer,
            use_hierarchy: self.use_hierarchy,
            check_before_update: self.check_before_update.unwrap_or_default(),
        })
    }
}
