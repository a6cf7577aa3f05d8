//! `orlop`: the runc-compatible command. Parses, calls the library once, reports.

mod args;
mod commands;
mod foreground;
mod log_file;
mod report;
mod trace;

use std::process::ExitCode;

fn main() -> ExitCode {
    report::exit_code(run())
}

fn run() -> report::Outcome {
    let (globals, rest) = args::globals(std::env::args_os().skip(1))?;
    log_file::open(globals.log.as_deref(), globals.json, globals.debug)?;
    let call = args::command(globals, rest)?;
    (call.command.run)(&call)
}
