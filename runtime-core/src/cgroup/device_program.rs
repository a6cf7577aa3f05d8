//! The meaning of device rules → a program of the kernel's BPF machine, and its place on a cgroup v2 directory
//! (bpf(2), `BPF_PROG_TYPE_CGROUP_DEVICE`, since Linux 4.15).

use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use rustix::fs::OFlags;

use super::devices::{ALL, Entry, Pattern};
use super::file;
use super::plan::Plan;
use crate::error::{Error, Op, Result};
use crate::spec::DeviceKind;
use crate::sys::bpf;

/// One instruction (`struct bpf_insn`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Class, operation and where the operand comes from.
    pub code: u8,
    /// Destination register.
    pub dst: u8,
    /// Source register.
    pub src: u8,
    /// Jump distance, or offset in memory.
    pub off: i16,
    /// Constant operand.
    pub imm: i32,
}

// linux/bpf_common.h, linux/bpf.h
const LOAD_WORD: u8 = 0x61;
const MOVE: u8 = 0xb7;
const COPY: u8 = 0xbf;
const AND: u8 = 0x57;
const SHIFT_RIGHT: u8 = 0x77;
const JUMP_UNLESS_EQUAL: u8 = 0x55;
const JUMP_IF_SET: u8 = 0x45;
const EXIT: u8 = 0x95;
const DEV_BLOCK: i32 = 1;
const DEV_CHAR: i32 = 2;

// Which register holds what: r0 is the answer and r1 `struct bpf_cgroup_dev_ctx { access << 16 | type, major, minor }` by convention.
const ANSWER: u8 = 0;
const REQUEST: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

/// A program that answers 1 where the entries allow all of a request: the narrow patterns are asked first.
pub(super) fn compile(entries: &[Entry]) -> Vec<Instruction> {
    let mut program = vec![
        load(KIND, 0),
        insn(COPY, ACCESS, KIND, 0, 0),
        insn(SHIFT_RIGHT, ACCESS, 0, 0, 16),
        insn(AND, KIND, 0, 0, 0xffff),
        load(MAJOR, 4),
        load(MINOR, 8),
    ];
    for entry in needed(entries).iter().rev() {
        program.extend(block(entry));
    }
    program.extend(answer(0));
    program
}

/// Entries that say something else than the block they would fall through to.
fn needed(entries: &[Entry]) -> Vec<&Entry> {
    let mut kept: Vec<&Entry> = Vec::new();
    for entry in entries {
        let next = kept.iter().rev().find(|wider| wider.pattern.covers(entry.pattern));
        if next.map_or(0, |next| next.access) != entry.access {
            kept.push(entry);
        }
    }
    kept
}

/// Answers for one pattern; anything else jumps over it.
fn block(entry: &Entry) -> Vec<Instruction> {
    let body = answer_for(entry.access);
    let tests = tests(entry.pattern);
    let mut block = Vec::with_capacity(tests.len() + body.len());
    for (index, (register, value)) in tests.iter().enumerate() {
        let over = tests.len() - index - 1 + body.len();
        block.push(insn(JUMP_UNLESS_EQUAL, *register, 0, i16::try_from(over).unwrap_or(0), *value));
    }
    block.extend(body);
    block
}

fn tests(pattern: Pattern) -> Vec<(u8, i32)> {
    let kind = if pattern.kind == DeviceKind::Block { DEV_BLOCK } else { DEV_CHAR };
    let mut tests = vec![(KIND, kind)];
    // A number above the kernel's own 20 bits would be sign-extended; it stays unequal to every real one.
    tests.extend(pattern.major.map(|major| (MAJOR, major.cast_signed())));
    tests.extend(pattern.minor.map(|minor| (MINOR, minor.cast_signed())));
    tests
}

fn answer_for(access: u8) -> Vec<Instruction> {
    match access {
        ALL => answer(1).to_vec(),
        0 => answer(0).to_vec(),
        some => {
            let [deny, exit] = answer(0);
            let [allow, _] = answer(1);
            vec![deny, insn(JUMP_IF_SET, ACCESS, 0, 1, i32::from(ALL & !some)), allow, exit]
        }
    }
}

fn answer(value: i32) -> [Instruction; 2] {
    [insn(MOVE, ANSWER, 0, 0, value), insn(EXIT, 0, 0, 0, 0)]
}

fn load(register: u8, offset: i16) -> Instruction {
    insn(LOAD_WORD, register, REQUEST, offset, 0)
}

fn insn(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Instruction {
    Instruction { code, dst, src, off, imm }
}

impl Instruction {
    /// As the kernel reads it.
    fn word(self) -> u64 {
        let [imm0, imm1, imm2, imm3] = self.imm.to_ne_bytes();
        let [off0, off1] = self.off.to_ne_bytes();
        // Bit fields: the first one takes the low half on little-endian machines only.
        let registers =
            if cfg!(target_endian = "little") { self.src << 4 | self.dst } else { self.dst << 4 | self.src };
        u64::from_ne_bytes([self.code, registers, off0, off1, imm0, imm1, imm2, imm3])
    }
}

/// Puts the plan's program on its v2 directory.
pub(super) fn install(plan: &Plan) -> Result<()> {
    let (Some(program), Some(dir)) = (&plan.devices, plan.dirs.iter().find(|dir| dir.unified)) else { return Ok(()) };
    match (replace(program, &dir.path), &plan.denied) {
        (Err(error), None) if error.errno() == Some(Errno::EPERM) && in_user_namespace() => Ok(()),
        (Err(error), Some(field)) => Err(error.field(field.clone())),
        (result, _) => result,
    }
}

/// Only the first user namespace maps every id to itself.
fn in_user_namespace() -> bool {
    file::read_text("/proc/self/uid_map").is_ok_and(|map| map.split_whitespace().ne(["0", "0", "4294967295"]))
}

/// In the place of the programs that are there.
fn replace(program: &[Instruction], path: &Path) -> Result<()> {
    let words: Vec<u64> = program.iter().map(|instruction| instruction.word()).collect();
    let at = |errno| refused(path, errno);
    let cgroup = file::open(path, OFlags::RDONLY | OFlags::DIRECTORY).map_err(at)?;
    let new = bpf::load_device_program(&words).map_err(at)?;
    let old = bpf::device_programs(cgroup.as_fd()).map_err(at)?;
    if let [only] = old.as_slice() {
        return bpf::attach_device_program(cgroup.as_fd(), new.as_fd(), Some(only.as_fd())).map_err(at);
    }
    bpf::attach_device_program(cgroup.as_fd(), new.as_fd(), None).map_err(at)?;
    // Every program must allow a request: the new one counts already, so nothing is open meanwhile.
    old.iter().try_for_each(|old| bpf::detach_device_program(cgroup.as_fd(), old.as_fd()).map_err(at))
}

fn refused(path: &Path, errno: Errno) -> Error {
    let error = Error::system(Op::DeviceRules, errno).on(path);
    match errno {
        Errno::EPERM => error
            .message(
                "a device program needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, outside of any user namespace",
            )
            .hint("a container without root can do without device rules: leave out those that deny"),
        Errno::ENOSYS | Errno::EINVAL => error.message("this kernel takes no device programs (CONFIG_CGROUP_BPF)"),
        _ => error.message("install the device program"),
    }
}
