//! What a service manager tells its services in their environment (sd_listen_fds(3), sd_notify(3)). The library reads no
//! environment: what it is to know of this one is handed to it.

use std::path::PathBuf;

/// What this call was given, where it is part of a service.
#[derive(Debug, Default)]
pub(crate) struct Service {
    /// How many descriptors from 3 on are sockets of the service.
    pub(crate) listen_fds: u32,
    /// Their names.
    pub(crate) listen_names: Option<String>,
    /// Where to say that the service is ready.
    pub(crate) notify_socket: Option<PathBuf>,
}

impl Service {
    /// Out of the environment.
    pub(crate) fn of_environment() -> Self {
        let text = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        // Meant for somebody else where the process id is another's: then they are only inherited by accident.
        let ours = || text("LISTEN_PID")?.parse::<u32>().ok().filter(|pid| *pid == std::process::id());
        let count = text("LISTEN_FDS").and_then(|count| count.parse().ok()).filter(|_| ours().is_some());
        Self {
            listen_fds: count.unwrap_or_default(),
            listen_names: text("LISTEN_FDNAMES").filter(|_| count.is_some()),
            notify_socket: text("NOTIFY_SOCKET").map(PathBuf::from),
        }
    }
}
