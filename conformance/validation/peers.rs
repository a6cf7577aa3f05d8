//! Which program passes on which other runtime.
//!
//! In: `expected/oci-validation-peers.toml`, and which programs passed. Out: what a peer passes and ours does not, with the reason;
//! for a peer, what is otherwise than the table says. The table is a measurement: a peer of another version may differ.

use std::collections::{BTreeMap, BTreeSet};

use conformance::{Runtime, expected};

/// A program, and the runtimes that pass it: `runc crun youki`.
fn table() -> BTreeMap<String, String> {
    expected::known(&expected::directory().join("oci-validation-peers.toml")).into_iter().collect()
}

/// For ours.
pub(crate) fn tell_what_they_pass_alone(passed: &BTreeSet<String>, reasons: &BTreeMap<String, String>) {
    let mut theirs = table();
    theirs.retain(|_, peers| !peers.is_empty());
    let alone: Vec<_> = theirs.iter().filter(|(name, _)| !passed.contains(*name)).collect();
    println!("{} pass on runc, crun or youki; of these all but {} on ours:", theirs.len(), alone.len());
    for (name, peers) in alone {
        let reason = reasons.get(name).map_or("no reason is listed", String::as_str);
        println!("  {name} (passes on {peers}): {reason}");
    }
}

/// For a peer.
pub(crate) fn tell_what_changed(passed: &BTreeSet<String>) {
    let runtime = Runtime::name();
    let named = |peers: &String| peers.split(' ').any(|peer| peer == runtime);
    let listed: BTreeSet<String> =
        table().into_iter().filter(|(_, peers)| named(peers)).map(|(name, _)| name).collect();
    let changed: Vec<&str> = passed.symmetric_difference(&listed).map(String::as_str).collect();
    if !changed.is_empty() {
        println!("otherwise than expected/oci-validation-peers.toml says: {}", changed.join(", "));
    }
}
