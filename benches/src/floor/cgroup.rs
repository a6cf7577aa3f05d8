//! The cgroup of a floor container: one directory per v1 hierarchy, or one on v2.
//!
//! v1: the child moves itself, by writing 0 to `tasks`; a write of its pid to `cgroup.procs` by the parent
//! would wait for RCU (PROMISES.md, at its end). v2: the child is born inside. With `FLOOR_MEMORY=BYTES` the memory limit is set.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};

use super::{devices, kernel};

const MOUNTED: &str = "/sys/fs/cgroup";

/// Where the container's processes go.
pub(crate) enum Cgroups {
    /// Names of the hierarchies and their open `tasks` files.
    V1(Vec<(String, File)>),
    /// The directory.
    V2(File),
}

impl Cgroups {
    /// What `CLONE_INTO_CGROUP` wants; v1 has no such thing.
    pub(crate) fn unified(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::V1(_) => None,
            Self::V2(directory) => Some(directory.as_fd()),
        }
    }

    /// Moves this single-threaded process into every v1 hierarchy.
    pub(crate) fn join(&self) -> io::Result<()> {
        if let Self::V1(hierarchies) = self {
            for (_, tasks) in hierarchies {
                (&*tasks).write_all(b"0")?;
            }
        }
        Ok(())
    }
}

/// Makes the container's cgroups with the bundle's limits: the device list, and what cpuset cannot do without.
pub(crate) fn create(id: &str) -> io::Result<Cgroups> {
    let memory = std::env::var("FLOOR_MEMORY").ok();
    if is_v2() {
        fs::create_dir(format!("{MOUNTED}/{id}"))?;
        if let Some(limit) = &memory {
            write(&format!("{MOUNTED}/{id}/memory.max"), limit)?;
        }
        let directory = File::open(format!("{MOUNTED}/{id}"))?;
        kernel::attach_device_program(&devices::program(), directory.as_fd())?;
        return Ok(Cgroups::V2(directory));
    }
    let mut joined = Vec::new();
    for hierarchy in hierarchies()? {
        let parent = format!("{MOUNTED}/{hierarchy}");
        let own = format!("{parent}/{id}");
        fs::create_dir(&own)?;
        match hierarchy.as_str() {
            "cpuset" => {
                write(&format!("{own}/cpuset.cpus"), &fs::read_to_string(format!("{parent}/cpuset.cpus"))?)?;
                write(&format!("{own}/cpuset.mems"), &fs::read_to_string(format!("{parent}/cpuset.mems"))?)?;
            }
            "devices" => {
                write(&format!("{own}/devices.deny"), "a")?;
                let mut allow = OpenOptions::new().write(true).open(format!("{own}/devices.allow"))?;
                // The kernel takes one rule per write.
                devices::ALLOWED.iter().try_for_each(|rule| allow.write_all(rule.as_bytes()))?;
            }
            "memory" => {
                if let Some(limit) = &memory {
                    write(&format!("{own}/memory.limit_in_bytes"), limit)?;
                }
            }
            _ => {}
        }
        joined.push((hierarchy, OpenOptions::new().write(true).open(format!("{own}/tasks"))?));
    }
    Ok(Cgroups::V1(joined))
}

/// The cgroups of a container that exists.
pub(crate) fn open(id: &str) -> io::Result<Cgroups> {
    if is_v2() {
        return File::open(format!("{MOUNTED}/{id}")).map(Cgroups::V2);
    }
    let tasks = |name: String| {
        let file = OpenOptions::new().write(true).open(format!("{MOUNTED}/{name}/{id}/tasks"))?;
        Ok((name, file))
    };
    hierarchies()?.into_iter().map(tasks).collect::<io::Result<_>>().map(Cgroups::V1)
}

/// Removes the directories; the kernel refuses while a process lives in one.
pub(crate) fn remove(id: &str) -> io::Result<()> {
    if is_v2() {
        return fs::remove_dir(format!("{MOUNTED}/{id}"));
    }
    hierarchies()?.iter().try_for_each(|hierarchy| fs::remove_dir(format!("{MOUNTED}/{hierarchy}/{id}")))
}

fn is_v2() -> bool {
    fs::exists(format!("{MOUNTED}/cgroup.controllers")).unwrap_or(false)
}

/// Directories only: a symlink (`cpu` → `cpu,cpuacct`) names a hierarchy that is listed anyway, and `unified` is v2.
fn hierarchies() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(MOUNTED)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() && name != "unified" {
            names.push(name);
        }
    }
    Ok(names)
}

fn write(path: &str, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}
