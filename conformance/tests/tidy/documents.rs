//! The documents, held to the source: each test, command and file they name is there, and the manual's tables of features leave out no
//! field of the specification and no flag of the command.

use std::collections::BTreeSet;
use std::fs;

use conformance::coverage::names;

use super::{none, sources, workspace};

const FEATURES: &str = "runtime-core/src/manual/features.md";

/// Those that say what is, with their names.
fn documents() -> Vec<(String, String)> {
    let own = ["ARCHITECTURE", "CONTRIBUTING", "PROMISES", "README", "SECURITY", "STYLE"];
    let own =
        own.map(|name| (format!("{name}.md"), fs::read_to_string(workspace().join(format!("{name}.md"))).unwrap()));
    let manual = sources("md").into_iter().filter(|(name, _)| name.starts_with("runtime-core/src/manual/"));
    own.into_iter().chain(manual).collect()
}

/// What stands in code: lines of blocks without their comments, and spans.
fn code(document: &str) -> Vec<String> {
    let (mut fenced, mut code, mut text) = (false, Vec::new(), String::new());
    for line in document.lines() {
        match (line.starts_with("```"), fenced) {
            (true, _) => fenced = !fenced,
            (false, true) => code.push(line.split(" # ").next().unwrap_or_default().trim().to_owned()),
            (false, false) => text += &format!("{line} "),
        }
    }
    code.extend(text.split('`').skip(1).step_by(2).map(ToOwned::to_owned));
    code
}

/// The cells of a line of a table.
fn cells(line: &str) -> Option<Vec<&str>> {
    let line = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(line.split('|').map(str::trim).collect())
}

/// The rows of tables whose last column is headed `Test`, each as that column.
fn tests_of_rows(document: &str) -> Vec<&str> {
    let (mut found, mut inside) = (Vec::new(), false);
    for line in document.lines() {
        let last = cells(line).and_then(|cells| cells.last().copied());
        match last {
            Some("Test") => inside = true,
            Some(last) if inside && !last.starts_with("---") => found.push(last),
            Some(_) => {}
            None => inside = false,
        }
    }
    found
}

/// The names of tests in such a column, without what is a file or a command.
fn tests_in(column: &str) -> impl Iterator<Item = &str> {
    let spans = column.split('`').skip(1).step_by(2).map(|name| name.rsplit("::").next().unwrap_or_default());
    spans.filter(|name| !name.contains([' ', '.', '/']))
}

#[test]
fn every_test_a_document_names_is_there() {
    let functions = |text: &str| -> Vec<String> {
        let names = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        names.map(ToOwned::to_owned).collect()
    };
    let tests: BTreeSet<String> = sources("rs").iter().flat_map(|(_, text)| functions(text)).collect();
    let mut named = 0;
    for (document, text) in documents() {
        let names: Vec<&str> = tests_of_rows(&text).into_iter().flat_map(tests_in).collect();
        named += names.len();
        let missing = names.into_iter().filter(|name| !tests.contains(*name)).map(ToOwned::to_owned);
        none(&missing.collect::<Vec<_>>(), &format!("{document} names tests that are not there"));
    }
    assert!(named > 0, "no document names a test");
}

/// `make TARGET`, and of cargo the package and the test binary.
#[test]
fn every_command_a_document_names_is_there() {
    let makefile = fs::read_to_string(workspace().join("Makefile")).unwrap();
    let is_target =
        |word: &str| makefile.lines().any(|line| line.split_once(':').is_some_and(|(target, _)| target == word));
    let manifests = sources("toml");
    let is_package = |name: &str| manifests.iter().any(|(_, text)| text.contains(&format!("name = \"{name}\"")));
    let is_binary = |name: &str| sources("rs").iter().any(|(path, _)| path.ends_with(&format!("/tests/{name}.rs")));
    let mut found = Vec::new();
    for (document, text) in documents() {
        for command in code(&text) {
            let words: Vec<&str> = command.split_whitespace().collect();
            let holds = match words.first() {
                Some(&"make") => words.get(1).is_none_or(|target| is_target(target)),
                Some(&"cargo") => words.windows(2).all(|pair| match pair[0] {
                    "-p" => is_package(pair[1]),
                    "--test" => is_binary(pair[1]),
                    _ => true,
                }),
                _ => true,
            };
            found.extend((!holds).then(|| format!("{document}: {command}")));
        }
    }
    none(&found, "documents name commands that are not there");
}

#[test]
fn every_file_a_document_names_is_there() {
    // Some paths are told from where the code is that they are about.
    let places = [
        "",
        "runtime-core",
        "runtime-core/src",
        "runtime-core/init/src",
        "runtime-cli",
        "runtime-cli/src",
        "conformance",
    ];
    let is_path = |name: &str| {
        let ours = name.contains('/') && !name.starts_with('/') && !name.contains(['*', ' ', ':']);
        ours && [".rs", ".md", ".toml", ".txt", ".svg"].iter().any(|end| name.ends_with(end))
    };
    let mut found = Vec::new();
    for (document, text) in documents() {
        let paths = code(&text).into_iter().filter(|name| is_path(name));
        let missing = paths.filter(|path| !places.iter().any(|place| workspace().join(place).join(path).exists()));
        found.extend(missing.map(|path| format!("{document}: {path}")));
    }
    none(&found, "documents name files that are not there");
}

#[test]
fn the_tables_of_features_have_every_field_and_every_flag() {
    let text = fs::read_to_string(workspace().join(FEATURES)).unwrap();
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
    let fields = names("fields.txt").into_iter().filter(|name| name.starts_with('/'));
    // Behind `=` stands a value.
    let keys = fields.flat_map(|name| {
        name.split('=').next().unwrap_or_default().split('/').map(ToOwned::to_owned).collect::<Vec<_>>()
    });
    let keys: BTreeSet<String> = keys.filter(|key| !key.is_empty() && key != "*").collect();
    none(&keys.into_iter().filter(|key| !words.contains(&**key)).collect::<Vec<_>>(), "fields that no row is about");

    let help = fs::read_to_string(workspace().join("runtime-cli/tests/golden/help.txt")).unwrap();
    let flags: BTreeSet<&str> = help
        .split_whitespace()
        .filter(|word| word.starts_with("--"))
        .map(|word| word.trim_end_matches([',', ':']))
        .collect();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands = commands.filter_map(|line| line.split_whitespace().next());
    let spans: BTreeSet<String> = code(&text).into_iter().collect();
    let is_told = |name: &str| spans.contains(name) || spans.iter().any(|span| span.split(' ').next() == Some(name));
    let untold = flags.into_iter().chain(commands).filter(|name| !is_told(name)).map(ToOwned::to_owned);
    none(&untold.collect::<Vec<_>>(), "commands and flags that no row is about");
}

#[test]
fn every_row_of_the_features_names_a_test() {
    let text = fs::read_to_string(workspace().join(FEATURES)).unwrap();
    let rows = tests_of_rows(&text);
    assert!(rows.len() > 70, "{} rows", rows.len());
    let without = rows.into_iter().filter(|row| tests_in(row).next().is_none()).map(ToOwned::to_owned);
    none(&without.collect::<Vec<_>>(), "rows without a test");
}
