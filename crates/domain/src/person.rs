//! Who a site belongs to, as far as Drupal asks at install.
//!
//! Drupal checks these only after all modules are installed (facts, section 1), so they are checked
//! here, before anything is touched, against the narrower of Drupal 7 and later.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::host_name::check_host;
use crate::text::{BadText, text_type};

/// An e-mail address that every version of Drupal accepts.
///
/// Invariant: ASCII, at most 254 bytes, an unquoted local part of at most 64 bytes, and a domain with a dot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);
text_type!(EmailAddress);

impl FromStr for EmailAddress {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        const WHAT: &str = "an e-mail address";
        let bad = |why: &str| BadText::new(text, WHAT, why).instead("give an address such as `editor@example.org`");
        if text.len() > 254 {
            return Err(bad("it has more than 254 bytes"));
        }
        let Some((local, domain)) = text.rsplit_once('@') else { return Err(bad("it has no `@`")) };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&b);
        if local.is_empty() || local.len() > 64 || !local.bytes().all(plain) {
            return Err(bad("what stands before `@` is not 1 to 64 plain characters"));
        }
        if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return Err(bad("what stands before `@` has a dot at an end, or two together"));
        }
        if !domain.contains('.') {
            return Err(bad("its domain has no dot, which Drupal 7 refuses"));
        }
        check_host(&domain.to_ascii_lowercase(), text, WHAT)
            .map_err(|error| bad(&format!("of its domain: {}", error.why)))?;
        Ok(EmailAddress(text.to_owned()))
    }
}

/// The name of an account on a site, such as its first administrator: `admin`.
///
/// Invariant: 1 to 60 characters: letters, digits, or one of space `@ + _ . ' -`; no space at an end, no
/// two spaces together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(String);
text_type!(AccountName);

impl FromStr for AccountName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = |why: &str| BadText::new(text, "the name of an account", why).instead("give a name such as `admin`");
        if text.is_empty() {
            return Err(bad("it is empty"));
        }
        if text.chars().count() > 60 {
            return Err(bad("it has more than 60 characters"));
        }
        if text.starts_with(' ') || text.ends_with(' ') || text.contains("  ") {
            return Err(bad("it has a space at an end, or two together"));
        }
        if let Some(c) = text.chars().find(|c| !(c.is_alphanumeric() || " @+_.'-".contains(*c))) {
            return Err(bad(&format!("Drupal refuses {c:?} in it")));
        }
        Ok(AccountName(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_refused_here_if_any_drupal_would() {
        assert!("o'brien+x@mail.example.org".parse::<EmailAddress>().is_ok());
        for bad in [
            "",
            "a",
            "@b.org",
            "a@",
            "a@localhost",
            "a b@c.org",
            "a@b..org",
            "a..b@c.org",
            "\"a\"@b.org",
            "ä@b.org",
            "a@b.org\n",
            "a@-b.org",
        ] {
            assert!(bad.parse::<EmailAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_account_is_refused_here_if_any_drupal_would() {
        for good in ["admin", "Jörg O'Hara", "a@b.org"] {
            assert!(good.parse::<AccountName>().is_ok(), "{good}");
        }
        for bad in ["", " a", "a ", "a  b", "a<b", "a\nb", "a/b", &"x".repeat(61)] {
            assert!(bad.parse::<AccountName>().is_err(), "{bad}");
        }
    }
}
