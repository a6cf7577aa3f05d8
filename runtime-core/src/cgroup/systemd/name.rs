//! `linux.cgroupsPath` as systemd's users write it, `slice:prefix:name` → a unit and where its cgroup lies (systemd.unit(5),
//! systemd.slice(5)). Pure.
//!
//! Words and defaults are runc's: `system.slice`, or `user.slice` for a user's systemd, in the place of an empty slice.

use std::path::PathBuf;

use crate::error::{Error, Pointer, Result};

/// The longest name of a unit (systemd's `UNIT_NAME_MAX`).
const LONGEST: usize = 255;

/// A unit and its slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// `docker-0123.scope`
    pub(super) unit: String,
    /// `system.slice`
    pub(super) slice: String,
    /// The cgroup, below that of the systemd: `system.slice/docker-0123.scope`.
    pub(super) path: PathBuf,
}

/// Reads a path; without one, the container gets a scope of its own name in the usual slice.
pub(super) fn read(cgroups_path: Option<&str>, id: &str, user: bool) -> Result<Name> {
    let usual = if user { "user.slice" } else { "system.slice" };
    let (slice, prefix, name) = match cgroups_path.filter(|path| !path.is_empty()) {
        None => (usual, "orlop", id),
        Some(path) => match path.split(':').collect::<Vec<_>>().as_slice() {
            ["", prefix, name] => (usual, *prefix, *name),
            [slice, prefix, name] => (*slice, *prefix, *name),
            _ => return Err(refused(format!("{path:?} is not of the form slice:prefix:name"))),
        },
    };
    if name.is_empty() {
        return Err(refused("the name of slice:prefix:name is empty".to_owned()));
    }
    if std::path::Path::new(name).extension().is_some_and(|kind| kind == "slice") {
        return Err(refused(format!("{name:?} is a slice, which holds no process of a container itself"))
            .hint("name a scope in that slice: SLICE:PREFIX:NAME"));
    }
    let unit = format!("{prefix}-{name}.scope");
    check_letters(&unit)?;
    let path = below(slice)?.join(&unit);
    Ok(Name { unit, slice: slice.to_owned(), path })
}

/// The directories of a slice: `a-b.slice` lies in `a.slice` ("the dash has a special meaning").
fn below(slice: &str) -> Result<PathBuf> {
    check_letters(slice)?;
    let Some(name) = slice.strip_suffix(".slice") else {
        return Err(refused(format!("the slice {slice:?} does not end in .slice")));
    };
    // The root of all slices.
    if name == "-" {
        return Ok(PathBuf::new());
    }
    let mut path = PathBuf::new();
    let mut prefix = String::new();
    for part in name.split('-') {
        if part.is_empty() {
            return Err(refused(format!("the slice {slice:?} has an empty part before or after a dash")));
        }
        prefix.push_str(part);
        path.push(format!("{prefix}.slice"));
        prefix.push('-');
    }
    Ok(path)
}

fn check_letters(name: &str) -> Result<()> {
    let known = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '\\' | '@');
    match name.chars().find(|letter| !known(*letter)) {
        Some(letter) => Err(refused(format!("{letter:?} in {name:?} cannot stand in the name of a unit"))
            .hint("letters, digits, - _ . \\ and @ can; others are written as systemd-escape(1) does")),
        None if name.len() > LONGEST => Err(refused(format!("the unit's name is longer than {LONGEST} letters"))),
        None => Ok(()),
    }
}

fn refused(message: String) -> Error {
    Error::config(Pointer::new("/linux/cgroupsPath"), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: Option<&str>) -> String {
        read(path, "web", false).map_or_else(|error| error.to_string(), |name| name.path.display().to_string())
    }

    #[test]
    fn slices_lie_in_slices() {
        assert_eq!(place(Some("system.slice:docker:0123")), "system.slice/docker-0123.scope");
        assert_eq!(place(Some("a-b-c.slice:x:y")), "a.slice/a-b.slice/a-b-c.slice/x-y.scope");
        assert_eq!(place(Some("-.slice:x:y")), "x-y.scope");
        assert_eq!(place(Some("machine.slice:libpod:@a_b.c-d")), "machine.slice/libpod-@a_b.c-d.scope");
        assert_eq!(place(Some("x.slice::y")), "x.slice/-y.scope", "as in runc");
    }

    #[test]
    fn defaults_are_runcs() {
        assert_eq!(place(None), "system.slice/orlop-web.scope");
        assert_eq!(place(Some("")), "system.slice/orlop-web.scope");
        assert_eq!(place(Some(":cri:y")), "system.slice/cri-y.scope");
        assert_eq!(read(None, "web", true).unwrap().slice, "user.slice");
    }

    #[test]
    fn what_names_no_unit_is_refused_by_name() {
        let at = "[config.json /linux/cgroupsPath]";
        for (path, message) in [
            ("/a/b", "\"/a/b\" is not of the form slice:prefix:name"),
            ("a.slice:b", "\"a.slice:b\" is not of the form slice:prefix:name"),
            ("a.slice:b:c:d", "\"a.slice:b:c:d\" is not of the form slice:prefix:name"),
            ("a:b:c", "the slice \"a\" does not end in .slice"),
            (".slice:b:c", "the slice \".slice\" has an empty part before or after a dash"),
            ("a--b.slice:b:c", "the slice \"a--b.slice\" has an empty part before or after a dash"),
            ("a/b.slice:b:c", "'/' in \"a/b.slice\" cannot stand in the name of a unit"),
            ("a.slice:b:", "the name of slice:prefix:name is empty"),
            ("a.slice:b:c d", "' ' in \"b-c d.scope\" cannot stand in the name of a unit"),
            ("a.slice:b:c.slice", "\"c.slice\" is a slice, which holds no process of a container itself"),
        ] {
            assert_eq!(place(Some(path)), format!("check config: {message} {at}"));
        }
        assert!(place(Some(&format!("a.slice:b:{}", "c".repeat(250)))).contains("longer than 255 letters"));
    }
}
