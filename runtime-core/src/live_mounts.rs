//! Other mounts for a container that is there: [`Container::add_mounts`], [`Container::remove_mounts`].

use std::os::fd::AsFd;

use crate::compile::{self, Plan, Request, c};
use crate::container::Container;
use crate::error::{Op, Result};
use crate::host::Host;
use crate::launch::{self, Sources};
use crate::spec::{MountList, MountPoint, Spec};
use crate::state::{Record, Status};

impl Container {
    /// Mounts more in a container that is created, running or paused, in the order of the list: what an entry asks for it gets as in
    /// `create`. A relative source lies below the bundle.
    ///
    /// All of it happens or nothing: when one cannot be mounted, those before it are taken back. Mount points that were made stay.
    ///
    /// # Errors
    /// [`Kind::Status`](crate::Kind::Status) `container not running` once it has stopped; [`Kind::Unsupported`](crate::Kind::Unsupported)
    /// for a cgroup, for `remount`, and without the host's root for what lies on the host; [`Op::Mount`] where the kernel refuses.
    pub fn add_mounts(&self, list: &MountList<'_>) -> Result<()> {
        self.during("mount in", || {
            let _lock = self.directory().lock()?;
            let record = self.record_of_one_that_is_there()?;
            let config = self.config()?;
            let spec = config.spec()?.with_mounts(list)?;
            let host = Host::for_mounts(&spec, &record.bundle)?;
            let bundle = c(&record.bundle.to_string_lossy());
            let plan = compile::add_mounts(&spec, &host, &Request { id: self.id(), bundle, ..Request::default() })?;
            for warning in &plan.warnings {
                log::warn!("{warning}");
            }
            if list.mounts.is_empty() {
                return Ok(());
            }
            let (ours, theirs) = launch::fd_pair(Op::Mount)?;
            let added = self.carry_out(&plan, &record, Sources { added: Some(theirs), ..Sources::default() });
            if added.is_err()
                && let Err(error) =
                    launch::receive_all(Op::Mount, &ours).and_then(|fds| self.take_back(&spec, &host, &record, fds))
            {
                log::warn!("{error}");
            }
            added
        })
    }

    /// Takes out what is mounted at these places, with all that is mounted below. No symlink is followed on the way to one. Where one
    /// of them has no mount, all stay.
    ///
    /// # Errors
    /// [`Kind::Status`](crate::Kind::Status) `container not running` once it has stopped; [`Op::Unmount`] where nothing is mounted.
    pub fn remove_mounts(&self, points: &[MountPoint<'_>]) -> Result<()> {
        self.during("unmount in", || {
            let _lock = self.directory().lock()?;
            let record = self.record_of_one_that_is_there()?;
            let config = self.config()?;
            let list = MountList { mounts: Vec::new(), warnings: Vec::new() };
            let spec = config.spec()?.with_mounts(&list)?;
            let host = Host::for_mounts(&spec, &record.bundle)?;
            let plan = compile::remove_mounts(&spec, &host, points)?;
            if points.is_empty() {
                return Ok(());
            }
            self.carry_out(&plan, &record, Sources::default())
        })
    }

    fn take_back(&self, spec: &Spec<'_>, host: &Host, record: &Record, added: Vec<std::os::fd::OwnedFd>) -> Result<()> {
        let plan = compile::undo_mounts(spec, host, added.len())?;
        self.carry_out(&plan, record, Sources { taken_back: added, ..Sources::default() })
    }

    fn carry_out(&self, plan: &Plan, record: &Record, sources: Sources<'_>) -> Result<()> {
        let target = self.target(record)?;
        let sources = Sources { target: Some(target.as_fd()), ..sources };
        launch::launch(plan, sources, None, [None; 3])?.converse(|_, _| Ok(()))
    }

    fn record_of_one_that_is_there(&self) -> Result<Record> {
        let record = self.record()?;
        match self.status(&record)? {
            Status::Created | Status::Running | Status::Paused => Ok(record),
            Status::Stopped | Status::Creating => Err(self.wrong_status(Op::Mount, "container not running")),
        }
    }
}
