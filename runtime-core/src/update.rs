//! New limits for a container that is there: [`Container::update`].

use crate::cgroup;
use crate::container::Container;
use crate::error::{Op, Result};
use crate::spec::{Limits, Resources};
use crate::state::{Record, Status};

impl Container {
    /// Changes limits. What `change` leaves out stays as it is; what it gives is kept for later changes.
    ///
    /// All of it happens or nothing: when the kernel refuses a value, those written before it are taken back.
    ///
    /// # Errors
    /// [`Kind::Status`](crate::Kind::Status) `container not running` once it has stopped; [`Op::Cgroup`] with the field where the
    /// kernel refuses.
    pub fn update(&self, change: &Limits) -> Result<()> {
        self.during("update", || {
            let _lock = self.directory().lock()?;
            let mut record = self.record()?;
            if matches!(self.status(&record)?, Status::Stopped | Status::Creating) {
                return Err(self.wrong_status(Op::Cgroup, "container not running"));
            }
            let before = match record.limits.take() {
                Some(limits) => limits,
                None => Limits::of_config(self.config()?.bytes())?,
            };
            let after = before.changed_by(change);
            apply(&record, &after.touched_by(change, &before))?;
            record.limits = Some(after);
            self.directory().replace(&record)
        })
    }
}

/// The cgroup takes these limits. Where systemd made it, its unit has to be told as well: this is the place.
fn apply(record: &Record, limits: &Limits) -> Result<()> {
    let document = limits.bytes()?;
    let mut warnings = Vec::new();
    let resources = Resources::from_slice_warning(&document, &mut warnings)?;
    for warning in warnings {
        log::warn!("{} [{}]", warning.message, warning.field);
    }
    record.cgroup.update(&cgroup::update_plan(&resources, &record.cgroup)?)
}
