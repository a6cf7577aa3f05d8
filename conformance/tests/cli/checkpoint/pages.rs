//! Pages of memory on other ways: by a page server, only when they are needed, and once instead of twice.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use conformance::{eventually, leaks};

use super::counter::Counter;
use super::network::elsewhere;

/// One of CRIU's own servers, at port 7003.
fn criu(verb: &str, dir: &str, flags: &[&str]) -> Child {
    fs::create_dir_all(dir).unwrap();
    let words = [&[verb, "--address", "127.0.0.1", "--port", "7003", "--images-dir", dir], flags].concat();
    let child = Command::new("criu").args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    leaks::claim(child.id().cast_signed());
    child
}

fn listens() -> bool {
    let listening = Command::new("ss").args(["-tlnH", "sport = :7003"]).output().unwrap();
    !listening.stdout.is_empty()
}

/// The images of memory in a directory.
fn pages(dir: &str) -> Vec<fs::DirEntry> {
    let files = fs::read_dir(dir).unwrap().flatten();
    files.filter(|file| file.file_name().to_string_lossy().starts_with("pages-")).collect()
}

/// What the images of memory take of the disk.
fn weight(dir: &str) -> u64 {
    pages(dir).iter().map(|file| file.metadata().unwrap().blocks()).sum()
}

#[conformance::test]
fn a_page_server_takes_the_memory() {
    elsewhere();
    let counter = Counter::start();
    let (images, away) = (counter.dir("one"), counter.dir("away"));
    let mut server = criu("page-server", &away, &[]);
    assert!(eventually(listens), "the page server listens");
    counter.checkpoint(&["--image-path", &images, "--page-server", "127.0.0.1:7003"]).succeeds();
    assert!(pages(&images).is_empty() && weight(&away) > 0, "{:?}, {:?}", pages(&images), pages(&away));
    assert!(server.wait().unwrap().success());
    for file in fs::read_dir(&away).unwrap().flatten() {
        fs::rename(file.path(), Path::new(&images).join(file.file_name())).unwrap();
    }
    counter.goes_on(&images, &[]);
    counter.delete();
}

#[conformance::test]
fn pages_can_be_fetched_when_they_are_needed() {
    elsewhere();
    let counter = Counter::of(Counter::perl("my $much = 'x' x 2000000", ""));
    let (images, work, status) = (counter.dir("one"), counter.dir("work"), counter.bundle.path().join("status"));
    let lazy = ["--lazy-pages", "--page-server", "127.0.0.1:7003", "--status-fd", "9"];
    let args = [&["checkpoint", "--image-path", &images], &lazy[..], &[&*counter.bundle.id]].concat();
    let inner = counter.bundle.runtime.command(args);
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"exec 9>"$0"; exec "$@""#]).arg(&status).arg(inner.get_program()).args(inner.get_args());
    let checkpoint = counter.bundle.runtime.spawn(shell);
    assert!(eventually(|| fs::read(&status).is_ok_and(|said| said == [0])), "{:?}", fs::read(&status));
    let before = counter.last();
    let lazy_size = weight(&images);
    fs::create_dir(&work).unwrap();
    let mut server = criu("lazy-pages", &images, &["--page-server", "--work-dir", &work, "-o", "lazy.log", "-v4"]);
    assert!(eventually(|| Path::new(&work).join("lazy-pages.socket").exists()), "{}", counter.read("work/lazy.log"));

    let other = format!("{}-other", counter.bundle.id);
    let restored = counter.restore_as(&other, &images, &["--detach", "--lazy-pages", "--work-path", &work]);
    assert!({ restored }.wait().unwrap().success(), "{}", counter.read("work/restore.log"));
    assert!(eventually(|| counter.last() > before), "it goes on");
    checkpoint.wait().succeeds();
    assert!(server.wait().unwrap().success());
    assert!(lazy_size < 2000, "{lazy_size} blocks of 512 bytes, where the program has 2000000");
    counter.bundle.runtime.call(["delete", "--force", &other]).succeeds();
    leaks::nothing_left(&counter.bundle);
}

#[conformance::test]
fn what_a_later_checkpoint_has_is_freed_in_one_before() {
    let counter = Counter::of(Counter::perl("my $much", "$much = chr(65 + $i % 26) x 500000;"));
    let (before, last) = (counter.dir("before"), counter.dir("last"));
    counter.checkpoint(&["--image-path", &before, "--pre-dump"]).succeeds();
    let all = weight(&before);
    counter.checkpoint(&["--image-path", &last, "--parent-path", "../before", "--auto-dedup"]).succeeds();
    let rest = weight(&before);
    assert!(rest + 900 < all, "{all} blocks before, {rest} after");
    let all = weight(&last);
    counter.goes_on(&last, &["--auto-dedup"]);
    let rest = weight(&last);
    assert!(rest + 900 < all, "{all} blocks before the restore, {rest} after");
    counter.delete();
}
