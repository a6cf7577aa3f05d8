//! Bytes → a section's raw model, or an error that says where.
//!
//! Comes in: JSON. Goes out: a borrowed model, or an [`Error`] with line and column (not JSON) or with the JSON pointer (JSON
//! of another shape). The pointer is found by reading again: a config that is right pays nothing for it.

use serde::Deserialize;
use serde_json::error::Category;
use serde_path_to_error::Segment;

use crate::error::{Error, Kind, Op, Pointer, Result};

/// Reads a document whose own pointer is `at`.
pub(super) fn read<'c, T: Deserialize<'c>>(bytes: &'c [u8], at: &Pointer) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => wrong_shape::<T>(bytes, at, error),
        Category::Syntax | Category::Eof | Category::Io => not_json(error),
    })
}

fn not_json(error: serde_json::Error) -> Error {
    let hint = "mend the file: `jq . config.json` shows the place";
    Error::new(Kind::Config, Op::ReadConfig).message("not valid JSON").cause(error).hint(hint)
}

fn wrong_shape<'c, T: Deserialize<'c>>(bytes: &'c [u8], at: &Pointer, first: serde_json::Error) -> Error {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Err(located) = serde_path_to_error::deserialize::<_, T>(&mut json) else { return not_json(first) };
    let field = located.path().iter().fold(at.clone(), |field, segment| match segment {
        Segment::Seq { index } => field.index(*index),
        Segment::Map { key } | Segment::Enum { variant: key } => field.key(key),
        Segment::Unknown => field,
    });
    Error::new(Kind::Config, Op::CheckConfig).cause(located.into_inner()).field(field)
}
