//! The words of README.md that plug a runtime into an engine, as they stand there: only the path is another.

use std::path::Path;

use super::daemon::runtime_path;

const README: &str = include_str!("../../../README.md");

/// Where README.md says the runtime is.
const INSTALLED: &str = "/usr/local/bin/orlop";

/// The words for the file of this name, with the runtime under test in place of an installed one.
pub(super) fn with_runtime(file: &str, dir: &Path) -> String {
    with_program(file, &runtime_path(dir))
}

/// The same with another program in its place.
pub(super) fn with_program(file: &str, program: &Path) -> String {
    let words = snippet(file);
    assert_eq!(words.matches(INSTALLED).count(), 1, "one path in {words}");
    words.replace(INSTALLED, &program.to_string_lossy())
}

/// The first block after the line that names the file.
fn snippet(file: &str) -> &'static str {
    let (_, below) = README.split_once(&format!("/{file}`")).unwrap_or_else(|| panic!("README.md names no {file}"));
    let (_, block) = below.split_once("\n```").expect("a block below the name of the file");
    let (_language, words) = block.split_once('\n').expect("lines in the block");
    words.split_once("```").expect("the end of the block").0
}
