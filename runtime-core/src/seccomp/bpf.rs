//! The machine that the kernel runs filters on (`linux/filter.h`, classic BPF), as far as a seccomp filter can use it.

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W,
};

/// A system call as a filter sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) arch: u32,
    pub(super) number: u32,
    pub(super) args: [u64; 6],
}

impl Call {
    /// `struct seccomp_data`, as words. The tests know machines of small-endian words only.
    fn words(&self) -> [u32; 16] {
        let mut words = [0; 16];
        (words[0], words[1]) = (self.number, self.arch);
        for (index, arg) in self.args.iter().enumerate() {
            words[4 + 2 * index] = *arg as u32;
            words[5 + 2 * index] = (*arg >> 32) as u32;
        }
        words
    }
}

struct Instruction {
    code: u32,
    if_true: usize,
    if_false: usize,
    k: u32,
}

fn instructions(bytes: &[u8]) -> Vec<Instruction> {
    let (program, rest) = bytes.as_chunks::<8>();
    assert!(rest.is_empty(), "a program is a whole number of instructions");
    program
        .iter()
        .map(|b| Instruction {
            code: u16::from_ne_bytes([b[0], b[1]]).into(),
            if_true: b[2].into(),
            if_false: b[3].into(),
            k: u32::from_ne_bytes([b[4], b[5], b[6], b[7]]),
        })
        .collect()
}

/// What the kernel checks before it takes a program: jumps stay inside, loads are aligned, the end is a return.
pub(super) fn is_valid(bytes: &[u8]) -> bool {
    let program = instructions(bytes);
    let inside = program.iter().enumerate().all(|(at, i)| match i.code & 7 {
        BPF_JMP if i.code == BPF_JMP | BPF_JA => at + 1 + (i.k as usize) < program.len(),
        BPF_JMP => at + 1 + i.if_true.max(i.if_false) < program.len(),
        BPF_LD => i.code == BPF_LD | BPF_W | BPF_ABS && i.k < 64 && i.k % 4 == 0,
        _ => true,
    });
    inside && program.len() <= super::MAX_INSTRUCTIONS && program.last().is_some_and(|i| i.code == BPF_RET | BPF_K)
}

/// The filter's answer: a `SECCOMP_RET_*` with its datum.
pub(super) fn run(bytes: &[u8], call: &Call) -> u32 {
    let (program, words) = (instructions(bytes), call.words());
    let (mut at, mut accumulator) = (0, 0);
    loop {
        let i = &program[at];
        at += 1;
        let jump = |holds: bool| if holds { i.if_true } else { i.if_false };
        match i.code {
            code if code == BPF_LD | BPF_W | BPF_ABS => accumulator = words[i.k as usize / 4],
            code if code == BPF_ALU | BPF_AND | BPF_K => accumulator &= i.k,
            code if code == BPF_JMP | BPF_JA => at += i.k as usize,
            code if code == BPF_JMP | BPF_JEQ | BPF_K => at += jump(accumulator == i.k),
            code if code == BPF_JMP | BPF_JGT | BPF_K => at += jump(accumulator > i.k),
            code if code == BPF_JMP | BPF_JGE | BPF_K => at += jump(accumulator >= i.k),
            code if code == BPF_JMP | BPF_JSET | BPF_K => at += jump(accumulator & i.k != 0),
            code if code == BPF_RET | BPF_K => return i.k,
            code => panic!("instruction {at}: unknown code {code:#x}"),
        }
    }
}
