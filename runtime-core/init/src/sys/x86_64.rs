//! x86_64: the syscall instruction, the numbers, and the flags whose values differ by machine.

use core::arch::asm;

/// One system call; the kernel's answer as it stands in the register.
///
/// # Safety
/// Every argument that the call takes as a pointer is valid for what the call does with it.
#[inline]
pub(super) unsafe fn syscall(number: usize, args: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = args;
    let answer;
    // SAFETY: the syscall ABI changes rax, rcx and r11 only; pointers are the caller's promise.
    unsafe {
        asm!("syscall", inlateout("rax") number => answer,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    answer
}

/// An instruction that is none: the kernel ends the process (SIGILL).
pub(super) fn trap() -> ! {
    // SAFETY: nothing is run after it.
    unsafe { asm!("ud2", options(noreturn, nomem, nostack)) }
}

pub(super) mod flag {
    pub(in crate::sys) const O_DIRECTORY: u32 = 0o200_000;
    pub(in crate::sys) const O_NOFOLLOW: u32 = 0o400_000;
}

pub(super) mod number {
    #![allow(missing_docs)] // each is named for its call
    pub(in crate::sys) const READ: usize = 0;
    pub(in crate::sys) const WRITE: usize = 1;
    pub(in crate::sys) const CLOSE: usize = 3;
    pub(in crate::sys) const LSEEK: usize = 8;
    pub(in crate::sys) const MMAP: usize = 9;
    pub(in crate::sys) const MUNMAP: usize = 11;
    pub(in crate::sys) const RT_SIGACTION: usize = 13;
    pub(in crate::sys) const RT_SIGPROCMASK: usize = 14;
    pub(in crate::sys) const IOCTL: usize = 16;
    pub(in crate::sys) const SOCKET: usize = 41;
    pub(in crate::sys) const SENDFILE: usize = 40;
    pub(in crate::sys) const SENDTO: usize = 44;
    pub(in crate::sys) const SENDMSG: usize = 46;
    pub(in crate::sys) const CLONE: usize = 56;
    pub(in crate::sys) const EXECVE: usize = 59;
    pub(in crate::sys) const FCNTL: usize = 72;
    pub(in crate::sys) const GETCWD: usize = 79;
    pub(in crate::sys) const CHDIR: usize = 80;
    pub(in crate::sys) const FCHDIR: usize = 81;
    pub(in crate::sys) const FCHMOD: usize = 91;
    pub(in crate::sys) const FCHOWN: usize = 93;
    pub(in crate::sys) const UMASK: usize = 95;
    pub(in crate::sys) const SETSID: usize = 112;
    pub(in crate::sys) const SETGROUPS: usize = 116;
    pub(in crate::sys) const SETRESUID: usize = 117;
    pub(in crate::sys) const SETRESGID: usize = 119;
    pub(in crate::sys) const CAPSET: usize = 126;
    pub(in crate::sys) const PIVOT_ROOT: usize = 155;
    pub(in crate::sys) const PRCTL: usize = 157;
    pub(in crate::sys) const CHROOT: usize = 161;
    pub(in crate::sys) const UMOUNT2: usize = 166;
    pub(in crate::sys) const SETHOSTNAME: usize = 170;
    pub(in crate::sys) const SETDOMAINNAME: usize = 171;
    pub(in crate::sys) const FSETXATTR: usize = 190;
    pub(in crate::sys) const FGETXATTR: usize = 193;
    pub(in crate::sys) const FLISTXATTR: usize = 196;
    pub(in crate::sys) const GETDENTS64: usize = 217;
    pub(in crate::sys) const CLOCK_GETTIME: usize = 228;
    pub(in crate::sys) const EXIT_GROUP: usize = 231;
    pub(in crate::sys) const WAITID: usize = 247;
    pub(in crate::sys) const KEYCTL: usize = 250;
    pub(in crate::sys) const OPENAT: usize = 257;
    pub(in crate::sys) const MKDIRAT: usize = 258;
    pub(in crate::sys) const MKNODAT: usize = 259;
    pub(in crate::sys) const FACCESSAT: usize = 269;
    pub(in crate::sys) const FCHMODAT: usize = 268;
    pub(in crate::sys) const FCHOWNAT: usize = 260;
    pub(in crate::sys) const SYMLINKAT: usize = 266;
    pub(in crate::sys) const READLINKAT: usize = 267;
    pub(in crate::sys) const PPOLL: usize = 271;
    pub(in crate::sys) const UNSHARE: usize = 272;
    pub(in crate::sys) const ACCEPT4: usize = 288;
    pub(in crate::sys) const DUP3: usize = 292;
    pub(in crate::sys) const PRLIMIT64: usize = 302;
    pub(in crate::sys) const SETNS: usize = 308;
    pub(in crate::sys) const SCHED_SETATTR: usize = 314;
    pub(in crate::sys) const IOPRIO_SET: usize = 251;
    pub(in crate::sys) const PERSONALITY: usize = 135;
    pub(in crate::sys) const SET_MEMPOLICY: usize = 238;
    pub(in crate::sys) const SCHED_SETAFFINITY: usize = 203;
    pub(in crate::sys) const SECCOMP: usize = 317;
    pub(in crate::sys) const STATX: usize = 332;
}
