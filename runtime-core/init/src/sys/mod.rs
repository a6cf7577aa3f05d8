//! Raw system calls: safe functions over typed arguments.
//!
//! In: `&CStr`, [`Fd`], plain numbers. Out: the kernel's answer or its [`Errno`]. Nothing here decides, retries or keeps
//! state; one function is one call. With `mem` and `main` this is the only unsafe code of init.
#![allow(unsafe_code)] // named in STYLE.md: the edge to the kernel
#![allow(missing_docs)] // a wrapper is named for its call; its man page is its documentation

mod errno;
mod fd;
mod file;
mod identity;
mod memory;
mod mount;
mod process;
mod room;
mod scheduling;
mod socket;

#[cfg(target_arch = "aarch64")]
#[path = "aarch64.rs"]
mod machine;
#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod machine;

pub use errno::{Errno, Result};
pub use fd::{Fd, OwnedFd};
pub use file::*;
pub use identity::*;
pub use memory::*;
pub use mount::*;
pub use process::*;
pub use room::Room;
pub use scheduling::*;
pub use socket::*;

use machine::number as nr;

/// One system call.
///
/// # Safety
/// Every argument that the call takes as a pointer is valid for what the call does with it.
unsafe fn call<const N: usize>(number: usize, args: [usize; N]) -> Result<usize> {
    let mut six = [0; 6];
    six.iter_mut().zip(args).for_each(|(to, arg)| *to = arg);
    // SAFETY: passed on to the caller.
    let answer = unsafe { machine::syscall(number, six) };
    usize::try_from(answer).map_err(|_negative| Errno(-(answer as i32)))
}

/// A system call that takes no pointers, so that no argument can harm this program's memory.
fn plain<const N: usize>(number: usize, args: [usize; N]) -> Result<usize> {
    // SAFETY: the callers in this folder use it only for calls without pointers.
    unsafe { call(number, args) }
}

/// The address of something that the kernel reads or fills during one call.
fn at<T: ?Sized>(value: *const T) -> usize {
    value.cast::<u8>() as usize
}
