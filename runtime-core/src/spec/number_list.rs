//! Numbers of processors or memory nodes, as people list them, to the mask the kernel takes (`cpuset(7)`, "List format").

use crate::error::{Error, Pointer, Result};

/// The highest number in a list: the kernel reads a mask of one page (`get_nodes` in `mm/mempolicy.c`).
const HIGHEST: usize = 32_767;

/// `0-3,7` as bits, lowest first, in whole words of eight bytes; blanks and empty members are passed over, as in runc.
/// Empty where the list holds no number.
pub(super) fn mask(list: &str, at: &Pointer) -> Result<Vec<u8>> {
    let mut mask = Vec::new();
    for member in list.split(',').map(str::trim).filter(|member| !member.is_empty()) {
        let (first, last) = member.split_once('-').unwrap_or((member, member));
        let (Some(first), Some(last)) = (number(first), number(last)) else {
            return Err(Error::config(at.clone(), format!("`{list}` is not a list such as 0-3,7")));
        };
        if last < first {
            return Err(Error::config(at.clone(), format!("the range `{member}` ends before it begins")));
        }
        if last > HIGHEST {
            return Err(Error::config(
                at.clone(),
                format!("{last} is above {HIGHEST}, the highest number there can be"),
            ));
        }
        set(&mut mask, first, last);
    }
    Ok(mask)
}

fn number(text: &str) -> Option<usize> {
    let digits = text.trim();
    if !digits.bytes().all(|letter| letter.is_ascii_digit()) {
        return None;
    }
    match digits.len() {
        0 => None,
        // Whatever it is, it is above the highest.
        10.. => Some(usize::MAX),
        _ => digits.parse().ok(),
    }
}

fn set(mask: &mut Vec<u8>, first: usize, last: usize) {
    let bytes = (last / 64 + 1) * 8;
    if mask.len() < bytes {
        mask.resize(bytes, 0);
    }
    for number in first..=last {
        if let Some(byte) = mask.get_mut(number / 8) {
            *byte |= 1 << (number % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_becomes_bits() {
        let read = |list| mask(list, &Pointer::new("/x")).unwrap();
        assert_eq!(read("0-3,7"), [0x8f, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(read(" 0 , 2 - 2,, "), [5, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((read(""), read(" , ")), (vec![], vec![]));
        let far = read("1024");
        assert_eq!((far.len(), far[128]), (136, 1));
        assert_eq!(read("0-32767"), [0xff; 4096]);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for (list, message) in [
            ("a", "`a` is not a list such as 0-3,7"),
            ("1-", "`1-` is not a list such as 0-3,7"),
            ("-1", "`-1` is not a list such as 0-3,7"),
            ("1-2-3", "`1-2-3` is not a list such as 0-3,7"),
            ("0,+1", "`0,+1` is not a list such as 0-3,7"),
            ("3-1", "the range `3-1` ends before it begins"),
            ("32768", "32768 is above 32767, the highest number there can be"),
        ] {
            let error = mask(list, &Pointer::new("/x")).map_err(|error| error.to_string());
            assert_eq!(error, Err(format!("check config: {message} [config.json /x]")));
        }
        assert!(mask("99999999999999999999999", &Pointer::new("/x")).is_err());
    }
}
