//! New limits for a container that is there: [`Container::update`], [`Container::update_with_cache`].

use crate::cgroup;
use crate::container::Container;
use crate::error::{Error, Kind, Op, Pointer, Result};
use crate::resctrl::Rewritten;
use crate::spec::{IntelRdt, Limits, Resources};
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
        self.update_with_cache(change, None, None)
    }

    /// The same, and the container's share of the processors' cache and memory bandwidth: lines of its group's `schemata`, as in
    /// `linux.intelRdt.l3CacheSchema` and `memBwSchema`.
    ///
    /// # Errors
    /// As for [`Container::update`]; [`Kind::Unsupported`](crate::Kind::Unsupported) for a container without a group;
    /// [`Op::Resctrl`] where the kernel refuses.
    pub fn update_with_cache(&self, change: &Limits, l3_cache: Option<&str>, bandwidth: Option<&str>) -> Result<()> {
        self.during("update", || {
            let _lock = self.directory().lock()?;
            let mut record = self.record()?;
            if matches!(self.status(&record)?, Status::Stopped | Status::Creating) {
                return Err(self.wrong_status(Op::Cgroup, "container not running"));
            }
            let shares = share(&record, l3_cache, bandwidth)?;
            let before = match record.limits.take() {
                Some(limits) => limits,
                None => Limits::of_config(self.config()?.bytes())?,
            };
            let after = before.changed_by(change);
            let touched = after.touched_by(change, &before);
            record.limits = Some(after);
            // Written first: where there is no room for it, nothing changes.
            self.directory().write_new(&record)?;
            apply(&record, &touched)?;
            self.directory().take_new()?;
            shares.keep();
            Ok(())
        })
    }
}

/// The group has these shares, until the answer is dropped.
fn share(record: &Record, l3_cache: Option<&str>, bandwidth: Option<&str>) -> Result<Rewritten> {
    if l3_cache.or(bandwidth).is_none() {
        return Ok(Rewritten::default());
    }
    let rdt = IntelRdt::of_schemas(l3_cache, bandwidth)?;
    let group = record.resctrl.as_ref().ok_or_else(|| {
        Error::new(Kind::Unsupported, Op::Resctrl)
            .field(Pointer::new("/linux/intelRdt"))
            .message("the container has no group of resctrl")
            .hint("create it with linux.intelRdt in its config.json")
    })?;
    group.rewrite(&rdt.lines)
}

/// The cgroup takes these limits. Where systemd made it, its unit has to be told as well: this is the place.
fn apply(record: &Record, limits: &Limits) -> Result<()> {
    let document = limits.bytes()?;
    let mut warnings = Vec::new();
    let resources = Resources::from_slice_warning(&document, &mut warnings)?;
    for warning in warnings {
        log::warn!("{warning}");
    }
    record.cgroup.update(&cgroup::update_plan(&resources, &record.cgroup)?)
}
