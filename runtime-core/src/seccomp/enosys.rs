//! ENOSYS for the system calls that are younger than the profile.
//!
//! A profile that allows a list and answers EPERM to the rest says EPERM to `clone3`, if it was written before `clone3` was;
//! programs then give up, where ENOSYS would make them fall back to `clone`. So a few instructions run before libseccomp's
//! program: a number above the largest one the profile names for the architecture in use gets ENOSYS, all others go on to
//! the program. What is decided here is what runc decides, since 1.0.0-rc93:
//!
//! - Not where the default lets the call through (allow, log, trace: a tracer answers by itself), nor where it is ENOSYS.
//! - "Names" includes rules that repeat the default, and leaves out names that libseccomp does not know.
//! - Nor do calls count that libseccomp resolves to a call behind `socketcall` or `ipc` (x86): their own numbers are old.
//! - An architecture for which no name is known is left to the program.
//! - x32 calls are calls of x86_64 with bit 30 set; they have their own largest number, and none where x32 is not listed.
//! - s390 passes a number above 255 through `setup(2)`, number 0, and leaves the 0 there where the kernel does not know
//!   the number: 0 gets ENOSYS too. There is no real `setup` since Linux 2.1.121 (setup(2)).

use libc::{BPF_ABS, BPF_JA, BPF_JEQ, BPF_JGT, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W};
use libseccomp::{ScmpArch, ScmpSyscall};

use crate::spec::{Seccomp, SeccompAction};

/// Offsets into `struct seccomp_data`.
const NR: u32 = 0;
const ARCH: u32 = 4;

/// `__X32_SYSCALL_BIT`.
const X32: u32 = 1 << 30;

const RETURN_ENOSYS: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

/// The instructions to put before libseccomp's program: they end by falling, or jumping, to its first one.
pub(super) fn prologue(profile: &Seccomp<'_>, architectures: &[ScmpArch]) -> Vec<u8> {
    match profile.default {
        SeccompAction::Allow | SeccompAction::Log | SeccompAction::Trace(_) => return Vec::new(),
        SeccompAction::Errno(errno) if i32::from(errno) == libc::ENOSYS => return Vec::new(),
        _ => {}
    }
    let ceilings = architectures.iter().filter_map(|arch| Some((*arch, largest(profile, *arch)?)));
    assemble(&ceilings.collect::<Vec<_>>()).iter().flat_map(|instruction| instruction.bytes()).collect()
}

/// The largest number the profile names; libseccomp's negative ones stand for calls this architecture does not have.
fn largest(profile: &Seccomp<'_>, arch: ScmpArch) -> Option<u32> {
    profile
        .calls
        .iter()
        .flat_map(|call| &call.names)
        .filter_map(|name| ScmpSyscall::from_name_by_arch(name, arch).ok())
        .filter_map(|number| u32::try_from(number.as_raw_syscall()).ok())
        .max()
}

/// Built from the end, so that each section knows how many instructions it has to jump over.
fn assemble(ceilings: &[(ScmpArch, u32)]) -> Vec<Instruction> {
    let ceiling = |wanted| ceilings.iter().find(|(arch, _)| *arch == wanted).map_or(u32::MAX, |(_, ceiling)| *ceiling);
    let mut after: Vec<Instruction> = Vec::new();
    let mut done = Vec::new();
    for (arch, highest) in ceilings.iter().rev() {
        let Some(audit) = audit_arch(*arch) else { continue };
        if done.contains(&audit) {
            continue;
        }
        done.push(audit);
        let mut section = match arch {
            ScmpArch::X8664 | ScmpArch::X32 => vec![
                jump(BPF_JSET, X32, 1, 0),
                jump(BPF_JGT, ceiling(ScmpArch::X8664), 1, 2),
                jump(BPF_JGT, ceiling(ScmpArch::X32), 0, 1),
            ],
            ScmpArch::S390 | ScmpArch::S390X => vec![jump(BPF_JEQ, 0, 1, 0), jump(BPF_JGT, *highest, 0, 1)],
            _ => vec![jump(BPF_JGT, *highest, 0, 1)],
        };
        section.push(Instruction::new(BPF_RET | BPF_K, RETURN_ENOSYS));
        section.push(Instruction::new(BPF_JMP | BPF_JA, after.len() as u32));
        section.insert(0, load(NR));
        section.insert(0, jump(BPF_JEQ, audit, 0, section.len() as u8));
        section.append(&mut after);
        after = section;
    }
    if !after.is_empty() {
        after.insert(0, load(ARCH));
    }
    after
}

/// `AUDIT_ARCH_*` of `linux/audit.h`, as found in `seccomp_data.arch`.
fn audit_arch(arch: ScmpArch) -> Option<u32> {
    Some(match arch {
        ScmpArch::X86 => 0x4000_0003,
        ScmpArch::X8664 | ScmpArch::X32 => 0xc000_003e,
        ScmpArch::Arm => 0x4000_0028,
        ScmpArch::Aarch64 => 0xc000_00b7,
        ScmpArch::Loongarch64 => 0xc000_0102,
        ScmpArch::Mips => 0x0000_0008,
        ScmpArch::Mips64 => 0x8000_0008,
        ScmpArch::Mips64N32 => 0xa000_0008,
        ScmpArch::Mipsel => 0x4000_0008,
        ScmpArch::Mipsel64 => 0xc000_0008,
        ScmpArch::Mipsel64N32 => 0xe000_0008,
        ScmpArch::Ppc => 0x0000_0014,
        ScmpArch::Ppc64 => 0x8000_0015,
        ScmpArch::Ppc64Le => 0xc000_0015,
        ScmpArch::S390 => 0x0000_0016,
        ScmpArch::S390X => 0x8000_0016,
        ScmpArch::Riscv64 => 0xc000_00f3,
        _ => return None,
    })
}

/// `struct sock_filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Instruction {
    code: u16,
    if_true: u8,
    if_false: u8,
    k: u32,
}

impl Instruction {
    fn new(code: u32, k: u32) -> Self {
        Self { code: code as u16, if_true: 0, if_false: 0, k }
    }

    fn bytes(self) -> [u8; super::INSTRUCTION] {
        let [code_0, code_1] = self.code.to_ne_bytes();
        let [k_0, k_1, k_2, k_3] = self.k.to_ne_bytes();
        [code_0, code_1, self.if_true, self.if_false, k_0, k_1, k_2, k_3]
    }
}

fn load(offset: u32) -> Instruction {
    Instruction::new(BPF_LD | BPF_W | BPF_ABS, offset)
}

fn jump(test: u32, k: u32, if_true: u8, if_false: u8) -> Instruction {
    Instruction { if_true, if_false, ..Instruction::new(BPF_JMP | test | BPF_K, k) }
}

#[cfg(test)]
mod tests {
    use super::super::bpf::{Call, is_valid, run};
    use super::*;

    const ENOSYS: u32 = RETURN_ENOSYS;
    const ON: u32 = libc::SECCOMP_RET_ALLOW;

    /// The answers of the prologue for `ceilings`, before a program that allows everything.
    fn answers(ceilings: &[(ScmpArch, u32)], audit: u32, numbers: &[u32]) -> Vec<u32> {
        let mut program = assemble(ceilings);
        program.push(Instruction::new(BPF_RET | BPF_K, ON));
        let bytes = program.iter().flat_map(|instruction| instruction.bytes()).collect::<Vec<_>>();
        assert!(is_valid(&bytes));
        numbers.iter().map(|number| run(&bytes, &Call { arch: audit, number: *number, args: [0; 6] })).collect()
    }

    #[test]
    fn x32_has_a_ceiling_of_its_own() {
        let numbers = [0, 300, 301, X32 - 1, X32, X32 | 500, X32 | 501, u32::MAX];
        let x86_64 = (ScmpArch::X8664, 300);
        let x32 = (ScmpArch::X32, X32 | 500);
        let both = [ON, ON, ENOSYS, ENOSYS, ON, ON, ENOSYS, ENOSYS];
        assert_eq!(answers(&[x86_64, x32], 0xc000_003e, &numbers), both);
        assert_eq!(answers(&[x32, x86_64], 0xc000_003e, &numbers), both);
        let without_x32 = [ON, ON, ENOSYS, ENOSYS, ON, ON, ON, ON];
        assert_eq!(answers(&[x86_64], 0xc000_003e, &numbers), without_x32, "left to libseccomp, which kills");
    }

    #[test]
    fn zero_is_a_number_except_on_s390() {
        for (arch, audit, zero) in [
            (ScmpArch::S390, 0x16, ENOSYS),
            (ScmpArch::S390X, 0x8000_0016, ENOSYS),
            (ScmpArch::Aarch64, 0xc000_00b7, ON),
            (ScmpArch::X86, 0x4000_0003, ON),
        ] {
            assert_eq!(answers(&[(arch, 112)], audit, &[0, 1, 112, 113]), [zero, ON, ON, ENOSYS], "{arch:?}");
        }
    }

    #[test]
    fn each_architecture_meets_its_own_ceiling() {
        let all = [
            ScmpArch::X86,
            ScmpArch::X8664,
            ScmpArch::Arm,
            ScmpArch::Aarch64,
            ScmpArch::Loongarch64,
            ScmpArch::Mips,
            ScmpArch::Mips64,
            ScmpArch::Mips64N32,
            ScmpArch::Mipsel,
            ScmpArch::Mipsel64,
            ScmpArch::Mipsel64N32,
            ScmpArch::Ppc,
            ScmpArch::Ppc64,
            ScmpArch::Ppc64Le,
            ScmpArch::S390,
            ScmpArch::S390X,
            ScmpArch::Riscv64,
        ];
        let ceilings = all.iter().zip(100..).map(|(arch, ceiling)| (*arch, ceiling)).collect::<Vec<_>>();
        for (arch, ceiling) in &ceilings {
            let audit = audit_arch(*arch).unwrap();
            assert_eq!(answers(&ceilings, audit, &[*ceiling, ceiling + 1]), [ON, ENOSYS], "{arch:?}");
        }
        assert_eq!(answers(&ceilings, 0xdead_beef, &[0, 5000]), [ON, ON]);
        assert!(assemble(&[]).is_empty());
    }
}
