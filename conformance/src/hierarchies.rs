//! Controllers of cgroup v1 that the kernel has and nobody mounts.
//!
//! In: their names. Out: all of `/sys/fs/cgroup` as it is and a hierarchy for each of these beside it, in a mount namespace of the
//! calling thread, whose children the runtime's processes are. With the thread the hierarchies go, unless a cgroup is left in one.

use std::fs;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

const CGROUPS: &str = "/sys/fs/cgroup";

/// Whether a hierarchy could have this controller.
pub fn kernel_has(controller: &str) -> bool {
    let listed = fs::read_to_string("/proc/cgroups").unwrap_or_default();
    listed.lines().any(|line| line.split_whitespace().next() == Some(controller))
}

/// Mounts them for this thread.
pub fn mount_too(controllers: &[&str]) {
    unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
    let (none, private) = (None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE);
    let bound = MsFlags::MS_BIND | MsFlags::MS_REC;
    let aside = "/mnt";
    mount(none, "/", none, private, none).expect("private mounts");
    mount(Some(CGROUPS), aside, none, bound, none).expect("the hierarchies aside");
    mount(Some("tmpfs"), CGROUPS, Some("tmpfs"), MsFlags::empty(), none).expect("an empty directory in their place");
    for entry in fs::read_dir(aside).expect("the hierarchies").flatten() {
        let place = Path::new(CGROUPS).join(entry.file_name());
        fs::create_dir(&place).expect("a directory");
        mount(Some(&entry.path()), &place, none, bound, none).expect("a hierarchy");
    }
    umount2(aside, MntFlags::MNT_DETACH).expect("nothing aside");
    for controller in controllers {
        let place = Path::new(CGROUPS).join(controller);
        fs::create_dir_all(&place).expect("a directory");
        mount(Some("cgroup"), &place, Some("cgroup"), MsFlags::empty(), Some(*controller)).expect("a new hierarchy");
    }
}
