//! How many system calls `create` makes for the default bundle, the command and init together: no more than
//! `benches/budgets.toml` says, and fewer than crun. Counted on the release build: the system calls of a debug build, with
//! its loader and its checks, are not what anybody runs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::panic,
    reason = "a test may end here"
)]

use benches::bundle::Bundles;
use benches::place::Place;
use benches::runtime::Runtime;
use benches::syscalls::{Calls, of_create};
use conformance::needs;

const BUDGETS: &str = include_str!("../../benches/budgets.toml");

#[conformance::test]
fn create_stays_within_its_budget_and_below_crun() {
    needs::runtime(&["orlop"]);
    needs::root("counting system calls");
    let place = Place::enter().unwrap();
    let bundles = Bundles::make(&place.directory).unwrap();
    let here = Runtime::present(&place.directory);
    let count = |name| {
        let runtime = here.iter().find(|runtime| runtime.name == name).unwrap_or_else(|| panic!("{name} is installed"));
        let calls = of_create(&place, &bundles, runtime).unwrap();
        print(runtime, &calls);
        calls.total()
    };
    let (ours, crun) = (count("orlop"), count("crun"));
    assert!(ours <= budget(), "{ours} system calls, the budget is {}", budget());
    assert!(ours < crun, "{ours} system calls, crun makes {crun}");
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
