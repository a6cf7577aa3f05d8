//! Annotations `org.systemd.property.NAME` → properties of the container's unit. Pure.
//!
//! Whoever may write a pod's annotations must not gain more by it: only the properties listed here are taken. Others run programs on the
//! host (`ExecStartPre` was root on every node, CVE-2024-3154), show its files, start other units or lift limits. Values are written in
//! the text format of GVariant, as in runc; the type is the property's own.

use super::Property;
use super::value::Value;
use crate::error::{Error, Pointer, Result};
use crate::spec::Str;

/// How their names begin.
pub(crate) const PREFIX: &str = "org.systemd.property.";

/// What a property is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Bool,
    I32,
    U64,
    Text,
    Texts,
}

/// When a unit is stopped and how, what it comes before and after, and what is kept of it: see systemd.scope(5), systemd.kill(5).
const KNOWN: [(&str, Type); 15] = [
    ("After", Type::Texts),
    ("Before", Type::Texts),
    ("CollectMode", Type::Text),
    ("DefaultDependencies", Type::Bool),
    ("Description", Type::Text),
    ("Documentation", Type::Texts),
    ("KillMode", Type::Text),
    ("KillSignal", Type::I32),
    ("ManagedOOMMemoryPressure", Type::Text),
    ("ManagedOOMPreference", Type::Text),
    ("ManagedOOMSwap", Type::Text),
    ("RuntimeMaxUSec", Type::U64),
    ("SendSIGHUP", Type::Bool),
    ("SendSIGKILL", Type::Bool),
    ("TimeoutStopUSec", Type::U64),
];

/// The properties that annotations ask for.
pub(super) fn properties(annotations: &[(Str<'_>, Str<'_>)]) -> Result<Vec<Property>> {
    annotations
        .iter()
        .filter_map(|(key, value)| Some((key, key.strip_prefix(PREFIX)?, value)))
        .map(|(key, name, value)| property(Pointer::new("/annotations").key(key), name, value))
        .collect()
}

fn property(field: Pointer, name: &str, text: &str) -> Result<Property> {
    // Names that end in `Sec` are those of unit files, in seconds: on D-Bus there are only microseconds.
    let seconds = name.strip_suffix("Sec").filter(|stem| !stem.ends_with('U')).map(|stem| format!("{stem}USec"));
    let wanted = seconds.as_deref().unwrap_or(name);
    let Some((name, kind)) = KNOWN.iter().find(|(known, _)| *known == wanted) else {
        let list: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
        return Err(Error::config(field, format!("systemd's property {name} is not for annotations to set"))
            .hint(format!("these are: {}", list.join(", "))));
    };
    let value = match (kind, &seconds) {
        (_, Some(_)) => microseconds(text).map(Value::U64),
        (Type::Bool, _) => truth(text).map(Value::Bool),
        (Type::I32, _) => number(text).and_then(|number| i32::try_from(number).ok()).map(Value::I32),
        (Type::U64, _) => number(text).and_then(|number| u64::try_from(number).ok()).map(Value::U64),
        (Type::Text, _) => whole(text, quoted).map(Value::Text),
        (Type::Texts, _) => whole(text, list).map(Value::Texts),
    };
    match value {
        Some(value) => Ok(Property { name, value, field: Some(field) }),
        None => Err(Error::config(field, format!("{text:?} is not {}", kind.example(seconds.is_some())))),
    }
}

impl Type {
    fn example(self, seconds: bool) -> &'static str {
        match self {
            _ if seconds => "a number of seconds such as 90 or 0.5",
            Self::Bool => "true or false",
            Self::I32 => "a number such as 15",
            Self::U64 => "a number such as uint64 90000000",
            Self::Text => "a quoted text such as 'inactive-or-failed'",
            Self::Texts => "a list of quoted texts such as ['a.service', 'b.service']",
        }
    }
}

fn truth(text: &str) -> Option<bool> {
    match without_type(text) {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn number(text: &str) -> Option<i128> {
    without_type(text).parse().ok()
}

fn microseconds(text: &str) -> Option<u64> {
    let seconds: f64 = without_type(text).parse().ok()?;
    let micros = seconds * 1e6;
    // 2^63 microseconds are three hundred thousand years.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    (0.0..9.2e18).contains(&micros).then_some(micros.round() as u64)
}

/// `uint64 5`, `@t 5`: the type before a value says nothing that the property does not.
fn without_type(text: &str) -> &str {
    const TYPES: [&str; 9] = ["boolean", "byte", "int16", "uint16", "int32", "uint32", "int64", "uint64", "double"];
    let text = text.trim();
    match text.split_once(' ') {
        Some((kind, value)) if TYPES.contains(&kind) || kind.starts_with('@') => value.trim(),
        _ => text,
    }
}

/// All of a text, by a function that reads its beginning and says what is left.
fn whole<T>(text: &str, read: fn(&str) -> Option<(T, &str)>) -> Option<T> {
    let (value, rest) = read(without_type(text))?;
    rest.trim().is_empty().then_some(value)
}

fn list(text: &str) -> Option<(Vec<String>, &str)> {
    let mut rest = text.strip_prefix('[')?.trim_start();
    let mut texts = Vec::new();
    while !rest.starts_with(']') {
        let (text, after) = quoted(rest)?;
        texts.push(text);
        rest = after.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(more) => more.trim_start(),
            None => rest,
        };
        if !rest.starts_with([']', '\'', '"']) {
            return None;
        }
    }
    Some((texts, rest.strip_prefix(']')?))
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                letter @ ('\\' | '\'' | '"') => value.push(letter),
                _ => return None,
            },
            letter if letter == quote => return Some((value, text.get(at + 1..)?)),
            letter => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(name: &str, value: &str) -> Result<(String, Value), String> {
        let key = format!("{PREFIX}{name}");
        let read = properties(&[(key.into(), value.into()), ("com.example".into(), "x".into())]);
        let mut found = read.map_err(|error| error.to_string())?;
        assert_eq!(found.len(), 1, "other annotations are none of systemd's");
        let Property { name, value, .. } = found.remove(0);
        Ok((name.to_owned(), value))
    }

    #[test]
    fn values_are_written_as_in_gvariant() {
        let micros = |number| Ok(("TimeoutStopUSec".to_owned(), Value::U64(number)));
        for (text, expected) in [("uint64 30000000", 30_000_000), ("@t 5", 5), ("123456789", 123_456_789)] {
            assert_eq!(read("TimeoutStopUSec", text), micros(expected), "{text}");
        }
        assert_eq!(read("TimeoutStopSec", "90"), micros(90_000_000));
        assert_eq!(read("TimeoutStopSec", "double 0.5"), micros(500_000));
        let text = |text: &str| Ok(("CollectMode".to_owned(), Value::Text(text.to_owned())));
        assert_eq!(read("CollectMode", "'inactive-or-failed'"), text("inactive-or-failed"));
        assert_eq!(read("CollectMode", r#" "a 'b' \"c\"" "#), text("a 'b' \"c\""));
        let texts =
            |texts: &[&str]| Ok(("After".to_owned(), Value::Texts(texts.iter().map(|t| (*t).into()).collect())));
        assert_eq!(read("After", "['crio.service']"), texts(&["crio.service"]));
        assert_eq!(read("After", "@as [ 'a' , \"b\" ]"), texts(&["a", "b"]));
        assert_eq!(read("After", "@as []"), texts(&[]));
        assert_eq!(read("DefaultDependencies", "true"), Ok(("DefaultDependencies".to_owned(), Value::Bool(true))));
        assert_eq!(read("KillSignal", "int32 37"), Ok(("KillSignal".to_owned(), Value::I32(37))));
    }

    #[test]
    fn what_is_no_value_of_its_type_is_refused_by_name() {
        for (name, value) in [
            ("TimeoutStopUSec", "'soon'"),
            ("TimeoutStopUSec", "-1"),
            ("TimeoutStopSec", "-1"),
            ("TimeoutStopSec", "nan"),
            ("After", "'a.service'"),
            ("After", "['a.service'"),
            ("After", "['a' 'b'"),
            ("CollectMode", "inactive"),
            ("CollectMode", "'inactive' more"),
            ("DefaultDependencies", "1"),
            ("KillSignal", "4294967296"),
        ] {
            let error = read(name, value).unwrap_err();
            assert!(error.contains(&format!("/annotations/org.systemd.property.{name}]")), "{name} {value}: {error}");
        }
    }

    #[test]
    fn what_could_raise_a_privilege_is_not_taken() {
        for name in [
            "ExecStartPre",
            "ExecStart",
            "BindPaths",
            "BindReadOnlyPaths",
            "User",
            "Wants",
            "Requires",
            "OnFailure",
            "PIDs",
            "Slice",
            "Delegate",
            "DevicePolicy",
            "DeviceAllow",
            "MemoryMax",
            "TasksMax",
            "BPFProgram",
            "exec",
            "",
            "Sec",
        ] {
            let error = read(name, "true").unwrap_err();
            assert!(error.contains("is not for annotations to set"), "{name}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", index in 0..KNOWN.len()) {
            drop(read(KNOWN[index].0, &text));
            drop(read("TimeoutStopSec", &text));
        }
    }
}
