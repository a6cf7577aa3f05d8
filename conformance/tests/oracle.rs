//! The oracle: what a container of ours is, compared with one of runc's, over a corpus of configurations.
//!
//! In: `RUNTIME=orlop`, and `ORACLE` = the peer (default runc). Out: every difference that `expected/oracle.toml` does not
//! explain, and every explanation that no difference needs. `ORACLE_ONLY` = part of a name runs those shapes alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

#[path = "oracle/differences.rs"]
mod differences;
#[path = "oracle/engines.rs"]
mod engines;
#[path = "oracle/host_side.rs"]
mod host_side;
#[path = "oracle/probe.rs"]
mod probe;
#[path = "oracle/shapes.rs"]
mod shapes;

use std::collections::BTreeSet;
use std::time::Instant;

use conformance::needs;
use differences::{Explanations, compare};

#[conformance::test]
fn every_shape_is_as_the_peers_or_explained() {
    needs::runtime(&["orlop"]);
    needs::root("most of the configurations");
    let peer = peer();
    needs::program(&peer);
    let only = std::env::var("ORACLE_ONLY").unwrap_or_default();
    let mut explanations = Explanations::for_peer(&peer);
    let mut wrong = 0;
    for (name, make) in shapes::all().into_iter().filter(|(name, _)| name.contains(&only)) {
        let begun = Instant::now();
        let differences = compare(&probe::observe(&peer, make()), &probe::observe("orlop", make()));
        eprintln!("{name}: {} differences, {:.1} s", differences.len(), begun.elapsed().as_secs_f32());
        for difference in differences.into_iter().filter(|difference| !explanations.explain(&name, difference)) {
            eprintln!("  {difference}");
            wrong += 1;
        }
    }
    let unneeded = if only.is_empty() { explanations.unneeded() } else { Vec::new() };
    eprintln!("{}", unneeded.join("\n"));
    assert!(wrong == 0 && unneeded.is_empty(), "{wrong} unexplained differences from {peer}");
}

#[test]
fn the_corpus_has_at_least_sixty_shapes_of_different_names() {
    let names: Vec<String> = shapes::all().into_iter().map(|(name, _)| name).collect();
    assert!(names.len() >= 60, "{} shapes", names.len());
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
}

#[test]
fn every_explanation_is_told_in_the_manual() {
    let manual = include_str!("../../runtime-core/src/manual/compatibility.md");
    for told in Explanations::told() {
        assert!(manual.contains(&told), "compatibility.md does not say: {told}");
    }
}

fn peer() -> String {
    std::env::var("ORACLE").unwrap_or_else(|_| "runc".to_owned())
}
