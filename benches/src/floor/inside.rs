//! What happens inside the new namespaces: the default bundle's mounts, devices, paths, and the last steps before exec.
//!
//! Comes in: the bundle's directory as cwd, still on the host's mounts. Goes out: a pivoted root, then `execve(2)`.

use std::ffi::CString;
use std::io;

use rustix::fs::{CWD, FileType, Mode, makedev, mkdir, mknodat, symlink};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive};
use rustix::mount::{mount_change, mount_remount, unmount};
use rustix::process::{Gid, Resource, Rlimit, Uid, chdir, pivot_root, setrlimit, umask};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
use rustix::thread::{remove_capability_from_bounding_set, set_thread_gid, set_thread_groups, set_thread_uid};

use super::cgroup::Cgroups;

/// `linux.namespaces` of the default bundle.
pub(crate) const NAMESPACES: i32 =
    libc::CLONE_NEWPID | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS | libc::CLONE_NEWNS;

const NODES: [(&str, u32, u32); 6] = [
    ("dev/null", 1, 3),
    ("dev/zero", 1, 5),
    ("dev/full", 1, 7),
    ("dev/random", 1, 8),
    ("dev/urandom", 1, 9),
    ("dev/tty", 5, 0),
];

const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "dev/fd"),
    ("/proc/self/fd/0", "dev/stdin"),
    ("/proc/self/fd/1", "dev/stdout"),
    ("/proc/self/fd/2", "dev/stderr"),
    ("pts/ptmx", "dev/ptmx"),
];

const MASKED: [&str; 10] = [
    "proc/acpi",
    "proc/asound",
    "proc/kcore",
    "proc/keys",
    "proc/latency_stats",
    "proc/timer_list",
    "proc/timer_stats",
    "proc/sched_debug",
    "sys/firmware",
    "proc/scsi",
];

const READONLY: [&str; 5] = ["proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"];

const HARD: MountFlags = MountFlags::NOSUID.union(MountFlags::NOEXEC).union(MountFlags::NODEV);

/// Everything between clone and the start gate.
pub(crate) fn build(id: &str, cgroups: &Cgroups) -> io::Result<()> {
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    mount_bind_recursive("rootfs", "rootfs")?;
    chdir("rootfs")?;
    umask(Mode::empty());
    filesystems()?;
    cgroup_mount(id, cgroups)?;
    for (path, major, minor) in NODES {
        mknodat(CWD, path, FileType::CharacterDevice, Mode::from_raw_mode(0o666), makedev(major, minor))?;
    }
    for (target, link) in LINKS {
        symlink(target, link)?;
    }
    mask()?;
    for path in READONLY {
        match mount_bind_recursive(path, path) {
            Err(Errno::NOENT) => {}
            bound => bound.and_then(|()| mount_remount(path, MountFlags::BIND | MountFlags::RDONLY, ""))?,
        }
    }
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir("/")?;
    mount_remount("/", MountFlags::BIND | MountFlags::RDONLY, "")?;
    Ok(rustix::system::sethostname(b"runc")?)
}

/// The bundle's user, limits and capabilities, then its program.
pub(crate) fn execute(args: &[CString]) -> io::Result<()> {
    setrlimit(Resource::Nofile, Rlimit { current: Some(1024), maximum: Some(1024) })?;
    let kept = CapabilitySet::AUDIT_WRITE | CapabilitySet::KILL | CapabilitySet::NET_BIND_SERVICE;
    for capability in CapabilitySet::all().difference(kept).iter() {
        match remove_capability_from_bounding_set(capability) {
            // rustix knows capabilities that this kernel does not.
            Err(Errno::INVAL) => {}
            dropped => dropped?,
        }
    }
    set_thread_groups(&[])?;
    set_thread_gid(Gid::ROOT)?;
    set_thread_uid(Uid::ROOT)?;
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() })?;
    set_no_new_privs(true)?;
    umask(Mode::from_raw_mode(0o022));
    let environment = [c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", c"TERM=xterm"];
    let program = args.first().ok_or(io::ErrorKind::InvalidInput)?;
    match nix::unistd::execve(program, args, &environment)? {}
}

/// `mounts` of the default bundle, all but the last.
fn filesystems() -> io::Result<()> {
    let devices = MountFlags::NOSUID | MountFlags::STRICTATIME;
    let terminals = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("proc", "proc", "proc", MountFlags::empty(), None)?;
    mount("tmpfs", "dev", "tmpfs", devices, c"mode=755,size=65536k")?;
    for directory in ["dev/pts", "dev/shm", "dev/mqueue"] {
        mkdir(directory, Mode::from_raw_mode(0o755))?;
    }
    mount("devpts", "dev/pts", "devpts", terminals, c"newinstance,ptmxmode=0666,mode=0620,gid=5")?;
    mount("shm", "dev/shm", "tmpfs", HARD, c"mode=1777,size=65536k")?;
    mount("mqueue", "dev/mqueue", "mqueue", HARD, None)?;
    Ok(mount("sysfs", "sys", "sysfs", HARD | MountFlags::RDONLY, None)?)
}

/// `/sys/fs/cgroup`: without a cgroup namespace, v1 shows the container its own directory of every hierarchy.
fn cgroup_mount(id: &str, cgroups: &Cgroups) -> io::Result<()> {
    let read_only = HARD | MountFlags::RDONLY | MountFlags::RELATIME;
    let Cgroups::V1(hierarchies) = cgroups else {
        return Ok(mount("cgroup", "sys/fs/cgroup", "cgroup2", read_only, None)?);
    };
    mount("tmpfs", "sys/fs/cgroup", "tmpfs", HARD, c"mode=755")?;
    for (hierarchy, _) in hierarchies {
        let inside = format!("sys/fs/cgroup/{hierarchy}");
        mkdir(&inside, Mode::from_raw_mode(0o755))?;
        mount_bind(format!("/sys/fs/cgroup/{hierarchy}/{id}"), &inside)?;
        mount_remount(&inside, MountFlags::BIND | read_only, "")?;
    }
    Ok(mount_remount("sys/fs/cgroup", MountFlags::BIND | read_only, "")?)
}

/// Files get `/dev/null` over them, directories one empty tmpfs that they share.
fn mask() -> io::Result<()> {
    let mut empty = None;
    for path in MASKED {
        match mount_bind("dev/null", path) {
            Err(Errno::NOENT) => {}
            Err(Errno::NOTDIR) => match empty {
                Some(first) => mount_bind(first, path)?,
                None => {
                    mount("tmpfs", path, "tmpfs", MountFlags::RDONLY, None)?;
                    empty = Some(path);
                }
            },
            bound => bound?,
        }
    }
    Ok(())
}
