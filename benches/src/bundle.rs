//! Bundles: the default one as `runc spec` 1.1.5 prints it (no terminal, `/bin/true`), and two variants of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::failure::{During, Failure, Result};

const CONFIG: &str = include_str!("config.json");
const BUSYBOX: &str = "/bin/busybox";

/// The bundles every runtime is given. They share one busybox rootfs.
#[derive(Debug)]
pub struct Bundles {
    directory: PathBuf,
    config: Value,
}

impl Bundles {
    /// Makes them below `directory`, which must exist.
    pub fn make(directory: &Path) -> Result<Self> {
        let bundles =
            Self { directory: directory.to_owned(), config: serde_json::from_str(CONFIG).during("config.json")? };
        let rootfs = bundles.default_bundle().join("rootfs");
        for child in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
            fs::create_dir_all(rootfs.join(child)).during(format_args!("mkdir {}", rootfs.display()))?;
        }
        fs::copy(BUSYBOX, rootfs.join("bin/busybox"))
            .map_err(|error| Failure::new(format!("copy {BUSYBOX}: {error} (apt-get install busybox-static)")))?;
        for applet in ["true", "sleep", "sh"] {
            symlink("busybox", rootfs.join("bin").join(applet)).during(format_args!("link {applet}"))?;
        }
        bundles.write("true", bundles.config.clone())?;
        bundles.write("sleep", bundles.with("/process/args", json!(["/bin/sleep", "1000000"]))?)?;
        Ok(bundles)
    }

    /// Runs `/bin/true`. Its `rootfs` is a directory of its own, which the floor insists on.
    pub fn default_bundle(&self) -> PathBuf {
        self.directory.join("true")
    }

    /// Sleeps until it is killed.
    pub fn sleeping(&self) -> PathBuf {
        self.directory.join("sleep")
    }

    /// The default bundle with `linux.resources.memory.limit` in bytes.
    pub fn limited(&self, bytes: u64) -> Result<PathBuf> {
        self.write("limited", self.with("/linux/resources/memory", json!({ "limit": bytes }))?)
    }

    /// The default config with one value set: the last word of `pointer` may be new.
    fn with(&self, pointer: &str, value: Value) -> Result<Value> {
        let mut config = self.config.clone();
        let root = self.default_bundle().join("rootfs");
        set(&mut config, "/root/path", json!(root))?;
        set(&mut config, pointer, value)?;
        Ok(config)
    }

    fn write(&self, name: &str, config: Value) -> Result<PathBuf> {
        let bundle = self.directory.join(name);
        fs::create_dir_all(&bundle).during(format_args!("mkdir {}", bundle.display()))?;
        fs::write(bundle.join("config.json"), config.to_string()).during("write config.json")?;
        Ok(bundle)
    }
}

fn set(config: &mut Value, pointer: &str, value: Value) -> Result<()> {
    pointer
        .rsplit_once('/')
        .and_then(|(parent, key)| {
            config.pointer_mut(parent)?.as_object_mut()?.insert(key.to_owned(), value).or(Some(Value::Null))
        })
        .map(drop)
        .ok_or_else(|| Failure::new(format!("config.json has no {pointer}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_set_in_a_parent_that_exists() {
        let mut config = json!({"linux": {"resources": {}}});
        set(&mut config, "/linux/resources/memory", json!({"limit": 1})).unwrap();
        assert_eq!(config, json!({"linux": {"resources": {"memory": {"limit": 1}}}}));
        assert!(set(&mut config, "/windows/resources", json!(1)).is_err());
    }
}
