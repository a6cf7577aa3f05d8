//! `make coverage`: prints which test observes which field of the specification, and fails while one has none.
#![allow(clippy::print_stdout, reason = "it is a program, and this is its output")]

use std::process::ExitCode;

use conformance::coverage::{Table, schema};

fn main() -> ExitCode {
    let table = Table::of_the_tests();
    println!("{table}{}\n{}", schema::source(), table.sum());
    if table.empty().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
