//! Why a program did not end well, where a limit of its container was the reason: its exit status does not say so.

use orlop::Container;
use orlop::spec::Resources;

/// As the shell shows a program that SIGKILL ended.
const KILLED: u8 = 137;

/// What there is to say of a container whose program ended with `status`; nothing unless it ran into a limit.
pub(super) fn of(container: &Container, status: u8) -> Option<String> {
    let exceeded = container.state().ok()?.exceeded;
    let config = container.config().ok()?;
    let resources = config.spec().ok()?.linux.resources;
    words(exceeded.oom_kills, exceeded.pids_refused, status, &resources)
}

fn words(oom_kills: u64, pids_refused: u64, status: u8, resources: &Resources<'_>) -> Option<String> {
    let (happened, field, limit) = match (oom_kills, pids_refused) {
        (0, 0) => return None,
        (0, refused) => (
            format!("too many processes: {refused} refused"),
            "pids.limit",
            resources.pids_limit.map(|limit| limit.to_string()),
        ),
        (kills, _) => {
            let limit = resources.memory.limit.and_then(|limit| u64::try_from(limit).ok());
            let happened = match status {
                KILLED => "killed: out of memory".to_owned(),
                _ => format!("out of memory: {kills} of its processes killed"),
            };
            (happened, "memory.limit", limit.map(bytes))
        }
    };
    // Without a limit of its own it was one further up.
    Some(match limit {
        Some(limit) => format!("{happened} (linux.resources.{field} is {limit})"),
        None => happened,
    })
}

/// In the largest unit that needs no fraction.
fn bytes(number: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole = units.into_iter().find(|(bits, _)| number != 0 && number.trailing_zeros() >= *bits);
    whole.map_or_else(|| format!("{number} bytes"), |(bits, unit)| format!("{} {unit}", number >> bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(oom_kills: u64, pids_refused: u64, status: u8) -> Option<String> {
        let config = orlop::Config::new(
            br#"{"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "process": {"cwd": "/", "args": ["a"]},
                "linux": {"resources": {"memory": {"limit": 16777216}, "pids": {"limit": 20}}}}"#
                .to_vec(),
        );
        words(oom_kills, pids_refused, status, &config.spec().unwrap().linux.resources)
    }

    #[test]
    fn the_limit_and_its_field_are_named() {
        let killed = "killed: out of memory (linux.resources.memory.limit is 16 MiB)";
        assert_eq!(said(1, 4, 137).as_deref(), Some(killed));
        let another = "out of memory: 2 of its processes killed (linux.resources.memory.limit is 16 MiB)";
        assert_eq!(said(2, 0, 1).as_deref(), Some(another));
        let refused = "too many processes: 4 refused (linux.resources.pids.limit is 20)";
        assert_eq!(said(0, 4, 2).as_deref(), Some(refused));
        assert_eq!(said(0, 0, 137), None);
    }

    #[test]
    fn bytes_are_in_their_largest_unit() {
        let all = [1 << 30, 16 << 20, 1536 << 10, 1000].map(bytes);
        assert_eq!(all, ["1 GiB", "16 MiB", "1536 KiB", "1000 bytes"]);
    }
}
