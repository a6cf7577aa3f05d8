//! A length of time as Go writes it, and so runc's flags: `5s`, `1m30s`, `250ms`.

use std::time::Duration;

/// Numbers with units, one after the other; a lone `0` needs none.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let (number, after) =
            rest.split_at_checked(rest.find(|letter: char| letter != '.' && !letter.is_ascii_digit())?)?;
        let end = after.find(|letter: char| letter == '.' || letter.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let scale = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * scale;
        rest = after;
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_in_go() {
        for (text, milliseconds) in
            [("5s", 5000), ("250ms", 250), ("1m30s", 90_000), ("1.5s", 1500), ("0", 0), ("1h", 3_600_000)]
        {
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "5", "s", "5x", "-5s", "5s3", "1..5s", "99999999999999999999h"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
