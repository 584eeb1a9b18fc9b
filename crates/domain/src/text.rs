//! Short texts that people give: machine names, language codes, titles; and the macro for their kind.

use crate::Remedy;

/// A text that is not what it should be. Says what it is, why not, and what would do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not {expected}: {why}", shown(.given))]
pub struct BadText {
    /// The text as it was given.
    pub given: String,
    /// What was expected: `the name of a site`.
    pub expected: &'static str,
    /// What is wrong with it.
    pub why: String,
    /// What to give instead.
    pub instead: Option<String>,
}

impl BadText {
    pub(crate) fn new(given: &str, expected: &'static str, why: impl Into<String>) -> BadText {
        BadText { given: given.to_owned(), expected, why: why.into(), instead: None }
    }

    /// Says of `given` that it is not `expected`, why, and what to give instead.
    pub fn of(given: &str, expected: &'static str, why: &str, instead: &str) -> BadText {
        BadText::new(given, expected, why).instead(instead)
    }

    /// Message and remedy in one line.
    pub(crate) fn with_remedy(&self) -> String {
        match &self.instead {
            Some(remedy) => format!("{self}; {remedy}"),
            None => self.to_string(),
        }
    }

    pub(crate) fn instead(mut self, remedy: impl Into<String>) -> BadText {
        self.instead = Some(remedy.into());
        self
    }
}

impl Remedy for BadText {
    fn remedy(&self) -> Option<String> {
        self.instead.clone()
    }
}

/// A given text, made safe for a terminal and short.
fn shown(given: &str) -> String {
    let mut text: String = given.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if given.chars().count() > 80 {
        text.push('…');
    }
    text
}

/// Gives a newtype over `String` its one way in (`FromStr`), and serde and JSON Schema through it.
macro_rules! text_type {
    ($name:ident) => {
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = String;
            /// Where only a text can be told, as from JSON, the remedy goes with it.
            fn try_from(text: String) -> Result<Self, String> {
                text.parse().map_err(|bad: $crate::BadText| bad.with_remedy())
            }
        }
        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string" })
            }
        }
    };
}
pub(crate) use text_type;

/// A closed list of words, each a variant: written by `as_str`, read by `FromStr`, and serde the same.
macro_rules! word_enum {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: [$name; [$($word),*].len()] = [$($name::$variant),*];

            /// The word, as it is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::BadText;

            fn from_str(text: &str) -> Result<Self, $crate::BadText> {
                match text {
                    $($word => Ok($name::$variant),)*
                    _ => Err($crate::BadText::new(text, $what, "it is none of the known words")
                        .instead(format!("give one of {}", [$($word),*].map(|word| format!("`{word}`")).join(", ")))),
                }
            }
        }
    };
}
pub(crate) use word_enum;

use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// The machine name of a package: a module, theme or profile.
///
/// Invariant: 1 to 50 bytes of `a-z`, `0-9` or `_`, beginning with a letter or `_`. It can be joined
/// to a path and written into PHP as it is. 50 is the longest that Drupal accepts of a module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MachineName(String);
text_type!(MachineName);

impl FromStr for MachineName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = |why: &str| {
            Err(BadText::new(text, "a machine name", why)
                .instead("use 1 to 50 of `a-z`, `0-9` and `_`, beginning with a letter, such as `standard`"))
        };
        match text.bytes().next() {
            None => return bad("it is empty"),
            Some(b'a'..=b'z' | b'_') => (),
            Some(_) => return bad("it begins with something else than a small letter"),
        }
        if text.len() > 50 {
            return bad("it has more than 50 bytes");
        }
        if !text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
            return bad("it holds something else than `a-z`, `0-9` and `_`");
        }
        Ok(MachineName(text.to_owned()))
    }
}

/// The code of a language, as Drupal writes it: `en`, `pt-br`, `zh-hans`.
///
/// Invariant: 2 to 12 bytes of `a-z`, `0-9` or `-`, beginning with two letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Langcode(String);
text_type!(Langcode);

impl Langcode {
    /// English: what Drupal speaks with no translation at all.
    pub fn english() -> Langcode {
        Langcode("en".into())
    }
}

impl FromStr for Langcode {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bytes = text.as_bytes();
        let fits = (2..=12).contains(&bytes.len())
            && bytes[..2].iter().all(u8::is_ascii_lowercase)
            && bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !text.ends_with('-');
        if !fits {
            return Err(BadText::new(text, "the code of a language", "it is not of the form `en` or `pt-br`")
                .instead("give a code that Drupal knows, such as `en`, `de` or `pt-br`"));
        }
        Ok(Langcode(text.to_owned()))
    }
}

/// The title of a site, as its pages show it.
///
/// Invariant: 1 to 128 characters, none of them a control character, not blank. It is text of
/// people: whoever writes it into a file or a page must escape it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Title(String);
text_type!(Title);

impl FromStr for Title {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = |why: &str| {
            Err(BadText::new(text, "the title of a site", why).instead("give 1 to 128 characters on one line"))
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return bad("it is empty");
        }
        if trimmed.chars().count() > 128 {
            return bad("it has more than 128 characters");
        }
        if trimmed.chars().any(char::is_control) {
            return bad("it holds a line break or another control character");
        }
        Ok(Title(trimmed.to_owned()))
    }
}

/// What somebody says of a backup: why they made it.
///
/// Invariant: 1 to 200 characters on one line, none of them a control character, not blank. It is text of people:
/// whoever writes it into a page must escape it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Note(String);
text_type!(Note);

impl FromStr for Note {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let trimmed = text.trim();
        let why = if trimmed.is_empty() {
            "it is empty"
        } else if trimmed.chars().count() > 200 {
            "it has more than 200 characters"
        } else if trimmed.chars().any(char::is_control) {
            "it holds a line break or another control character"
        } else {
            return Ok(Note(trimmed.to_owned()));
        };
        Err(BadText::new(text, "a note", why).instead("give 1 to 200 characters on one line"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_name_can_be_joined_to_a_path() {
        assert!("standard".parse::<MachineName>().is_ok());
        for bad in ["", "9x", "a-b", "../x", "A", "a b", &"a".repeat(51)] {
            assert!(bad.parse::<MachineName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_note_is_one_line() {
        assert_eq!("  before the upgrade ".parse::<Note>().unwrap().as_str(), "before the upgrade");
        assert!("ö".repeat(200).parse::<Note>().is_ok());
        for bad in ["", " ", "a\nb", "\u{1b}[2J", &"ö".repeat(201)] {
            assert!(bad.parse::<Note>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_language_has_a_code() {
        for good in ["en", "pt-br", "zh-hans"] {
            assert!(good.parse::<Langcode>().is_ok());
        }
        for bad in ["", "e", "EN", "../en", "deutsch-und-mehr", "é"] {
            assert!(bad.parse::<Langcode>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_shows_no_control_characters() {
        let error = "a\u{1b}[31m\n".parse::<Title>().unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'));
    }
}
