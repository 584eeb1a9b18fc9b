//! What a trigger does: the text that somebody wrote, read as far as it takes to know which databases it names.
//!
//! It is no parser: where a name could be that of a database or of something else, what stands around it decides, and where
//! that says nothing it is taken for the database's.

use std::collections::BTreeSet;

use super::views::{Bound, quoted_name};

/// What a trigger's text may name.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// The database that it is in.
    pub database: String,
    /// Tables and views there.
    pub tables: BTreeSet<String>,
    /// Those of the views that cannot come along.
    pub bound: BTreeSet<String>,
    /// Functions and procedures there.
    pub routines: BTreeSet<String>,
    /// The databases beside it.
    pub others: BTreeSet<String>,
    /// Whether the server takes names of databases and tables for the same whatever their case.
    pub is_blind_to_case: bool,
}

impl Around {
    fn is(&self, one: &str, other: &str) -> bool {
        one == other || (self.is_blind_to_case && one.to_lowercase() == other.to_lowercase())
    }

    fn has(&self, names: &BTreeSet<String>, name: &str) -> bool {
        names.contains(name) || (self.is_blind_to_case && names.iter().any(|one| self.is(one, name)))
    }

    /// Whether a routine is called by this name between what stands before and behind it. The server never minds its case.
    fn calls(&self, name: &str, before: &str, behind: &str) -> bool {
        let is_called = behind_blanks(behind).starts_with('(') && !is_of_table(before);
        (is_called || before.eq_ignore_ascii_case("call"))
            && self.routines.iter().any(|one| one.to_lowercase() == name.to_lowercase())
    }
}

/// How long a text between quotes is, with both.
pub(super) fn text_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            // Doubled ones are two texts in a row here, which comes to the same.
            byte if byte == bytes[0] => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// What a trigger does, without the name of its database; and why that is not possible. A name before a point may be that of a
/// table, too: it is, where there is such a one and nothing around it says otherwise.
pub(super) fn in_any_database(action: &str, around: &Around) -> Result<String, Bound> {
    let mut text = String::with_capacity(action.len());
    let aliases = aliases_in(action);
    // `before` is what stands there less blanks and comments: a word, or a sign.
    let (mut rest, mut before) = (action, "");
    while let Some(c) = rest.chars().next() {
        let plain = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
        let (name, behind) = match c {
            '\'' | '"' => {
                let length = text_length(rest);
                text.push_str(&rest[..length]);
                (rest, before) = (&rest[length..], "");
                continue;
            }
            '#' | '-' | '/' if comment_length(rest) > 0 => {
                let length = comment_length(rest);
                text.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            }
            '`' => quoted_name(rest).ok_or(Bound::Untold)?,
            _ if plain > 0 => (rest[..plain].to_owned(), &rest[plain..]),
            _ => {
                text.push(c);
                before = if c.is_whitespace() { before } else { &rest[..c.len_utf8()] };
                rest = &rest[c.len_utf8()..];
                continue;
            }
        };
        let written = &rest[..rest.len() - behind.len()];
        let point = behind_blanks(behind).strip_prefix('.').filter(|_| before != ".").map(behind_blanks);
        let names_more = point.is_some_and(is_named_on);
        let is_table =
            (around.has(&around.tables, &name) || around.has(&aliases, &name)) && !names_more && !is_of_table(before);
        match point {
            Some(next) if around.is(&name, &around.database) && !is_table => rest = next,
            Some(_) if around.has(&around.others, &name) && !is_table && !is_row(&name) => {
                return Err(Bound::Elsewhere);
            }
            _ if around.bound.contains(&name) && before != "." && !behind_blanks(behind).starts_with('(') => {
                return Err(Bound::Needs(name));
            }
            _ if around.calls(&name, before, behind) => return Err(Bound::Calls),
            _ => {
                text.push_str(written);
                (rest, before) = (behind, written);
            }
        }
    }
    Ok(text)
}

/// Whether a name stands here with another one behind a point, or is called: the name before was a database's.
fn is_named_on(text: &str) -> bool {
    let behind = match quoted_name(text) {
        Some((_, behind)) => behind,
        None => text.trim_start_matches(is_of_name),
    };
    behind_blanks(behind).starts_with(['.', '('])
}

/// What tables, and what is read like one, may be called in a statement: a name behind `AS`, behind another name, or behind a
/// bracket, and before no point.
fn aliases_in(action: &str) -> BTreeSet<String> {
    const NONE_BEFORE: [&str; 40] = [
        "all",
        "and",
        "begin",
        "between",
        "by",
        "call",
        "case",
        "declare",
        "delete",
        "distinct",
        "do",
        "else",
        "elseif",
        "from",
        "having",
        "if",
        "ignore",
        "in",
        "insert",
        "into",
        "is",
        "join",
        "like",
        "not",
        "on",
        "or",
        "regexp",
        "replace",
        "return",
        "returning",
        "select",
        "set",
        "then",
        "update",
        "using",
        "value",
        "values",
        "when",
        "where",
        "while",
    ];
    let mut aliases = BTreeSet::new();
    let (mut rest, mut may_be_behind) = (action, false);
    while let Some(c) = rest.chars().next() {
        let plain = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
        let comment = comment_length(rest);
        let (name, behind) = match c {
            _ if c.is_whitespace() => {
                rest = &rest[c.len_utf8()..];
                continue;
            }
            _ if comment > 0 => {
                rest = &rest[comment..];
                continue;
            }
            '\'' | '"' => {
                (rest, may_be_behind) = (&rest[text_length(rest)..], false);
                continue;
            }
            '`' => match quoted_name(rest) {
                Some(found) => found,
                None => return aliases,
            },
            _ if plain > 0 => (rest[..plain].to_owned(), &rest[plain..]),
            _ => {
                (rest, may_be_behind) = (&rest[c.len_utf8()..], c == ')');
                continue;
            }
        };
        let is_none = c != '`' && NONE_BEFORE.iter().any(|word| name.eq_ignore_ascii_case(word));
        if may_be_behind && !is_none && !behind_blanks(behind).starts_with(['.', '(']) {
            aliases.insert(name);
        }
        (rest, may_be_behind) = (behind, !is_none);
    }
    aliases
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$' || c == '@'
}

/// Whether what comes behind this word is the name of a table: one before a point is a database's.
fn is_of_table(word: &str) -> bool {
    ["into", "update", "from", "join"].iter().any(|before| word.eq_ignore_ascii_case(before))
}

/// The row that a trigger is about, before and after.
fn is_row(name: &str) -> bool {
    name.eq_ignore_ascii_case("new") || name.eq_ignore_ascii_case("old")
}

/// What comes behind blanks and comments.
fn behind_blanks(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        match comment_length(text) {
            0 => return text,
            length => text = &text[length..],
        }
    }
}

/// How long the comment is that the text begins with; 0 if it begins with none.
fn comment_length(text: &str) -> usize {
    let line = || text.find('\n').map_or(text.len(), |at| at + 1);
    if text.starts_with('#') {
        return line();
    }
    if let Some(behind) = text.strip_prefix("--") {
        return if behind.is_empty() || behind.starts_with(|c: char| c.is_whitespace()) { line() } else { 0 };
    }
    // One with `!` is no comment to a server.
    match text.strip_prefix("/*") {
        Some(behind) if !behind.starts_with('!') && !behind.starts_with("M!") => {
            // Its first end may share no sign with its begin.
            behind.find("*/").map_or(text.len(), |at| at + 4)
        }
        _ => 0,
    }
}
