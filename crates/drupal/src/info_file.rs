//! The `.info` files of Drupal 7: `key = value`, `key[] = value`, `key[sub][] = value`.
//!
//! Reads what Drupal's own `drupal_parse_info_format()` reads, and passes over what it passes over.

use std::collections::BTreeMap;

/// Deeper keys are passed over.
const DEEPEST: usize = 20;

/// A value of an `.info` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Info {
    /// Text, as it stands.
    Text(String),
    /// What lies beneath a key with brackets; keys `0`, `1`, … where the brackets are empty.
    Keys(BTreeMap<String, Info>),
}

impl Info {
    /// Reads a file. There is no text that is not one, if only an empty one.
    pub fn read(text: &str) -> Info {
        let mut root = BTreeMap::new();
        for (key, value) in Lines(text) {
            insert(&mut root, &key, value);
        }
        Info::Keys(root)
    }

    /// What lies under `key`.
    pub fn get(&self, key: &str) -> Option<&Info> {
        match self {
            Info::Keys(keys) => keys.get(key),
            Info::Text(_) => None,
        }
    }

    /// The text under `key`, if it is one.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Info::Text(text) => Some(text),
            Info::Keys(_) => None,
        }
    }

    /// Whether `key` is set to what PHP takes for true.
    pub fn is_set(&self, key: &str) -> bool {
        match self.get(key) {
            Some(Info::Text(text)) => !matches!(text.to_ascii_lowercase().as_str(), "" | "0" | "false" | "null"),
            Some(Info::Keys(keys)) => !keys.is_empty(),
            None => false,
        }
    }
}

fn insert(root: &mut BTreeMap<String, Info>, key: &str, value: String) {
    let cut = key.trim_end_matches(']').replace("][", "[");
    let path: Vec<&str> = cut.split('[').map(str::trim).collect();
    if path.len() > DEEPEST {
        return;
    }
    let mut keys = root;
    for part in &path[..path.len() - 1] {
        let entry = keys.entry(own_key(keys, part)).or_insert_with(|| Info::Keys(BTreeMap::new()));
        if let Info::Text(_) = entry {
            *entry = Info::Keys(BTreeMap::new());
        }
        let Info::Keys(inner) = entry else { return };
        keys = inner;
    }
    let last = own_key(keys, path[path.len() - 1]);
    keys.insert(last, Info::Text(value));
}

/// An empty pair of brackets stands for the next number.
fn own_key(keys: &BTreeMap<String, Info>, part: &str) -> String {
    let part = part.trim_matches(['"', '\'']);
    if !part.is_empty() {
        return part.to_owned();
    }
    let next = keys.keys().filter_map(|key| key.parse::<u64>().ok()).max().map_or(0, |last| last.saturating_add(1));
    next.to_string()
}

/// The assignments of a text.
struct Lines<'a>(&'a str);

impl Iterator for Lines<'_> {
    type Item = (String, String);

    fn next(&mut self) -> Option<(String, String)> {
        loop {
            let text = self.0.trim_start();
            if text.is_empty() {
                return None;
            }
            let end = text.find('\n').unwrap_or(text.len());
            let line = &text[..end];
            self.0 = &text[end..];
            if line.starts_with(';') {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let key = key.trim();
            if key.is_empty() || key.starts_with('[') {
                continue;
            }
            let value = value.trim();
            // A quoted value may span lines, up to the quote that ends a line.
            if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
                let start = text.len() - text[line.find('=').unwrap_or(0) + 1..].trim_start().len() + 1;
                if let Some(length) = quoted(&text[start..], quote) {
                    self.0 = &text[start + length + 1..];
                    self.0 = &self.0[self.0.find('\n').unwrap_or(self.0.len())..];
                    return Some((key.to_owned(), unquote(&text[start..start + length], quote)));
                }
            }
            return Some((key.to_owned(), value.to_owned()));
        }
    }
}

/// How long the quoted text at the beginning of `text` is: its quote is followed by nothing on its line.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            let rest = &text[at + 1..];
            let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
            return line.trim().is_empty().then_some(at);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

fn unquote(text: &str, quote: char) -> String {
    text.replace(&format!("\\{quote}"), &quote.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_drupal_reads_it() {
        let info = Info::read(
            "; A comment\nname = Block\n  description = \"Controls; the = \\\"boxes\\\"\"\nversion = VERSION\nfiles[] = a.test\n\
             files[] = b.test\nstylesheets[all][] = style.css\nsettings[a][b] = 'one\ntwo'\nname = Blocks\nhidden = TRUE\nodd line\n",
        );

        assert_eq!(info.text("name"), Some("Blocks"));
        assert_eq!(info.text("description"), Some("Controls; the = \"boxes\""));
        assert_eq!(info.get("files").and_then(|files| files.text("1")), Some("b.test"));
        assert_eq!(info.get("stylesheets").and_then(|s| s.get("all")).and_then(|s| s.text("0")), Some("style.css"));
        assert_eq!(info.get("settings").and_then(|s| s.get("a")).and_then(|s| s.text("b")), Some("one\ntwo"));
        assert!(info.is_set("hidden") && !info.is_set("version_"));
    }

    #[test]
    fn odd_files_are_read_without_stumbling() {
        for text in [
            "",
            "=",
            "a",
            "a=",
            "[]=x",
            "a[=x",
            "a]=x",
            "a[][][]=x",
            "a=\"",
            "a='b",
            "é[ü]=ö\n\"",
            "a[b=c]\n",
            "[[[=",
            "a=\"x\" y\n",
        ] {
            Info::read(text);
        }
        assert_eq!(Info::read("a = \"x\" y\n").text("a"), Some("\"x\" y"));
        assert_eq!(Info::read("a = x\r\nb = y\r\n").text("a"), Some("x"));
        let mut seed = 3u64;
        for _ in 0..5000 {
            let text: String = (0..30)
                .map(|_| {
                    seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    ['a', 'b', '=', '[', ']', '"', '\'', '\n', ' ', ';', '\\', 'é'][(seed >> 33) as usize % 12]
                })
                .collect();
            Info::read(&text);
        }
    }
}
