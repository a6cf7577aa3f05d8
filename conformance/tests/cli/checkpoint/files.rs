//! Open files that need more than their name: locked ones, removed ones; and CRIU's own settings in a file.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;

use nix::fcntl::{Flock, FlockArg};

use super::counter::Counter;

/// Holds a lock, and has a file open whose name is gone but for another one.
const FILES: &str = r#"
open(my $locked, ">", "/tmp/locked") or die $!; flock($locked, LOCK_EX) or die $!;
open(my $removed, ">", "/tmp/removed") or die $!; link("/tmp/removed", "/tmp/other") or die $!; unlink("/tmp/removed")"#;
const LOCKED: &str = r#"open(my $locked, ">", "/tmp/locked") or die $!; flock($locked, LOCK_EX) or die $!"#;

impl Counter {
    fn is_locked(&self) -> bool {
        let file = File::open(self.bundle.inside("/tmp/locked")).unwrap();
        Flock::lock(file, FlockArg::LockExclusiveNonblock).is_err()
    }
}

#[conformance::test]
fn locks_and_removed_files_are_kept_where_that_is_asked_for() {
    let counter = Counter::of(Counter::perl(FILES, ""));
    assert!(counter.is_locked());
    counter.refuses(&["--link-remap"], "Some file locks are hold by dumping tasks");
    counter.refuses(&["--file-locks"], "Can't create link remap");
    let images = counter.dir("one");
    counter.checkpoint(&["--image-path", &images, "--file-locks", "--link-remap"]).succeeds();
    assert!(!counter.is_locked(), "it is gone");
    let process = counter.goes_on(&images, &["--file-locks"]);
    assert!(counter.is_locked(), "it has its lock again");
    let other = fs::metadata(counter.bundle.inside("/tmp/other")).unwrap();
    let open =
        |fd: &i32| fs::metadata(process.link_path(&format!("fd/{fd}"))).is_ok_and(|file| file.ino() == other.ino());
    assert!(process.fds().keys().any(open), "it has the same file open: {:?}", process.fds());
    counter.delete();
}

/// CRIU reads `/etc/criu/runc.conf` unless the annotation names another file, or none.
#[conformance::test]
fn settings_of_criu_come_from_a_file() {
    let counter = Counter::of(Counter::perl(LOCKED, "").set("/annotations/org.criu.config", ""));
    counter.refuses(&[], "Some file locks are hold by dumping tasks");
    assert!(!counter.read("refused/dump.log").contains("/etc/criu/runc.conf"), "no file is asked for");
    counter.delete();

    let bundle = Counter::perl(LOCKED, "");
    let settings = bundle.path().join("criu.conf");
    fs::write(&settings, "file-locks\ntimeout 40\n").unwrap();
    let counter = Counter::of(bundle.set("/annotations/org.criu.config", settings.to_str().unwrap()));
    let images = counter.dir("one");
    counter.checkpoint(&["--image-path", &images]).succeeds();
    counter.goes_on(&images, &[]);
    assert!(counter.is_locked(), "the file says that locks are kept");
    counter.delete();
}
