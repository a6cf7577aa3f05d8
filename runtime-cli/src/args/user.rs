//! `--user UID[:GID]`: numbers and nothing else.
//!
//! A name would have to be looked up in the container's own files, and anything looser than digits has been a way in
//! (CVE-2026-30892: what did not parse became 0, which is root).

/// Who: the group only where it was given.
pub(crate) type User = (u32, Option<u32>);

/// Reads `UID` or `UID:GID`.
pub(crate) fn parse(text: &str) -> Option<User> {
    match text.split_once(':') {
        None => Some((id(text)?, None)),
        Some((uid, gid)) => Some((id(uid)?, Some(id(gid)?))),
    }
}

/// One id: digits only. The highest number is not an id but "leave it as it is" (setresuid(2)).
pub(crate) fn id(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&id| digits && id != u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_numbers_are_users() {
        for text in [
            "",
            ":",
            "1:",
            ":1",
            "root",
            "1:root",
            "root:1",
            "-1",
            "+1",
            "1:+1",
            " 1",
            "1 ",
            "1:2:3",
            "0x0",
            "1.0",
            "١",
            "4294967295",
            "4294967296",
            "1:4294967295",
            "99999999999999999999",
            "\0",
            "1\n",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse("0"), Some((0, None)));
        assert_eq!(parse("0010:0"), Some((10, Some(0))));
        assert_eq!(parse("4294967294:4294967294"), Some((4_294_967_294, Some(4_294_967_294))));
    }

    proptest! {
        #[test]
        fn ids_come_back(uid in 0..u32::MAX, gid in proptest::option::of(0..u32::MAX)) {
            let text = gid.map_or_else(|| uid.to_string(), |gid| format!("{uid}:{gid}"));
            prop_assert_eq!(parse(&text), Some((uid, gid)));
        }

        #[test]
        fn whatever_is_accepted_was_digits(text in ".*|[0-9:+ -]{0,12}") {
            if parse(&text).is_some() {
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':'));
                prop_assert!(text.bytes().filter(|&byte| byte == b':').count() <= 1);
            }
        }
    }
}
