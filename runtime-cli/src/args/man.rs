//! The table of flags as a manual page (man(7)).

use super::{COMMANDS, Command, Flag, GLOBALS, help};

/// `orlop.8`
pub(crate) fn page() -> String {
    let mut page = format!(".TH ORLOP 8 \"\" \"orlop {}\" \"System Administration\"\n", env!("CARGO_PKG_VERSION"));
    page += ".SH NAME\norlop \\- run containers from OCI bundles\n";
    page += ".SH SYNOPSIS\n.B orlop\n[global options]\n.I command\n[options] [arguments]\n";
    page += ".SH DESCRIPTION\n";
    page += "A container is made from a bundle: a directory with a config.json and a root filesystem. The command line is\n";
    page += "that of runc(8). A flag may be written with one dash or two, its value after a space or a =.\n";
    page += ".SH GLOBAL OPTIONS\n";
    page.extend(GLOBALS.iter().map(|flag| option(flag)));
    page += ".SH COMMANDS\n";
    page.extend(COMMANDS.iter().map(section));
    page += ".SH EXIT STATUS\n0 on success; 1 on failure; 3 where there is no such command. ";
    page += "run and exec exit as their process does, or with 128 and the\nnumber of the signal that ended it; ";
    page += "exec exits with 255 where the process could not be started.\n";
    page += ".SH FILES\n.TP\n.I /run/orlop\nThe state of root's containers. Other users have theirs in $XDG_RUNTIME_DIR/orlop.\n";
    page += ".SH SEE ALSO\nrunc(8), capabilities(7), cgroups(7), namespaces(7), signal(7)\n";
    page
}

fn section(command: &Command) -> String {
    let options: String = command.flags.iter().filter(|flag| flag.long != "help").map(|flag| option(flag)).collect();
    let about = if command.about.is_empty() { String::new() } else { format!("{}\n", escape(command.about)) };
    format!(".SS {}\n{}.\n{about}{options}", escape(&help::usage(command)), escape(&capital(command.summary)))
}

fn option(flag: &Flag) -> String {
    format!(".TP\n.B {}\n{}.\n", escape(help::flag(flag).trim_start()), escape(&capital(flag.help)))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A hyphen that can be copied, and no accidental request.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_as_agreed() {
        let page = page().replace(env!("CARGO_PKG_VERSION"), "VERSION");
        help::tests::golden("orlop.8", &page);
    }

    #[test]
    fn what_troff_would_read_as_its_own_is_escaped() {
        assert_eq!(escape(".so a-b\\"), "\\&.so a\\-b\\e");
    }
}
