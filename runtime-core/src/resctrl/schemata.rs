//! Lines of a `schemata` file: `L3:0=7f0;1=1f`. Pure text.

/// Whether a line that is asked for stands in a file already: all its domains with their values, however they are written.
pub(super) fn has(file: &str, asked: &str) -> bool {
    let Some((resource, wanted)) = parts(asked) else { return false };
    let mut lines = file.lines().filter_map(parts).filter(|(name, _)| *name == resource);
    lines.any(|(_, there)| wanted.iter().all(|domain| there.contains(domain)))
}

/// The resource, and domain and value of each of its parts.
fn parts(line: &str) -> Option<(&str, Vec<(&str, String)>)> {
    let (resource, domains) = line.split_once(':')?;
    let domains = domains.split(';').filter(|domain| !domain.trim().is_empty()).map(|domain| {
        let (id, value) = domain.split_once('=')?;
        Some((id.trim(), plain(value)))
    });
    Some((resource.trim(), domains.collect::<Option<_>>()?))
}

/// A number as it is, whatever its zeros in front and its capitals.
fn plain(value: &str) -> String {
    let digits = value.trim().trim_start_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::has;

    const FILE: &str = "    L3:0=7f0;1=01f\n    MB:0= 20;1= 70\n";

    #[test]
    fn a_line_stands_there_however_it_is_written() {
        for line in ["L3:0=7f0;1=1f", "L3:1=1F; 0=07f0", "L3:0=7f0", " MB:1=70;", "MB:0=020"] {
            assert!(has(FILE, line), "{line}");
        }
    }

    #[test]
    fn another_value_domain_or_resource_does_not() {
        for line in ["L3:0=7f1", "L3:2=1f", "L2:0=7f0", "MB:0=20;1=71", "L3", "L3:0", "", "L3:0=7f0;x"] {
            assert!(!has(FILE, line), "{line}");
        }
    }
}
