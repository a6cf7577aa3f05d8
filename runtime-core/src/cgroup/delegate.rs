//! Hands the cgroup to the container's root user (config-linux.md, "Cgroup ownership"), so that an init such as systemd can divide it.

use std::path::Path;

use nix::errno::Errno;
use nix::unistd::Uid;

use super::{Cgroup, file};
use crate::error::{Error, Op, Result};

/// What the kernel lists there since Linux 4.15 is what may be handed over; these came first.
const LIST: &str = "/sys/kernel/cgroup/delegate";
const FIRST: &str = "cgroup.procs cgroup.subtree_control cgroup.threads";

impl Cgroup {
    /// Makes host user `owner` the owner of the cgroup v2 directory and of the files in it that are safe to hand over. It is for the
    /// caller to know that the container has a cgroup namespace and a writable cgroup mount. Nothing on v1: there it is not safe.
    pub fn delegate(&self, owner: u32) -> Result<()> {
        let Some(dir) = self.unified() else { return Ok(()) };
        let files = file::read_text(LIST).unwrap_or_else(|_| FIRST.to_owned());
        chown(&dir.path, owner)
            .map_err(|errno| Error::system(Op::Cgroup, errno).on(&dir.path).message("change owner"))?;
        for name in files.split_whitespace() {
            let path = dir.path.join(name);
            match chown(&path, owner) {
                // The file of a controller that is not enabled here.
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(Error::system(Op::Cgroup, errno).on(&path).message("change owner")),
            }
        }
        Ok(())
    }
}

fn chown(path: &Path, owner: u32) -> Result<(), Errno> {
    nix::unistd::chown(path, Some(Uid::from_raw(owner)), None)
}
