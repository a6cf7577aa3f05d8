//! `Plan` → processes: opens what the plan names, starts init, and talks with it until the launch is done.
//!
//! The only place that starts a process. Whatever fails here leaves no process behind: [`Launched`] ends init when it is
//! dropped before the launch is done.

mod dialogue;
mod gate;
mod hooks;
mod id_mapping;
mod idmap;
mod listener;
mod locked;
mod net_devices;
mod opens;
mod socket;
mod spawn;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use orlop_plan::Slot;
use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::cgroup::Cgroup;
use crate::compile::{Barrier, Plan};
use crate::error::{At, Error, Kind, Op, Pointer, Result};
use crate::sys::affinity::Elsewhere;
use crate::sys::streams::{self, Streams};
use crate::sys::wait::Ending;
use dialogue::Said;
use spawn::{Birth, Born};

pub(crate) use gate::Gate;
pub(crate) use hooks::{HookFiles, run as run_hooks};
pub(crate) use listener::Agent;
pub(crate) use opens::Sources;
pub(crate) use socket::{connect, fd_pair, publish, receive_all, receive_fd, send_terminal, terminal_pair};

/// How long init may take from one word to the next; a hook's own time comes on top.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Init under way.
#[derive(Debug)]
pub(crate) struct Launched<'p> {
    plan: &'p Plan,
    born: Option<Born>,
    dialogue: OwnedFd,
    /// Where init sends the listener of its filter.
    listener: Option<OwnedFd>,
    /// Mounts that init hands over.
    handed: Option<idmap::Handed>,
    /// Interfaces of the host that init's namespace has.
    moved: Option<net_devices::Moved>,
    /// Where init is, and what it may use.
    cgroup: Option<&'p Cgroup>,
    patience: Option<Duration>,
}

/// Starts init on its way through `plan`.
pub(crate) fn launch<'p>(
    plan: &'p Plan,
    sources: Sources<'_>,
    cgroup: Option<&'p Cgroup>,
    stdio: Streams<'_>,
) -> Result<Launched<'p>> {
    let target = sources.target;
    let (listener, sent) = listener::pair(plan)?;
    let (mounts, to_be_mapped) = idmap::pair(plan)?;
    let mut sources = Sources { listener: sent, mounts: to_be_mapped, ..sources };
    // Nothing of init's own may lie where the program is to find what it is handed.
    let first = streams::FIRST.saturating_add(i32::try_from(sources.handed_on.len()).unwrap_or(i32::MAX));
    let handed_on = std::mem::take(&mut sources.handed_on).into_iter().map(|fd| streams::from(first, fd));
    let handed_on: Vec<OwnedFd> = handed_on.collect::<std::result::Result<_, _>>().at(Op::Spawn)?;
    let null = null_for_missing(&stdio)?;
    let stdio = complete(stdio, null.as_ref());
    let opened = opens::all(plan, sources, first)?;
    idmap::apply(plan, &opened)?;
    let handed = mounts.map(|socket| idmap::Handed::new(socket, plan, &opened)).transpose()?;
    let birthplace = cgroup.map(Cgroup::birthplace).transpose()?.flatten();
    let (ours, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .at(Op::Dialogue)?;
    let theirs = streams::from(first, theirs).at(Op::Dialogue)?;
    let fds: Vec<i32> = opened.iter().map(|fd| fd.as_raw_fd()).collect();
    let memory = streams::from(first, encode(plan, theirs.as_raw_fd(), &fds)?).at(Op::Spawn)?;
    let given = |slot: Option<Slot>| slot.and_then(|slot| opened.get(slot.index()?.checked_sub(1)?));
    let birth = Birth {
        namespaces: plan.namespaces,
        cgroup: birthplace.as_ref().map(AsFd::as_fd),
        pid_namespace: given(plan.pid_namespace).map(AsFd::as_fd),
        pid_namespace_inside: plan.pid_namespace_inside,
        score: plan.score_at_birth().map(|(score, _)| *score),
        user_namespace: given(plan.user_namespace).map(AsFd::as_fd),
        plan: memory.as_fd(),
        dialogue: theirs.as_fd(),
        fds: &fds,
        handed_on: &handed_on,
        stdio,
    };
    let elsewhere = initial_affinity(plan)?;
    let spawned = spawn::spawn(&birth).map_err(|error| match plan.score_at_birth() {
        Some((_, origin)) if error.op() == Op::Process => origin.error(error.errno().unwrap_or(Errno::EIO)),
        // What it is born in gives it no page.
        _ if birthplace.is_some() && error.errno() == Some(Errno::ENOMEM) => match memory_limit(plan) {
            Some(field) => error.field(field),
            None => error,
        },
        _ => error,
    });
    let born = match (spawned, cgroup, target) {
        (Err(error), Some(cgroup), Some(target)) if error.errno() == Some(Errno::EBUSY) => {
            beside(target, cgroup, birth, error)?
        }
        (born, ..) => born?,
    };
    drop(elsewhere);
    let patience = patience(plan);
    Ok(Launched { plan, born: Some(born), dialogue: ours, listener, handed, moved: None, cgroup, patience })
}

/// Where the container's memory is limited.
fn memory_limit(plan: &Plan) -> Option<Pointer> {
    let limit = Pointer::new("/linux/resources/memory/limit");
    let mut writes = plan.cgroup.iter().flat_map(|cgroup| &cgroup.writes);
    writes.any(|write| write.field == limit).then_some(limit)
}

/// Sends this thread to the processors that init is to be born on, which inherits them.
fn initial_affinity(plan: &Plan) -> Result<Option<Elsewhere>> {
    let Some((processors, origin)) = &plan.initial_affinity else { return Ok(None) };
    Elsewhere::begin(processors).map(Some).map_err(|errno| origin.error(errno))
}

/// A container that divided its cgroup, as systemd does, takes no more processes in it ("no internal processes", cgroups(7)):
/// a new one goes where its first one is, as in runc.
fn beside(target: BorrowedFd<'_>, cgroup: &Cgroup, birth: Birth<'_>, error: Error) -> Result<Born> {
    let pid = crate::sys::pidfd::pid(target).at(Op::Spawn)?;
    match cgroup.birthplace_beside(pid)? {
        Some(directory) => spawn::spawn(&Birth { cgroup: Some(directory.as_fd()), ..birth }),
        None => Err(error),
    }
}

/// The plan as init maps it.
fn encode(plan: &Plan, dialogue: i32, opened: &[i32]) -> Result<OwnedFd> {
    let fds: Vec<i32> = std::iter::once(dialogue).chain(opened.iter().copied()).collect();
    let mut bytes = Vec::with_capacity(plan.steps.len() + 4 * fds.len() + 64);
    orlop_plan::Plan::write(&fds, plan.trace_slot(), &plan.steps, &mut bytes);
    let memory = rustix::fs::memfd_create("orlop-plan", MemfdFlags::CLOEXEC).at(Op::Spawn)?;
    crate::sys::file::write_all(&memory, &bytes).at(Op::Spawn)?;
    streams::above_standard(memory).at(Op::Spawn)
}

/// `/dev/null`, where a stream is neither given nor there: a container whose standard input is closed would find the first
/// thing init opens there.
fn null_for_missing(stdio: &Streams<'_>) -> Result<Option<OwnedFd>> {
    let missing =
        stdio.iter().enumerate().any(|(number, given)| given.is_none() && streams::standard(number).is_none());
    let open = || rustix::fs::open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty());
    missing.then(open).transpose().at(Op::Spawn)
}

fn complete<'s>(mut stdio: Streams<'s>, null: Option<&'s OwnedFd>) -> Streams<'s> {
    if let Some(null) = null {
        for (number, stream) in stdio.iter_mut().enumerate() {
            if stream.is_none() && streams::standard(number).is_none() {
                *stream = Some(null.as_fd());
            }
        }
    }
    stdio
}

/// Refuses descriptors to be preserved that are not there: what this library opens would lie in their place.
pub(crate) fn check_preserved(count: u32) -> Result<()> {
    match streams::first_missing(count) {
        None => Ok(()),
        Some(number) => Err(Error::new(Kind::Argument, Op::Spawn)
            .message(format!("descriptor {number}, which is to be preserved, is not open"))
            .hint(
                "--preserve-fds N hands on the descriptors 3 to N + 2: all of them must be open, without close-on-exec",
            )),
    }
}

/// No limit where a hook of init has none: the specification lets it take all the time it wants.
fn patience(plan: &Plan) -> Option<Duration> {
    plan.steps().try_fold(PATIENCE, |sum, (_, step)| match step {
        orlop_plan::Step::Hook { timeout: 0, .. } => None,
        orlop_plan::Step::Hook { timeout, .. } => Some(sum.saturating_add(Duration::from_millis(timeout))),
        _ => Some(sum),
    })
}

impl Launched<'_> {
    /// The process id, in the caller's pid namespace.
    pub(crate) fn pid(&self) -> i32 {
        self.born.as_ref().map_or(0, |born| born.pid)
    }

    /// The process itself.
    pub(crate) fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.born.as_ref().map(|born| born.pidfd.as_fd())
    }

    /// Talks with init until it is ready or has become the program; `act` does what init waits for at each barrier.
    pub(crate) fn converse(&mut self, mut act: impl FnMut(Barrier, &Self) -> Result<()>) -> Result<()> {
        loop {
            match dialogue::listen(self.dialogue.as_fd(), self.patience)? {
                Said::Waits(step) => match self.barrier(step) {
                    Some(Barrier::Ready) => return act(Barrier::Ready, self),
                    Some(Barrier::IdMaps) => id_mapping::write(self.plan, self.pid())?,
                    Some(Barrier::Scheduling) => id_mapping::schedule(self.plan, self.pid())?,
                    Some(Barrier::OomScore) => id_mapping::write_oom_score(self.plan, self.pid())?,
                    Some(Barrier::IdMapped(number)) => match &self.handed {
                        Some(handed) => handed.map(self.plan, number)?,
                        None => return Err(dialogue::nonsense()),
                    },
                    Some(Barrier::NetDevices) => self.moved = self.move_devices()?,
                    Some(Barrier::Listener) => {
                        // What it sends, it sends once it goes on.
                        dialogue::answer(self.dialogue.as_fd())?;
                        act(Barrier::Listener, self)?;
                        continue;
                    }
                    Some(barrier) => act(barrier, self)?,
                    None => return Err(dialogue::nonsense()),
                },
                Said::Failed(report) => return Err(dialogue::explain(report, &self.plan.origins)),
                Said::Gone => return self.gone(),
                Said::Unheard => return Err(self.death()),
            }
            dialogue::answer(self.dialogue.as_fd())?;
        }
    }

    fn move_devices(&self) -> Result<Option<net_devices::Moved>> {
        self.pidfd().map(|init| net_devices::move_all(self.plan, init)).transpose()
    }

    /// Hands the listener that init sends to `agent`. Where init fails instead, its report says so.
    pub(crate) fn hand_listener(&self, agent: Option<&Agent>) -> Result<()> {
        let (Some(socket), Some(agent)) = (&self.listener, agent) else { return Ok(()) };
        match listener::receive(socket.as_fd(), self.dialogue.as_fd(), self.patience)? {
            Some(listener) => agent.tell(self.pid(), listener.as_fd()),
            None => Ok(()),
        }
    }

    /// End of file without a report: the program runs, or init was killed.
    fn gone(&mut self) -> Result<()> {
        let expected_ready = self.plan.barriers.iter().any(|(_, barrier)| *barrier == Barrier::Ready);
        match expected_ready {
            false => Ok(()),
            true => Err(self.death()),
        }
    }

    fn death(&mut self) -> crate::Error {
        let ending = self.born.as_ref().map(|born| crate::sys::wait::reap(born.pidfd.as_fd()));
        if matches!(ending, Some(Ok(_))) {
            self.born = None;
        }
        match (&ending, self.cgroup) {
            (Some(Ok(Ending::Signal(libc::SIGKILL))), Some(cgroup)) if cgroup.exceeded().oom_kills > 0 => {
                dialogue::starved()
            }
            _ => dialogue::died(ending),
        }
    }

    fn barrier(&self, step: u32) -> Option<Barrier> {
        self.plan.barriers.iter().find(|(at, _)| *at == step).map(|(_, barrier)| *barrier)
    }

    /// Gives the process up to the caller: nothing ends it any more.
    pub(crate) fn release(mut self) -> Option<(i32, OwnedFd)> {
        if let Some(moved) = self.moved.take() {
            moved.stay();
        }
        self.born.take().map(|born| (born.pid, born.pidfd))
    }
}

/// A launch that was not done takes its process with it.
impl Drop for Launched<'_> {
    fn drop(&mut self) {
        // While there is a namespace to take them from.
        drop(self.moved.take());
        let Some(born) = self.born.take() else { return };
        let killed = crate::sys::pidfd::send_signal(born.pidfd.as_fd(), libc::SIGKILL);
        if let Err(errno) = killed.and_then(|()| crate::sys::wait::reap(born.pidfd.as_fd()).map(drop)) {
            log::debug!("init {} could not be ended: {errno}", born.pid);
        }
    }
}
