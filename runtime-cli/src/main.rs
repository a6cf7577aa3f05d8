//! `orlop`: the runc-compatible command. Parses, calls the library once, reports.

mod args;
mod commands;
mod foreground;
mod log_file;
mod report;
mod trace;

fn main() -> std::process::ExitCode {
    report::exit_code(commands::dispatch(std::env::args_os().skip(1)))
}
