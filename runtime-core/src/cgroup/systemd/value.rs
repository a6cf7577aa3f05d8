//! The values that properties of a unit have (D-Bus specification, "Type System"), and how a person writes them.

use std::fmt;

/// A value of one of the types that systemd's properties have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `b`
    Bool(bool),
    /// `i`
    I32(i32),
    /// `u`
    U32(u32),
    /// `t`
    U64(u64),
    /// `s`
    Text(String),
    /// `ay`
    Bytes(Vec<u8>),
    /// `au`
    U32s(Vec<u32>),
    /// `as`
    Texts(Vec<String>),
}

impl Value {
    pub(super) fn signature(&self) -> &'static str {
        match self {
            Self::Bool(_) => "b",
            Self::I32(_) => "i",
            Self::U32(_) => "u",
            Self::U64(_) => "t",
            Self::Text(_) => "s",
            Self::Bytes(_) => "ay",
            Self::U32s(_) => "au",
            Self::Texts(_) => "as",
        }
    }
}

/// As in the text format of GVariant, but that types are left out; systemd's "infinity" is the largest number.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::I32(value) => write!(f, "{value}"),
            Self::U32(value) => write!(f, "{value}"),
            Self::U64(u64::MAX) => f.write_str("infinity"),
            Self::U64(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => write!(f, "{bytes:02x?}"),
            Self::U32s(numbers) => write!(f, "{numbers:?}"),
            Self::Texts(texts) => write!(f, "[{}]", texts.join(", ")),
        }
    }
}
