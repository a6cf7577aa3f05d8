//! The functions that the compiler calls to copy, fill and compare memory; a libc would bring them.
//!
//! In assembly, because the compiler turns a loop that copies into a call to the very function it stands in. Short rather
//! than fast: init moves a few hundred bytes in its life.

use core::arch::naked_asm;

#[cfg(target_arch = "x86_64")]
mod machine {
    use super::naked_asm;

    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
        naked_asm!("mov rax, rdi", "mov rcx, rdx", "rep movsb", "ret")
    }

    /// Backwards where `to` lies inside what is copied.
    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
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
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
        naked_asm!("mov r8, rdi", "mov eax, esi", "mov rcx, rdx", "rep stosb", "mov rax, r8", "ret")
    }

    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
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
    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
        naked_asm!("jmp {memcmp}", memcmp = sym memcmp)
    }

    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn strlen(text: *const u8) -> usize {
        naked_asm!("mov rax, -1", "2:", "inc rax", "cmp byte ptr [rdi + rax], 0", "jne 2b", "ret")
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use super::naked_asm;

    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
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
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
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
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
        naked_asm!("2:", "cbz x2, 3f", "sub x2, x2, #1", "strb w1, [x0, x2]", "b 2b", "3:", "ret")
    }

    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
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
    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
        naked_asm!("b {memcmp}", memcmp = sym memcmp)
    }

    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn strlen(text: *const u8) -> usize {
        naked_asm!("mov x1, x0", "2:", "ldrb w2, [x1], #1", "cbnz w2, 2b", "sub x0, x1, x0", "sub x0, x0, #1", "ret")
    }
}
