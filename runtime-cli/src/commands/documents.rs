//! `help`, `version`, `completion` and `man`: what the table of flags has to say about itself.

use crate::args::{COMMANDS, Call, completion as completions, help as texts, man as manual};
use crate::report::{self, DONE, Outcome};

/// The version of the OCI runtime specification that is followed.
const SPECIFICATION: &str = "1.3.0";

/// `help [command]`, and `--help` wherever it stands.
pub(crate) fn help(call: &Call) -> Outcome {
    match call.operand(0)? {
        None => report::print(&texts::all())?,
        Some(name) => match COMMANDS.iter().find(|command| command.name == name) {
            Some(command) => report::print(&texts::of(command))?,
            None => return Err(call.wrong(format!("no help topic for '{name}'")).with_status(3)),
        },
    }
    Ok(DONE)
}

/// `version`, in the shape that go-runc and `docker info` read.
pub(crate) fn version(_: &Call) -> Outcome {
    let (version, commit) = (env!("CARGO_PKG_VERSION"), option_env!("ORLOP_COMMIT").unwrap_or("unknown"));
    report::print(&format!("orlop version {version}\ncommit: {commit}\nspec: {SPECIFICATION}\n"))?;
    Ok(DONE)
}

/// `completion bash|zsh|fish`
pub(crate) fn completion(call: &Call) -> Outcome {
    let text = match call.operand(0)? {
        Some("bash") => completions::bash(),
        Some("zsh") => completions::zsh(),
        Some("fish") => completions::fish(),
        other => return Err(call.wrong(format!("'{}' is not bash, zsh or fish", other.unwrap_or_default()))),
    };
    report::print(&text)?;
    Ok(DONE)
}

/// `man`
pub(crate) fn man(_: &Call) -> Outcome {
    report::print(&manual::page())?;
    Ok(DONE)
}
