//! The names a test can say it covers.
//!
//! In: a name as it is written in an attribute. Out: the names it stands for, and whether each is in the lists. The
//! lists are part of the program, so a list that changes is compiled again.

/// Every line of these that is no comment begins with a name.
const LISTS: [&str; 3] = [
    include_str!("../../coverage/fields.txt"),
    include_str!("../../coverage/values.txt"),
    include_str!("../../coverage/rules.txt"),
];

/// What `name` stands for: `/process/user/{uid,gid}` is two names, as in a shell; braces may follow each other.
pub(crate) fn expand(name: &str) -> Vec<String> {
    let Some((before, rest)) = name.split_once('{') else { return vec![name.to_owned()] };
    let Some((inside, after)) = rest.split_once('}') else { return vec![name.to_owned()] };
    inside.split(',').flat_map(|word| expand(&format!("{before}{}{after}", word.trim()))).collect()
}

/// Whether a list has it.
pub(crate) fn known(name: &str) -> bool {
    let lines = LISTS.iter().flat_map(|list| list.lines());
    lines.filter(|line| !line.starts_with('#')).any(|line| line.split_whitespace().next() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::{expand, known};

    #[test]
    fn braces_are_alternatives() {
        assert_eq!(expand("/root/path"), ["/root/path"]);
        assert_eq!(expand("/{a,b}/x={1, 2}"), ["/a/x=1", "/a/x=2", "/b/x=1", "/b/x=2"]);
        assert_eq!(expand("/{a"), ["/{a"]);
    }

    #[test]
    fn a_name_is_known_as_a_whole() {
        assert!(known("/process/user/uid"));
        assert!(!known("/process/user"));
        assert!(!known("#"));
    }
}
