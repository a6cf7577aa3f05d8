//! The fields of the specification, from its JSON schemas: what `coverage/fields.txt` is held to.
//!
//! In: a directory with `config-schema.json` and the files it refers to. Out: a line for each property that holds a
//! value: a JSON pointer with `*` for the elements of a list and the keys of a map. Where the schema counts the values
//! up, each is a line of its own: `/linux/namespaces/*/type=pid`. What `state` and `features` print begins with their
//! name. Left out is what is not of Linux.
//!
//! The schemas are no part of this repository, and no Debian has those of 1.3.0 in a package: `SPEC_SCHEMA` names their
//! directory, else they are looked for in `shared/spec` beside the checkout, where CI has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The documents, and what stands before their pointers.
const DOCUMENTS: [(&str, &str); 3] =
    [("config-schema.json", ""), ("state-schema.json", "state:"), ("features-schema.json", "features:")];

/// Properties of other systems (config.md, "Platform-specific configuration" and `commandLine`, `username` of Windows).
const NOT_OF_LINUX: [&str; 7] =
    ["/solaris", "/windows", "/vm", "/zos", "/freebsd", "/process/commandLine", "/process/user/username"];

/// Where the schemas are, as far as is known. A directory that `SPEC_SCHEMA` names is not doubted: without schemas the reader fails.
pub fn directory() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(|parent| parent.join("shared/spec"));
    std::env::var_os("SPEC_SCHEMA").map(PathBuf::from).or(beside.filter(|beside| beside.is_dir()))
}

/// Which schemas the list of fields is compared with, or that it is compared with none.
pub fn source() -> String {
    match directory() {
        Some(directory) => format!("the fields are compared with the schemas in {}", directory.display()),
        None => "SKIP the fields are compared with no schemas: SPEC_SCHEMA names none, and ../shared/spec is not there"
            .to_owned(),
    }
}

/// Every field, in order.
pub fn fields(directory: &Path) -> BTreeSet<String> {
    let mut schema = Schema { directory: directory.to_owned(), files: BTreeMap::new(), fields: BTreeSet::new() };
    for (file, prefix) in DOCUMENTS {
        let root = schema.file(file);
        schema.walk(file, &root, prefix, "");
    }
    schema.fields
}

struct Schema {
    directory: PathBuf,
    files: BTreeMap<String, Value>,
    fields: BTreeSet<String>,
}

impl Schema {
    fn file(&mut self, name: &str) -> Value {
        let path = self.directory.join(name);
        let read = || {
            let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        self.files.entry(name.to_owned()).or_insert_with(read).clone()
    }

    fn walk(&mut self, file: &str, node: &Value, prefix: &str, pointer: &str) {
        if NOT_OF_LINUX.contains(&pointer) {
            return;
        }
        if let Some(reference) = node["$ref"].as_str() {
            let (other, inside) = reference.split_once('#').expect("a reference has a fragment");
            let other = if other.is_empty() { file } else { other };
            let target = self.file(other);
            // The schema itself writes `#definitions/uint32` in one place.
            let inside = format!("/{}", inside.trim_start_matches('/'));
            let target = target.pointer(&inside).unwrap_or_else(|| panic!("{other} has no {inside}")).clone();
            return self.walk(other, &target, prefix, pointer);
        }
        let parts = self.parts(node);
        for (suffix, part) in &parts {
            self.walk(file, part, prefix, &format!("{pointer}{suffix}"));
        }
        // What `features` prints of a list of words is one field: the words are the tables' own.
        let values = node["enum"].as_array().filter(|_| prefix != "features:");
        // The elements of a list of words are no field of their own.
        let name = format!("{prefix}{}", pointer.strip_suffix("/*").unwrap_or(pointer));
        match values {
            Some(values) => {
                let word = |value: &Value| format!("{name}={}", value.as_str().expect("a word"));
                self.fields.extend(values.iter().map(word));
            }
            None if parts.is_empty() => {
                self.fields.insert(name);
            }
            None => {}
        }
    }

    /// What a node consists of: properties, the elements of a list or of a map, and schemas it is put together of.
    fn parts(&self, node: &Value) -> Vec<(String, Value)> {
        let named = |key: &str| node[key].as_object().into_iter().flatten();
        let mut parts: Vec<(String, Value)> =
            named("properties").map(|(name, part)| (format!("/{name}"), part.clone())).collect();
        parts.extend(named("patternProperties").map(|(_, part)| ("/*".to_owned(), part.clone())));
        let each = ["items", "additionalProperties"].map(|key| node[key].clone());
        parts.extend(each.into_iter().filter(Value::is_object).map(|part| ("/*".to_owned(), part)));
        for key in ["allOf", "anyOf"] {
            parts.extend(node[key].as_array().into_iter().flatten().map(|part| (String::new(), part.clone())));
        }
        parts
    }
}
