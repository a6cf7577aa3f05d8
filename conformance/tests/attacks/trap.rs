//! A directory of the host that an attack aims at.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use conformance::Bundle;

/// A host directory with a file, remembered as it was.
pub(super) struct Trap {
    pub(super) path: PathBuf,
    before: BTreeMap<PathBuf, String>,
}

impl Trap {
    pub(super) fn beside(bundle: &Bundle) -> Self {
        let path = bundle.host("trap");
        fs::create_dir(path.join("dir")).unwrap();
        fs::write(path.join("file"), "of the host").unwrap();
        let mut trap = Self { path, before: BTreeMap::new() };
        trap.before = trap.content();
        trap
    }

    /// The ways a symlink of the root filesystem can point at it.
    pub(super) fn targets(&self) -> [PathBuf; 2] {
        let up = "../../../../../../../../../..".to_owned();
        [self.path.clone(), PathBuf::from(up + &self.path.to_string_lossy())]
    }

    #[track_caller]
    pub(super) fn is_untouched(&self) {
        assert_eq!(self.content(), self.before, "the host was changed");
    }

    /// Every entry with what would change if it were written, replaced or mounted over.
    fn content(&self) -> BTreeMap<PathBuf, String> {
        let entries =
            [self.path.clone(), self.path.join("dir")].into_iter().flat_map(|dir| fs::read_dir(dir).unwrap().flatten());
        let show = |path: &PathBuf| {
            let meta = fs::symlink_metadata(path).unwrap();
            // A planted symlink, node or pipe must not be read: it might never end.
            let text = if meta.is_file() { fs::read_to_string(path).unwrap() } else { String::new() };
            format!("{:o} {}:{} {} {text}", meta.mode(), meta.uid(), meta.gid(), meta.dev())
        };
        entries.map(|entry| (entry.path(), show(&entry.path()))).collect()
    }
}
