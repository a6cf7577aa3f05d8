//! [`Container`]: one that was created. One method for each operation of the specification (runtime.md, "Operations").

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::activation::Notify;
use crate::cgroup::{self, Cgroup};
use crate::compile::{self, Barrier, Plan, Request, Terminal};
use crate::error::{At, Error, Kind, Op, Result};
use crate::host::Host;
use crate::launch::{self, Gate, Sources};
use crate::options::Exec;
use crate::process::Process;
use crate::resctrl;
use crate::spec::{self, Spec};
use crate::state::{Directory, Record, State, Status, Store};
use crate::sys::{pidfd, proc_stat};

/// How long a killed process may take to be gone.
const DEATH_TIMEOUT: Duration = Duration::from_secs(10);

/// A container, by the directory that is kept of it. Dropping it changes nothing.
#[derive(Debug)]
pub struct Container {
    store: Arc<Store>,
    directory: Directory,
}

/// The configuration of a container: the bytes of a `config.json`.
///
/// ```
/// let config = orlop::Config::new(br#"{"ociVersion": "1.3.0", "root": {"path": ""}}"#.to_vec());
/// let error = config.spec().unwrap_err();
/// assert_eq!(error.to_string(), "check config: no path to the root filesystem [config.json /root/path]");
/// ```
#[derive(Clone, Debug)]
pub struct Config(Vec<u8>);

impl Config {
    /// Takes the bytes as they are: [`Config::spec`] reads them.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes of `config.json`.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The configuration, read.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn spec(&self) -> Result<Spec<'_>> {
        Spec::from_slice(&self.0)
    }
}

/// The types other Rust programs describe containers with. What they have and this build has not is an error, as in a file.
///
/// ```
/// use oci_spec::runtime::{ProcessBuilder, RootBuilder, SpecBuilder};
///
/// let process = ProcessBuilder::default().args(["true".to_owned()]).cwd("/").build().unwrap();
/// let root = RootBuilder::default().path("rootfs").build().unwrap();
/// let spec = SpecBuilder::default().version("1.3.0").process(process).root(root).build().unwrap();
/// let config = orlop::Config::try_from(&spec).unwrap();
/// assert_eq!(config.spec().unwrap().process.args, ["true"]);
/// ```
impl TryFrom<&oci_spec::runtime::Spec> for Config {
    type Error = Error;

    fn try_from(spec: &oci_spec::runtime::Spec) -> Result<Self> {
        let bytes = serde_json::to_vec(spec).map_err(|error| Error::new(Kind::Config, Op::ReadConfig).cause(error))?;
        let config = Self(bytes);
        config.spec()?;
        Ok(config)
    }
}

impl Container {
    pub(crate) fn new(store: Arc<Store>, directory: Directory) -> Self {
        Self { store, directory }
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.directory.id()
    }

    /// The state of the container now (runtime.md, "Query State").
    ///
    /// # Errors
    /// [`Kind::NotFound`] once it is deleted.
    pub fn state(&self) -> Result<State> {
        let Some(record) = self.directory.record()? else { return Err(self.unborn()) };
        Ok(State { exceeded: record.cgroup.exceeded(), ..describe(&record, self.status(&record)?) })
    }

    /// The configuration it was created from.
    ///
    /// # Errors
    /// [`Kind::NotFound`] once it is deleted.
    pub fn config(&self) -> Result<Config> {
        self.directory.config()?.map(Config).ok_or_else(|| self.unborn())
    }

    /// Runs the program (runtime.md, "Start"). Returns once it has been executed and the `poststart` hooks have run.
    ///
    /// # Errors
    /// [`Kind::Status`] unless the container is created; [`Kind::Config`] where its configuration has no `process`;
    /// [`Kind::Executable`] where the program cannot be executed; [`Kind::Hook`] where a `startContainer` or a `poststart` hook failed: then the container has ended.
    pub fn start(&self) -> Result<()> {
        self.start_and_relay(None)
    }

    /// The same, for a service: returns once the program says that it is ready (sd_notify(3)) or has ended. `manager` is the
    /// socket of the service manager, who is told so, and that the container's first process is the one to watch. A container
    /// that was created without [`Launch::notify_socket`](crate::Launch::notify_socket) is just started.
    ///
    /// # Errors
    /// As for [`Container::start`], and [`Op::Notify`] where nobody listens at `manager`.
    pub fn start_notifying(&self, manager: &Path) -> Result<()> {
        self.start_and_relay(Some(manager))
    }

    fn start_and_relay(&self, manager: Option<&Path>) -> Result<()> {
        self.during("start", || {
            let lock = self.directory.lock()?;
            let record = self.record()?;
            match self.status(&record)? {
                Status::Created => {}
                Status::Running => {
                    return Err(self.wrong_status(Op::Start, "cannot start an already running container"));
                }
                Status::Paused => {
                    return Err(self.wrong_status(Op::Start, "cannot start a container in the paused state"));
                }
                Status::Stopped => {
                    return Err(self.wrong_status(Op::Start, "cannot start a container that has stopped"));
                }
                Status::Creating => return Err(self.wrong_status(Op::Start, "the container is still being created")),
            }
            let config = self.config()?;
            let spec = config.spec()?;
            spec.process.must_be_there()?;
            let manager = manager.filter(|_| self.directory.has_notify());
            let notify = manager.map(|manager| Notify::make(&self.directory, manager)).transpose()?;
            let target = notify.as_ref().map(|_| self.target(&record)).transpose()?;
            let gate = match Gate::knock(&self.directory) {
                // Whoever started it was killed before it could take the gate away.
                Err(error) if error.errno() == Some(nix::errno::Errno::ECONNREFUSED) => {
                    self.directory.remove_gate()?;
                    return Err(self.wrong_status(Op::Start, "cannot start an already running container"));
                }
                knocked => knocked?,
            };
            self.directory.remove_gate()?;
            // A hook may take all the time it wants: meanwhile the container can be killed and deleted.
            drop(lock);
            gate.wait(&record.last_steps)?;
            self.poststart(&spec, &record)?;
            match (notify, target) {
                (Some(notify), Some(target)) => notify.relay_until_ready(target.as_fd(), record.pid),
                _ => Ok(()),
            }
        })
    }

    /// Runs a second process in the container. It is a child of the caller.
    ///
    /// # Errors
    /// [`Kind::Status`] unless the container is created or running; [`Kind::Executable`] where the program cannot be executed.
    pub fn exec(&self, process: &spec::Process<'_>, options: &Exec<'_>) -> Result<Process> {
        self.during("exec in", || {
            process.must_be_there()?;
            let record = self.record()?;
            let status = self.status(&record)?;
            match status {
                Status::Created | Status::Running => {}
                Status::Paused if options.ignore_paused => self.wait_until_thawed(&record)?,
                Status::Paused => {
                    let message = "cannot exec in a paused container (use --ignore-paused to override)";
                    return Err(self.wrong_status(Op::Exec, message));
                }
                Status::Stopped | Status::Creating => {
                    return Err(self.wrong_status(Op::Exec, "cannot exec in a stopped container"));
                }
            }
            launch::check_preserved(options.preserve_fds)?;
            let config = self.config()?;
            let spec = config.spec()?;
            let target = self.target(&record)?;
            let root = format!("/proc/{}/root", record.pid);
            let cgroup = record.cgroup.below(options.cgroups)?;
            let host = Host::for_exec(process, &spec, root.as_ref(), &cgroup, options.stdio.in_order(), &*self.store)?;
            let plan = compile::exec(&spec, process, &host, &self.exec_request(process, options)?)?;
            let agent = launch::Agent::of(&spec, describe(&record, status));
            let joined = Joined { cgroup: &cgroup, resctrl: record.resctrl.as_ref(), target };
            self.launch(&plan, joined, agent.as_ref(), options)
        })
    }

    /// Sends `signal` to the first process, or with `all` to every process of the container.
    ///
    /// # Errors
    /// [`Kind::Status`] `container not running` unless it is created, running or paused; [`Kind::Argument`] for a signal that
    /// is none.
    pub fn kill(&self, signal: i32, all: bool) -> Result<()> {
        self.during("kill", || {
            let record = self.record()?;
            if self.status(&record)? == Status::Stopped && !all {
                return Err(self.wrong_status(Op::Kill, "container not running"));
            }
            // Without a pid namespace of its own, the death of the first process ends nobody else.
            if (all || signal == libc::SIGKILL && !record.own_pids) && !record.cgroup.paths().is_empty() {
                return record.cgroup.kill_all(signal);
            }
            if all && signal != libc::SIGKILL {
                return self.signal_each(&record, signal);
            }
            let target = self.target(&record)?;
            pidfd::send_signal(target.as_fd(), signal).at(Op::Kill).map_err(|error| match error.errno() {
                Some(nix::errno::Errno::EINVAL) => error.kind_is(Kind::Argument).hint("signals are 1 to 64"),
                Some(nix::errno::Errno::ESRCH) => self.wrong_status(Op::Kill, "container not running"),
                _ => error,
            })?;
            if signal == libc::SIGKILL && !record.own_pids {
                log::warn!(
                    "only the first process of {} was killed: it has neither a cgroup nor a pid namespace of its own, by which \
                     the others would be known",
                    self.id()
                );
            }
            Ok(())
        })
    }

    /// Removes the container and all that was made for it (runtime.md, "Delete"). With `force`, kills it first.
    ///
    /// # Errors
    /// [`Kind::Status`] while it runs and `force` is not given.
    pub fn delete(&self, force: bool) -> Result<()> {
        self.during("delete", || {
            let _lock = self.directory.lock()?;
            let record = match self.directory.record() {
                Err(_) if force => return self.destroy_unrecorded(),
                Err(damage) => return Err(damage.hint("`delete --force` removes the container all the same")),
                Ok(record) => record,
            };
            if let Some(record) = record {
                let status = self.status(&record)?;
                match status {
                    Status::Running | Status::Paused if !force => {
                        let message = format!("cannot delete container {} that is not stopped: {status}", self.id());
                        return Err(self.wrong_status(Op::Delete, message));
                    }
                    Status::Stopped => {}
                    // The lock is ours: whoever was creating it is gone.
                    Status::Creating | Status::Created | Status::Running | Status::Paused => self.end(&record)?,
                }
            }
            self.destroy()
        })
    }

    /// Freezes every process of the container.
    ///
    /// # Errors
    /// [`Kind::Status`] `container not running` unless it is running.
    pub fn pause(&self) -> Result<()> {
        self.during("pause", || {
            let _lock = self.directory.lock()?;
            let record = self.record()?;
            match self.status(&record)? {
                Status::Running | Status::Created => record.cgroup.freeze(),
                _ => Err(self.wrong_status(Op::Freeze, "container not running")),
            }
        })
    }

    /// Thaws a paused container.
    ///
    /// # Errors
    /// [`Kind::Status`] `container not paused` unless it is.
    pub fn resume(&self) -> Result<()> {
        self.during("resume", || {
            let _lock = self.directory.lock()?;
            let record = self.record()?;
            match self.status(&record)? {
                Status::Paused => record.cgroup.thaw(),
                _ => Err(self.wrong_status(Op::Freeze, "container not paused")),
            }
        })
    }

    /// The ids of all its processes, in the caller's pid namespace.
    ///
    /// # Errors
    /// [`Op::Cgroup`] where its cgroup cannot be read.
    pub fn processes(&self) -> Result<Vec<i32>> {
        let record = self.record()?;
        match record.cgroup.paths() {
            [] => self.in_its_pids(&record, Op::State),
            _ => record.cgroup.processes(),
        }
    }

    /// What takes the place of a cgroup where there is none: the pid namespace.
    fn signal_each(&self, record: &Record, signal: i32) -> Result<()> {
        for pid in self.in_its_pids(record, Op::Kill)? {
            let open = |pid| rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok();
            let Some(pidfd) = rustix::process::Pid::from_raw(pid).and_then(open) else { continue };
            // The number may have passed to a process elsewhere before its pidfd was opened, and so may the first one's.
            if !proc_stat::shares_pids(pid, record.pid) || !proc_stat::is_alive(record.pid, record.start_time) {
                continue;
            }
            match pidfd::send_signal(pidfd.as_fd(), signal) {
                Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
                Err(errno) => return Err(errno).at(Op::Kill),
            }
        }
        Ok(())
    }

    /// Who is in its pid namespace, if that is its own. Nobody once its first process is gone: whose number that has by now is a
    /// stranger.
    fn in_its_pids(&self, record: &Record, op: Op) -> Result<Vec<i32>> {
        if !record.own_pids {
            return Err(Error::new(Kind::Unsupported, op)
                .on(self.id())
                .message("has neither a cgroup nor a pid namespace of its own: which processes are its is not known")
                .hint("the first one is what `state` tells"));
        }
        let found = proc_stat::with_pids_of(record.pid).at(op)?;
        Ok(if proc_stat::is_alive(record.pid, record.start_time) { found } else { Vec::new() })
    }

    /// Undoes `create`, then runs the `poststop` hooks (runtime.md, "Lifecycle", 12 and 13). Its processes are gone, or end now.
    pub(crate) fn destroy(&self) -> Result<()> {
        let config = self.directory.config()?.map(Config);
        let Some(record) = self.directory.record()? else {
            self.sweep(config.as_ref())?;
            return self.forget();
        };
        // The kernel ends a pid namespace with its first process. Otherwise, or when that was not recorded any more, somebody
        // may be left.
        if !record.own_pids || record.pid == 0 {
            record.cgroup.kill_all(libc::SIGKILL)?;
        }
        record.cgroup.remove()?;
        if record.cgroup.is_asked_for() {
            self.sweep_unit(config.as_ref())?;
        }
        if let Some(group) = &record.resctrl {
            group.remove()?;
        }
        if let Some(mount) = &record.root_mount {
            mount.remove()?;
        }
        self.forget()?;
        self.poststop(config.as_ref(), &describe(&record, Status::Stopped));
        Ok(())
    }

    /// The same for a container whose record cannot be read. There was one, so its cgroup was made, and is the one its
    /// configuration names; unless it was to have none.
    fn destroy_unrecorded(&self) -> Result<()> {
        let config = self.directory.config()?.map(Config);
        let cgroup = match self.named_unit(config.as_ref())?.filter(Cgroup::exists) {
            Some(cgroup) => Some(cgroup),
            None => self.configured_cgroup(config.as_ref())?,
        };
        if let Some(cgroup) = cgroup {
            cgroup.kill_all(libc::SIGKILL)?;
            cgroup.remove()?;
        } else {
            log::warn!("{}: neither a record nor a cgroup says which processes are its: they run on", self.id());
        }
        self.sweep_resctrl(config.as_ref())?;
        self.forget()
    }

    /// Removes what a `create` left that was killed before it wrote its record: empty cgroups at the most. What the
    /// configuration names may as well be another container's, so nothing in use is touched.
    fn sweep(&self, config: Option<&Config>) -> Result<()> {
        if let Some(cgroup) = self.configured_cgroup(config)? {
            cgroup.remove_unused();
        }
        self.sweep_resctrl(config)
    }

    /// Removes the unit of a `create` that was killed before systemd had started it: a scope whose process ended meanwhile counts as
    /// running for ever. One that has a process is another's, or ends with it.
    fn sweep_unit(&self, config: Option<&Config>) -> Result<()> {
        match self.named_unit(config)? {
            Some(cgroup) if cgroup.processes()?.is_empty() => cgroup.remove(),
            _ => Ok(()),
        }
    }

    /// The same for its group of resctrl.
    fn sweep_resctrl(&self, config: Option<&Config>) -> Result<()> {
        let Some(Ok(spec)) = config.map(Config::spec) else { return Ok(()) };
        let Some(rdt) = &spec.linux.intel_rdt else { return Ok(()) };
        if let Ok(plan) = resctrl::plan(rdt, self.id(), resctrl::root()?.as_deref()) {
            resctrl::Group::remove_unused(&plan);
        }
        Ok(())
    }

    /// The cgroup that the configuration asks for; `None` where that cannot be read, or none was made: what has its name then is
    /// another's.
    fn configured_cgroup(&self, config: Option<&Config>) -> Result<Option<Cgroup>> {
        if self.directory.has_no_cgroup() {
            return Ok(None);
        }
        let Some(Ok(spec)) = config.map(Config::spec) else { return Ok(None) };
        let (resources, path) = (&spec.linux.resources, spec.linux.cgroups_path.as_deref());
        let mut layout = cgroup::Layout::probe()?;
        // For whoever is not root it goes where `create` finds that it may be made.
        let closed = match Host::is_roots()? {
            true => Vec::new(),
            false => layout.closed(resources, path, self.id())?,
        };
        let mut dirs = cgroup::plan(resources, path, self.id(), &layout)?.dirs;
        dirs.retain(|dir| !closed.contains(&dir.mount));
        Ok(Some(Cgroup::from_paths(dirs)))
    }

    /// The cgroup that systemd makes for the configuration.
    fn named_unit(&self, config: Option<&Config>) -> Result<Option<Cgroup>> {
        if self.directory.has_no_cgroup() {
            return Ok(None);
        }
        let Some(Ok(spec)) = config.map(Config::spec) else { return Ok(None) };
        Ok(cgroup::named_unit(spec.linux.cgroups_path.as_deref(), self.id(), &cgroup::Layout::probe()?))
    }

    /// Removes its directory alone: nothing else was made, or it is undone.
    pub(crate) fn forget(&self) -> Result<()> {
        self.store.remove(&self.directory)
    }

    /// "If any `poststart` hook fails, the runtime MUST generate an error, stop the container" (runtime.md, "Lifecycle", 9).
    pub(crate) fn poststart(&self, spec: &Spec<'_>, record: &Record) -> Result<()> {
        let state = describe(record, Status::Running);
        let ran = launch::run_hooks(&spec.hooks.poststart, &state, &state.bundle);
        if ran.is_err()
            && let Err(error) = self.end(record)
        {
            log::warn!("{error}");
        }
        ran
    }

    /// The container is gone, so a hook that fails is only told of (config.md, "Poststop").
    fn poststop(&self, config: Option<&Config>, state: &State) {
        let Some(Ok(spec)) = config.map(Config::spec) else { return };
        for hook in &spec.hooks.poststop {
            if let Err(error) = launch::run_hooks(std::slice::from_ref(hook), state, &state.bundle) {
                log::warn!("{error}");
            }
        }
    }

    fn exec_request<'r>(&'r self, process: &spec::Process<'_>, options: &Exec<'_>) -> Result<Request<'r>> {
        let terminal = match (process.terminal, options.console_socket) {
            (false, None) => Terminal::None,
            (true, Some(_)) => Terminal::ConsoleSocket,
            (true, None) => Terminal::Caller,
            (false, Some(_)) => {
                let message = "cannot use console socket if runc will not detach or allocate tty";
                return Err(Error::new(Kind::Argument, Op::Console).message(message));
            }
        };
        Ok(Request { id: self.id(), terminal, preserve_fds: options.preserve_fds, ..Request::default() })
    }

    fn launch(
        &self,
        plan: &Plan,
        joined: Joined<'_>,
        agent: Option<&launch::Agent>,
        options: &Exec<'_>,
    ) -> Result<Process> {
        let Joined { cgroup, resctrl, target } = joined;
        let (terminal, theirs) = launch::terminal_pair(plan)?;
        let sources = Sources {
            cgroup: Some(cgroup),
            target: Some(target.as_fd()),
            console: options.console_socket.map(launch::connect).transpose()?,
            terminal: theirs,
            ..Sources::default()
        };
        let mut launched = launch::launch(plan, sources, Some(cgroup), options.stdio.in_order())?;
        launched.converse(|barrier, launched| match barrier {
            Barrier::Listener => launched.hand_listener(agent),
            Barrier::Resctrl => resctrl.map_or(Ok(()), |group| group.enter(launched.pid())),
            _ => Ok(()),
        })?;
        launch::publish(&launched, options.pid_file, options.pidfd_socket)?;
        let (pid, pidfd) = launched.release().ok_or_else(|| Error::new(Kind::System, Op::Spawn))?;
        Ok(Process { pid, pidfd, terminal: terminal.map(launch::receive_fd).transpose()?, trace: None, notify: None })
    }

    pub(crate) fn record(&self) -> Result<Record> {
        self.directory.record()?.ok_or_else(|| self.unborn())
    }

    pub(crate) fn status(&self, record: &Record) -> Result<Status> {
        if record.pid == 0 {
            return Ok(if self.directory.is_busy() { Status::Creating } else { Status::Stopped });
        }
        if !proc_stat::is_alive(record.pid, record.start_time) {
            return Ok(Status::Stopped);
        }
        if self.directory.has_new_gate() {
            return Ok(Status::Creating);
        }
        // Before the gate: whoever waits there cannot hear a knock while it is frozen.
        Ok(match record.cgroup.is_frozen() {
            Ok(true) => Status::Paused,
            // Whoever started it may have been killed before it could take the gate away.
            _ if self.directory.has_gate() && proc_stat::is_init(record.pid) => Status::Created,
            _ if self.directory.is_launching() => Status::Creating,
            _ => Status::Running,
        })
    }

    /// A process that is born in a frozen cgroup, or enters one, cannot even be ended before that is thawed: its launch begins then.
    fn wait_until_thawed(&self, record: &Record) -> Result<()> {
        let deadline = Instant::now() + launch::PATIENCE;
        while record.cgroup.is_frozen()? {
            if Instant::now() >= deadline {
                let message = "the container stays paused: no process starts in it";
                return Err(Error::new(Kind::Timeout, Op::Exec).message(message).hint("resume it meanwhile"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The first process, surely: one that took its number later began later.
    pub(crate) fn target(&self, record: &Record) -> Result<OwnedFd> {
        let gone = || self.wrong_status(Op::Kill, "container not running");
        let pid = rustix::process::Pid::from_raw(record.pid).ok_or_else(gone)?;
        let pidfd = match rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
            Err(rustix::io::Errno::SRCH) => return Err(gone()),
            opened => opened.at(Op::Open)?,
        };
        match proc_stat::is_alive(record.pid, record.start_time) {
            true => Ok(pidfd),
            false => Err(gone()),
        }
    }

    /// Kills the first process, if there is one yet.
    pub(crate) fn end_recorded(&self) -> Result<()> {
        match self.directory.record()? {
            Some(record) if record.pid != 0 => self.end(&record),
            _ => Ok(()),
        }
    }

    /// Kills the first process and waits until it is gone.
    pub(crate) fn end(&self, record: &Record) -> Result<()> {
        let Ok(target) = self.target(record) else { return Ok(()) };
        match pidfd::send_signal(target.as_fd(), libc::SIGKILL) {
            Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
            Err(errno) => return Err(errno).at(Op::Kill),
        }
        // A frozen process dies once it is thawed.
        if record.cgroup.is_frozen().unwrap_or(false) {
            record.cgroup.thaw()?;
        }
        let deadline = Instant::now() + DEATH_TIMEOUT;
        while Instant::now() < deadline {
            let limit = Timespec { tv_sec: 1, tv_nsec: 0 };
            let mut fds = [PollFd::new(&target, PollFlags::IN)];
            match poll(&mut fds, Some(&limit)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(errno).at(Op::Delete),
            }
        }
        Err(Error::new(Kind::Timeout, Op::Delete).message("the killed process does not go away"))
    }

    pub(crate) fn during<T>(&self, verb: &str, operation: impl FnOnce() -> Result<T>) -> Result<T> {
        operation().map_err(|error| error.during(format!("{verb} {}", self.id())))
    }

    pub(crate) fn wrong_status(&self, op: Op, message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        Error::new(Kind::Status, op).message(message)
    }

    fn unborn(&self) -> Error {
        Error::new(Kind::NotFound, Op::State).on(self.id()).message("container does not exist")
    }
}

/// What a second process joins.
struct Joined<'j> {
    cgroup: &'j Cgroup,
    resctrl: Option<&'j resctrl::Group>,
    target: OwnedFd,
}

/// A record as the specification words it.
pub(crate) fn describe(record: &Record, status: Status) -> State {
    State {
        oci_version: record.oci_version.clone(),
        id: record.id.clone(),
        pid: if status == Status::Stopped { 0 } else { record.pid },
        status,
        bundle: record.bundle.clone(),
        rootfs: record.rootfs.clone(),
        created: record.created.clone(),
        owner: record.owner_name.clone(),
        annotations: record.annotations.clone(),
        exceeded: cgroup::Exceeded::default(),
    }
}
