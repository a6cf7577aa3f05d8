//! The two system calls that no crate wraps: `clone3(2)` and `bpf(2)`.
#![allow(unsafe_code, reason = "raw system calls; the floor's only unsafe blocks")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `libc::CLONE_INTO_CGROUP` is 0 on gnu: the constant overflows its `c_int` (clone3 flags have 64 bits).
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// One argument of `clone3(2)`, as of Linux 5.7.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Forks without `CLONE_VM`: the child, which sees `None`, is born in its namespaces and, on cgroup v2, in its cgroup.
pub(crate) fn clone3(namespaces: i32, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Option<i32>> {
    let mut args = CloneArgs { exit_signal: libc::SIGCHLD as u64, flags: namespaces as u64, ..CloneArgs::default() };
    if let Some(directory) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = directory.as_raw_fd() as u64;
    }
    // SAFETY: `args` outlives the call and its size is passed. Without CLONE_VM the child gets a copy of the memory,
    // and the floor has one thread, so no lock can be held by a thread that the child lacks.
    match unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<CloneArgs>()) } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => Ok(Some(pid as i32)),
    }
}

/// One eBPF instruction: operation, registers (source in the upper half), jump, constant.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Instruction(pub(crate) u8, pub(crate) u8, pub(crate) i16, pub(crate) i32);

/// `BPF_PROG_LOAD`'s part of `union bpf_attr`.
#[repr(C)]
struct LoadAttr {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
}

/// `BPF_PROG_ATTACH`'s part.
#[repr(C)]
struct AttachAttr {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
}

/// Lets `program` decide which devices the cgroup may use.
pub(crate) fn attach_device_program(program: &[Instruction], cgroup: BorrowedFd<'_>) -> io::Result<()> {
    const BPF_PROG_LOAD: i32 = 5;
    const BPF_PROG_ATTACH: i32 = 8;
    const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
    const BPF_CGROUP_DEVICE: u32 = 6;
    const BPF_F_ALLOW_MULTI: u32 = 2;
    let load = LoadAttr {
        prog_type: BPF_PROG_TYPE_CGROUP_DEVICE,
        insn_cnt: program.len() as u32,
        insns: program.as_ptr() as u64,
        license: c"Apache-2.0".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buf: 0,
        kern_version: 0,
        prog_flags: 0,
    };
    let loaded = bpf(BPF_PROG_LOAD, &load)?;
    // SAFETY: the kernel has just returned this fd to us; nobody else has it.
    let loaded = unsafe { OwnedFd::from_raw_fd(loaded) };
    let attach = AttachAttr {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_bpf_fd: loaded.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        attach_flags: BPF_F_ALLOW_MULTI,
    };
    bpf(BPF_PROG_ATTACH, &attach).map(drop)
}

fn bpf<Attr>(command: i32, attr: &Attr) -> io::Result<i32> {
    // SAFETY: `attr` outlives the call and its size is passed; what it points at (program, licence) is kept alive by
    // attach_device_program, the only caller, and only read by the kernel.
    match unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attr), size_of::<Attr>()) } {
        -1 => Err(io::Error::last_os_error()),
        value => Ok(value as i32),
    }
}
