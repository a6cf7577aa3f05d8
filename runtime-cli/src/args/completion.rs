//! The table of flags as completions for bash, zsh and fish.
//!
//! Ids come from `orlop list`; a flag whose value is a file, a directory or a socket completes to a path.

use super::{COMMANDS, Command, Flag, GLOBALS};

/// For bash: `source <(orlop completion bash)`.
pub(crate) fn bash() -> String {
    let joined =
        |flags: &mut dyn Iterator<Item = &&Flag>| flags.flat_map(|flag| names(flag)).collect::<Vec<_>>().join(" ");
    let all = |flags: &[&Flag]| joined(&mut flags.iter());
    let with_value = |flags: &[&Flag]| joined(&mut flags.iter().filter(|flag| flag.value.is_some()));
    let mut cases = String::new();
    for command in COMMANDS {
        let operands = if takes_id(command) { "$(orlop list -q 2>/dev/null)" } else { choices(command) };
        let (name, valued, words) = (command.name, with_value(command.flags), all(command.flags));
        cases += &format!("    {name}) valued=\"{valued}\" words=\"{words} {operands}\" ;;\n");
    }
    format!(
        "_orlop() {{\n\
         \x20 local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command= valued words i\n\
         \x20 for ((i = 1; i < COMP_CWORD; i++)); do\n\
         \x20   case ${{COMP_WORDS[i]}} in {global}) ((i++)) ;; -*) ;; *) command=${{COMP_WORDS[i]}}; break ;; esac\n\
         \x20 done\n\
         \x20 case $command in\n\
         \x20   '') valued=\"{valued}\" words=\"{globals} {commands}\" ;;\n\
         {cases}\
         \x20 esac\n\
         \x20 if [[ \" $valued \" == *\" $before \"* ]]; then\n\
         \x20   COMPREPLY=($(compgen -f -- \"$current\"))\n\
         \x20 else\n\
         \x20   COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n\
         \x20 fi\n\
         }}\n\
         complete -o bashdefault -F _orlop orlop\n",
        global = with_value(GLOBALS).replace(' ', "|"),
        valued = with_value(GLOBALS),
        globals = all(GLOBALS),
        commands = COMMANDS.iter().map(|command| command.name).collect::<Vec<_>>().join(" "),
    )
}

/// For zsh: a file `_orlop` in `fpath`.
pub(crate) fn zsh() -> String {
    let option = |flag: &&Flag| {
        let value = flag.value.map_or_else(String::new, |value| match is_path(value) {
            true => format!(":{value}:_files"),
            false => format!(":{value}:"),
        });
        let help = flag.help.replace('[', "(").replace(']', ")").replace('\'', "'\\''");
        let value = value.replace("UID[:GID]", "user").replace("[CONTROLLER:]PATH", "cgroup");
        names(flag).into_iter().map(|name| format!(" \\\n        '*{name}[{help}]{value}'")).collect::<String>()
    };
    let options = |flags: &[&Flag]| flags.iter().map(option).collect::<String>();
    let mut text = format!(
        "#compdef orlop\n\n_orlop() {{\n  local context state line ids=($(orlop list -q 2>/dev/null))\n  \
         _arguments -C{} \\\n        '1:command:->command' '*::argument:->argument'\n  \
         case $state in\n    command) _describe command '(",
        options(GLOBALS)
    );
    for command in COMMANDS {
        text += &format!(" {}:{}", command.name, command.summary.replace(' ', "\\ ").replace(',', "\\,"));
    }
    text += " )' ;;\n    argument) case $line[1] in\n";
    for command in COMMANDS {
        let operand = if takes_id(command) {
            "'1:container:($ids)' '*::argument:_normal'".replace('\'', "\"")
        } else {
            format!("'1:argument:({})'", choices(command))
        };
        text += &format!("      {}) _arguments{} \\\n        {operand} ;;\n", command.name, options(command.flags));
    }
    text + "    esac ;;\n  esac\n}\n\n_orlop \"$@\"\n"
}

/// For fish: a file `orlop.fish` among its completions.
pub(crate) fn fish() -> String {
    let mut text = String::from("complete -c orlop -f\n");
    let option = |text: &mut String, condition: &str, flag: &Flag| {
        let short = flag.short.map_or_else(String::new, |short| format!(" -s {short}"));
        let value = flag.value.map_or("", |value| if is_path(value) { " -r -F" } else { " -x" });
        let help = quote(flag.help);
        *text += &format!("complete -c orlop -n {condition}{short} -l {}{value} -d {help}\n", flag.long);
    };
    for flag in GLOBALS {
        option(&mut text, "__fish_use_subcommand", flag);
    }
    for command in COMMANDS {
        let (name, summary) = (command.name, quote(command.summary));
        text += &format!("complete -c orlop -n __fish_use_subcommand -a {name} -d {summary}\n");
        let condition = format!("'__fish_seen_subcommand_from {name}'");
        for flag in command.flags {
            option(&mut text, &condition, flag);
        }
        let operands = if takes_id(command) { "(orlop list -q 2>/dev/null)" } else { choices(command) };
        if !operands.is_empty() {
            text += &format!("complete -c orlop -n {condition} -a '{operands}'\n");
        }
    }
    text
}

fn names(flag: &Flag) -> Vec<String> {
    let short = flag.short.map(|short| format!("-{short}"));
    short.into_iter().chain([format!("--{}", flag.long)]).collect()
}

/// Whether it names a container that is there already.
fn takes_id(command: &Command) -> bool {
    command.operands.shown.starts_with("<container-id>") && !matches!(command.name, "create" | "run")
}

/// The words that a command's operand may be.
fn choices(command: &Command) -> &'static str {
    match command.name {
        "completion" => "bash zsh fish",
        "mounts" => "add remove",
        _ => "",
    }
}

fn is_path(value: &str) -> bool {
    matches!(value, "DIR" | "FILE" | "SOCKET")
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::super::help::tests::golden;
    use super::*;

    #[test]
    fn completions_are_as_agreed() {
        golden("completion.bash", &bash());
        golden("completion.zsh", &zsh());
        golden("completion.fish", &fish());
    }

    /// What bash would offer at the end of `line`.
    fn offered(line: &str) -> String {
        let words: Vec<_> = line.split(' ').map(|word| format!("'{word}'")).collect();
        let script = format!(
            "{}\nCOMP_WORDS=({}); COMP_CWORD={}; _orlop; echo \"${{COMPREPLY[*]}}\"\n",
            bash(),
            words.join(" "),
            words.len() - 1
        );
        let mut shell = Command::new("bash").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        String::from_utf8(shell.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn bash_completes() {
        assert_eq!(offered("orlop cre"), "create");
        assert_eq!(offered("orlop --root / del"), "delete");
        assert_eq!(offered("orlop --debug run --no-p"), "--no-pivot");
        assert_eq!(offered("orlop completion b"), "bash");
        assert_eq!(offered("orlop create --bundle /usr/bi"), "/usr/bin");
        assert_eq!(offered("orlop spec -b /usr/bi"), "/usr/bin");
        assert_eq!(offered("orlop delete -f /usr/bi"), "");
    }
}
