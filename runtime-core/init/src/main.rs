//! Where the program starts: no libc, no std, no allocator.
//!
//! In: `orlop-init PLAN DIALOGUE`, the numbers of two open descriptors. Out: the user's program, or status 1 after a report,
//! or 255 for a defect of init itself.
#![no_std]
#![no_main]
#![allow(unsafe_code)] // named in STYLE.md: what lies before the first Rust function, and raw arguments

mod mem;

use core::arch::global_asm;
use core::ffi::CStr;

use orlop_init::sys::{self, Fd, OwnedFd};

// The kernel leaves argc, argv and envp on the stack, and the stack aligned to 16 bytes.
#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start:", "xor ebp, ebp", "mov rdi, rsp", "call {start}", "ud2", start = sym start);
#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start:", "mov x29, #0", "mov x30, #0", "mov x0, sp", "bl {start}", "brk #1", start = sym start);

extern "C" fn start(stack: *const usize) -> ! {
    sys::set_name(c"orlop-init").ok();
    let (Some(plan), Some(dialogue)) = (argument(stack, 1), argument(stack, 2)) else { sys::exit(255) };
    // A plan that cannot be mapped is an empty one, which `run` reports.
    let plan = sys::seek_end(plan).and_then(|len| sys::map_to_read(plan, len)).unwrap_or(&[]);
    let end = orlop_init::run(plan, OwnedFd::new(dialogue));
    sys::exit(i32::from(end.is_err()))
}

/// Argument `index` as the number of a descriptor.
fn argument(stack: *const usize, index: usize) -> Option<Fd> {
    // SAFETY: the kernel put the number of arguments here.
    let count = unsafe { stack.read() };
    if index >= count {
        return None;
    }
    // SAFETY: `count` addresses of NUL-terminated texts follow.
    let text = unsafe { stack.wrapping_add(1 + index).read() } as *const core::ffi::c_char;
    // SAFETY: as above; the texts are never freed.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().ok()?.parse().ok().map(Fd)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    sys::exit(255)
}
