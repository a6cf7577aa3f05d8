//! What the caller of `create`, `run` and `exec` may ask for beside the configuration.

use std::os::fd::BorrowedFd;
use std::path::Path;

use crate::container::Config;

/// How to create or run a container. The default is a container like runc's: no terminal socket, no extra descriptors, the
/// caller's own standard streams.
#[derive(Clone, Copy, Debug, Default)]
pub struct Launch<'a> {
    /// The configuration, in the place of the bundle's `config.json`. Paths in it are still relative to the bundle.
    pub config: Option<&'a Config>,
    /// A listening unix socket that the terminal is sent to.
    pub console_socket: Option<&'a Path>,
    /// Give the process a terminal even if its configuration does not ask for one.
    pub terminal: bool,
    /// The size of the terminal in rows and columns, where it is to have another than `consoleSize`.
    pub console_size: Option<(u16, u16)>,
    /// A file that gets the process id, written before anyone else learns of the container.
    pub pid_file: Option<&'a Path>,
    /// A listening unix socket that a pidfd of the process is sent to.
    pub pidfd_socket: Option<&'a Path>,
    /// How many descriptors from 3 on the process inherits.
    pub preserve_fds: u32,
    /// Enter the root with `chroot(2)`: for a root that cannot be pivoted, such as an initramfs.
    pub no_pivot: bool,
    /// Stay in the caller's session keyring.
    pub no_new_keyring: bool,
    /// The process's standard streams.
    pub stdio: Stdio<'a>,
    /// Whether the container goes without cgroups that this process may not make, if its configuration asks for no limit and names
    /// none; `None`: unless this process is the host's root.
    pub forgoes_cgroups: Option<bool>,
    /// How many descriptors from 3 on are sockets of the caller's service manager (sd_listen_fds(3)): the process inherits them
    /// before those of `preserve_fds`, and its environment tells of them.
    pub listen_fds: u32,
    /// Their names, as in `LISTEN_FDNAMES`.
    pub listen_names: Option<&'a str>,
    /// The socket of the caller's service manager (sd_notify(3)): the process gets one of its own, whose word that it is ready is
    /// relayed by [`Container::start_notifying`](crate::Container::start_notifying) or, after `run`, by [`Notify`](crate::Notify).
    pub notify_socket: Option<&'a Path>,
    /// Write down the time of each step.
    pub trace: bool,
    /// Who makes the container's cgroup.
    pub cgroups: CgroupDriver<'a>,
}

/// Who makes the cgroup of a container. Later calls need not be told: it is part of what is kept of the container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CgroupDriver<'a> {
    /// This library, in the file system. `linux.cgroupsPath` is a path.
    #[default]
    Cgroupfs,
    /// The machine's systemd, as a scope. `linux.cgroupsPath` is `slice:prefix:name`.
    Systemd,
    /// The systemd of the user whose runtime directory this is, such as `/run/user/1000`.
    SystemdUser(&'a Path),
    /// Nobody: the container stays in the caller's cgroup, and can have no limits.
    Disabled,
}

/// How to run a second process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exec<'a> {
    /// A listening unix socket that the terminal is sent to.
    pub console_socket: Option<&'a Path>,
    /// A file that gets the process id.
    pub pid_file: Option<&'a Path>,
    /// A listening unix socket that a pidfd of the process is sent to.
    pub pidfd_socket: Option<&'a Path>,
    /// How many descriptors from 3 on the process inherits.
    pub preserve_fds: u32,
    /// The process's standard streams.
    pub stdio: Stdio<'a>,
    /// Start even in a paused container: the process runs once that is resumed.
    pub ignore_paused: bool,
    /// The cgroups below the container's that the process joins: one `path`, or any number of `controller,…:path`, for some hierarchies
    /// of cgroup v1 each.
    pub cgroups: &'a [&'a str],
}

/// Standard streams of a process; the caller's own where `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stdio<'a> {
    /// Descriptor 0.
    pub input: Option<BorrowedFd<'a>>,
    /// Descriptor 1.
    pub output: Option<BorrowedFd<'a>>,
    /// Descriptor 2.
    pub error: Option<BorrowedFd<'a>>,
}

impl<'a> Stdio<'a> {
    /// By number.
    pub(crate) fn in_order(&self) -> [Option<BorrowedFd<'a>>; 3] {
        [self.input, self.output, self.error]
    }
}
