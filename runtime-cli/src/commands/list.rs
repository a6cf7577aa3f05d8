//! `list`: the containers below `--root`, in the columns and the JSON of runc.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use orlop::State;

use super::{runtime, wants_json};
use crate::args::{Call, flags};
use crate::report::{self, DONE, Failure, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    let json = wants_json(call)?;
    let containers = runtime(call)?.containers()?;
    if call.on(&flags::QUIET) {
        report::print(&containers.iter().map(|container| format!("{}\n", container.id())).collect::<String>())?;
        return Ok(DONE);
    }
    let mut states = Vec::new();
    for container in containers {
        match container.state() {
            Ok(state) => states.push(State { owner: owner(&call.root.join(container.id())), ..state }),
            // One that is just being deleted, or damaged, does not hide the others.
            Err(error) => log::warn!("{}: {error}", container.id()),
        }
    }
    let text = if json { as_json(&states)? } else { table(&states) };
    report::print(&text)?;
    Ok(DONE)
}

/// The name of whoever made the container, or `#` and their id; nobody where the container has just gone.
fn owner(directory: &Path) -> String {
    let Ok(uid) = fs::metadata(directory).map(|found| found.uid()) else { return String::new() };
    // Not getpwuid(3): in a static program it would load the host's name services.
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_of(uid, &users).map_or_else(|| format!("#{uid}"), str::to_owned)
}

/// The first name in `users`, which is a passwd(5).
fn name_of(uid: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

/// One line; `null` where there is none, as Go writes an empty list.
fn as_json(states: &[State]) -> Result<String, Failure> {
    if states.is_empty() {
        return Ok("null\n".into());
    }
    let text = serde_json::to_string(states).map_err(|error| Failure::own(format!("write list: {error}")))?;
    Ok(text + "\n")
}

fn table(states: &[State]) -> String {
    let heading = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(str::to_owned);
    let row = |state: &State| {
        [
            state.id.clone(),
            state.pid.to_string(),
            state.status.to_string(),
            state.bundle.display().to_string(),
            state.created.clone(),
            state.owner.clone(),
        ]
    };
    align(&[heading].into_iter().chain(states.iter().map(row)).collect::<Vec<_>>())
}

/// Columns as Go's tabwriter sets them for runc: at least 12 wide, at least 3 spaces apart, the last one as it is.
fn align<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [12; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count() + 3);
        }
    }
    if let Some(last) = widths.last_mut() {
        *last = 0;
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<String>() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_runc() {
        assert_eq!(table(&[]), "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
        let row = ["t1", "24376", "running", "/tmp/b", "2026-11-20T17:11:56.608442235Z", "root"].map(str::to_owned);
        let heading = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(str::to_owned);
        assert_eq!(
            align(&[heading, row]),
            "ID          PID         STATUS      BUNDLE      CREATED                          OWNER\n\
             t1          24376       running     /tmp/b      2026-11-20T17:11:56.608442235Z   root\n"
        );
    }

    #[test]
    fn owners_have_names() {
        let users = "root:x:0:0::/root:/bin/sh\nbad\nsync:x:4:65534::/:\n";
        assert_eq!(name_of(0, users), Some("root"));
        assert_eq!(name_of(4, users), Some("sync"));
        assert_eq!(name_of(65534, users), None);
    }

    #[test]
    fn no_container_is_null() {
        assert_eq!(as_json(&[]).unwrap(), "null\n");
    }
}
