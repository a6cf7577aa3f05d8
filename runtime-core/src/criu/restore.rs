//! [`Runtime::restore`].

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode};
use rustix::mount::UnmountFlags;

use super::messages::{Kind as Work, Notify};
use super::mount_points;
use super::service::{FIRST_HANDED_ON, Service};
use super::{Restore, external, images};
use crate::cgroup::Cgroup;
use crate::container::{Container, describe};
use crate::error::{At, Error, Kind, Op, Result};
use crate::launch;
use crate::process::Process;
use crate::runtime::{Bundle, Kept, Prepared, Runtime, record};
use crate::spec::Spec;
use crate::state::{CRIU_ROOT, Directory, Record, Status};

impl Runtime {
    /// Makes a container of a checkpoint. Its first process is a child of the caller, and goes on where it was.
    ///
    /// # Errors
    /// As for [`Runtime::create`]; [`Kind::Argument`] for what is of no effect here; [`Kind::Unsupported`] without the program `criu`; else what CRIU's log gives as the reason.
    /// Whatever fails, nothing is left behind.
    pub fn restore(&self, id: &str, bundle: &Path, options: &Restore<'_>) -> Result<(Container, Process)> {
        let restore = || {
            refuse_the_ineffective(options)?;
            let bundle = Bundle::open(bundle, options.launch.config)?;
            let directories = images::Directories::open(&options.criu, "restore.log", Op::Restore)?;
            let kept = if options.detached { Kept::Gate } else { Kept::Child };
            let prepared = self.prepare(id, &bundle, &options.launch, kept)?;
            restored(prepared, &bundle, &directories, options)
        };
        restore().map_err(|error: Error| error.during(format!("restore {id}")))
    }
}

/// The images say what the process has, and CRIU how it gets there.
fn refuse_the_ineffective(options: &Restore<'_>) -> Result<()> {
    let launch = &options.launch;
    let asked = [
        (launch.no_pivot, "no_pivot"),
        (launch.preserve_fds > 0, "preserve_fds"),
        (launch.pidfd_socket.is_some(), "pidfd_socket"),
        (launch.trace, "trace"),
    ];
    if let Some((_, name)) = asked.into_iter().find(|(asked, _)| *asked) {
        return Err(Error::new(Kind::Argument, Op::Restore).message(format!("`{name}` is of no effect on a restore")));
    }
    if options.lsm_mount_context.is_some() && !crate::host::selinux_is_on() {
        let message = "--lsm-mount-context is of no effect: SELinux is not switched on here";
        return Err(Error::new(Kind::Unsupported, Op::Restore).message(message));
    }
    Ok(())
}

fn restored(
    prepared: Prepared<'_>,
    bundle: &Bundle,
    directories: &images::Directories,
    options: &Restore<'_>,
) -> Result<(Container, Process)> {
    let Prepared { spec, plan, mut fresh, .. } = prepared;
    // First what shows whether this is a checkpoint.
    let streams = directories.streams()?;
    let mut record = record(fresh.directory()?, fresh.owner(), &spec, bundle, &plan);
    let cgroup = fresh.begin(bundle, &plan, &mut record)?.unwrap_or_default();
    mount_points::make(&spec, &bundle.path, &record.rootfs)?;
    let root = Root::mount(fresh.directory()?, &record.rootfs)?;
    let mut request = directories.options(&options.criu, &spec);
    // Asked for the master, CRIU would make a terminal of its own in place of the caller's.
    request.orphan_pts_master = spec.process.terminal || !options.criu.shell_job;
    request.evasive_devices = true;
    request.rst_sibling = true;
    request.root = root.0.display().to_string();
    request.tcp_close = options.tcp_close;
    request.lsm_profile = options.lsm_profile.map(str::to_owned);
    request.lsm_mount_context = options.lsm_mount_context.map(str::to_owned);
    request.inherit_fd = streams;
    external::restored_mounts(&spec, &bundle.path, &cgroup, &mut request);
    external::cgroup_roots(&cgroup, &mut request);
    let handed_on = external::restored_namespaces(&spec, FIRST_HANDED_ON, &mut request)?;
    let service = Service {
        work: Work::Restore,
        op: Op::Restore,
        program: options.criu.program,
        cgroup: Some(&cgroup).filter(|cgroup: &&Cgroup| !cgroup.paths().is_empty()),
        streams: options.launch.stdio.in_order(),
        handed_on,
    };
    let mut terminal = None;
    let done = service.perform(request, |notify, fd| {
        act(notify, fd, &spec, bundle, fresh.directory()?, &mut record, options, &mut terminal)
    });
    done.map_err(|error| if error.op() == Op::Restore { directories.explain(error) } else { error })?;
    let process = process(&record, terminal)?;
    if let Some(path) = options.launch.pid_file {
        let text = record.pid.to_string();
        crate::sys::file::write_atomically(path, text.as_bytes()).at(Op::WriteFile).map_err(|error| error.on(path))?;
    }
    Ok((fresh.keep()?, process))
}

/// What CRIU waits for.
#[expect(clippy::too_many_arguments, reason = "all that a notification may concern; a struct would have one user")]
fn act(
    notify: &Notify,
    fd: Option<OwnedFd>,
    spec: &Spec<'_>,
    bundle: &Bundle,
    directory: &Directory,
    record: &mut Record,
    options: &Restore<'_>,
    terminal: &mut Option<OwnedFd>,
) -> Result<()> {
    match notify.script.as_str() {
        "setup-namespaces" => {
            let state = crate::State { pid: notify.pid, ..describe(record, Status::Creating) };
            launch::run_hooks(&spec.hooks.prestart, &state, &bundle.path)?;
            launch::run_hooks(&spec.hooks.create_runtime, &state, &bundle.path)
        }
        "post-restore" => {
            record.pid = notify.pid;
            record.start_time = crate::sys::proc_stat::start_time(notify.pid).at(Op::State)?;
            directory.replace(record)
        }
        "orphan-pts-master" => {
            let Some(fd) = fd else { return Ok(()) };
            match options.launch.console_socket {
                Some(socket) => launch::send_terminal(socket, fd.as_fd()),
                None => {
                    *terminal = Some(fd);
                    Ok(())
                }
            }
        }
        _ => Ok(()),
    }
}

/// The first process, which CRIU has left to us (`rst_sibling`).
fn process(record: &Record, terminal: Option<OwnedFd>) -> Result<Process> {
    let unknown = || Error::new(Kind::System, Op::Restore).message("criu did not say which process it restored");
    let pid = rustix::process::Pid::from_raw(record.pid).ok_or_else(unknown)?;
    let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).at(Op::Restore)?;
    Ok(Process { pid: record.pid, pidfd, terminal, trace: None, notify: None })
}

/// The root filesystem as CRIU wants it: a mount of its own, in the container's directory. Gone when dropped.
struct Root(PathBuf);

impl Root {
    fn mount(directory: &Directory, rootfs: &Path) -> Result<Self> {
        let fd = directory.fd();
        let path = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))
            .at(Op::Restore)?
            .join(&*CRIU_ROOT.to_string_lossy());
        rustix::fs::mkdirat(fd, CRIU_ROOT, Mode::from_raw_mode(0o700)).at(Op::Restore)?;
        let root = Self(path);
        rustix::mount::mount_bind_recursive(rootfs, &root.0).at(Op::Restore).map_err(|error| error.on(rootfs))?;
        Ok(root)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // Nothing is mounted there where mounting is what failed.
        rustix::mount::unmount(&self.0, UnmountFlags::DETACH).ok();
        if let Err(errno) = rustix::fs::unlinkat(rustix::fs::CWD, &self.0, AtFlags::REMOVEDIR) {
            log::warn!("{} is left: {errno}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::refuse_the_ineffective;
    use crate::{Launch, Restore};

    #[test]
    fn what_a_restore_cannot_do_is_refused_by_name() {
        assert!(refuse_the_ineffective(&Restore::default()).is_ok());
        let launch = Launch { preserve_fds: 1, ..Launch::default() };
        let error = refuse_the_ineffective(&Restore { launch, ..Restore::default() }).unwrap_err();
        assert!(error.to_string().contains("`preserve_fds` is of no effect"), "{error}");
    }
}
