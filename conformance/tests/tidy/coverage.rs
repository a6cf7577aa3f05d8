//! The list of fields, held to the schemas of the specification; every row of `make coverage`, to the tests.

use std::collections::BTreeSet;
use std::fs;

use conformance::coverage::{Table, names, schema};

use super::workspace;

const HEAD: &str = "\
# The fields of the OCI runtime specification 1.3.0 on Linux: `*` is any element or key, `=` one of the values.
# cargo nextest run -p conformance --test tidy compares it with the schemas of SPEC_SCHEMA=DIR; UPDATE=1 writes it anew.
";

/// Where the schemas are not to be found, `make coverage` says so in its last lines.
#[test]
fn the_list_of_fields_is_the_schemas() {
    let Some(directory) = schema::directory() else { return eprintln!("{}", schema::source()) };
    let fields = schema::fields(&directory);
    if std::env::var_os("UPDATE").is_some() {
        let lines: String = fields.iter().map(|field| format!("{field}\n")).collect();
        fs::write(workspace().join("conformance/coverage/fields.txt"), format!("{HEAD}{lines}")).unwrap();
    }
    assert_eq!(names("fields.txt"), Vec::from_iter(fields));
}

/// The tests themselves are asked; ours would have to be expected to fail, or every machine to skip, for a row to be empty.
#[test]
fn every_field_and_rule_has_a_test() {
    let table = Table::of_the_tests();
    assert!(table.empty().is_empty(), "no test observes: {:#?}", table.empty());
}

/// Names that stand in two lists, or twice in one, would be counted twice.
#[test]
fn no_name_is_listed_twice() {
    let all = ["fields.txt", "values.txt", "rules.txt"].into_iter().flat_map(names);
    let mut seen = BTreeSet::new();
    let twice: Vec<String> = all.filter(|name| !seen.insert(name.clone())).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
