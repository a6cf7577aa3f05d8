//! Bytes → a section's raw model, or an error that says where.
//!
//! Comes in: JSON. Goes out: a borrowed model, or an [`Error`] with line and column (not JSON) or with the JSON pointer (JSON
//! of another shape). The pointer is found by reading again: a config that is right pays nothing for it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::error::{Error, Kind, Op, Pointer, Result};

/// A JSON object. serde's own structs also take an array and fill their fields by position, which no config means.
#[derive(Debug, Default)]
pub(super) struct Object<T>(pub(super) T);

/// Reads a document whose own pointer is `at`.
pub(super) fn read<'c, T: Deserialize<'c>>(bytes: &'c [u8], at: &Pointer) -> Result<T> {
    parse(bytes, at).map(|Object(read)| read)
}

/// The same for a document that is an array of objects.
pub(super) fn read_list<'c, T: Deserialize<'c>>(bytes: &'c [u8], at: &Pointer) -> Result<Vec<Object<T>>> {
    parse(bytes, at)
}

fn parse<'c, T: Deserialize<'c>>(bytes: &'c [u8], at: &Pointer) -> Result<T> {
    match serde_json::from_slice(bytes) {
        Ok(read) => Ok(read),
        Err(error) if error.classify() == Category::Data => Err(wrong_shape::<T>(bytes, at, error)),
        Err(error) => Err(not_json(at, error)),
    }
}

fn not_json(at: &Pointer, error: serde_json::Error) -> Error {
    let name = if at.as_str().is_empty() { "config.json" } else { at.as_str() };
    let hint = "mend the file: `jq . FILE` shows the place";
    Error::new(Kind::Config, Op::ReadConfig).message(format!("{name} is not valid JSON")).cause(error).hint(hint)
}

fn wrong_shape<'c, T: Deserialize<'c>>(bytes: &'c [u8], at: &Pointer, first: serde_json::Error) -> Error {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Err(located) => Error::config(pointer(at, located.path()), words(located.inner())),
        Ok(_) => not_json(at, first),
    }
}

fn pointer(at: &Pointer, path: &Path) -> Pointer {
    path.iter().fold(at.clone(), |field, segment| match segment {
        Segment::Seq { index } => field.index(*index),
        Segment::Map { key } | Segment::Enum { variant: key } => field.key(key),
        Segment::Unknown => field,
    })
}

/// serde's message in the words of JSON. Its line and column go: the pointer is exact, and a section that is read on its own
/// (`seccomp`) counts its own lines.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.strip_suffix(&format!(" at line {} column {}", error.line(), error.column())).unwrap_or(&text);
    let Some((problem, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let problem = problem.replacen("type: map", "type: object", 1).replacen("type: sequence", "type: array", 1);
    let expected = match expected {
        "a sequence" => "an array",
        "a map" => "an object",
        "u16" => "an integer from 0 to 65535",
        "u32" => "an integer from 0 to 4294967295",
        "u64" => "an integer from 0 to 18446744073709551615",
        "i64" => "an integer from -9223372036854775808 to 9223372036854775807",
        other => other,
    };
    format!("{problem}, expected {expected}")
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Object)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}
