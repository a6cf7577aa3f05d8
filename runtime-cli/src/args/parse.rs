//! The grammar of the command line: that of Go's `flag` package, which runc and so every engine speaks.
//!
//! Written here and not with `lexopt`, because the two disagree in the first character: `-no-subreaper` is one long
//! flag here and twelve short ones there (go-runc sends it with one dash). Beyond Go, several short switches may share
//! a dash (`-it`).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::table::Flag;

/// Whether flags may follow operands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The first operand ends the flags: the rest is another program's.
    Strict,
    /// Flags may stand anywhere up to `--`, as urfave/cli reorders them.
    Mixed,
}

/// The flags that were given, in order. A switch has no value where it is on, and `false` where it is off.
#[derive(Debug, Default)]
pub(super) struct Given(Vec<(&'static Flag, OsString)>);

/// Splits `words` into flags of `known` and operands.
pub(super) fn read(
    words: impl IntoIterator<Item = OsString>,
    known: &[&'static Flag],
    order: Order,
) -> Result<(Given, Vec<OsString>), String> {
    let mut words = words.into_iter();
    let mut given = Given::default();
    let mut operands = Vec::new();
    while let Some(word) = words.next() {
        match Word::of(&word) {
            Word::End => break,
            Word::Flag { name, value } => given.take(name, value, known, &mut words)?,
            Word::Operand => {
                operands.push(word);
                if order == Order::Strict {
                    break;
                }
            }
        }
    }
    operands.extend(words);
    Ok((given, operands))
}

/// The value of a switch that is off.
const OFF: &str = "false";

impl Given {
    /// Whether a switch is on.
    pub(super) fn on(&self, flag: &Flag) -> bool {
        self.switch(flag) == Some(true)
    }

    /// Whether a switch is on or off, if it was given.
    pub(super) fn switch(&self, flag: &Flag) -> Option<bool> {
        self.value(flag).map(OsStr::is_empty)
    }

    /// The last value of `flag`, as a path. An empty one is none, as runc has it: engines fill in what they have.
    pub(super) fn path(&self, flag: &Flag) -> Option<&Path> {
        self.value(flag).filter(|value| !value.is_empty()).map(Path::new)
    }

    /// The last value of `flag`, as text.
    pub(super) fn text(&self, flag: &Flag) -> Result<Option<&str>, String> {
        self.value(flag).map(|value| text(flag, value)).transpose()
    }

    /// All values of `flag`, as text.
    pub(super) fn texts(&self, flag: &Flag) -> Result<Vec<&str>, String> {
        self.0.iter().filter(|(given, _)| *given == flag).map(|(_, value)| text(flag, value)).collect()
    }

    /// The last value of `flag`, as a number.
    pub(super) fn number(&self, flag: &Flag) -> Result<Option<u32>, String> {
        let parse = |text: &str| {
            text.parse().map_err(|error| format!("invalid value \"{text}\" for flag -{}: {error}", flag.long))
        };
        self.text(flag)?.map(parse).transpose()
    }

    fn value(&self, flag: &Flag) -> Option<&OsStr> {
        self.0.iter().rfind(|(given, _)| *given == flag).map(|(_, value)| value.as_os_str())
    }

    /// Adds the flag called `name`, with the value after its `=` or the next of `words`.
    fn take(
        &mut self,
        name: &[u8],
        value: Option<&OsStr>,
        known: &[&'static Flag],
        words: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), String> {
        let shown = || OsStr::from_bytes(name).display();
        match known.iter().copied().find(|flag| flag.is_called(name)) {
            Some(flag) if flag.value.is_some() => {
                let value = value.map(OsStr::to_owned).or_else(|| words.next());
                let value = value.ok_or_else(|| format!("flag needs an argument: -{}", shown()))?;
                self.0.push((flag, value));
                Ok(())
            }
            Some(flag) => {
                let on = match value {
                    None => true,
                    Some(text) => truth(text)
                        .ok_or_else(|| format!("invalid boolean value \"{}\" for -{}", text.display(), shown()))?,
                };
                self.0.push((flag, OsString::from(if on { "" } else { OFF })));
                Ok(())
            }
            None => match several_switches(name, known) {
                Some(switches) if value.is_none() => {
                    self.0.extend(switches.into_iter().map(|flag| (flag, OsString::new())));
                    Ok(())
                }
                _ => Err(format!("flag provided but not defined: -{}", shown())),
            },
        }
    }
}

enum Word<'w> {
    Operand,
    /// `--`
    End,
    Flag {
        name: &'w [u8],
        value: Option<&'w OsStr>,
    },
}

impl<'w> Word<'w> {
    fn of(word: &'w OsStr) -> Self {
        let bytes = word.as_bytes();
        let name = match bytes {
            b"--" => return Self::End,
            // A lone dash stands for a standard stream.
            b"-" => return Self::Operand,
            [b'-', b'-', name @ ..] | [b'-', name @ ..] => name,
            _ => return Self::Operand,
        };
        match name.iter().position(|&byte| byte == b'=').and_then(|at| name.split_at_checked(at)) {
            Some((name, value)) => {
                Self::Flag { name, value: Some(OsStr::from_bytes(value.get(1..).unwrap_or_default())) }
            }
            None => Self::Flag { name, value: None },
        }
    }
}

/// `it` of `-it`: every letter a switch.
fn several_switches(letters: &[u8], known: &[&'static Flag]) -> Option<Vec<&'static Flag>> {
    letters
        .chunks(1)
        .map(|letter| known.iter().copied().find(|flag| flag.value.is_none() && flag.is_called(letter)))
        .collect()
}

/// Go's `strconv.ParseBool`.
fn truth(text: &OsStr) -> Option<bool> {
    match text.as_bytes() {
        b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => Some(true),
        b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => Some(false),
        _ => None,
    }
}

fn text<'v>(flag: &Flag, value: &'v OsStr) -> Result<&'v str, String> {
    value.to_str().ok_or_else(|| format!("the value of --{} is not UTF-8", flag.long))
}

#[cfg(test)]
mod tests {
    use super::super::flags::{BUNDLE, DETACH, ENV, KEEP, NO_SUBREAPER, PRESERVE_FDS, RUN_TTY};
    use super::*;

    static KNOWN: &[&Flag] = &[&BUNDLE, &DETACH, &ENV, &KEEP, &NO_SUBREAPER, &PRESERVE_FDS, &RUN_TTY];

    /// Flags and operands as one line, such as `detach bundle=/b | c1`.
    fn shown(typed: &str, order: Order) -> String {
        match read(typed.split_whitespace().map(OsString::from), KNOWN, order) {
            Err(line) => line,
            Ok((given, operands)) => {
                let flag = |(flag, value): &(&Flag, OsString)| match flag.value {
                    None if value.is_empty() => format!("{} ", flag.long),
                    _ => format!("{}={} ", flag.long, value.display()),
                };
                given.0.iter().map(flag).collect::<String>() + "| " + &operands.join(OsStr::new(" ")).to_string_lossy()
            }
        }
    }

    #[test]
    fn words_are_read_as_go_reads_them() {
        for (typed, meant) in [
            ("--bundle /b c1", "bundle=/b | c1"),
            ("-bundle /b c1", "bundle=/b | c1"),
            ("--bundle=/b c1", "bundle=/b | c1"),
            ("-bundle=/b=c c1", "bundle=/b=c | c1"),
            ("-b /b c1", "bundle=/b | c1"),
            ("--b /b c1", "bundle=/b | c1"),
            ("-b=/b c1", "bundle=/b | c1"),
            ("--bundle= c1", "bundle= | c1"),
            ("-b -d c1", "bundle=-d | c1"),
            ("-no-subreaper c1", "no-subreaper | c1"),
            ("--detach=true c1", "detach | c1"),
            ("--detach=0 c1", "detach=false | c1"),
            ("-d --detach=false c1", "detach detach=false | c1"),
            ("-d false c1", "detach | false c1"),
            ("-e A=1 -e B=2 c1", "env=A=1 env=B=2 | c1"),
            ("-dt c1", "detach tty | c1"),
            ("-- -d", "| -d"),
            ("- c1", "| - c1"),
            ("-dx c1", "flag provided but not defined: -dx"),
            ("-db /b", "flag provided but not defined: -db"),
            ("--nope=1", "flag provided but not defined: -nope"),
            ("---d", "flag provided but not defined: --d"),
            ("-=x", "flag provided but not defined: -"),
            ("--detach=yes", "invalid boolean value \"yes\" for -detach"),
            ("c1 --env", "flag needs an argument: -env"),
        ] {
            assert_eq!(shown(typed, Order::Mixed), meant, "{typed}");
        }
    }

    #[test]
    fn order_decides_whose_the_later_flags_are() {
        assert_eq!(shown("-d c1 ls -l -- -b", Order::Strict), "detach | c1 ls -l -- -b");
        assert_eq!(shown("c1 -d -b /b", Order::Mixed), "detach bundle=/b | c1");
        assert_eq!(shown("c1 -d -- -b /b", Order::Mixed), "detach | c1 -b /b");
    }

    #[test]
    fn the_last_value_counts() {
        let words = ["--preserve-fds", "1", "--preserve-fds=2"].map(OsString::from);
        let (given, _) = read(words, KNOWN, Order::Mixed).unwrap();
        assert_eq!(given.number(&PRESERVE_FDS), Ok(Some(2)));
    }

    #[test]
    fn a_switch_is_on_or_off_or_not_given() {
        let switch = |typed: &str| {
            let (given, _) = read(typed.split_whitespace().map(OsString::from), KNOWN, Order::Mixed).unwrap();
            (given.switch(&DETACH), given.on(&DETACH))
        };
        assert_eq!(switch(""), (None, false));
        assert_eq!(switch("-d"), (Some(true), true));
        assert_eq!(switch("-d --detach=false"), (Some(false), false));
        assert_eq!(switch("--detach=false -dt"), (Some(true), true));
    }

    #[test]
    fn a_number_is_a_number() {
        let (given, _) = read(["--preserve-fds=-1"].map(OsString::from), KNOWN, Order::Mixed).unwrap();
        let line = given.number(&PRESERVE_FDS).unwrap_err();
        assert_eq!(line, "invalid value \"-1\" for flag -preserve-fds: invalid digit found in string");
    }
}
