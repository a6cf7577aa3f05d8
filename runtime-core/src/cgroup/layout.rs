//! How cgroups are mounted on this machine, and where this process stands in them (cgroups(7)).
//!
//! Pure in its parts: the text of `/proc/self/cgroup` and of `mountinfo` come in, a [`Layout`] goes out. [`Layout::probe`] asks the
//! kernel, with as few questions as it can: it is part of every start.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::file;
use crate::error::{Error, Kind, Op, Result};
use crate::sys::mountinfo;

const ROOT: &str = "/sys/fs/cgroup";
/// statfs(2).
const CGROUP2_SUPER_MAGIC: rustix::fs::FsWord = 0x6367_7270;

/// How cgroups are mounted here.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Layout {
    /// The hierarchies of cgroup v1, in the kernel's order.
    pub v1: Vec<Hierarchy>,
    /// The hierarchy of cgroup v2.
    pub v2: Option<Unified>,
}

/// One hierarchy of cgroup v1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hierarchy {
    /// What it controls: `["cpu", "cpuacct"]`, or `["name=systemd"]`.
    pub controllers: Vec<String>,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// This process's cgroup in it, seen from the mount.
    pub own: PathBuf,
}

/// The hierarchy of cgroup v2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unified {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// This process's cgroup in it, seen from the mount.
    pub own: PathBuf,
    /// `cgroup.controllers` of its root.
    pub controllers: Vec<String>,
    /// Containers go below this process's cgroup, not beside it.
    pub inside: bool,
}

impl Layout {
    /// Asks this machine.
    pub fn probe() -> Result<Self> {
        let lines = own_cgroups(&file::read("/proc/self/cgroup").map_err(no_cgroups)?);
        let kind = rustix::fs::statfs(ROOT).map_err(|errno| no_cgroups(file::errno(errno)))?.f_type;
        if kind == CGROUP2_SUPER_MAGIC {
            let own = in_unified(lines).unwrap_or_else(|| "/".into());
            return Ok(Self { v1: Vec::new(), v2: unified(ROOT.into(), own)? });
        }
        match below_root(&lines, &names(Path::new(ROOT))?)? {
            Some(layout) => Ok(layout),
            None => mounted(&lines, &mountinfo::read().map_err(|errno| no_cgroups(file::errno(errno)))?),
        }
    }
}

/// One line of `/proc/self/cgroup`; no controllers: cgroup v2.
struct Line {
    controllers: Vec<String>,
    own: PathBuf,
}

fn own_cgroups(text: &[u8]) -> Vec<Line> {
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let mut fields = line.splitn(3, |byte| *byte == b':').skip(1);
            let controllers = String::from_utf8_lossy(fields.next()?).into_owned();
            let own = PathBuf::from(OsString::from_vec(fields.next()?.to_vec()));
            // Outside of this cgroup namespace: as seen from inside, nothing is nearer than its root (cgroup_namespaces(7)).
            let own = if own.components().any(|part| part == Component::ParentDir) { "/".into() } else { own };
            let controllers = controllers.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            Some(Line { controllers, own })
        })
        .collect()
}

/// Where the process of this `/proc/PID/cgroup` stands in cgroup v2.
pub(super) fn unified_of(text: &[u8]) -> Option<PathBuf> {
    in_unified(own_cgroups(text))
}

fn in_unified(lines: Vec<Line>) -> Option<PathBuf> {
    lines.into_iter().find_map(|line| line.controllers.is_empty().then_some(line.own))
}

/// The usual places: each hierarchy below `/sys/fs/cgroup`, under its name. `None` where one is not there, or shows another
/// part of its tree than this process stands in.
fn below_root(lines: &[Line], names: &[OsString]) -> Result<Option<Layout>> {
    let mut layout = Layout::default();
    for line in lines {
        let Some(name) = names.iter().find(|name| is_named(name, &line.controllers)) else {
            if line.controllers.is_empty() {
                continue;
            }
            return Ok(None);
        };
        let mount = Path::new(ROOT).join(name);
        if line.own != Path::new("/") && !file::exists(&below(&mount, &line.own)) {
            return Ok(None);
        }
        if line.controllers.is_empty() {
            layout.v2 = unified(mount, line.own.clone())?;
        } else {
            layout.v1.push(Hierarchy { controllers: line.controllers.clone(), mount, own: line.own.clone() });
        }
    }
    Ok(Some(layout))
}

/// Whether a directory of this name is where systemd and Docker mount the hierarchy of `controllers`.
fn is_named(name: &OsString, controllers: &[String]) -> bool {
    let Some(name) = name.to_str() else { return false };
    match controllers {
        [] => name == "unified",
        [only] => name == only.strip_prefix("name=").unwrap_or(only),
        several => {
            let parts: Vec<&str> = name.split(',').collect();
            parts.len() == several.len() && several.iter().all(|controller| parts.contains(&controller.as_str()))
        }
    }
}

/// Every hierarchy where `mountinfo` says it is; one that is mounted nowhere cannot be used and is left out.
fn mounted(lines: &[Line], mountinfo: &[u8]) -> Result<Layout> {
    let mounts: Vec<Mount> = mountinfo.split(|byte| *byte == b'\n').filter_map(cgroup_mount).collect();
    let mut layout = Layout::default();
    for line in lines {
        let fits = |mount: &&Mount| {
            mount.unified == line.controllers.is_empty()
                && line.controllers.iter().all(|controller| mount.options.contains(controller))
        };
        // Another may be some container's, which shares its mounts with the host.
        let usual = mounts.iter().rev().find(|mount| mount.point.starts_with(ROOT) && fits(mount));
        let Some(mount) = usual.or_else(|| mounts.iter().rev().find(fits)) else { continue };
        // A mount may show only a subtree (a container without a cgroup namespace): paths begin at its root.
        let own = line.own.strip_prefix(&mount.root).map_or_else(|_| "/".into(), |rest| Path::new("/").join(rest));
        if mount.unified {
            layout.v2 = unified(mount.point.clone(), own)?;
        } else {
            layout.v1.push(Hierarchy { controllers: line.controllers.clone(), mount: mount.point.clone(), own });
        }
    }
    if layout.v1.is_empty() && layout.v2.is_none() {
        return Err(no_cgroups(nix::errno::Errno::ENOENT));
    }
    Ok(layout)
}

/// A mount of type `cgroup` or `cgroup2` (proc_pid_mountinfo(5)).
struct Mount {
    root: PathBuf,
    point: PathBuf,
    unified: bool,
    options: Vec<String>,
}

fn cgroup_mount(line: &[u8]) -> Option<Mount> {
    let line = std::str::from_utf8(line).ok()?;
    let (before, after) = line.split_once(" - ")?;
    let mut after = after.split(' ');
    let unified = match after.next()? {
        "cgroup" => false,
        "cgroup2" => true,
        _ => return None,
    };
    let mut before = before.split(' ').skip(3);
    Some(Mount {
        root: mountinfo::path(before.next()?),
        point: mountinfo::path(before.next()?),
        unified,
        options: after.nth(1)?.split(',').map(str::to_owned).collect(),
    })
}

/// `None` where nothing is mounted there: the directory outlives the mount.
fn unified(mount: PathBuf, own: PathBuf) -> Result<Option<Unified>> {
    let path = mount.join("cgroup.controllers");
    let text = match file::read(&path) {
        Err(Errno::ENOENT) => return Ok(None),
        read => read.map_err(|errno| Error::system(Op::Probe, errno).on(&path))?,
    };
    let controllers = String::from_utf8_lossy(&text).split_whitespace().map(str::to_owned).collect();
    Ok(Some(Unified { mount, own, controllers, inside: false }))
}

/// What `/sys/fs/cgroup` holds: one question instead of one for each hierarchy.
fn names(root: &Path) -> Result<Vec<OsString>> {
    file::list(root).map_err(no_cgroups)
}

/// `path`, absolute in the hierarchy, below its mount.
pub(crate) fn below(mount: &Path, path: &Path) -> PathBuf {
    mount.join(path.strip_prefix("/").unwrap_or(path))
}

fn no_cgroups(errno: nix::errno::Errno) -> Error {
    Error::system(Op::Probe, errno)
        .kind_is(Kind::Unsupported)
        .on(ROOT)
        .message("control groups")
        .hint("mount cgroup2 on /sys/fs/cgroup")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_its_controllers_and_path() {
        let lines = own_cgroups(b"9:name=systemd:/user.slice\n2:cpu,cpuacct:/a:b\n1:pids:/../../x\n0::/x\n");
        let read: Vec<_> =
            lines.iter().map(|line| (line.controllers.join(","), line.own.display().to_string())).collect();
        let expected = [("name=systemd", "/user.slice"), ("cpu,cpuacct", "/a:b"), ("pids", "/"), ("", "/x")];
        assert_eq!(read, expected.map(|(controllers, own)| (controllers.to_owned(), own.to_owned())));
    }

    #[test]
    fn a_hierarchy_is_found_under_its_name_in_any_order() {
        let both = ["cpu".to_owned(), "cpuacct".to_owned()];
        assert!(is_named(&"cpuacct,cpu".into(), &both));
        assert!(!is_named(&"cpu".into(), &both), "the symbolic link to it may be missing");
        assert!(is_named(&"systemd".into(), &["name=systemd".to_owned()]));
        assert!(is_named(&"unified".into(), &[]));
    }

    #[test]
    fn elsewhere_mounted_hierarchies_come_from_mountinfo() {
        let lines = own_cgroups(b"2:cpu,cpuacct:/docker/abc/deep\n1:memory:/other\n");
        let mountinfo = b"31 23 0:28 / /sys rw - sysfs sysfs rw\n\
            32 31 0:29 /docker/abc /cg/cpu rw,relatime shared:9 - cgroup cgroup rw,cpuacct,cpu\n";
        let layout = mounted(&lines, mountinfo).unwrap();
        let cpu = Hierarchy {
            controllers: vec!["cpu".to_owned(), "cpuacct".to_owned()],
            mount: "/cg/cpu".into(),
            own: "/deep".into(),
        };
        assert_eq!(layout, Layout { v1: vec![cpu], v2: None });
    }

    #[test]
    fn what_a_container_mounts_beside_is_not_the_hosts() {
        let lines = own_cgroups(b"1:memory:/\n");
        let mountinfo = b"32 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
            33 31 0:29 /web /tmp/web/rootfs/sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
        let layout = mounted(&lines, mountinfo).unwrap();
        assert_eq!(layout.v1.first().unwrap().mount, Path::new("/sys/fs/cgroup/memory"));
    }

    #[test]
    fn no_cgroups_at_all_is_an_error_with_advice() {
        let error = mounted(&own_cgroups(b"0::/\n"), b"").unwrap_err();
        assert_eq!(error.to_string(), "probe host /sys/fs/cgroup: control groups: no such file or directory");
        assert_eq!((error.kind(), error.advice()), (Kind::Unsupported, Some("mount cgroup2 on /sys/fs/cgroup")));
    }
}
