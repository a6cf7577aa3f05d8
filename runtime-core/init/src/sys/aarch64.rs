//! aarch64: the supervisor-call instruction, the numbers, and the flags whose values differ by machine.

use core::arch::asm;

/// One system call; the kernel's answer as it stands in the register.
///
/// # Safety
/// Every argument that the call takes as a pointer is valid for what the call does with it.
#[inline]
pub(super) unsafe fn syscall(number: usize, args: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = args;
    let answer;
    // SAFETY: the syscall ABI changes x0 only; pointers are the caller's promise.
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") a => answer,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f, options(nostack));
    }
    answer
}

/// A breakpoint that nobody serves: the kernel ends the process (SIGTRAP).
pub(super) fn trap() -> ! {
    // SAFETY: nothing is run after it.
    unsafe { asm!("brk #1", options(noreturn, nomem, nostack)) }
}

pub(super) mod flag {
    pub(in crate::sys) const O_DIRECTORY: u32 = 0o40_000;
    pub(in crate::sys) const O_NOFOLLOW: u32 = 0o100_000;
}

pub(super) mod number {
    #![allow(missing_docs)] // each is named for its call
    pub(in crate::sys) const READ: usize = 63;
    pub(in crate::sys) const WRITE: usize = 64;
    pub(in crate::sys) const CLOSE: usize = 57;
    pub(in crate::sys) const LSEEK: usize = 62;
    pub(in crate::sys) const MMAP: usize = 222;
    pub(in crate::sys) const MUNMAP: usize = 215;
    pub(in crate::sys) const RT_SIGACTION: usize = 134;
    pub(in crate::sys) const RT_SIGPROCMASK: usize = 135;
    pub(in crate::sys) const IOCTL: usize = 29;
    pub(in crate::sys) const SOCKET: usize = 198;
    pub(in crate::sys) const SENDFILE: usize = 71;
    pub(in crate::sys) const SENDTO: usize = 206;
    pub(in crate::sys) const SENDMSG: usize = 211;
    pub(in crate::sys) const CLONE: usize = 220;
    pub(in crate::sys) const EXECVE: usize = 221;
    pub(in crate::sys) const FCNTL: usize = 25;
    pub(in crate::sys) const GETCWD: usize = 17;
    pub(in crate::sys) const CHDIR: usize = 49;
    pub(in crate::sys) const FCHDIR: usize = 50;
    pub(in crate::sys) const FCHMOD: usize = 52;
    pub(in crate::sys) const FCHOWN: usize = 55;
    pub(in crate::sys) const UMASK: usize = 166;
    pub(in crate::sys) const SETSID: usize = 157;
    pub(in crate::sys) const SETGROUPS: usize = 159;
    pub(in crate::sys) const SETRESUID: usize = 147;
    pub(in crate::sys) const SETRESGID: usize = 149;
    pub(in crate::sys) const CAPSET: usize = 91;
    pub(in crate::sys) const PIVOT_ROOT: usize = 41;
    pub(in crate::sys) const PRCTL: usize = 167;
    pub(in crate::sys) const CHROOT: usize = 51;
    pub(in crate::sys) const UMOUNT2: usize = 39;
    pub(in crate::sys) const SETHOSTNAME: usize = 161;
    pub(in crate::sys) const SETDOMAINNAME: usize = 162;
    pub(in crate::sys) const FSETXATTR: usize = 7;
    pub(in crate::sys) const FGETXATTR: usize = 10;
    pub(in crate::sys) const FLISTXATTR: usize = 13;
    pub(in crate::sys) const GETDENTS64: usize = 61;
    pub(in crate::sys) const CLOCK_GETTIME: usize = 113;
    pub(in crate::sys) const EXIT_GROUP: usize = 94;
    pub(in crate::sys) const WAITID: usize = 95;
    pub(in crate::sys) const KEYCTL: usize = 219;
    pub(in crate::sys) const OPENAT: usize = 56;
    pub(in crate::sys) const MKDIRAT: usize = 34;
    pub(in crate::sys) const MKNODAT: usize = 33;
    pub(in crate::sys) const FACCESSAT: usize = 48;
    pub(in crate::sys) const FCHMODAT: usize = 53;
    pub(in crate::sys) const FCHOWNAT: usize = 54;
    pub(in crate::sys) const SYMLINKAT: usize = 36;
    pub(in crate::sys) const READLINKAT: usize = 78;
    pub(in crate::sys) const PPOLL: usize = 73;
    pub(in crate::sys) const UNSHARE: usize = 97;
    pub(in crate::sys) const ACCEPT4: usize = 242;
    pub(in crate::sys) const DUP3: usize = 24;
    pub(in crate::sys) const PRLIMIT64: usize = 261;
    pub(in crate::sys) const SETNS: usize = 268;
    pub(in crate::sys) const SCHED_SETATTR: usize = 274;
    pub(in crate::sys) const IOPRIO_SET: usize = 30;
    pub(in crate::sys) const PERSONALITY: usize = 92;
    pub(in crate::sys) const SET_MEMPOLICY: usize = 237;
    pub(in crate::sys) const SCHED_SETAFFINITY: usize = 122;
    pub(in crate::sys) const SECCOMP: usize = 277;
    pub(in crate::sys) const STATX: usize = 291;
}
