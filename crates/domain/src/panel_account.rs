//! The name of an account of the panel.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::{BadText, text_type};

/// The name of an account of the panel, such as `admin`; capitals are read as small letters.
///
/// Invariant: 1 to 60 bytes of `a-z`, `0-9`, `.`, `_` or `-`, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PanelAccountName(String);
text_type!(PanelAccountName);

impl FromStr for PanelAccountName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = |why: &str| {
            Err(BadText::new(text, "the name of an account of the panel", why)
                .instead("use 1 to 60 of `a-z`, `0-9`, `.`, `_` and `-`, beginning with a letter, such as `anna`"))
        };
        let name = text.to_ascii_lowercase();
        match name.bytes().next() {
            None => return bad("it is empty"),
            Some(b'a'..=b'z') => (),
            Some(_) => return bad("it begins with something else than a letter"),
        }
        if name.len() > 60 {
            return bad("it has more than 60 bytes");
        }
        if !name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')) {
            return bad("it holds something else than letters, digits, `.`, `_` and `-`");
        }
        Ok(PanelAccountName(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_in_small_letters() {
        assert_eq!("Anna.B-2_x".parse::<PanelAccountName>().unwrap().as_str(), "anna.b-2_x");
        for bad in ["", "1a", "a b", "ä", "a/b", "a@b.org", &"a".repeat(61)] {
            assert!(bad.parse::<PanelAccountName>().is_err(), "{bad}");
        }
    }
}
