//! Names that a database server knows us by.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{BadText, text_type};
use crate::{AttemptId, SiteName};

/// The name of a site's database, and of the database user that owns it.
///
/// Invariant: 1 to 32 bytes of `a-z`, `0-9` or `_`, beginning with a letter. 32 is the shorter limit
/// of the two engines (a MySQL user name). It can be written between back-ticks or quotes as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DbName(String);
text_type!(DbName);

impl DbName {
    /// A readable name for the database of `site`, made unique by `random`: up to 23 characters of
    /// the site's name, then `_` and 8 characters of `a-z` and `2-7` (40 random bits).
    pub fn for_site(site: &SiteName, random: [u8; 5]) -> DbName {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let stem = site.as_str().strip_prefix("www.").unwrap_or(site.as_str());
        let mut name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            name.insert(0, 's');
        }
        name.truncate(23);
        name.push('_');
        let bits = random.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        name.extend((0..8).map(|n| char::from(ALPHABET[(bits >> (5 * n) & 31) as usize])));
        DbName(name)
    }
}

impl FromStr for DbName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let fits = (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if !fits {
            return Err(BadText::new(
                text,
                "the name of a database",
                "it is not 1 to 32 of `a-z`, `0-9` and `_`, beginning with a letter",
            ));
        }
        Ok(DbName(text.to_owned()))
    }
}

/// What proves that a database is ours, and whose: written into it when it is created, checked
/// before it is dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Marker(String);

impl Marker {
    /// The marker of a database that `attempt` creates for `site`.
    pub fn new(site: &SiteName, attempt: AttemptId) -> Marker {
        Marker(format!("aegir {site} {attempt}"))
    }

    /// The text. It holds no quote, so it can stand in a statement between quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a database that answers with `found` is the one this marker was written into.
    pub fn is(&self, found: &str) -> bool {
        self.0 == found
    }
}

/// The machine that a database user may come from, as the database server sees it: `localhost`,
/// `192.0.2.7`, `%`.
///
/// Invariant: 1 to 60 bytes of letters, digits, `.`, `:`, `-`, `_`, `%` or `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GrantHost(String);
text_type!(GrantHost);

impl FromStr for GrantHost {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let fits =
            (1..=60).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-_%/".contains(&b));
        if !fits {
            return Err(BadText::new(
                text,
                "a host that a database user comes from",
                "it is no host name, address or pattern",
            )
            .instead("give `localhost`, an address such as `192.0.2.7`, or `%`"));
        }
        Ok(GrantHost(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_after_its_site_and_never_twice() {
        let site: SiteName = "www.a-very-long-name-of-a-site.example.org".parse().unwrap();

        let one = DbName::for_site(&site, [1, 2, 3, 4, 5]);
        let two = DbName::for_site(&site, [1, 2, 3, 4, 6]);

        assert!(one.as_str().starts_with("a_very_long_name_of_a_s_"), "{one}");
        assert_ne!(one, two);
        assert_eq!(one.as_str().parse(), Ok(one.clone()));
    }

    #[test]
    fn a_site_that_begins_with_a_digit_has_a_database_too() {
        let name = DbName::for_site(&"8080.example.org".parse().unwrap(), [0; 5]);
        assert_eq!(name.as_str(), "s8080_example_org_aaaaaaaa");
    }
}
