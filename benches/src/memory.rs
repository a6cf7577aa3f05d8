//! What a runtime weighs: while its container waits, at its own peak, on disk, and how little it can start under.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use crate::bundle::Bundles;
use crate::call::{PATIENCE, Process, reap_strays, timed};
use crate::failure::{During, Failure, Result};
use crate::place::Place;
use crate::runtime::Runtime;

/// The hidden first argument by which this program runs [`peak_of`] in a small process of its own.
pub const PEAK_OF: &str = "peak-of";

const PAGE_KIB: u64 = 4;
const LIMITS_KIB: std::ops::RangeInclusive<u64> = 64..=32 * 1024;

/// A start that a limit prevents may also hang.
const LIMITED_PATIENCE: Duration = Duration::from_secs(3);

/// Resident memory of a created container's process that waits for `start`, in KiB.
pub fn waiting(place: &Place, bundles: &Bundles, runtime: &Runtime) -> Result<u64> {
    let id = place.new_id();
    timed(&mut runtime.create(&id, &bundles.default_bundle()), &place.log(), PATIENCE)?;
    let process = Process::in_file(&runtime.pid_file(&id))?;
    // `create` may return a moment before its child blocks.
    std::thread::sleep(Duration::from_millis(20));
    // Not status' VmRSS: that is an approximate per-CPU counter since Linux 6.2.
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid));
    discard(place, runtime, &id, Some(&process));
    let rollup = rollup.during("read smaps_rollup")?;
    let resident = rollup.lines().find_map(|line| line.strip_prefix("Rss:")?.split_whitespace().next()?.parse().ok());
    resident.ok_or_else(|| Failure::new("smaps_rollup has no Rss"))
}

/// Resident peak of the command in `create`, in KiB: the lowest of five, for what others do meanwhile only adds.
pub fn create_peak(place: &Place, bundles: &Bundles, runtime: &Runtime) -> Result<u64> {
    (0..5).map(|_| create_peak_once(place, bundles, runtime)).try_fold(u64::MAX, |least, peak| Ok(least.min(peak?)))
}

/// The command's file in KiB.
pub fn binary(runtime: &Runtime) -> Result<u64> {
    Ok(fs::metadata(&runtime.program).during(runtime.program.display())?.len().div_ceil(1024))
}

/// The lowest memory limit in KiB, by pages, under which the default bundle starts and ends well three times in a row.
pub fn lowest_limit(place: &Place, bundles: &Bundles, runtime: &Runtime) -> Result<u64> {
    let (mut fails, mut works) = (LIMITS_KIB.start() / PAGE_KIB - 1, LIMITS_KIB.end() / PAGE_KIB);
    let attempt = |pages: u64| -> Result<()> {
        (0..3).try_for_each(|_| {
            place.go_on()?;
            starts_under(place, bundles, runtime, pages * PAGE_KIB * 1024)
        })
    };
    attempt(works)?;
    while works - fails > 1 {
        let middle = fails.midpoint(works);
        match attempt(middle) {
            Ok(()) => works = middle,
            Err(_too_little) => fails = middle,
        }
        place.go_on()?;
    }
    Ok(works * PAGE_KIB)
}

/// Runs `words`, prints the peak of what it ran. A process of its own, because `ru_maxrss` of a child counts what
/// its parent held when it forked.
pub fn peak_of(words: impl IntoIterator<Item = std::ffi::OsString>) -> Result<u64> {
    let mut words = words.into_iter();
    let program = words.next().ok_or_else(|| Failure::new("peak-of needs a command"))?;
    let mut command = Command::new(program);
    // Standard output is ours: the container must not hold it.
    let status = command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).status().during("spawn")?;
    if !status.success() {
        return Err(Failure::new(status.to_string()));
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).during("getrusage")?;
    u64::try_from(usage.max_rss()).during("ru_maxrss")
}

fn create_peak_once(place: &Place, bundles: &Bundles, runtime: &Runtime) -> Result<u64> {
    let id = place.new_id();
    let create = runtime.create(&id, &bundles.default_bundle());
    let own = std::env::current_exe().during("own path")?;
    let mut command = Command::new(own);
    command.arg(PEAK_OF).arg(create.get_program()).args(create.get_args());
    create.get_current_dir().map(|directory| command.current_dir(directory));
    let words = fs::File::create(place.log()).during("create the log")?;
    let output = command.stdin(Stdio::null()).stderr(words).output().during("run peak-of")?;
    let process = Process::in_file(&runtime.pid_file(&id));
    discard(place, runtime, &id, process.as_ref().ok());
    String::from_utf8_lossy(&output.stdout).trim().parse().during(format_args!("peak of {} create", runtime.name))
}

fn starts_under(place: &Place, bundles: &Bundles, runtime: &Runtime, bytes: u64) -> Result<()> {
    let id = place.new_id();
    let outcome = live_under(place, bundles, runtime, bytes, &id);
    if outcome.is_err() {
        let pid_file = runtime.pid_file(&id);
        let process = Process::in_file(&pid_file).ok();
        discard(place, runtime, &id, process.as_ref());
    }
    outcome
}

fn live_under(place: &Place, bundles: &Bundles, runtime: &Runtime, bytes: u64, id: &str) -> Result<()> {
    let bundle = bundles.limited(bytes)?;
    let log = place.log();
    // No stale pid, should `create` fail before it writes one.
    drop(fs::remove_file(runtime.pid_file(id)));
    let mut create = runtime.create(id, &bundle);
    if runtime.is_floor() {
        create.current_dir(bundles.default_bundle()).env("FLOOR_MEMORY", bytes.to_string());
    }
    timed(&mut create, &log, LIMITED_PATIENCE)?;
    let process = Process::in_file(&runtime.pid_file(id))?;
    timed(&mut runtime.start(id), &log, LIMITED_PATIENCE)?;
    match process.reap(LIMITED_PATIENCE)? {
        Some(0) => timed(&mut runtime.delete(id), &log, LIMITED_PATIENCE).map(drop),
        other => Err(Failure::new(format!("/bin/true ended with {other:?}"))),
    }
}

/// Ends a container in whatever state it is.
pub(crate) fn discard(place: &Place, runtime: &Runtime, id: &str, process: Option<&Process>) {
    if let Some(process) = process {
        process.kill();
        drop(process.reap(PATIENCE));
    }
    drop(timed(&mut runtime.delete_forced(id), &place.log(), PATIENCE));
    reap_strays();
    place.sweep(id);
    drop(fs::remove_file(runtime.pid_file(id)));
}
