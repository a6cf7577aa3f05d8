//! No bytes make the reader panic, and what it reads from broken bytes it has checked.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may end here")]

use orlop::spec::{Process, Resources, Spec};
use proptest::prelude::{Strategy, any, prop};
use proptest::test_runner::{Config, TestRunner};

fn corpus() -> Vec<Vec<u8>> {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus")).unwrap();
    folder.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// Reads as all three documents; what is read obeys what the types promise.
fn read(bytes: &[u8]) {
    if let Ok(spec) = Spec::from_slice(bytes) {
        assert!(
            spec.process.args.first().is_none_or(|program| !program.is_empty()) && spec.process.cwd.starts_with('/')
        );
        assert!(spec.mounts.iter().all(|mount| {
            mount.destination.starts_with('/') && !mount.destination.split('/').any(|part| part == "..")
        }));
        let texts = spec.process.args.iter().chain(&spec.process.env).chain(&spec.linux.masked_paths);
        assert!(texts.chain([&spec.root, &spec.process.cwd]).all(|text| !text.contains('\0')));
    }
    if let Err(error) = Process::from_slice(bytes) {
        assert!(!error.to_string().is_empty());
    }
    if let Err(error) = Resources::from_slice(bytes) {
        assert!(!error.to_string().is_empty());
    }
}

fn run<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(strategy, |value| {
        test(value);
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

#[test]
fn any_bytes() {
    run(256, &prop::collection::vec(any::<u8>(), 0..200), |bytes| read(&bytes));
}

#[test]
fn configs_cut_short() {
    let corpus = corpus();
    run(512, &(any::<prop::sample::Index>(), any::<prop::sample::Index>()), |(which, length)| {
        let config = which.get(&corpus);
        read(&config[..length.index(config.len())]);
    });
}

#[test]
fn configs_with_bytes_changed() {
    let corpus = corpus();
    let change = (any::<prop::sample::Index>(), prop::sample::select(b"\"{}[],:\\0-9eu.x\x00\xff/".as_slice()));
    run(1024, &(any::<prop::sample::Index>(), prop::collection::vec(change, 1..6)), |(which, changes)| {
        let mut config = which.get(&corpus).clone();
        for (place, byte) in changes {
            let place = place.index(config.len());
            config[place] = byte;
        }
        read(&config);
    });
}

/// Values that fit few places.
const WORDS: [&[u8]; 12] = [
    b"null",
    b"-1",
    b"0",
    b"18446744073709551615",
    b"\"\"",
    b"\"/..\"",
    b"\"\\u0000\"",
    b"[]",
    b"{}",
    b"true",
    b"1e9",
    b"[[1]]",
];

/// Values of other types at random places: past the parser and into the checks.
#[test]
fn configs_with_values_changed() {
    let corpus = corpus();
    let strategy = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), prop::sample::select(&WORDS[..]));
    run(1024, &strategy, |(which, place, word)| {
        let config = which.get(&corpus);
        let starts: Vec<usize> = (1..config.len()).filter(|&at| matches!(&config[at - 1..=at], b": ")).collect();
        let start = starts[place.index(starts.len())] + 1;
        let end = start + config[start..].iter().position(|byte| b",\n}]".contains(byte)).unwrap();
        read(&[&config[..start], word, &config[end..]].concat());
    });
}
