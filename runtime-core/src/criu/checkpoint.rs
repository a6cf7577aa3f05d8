//! [`Container::checkpoint`].

use super::messages::{Kind as Work, PageServer};
use super::service::{self, Service};
use super::{Checkpoint, external, images};
use crate::container::Container;
use crate::error::{Op, Result};
use crate::state::Status;

impl Container {
    /// Writes all of a running container to files, and deletes it unless it is to go on.
    ///
    /// # Errors
    /// [`Kind::Status`](crate::Kind::Status) unless it runs; [`Kind::Unsupported`](crate::Kind::Unsupported) without the program
    /// `criu`; else what CRIU's log gives as the reason.
    pub fn checkpoint(&self, options: &Checkpoint<'_>) -> Result<()> {
        self.during("checkpoint", || {
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
