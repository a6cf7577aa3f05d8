//! A second container swaps a directory for a symlink while the runtime walks through it (CVE-2021-30465).

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::trap::Trap;
use conformance::{Bundle, json};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

/// Runs `attempt` while two paths are exchanged as fast as the kernel can.
fn while_swapping(one: &Path, other: &Path, attempt: impl FnOnce()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // A runtime that just replaced either is no failure of the attack.
                renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE).ok();
            }
        });
        attempt();
        done.store(true, Ordering::Relaxed);
    });
}

/// Containers for a test, where one takes some milliseconds.
const TRIES: usize = 20;
/// On an emulated processor one takes seconds: none begins after so long.
const ENOUGH: Duration = Duration::from_secs(15);

/// Attacks a path of a volume again and again; `edit` makes the runtime use `/volume/swapped`.
fn attack(edit: impl Fn(Bundle) -> Bundle) {
    let start = Instant::now();
    for _ in (0..TRIES).take_while(|_| start.elapsed() < ENOUGH) {
        let bundle = Bundle::sh("cat /volume/swapped/file").writable();
        let trap = Trap::beside(&bundle);
        let volume = bundle.host("volume");
        std::fs::create_dir_all(volume.join("swapped/dir")).unwrap();
        std::os::unix::fs::symlink(&trap.targets()[1], volume.join("link")).unwrap();
        let bundle = edit(bundle.bind(&volume, "/volume", &["rbind"]));
        while_swapping(&volume.join("swapped"), &volume.join("link"), || {
            let outcome = bundle.run();
            assert!(!outcome.stdout.contains("of the host"), "{}", outcome.stdout);
        });
        trap.is_untouched();
    }
}

#[conformance::test]
fn a_swapped_mount_destination_stays_inside() {
    attack(|bundle| bundle.mount("tmpfs", "tmpfs", "/volume/swapped", &[]));
}

#[conformance::test]
fn a_swapped_parent_of_a_mount_destination_stays_inside() {
    attack(|bundle| bundle.mount("tmpfs", "tmpfs", "/volume/swapped/new/deep", &[]));
}

#[conformance::test]
fn a_swapped_file_to_bind_on_stays_inside() {
    attack(|bundle| bundle.bind("/etc/passwd", "/volume/swapped/new-file", &["bind", "ro"]));
}

#[conformance::test]
fn a_swapped_masked_path_stays_inside() {
    attack(|bundle| bundle.set("/linux/maskedPaths", json!(["/volume/swapped"])));
}

#[conformance::test]
fn a_swapped_readonly_path_stays_inside() {
    attack(|bundle| bundle.set("/linux/readonlyPaths", json!(["/volume/swapped"])));
}

#[conformance::test]
fn a_swapped_cwd_stays_inside() {
    attack(|bundle| bundle.set("/process/cwd", "/volume/swapped/new"));
}
