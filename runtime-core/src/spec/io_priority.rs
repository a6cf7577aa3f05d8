//! `process.ioPriority` (config.md, "Process"; `ioprio_set(2)`).

use serde::Deserialize;

use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

/// How urgent the process's I/O is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoPriority {
    /// Where it stands.
    pub at: Pointer,
    /// `class`: an `IOPRIO_CLASS_*` number.
    pub class: u32,
    /// `priority` within the class, 0 (the highest) to 7.
    pub priority: u32,
}

/// Every class of the specification, each one's number being its place and one (`linux/ioprio.h`).
const CLASSES: [&str; 3] = ["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"];

impl IoPriority {
    /// The name of a class (`IOPRIO_CLASS_BE`).
    pub(crate) fn class_name(class: u32) -> Option<&'static str> {
        (1..).zip(CLASSES).find_map(|(number, name)| (number == class).then_some(name))
    }
}

/// `ioPriority` as it stands.
#[derive(Deserialize)]
pub(super) struct RawIoPriority<'c> {
    #[serde(borrow)]
    class: Option<Text<'c>>,
    priority: Option<i64>,
}

impl RawIoPriority<'_> {
    /// Checks the class and the priority within it.
    pub(super) fn check(self, at: Pointer) -> Result<IoPriority> {
        let Some(name) = text::some(self.class) else {
            return Err(Error::config(at.key("class"), "an I/O priority needs a `class`"));
        };
        let Some(class) = (1..).zip(CLASSES).find_map(|(number, known)| (known == name).then_some(number)) else {
            return Err(Error::config(at.key("class"), format!("unknown I/O class `{name}`"))
                .hint("it is IOPRIO_CLASS_RT, IOPRIO_CLASS_BE or IOPRIO_CLASS_IDLE"));
        };
        let priority = self.priority.unwrap_or_default();
        match u32::try_from(priority) {
            Ok(priority @ 0..=7) => Ok(IoPriority { at, class, priority }),
            _ => Err(Error::config(at.key("priority"), format!("{priority} is not within 0 and 7"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<(u32, u32), String> {
        let raw: RawIoPriority<'_> = serde_json::from_str(json).unwrap();
        let checked = raw.check(Pointer::new("/ioPriority")).map_err(|error| error.to_string())?;
        Ok((checked.class, checked.priority))
    }

    #[test]
    fn classes_have_the_kernels_numbers() {
        assert_eq!(check(r#"{"class":"IOPRIO_CLASS_RT","priority":7}"#), Ok((1, 7)));
        assert_eq!(check(r#"{"class":"IOPRIO_CLASS_IDLE"}"#), Ok((3, 0)));
        assert_eq!((IoPriority::class_name(0), IoPriority::class_name(2)), (None, Some("IOPRIO_CLASS_BE")));
    }

    #[test]
    fn an_unknown_class_or_level_is_refused() {
        for (json, key, message) in [
            (r#"{"priority":1}"#, "class", "an I/O priority needs a `class`"),
            (r#"{"class":"IOPRIO_CLASS_NONE"}"#, "class", "unknown I/O class `IOPRIO_CLASS_NONE`"),
            (r#"{"class":"IOPRIO_CLASS_BE","priority":8}"#, "priority", "8 is not within 0 and 7"),
            (r#"{"class":"IOPRIO_CLASS_BE","priority":-1}"#, "priority", "-1 is not within 0 and 7"),
        ] {
            let whole = format!("check config: {message} [config.json /ioPriority/{key}]");
            assert_eq!(check(json), Err(whole), "{json}");
        }
    }
}
