//! `ps`: the processes of a container, as their pids or as ps(1) shows them.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use super::{container, wants_json};
use crate::args::Call;
use crate::report::{self, DONE, Failure, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    let json = wants_json(call)?;
    let pids = container(call)?.processes()?;
    let text = if json { format!("{}\n", serde_json::Value::from(pids)) } else { table(call.rest(), &pids)? };
    report::print(&text)?;
    Ok(DONE)
}

/// What `ps` says about `pids`.
fn table(options: &[OsString], pids: &[i32]) -> Result<String, Failure> {
    let mut ps = Command::new("ps");
    if options.is_empty() {
        ps.arg("-ef")
    } else {
        ps.args(options)
    };
    let output = ps.output().map_err(|error| Failure::io("run", Path::new("ps"), &error))?;
    if !output.status.success() {
        return Err(Failure::own(format!("ps: {}", String::from_utf8_lossy(&output.stderr).trim())));
    }
    lines_of(&String::from_utf8_lossy(&output.stdout), pids)
        .ok_or_else(|| Failure::own("ps: its output has no column PID"))
}

/// The heading, and the lines whose column PID is one of `pids`.
fn lines_of(text: &str, pids: &[i32]) -> Option<String> {
    let (heading, rows) = text.split_once('\n')?;
    let column = heading.split_whitespace().position(|name| name == "PID")?;
    let is_ours = |row: &&str| {
        let pid = row.split_whitespace().nth(column).and_then(|pid| pid.parse().ok());
        pid.is_some_and(|pid: i32| pids.contains(&pid))
    };
    let ours = rows.lines().filter(is_ours).map(|row| format!("{row}\n"));
    Some(format!("{heading}\n") + &ours.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_containers_processes_are_shown() {
        let text = "UID   PID  PPID CMD\nroot    7     1 /bin/sh 8\nroot    8     7 sleep 7\nroot   77     1 x\n";
        assert_eq!(lines_of(text, &[8]).unwrap(), "UID   PID  PPID CMD\nroot    8     7 sleep 7\n");
        assert_eq!(lines_of(text, &[]).unwrap(), "UID   PID  PPID CMD\n");
        assert_eq!(lines_of("CMD\nsh\n", &[8]), None);
    }
}
