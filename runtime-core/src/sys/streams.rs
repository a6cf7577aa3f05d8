//! The descriptors that a program of the host hands on by number: its standard streams, and those after them.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_getfd};

/// What the standard streams of a process are; `None` is the caller's own.
pub(crate) type Streams<'s> = [Option<BorrowedFd<'s>>; 3];

/// The lowest number that is no standard stream.
pub(crate) const FIRST: i32 = 3;

/// This program's standard stream `number`; `None` where it has none to hand on. A closed stream's number may have gone to
/// something of ours, which is close-on-exec.
pub(crate) fn standard(number: usize) -> Option<BorrowedFd<'static>> {
    let stream = match number {
        0 => rustix::stdio::stdin(),
        1 => rustix::stdio::stdout(),
        _ => rustix::stdio::stderr(),
    };
    is_handed_on(stream).then_some(stream)
}

/// The first of `count` descriptors from 3 on that is not there to be handed on. One of ours that lies in its place would be
/// handed to the container.
#[allow(unsafe_code, reason = "asks about descriptors by number")]
pub(crate) fn first_missing(count: u32) -> Option<i32> {
    (FIRST..=i32::MAX).zip(0..count).map(|(number, _)| number).find(|number| {
        // SAFETY: only F_GETFD is asked of it, which EBADF answers where it is not open.
        !is_handed_on(unsafe { BorrowedFd::borrow_raw(*number) })
    })
}

/// `fd` under a number that is no standard stream's.
pub(crate) fn above_standard(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    from(FIRST, fd)
}

/// `fd` under a number that is not below `first`.
pub(crate) fn from(first: i32, fd: OwnedFd) -> Result<OwnedFd, Errno> {
    if fd.as_raw_fd() >= first { Ok(fd) } else { fcntl_dupfd_cloexec(&fd, first) }
}

fn is_handed_on(fd: BorrowedFd<'_>) -> bool {
    fcntl_getfd(fd).is_ok_and(|flags| !flags.contains(FdFlags::CLOEXEC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_closes_at_exec_is_not_handed_on() {
        let highest = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap();
        assert_eq!(first_missing(0), None);
        let missing = first_missing(u32::MAX).unwrap();
        assert!(missing >= FIRST && u64::try_from(missing).unwrap() <= highest);
        let ours = std::fs::File::open("/dev/null").unwrap();
        assert!(!is_handed_on(std::os::fd::AsFd::as_fd(&ours)), "std opens with O_CLOEXEC");
    }

    #[test]
    fn a_number_above_the_standard_ones_stays() {
        let file = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        let number = file.as_raw_fd();
        assert_eq!(above_standard(file).unwrap().as_raw_fd(), number);
    }
}
