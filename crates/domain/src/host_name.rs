//! Names that a site answers to.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::{BadText, text_type};

/// A host name that a site answers to besides its own: `www.example.org` or `*.example.org`.
///
/// Invariant: lower case ASCII, at most 200 bytes, at least one letter, every label 1 to 63 bytes of
/// `a-z`, `0-9` or `-`, no label beginning or ending with `-`; the first label may be a single `*`,
/// then at least two others follow. It can be written into a vhost as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);
text_type!(HostName);

impl HostName {
    /// The part behind `*.`, if this name stands for many.
    pub fn wildcard(&self) -> Option<&str> {
        self.0.strip_prefix("*.")
    }
}

impl FromStr for HostName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        const WHAT: &str = "a host name";
        let rest = match text.strip_prefix("*.") {
            Some(rest) if rest.contains('.') => rest,
            Some(_) => {
                return Err(BadText::new(text, WHAT, "a wildcard needs a domain of two labels behind it")
                    .instead("give a name such as `*.example.org`"));
            }
            None => text,
        };
        check_host(rest, text, WHAT)?;
        Ok(HostName(text.to_owned()))
    }
}

/// The rules of a host name; `given` is what the error shows.
pub(crate) fn check_host(text: &str, given: &str, what: &'static str) -> Result<(), BadText> {
    let bad = |why: &str| BadText::new(given, what, why).instead("give a host name such as `www.example.org`");
    if text.is_empty() {
        return Err(bad("it is empty"));
    }
    if !text.is_ascii() {
        let error = BadText::new(given, what, "it holds characters that are not ASCII");
        return Err(match idna::domain_to_ascii_strict(text) {
            Ok(punycode) => error.instead(format!("use its punycode form `{punycode}`")),
            Err(_) => error.instead("give a host name of `a-z`, `0-9`, `-` and `.`"),
        });
    }
    let small = text.to_ascii_lowercase();
    if small != text && check_host(&small, given, what).is_ok() {
        return Err(BadText::new(given, what, "it holds capital letters").instead(format!("use `{small}`")));
    }
    if text.len() > 200 {
        return Err(bad("it has more than 200 bytes").instead("choose a shorter name; other names can be aliases"));
    }
    for label in text.split('.') {
        if label.is_empty() {
            return Err(bad("it has an empty label (a dot at an end, or two together)"));
        }
        if label.len() > 63 {
            return Err(bad("one of its labels has more than 63 bytes"));
        }
        if let Some(c) = label.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
            let c = if c.is_control() { "a control character".to_owned() } else { format!("`{c}`") };
            return Err(bad(&format!("it holds {c}")));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(bad("one of its labels begins or ends with `-`"));
        }
    }
    if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        return Err(bad("it has no letter"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_may_be_a_wildcard() {
        assert_eq!("*.example.org".parse::<HostName>().unwrap().wildcard(), Some("example.org"));
        for bad in ["*", "*.org", "a.*.org", "**.example.org", "*example.org"] {
            assert!(bad.parse::<HostName>().is_err(), "{bad}");
        }
    }
}
