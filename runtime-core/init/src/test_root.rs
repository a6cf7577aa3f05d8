//! A directory for tests: a root to work beneath, and an outside that nothing may change.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process;

use crate::sys::Fd;

pub(crate) struct TestRoot {
    /// The root seen from outside.
    pub(crate) path: PathBuf,
    pub(crate) fd: File,
    around: PathBuf,
}

impl TestRoot {
    pub(crate) fn new(name: &str) -> Self {
        let around = std::env::temp_dir().join(format!("orlop-init-{}-{name}", process::id()));
        let path = around.join("root");
        fs::create_dir_all(&path).unwrap();
        fs::create_dir(around.join("outside")).unwrap();
        Self { fd: File::open(&path).unwrap(), path, around }
    }

    pub(crate) fn at(&self) -> Fd {
        Fd(self.fd.as_raw_fd())
    }

    /// A directory beside the root, whose path is `/…/outside` from the host.
    pub(crate) fn outside(&self) -> PathBuf {
        self.around.join("outside")
    }

    pub(crate) fn outside_is_empty(&self) -> bool {
        fs::read_dir(self.outside()).unwrap().count() == 0 && fs::read_dir(&self.around).unwrap().count() == 2
    }
}

impl Drop for TestRoot {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.around).unwrap();
    }
}
