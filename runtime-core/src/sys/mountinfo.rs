//! `/proc/self/mountinfo`: all of it, and the paths in it as they are (proc_pid_mountinfo(5)).

use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// The whole text. A read gives less than there is where the next line does not fit any more, as one of an overlay with many
/// layers: only an empty answer is the end.
pub(crate) fn read() -> Result<Vec<u8>, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    super::file::read_all(rustix::fs::open(c"/proc/self/mountinfo", flags, Mode::empty())?, usize::MAX)
}

/// A path as it stands there, with four letters written as numbers (`show_mountinfo` of fs/proc_namespace.c).
pub(crate) fn path(field: &str) -> PathBuf {
    // The backslash last: it begins the others.
    let written = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    written.iter().fold(field.to_owned(), |path, (number, letter)| path.replace(number, letter)).into()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_path_has_blanks_and_backslashes() {
        assert_eq!(path("/plain"), Path::new("/plain"));
        assert_eq!(path(r"/a\040b\011c\012d"), Path::new("/a b\tc\nd"));
        assert_eq!(path(r"/no\134040blank\134"), Path::new(r"/no\040blank\"));
    }
}
