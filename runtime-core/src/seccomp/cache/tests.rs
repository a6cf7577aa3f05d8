//! What a cache in a real directory does, damage and other people included.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::*;
use crate::seccomp::tests::{DOCKER, profile, rule};
use crate::seccomp::{cache_dir, cached, compile};
use crate::spec::SeccompAction;

/// A directory of its own for one test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("orlop-seccomp-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn open(&self) -> OwnedFd {
        cache_dir(File::open(&self.0).unwrap().as_fd()).unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        fs::read_dir(self.0.join("@seccomp")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn only_file(&self) -> PathBuf {
        let files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Small, and a different one for each `source`.
fn small(source: &'static str) -> Seccomp<'static> {
    let calls = vec![rule(&["mkdir", "make_coffee"], SeccompAction::Trap, vec![])];
    Seccomp { source, flags: 2, ..profile(SeccompAction::Errno(1), calls) }
}

#[test]
fn a_hit_is_what_was_compiled_warnings_and_all() {
    let scratch = Scratch::new("hit");
    let directory = scratch.open();
    let profile = small("{}");
    let compiled = compile(&profile).unwrap();
    assert!(!compiled.warnings.is_empty());
    assert_eq!(cached(&profile, directory.as_fd()).unwrap(), compiled);
    let kept = Entry::of(&profile).unwrap().read(directory.as_fd(), profile.flags);
    assert_eq!(kept.as_ref(), Some(&compiled));
    assert_eq!(cached(&profile, directory.as_fd()).unwrap(), compiled);
    assert_eq!((mode(&scratch.0.join("@seccomp")), mode(&scratch.only_file())), (0o700, 0o600));
}

#[test]
fn a_hit_compiles_nothing() {
    let scratch = Scratch::new("content");
    let directory = scratch.open();
    let first = cached(&small("one"), directory.as_fd()).unwrap();
    // Only the text is the key: other rules under the same text show whether anything was compiled.
    let other = Seccomp { calls: Vec::new(), ..small("one") };
    assert_eq!(cached(&other, directory.as_fd()).unwrap(), first);
    assert_ne!(cached(&Seccomp { source: "two", ..other }, directory.as_fd()).unwrap(), first);
}

#[test]
fn a_damaged_file_is_rewritten() {
    let scratch = Scratch::new("damage");
    let directory = scratch.open();
    let profile = small("damage");
    let filter = cached(&profile, directory.as_fd()).unwrap();
    let path = scratch.only_file();
    let good = fs::read(&path).unwrap();
    let mut damaged = (0..good.len()).map(|length| good[..length].to_vec()).collect::<Vec<_>>();
    damaged.extend((0..good.len()).map(|at| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        bytes
    }));
    damaged.push([good.as_slice(), b"tail"].concat());
    let entry = Entry::of(&profile).unwrap();
    for bytes in damaged {
        fs::write(&path, &bytes).unwrap();
        assert_eq!(entry.read(directory.as_fd(), 2), None, "{} bytes", bytes.len());
    }
    assert_eq!(cached(&profile, directory.as_fd()).unwrap(), filter);
    assert_eq!(fs::read(&path).unwrap(), good);
}

#[test]
fn what_others_could_have_written_is_rewritten() {
    let scratch = Scratch::new("foreign");
    let directory = scratch.open();
    let profile = small("foreign");
    let filter = cached(&profile, directory.as_fd()).unwrap();
    let path = scratch.only_file();
    let entry = Entry::of(&profile).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
    assert_eq!(entry.read(directory.as_fd(), 2), None);
    assert_eq!(cached(&profile, directory.as_fd()).unwrap(), filter);
    assert_eq!(mode(&path), 0o600);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(1), None).unwrap();
        assert_eq!(entry.read(directory.as_fd(), 2), None);
        assert_eq!(cached(&profile, directory.as_fd()).unwrap(), filter);
        assert_eq!(fs::metadata(&path).unwrap().uid(), 0);
    }
    let aside = scratch.0.join("aside");
    fs::rename(&path, &aside).unwrap();
    std::os::unix::fs::symlink(&aside, &path).unwrap();
    assert_eq!(entry.read(directory.as_fd(), 2), None);
    assert_eq!(cached(&profile, directory.as_fd()).unwrap(), filter);
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
}

#[test]
fn a_directory_that_others_can_write_is_refused() {
    let scratch = Scratch::new("directory");
    drop(scratch.open());
    fs::set_permissions(scratch.0.join("@seccomp"), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(cache_dir(File::open(&scratch.0).unwrap().as_fd()).is_err());
}

#[test]
fn a_cache_that_cannot_be_written_costs_only_time() {
    let scratch = Scratch::new("gone");
    let directory = scratch.open();
    fs::remove_dir(scratch.0.join("@seccomp")).unwrap();
    assert_eq!(cached(&small("gone"), directory.as_fd()).unwrap(), compile(&small("gone")).unwrap());
    fs::create_dir(scratch.0.join("@seccomp")).unwrap();
}

#[test]
fn writers_at_the_same_time_do_not_disturb_each_other() {
    let scratch = Scratch::new("race");
    let directory = scratch.open();
    let filter = compile(&small("race")).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let entry = Entry::of(&small("race")).unwrap();
                for _ in 0..50 {
                    entry.write(directory.as_fd(), &filter).unwrap();
                    assert_eq!(entry.read(directory.as_fd(), 2).as_ref(), Some(&filter));
                }
            });
        }
    });
    assert!(scratch.only_file().ends_with(Entry::of(&small("race")).unwrap().name));
}

#[test]
fn the_oldest_goes_when_there_are_too_many() {
    let scratch = Scratch::new("evict");
    let directory = scratch.open();
    let filter = compile(&small("")).unwrap();
    let sources = (0..ENTRIES + 6).map(|number| &*format!("{number}").leak()).collect::<Vec<_>>();
    for (age, source) in sources.iter().enumerate() {
        let entry = Entry::of(&small(source)).unwrap();
        entry.write(directory.as_fd(), &filter).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(age as u64);
        let path = scratch.0.join("@seccomp").join(&entry.name);
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
    let held = |source| Entry::of(&small(source)).unwrap().read(directory.as_fd(), 2).is_some();
    assert_eq!(scratch.files().len(), ENTRIES);
    assert!(sources[..6].iter().all(|source| !held(source)) && sources[6..].iter().all(|source| held(source)));
}

#[test]
fn a_profile_without_text_or_with_too_much_is_compiled_each_time() {
    let scratch = Scratch::new("large");
    let directory = scratch.open();
    let profile = Seccomp { source: " ".repeat(LARGEST).leak(), ..small("") };
    assert!(Entry::of(&small(DOCKER)).is_some());
    for profile in [profile, small("")] {
        assert!(Entry::of(&profile).is_none());
        assert_eq!(cached(&profile, directory.as_fd()).unwrap(), compile(&small("")).unwrap());
    }
    assert!(scratch.files().is_empty());
}
