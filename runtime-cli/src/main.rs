//! `orlop`: the runc-compatible command. Parses, calls the library once, reports.

mod args;
mod commands;
mod foreground;
mod log_file;
mod report;
mod trace;

/// musl's own allocator costs a third of the instructions of a `create` and a dozen calls for memory.
#[global_allocator]
static MEMORY: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> std::process::ExitCode {
    report::exit_code(commands::dispatch(std::env::args_os().skip(1)))
}
