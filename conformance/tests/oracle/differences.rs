//! Two observations → what differs, and whether that is explained.
//!
//! In: lines `key = value` of each side, and `expected/oracle.toml`. Out: the differences, key by key. A pattern is text in
//! which `*` stands for anything; a side that says nothing of a key is `-`.

use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;

use toml::{Table, Value};

/// What was seen, by key.
pub(crate) type Seen = BTreeMap<String, String>;

/// A key of which the two sides say different things.
pub(crate) struct Difference {
    key: String,
    theirs: String,
    ours: String,
}

/// Every key on which the sides differ; where one has no container at all, that alone.
pub(crate) fn compare(theirs: &Seen, ours: &Seen) -> Vec<Difference> {
    let of = |side: &Seen, key: &str| side.get(key).cloned().unwrap_or_else(|| "-".to_owned());
    let outcome = "container".to_owned();
    let mut keys: Vec<&String> = theirs.keys().chain(ours.keys()).collect();
    if theirs.get(&outcome) != ours.get(&outcome) {
        keys = vec![&outcome];
    }
    keys.sort();
    keys.dedup();
    let all = keys.into_iter().map(|key| Difference { key: key.clone(), theirs: of(theirs, key), ours: of(ours, key) });
    all.filter(|difference| difference.theirs != difference.ours).collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}\n    theirs {}\n    ours   {}", self.key, self.theirs, self.ours)
    }
}

/// The explained differences that hold for this peer on this machine.
pub(crate) struct Explanations(Vec<Explanation>);

struct Explanation {
    shape: String,
    key: String,
    theirs: String,
    ours: String,
    told: String,
    /// Not on every machine.
    maybe: bool,
    used: bool,
}

const LIST: &str = include_str!("../../expected/oracle.toml");

impl Explanations {
    /// Those of the list whose `when` names this cgroup version and this peer, as far as it names one.
    pub(crate) fn for_peer(peer: &str) -> Self {
        let hierarchy = if std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { "v2" } else { "v1" };
        let version = version(peer);
        let holds = |when: &str| match when.split_once(' ') {
            None => when.is_empty() || when == hierarchy,
            Some((name, until)) => {
                name == peer && until.strip_prefix("before ").is_none_or(|until| version < numbers(until))
            }
        };
        let entries = entries().into_iter().filter(|entry| holds(&text(entry, "when", "")));
        Self(entries.map(|entry| Explanation::of(&entry)).collect())
    }

    /// Whether one of them explains it; that one is needed.
    pub(crate) fn explain(&mut self, shape: &str, difference: &Difference) -> bool {
        let mut explained = false;
        for entry in &mut self.0 {
            let pairs = [
                (&entry.shape, shape),
                (&entry.key, &difference.key),
                (&entry.theirs, &difference.theirs),
                (&entry.ours, &difference.ours),
            ];
            if pairs.iter().all(|(pattern, text)| matches(pattern, text)) {
                entry.used = true;
                explained = true;
            }
        }
        explained
    }

    /// Those that explained nothing.
    pub(crate) fn unneeded(&self) -> Vec<String> {
        let unused = self.0.iter().filter(|entry| !entry.used && !entry.maybe);
        let line = |entry: &Explanation| {
            format!("no difference of `{}` needs the explanation of {}: {}", entry.shape, entry.key, entry.told)
        };
        unused.map(line).collect()
    }

    /// The words of the manual that each entry points to.
    pub(crate) fn told() -> Vec<String> {
        entries().iter().map(|entry| text(entry, "told", "")).collect()
    }
}

impl Explanation {
    fn of(entry: &Table) -> Self {
        let told = text(entry, "told", "");
        assert!(!told.is_empty(), "an entry of oracle.toml without `told`: {entry:?}");
        Self {
            shape: text(entry, "shape", "*"),
            key: text(entry, "key", ""),
            theirs: text(entry, "theirs", "*"),
            ours: text(entry, "ours", "*"),
            told,
            maybe: entry.get("maybe").is_some_and(|value| value.as_bool() == Some(true)),
            used: false,
        }
    }
}

fn entries() -> Vec<Table> {
    let list: Table = LIST.parse().expect("expected/oracle.toml");
    let entries = list.get("difference").and_then(Value::as_array).cloned().unwrap_or_default();
    entries.into_iter().map(|entry| entry.try_into().expect("a table")).collect()
}

fn text(entry: &Table, name: &str, default: &str) -> String {
    entry.get(name).map_or(default, |value| value.as_str().expect("a text")).to_owned()
}

fn version(peer: &str) -> Vec<u32> {
    let said = Command::new(peer).arg("--version").output().expect("the peer's version").stdout;
    numbers(String::from_utf8_lossy(&said).split("version ").nth(1).unwrap_or_default())
}

/// `1.1.5+ds1` → 1, 1, 5.
fn numbers(version: &str) -> Vec<u32> {
    version.split(['.', '+', '-', '\n', ' ']).map_while(|part| part.parse().ok()).collect()
}

/// Whether the text is the pattern, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len()).filter(|at| tail.is_char_boundary(*at)).any(|at| matches(rest, &tail[at..]))
        }),
    }
}

#[test]
fn patterns_and_versions_are_read() {
    assert!(matches("a*c", "abc") && matches("*", "") && matches("a**", "a") && !matches("a*c", "abd"));
    assert!(!matches("a", "ab") && matches("*x*y*", "1x2y3"));
    assert_eq!(numbers("1.1.5+ds1\ncommit"), [1, 1, 5]);
    assert!(numbers("1.1.5") < numbers("1.2") && numbers("1.10") > numbers("1.2"));
}
