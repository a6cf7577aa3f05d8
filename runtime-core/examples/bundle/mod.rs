//! A bundle of busybox in a temporary directory, and configurations for it: what the example and the test of embedding share.

use std::io;
use std::path::{Path, PathBuf};

use orlop::Config;

/// A directory with `rootfs` and a place for the state of containers. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Bundle(PathBuf);

impl Bundle {
    pub(crate) fn make() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("orlop-embedded-{}", std::process::id()));
        let root = path.join("rootfs");
        for directory in ["bin", "dev", "proc"] {
            std::fs::create_dir_all(root.join(directory))?;
        }
        std::fs::copy("/bin/busybox", root.join("bin/busybox"))?;
        std::os::unix::fs::symlink("busybox", root.join("bin/sh"))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the containers' state goes.
    pub(crate) fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    /// A container that runs `script`, in the pid namespace at `pid` or in one of its own.
    pub(crate) fn config(&self, script: &str, pid: Option<&str>) -> Config {
        let pid = match pid {
            Some(path) => serde_json::json!({ "type": "pid", "path": path }),
            None => serde_json::json!({ "type": "pid" }),
        };
        let config = serde_json::json!({
            "ociVersion": "1.3.0",
            "root": { "path": "rootfs", "readonly": true },
            "process": { "cwd": "/", "args": ["/bin/sh", "-c", script] },
            "mounts": [{ "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"] }],
            "linux": { "namespaces": [pid, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" }] },
        });
        Config::new(config.to_string().into_bytes())
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // Whatever cannot be removed is in the way of nobody.
        std::fs::remove_dir_all(&self.0).ok();
    }
}
