//! Rust sources as a search should see them: code apart from comments and strings.
//!
//! The rules of the house are searches for words. A search in plain text would trip over a
//! comment that explains a ban, or a message that names it. A real parser would do too, and
//! would cost more to build than all the rules together; a lexer of a page is enough, since
//! everything we look for is a path, an attribute or a head of an item.
//!
//! ## Invariants
//!
//! - The three views have the length and the lines of the original: a place found in one is
//!   the same place in the others.

/// The views of one file.
pub struct Rust {
    /// Code alone: comments and strings are spaces.
    pub code: String,
    /// Code and strings: comments are spaces.
    pub text: String,
    /// Comments alone: all else is spaces.
    pub comments: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Rust {
    /// Takes `source` apart.
    pub fn new(source: &str) -> Rust {
        let kinds = kinds(source.as_bytes());
        let only = |wanted: &[Kind]| {
            let bytes = source.bytes().zip(&kinds);
            let kept = bytes.map(|(byte, kind)| if byte == b'\n' || wanted.contains(kind) { byte } else { b' ' });
            String::from_utf8_lossy(&kept.collect::<Vec<_>>()).into_owned()
        };
        Rust { code: only(&[Kind::Code]), text: only(&[Kind::Code, Kind::Literal]), comments: only(&[Kind::Comment]) }
    }

    /// The same, less what is only compiled for tests.
    pub fn without_tests(mut self) -> Rust {
        for (from, to) in test_items(&self.code) {
            for view in [&mut self.code, &mut self.text, &mut self.comments] {
                blank(view, from, to);
            }
        }
        self
    }
}

/// The line, counted from 1, of an offset.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Whether this may stand in a name.
pub fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Every place where `word` stands by itself, not as a part of a longer name.
pub fn words(code: &str, word: &str) -> Vec<usize> {
    let bytes = code.as_bytes();
    let free = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_none_or(|byte| !in_name(*byte));
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|at| free(at.checked_sub(1)) && free(Some(at + word.len())))
        .collect()
}

/// Every place that names `item` of `module`: `module::item`, or in `module::{…, item}`.
pub fn paths(code: &str, module: &str, item: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for at in words(code, module) {
        let Some(rest) = code[at + module.len()..].strip_prefix("::") else {
            continue;
        };
        let named = match rest.strip_prefix('{') {
            Some(group) => split_group(&group[..closing(group, b'{').unwrap_or(group.len())]).any(|name| name == item),
            None => name_at(rest) == item,
        };
        if named {
            found.push(at);
        }
    }
    found
}

/// The name that `text` begins with, or nothing.
pub fn name_at(text: &str) -> &str {
    let end = text.bytes().position(|byte| !in_name(byte)).unwrap_or(text.len());
    &text[..end]
}

/// Where what was opened before `text` is closed: the offset of the closing bracket.
pub fn closing(text: &str, open: u8) -> Option<usize> {
    let close = match open {
        b'{' => b'}',
        b'(' => b')',
        b'[' => b']',
        _ => b'>',
    };
    let mut depth = 1;
    for (at, byte) in text.bytes().enumerate() {
        // `->` closes nothing.
        let arrow = close == b'>' && at > 0 && text.as_bytes()[at - 1] == b'-';
        if byte == open {
            depth += 1;
        } else if byte == close && !arrow {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// The first names of a group's members: `a`, `b` of `a, b::{c, d} as e`.
fn split_group(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    group
        .split(move |letter: char| {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => (),
            }
            letter == ',' && depth == 0
        })
        .map(|member| name_at(member.trim()))
}

fn blank(view: &mut String, from: usize, to: usize) {
    let bytes = view.bytes().enumerate();
    let kept = bytes.map(|(at, byte)| if at >= from && at < to && byte != b'\n' { b' ' } else { byte });
    *view = String::from_utf8_lossy(&kept.collect::<Vec<_>>()).into_owned();
}

/// The items under a `#[cfg(test)]`, from the attribute to their end.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    if code.contains("#![cfg(test)]") {
        return vec![(0, code.len())];
    }
    let mut items = Vec::new();
    for (at, opening) in code.match_indices("#[cfg(") {
        let condition = &code[at + opening.len()..];
        let Some(end) = closing(condition, b'(') else {
            continue;
        };
        if words(&condition[..end], "test").is_empty() || condition[..end].contains("not(test") {
            continue;
        }
        let start = at + opening.len() + end + 2; // Past `)]`.
        items.push((at, item_end(code, start)));
    }
    items
}

/// Where the item that begins at `start` ends: at its `;`, or where its braces close.
fn item_end(code: &str, start: usize) -> usize {
    let bytes = code.as_bytes();
    let mut depth = 0;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            b'{' if depth == 0 => {
                return closing(&code[at + 1..], b'{').map_or(code.len(), |end| at + end + 2);
            }
            _ => (),
        }
        at += 1;
    }
    code.len()
}

fn kinds(bytes: &[u8]) -> Vec<Kind> {
    let mut kinds = vec![Kind::Code; bytes.len()];
    let mut at = 0;
    while at < bytes.len() {
        let (kind, end) = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => (Kind::Comment, line_end(bytes, at)),
            b'/' if bytes.get(at + 1) == Some(&b'*') => (Kind::Comment, block_end(bytes, at)),
            b'"' => (Kind::Literal, string_end(bytes, at)),
            b'\'' => (Kind::Literal, char_end(bytes, at).unwrap_or(at)),
            b'r' => (Kind::Literal, raw_end(bytes, at).unwrap_or(at)),
            _ => (Kind::Code, at),
        };
        let end = end.min(bytes.len());
        kinds[at..end].fill(kind);
        at = end.max(at + 1);
    }
    kinds
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at)
}

fn block_end(bytes: &[u8], at: usize) -> usize {
    let mut depth = 0;
    let mut at = at;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of a raw string that begins here, `r"…"` or `r#"…"#`; nothing if none does.
fn raw_end(bytes: &[u8], at: usize) -> Option<usize> {
    let before = |back: usize| at.checked_sub(back).map(|at| bytes[at]);
    let prefix = matches!(before(1), Some(b'b' | b'c')) && before(2).is_none_or(|byte| !in_name(byte));
    if !prefix && before(1).is_some_and(in_name) {
        return None;
    }
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    let open = at + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let end = bytes[open + 1..].windows(close.len()).position(|window| window == close);
    Some(end.map_or(bytes.len(), |end| open + 1 + end + close.len()))
}

/// The end of a character's literal; nothing for a lifetime.
fn char_end(bytes: &[u8], at: usize) -> Option<usize> {
    let first = *bytes.get(at + 1)?;
    if first == b'\\' {
        let end = bytes.get(at + 3..)?.iter().position(|byte| *byte == b'\'')?;
        return Some(at + 3 + end + 1);
    }
    // One character, of one to four bytes.
    let length = match first {
        0x00..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    (bytes.get(at + 1 + length) == Some(&b'\'')).then_some(at + length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_lifetimes_are_told_apart() {
        let source = r###"fn f<'a>(x: &'a str) -> char { g("// no \" comment", r#"raw " one"#, '"', '\'', 'é') /* a /* b */ c */ } // end"###;

        let rust = Rust::new(source);

        assert_eq!(rust.code.split_whitespace().collect::<String>(), "fnf<'a>(x:&'astr)->char{g(,,,,)}");
        assert!(rust.text.contains("// no") && !rust.text.contains("end"));
        assert_eq!(rust.comments.trim(), "/* a /* b */ c */   // end");
        assert_eq!(rust.code.len(), source.len());
    }

    #[test]
    fn what_is_compiled_for_tests_alone_is_left_out() {
        let source = "fn a() {}\n#[cfg(test)]\nuse x;\n#[cfg(all(test, unix))]\n#[allow(dead)]\nmod tests {\n fn b() { {} }\n}\n#[cfg(not(test))]\nfn c() {}\n";

        let rust = Rust::new(source).without_tests();

        assert_eq!(
            rust.code.split_whitespace().collect::<Vec<_>>(),
            ["fn", "a()", "{}", "#[cfg(not(test))]", "fn", "c()", "{}"]
        );
        assert_eq!(line_of(&rust.code, words(&rust.code, "c")[0]), 10);
    }

    #[test]
    fn an_item_is_found_by_its_path_and_in_a_group() {
        assert_eq!(paths("std::process::Command::new", "process", "Command").len(), 1);
        assert_eq!(paths("use std::process::{Stdio, Command as Cmd};", "process", "Command").len(), 1);
        assert_eq!(paths("use std::{env, process::{self, Child}};", "process", "Command").len(), 0);
        assert_eq!(paths("my_process::Command, process::Commands", "process", "Command").len(), 0);
    }
}
