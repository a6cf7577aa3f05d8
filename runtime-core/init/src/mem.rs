//! The functions that the compiler calls to copy, fill and compare memory; a libc would bring them.
//!
//! In assembly, because the compiler turns a loop that copies into a call to the very function it stands in. Short rather
//! than fast: init moves a few hundred bytes in its life. Part of the program only; under test, the names are not exported.

use core::arch::naked_asm;

#[cfg(target_arch = "x86_64")]
mod machine {
    use super::naked_asm;

    #[unsafe(naked)]
    #[cfg_attr(not(test), unsafe(no_mangle))]
    pub(super) unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
        naked_asm!("mov rax, rdi", "mov rcx, rdx", "rep movsb", "ret")
    }

    /// Backwards where `to` lies inside what is copied.
    #[unsafe(naked)]
    #[cfg_attr(not(test), unsafe(no_mangle))]
    pub(super) unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
        naked_asm!(
            "mov rax, rdi",
            "mov rcx, rdx",
            "mov r8, rdi",
            "sub r8, rsi",
            "cmp r8, rdx",
            "jb 2f",
            "rep movsb",
            "ret",
            "2:",
            "lea rdi, [rdi + rdx - 1]",
            "lea rsi, [rsi + rdx - 1]",
            "std",
            "rep movsb",
            "cld",
            "ret",
        )
    }

    #[unsafe(naked)]
    #[cfg_attr(not(test), unsafe(no_mangle))]
    pub(super) unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
        naked_asm!("mov r8, rdi", "mov eax, esi", "mov rcx, rdx", "rep stosb", "mov rax, r8", "ret")
    }

    #[unsafe(naked)]
    #[cfg_attr(not(test), unsafe(no_mangle))]
    pub(super) unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
        naked_asm!(
            "mov rcx, rdx",
            "xor eax, eax", // sets the equal flag as well: no bytes are equal bytes
            "repe cmpsb",
            "je 2f",
            "movzx eax, byte ptr [rdi - 1]",
            "movzx ecx, byte ptr [rsi - 1]",
            "sub eax, ecx",
            "2:",
            "ret",
        )
    }

    /// As `memcmp`: who calls it asks only whether the answer is 0.
    #[unsafe(naked)]
    #[cfg_attr(not(test), unsafe(no_mangle))]
    pub(super) unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
        naked_asm!("jmp {memcmp}", memcmp = sym memcmp)
    }

    #[unsafe(naked)]
    #[cfg_attr(not(test), unsafe(no_mangle))]
    pub(super) unsafe extern "C" fn strlen(text: *const u8) -> usize {
        naked_asm!("mov rax, -1", "2:", "inc rax", "cmp byte ptr [rdi + rax], 0", "jne 2b", "ret")
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use super::naked_asm;

    #[unsafe(naked)]
    #[cfg_attr(not(test), unsafe(no_mangle))]
    pub(super) unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
        naked_asm!(
            "mov x3, #0",
            "2:",
            "cmp x3, x2",
            "b.eq 3f",
            "ldrb w4, [x1, x3]",
            "strb w4, [x0, x3]",
            "add x3, x3, #1",
            "b 2b",
            "3:",
            "ret",
        )
    }

    /// Backwards where `to` lies inside what is copied.
    #[unsafe(naked)]
    #[cfg_attr(not(test), unsafe(no_mangle))]
    pub(super) unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
        naked_asm!(
            "sub x3, x0, x1",
            "cmp x3, x2",
            "b.hs {forwards}",
            "2:",
            "cbz x2, 3f",
            "sub x2, x2, #1",
            "ldrb w4, [x1, x2]",
            "strb w4, [x0, x2]",
            "b 2b",
            "3:",
            "ret",
            forwards = sym memcpy,
        )
    }

    #[unsafe(naked)]
    #[cfg_attr(not(test), unsafe(no_mangle))]
    pub(super) unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
        naked_asm!("2:", "cbz x2, 3f", "sub x2, x2, #1", "strb w1, [x0, x2]", "b 2b", "3:", "ret")
    }

    #[unsafe(naked)]
    #[cfg_attr(not(test), unsafe(no_mangle))]
    pub(super) unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
        naked_asm!(
            "mov x3, #0",
            "2:",
            "cmp x3, x2",
            "b.eq 3f",
            "ldrb w4, [x0, x3]",
            "ldrb w5, [x1, x3]",
            "add x3, x3, #1",
            "subs w4, w4, w5",
            "b.eq 2b",
            "mov w0, w4",
            "ret",
            "3:",
            "mov w0, #0",
            "ret",
        )
    }

    /// As `memcmp`: who calls it asks only whether the answer is 0.
    #[unsafe(naked)]
    #[cfg_attr(not(test), unsafe(no_mangle))]
    pub(super) unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
        naked_asm!("b {memcmp}", memcmp = sym memcmp)
    }

    #[unsafe(naked)]
    #[cfg_attr(not(test), unsafe(no_mangle))]
    pub(super) unsafe extern "C" fn strlen(text: *const u8) -> usize {
        naked_asm!("mov x1, x0", "2:", "ldrb w2, [x1], #1", "cbnz w2, 2b", "sub x0, x1, x0", "sub x0, x0, #1", "ret")
    }
}

#[cfg(test)]
mod tests {
    use super::machine::{bcmp, memcmp, memcpy, memmove, memset, strlen};

    #[test]
    fn memory_is_copied_and_filled() {
        let mut to = [0u8; 8];
        // SAFETY: both are longer than six bytes.
        let answer = unsafe { memcpy(to.as_ptr().cast_mut(), b"orlop!".as_ptr(), 6) };
        assert_eq!((answer, &to), (to.as_ptr().cast_mut(), b"orlop!\0\0"));
        // SAFETY: `to` is longer than three bytes.
        let answer = unsafe { memset(to.as_mut_ptr(), 0x12d, 3) };
        assert_eq!((answer, &to), (to.as_ptr().cast_mut(), b"---op!\0\0"));
        // SAFETY: nothing is filled.
        unsafe { memset(to.as_mut_ptr(), 1, 0) };
        assert_eq!(&to, b"---op!\0\0");
    }

    #[test]
    fn memory_moves_over_itself_both_ways() {
        for (from, to, len) in [(0, 2, 5), (2, 0, 5), (1, 1, 4), (0, 4, 4), (4, 0, 4), (0, 1, 0), (0, 1, 1)] {
            let mut ours = *b"01234567";
            let mut expected = ours;
            expected.copy_within(from..from + len, to);
            let start = ours.as_mut_ptr();
            let (to, from) = (start.wrapping_add(to), start.wrapping_add(from));
            // SAFETY: both offsets, and `len` bytes from them, lie within the eight.
            let answer = unsafe { memmove(to, from, len) };
            assert_eq!((answer, ours), (to, expected));
        }
    }

    #[test]
    fn memory_is_compared_as_unsigned_bytes() {
        for (a, b, len) in [("abc", "abd", 3), ("abd", "abc", 3), ("abc", "abd", 2), ("", "", 0), ("\x7f", "\u{80}", 1)]
        {
            // SAFETY: both have `len` bytes.
            let answer = unsafe { memcmp(a.as_ptr(), b.as_ptr(), len) };
            assert_eq!(answer.signum(), a.as_bytes()[..len].cmp(&b.as_bytes()[..len]) as i32, "{a:?} {b:?}");
            // SAFETY: both have `len` bytes.
            let differ = unsafe { bcmp(a.as_ptr(), b.as_ptr(), len) };
            assert_eq!(differ != 0, answer != 0, "{a:?} {b:?}");
        }
        for text in [c"", c"a", c"orlop"] {
            // SAFETY: the text ends in NUL.
            assert_eq!(unsafe { strlen(text.as_ptr().cast()) }, text.count_bytes());
        }
    }
}
