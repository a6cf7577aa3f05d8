//! The steps that are more than one system call, by what they are about.

pub(crate) mod copy_up;
pub(crate) mod files;
pub(crate) mod gate;
pub(crate) mod hook;
pub(crate) mod identity;
pub(crate) mod mounts;
pub(crate) mod paths;
pub(crate) mod process;
pub(crate) mod terminal;

/// Takes some answers of the kernel for success.
pub(crate) fn accept<T: Default>(answer: crate::sys::Result<T>, fine: &[crate::sys::Errno]) -> crate::sys::Result<T> {
    answer.or_else(|errno| if fine.contains(&errno) { Ok(T::default()) } else { Err(errno) })
}
