//! How many system calls `create` makes for the default bundle, the command and init together: no more than
//! `benches/budgets.toml` says, and fewer than crun. Needs root and strace, for the comparison crun.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "a test may end here")]

use std::path::PathBuf;
use std::process::Command;

use benches::bundle::Bundles;
use benches::place::Place;
use benches::runtime::Runtime;
use benches::syscalls::{Calls, of_create};

const BUDGETS: &str = include_str!("../../benches/budgets.toml");

#[test]
fn create_stays_within_its_budget_and_below_crun() {
    if !rustix::process::geteuid().is_root() || Command::new("strace").arg("-V").output().is_err() {
        eprintln!("skipped: needs root and strace");
        return;
    }
    let place = Place::enter().unwrap();
    let bundles = Bundles::make(&place.directory).unwrap();
    let count = |runtime: &Runtime| of_create(&place, &bundles, runtime).unwrap();
    let orlop = Runtime::at("orlop", PathBuf::from(env!("CARGO_BIN_EXE_orlop")), &place.directory);
    let calls = count(&orlop);
    print(&orlop, &calls);
    assert!(calls.total() <= budget(), "{} system calls, the budget is {}", calls.total(), budget());
    if let Some(crun) = Runtime::present(&place.directory).iter().find(|runtime| runtime.name == "crun") {
        let theirs = count(crun);
        print(crun, &theirs);
        assert!(calls.total() < theirs.total(), "{} system calls, crun makes {}", calls.total(), theirs.total());
    }
}

fn budget() -> u64 {
    let budgets: toml::Table = BUDGETS.parse().unwrap();
    let absolute = budgets["absolute"].as_array().unwrap();
    let of_create = absolute.iter().find(|budget| budget["figure"].as_str() == Some("create-syscalls")).unwrap();
    u64::try_from(of_create["at_most"].as_integer().unwrap()).unwrap()
}

fn print(runtime: &Runtime, calls: &Calls) {
    let mut names: Vec<_> = calls.0.iter().collect();
    names.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let names: Vec<_> = names.iter().take(12).map(|(name, count)| format!("{name} {count}")).collect();
    eprintln!("{}: {} system calls of create: {} …", runtime.name, calls.total(), names.join(", "));
}
