//! What the specification has and this build has not: an error that names it, never a field passed over in silence.
//!
//! Comes in: whether a field asks for something. Goes out: [`Error`] of kind `Unsupported`. A field leaves these tables when
//! its section learns to read it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Pointer, Result};

/// A field of any shape that may ask for something. Absent, `null`, `""`, `{}` and `[]` ask for nothing: engines send them.
#[derive(Debug, Default)]
pub(super) struct Asked(bool);

/// Refuses the first of these members of `at` that asks for something.
pub(super) fn refuse(at: &Pointer, fields: &[(&str, &Asked)]) -> Result<()> {
    match fields.iter().find(|(_, asked)| asked.0) {
        None => Ok(()),
        Some((name, _)) => Err(not_yet(at.key(name), name)),
    }
}

/// The error for a field, or a value, that this build does not implement.
pub(super) fn not_yet(field: Pointer, name: &str) -> Error {
    Error::unsupported(field, format!("`{name}` is not implemented yet")).hint("take it out of config.json")
}

impl<'de> Deserialize<'de> for Asked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AskedVisitor).map(Asked)
    }
}

struct AskedVisitor;

impl<'de> Visitor<'de> for AskedVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(!text.is_empty())
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let mut any = false;
        while items.next_element::<IgnoredAny>()?.is_some() {
            any = true;
        }
        Ok(any)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut any = false;
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            any = true;
        }
        Ok(any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_values_ask_for_nothing() {
        for json in ["null", "\"\"", "{}", "[ ]"] {
            assert!(matches!(serde_json::from_str(json), Ok(Asked(false))), "{json}");
        }
    }

    #[test]
    fn any_other_value_asks_for_something() {
        for json in ["0", "-1", "1.5", "false", "\"x\"", "{\"a\":null}", "[0]"] {
            assert!(matches!(serde_json::from_str(json), Ok(Asked(true))), "{json}");
        }
    }

    #[test]
    fn the_error_names_the_field() {
        let error = refuse(&Pointer::new("/process"), &[("user", &Asked(false)), ("nonesuch", &Asked(true))]);
        assert_eq!(
            error.map_err(|error| error.to_string()),
            Err("check config: `nonesuch` is not implemented yet [config.json /process/nonesuch]".to_owned())
        );
    }
}
