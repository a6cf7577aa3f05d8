//! Rules of the source that no compiler checks. Needs no root and no runtime.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use conformance::expected;

#[path = "tidy/coverage.rs"]
mod coverage;
#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/house.rs"]
mod house;

/// STYLE.md, "Unsafe": where it is allowed, by name. The floor is no part of the product: it is the bare system calls
/// that the product is measured against.
const MAY_BE_UNSAFE: [&str; 6] = [
    "runtime-core/src/sys/",
    "runtime-core/src/launch/spawn.rs",
    "runtime-core/init/src/sys",
    "runtime-core/init/src/mem",
    "runtime-core/init/src/main.rs",
    // clone3(2) and bpf(2), which no crate wraps: the yardstick of the benches makes no call that could be left out.
    "benches/src/floor/kernel.rs",
];

/// STYLE.md, "Words": no type is called so.
const BANNED_ENDINGS: [&str; 8] = ["Manager", "Helper", "Util", "Utils", "Impl", "Handler", "Info", "Context"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every source file with its path from the workspace.
fn sources(extension: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for dir in ["runtime-core", "runtime-cli", "conformance", "benches"] {
        walk(&workspace().join(dir), &mut files);
    }
    let wanted = files.into_iter().filter(|file| file.extension().is_some_and(|have| have == extension));
    let name = |file: &Path| file.strip_prefix(workspace()).unwrap().to_string_lossy().into_owned();
    wanted.map(|file| (name(&file), fs::read_to_string(&file).unwrap())).collect()
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() == "target" => {}
            true => walk(&entry.path(), files),
            false => files.push(entry.path()),
        }
    }
}

/// The words of a file's code, line by line, without comments.
fn words(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.enumerate().map(|(number, line)| {
        (number + 1, line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect())
    })
}

#[track_caller]
fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn unsafe_is_where_it_is_allowed_by_name() {
    let allowed = |name: &str| MAY_BE_UNSAFE.iter().any(|prefix| name.starts_with(prefix));
    let mut found = Vec::new();
    for (name, text) in sources("rs").iter().filter(|(name, _)| !allowed(name) && !name.ends_with("tests/tidy.rs")) {
        found.extend(
            words(text).filter(|(_, words)| words.contains(&"unsafe")).map(|(line, _)| format!("{name}:{line}")),
        );
    }
    none(&found, "unsafe outside the list of STYLE.md");
}

#[test]
fn nothing_is_left_for_later() {
    let marks = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "#[ignore"];
    let mut found = Vec::new();
    for (name, text) in sources("rs").iter().filter(|(name, _)| !name.ends_with("tests/tidy.rs")) {
        let lines = text.lines().zip(1..).filter(|(line, _)| marks.iter().any(|mark| line.contains(mark)));
        found.extend(lines.map(|(line, number)| format!("{name}:{number}: {}", line.trim())));
    }
    none(&found, "left for later");
}

#[test]
fn no_type_has_a_banned_name() {
    let mut found = Vec::new();
    for (name, text) in sources("rs") {
        for (line, words) in words(&text) {
            let declared = words.windows(2).find(|pair| ["struct", "enum", "trait", "type"].contains(&pair[0]));
            let banned = declared.filter(|pair| BANNED_ENDINGS.iter().any(|ending| pair[1].ends_with(ending)));
            found.extend(banned.map(|pair| format!("{name}:{line}: {}", pair[1])));
        }
    }
    none(&found, "names that say nothing");
}

#[test]
fn every_module_opens_with_its_contract() {
    let found: Vec<String> = sources("rs")
        .into_iter()
        .filter(|(_, text)| !text.lines().any(|line| line.starts_with("//!")))
        .map(|(name, _)| name)
        .collect();
    none(&found, "files without a head comment");
}

#[test]
fn every_dependency_has_a_reason() {
    let text: String = ["ARCHITECTURE.md", "deny.toml"]
        .iter()
        .filter_map(|name| fs::read_to_string(workspace().join(name)).ok())
        .collect();
    assert!(!text.is_empty(), "neither ARCHITECTURE.md nor deny.toml is there to give reasons");
    let reasons: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').collect();
    let ours = |name: &str| name.starts_with("orlop") || name.starts_with("conformance");
    let missing: BTreeSet<String> =
        direct_dependencies().into_iter().filter(|name| !ours(name) && !reasons.contains(&**name)).collect();
    assert!(missing.is_empty(), "named neither in ARCHITECTURE.md nor in deny.toml: {missing:?}");
}

/// The keys of every dependency table of every manifest.
fn direct_dependencies() -> BTreeSet<String> {
    direct_dependencies_of("Cargo.toml")
}

/// The same, of the manifests whose name ends so.
fn direct_dependencies_of(manifest: &str) -> BTreeSet<String> {
    dependencies_of(manifest, |table| table.ends_with("dependencies"))
}

/// Those in the tables that `counts` names.
fn dependencies_of(manifest: &str, counts: fn(&str) -> bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, text) in sources("toml").iter().filter(|(name, _)| name.ends_with(manifest)) {
        let mut inside = false;
        for line in text.lines() {
            if let Some(table) = line.strip_prefix('[') {
                inside = counts(table.trim_end_matches(']'));
            } else if let Some((name, _)) = line.split_once(['=', '.']).filter(|_| inside && !line.starts_with('#')) {
                names.insert(name.trim().to_owned());
            }
        }
    }
    names
}

#[test]
fn every_known_difference_has_a_reason_and_a_test() {
    let tests: BTreeSet<String> = sources("rs").iter().flat_map(|(name, text)| tests_of(name, text)).collect();
    let mut files = Vec::new();
    walk(&expected::directory(), &mut files);
    // Those of the oracle and of make conformance-oci name no tests; each has a check of its own.
    let others = ["oracle.toml", "oci-validation.toml", "oci-validation-peers.toml"];
    files.retain(|file| !others.iter().any(|other| file.ends_with(other)));
    let lists = files.iter().filter(|file| file.extension().is_some_and(|have| have == "toml"));
    assert!(lists.clone().count() >= 4, "a list for each runtime");
    for list in lists {
        let known = expected::entries(list);
        let names: BTreeSet<_> = known.iter().map(|(section, name, _)| (section, name)).collect();
        let list = list.display();
        assert_eq!(names.len(), known.len(), "{list} names a test twice");
        for (_, name, reason) in &known {
            assert!(reason.split_whitespace().count() > 1, "{list}: {name} has no reason");
            assert!(tests.contains(name), "{list}: there is no test {name}");
        }
    }
}

/// The full names of the conformance tests of a file: `conformance/tests/oci/names.rs` holds `oci::names::…`.
fn tests_of(name: &str, text: &str) -> Vec<String> {
    let Some(module) = name.strip_prefix("conformance/tests/").and_then(|name| name.strip_suffix(".rs")) else {
        return Vec::new();
    };
    let module = module.replace('/', "::");
    let marked = text.split("\n#[conformance::test").skip(1).filter_map(|rest| rest.split_once("]\nfn "));
    marked.filter_map(|(_, rest)| rest.split_once('(')).map(|(name, _)| format!("{module}::{name}")).collect()
}
