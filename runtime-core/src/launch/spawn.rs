//! Starts init: from a sealed memfd, in its namespaces and its cgroup, from any thread of any program.
//!
//! The child shares the memory of this process until it executes init (`CLONE_VM | CLONE_VFORK`), so it runs one function
//! that allocates nothing, locks nothing and returns never. Every signal is blocked meanwhile: no handler of the host
//! program can run in it.
#![allow(unsafe_code, reason = "clone3(2) with a stack, and the raw calls of its child")]

use std::arch::asm;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::fs::{MemfdFlags, Mode, SealFlags};

use crate::error::{At, Error, Op, Result};
use crate::init_image::INIT;

// libc has 0 for the two above 32 bits on gnu targets.
const CLONE_CLEAR_SIGHAND: u64 = 1 << 32;
const CLONE_INTO_CGROUP: u64 = 1 << 33;
const MFD_EXEC: u32 = 0x10;
const CLONE_NEWUSER: u32 = crate::spec::NamespaceKind::User.flag();
const CLONE_NEWPID: u32 = crate::spec::NamespaceKind::Pid.flag();

/// What a new init is given.
#[derive(Debug)]
pub(crate) struct Birth<'b> {
    /// `CLONE_NEW*` flags.
    pub(crate) namespaces: u32,
    /// The cgroup v2 directory it is born in (Linux 5.7).
    pub(crate) cgroup: Option<BorrowedFd<'b>>,
    /// The user namespace that must own its new namespaces, where that is joined.
    pub(crate) user_namespace: Option<BorrowedFd<'b>>,
    /// The pid namespace it is born in.
    pub(crate) pid_namespace: Option<BorrowedFd<'b>>,
    /// That is joined by a go-between: this thread lacks the privilege, or the one to come back.
    pub(crate) pid_namespace_inside: bool,
    /// The `oom_score_adj` it is born with, where that is not this process's: in a user namespace that is joined.
    pub(crate) score: Option<i32>,
    /// The memfd of its plan.
    pub(crate) plan: BorrowedFd<'b>,
    /// Its end of the dialogue.
    pub(crate) dialogue: BorrowedFd<'b>,
    /// Everything else it inherits.
    pub(crate) fds: &'b [RawFd],
    /// What it finds from descriptor 3 on; all else it is given lies above.
    pub(crate) handed_on: &'b [OwnedFd],
    /// What replaces its standard streams.
    pub(crate) stdio: [Option<BorrowedFd<'b>>; 3],
}

/// A process that was started.
#[derive(Debug)]
pub(crate) struct Born {
    pub(crate) pid: i32,
    pub(crate) pidfd: OwnedFd,
}

/// Starts init. Returns once init's own code runs: the child has left this process's memory.
pub(crate) fn spawn(birth: &Birth<'_>) -> Result<Born> {
    let (image, moved) = (image()?, moved_image(birth.handed_on.len())?);
    let image = moved.as_ref().map_or(image, AsFd::as_fd);
    let handed_on: Vec<RawFd> = birth.handed_on.iter().map(AsRawFd::as_raw_fd).collect();
    let streams = above_standard(&birth.stdio)?;
    let stream = |index: usize| streams.get(index).and_then(Option::as_ref).map_or(-1, AsRawFd::as_raw_fd);
    let (mut plan, mut dialogue) = ([0; 12], [0; 12]);
    let argv = [
        c"orlop-init".as_ptr(),
        decimal(birth.plan.as_raw_fd(), &mut plan),
        decimal(birth.dialogue.as_raw_fd(), &mut dialogue),
        std::ptr::null(),
    ];
    let child = Child {
        image: image.as_raw_fd(),
        argv: argv.as_ptr(),
        passed: [birth.plan.as_raw_fd(), birth.dialogue.as_raw_fd()],
        fds: birth.fds,
        handed_on: &handed_on,
        stdio: [stream(0), stream(1), stream(2)],
        keep_capabilities: birth.user_namespace.is_some() || birth.namespaces & CLONE_NEWUSER != 0,
        go_between: None,
        errno: AtomicI32::new(0),
    };
    let _home = birth.pid_namespace.filter(|_| !birth.pid_namespace_inside).map(born_elsewhere).transpose()?;
    match birth.user_namespace.is_some() || (birth.pid_namespace.is_some() && birth.pid_namespace_inside) {
        false => clone(birth, &child),
        true => clone_inside(birth, &child),
    }
}

/// What the child reads. It lies in the parent's memory, which the child shares.
struct Child<'c> {
    image: RawFd,
    argv: *const *const libc::c_char,
    passed: [RawFd; 2],
    fds: &'c [RawFd],
    handed_on: &'c [RawFd],
    stdio: [RawFd; 3],
    keep_capabilities: bool,
    /// What the child does in the place of all this.
    go_between: Option<GoBetween<'c>>,
    errno: AtomicI32,
}

/// A child that joins a user namespace, so that the namespaces of the one it starts belong to that; then it ends. A thread of
/// a host program with several threads cannot join one itself (`setns(2)`, EINVAL). Nor could it leave a pid namespace again
/// for one that is the host's, without privilege there.
struct GoBetween<'c> {
    /// The user namespace; -1: none.
    user: RawFd,
    /// The pid namespace that is joined after it; -1: none.
    pids: RawFd,
    arguments: libc::clone_args,
    child: &'c Child<'c>,
}

#[repr(C, align(16))]
struct Stack([u8; 16 * 1024]);

fn clone(birth: &Birth<'_>, child: &Child<'_>) -> Result<Born> {
    let mut stack = Stack([0; 16 * 1024]);
    let mut pidfd: RawFd = -1;
    let mut arguments = arguments(&mut stack, &mut pidfd, u64::from(birth.namespaces));
    into_cgroup(birth, &mut arguments);
    let pid = start(&arguments, child)?;
    // SAFETY: CLONE_PIDFD has just stored this descriptor, and nobody else has it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    executed(child, Born { pid, pidfd })
}

/// The same in two steps. The go-between shares the descriptors of this process, so that the pidfd of its child, who is a
/// child of this process too (`CLONE_PARENT`), lands here.
fn clone_inside(birth: &Birth<'_>, child: &Child<'_>) -> Result<Born> {
    let (mut stack, mut inner_stack) = (Stack([0; 16 * 1024]), Stack([0; 16 * 1024]));
    let (mut pidfd, mut inner_pidfd): (RawFd, RawFd) = (-1, -1);
    let inner = arguments(&mut inner_stack, &mut inner_pidfd, u64::from(birth.namespaces) | libc::CLONE_PARENT as u64);
    let between = Child {
        go_between: Some(GoBetween {
            user: birth.user_namespace.map_or(-1, |fd| fd.as_raw_fd()),
            pids: birth.pid_namespace.filter(|_| birth.pid_namespace_inside).map_or(-1, |fd| fd.as_raw_fd()),
            arguments: inner,
            child,
        }),
        errno: AtomicI32::new(0),
        ..*child
    };
    let mut arguments = arguments(&mut stack, &mut pidfd, libc::CLONE_FILES as u64);
    into_cgroup(birth, &mut arguments);
    let pid = {
        let _private = Private::begin(birth.score)?;
        start(&arguments, &between)?
    };
    // SAFETY: CLONE_PIDFD has just stored this descriptor, and nobody else has it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let between_born = executed(&between, Born { pid, pidfd })?;
    crate::sys::wait::reap(between_born.pidfd.as_fd()).at(Op::Spawn)?;
    // SAFETY: CLONE_PIDFD has stored this descriptor in the shared table, and nobody else has it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(inner_pidfd) };
    // The go-between knew the number in its own pid namespace only.
    let pid = crate::sys::pidfd::pid(pidfd.as_fd()).at(Op::Spawn)?;
    executed(child, Born { pid, pidfd })
}

/// While children in a user namespace that is not new share this process's memory, nobody in that namespace may trace them:
/// it would be tracing this process (CVE-2015-8709). One at a time, so that each puts back what it found.
struct Private {
    before: bool,
    score: Option<String>,
    _turn: MutexGuard<'static, ()>,
}

const SCORE: &str = "/proc/self/oom_score_adj";

impl Private {
    /// The children inherit `score`. Only here can one who is not root give it to them: their own files in `/proc` are root's.
    fn begin(score: Option<i32>) -> Result<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let before = prctl::get_dumpable().at(Op::Spawn)?;
        let mut private = Self { before, score: None, _turn: turn };
        if let Some(score) = score {
            private.score = Some(std::fs::read_to_string(SCORE).at(Op::Process)?);
            std::fs::write(SCORE, score.to_string()).at(Op::Process)?;
        }
        prctl::set_dumpable(false).at(Op::Spawn)?;
        Ok(private)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if let Err(errno) = prctl::set_dumpable(self.before) {
            log::error!("this process stays undumpable: {errno}");
        }
        if let Some(score) = &self.score
            && let Err(error) = std::fs::write(SCORE, score.trim())
        {
            log::error!("this process keeps the container's oom_score_adj: {error}");
        }
    }
}

/// No exit signal: a child that fails before it executes init is none of the host program's business. `execve(2)` makes it
/// SIGCHLD again.
fn arguments(stack: &mut Stack, pidfd: &mut RawFd, flags: u64) -> libc::clone_args {
    let always = (libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD) as u64 | CLONE_CLEAR_SIGHAND;
    libc::clone_args {
        flags: always | flags,
        pidfd: std::ptr::from_mut(pidfd) as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: 0,
        stack: stack.0.as_mut_ptr() as u64,
        stack_size: stack.0.len() as u64,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    }
}

fn into_cgroup(birth: &Birth<'_>, arguments: &mut libc::clone_args) {
    if let Some(cgroup) = birth.cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = u64::try_from(cgroup.as_raw_fd()).unwrap_or(0);
    }
}

/// Clones with every signal blocked, and says how that went.
fn start(arguments: &libc::clone_args, child: &Child<'_>) -> Result<i32> {
    let blocked = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK).at(Op::Spawn)?;
    // SAFETY: `arguments` describes a stack that outlives the child's use of it: CLONE_VFORK suspends this thread until the
    // child has executed or ended. The child runs `be_child` alone, on that stack.
    let result = unsafe { clone3(arguments, child) };
    blocked.thread_set_mask().at(Op::Spawn)?;
    match i32::try_from(result) {
        Ok(pid @ 1..) => Ok(pid),
        _ => Err(refused(Errno::from_raw(i32::try_from(-result).unwrap_or(libc::EINVAL)))),
    }
}

/// The child has left this process's memory: by becoming init, or not.
fn executed(child: &Child<'_>, born: Born) -> Result<Born> {
    match child.errno.load(Ordering::Relaxed) {
        0 => Ok(born),
        errno => {
            crate::sys::wait::reap(born.pidfd.as_fd()).at(Op::Spawn)?;
            Err(Error::system(Op::Spawn, Errno::from_raw(errno)).message("execute init"))
        }
    }
}

fn refused(errno: Errno) -> Error {
    let error = Error::system(Op::Spawn, errno).message("clone");
    match errno {
        Errno::EPERM => error.hint("new namespaces need root, or a user namespace"),
        Errno::ENOSPC => error.hint("a limit of /proc/sys/user/max_*_namespaces is reached"),
        Errno::EAGAIN => error.hint("the limit of processes is reached: RLIMIT_NPROC or the pids cgroup"),
        // CLONE_INTO_CGROUP asks for the right to write to the nearest cgroup above both.
        Errno::EACCES => error.hint(
            "this session's cgroup is not the user's own to leave: call from one of the user's systemd, as `systemd-run --user --scope` makes",
        ),
        Errno::EBUSY => error.hint("the cgroup has controllers for its children, so it can hold no process itself"),
        _ => error,
    }
}

/// `clone3(2)`: returns in the parent, runs `be_child` in the child.
///
/// # Safety
/// `arguments` must describe a stack of its own and CLONE_VM with CLONE_VFORK.
#[cfg(target_arch = "x86_64")]
unsafe fn clone3(arguments: &libc::clone_args, child: &Child<'_>) -> i64 {
    let result: i64;
    // SAFETY: the kernel preserves all registers but rax, rcx and r11; the child leaves this block only through `be_child`.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call {be_child}",
            "ud2",
            "2:",
            be_child = sym be_child,
            inlateout("rax") libc::SYS_clone3 => result,
            in("rdi") arguments,
            in("rsi") size_of::<libc::clone_args>(),
            in("r12") child,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    result
}

/// `clone3(2)`: returns in the parent, runs `be_child` in the child.
///
/// # Safety
/// `arguments` must describe a stack of its own and CLONE_VM with CLONE_VFORK.
#[cfg(target_arch = "aarch64")]
unsafe fn clone3(arguments: &libc::clone_args, child: &Child<'_>) -> i64 {
    let result: i64;
    // SAFETY: the kernel preserves all registers but x0; the child leaves this block only through `be_child`.
    unsafe {
        asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x30, xzr",
            "mov x0, x20",
            "bl {be_child}",
            "brk 1",
            "2:",
            be_child = sym be_child,
            in("x8") libc::SYS_clone3,
            inlateout("x0") arguments => result,
            in("x1") size_of::<libc::clone_args>(),
            in("x20") child,
            lateout("x30") _,
        );
    }
    result
}

/// All that runs between clone and exec. Raw system calls only: no allocation, no lock, no thread-local storage, no return.
extern "C" fn be_child(child: &Child<'_>) -> ! {
    if let Some(go_between) = &child.go_between {
        child.errno.store(start_inside(go_between), Ordering::Relaxed);
        end(0);
    }
    for (number, stream) in (0_i64..).zip(child.stdio) {
        if stream >= 0 {
            call(libc::SYS_dup3, [stream.into(), number, 0, 0, 0]);
        }
    }
    for (number, fd) in (3_i64..).zip(child.handed_on) {
        call(libc::SYS_dup3, [(*fd).into(), number, 0, 0, 0]);
    }
    for fd in child.passed.iter().chain(child.fds) {
        call(libc::SYS_fcntl, [(*fd).into(), libc::F_SETFD.into(), 0, 0, 0]);
    }
    if child.keep_capabilities {
        keep_capabilities();
    }
    let environment: [*const libc::c_char; 1] = [std::ptr::null()];
    let answer = call(
        libc::SYS_execveat,
        [
            child.image.into(),
            c"".as_ptr() as i64,
            child.argv as i64,
            environment.as_ptr() as i64,
            libc::AT_EMPTY_PATH.into(),
        ],
    );
    child.errno.store(i32::try_from(-answer).unwrap_or(libc::EINVAL), Ordering::Relaxed);
    end(127)
}

fn end(code: i64) -> ! {
    loop {
        call(libc::SYS_exit, [code, 0, 0, 0, 0]);
    }
}

/// What a go-between does; the errno of what failed, or 0.
fn start_inside(go_between: &GoBetween<'_>) -> i32 {
    let mut joined = 0;
    for (namespace, kind) in [(go_between.user, CLONE_NEWUSER), (go_between.pids, CLONE_NEWPID)] {
        if joined == 0 && namespace >= 0 {
            joined = call(libc::SYS_setns, [namespace.into(), kind.into(), 0, 0, 0]);
        }
    }
    let answer = match joined {
        // SAFETY: as in `start`: the arguments describe a stack of its own, and this process waits (CLONE_VFORK).
        0 => unsafe { clone3(&go_between.arguments, go_between.child) },
        refused => refused,
    };
    i32::try_from(-answer.min(0)).unwrap_or(libc::EINVAL)
}

/// In a new user namespace no id is mapped yet, and executing a program as nobody would lose all capabilities: ambient
/// ones stay (capabilities(7)).
fn keep_capabilities() {
    const VERSION_3: u32 = 0x2008_0522;
    let header: [u32; 2] = [VERSION_3, 0];
    // Effective, permitted, inheritable, of the low and of the high 32 capabilities.
    let mut sets = [0_u32; 6];
    call(libc::SYS_capget, [header.as_ptr() as i64, sets.as_mut_ptr() as i64, 0, 0, 0]);
    let [_, low, low_inheritable, _, high, high_inheritable] = &mut sets;
    *low_inheritable = *low;
    *high_inheritable = *high;
    call(libc::SYS_capset, [header.as_ptr() as i64, sets.as_ptr() as i64, 0, 0, 0]);
    let mut capability = 0;
    let raise = i64::from(libc::PR_CAP_AMBIENT_RAISE);
    while call(libc::SYS_prctl, [libc::PR_CAP_AMBIENT.into(), raise, capability, 0, 0]) == 0 {
        capability += 1;
    }
}

/// A raw system call: the kernel's answer, negative for an errno.
fn call(number: libc::c_long, [a, b, c, d, e]: [i64; 5]) -> i64 {
    let answer: i64;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the callers above pass numbers, or pointers to live memory of the shape the call asks for.
    unsafe {
        asm!("syscall", inlateout("rax") number => answer, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e,
             lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the callers above pass numbers, or pointers to live memory of the shape the call asks for.
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") a => answer, in("x1") b, in("x2") c, in("x3") d, in("x4") e,
             options(nostack));
    }
    answer
}

/// Init's program in memory, sealed: nothing in a container can write to it (CVE-2019-5736). One for the whole process.
fn image() -> Result<BorrowedFd<'static>> {
    static IMAGE: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(image) = IMAGE.get() {
        return Ok(image.as_fd());
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let executable = MemfdFlags::from_bits_retain(flags.bits() | MFD_EXEC);
    // MFD_EXEC is Linux 6.3; before it every memfd was executable.
    let file = match rustix::fs::memfd_create("orlop-init", executable) {
        Err(rustix::io::Errno::INVAL) => rustix::fs::memfd_create("orlop-init", flags),
        made => made,
    };
    let file = file.at(Op::Spawn)?;
    crate::sys::file::write_all(&file, INIT).at(Op::Spawn)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)
        .at(Op::Spawn)?;
    // Nobody may read it: so the kernel lets nobody trace who executes it in a user namespace, not even that one's root
    // (would_dump() in fs/exec.c). Init's own PR_SET_DUMPABLE comes too late for one that is joined (CVE-2016-9962).
    rustix::fs::fchmod(&file, Mode::from_raw_mode(0o111)).at(Op::Spawn)?;
    let file = crate::sys::streams::above_standard(file).at(Op::Spawn)?;
    Ok(IMAGE.get_or_init(|| file).as_fd())
}

/// The image under a number that nothing which is handed on will have.
fn moved_image(handed_on: usize) -> Result<Option<OwnedFd>> {
    let first = i32::try_from(handed_on).unwrap_or(i32::MAX).saturating_add(3);
    match handed_on {
        0 => Ok(None),
        _ => rustix::io::fcntl_dupfd_cloexec(image()?, first).at(Op::Spawn).map(Some),
    }
}

/// Copies of the streams that lie above 0, 1 and 2, so that putting one in place never covers another.
fn above_standard(stdio: &[Option<BorrowedFd<'_>>; 3]) -> Result<Vec<Option<OwnedFd>>> {
    let copy = |stream: &Option<BorrowedFd<'_>>| stream.map(|fd| rustix::io::fcntl_dupfd_cloexec(fd, 3)).transpose();
    stdio.iter().map(copy).collect::<std::result::Result<_, _>>().at(Op::Spawn)
}

/// Has this thread's children born in another pid namespace, until the value is dropped (`setns(2)`).
fn born_elsewhere(namespace: BorrowedFd<'_>) -> Result<Elsewhere> {
    let home = std::fs::File::open("/proc/thread-self/ns/pid_for_children").at(Op::Namespace)?;
    join_pid_namespace(namespace).at(Op::Namespace)?;
    Ok(Elsewhere(home.into()))
}

struct Elsewhere(OwnedFd);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if let Err(errno) = join_pid_namespace(self.0.as_fd()) {
            log::error!("this thread's children stay in another pid namespace: {errno}");
        }
    }
}

fn join_pid_namespace(namespace: BorrowedFd<'_>) -> Result<(), rustix::io::Errno> {
    rustix::thread::move_into_link_name_space(namespace, Some(rustix::thread::LinkNameSpaceType::ProcessID))
}

/// `number` as a C string in `buffer`.
fn decimal(number: RawFd, buffer: &mut [u8; 12]) -> *const libc::c_char {
    for (place, byte) in buffer.iter_mut().zip(number.to_string().bytes()) {
        *place = byte;
    }
    buffer.as_ptr().cast()
}
