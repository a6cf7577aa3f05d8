//! The meaning of device rules → the list of a cgroup v1 `devices` directory (cgroup-v1/devices.rst). Pure.
//!
//! The kernel keeps a default and a list of exceptions. A request passes a list of what is allowed when one line covers all of it, and
//! fails a list of what is denied when one line touches any of it. So a list says "everything but", or "nothing but", not
//! "everything but these, except that one".

use super::devices::{ALL, Entry, MKNOD, Pattern, READ, WRITE};
use crate::error::{Error, Result};
use crate::spec::DeviceKind;

const ALLOW: &str = "devices.allow";
const DENY: &str = "devices.deny";

/// The fewest writes, file and value, whatever the list was.
pub(super) fn writes(entries: &[Entry]) -> Result<Vec<(&'static str, String)>> {
    let grows = exceptions(entries, |entry| entry.access);
    let shrinks = exceptions(entries, |entry| ALL & !entry.access);
    match (grows, shrinks) {
        (Ok(allowed), denied) if !matches!(&denied, Ok(denied) if denied.len() < allowed.len()) => {
            Ok(list(DENY, ALLOW, allowed))
        }
        (_, Ok(denied)) => Ok(list(ALLOW, DENY, denied)),
        (Err(hole), Err(_)) | (Ok(_), Err(hole)) => Err(too_fine(hole)),
    }
}

/// The lines of the configuration as they are listed, then those of every container.
fn list(default: &'static str, exception: &'static str, mut lines: Vec<Line>) -> Vec<(&'static str, String)> {
    lines.sort_by_key(|line| !line.listed);
    let mut writes = vec![(default, "a".to_owned())];
    writes.extend(lines.into_iter().map(|one| (exception, line(one.pattern, one.written))));
    writes
}

/// A line of the list.
struct Line {
    pattern: Pattern,
    /// What it means, with what wider lines say.
    access: u8,
    /// What is written: making a node is asked for alone, so it is left to the wider line that has it.
    written: u8,
    /// Whether a rule of the configuration asks for it.
    listed: bool,
}

/// The lines that differ from what wider ones say already; the entry that takes away from a wider one where there is any.
fn exceptions(entries: &[Entry], access: impl Fn(&Entry) -> u8) -> Result<Vec<Line>, &Entry> {
    let mut lines: Vec<Line> = Vec::new();
    for entry in entries {
        let mine = access(entry);
        let wider = || lines.iter().filter(|line| line.pattern.covers(entry.pattern)).map(|line| line.access);
        if wider().any(|access| access & !mine != 0) {
            return Err(entry);
        }
        if mine != 0 && wider().all(|access| access != mine) {
            let elsewhere = if wider().any(|access| access & MKNOD != 0) { MKNOD & !entry.own } else { 0 };
            let written = if mine & !elsewhere == 0 { mine } else { mine & !elsewhere };
            lines.push(Line { pattern: entry.pattern, access: mine, written, listed: entry.listed & written != 0 });
        }
    }
    Ok(lines)
}

fn line(pattern: Pattern, access: u8) -> String {
    let kind = if pattern.kind == DeviceKind::Block { 'b' } else { 'c' };
    let number = |number: Option<u32>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
    let mut line = format!("{kind} {}:{} ", number(pattern.major), number(pattern.minor));
    line.extend(
        [(READ, 'r'), (WRITE, 'w'), (MKNOD, 'm')].iter().filter(|(bit, _)| access & bit != 0).map(|(_, name)| name),
    );
    line
}

fn too_fine(entry: &Entry) -> Error {
    let message = format!(
        "cgroup v1 cannot keep a device apart from a wider rule about it: {}",
        line(entry.pattern, ALL).trim_end_matches("rwm").trim_end()
    );
    Error::unsupported(entry.field.clone(), message).hint("cgroup v2 can; or name the allowed devices one by one")
}
