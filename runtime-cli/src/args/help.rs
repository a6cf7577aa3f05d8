//! The table of flags as help.

use super::{COMMANDS, Command, Flag, GLOBALS};

/// The help of `orlop` itself.
pub(crate) fn all() -> String {
    let commands: Vec<_> = COMMANDS.iter().map(|command| (command.name.to_owned(), command.summary)).collect();
    format!(
        "orlop - run containers from OCI bundles\n\n\
         Usage: orlop [global options] <command> [options] [arguments]\n\n\
         Commands:\n{}\n\
         Global options:\n{}\n\
         See orlop <command> --help for what belongs to a command.\n",
        columns(&commands),
        columns(&options(GLOBALS)),
    )
}

/// The help of one command.
pub(crate) fn of(command: &Command) -> String {
    let about = if command.about.is_empty() { String::new() } else { format!("{}\n\n", command.about) };
    format!(
        "orlop {} - {}\n\nUsage: {}\n\n{about}Options:\n{}",
        command.name,
        command.summary,
        usage(command),
        columns(&options(command.flags)),
    )
}

/// What to type.
pub(super) fn usage(command: &Command) -> String {
    format!("orlop {} [options] {}", command.name, command.operands.shown).trim_end().to_owned()
}

/// `-b, --bundle DIR`
pub(super) fn flag(flag: &Flag) -> String {
    let short = flag.short.map_or("    ".into(), |short| format!("-{short}, "));
    let value = flag.value.map_or_else(String::new, |value| format!(" {value}"));
    format!("{short}--{}{value}", flag.long)
}

fn options(flags: &[&'static Flag]) -> Vec<(String, &'static str)> {
    flags.iter().map(|option| (flag(option), option.help)).collect()
}

fn columns(rows: &[(String, &str)]) -> String {
    let width = rows.iter().map(|(left, _)| left.len()).max().unwrap_or(0);
    rows.iter().map(|(left, right)| format!("  {left:width$}  {right}\n")).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;
    use std::{env, fs};

    use super::*;

    /// Compares with a file below `tests/golden`; UPDATE=1 rewrites it, and the review reads the difference.
    pub(in crate::args) fn golden(name: &str, text: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert!(expected == text, "{} differs (UPDATE=1 rewrites it); now:\n{text}", path.display());
    }

    #[test]
    fn help_is_as_agreed() {
        let each = COMMANDS.iter().map(|command| format!("\n$ orlop help {}\n{}", command.name, of(command)));
        golden("help.txt", &(all() + &each.collect::<String>()));
    }

    #[test]
    fn no_line_is_too_wide_for_a_terminal() {
        for text in COMMANDS.iter().map(of).chain([all()]) {
            assert_eq!(text.lines().find(|line| line.chars().count() > 120), None);
        }
    }
}
