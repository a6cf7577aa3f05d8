//! The command line, as engines use it: runc's commands, flags, files, exit statuses and words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli {
    mod bad_input;
    mod bad_values;
    mod checkpoint;
    mod command_line;
    mod create;
    mod engine_files;
    mod engine_words;
    mod events;
    mod exec;
    mod features;
    mod lifecycle;
    mod list;
    mod log;
    mod mounts;
    mod plan;
    mod run;
    mod update;
}
