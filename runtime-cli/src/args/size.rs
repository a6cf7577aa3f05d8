//! An amount of memory as people write it: `512m`, `1.5g`, `1 GiB`; the grammar of Docker's, and so of runc's flags.

/// Bytes; a unit is a power of 1024, with or without `B` or `iB` behind.
pub(crate) fn bytes(text: &str) -> Option<i64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
    let power = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let scale = 1_i64 << (10 * power);
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(scale);
    }
    let fraction: f64 = number.parse().ok().filter(|number: &f64| *number < 1e6)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "below 2^70, saturating")]
    let bytes = (fraction * scale as f64) as i64;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("67108864", 64 << 20),
            ("512m", 512 << 20),
            ("512M", 512 << 20),
            ("1.5g", 3 << 29),
            ("1 GiB", 1 << 30),
            ("64kb", 64 << 10),
            ("10b", 10),
            ("2t", 2 << 40),
        ] {
            assert_eq!(super::bytes(text), Some(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "m", "-1", "1x", "1  g", "1.2.3g", "9999999999g", "1mm", "inf"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
