//! [`Container::checkpoint`].

use super::messages::{Kind as Work, PageServer};
use super::service::{self, Service};
use super::{Checkpoint, external, images};
use crate::container::Container;
use crate::error::{Error, Kind, Op, Result};
use crate::state::Status;

impl Container {
    /// Writes all of a running container to files, and deletes it unless it is to go on.
    ///
    /// # Errors
    /// [`Kind::Status`](crate::Kind::Status) unless it runs; [`Kind::Argument`](crate::Kind::Argument) for what is of no effect; [`Kind::Unsupported`](crate::Kind::Unsupported) without the program
    /// `criu`; else what CRIU's log gives as the reason.
    pub fn checkpoint(&self, options: &Checkpoint<'_>) -> Result<()> {
        self.during("checkpoint", || {
            refuse_the_ineffective(options)?;
            let _lock = self.directory().lock()?;
            let record = self.record()?;
            match self.status(&record)? {
                Status::Running | Status::Paused => {}
                status => {
                    let message = format!("container cannot be checkpointed in {status} state");
                    return Err(self.wrong_status(Op::Checkpoint, message));
                }
            }
            let config = self.config()?;
            let spec = config.spec()?;
            let directories = images::Directories::open(&options.criu, "dump.log", Op::Checkpoint)?;
            if let Some(parent) = options.parent {
                images::check_parent(options.criu.images, parent)?;
            }
            let mut request = directories.options(&options.criu, &spec);
            request.pid = record.pid;
            request.root = record.rootfs.display().to_string();
            request.leave_running = options.leave_running;
            request.tcp_skip_in_flight = options.tcp_skip_in_flight;
            request.link_remap = options.link_remap;
            request.parent_img = options.parent.map(|parent| parent.display().to_string());
            request.track_mem = options.parent.is_some();
            request.page_server = options
                .page_server
                .map(|(address, port)| PageServer { address: address.to_owned(), port: port.into() });
            request.freeze_cgroup = external::freezer(&record.cgroup);
            external::dumped_namespaces(&spec, &mut request)?;
            if !options.pre_dump {
                external::dumped_mounts(&spec, &record.cgroup, record.pid, &mut request);
                directories.keep_descriptors(record.pid)?;
            }
            let service = Service {
                work: if options.pre_dump { Work::PreDump } else { Work::Dump },
                op: Op::Checkpoint,
                program: options.criu.program,
                cgroup: None,
                streams: [None; 3],
                handed_on: Vec::new(),
            };
            let dumped = service.perform(request, |notify, _| {
                if notify.script == "status-ready" {
                    service::ready(options.status);
                }
                Ok(())
            });
            dumped.map_err(|error| directories.explain(error))?;
            if options.leave_running || options.pre_dump {
                return Ok(());
            }
            self.end(&record)?;
            self.destroy()
        })
    }
}

/// What depends on something else that is not asked for.
fn refuse_the_ineffective(options: &Checkpoint<'_>) -> Result<()> {
    let message = match (options.criu.lazy_pages, options.pre_dump, options.status) {
        (true, true, _) => "`lazy_pages` is of no effect with `pre_dump`: that writes all pages",
        (false, _, Some(_)) => "`status` is of no effect without `lazy_pages`: there is nothing to wait for",
        _ => return Ok(()),
    };
    Err(Error::new(Kind::Argument, Op::Checkpoint).message(message))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::refuse_the_ineffective;
    use crate::{Checkpoint, Criu};

    #[test]
    fn what_would_do_nothing_is_refused_by_name() {
        assert!(refuse_the_ineffective(&Checkpoint::default()).is_ok());
        let stdout = std::io::stdout();
        let status = Checkpoint { status: Some(stdout.as_fd()), ..Checkpoint::default() };
        assert!(refuse_the_ineffective(&status).unwrap_err().to_string().contains("`status` is of no effect"));
        let criu = Criu { lazy_pages: true, ..Criu::default() };
        assert!(refuse_the_ineffective(&Checkpoint { criu, ..status }).is_ok());
        let both = Checkpoint { criu, pre_dump: true, ..Checkpoint::default() };
        assert!(refuse_the_ineffective(&both).unwrap_err().to_string().contains("`lazy_pages` is of no effect"));
    }
}
