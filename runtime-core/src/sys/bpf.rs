//! `bpf(2)`, as far as device programs of cgroup v2 need it: load one, attach it, find and replace those that are attached.
#![allow(unsafe_code, reason = "no crate offers bpf(2)")]

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

// linux/bpf.h
const PROG_LOAD: libc::c_int = 5;
const PROG_ATTACH: libc::c_int = 8;
const PROG_DETACH: libc::c_int = 9;
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const PROG_QUERY: libc::c_int = 16;
const PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const CGROUP_DEVICE: u32 = 6;
const F_ALLOW_MULTI: u32 = 1 << 1;
const F_REPLACE: u32 = 1 << 2;

/// The head of `union bpf_attr` for each command, up to the last member used: the kernel takes the rest as zero.
#[repr(C)]
#[derive(Default)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
}

#[repr(C)]
#[derive(Default)]
struct Attach {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
    replace_bpf_fd: u32,
    padding: u32,
}

#[repr(C)]
#[derive(Default)]
struct Query {
    target_fd: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    prog_cnt: u32,
    padding: u32,
}

#[repr(C)]
#[derive(Default)]
struct ById {
    id: u32,
    next_id: u32,
    open_flags: u32,
    padding: u32,
}

/// Loads a device program of 64-bit instruction words.
pub(crate) fn load_device_program(words: &[u64]) -> Result<OwnedFd, Errno> {
    let attr = Load {
        prog_type: PROG_TYPE_CGROUP_DEVICE,
        insn_cnt: u32::try_from(words.len()).unwrap_or(u32::MAX),
        insns: words.as_ptr() as u64,
        license: c"Apache".as_ptr() as u64,
        prog_name: *b"orlop_devices\0\0\0",
        ..Load::default()
    };
    let fd = call(PROG_LOAD, &mut { attr })?;
    // SAFETY: the call has just returned this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Attaches a program to a cgroup, in the place of `replaced` where there is one (Linux 5.6).
pub(crate) fn attach_device_program(
    cgroup: BorrowedFd<'_>,
    program: BorrowedFd<'_>,
    replaced: Option<BorrowedFd<'_>>,
) -> Result<(), Errno> {
    let mut attr = Attach {
        target_fd: number(cgroup),
        attach_bpf_fd: number(program),
        attach_type: CGROUP_DEVICE,
        attach_flags: F_ALLOW_MULTI,
        ..Attach::default()
    };
    if let Some(replaced) = replaced {
        attr.attach_flags |= F_REPLACE;
        attr.replace_bpf_fd = number(replaced);
    }
    call(PROG_ATTACH, &mut attr).map(drop)
}

/// Takes a program off a cgroup.
pub(crate) fn detach_device_program(cgroup: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut attr = Attach {
        target_fd: number(cgroup),
        attach_bpf_fd: number(program),
        attach_type: CGROUP_DEVICE,
        ..Attach::default()
    };
    call(PROG_DETACH, &mut attr).map(drop)
}

/// The programs attached to a cgroup itself.
pub(crate) fn device_programs(cgroup: BorrowedFd<'_>) -> Result<Vec<OwnedFd>, Errno> {
    // The kernel lets no more than 64 be attached (BPF_CGROUP_MAX_PROGS).
    let mut ids = [0_u32; 64];
    let mut attr = Query {
        target_fd: number(cgroup),
        attach_type: CGROUP_DEVICE,
        prog_ids: ids.as_mut_ptr() as u64,
        prog_cnt: 64,
        ..Query::default()
    };
    call(PROG_QUERY, &mut attr)?;
    let count = usize::try_from(attr.prog_cnt).unwrap_or(0);
    ids.iter().take(count).map(|id| by_id(*id)).collect()
}

fn by_id(id: u32) -> Result<OwnedFd, Errno> {
    let fd = call(PROG_GET_FD_BY_ID, &mut ById { id, ..ById::default() })?;
    // SAFETY: the call has just returned this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn number(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().unsigned_abs()
}

fn call<T>(command: libc::c_int, attr: &mut T) -> Result<RawFd, Errno> {
    // SAFETY: `attr` is the command's part of `union bpf_attr`, of the size given, and its pointers are to buffers that the caller
    // keeps alive and that hold as much as their counts say.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<T>()) };
    Errno::result(result).map(|fd| RawFd::try_from(fd).unwrap_or(-1))
}
