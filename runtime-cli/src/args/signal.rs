//! The name of a signal → its number: `9`, `KILL`, `SIGKILL`, `rtmin+3` (signal(7)).
//!
//! Plain numbers, because `nix::Signal` cannot express a real-time signal (systemd stops at `SIGRTMIN+3`).

/// glibc's `SIGRTMIN`: it keeps 32 and 33 for itself. Engines send this number for the name, whatever our own libc.
const RTMIN: i32 = 34;
const RTMAX: i32 = 64;

/// In the order of their numbers on every architecture that Orlop runs on, from 1.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];

const OTHER_NAMES: [(&str, &str); 4] = [("IOT", "ABRT"), ("CLD", "CHLD"), ("POLL", "IO"), ("UNUSED", "SYS")];

/// The number of the signal called `text`; 0 only asks whether the process is there.
pub(crate) fn number(text: &str) -> Option<i32> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return text.parse().ok().filter(|number| (0..=RTMAX).contains(number));
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(more) = name.strip_prefix("RTMIN") {
        return offset(more, '+').map(|offset| RTMIN + offset);
    }
    if let Some(less) = name.strip_prefix("RTMAX") {
        return offset(less, '-').map(|offset| RTMAX - offset);
    }
    let name = OTHER_NAMES.iter().find(|(other, _)| *other == name).map_or(name, |(_, name)| name);
    (1..).zip(NAMES).find(|(_, known)| *known == name).map(|(number, _)| number)
}

/// Nothing, or a sign and what still is a real-time signal.
fn offset(text: &str, sign: char) -> Option<i32> {
    if text.is_empty() {
        return Some(0);
    }
    let digits = text.strip_prefix(sign)?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|offset| plain && (0..=RTMAX - RTMIN).contains(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_signal() {
        for (text, expected) in [
            ("9", Some(9)),
            ("0", Some(0)),
            ("64", Some(64)),
            ("65", None),
            ("-9", None),
            ("9x", None),
            ("KILL", Some(9)),
            ("SIGKILL", Some(9)),
            ("sigterm", Some(15)),
            ("Hup", Some(1)),
            ("SYS", Some(31)),
            ("IOT", Some(6)),
            ("CLD", Some(17)),
            ("WINCH", Some(28)),
            ("RTMIN", Some(34)),
            ("SIGRTMIN+3", Some(37)),
            ("rtmin+30", Some(64)),
            ("RTMIN+31", None),
            ("RTMIN-1", None),
            ("RTMIN+", None),
            ("RTMIN++3", None),
            ("RTMAX", Some(64)),
            ("SIGRTMAX-14", Some(50)),
            ("RTMAX-31", None),
            ("SIG", None),
            ("SIGSIGKILL", None),
            ("", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }
}
