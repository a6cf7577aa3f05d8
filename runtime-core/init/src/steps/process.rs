//! The process itself: its cgroups, signals, keyring, directory, and the program it will be.

use core::ffi::CStr;

use orlop_plan::Texts;

use super::accept;
use crate::sys::{self, Errno, Fd, Result, Room};

pub(crate) fn join_cgroup(tasks: Fd) -> Result<()> {
    sys::write(tasks, b"0").map(drop)
}

/// The real-time signals end at 64.
pub(crate) fn reset_signals() -> Result<()> {
    let mut signals = (1..=64).filter(|signal| *signal != sys::SIGKILL && *signal != sys::SIGSTOP);
    signals.try_for_each(sys::default_action)?;
    sys::unblock_signals()
}

pub(crate) fn join_keyring(name: &CStr) -> Result<()> {
    accept(sys::join_session_keyring(name), &[Errno::NOSYS])
}

/// Changes the directory and asks where that is: a leaked fd of the host can make `/proc/self/fd/N` lead outside the root,
/// and the kernel then says `(unreachable)` (CVE-2024-21626).
#[inline(never)] // its room is not part of the loop's frame: stack that is not touched is not resident
pub(crate) fn chdir(path: &CStr) -> Result<()> {
    sys::chdir(path)?;
    if Room::new().getcwd()?.starts_with(b"/") { Ok(()) } else { Err(Errno::NOENT) }
}

/// The same; the path where it was refused for want of permission.
pub(crate) fn try_chdir(path: &CStr) -> Result<Option<&CStr>> {
    match chdir(path) {
        Err(Errno::ACCES | Errno::PERM) => Ok(Some(path)),
        answer => answer.map(|()| None),
    }
}

/// The first candidate that is a file and may be executed.
pub(crate) fn look_up(candidates: Texts<'_>) -> Result<&CStr> {
    let mut answer = Errno::NOENT;
    for path in candidates.iter() {
        match executable(path) {
            Ok(()) => return Ok(path),
            Err(Errno::NOENT | Errno::NOTDIR) => (),
            Err(errno) => answer = errno,
        }
    }
    Err(answer)
}

/// No answer is none against it: a seccomp filter may refuse `statx(2)`, and execve(2) will tell.
fn executable(path: &CStr) -> Result<()> {
    sys::may_execute(path)?;
    match sys::stat(path).map(|stat| stat.kind()) {
        Ok(sys::S_IFREG) | Err(Errno::PERM | Errno::NOSYS) => Ok(()),
        Ok(sys::S_IFDIR) => Err(Errno::ISDIR),
        Ok(_) => Err(Errno::ACCES),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::test_root::TestRoot;

    fn look_up_in(root: &TestRoot, names: &[&str]) -> Result<String> {
        let block: String = names.iter().map(|name| format!("{}/{name}\0", root.path.display())).collect();
        let found = look_up(Texts::from_block(block.as_bytes()))?;
        Ok(found.to_str().unwrap().rsplit('/').next().unwrap().to_owned())
    }

    #[test]
    fn the_first_executable_file_is_found() {
        let root = TestRoot::new("look-up");
        for (name, mode) in [("yes", 0o755), ("also", 0o111), ("plain", 0o644)] {
            fs::write(root.path.join(name), "").unwrap();
            fs::set_permissions(root.path.join(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        fs::create_dir(root.path.join("dir")).unwrap();
        assert_eq!(look_up_in(&root, &["missing", "plain", "dir", "also", "yes"]).unwrap(), "also");
        assert_eq!(look_up_in(&root, &["missing", "plain/x"]), Err(Errno::NOENT));
        assert_eq!(look_up_in(&root, &[]), Err(Errno::NOENT));
        assert_eq!(look_up_in(&root, &["plain", "missing"]), Err(Errno::ACCES));
        assert_eq!(look_up_in(&root, &["missing", "dir"]), Err(Errno::ISDIR));
        assert_eq!(look_up_in(&root, &["dir", "plain"]), Err(Errno::ACCES));
    }
}
