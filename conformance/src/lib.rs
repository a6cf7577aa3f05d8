//! A black box that runs any OCI runtime and looks at what the container sees, from inside or from the kernel.
//!
//! In: `RUNTIME` = `orlop` (default), `runc`, `crun` or `youki`, whose differences nobody has listed yet. Out: verdicts. It
//! knows nothing of how a runtime works: it hands over bundles and flags, and reads `/proc`, cgroup files and exit statuses.
//! It never talks to the `orlop` library.
//!
//! | module | holds |
//! |---|---|
//! | [`bundle`] | a bundle, and the sentences that edit it |
//! | [`rootless`] | what an ordinary user's bundle has instead |
//! | [`container`] | a container made from one: create, start, exec, kill, delete |
//! | [`runtime`] | which program is under test, and one timed call of it |
//! | [`observe`] | a process as the kernel shows it: `/proc/PID`, cgroup files |
//! | [`leaks`] | what a container left behind |
//! | [`user`] | a user who is not root, and a runtime that they call |
//! | [`console`] | the receiving end of `--console-socket` |
//! | [`needs`] | what a test needs of this machine, else it is skipped |
//! | [`expected`] | known differences of each runtime, with reasons |
//! | [`hierarchies`] | controllers of cgroup v1 that nobody mounts |
//! | [`verdicts`] | what each test came to, for whoever counts |
//! | [`coverage`] | which test observes which field of the specification |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "the whole crate is test: a panic is a failed assertion"
)]

pub mod bundle;
pub mod console;
pub mod container;
pub mod coverage;
pub mod expected;
pub mod hierarchies;
pub mod leaks;
pub mod needs;
pub mod observe;
pub mod rootless;
pub mod runtime;
pub mod user;
pub mod verdicts;

pub use bundle::Bundle;
pub use conformance_mark::test;
pub use container::Container;
pub use expected::judge;
pub use nix::sys::signal::Signal;
pub use runtime::{Outcome, Runtime};
pub use serde_json::{Value, json};

use std::time::{Duration, Instant};

/// The longest any single wait may take. Not a measure of speed: only what ends a test that hangs.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Waits until `condition` holds, and says at the end whether it ever did.
pub fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    within(Duration::from_secs(20), &mut condition)
}

pub(crate) fn within(limit: Duration, condition: &mut dyn FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        leaks::reap();
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    condition()
}
