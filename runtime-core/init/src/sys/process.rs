//! Processes, signals, time, and standard streams.

use super::{Errno, Fd, OwnedFd, Result, at, call, machine, nr, plain};

pub const SIGKILL: u32 = 9;
pub const SIGCHLD: u32 = 17;
pub const SIGSTOP: u32 = 19;

/// `exit_group(2)`; where a seccomp filter refuses even that, a signal of our own making.
pub fn exit(status: i32) -> ! {
    plain(nr::EXIT_GROUP, [status as usize]).ok();
    machine::trap()
}

/// Which of the two processes after [`fork`] this is.
#[derive(Debug)]
pub enum Fork {
    Child,
    /// Holds the child's pidfd.
    Parent(OwnedFd),
}

/// `clone(2)` as `fork(2)`, with a pidfd. Init has one thread, so the child may do anything.
pub fn fork() -> Result<Fork> {
    const CLONE_PIDFD: usize = 0x1000;
    let mut pidfd = Fd(-1);
    // SAFETY: no CLONE_VM: the child has a copy of all memory; the kernel writes one int to `pidfd`.
    match unsafe { call(nr::CLONE, [CLONE_PIDFD | SIGCHLD as usize, 0, at(&raw mut pidfd), 0, 0]) }? {
        0 => Ok(Fork::Child),
        _pid => Ok(Fork::Parent(OwnedFd::new(pidfd))),
    }
}

/// `struct timespec`; `ppoll(2)` leaves in it what remains.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Timespec {
    pub seconds: u64,
    pub nanoseconds: u64,
}

/// Waits until `fd` is readable: false where the time is over first. Without a time it waits for as long as it takes.
pub fn readable(fd: Fd, time: Option<&mut Timespec>) -> Result<bool> {
    const POLLIN: u64 = 1 << 32; // struct pollfd { int fd; short events, revents; }, both machines little-endian
    let mut poll = u64::from(fd.0 as u32) | POLLIN;
    let time = time.map_or(0, |time| at(&raw mut *time));
    // SAFETY: one pollfd; the kernel reads and writes the timespec, if there is one.
    unsafe { call(nr::PPOLL, [at(&raw mut poll), 1, time, 0, 0]) }.map(|ready| ready > 0)
}

/// `waitid(2)` on a pidfd: the exit status, or 256 and the signal.
pub fn wait_for(child: Fd) -> Result<i32> {
    const P_PIDFD: usize = 3;
    const WEXITED: usize = 4;
    const CLD_EXITED: i32 = 1;
    let mut siginfo = [0i32; 32];
    // SAFETY: the kernel fills at most the 128 bytes of a siginfo_t.
    unsafe { call(nr::WAITID, [P_PIDFD, child.arg(), at(siginfo.as_mut_ptr()), WEXITED, 0]) }?;
    let [_, _, code, _, _, _, status, ..] = siginfo;
    Ok(if code == CLD_EXITED { status } else { 256 + status })
}

pub fn pidfd_send_signal(process: Fd, signal: u32) -> Result<()> {
    plain(424, [process.arg(), signal as usize, 0, 0]).map(drop)
}

/// `rt_sigaction(2)` to `SIG_DFL`.
pub fn default_action(signal: u32) -> Result<()> {
    let action = [0u64; 4];
    // SAFETY: the kernel reads one `struct sigaction`, of which all zero bytes mean SIG_DFL.
    unsafe { call(nr::RT_SIGACTION, [signal as usize, at(action.as_ptr()), 0, 8]) }.map(drop)
}

/// `rt_sigprocmask(2)`: no signal blocked.
pub fn unblock_signals() -> Result<()> {
    const SIG_SETMASK: usize = 2;
    let none = 0u64;
    // SAFETY: the kernel reads one set of eight bytes.
    unsafe { call(nr::RT_SIGPROCMASK, [SIG_SETMASK, at(&raw const none), 0, 8]) }.map(drop)
}

/// `CLOCK_MONOTONIC` in nanoseconds.
pub fn now() -> Result<u64> {
    const CLOCK_MONOTONIC: usize = 1;
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the kernel fills one timespec.
    unsafe { call(nr::CLOCK_GETTIME, [CLOCK_MONOTONIC, at(&raw mut time)]) }?;
    Ok(time.seconds.wrapping_mul(1_000_000_000).wrapping_add(time.nanoseconds))
}

/// Puts `fd` in the place of `number`, where it survives `execve(2)`.
pub fn dup_to(fd: Fd, number: i32) -> Result<()> {
    const F_SETFD: usize = 2;
    if fd.0 == number {
        return plain(nr::FCNTL, [fd.arg(), F_SETFD, 0]).map(drop);
    }
    plain(nr::DUP3, [fd.arg(), number as usize, 0]).map(drop)
}

/// `close_range(2)`, both ends included.
pub fn close_range(first: u32, last: u32) -> Result<()> {
    plain(436, [first as usize, last as usize, 0]).map(drop)
}

/// `close_range(2)` with `CLOSE_RANGE_CLOEXEC`, to the end (Linux 5.11).
pub fn close_on_exec_from(first: u32) -> Result<()> {
    const CLOSE_RANGE_CLOEXEC: usize = 4;
    plain(436, [first as usize, u32::MAX as usize, CLOSE_RANGE_CLOEXEC]).map(drop)
}

/// `FD_CLOEXEC`.
pub fn close_on_exec(fd: Fd) -> Result<()> {
    const F_SETFD: usize = 2;
    const FD_CLOEXEC: usize = 1;
    plain(nr::FCNTL, [fd.arg(), F_SETFD, FD_CLOEXEC]).map(drop)
}

/// Brings `lo` up in this network namespace, as `ip link set lo up` does (netdevice(7)).
pub fn loopback_up() -> Result<()> {
    const AF_INET: usize = 2;
    const SOCK_DGRAM_CLOEXEC: usize = 0o2_000_002;
    const SIOCSIFFLAGS: usize = 0x8914;
    const IFF_UP: u8 = 1;
    // `struct ifreq`: the name in 16 bytes, then the flags.
    let mut request = [0_u8; 40];
    let [l, o, ..] = &mut request;
    (*l, *o) = (b'l', b'o');
    if let Some(flags) = request.get_mut(16) {
        *flags = IFF_UP;
    }
    let socket = plain(nr::SOCKET, [AF_INET, SOCK_DGRAM_CLOEXEC, 0]).map(OwnedFd::from_answer)?;
    // SAFETY: the kernel reads one `struct ifreq`, which is no longer than this.
    unsafe { call(nr::IOCTL, [socket.fd().arg(), SIOCSIFFLAGS, at(request.as_ptr())]) }.map(drop)
}

const TIOCSCTTY: usize = 0x540E;
const TIOCSWINSZ: usize = 0x5414;
const TIOCSPTLCK: usize = 0x4004_5431;
const TIOCGPTPEER: usize = 0x5441;

/// `TIOCSCTTY`: the terminal becomes the session's.
pub fn set_controlling_terminal(terminal: Fd) -> Result<()> {
    plain(nr::IOCTL, [terminal.arg(), TIOCSCTTY, 0]).map(drop)
}

pub fn set_window_size(terminal: Fd, rows: u16, columns: u16) -> Result<()> {
    let size = [rows, columns, 0, 0];
    // SAFETY: the kernel reads one `struct winsize` of four shorts.
    unsafe { call(nr::IOCTL, [terminal.arg(), TIOCSWINSZ, at(size.as_ptr())]) }.map(drop)
}

pub fn unlock_pty(terminal: Fd) -> Result<()> {
    let unlocked = 0i32;
    // SAFETY: the kernel reads one int.
    unsafe { call(nr::IOCTL, [terminal.arg(), TIOCSPTLCK, at(&raw const unlocked)]) }.map(drop)
}

/// `TIOCGPTPEER`: the other end, without a path that an image could have prepared (CVE-2025-52565).
pub fn pty_peer(terminal: Fd) -> Result<OwnedFd> {
    let flags = super::O_RDWR | super::O_NOCTTY | super::O_CLOEXEC;
    plain(nr::IOCTL, [terminal.arg(), TIOCGPTPEER, flags as usize]).map(OwnedFd::from_answer)
}

/// Repeats a call that a signal interrupted.
pub fn uninterrupted<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => (),
            answer => return answer,
        }
    }
}
