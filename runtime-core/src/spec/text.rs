//! Text as `config.json` holds it: borrowed from the bytes, without NUL, and the checks every section needs.
//!
//! Comes in: JSON strings and objects of strings. Goes out: [`Str`]s. Must not copy what can be borrowed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::Str;
use super::json::Object;
use crate::error::{Error, Pointer, Result};

/// A JSON string. A newtype, because a `Vec<Cow<str>>` does not borrow.
#[derive(Debug)]
pub(super) struct Text<'c>(pub(super) Str<'c>);

/// A JSON object of strings, in the order of the document.
#[derive(Debug, Default)]
pub(super) struct Pairs<'c>(pub(super) Vec<(Str<'c>, Str<'c>)>);

/// The texts of a list that may be absent.
pub(super) fn list(texts: Option<Vec<Text<'_>>>) -> Vec<Str<'_>> {
    texts.unwrap_or_default().into_iter().map(|text| text.0).collect()
}

/// The text, unless it is absent or empty: engines written in Go send `""` for "not set".
pub(super) fn some(text: Option<Text<'_>>) -> Option<Str<'_>> {
    text.map(|text| text.0).filter(|text| !text.is_empty())
}

/// A list of objects with the pointer of each, which is only made for the elements there are.
pub(super) fn each<T>(items: Option<Vec<Object<T>>>, at: Pointer) -> impl Iterator<Item = (Pointer, T)> {
    items.unwrap_or_default().into_iter().enumerate().map(move |(index, Object(item))| (at.index(index), item))
}

/// Refuses a name in the environment that `environ(7)` cannot hold.
pub(super) fn environment<'c>(texts: Option<Vec<Text<'c>>>, at: impl Fn() -> Pointer) -> Result<Vec<Str<'c>>> {
    let env = list(texts);
    match env.iter().position(|entry| !matches!(entry.find('='), Some(1..))) {
        None => Ok(env),
        Some(index) => Err(Error::config(at().index(index), "environment entry is not of the form NAME=value")
            .hint("write NAME=value; NAME must not be empty")),
    }
}

/// An absolute path made lexically clean; `None` where it is relative. `..` of the root is the root (path_resolution(7)).
pub(super) fn clean(path: Str<'_>) -> Option<Str<'_>> {
    let parts = path.strip_prefix('/')?;
    if parts.is_empty() || parts.split('/').all(|part| !matches!(part, "" | "." | "..")) {
        return Some(path);
    }
    let mut kept: Vec<&str> = Vec::new();
    for part in parts.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    Some(Cow::Owned(format!("/{}", kept.join("/"))))
}

impl<'de: 'c, 'c> Deserialize<'de> for Text<'c> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Str<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    // Borrowed text needs no search for NUL: JSON allows one only as the escape `\u0000`, and text with an escape is not
    // borrowed.
    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.contains('\0') {
            return Err(E::custom("the text holds a NUL byte (\\u0000), which no system call can take"));
        }
        Ok(Cow::Owned(text.to_owned()))
    }
}

impl<'de: 'c, 'c> Deserialize<'de> for Pairs<'c> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor).map(Pairs)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Vec<(Str<'de>, Str<'de>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(Text(key)) = map.next_key()? {
            if key.is_empty() {
                return Err(A::Error::custom("an empty key"));
            }
            pairs.push((key, map.next_value::<Text<'de>>()?.0));
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(path: &str) -> Option<String> {
        clean(Cow::Borrowed(path)).map(Cow::into_owned)
    }

    #[test]
    fn a_clean_path_stays_borrowed() {
        for path in ["/", "/proc", "/dev/shm/x"] {
            assert!(matches!(clean(Cow::Borrowed(path)), Some(Cow::Borrowed(same)) if same == path), "{path}");
        }
    }

    #[test]
    fn a_path_is_cleaned_without_looking_at_the_disk() {
        assert_eq!(cleaned("//proc/./sys/").as_deref(), Some("/proc/sys"));
        assert_eq!(cleaned("/a/../b").as_deref(), Some("/b"));
        assert_eq!(cleaned("/a/..").as_deref(), Some("/"));
    }

    #[test]
    fn nothing_is_above_the_root() {
        assert_eq!(cleaned("/..").as_deref(), Some("/"));
        assert_eq!(cleaned("/a/../../etc").as_deref(), Some("/etc"));
    }

    #[test]
    fn relative_paths_are_refused() {
        for path in ["", "proc", "./proc", "../proc"] {
            assert_eq!(cleaned(path), None, "{path}");
        }
    }

    #[test]
    fn text_without_escapes_is_borrowed() -> std::result::Result<(), serde_json::Error> {
        let texts: Vec<Text<'_>> = serde_json::from_str(r#"["plain","a\tb"]"#)?;
        assert!(matches!(texts.as_slice(), [Text(Cow::Borrowed("plain")), Text(Cow::Owned(_))]), "{texts:?}");
        Ok(())
    }

    #[test]
    fn a_nul_is_refused_wherever_text_is() {
        assert!(serde_json::from_str::<Text<'_>>(r#""a\u0000b""#).is_err());
        assert!(serde_json::from_str::<Pairs<'_>>(r#"{"a\u0000":"b"}"#).is_err());
        assert!(serde_json::from_str::<Pairs<'_>>(r#"{"a":"\u0000"}"#).is_err());
    }
}
