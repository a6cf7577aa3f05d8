//! The calling thread on other processors for a while, with masks of any length: nix and rustix end at 1,024 processors.
#![allow(unsafe_code, reason = "sched_getaffinity(2) and sched_setaffinity(2) on plain bytes")]

use nix::errno::Errno;

/// While it lives, the thread that made it runs where it was sent.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    before: Vec<u8>,
    /// The other threads are where they were: this must be dropped by the one that made it.
    _thread: std::marker::PhantomData<*const ()>,
}

impl Elsewhere {
    /// Sends the calling thread to these processors.
    pub(crate) fn begin(processors: &[u8]) -> Result<Self, Errno> {
        let before = own()?;
        set(processors)?;
        Ok(Self { before, _thread: std::marker::PhantomData })
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if let Err(errno) = set(&self.before) {
            log::error!("this thread stays on the processors of execCPUAffinity: {errno}");
        }
    }
}

/// Room for 32,768 processors, four times what Linux can be built for.
const ROOM: usize = 4096;

fn own() -> Result<Vec<u8>, Errno> {
    let mut mask = vec![0_u8; ROOM];
    // SAFETY: the kernel writes at most `ROOM` bytes, which the vector has.
    let written = unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, ROOM, mask.as_mut_ptr()) };
    mask.truncate(usize::try_from(Errno::result(written)?).unwrap_or(ROOM));
    Ok(mask)
}

fn set(mask: &[u8]) -> Result<(), Errno> {
    // SAFETY: the kernel reads one live slice, or less of it.
    let result = unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, mask.len(), mask.as_ptr()) };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_comes_back() {
        let before = own().unwrap();
        let first = before.iter().position(|byte| *byte != 0).unwrap();
        let mut one = vec![0; first + 1];
        one[first] = 1 << before[first].trailing_zeros();
        {
            let _elsewhere = Elsewhere::begin(&one).unwrap();
            assert!(own().unwrap().iter().map(|byte| byte.count_ones()).sum::<u32>() == 1);
        }
        assert_eq!(own().unwrap(), before);
        // A processor no machine has.
        let mut none = vec![0; 4096];
        none[4095] = 0x80;
        assert_eq!(Elsewhere::begin(&none).err(), Some(Errno::EINVAL));
        assert_eq!(own().unwrap(), before);
    }
}
