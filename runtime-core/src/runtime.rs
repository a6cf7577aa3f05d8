//! [`Runtime`]: the containers of one state root. `create`, `run` and the way to those that are there.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::activation::{self, Notify};
use crate::cgroup::{Cgroup, Systemd};
use crate::compile::{self, Barrier, Driver, Plan, Request, Terminal};
use crate::container::{Config, Container};
use crate::error::{At, Error, Kind, Op, Pointer, Result};
use crate::host::{Cache, Host, Wanted};
use crate::launch::{self, Gate, HookFiles, Launched, Sources};
use crate::options::{CgroupDriver, Launch};
use crate::process::Process;
use crate::resctrl::Group;
use crate::root_mount::{Detached, RootMount};
use crate::spec::{NamespaceKind, Spec};
use crate::state::{Directory, Lock, Record, Status, Store, timestamp};
use crate::trace::Recorder;

/// The containers below one directory, such as `/run/orlop`.
///
/// Any thread of any program may use it: nothing here depends on the environment, the working directory, signals or an
/// `init` argument of the host program.
///
/// ```no_run
/// use orlop::{Launch, Runtime};
/// # fn main() -> orlop::Result<()> {
/// let runtime = Runtime::open("/run/orlop")?;
/// let (container, process) = runtime.run("hello", "/var/lib/bundles/hello".as_ref(), &Launch::default())?;
/// let exit = process.wait()?;
/// container.delete(false)?;
/// assert_eq!(exit.status(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Runtime {
    store: std::sync::Arc<Store>,
}

/// The largest `config.json` that is read, in bytes.
const LARGEST_CONFIG: usize = 64 << 20;

impl Runtime {
    /// Opens the state root, and makes it if need be, for its owner alone.
    ///
    /// # Errors
    /// [`Op::OpenRoot`] where it cannot be opened or made.
    pub fn open(root: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { store: std::sync::Arc::new(Store::open(root.as_ref())?) })
    }

    /// Creates a container: everything but its program runs (runtime.md, "Create"). It waits for [`Container::start`].
    ///
    /// # Errors
    /// [`Kind::Config`] and [`Kind::Unsupported`] name the field of `config.json`; [`Kind::Exists`] a taken id. Whatever
    /// fails, nothing is left behind.
    pub fn create(&self, id: &str, bundle: &Path, options: &Launch<'_>) -> Result<Container> {
        let create = || {
            let bundle = Bundle::open(bundle, options.config)?;
            let prepared = self.prepare(id, &bundle, options, Kept::Gate)?;
            let (container, _process) = self.launch(prepared, options)?;
            Ok(container)
        };
        create().map_err(|error: Error| error.during(format!("create {id}")))
    }

    /// Creates a container and starts it in one go. The process is a child of the caller.
    ///
    /// # Errors
    /// As for [`Runtime::create`], and [`Kind::Executable`] where the program cannot be executed.
    pub fn run(&self, id: &str, bundle: &Path, options: &Launch<'_>) -> Result<(Container, Process)> {
        let run = || {
            let bundle = Bundle::open(bundle, options.config)?;
            let prepared = self.prepare(id, &bundle, options, Kept::Child)?;
            self.launch(prepared, options)
        };
        run().map_err(|error: Error| error.during(format!("run {id}")))
    }

    /// The launch that `create` would carry out, for people to read. Starts and changes nothing.
    ///
    /// # Errors
    /// What [`Runtime::create`] would find wrong before it starts anything.
    pub fn plan(&self, id: &str, bundle: &Path, options: &Launch<'_>) -> Result<Plan> {
        let bundle = Bundle::open(bundle, options.config)?;
        let spec = bundle.config.spec()?;
        self.compile(id, &bundle, &spec, options, Kept::Gate)
    }

    /// The container `id`.
    ///
    /// # Errors
    /// [`Kind::NotFound`] where there is none.
    pub fn container(&self, id: &str) -> Result<Container> {
        Ok(Container::new(self.store.clone(), self.store.find(id)?))
    }

    /// All containers, by id.
    ///
    /// # Errors
    /// [`Op::State`] where the state root cannot be read.
    pub fn containers(&self) -> Result<Vec<Container>> {
        // One that is deleted meanwhile is none.
        Ok(self.store.ids()?.iter().filter_map(|id| self.container(id).ok()).collect())
    }

    fn compile(&self, id: &str, bundle: &Bundle, spec: &Spec<'_>, options: &Launch<'_>, kept: Kept) -> Result<Plan> {
        let forgoes_cgroups = match options.cgroups {
            CgroupDriver::Cgroupfs => options.forgoes_cgroups,
            _ => Some(false),
        };
        let wanted = Wanted { id, forgoes_cgroups };
        let mut host = Host::for_create(spec, &bundle.path, wanted, options.stdio.in_order(), &*self.store)?;
        host.systemd = match options.cgroups {
            CgroupDriver::Systemd => Some(Systemd::of_machine()?),
            CgroupDriver::SystemdUser(directory) => Some(Systemd::of_user(directory)?),
            CgroupDriver::Cgroupfs | CgroupDriver::Disabled => None,
        };
        let mut request = request(id, bundle, spec, options, kept)?;
        request.notify = options.notify_socket.map(|_| self.store.notify_directory(id)).transpose()?;
        let plan = compile::create(spec, &host, &request)?;
        for warning in host.seccomp.iter().flat_map(|filter| &filter.warnings).chain(&plan.warnings) {
            log::warn!("{warning}");
        }
        Ok(plan)
    }

    pub(crate) fn prepare<'b>(
        &self,
        id: &str,
        bundle: &'b Bundle,
        options: &Launch<'_>,
        kept: Kept,
    ) -> Result<Prepared<'b>> {
        crate::state::check_id(id)?;
        launch::check_preserved(options.preserve_fds.saturating_add(options.listen_fds))?;
        let mut spec = bundle.config.spec()?;
        if kept == Kept::Child {
            spec.process.must_be_there()?;
        }
        activation::announce(options, &mut spec.process);
        spec.process.console_size = options.console_size.or(spec.process.console_size);
        let plan = self.compile(id, bundle, &spec, options, kept)?;
        let (directory, lock) = self.store.make(id)?;
        let container = Container::new(self.store.clone(), directory);
        Ok(Prepared { spec, bundle, plan, kept, fresh: Fresh { container: Some(container), lock } })
    }

    fn launch(&self, prepared: Prepared<'_>, options: &Launch<'_>) -> Result<(Container, Process)> {
        let Prepared { spec, bundle, plan, kept, mut fresh } = prepared;
        let mut record = record(fresh.directory()?, fresh.owner(), &spec, bundle, &plan);
        let cgroup = fresh.begin(bundle, &plan, &mut record)?;
        let hook_files = HookFiles::for_plan(&plan)?;
        let recorder = options.trace.then(|| Recorder::new(&plan)).transpose()?;
        let (terminal, theirs) = launch::terminal_pair(&plan)?;
        let notified =
            options.notify_socket.map(|manager| Ok((fresh.directory()?.make_notify(&plan)?, manager))).transpose()?;
        // At a gate it is made by who starts the container, and listens.
        let notify = match (&notified, kept) {
            (Some((_, manager)), Kept::Child) => Some(Notify::make(fresh.directory()?, manager)?),
            _ => None,
        };
        let sources = Sources {
            notify: notified.and_then(|(tree, _)| tree),
            cgroup: cgroup.as_ref(),
            hook_state: hook_files.as_ref().map(HookFiles::state),
            hook_output: hook_files.as_ref().map(HookFiles::output),
            gate: (kept == Kept::Gate).then(|| Gate::make(fresh.directory()?)).transpose()?,
            console: options.console_socket.map(launch::connect).transpose()?,
            terminal: theirs,
            trace: recorder.as_ref().map(AsFd::as_fd),
            ..Sources::default()
        };
        if kept == Kept::Child {
            fresh.directory()?.begin_launch()?;
        }
        let mut launched = launch::launch(&plan, sources, cgroup.as_ref(), options.stdio.in_order())?;
        record.pid = launched.pid();
        record.start_time = match crate::sys::proc_stat::start_time(record.pid) {
            // In a program that ignores SIGCHLD the process may have come and gone: nothing else has this time.
            Err(nix::errno::Errno::ENOENT | nix::errno::Errno::ESRCH) => 0,
            time => time.at(Op::State)?,
        };
        fresh.directory()?.replace(&record)?;
        let state = |record: &Record, status| crate::container::describe(record, status);
        let talk = launched.converse(|barrier, launched| match barrier {
            Barrier::Unit => plan.cgroup.as_ref().map_or(Ok(()), |wanted| {
                Cgroup::start(wanted, launched.pid(), |cgroup| {
                    record.cgroup = cgroup.clone();
                    fresh.directory()?.replace(&record)
                })
            }),
            Barrier::Resctrl => record.resctrl.as_ref().map_or(Ok(()), |group| group.enter(launched.pid())),
            _ => act(barrier, launched, &spec, bundle, hook_files.as_ref(), &state(&record, Status::Creating)),
        });
        talk.map_err(|error| match (error.kind(), &hook_files) {
            (Kind::Hook | Kind::Timeout, Some(files)) => error.adding(&files.said()),
            _ => error,
        })?;
        if kept == Kept::Child {
            fresh.directory()?.end_launch()?;
        }
        launch::publish(&launched, options.pid_file, options.pidfd_socket)?;
        let process = Process {
            pid: record.pid,
            terminal: terminal.map(launch::receive_fd).transpose()?,
            pidfd: launched.release().map(|(_, pidfd)| pidfd).ok_or_else(|| Error::new(Kind::System, Op::Spawn))?,
            notify,
            trace: recorder.map(|recorder| recorder.read(&plan)).transpose()?,
        };
        let container = fresh.keep()?;
        match kept {
            Kept::Gate => container.directory().show_gate()?,
            Kept::Child => {
                // A hook may change the container, and take all the time it wants.
                drop(fresh);
                if let Err(error) = container.poststart(&spec, &record) {
                    match container.delete(true) {
                        Err(left) if left.kind() != Kind::NotFound => log::error!("{left}"),
                        _ => {}
                    }
                    return Err(error);
                }
            }
        }
        Ok((container, process))
    }
}

/// What becomes of the process once it is launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It waits at the gate for `start`.
    Gate,
    /// It runs, as a child of the caller.
    Child,
}

/// A bundle, opened: its directory and its `config.json`.
pub(crate) struct Bundle {
    pub(crate) path: PathBuf,
    name: CString,
    config: Config,
}

impl Bundle {
    /// Its path is the kernel's own, without links: what is kept of a container does not change with them.
    pub(crate) fn open(path: &Path, config: Option<&Config>) -> Result<Self> {
        let name = CString::new(path.as_os_str().as_bytes())
            .map_err(|_nul| Error::new(Kind::Argument, Op::OpenBundle).message("the path holds a NUL byte"))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(&name, flags, Mode::empty()).at(Op::OpenBundle).map_err(|error| {
            error
                .on(path)
                .kind_is(Kind::NotFound)
                .hint("a bundle is a directory with a config.json and a root filesystem")
        })?;
        let name = rustix::fs::readlink(format!("/proc/self/fd/{}", directory.as_raw_fd()), Vec::new())
            .at(Op::OpenBundle)
            .map_err(|error| error.on(path))?;
        let path = PathBuf::from(OsStr::from_bytes(name.as_bytes()));
        let config = match config {
            Some(config) => config.clone(),
            None => Config::new(read_config(&directory, &path)?),
        };
        Ok(Self { path, name, config })
    }
}

fn read_config(directory: &OwnedFd, path: &Path) -> Result<Vec<u8>> {
    let config = rustix::fs::openat(directory, c"config.json", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .at(Op::ReadConfig)
        .map_err(|error| {
            error.on(path.join("config.json")).kind_is(Kind::NotFound).hint("`orlop spec` writes one to begin with")
        })?;
    crate::sys::file::read_all(config, LARGEST_CONFIG).at(Op::ReadConfig)
}

pub(crate) struct Prepared<'b> {
    pub(crate) spec: Spec<'b>,
    bundle: &'b Bundle,
    pub(crate) plan: Plan,
    kept: Kept,
    pub(crate) fresh: Fresh,
}

/// A container under construction: dropped before it is done, everything of it is removed.
pub(crate) struct Fresh {
    container: Option<Container>,
    lock: Lock,
}

impl Fresh {
    /// Writes down what it is to be, and makes its cgroup, its group of resctrl, and a mount of its root where it needs one.
    pub(crate) fn begin(&mut self, bundle: &Bundle, plan: &Plan, record: &mut Record) -> Result<Option<Cgroup>> {
        self.directory()?.keep_config(bundle.config.bytes())?;
        if plan.cgroup.is_none() {
            self.directory()?.keep_no_cgroup()?;
        }
        let cgroup = match plan.cgroup.as_ref().map(Cgroup::create).transpose() {
            // A cgroup that is there may be another container's: it must not be emptied with this one.
            Err(error) => return Err(self.keep()?.forget().err().unwrap_or(error)),
            made => made?,
        };
        let others = make_others(plan, record);
        // Whatever is in the cgroup from here on is this container's. It is written down also where the others fail: without a
        // record the undo looks for what has the right name, and that group of resctrl may be an administrator's.
        self.directory()?.replace(record)?;
        if let Some(detached) = others? {
            detached.attach()?;
        }
        Ok(cgroup)
    }

    /// The user whose container it is.
    pub(crate) const fn owner(&self) -> u32 {
        self.lock.owner
    }

    pub(crate) fn directory(&self) -> Result<&Directory> {
        self.container.as_ref().map(Container::directory).ok_or_else(|| Error::new(Kind::System, Op::State))
    }

    pub(crate) fn keep(&mut self) -> Result<Container> {
        self.container.take().ok_or_else(|| Error::new(Kind::System, Op::State))
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(container) = self.container.take()
            && let Err(error) = container.end_recorded().and_then(|()| container.destroy())
        {
            log::error!("{} is not wholly removed: {error}", container.id());
        }
    }
}

/// Makes its group of resctrl, and a mount of its root that nobody sees yet. What is made is in the record.
fn make_others(plan: &Plan, record: &mut Record) -> Result<Option<Detached>> {
    record.resctrl = plan.resctrl.as_ref().map(Group::make).transpose()?;
    let root = plan.root_mount.as_ref().map(|_| RootMount::prepare(&record.rootfs)).transpose()?;
    record.root_mount = root.as_ref().map(|(mount, _)| mount.clone());
    Ok(root.map(|(_, detached)| detached))
}

fn request<'r>(id: &'r str, bundle: &Bundle, spec: &Spec<'_>, options: &Launch<'_>, kept: Kept) -> Result<Request<'r>> {
    let wanted = options.terminal || spec.process.terminal;
    let refuse = |message| {
        let error = Error::new(Kind::Argument, Op::Console).field(Pointer::new("/process/terminal"));
        Err(error.message(message).hint("--console-socket names the socket that the terminal is sent to"))
    };
    let terminal = match (wanted, options.console_socket, kept) {
        (false, None, _) => Terminal::None,
        (true, Some(_), _) => Terminal::ConsoleSocket,
        (true, None, Kept::Child) => Terminal::Caller,
        // The words are runc's.
        (true, None, Kept::Gate) => {
            return refuse("cannot allocate tty if runc will detach without setting console socket");
        }
        (false, Some(_), _) => return refuse("cannot use console socket if runc will not detach or allocate tty"),
    };
    Ok(Request {
        id,
        bundle: bundle.name.clone(),
        terminal,
        preserve_fds: options.preserve_fds.saturating_add(options.listen_fds),
        no_pivot: options.no_pivot,
        no_new_keyring: options.no_new_keyring,
        notify: None,
        gate: kept == Kept::Gate,
        trace: options.trace,
        cgroups: match options.cgroups {
            CgroupDriver::Cgroupfs => Driver::Cgroupfs,
            CgroupDriver::Systemd | CgroupDriver::SystemdUser(_) => Driver::Systemd,
            CgroupDriver::Disabled => Driver::Disabled,
        },
    })
}

pub(crate) fn record(directory: &Directory, owner: u32, spec: &Spec<'_>, bundle: &Bundle, plan: &Plan) -> Record {
    Record {
        oci_version: spec.version.to_string(),
        id: directory.id().to_owned(),
        pid: 0,
        start_time: 0,
        bundle: bundle.path.clone(),
        rootfs: bundle.path.join(&*spec.root).components().collect(),
        created: timestamp(),
        owner_name: owner_name(owner),
        annotations: spec.annotations.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        cgroup: plan.cgroup.as_ref().map(Cgroup::of).unwrap_or_default(),
        root_mount: None,
        resctrl: None,
        own_pids: *spec.linux.namespaces.get(NamespaceKind::Pid) == crate::spec::Namespace::New,
        last_steps: plan.last_steps(),
        limits: None,
    }
}

/// What the parent does while init waits.
fn act(
    barrier: Barrier,
    launched: &Launched<'_>,
    spec: &Spec<'_>,
    bundle: &Bundle,
    hook_files: Option<&HookFiles>,
    state: &crate::State,
) -> Result<()> {
    match barrier {
        Barrier::RuntimeHooks => {
            // Those who still have such hooks wrote them when they ran in `start`, and crun goes on telling them so.
            let created = crate::State { status: Status::Created, ..state.clone() };
            launch::run_hooks(&spec.hooks.prestart, &created, &bundle.path)?;
            launch::run_hooks(&spec.hooks.create_runtime, state, &bundle.path)
        }
        Barrier::HookState | Barrier::Created | Barrier::Ready => {
            let Some(files) = hook_files else { return Ok(()) };
            let status = if barrier == Barrier::HookState { Status::Creating } else { Status::Created };
            let inside = crate::sys::proc_stat::pid_inside(launched.pid()).at(Op::Hook)?;
            files.fill(&crate::State { pid: inside, status, ..state.clone() })
        }
        Barrier::Listener => launched.hand_listener(launch::Agent::of(spec, state.clone()).as_ref()),
        Barrier::IdMaps
        | Barrier::OomScore
        | Barrier::Scheduling
        | Barrier::Resctrl
        | Barrier::NetDevices
        | Barrier::IdMapped(_)
        | Barrier::Unit
        | Barrier::Clones => Ok(()),
    }
}

/// The name of the user; empty for root, as runc says it.
fn owner_name(uid: u32) -> String {
    match uid {
        0 => String::new(),
        uid => nix::unistd::User::from_uid(uid.into()).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name),
    }
}

impl Cache for Store {
    fn directory(&self) -> Option<OwnedFd> {
        crate::seccomp::cache_dir(self.fd()).map_err(|error| log::debug!("no cache of seccomp filters: {error}")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory stands in for resctrl, as in the tests of the group itself.
    #[test]
    fn a_create_that_finds_a_foreign_group_of_resctrl_has_none_to_remove() {
        let dir = std::env::temp_dir().join(format!("orlop-foreign-group-{}", std::process::id()));
        let group = dir.join("resctrl/web");
        std::fs::create_dir_all(&group).unwrap();
        std::fs::write(group.join("schemata"), "L3:0=f\n").unwrap();
        let text = r#"{"ociVersion": "1.3.0", "root": {"path": "r"}, "process": {"args": ["a"], "cwd": "/"},
            "linux": {"intelRdt": {"schemata": ["L3:0=1"]}}}"#;
        let config = Config::new(text.as_bytes().to_vec());
        let bundle = Bundle { path: dir.clone(), name: c"/".to_owned(), config };
        let spec = bundle.config.spec().unwrap();
        let rdt = spec.linux.intel_rdt.as_ref().unwrap();
        let asked = crate::resctrl::plan(rdt, "web", Some(&dir.join("resctrl"))).unwrap();
        let plan = Plan { resctrl: Some(asked), ..Plan::default() };

        let store = std::sync::Arc::new(Store::open(&dir.join("state")).unwrap());
        let (directory, lock) = store.make("web").unwrap();
        let mut fresh = Fresh { container: Some(Container::new(store, directory)), lock };
        let mut record = record(fresh.directory().unwrap(), 0, &spec, &bundle, &plan);
        assert_eq!(fresh.begin(&bundle, &plan, &mut record).unwrap_err().kind(), Kind::Exists);
        // By this the undo goes, not by names.
        let written = fresh.directory().unwrap().record().unwrap().unwrap();
        assert_eq!(written.resctrl, None);
        drop(fresh);
        assert!(group.exists() && !dir.join("state/web").exists());
        std::fs::remove_dir_all(dir).unwrap();
    }
}
