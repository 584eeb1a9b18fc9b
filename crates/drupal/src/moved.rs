//! What remembers the folder that a site lived in, and how it is put right once the site lives in another.
//!
//! Drupal keeps the paths of packages, of logos and of files that people linked to by hand, as plain text or within
//! PHP's serialised form, whose lengths must stay right (facts, section 6). Nothing here runs the site's code: a value
//! that cannot be read and written back byte for byte is left as it is, and told.

use aegir_domain::{PlatformRoot, SiteFolder, SiteName};

use crate::PhpValue;
use crate::php_value::DEEPEST;

/// From which folder to which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The name that the site's folder had.
    pub from: SiteFolder,
    /// The platform it was on.
    pub from_root: PlatformRoot,
    /// The name that it has.
    pub to: SiteName,
    /// The platform it is on.
    pub to_root: PlatformRoot,
}

/// What became of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// It names the old folder nowhere.
    Same,
    /// It is this now.
    Changed(Vec<u8>),
    /// It names the old folder where that cannot be changed safely.
    Left,
}

/// Tables whose rows are made again when they are missed, or are of no use to a copy. Caches are known by their
/// names' beginning.
const PASSED_OVER: [&str; 12] = [
    "aegir_marker",
    "batch",
    "flood",
    "history",
    "menu_router",
    "router",
    "search_dataset",
    "search_index",
    "search_total",
    "semaphore",
    "sessions",
    "watchdog",
];

/// Whether what a table says of folders matters.
pub fn is_looked_through(table: &str) -> bool {
    !table.starts_with("cache_") && table != "cache" && !PASSED_OVER.contains(&table)
}

impl Moved {
    /// What every value that is to be looked at holds: `sites/www.example.org/`.
    pub fn needle(&self) -> String {
        format!("sites/{}/", self.from)
    }

    /// Puts right what a column holds.
    pub fn value(&self, value: &[u8]) -> Value {
        if find(value, self.needle().as_bytes(), 0).is_none() {
            return Value::Same;
        }
        match PhpValue::read(value) {
            // What is written must be what was read, but for what is changed.
            Ok(read) if read.write() == value => {
                let mut left = false;
                let changed = self.within(read, 0, &mut left).write();
                match (left, changed == value) {
                    (true, _) => Value::Left,
                    (_, true) => Value::Same,
                    _ => Value::Changed(changed),
                }
            }
            _ if looks_serialised(value) => Value::Left,
            _ => match self.text(value) {
                changed if changed == value => Value::Same,
                changed => Value::Changed(changed),
            },
        }
    }

    fn within(&self, value: PhpValue, depth: usize, left: &mut bool) -> PhpValue {
        match value {
            PhpValue::Text(text) => PhpValue::Text(match depth < DEEPEST && looks_serialised(&text) {
                // Values within values, as block and panel modules keep them.
                true => match self.value(&text) {
                    Value::Same => text,
                    Value::Changed(changed) => changed,
                    Value::Left => {
                        *left = true;
                        text
                    }
                },
                false => self.text(&text),
            }),
            PhpValue::Array(entries) => PhpValue::Array(
                entries
                    .into_iter()
                    .map(|(key, value)| (self.within(key, depth + 1, left), self.within(value, depth + 1, left)))
                    .collect(),
            ),
            PhpValue::Object { class, properties } => PhpValue::Object {
                class,
                properties: properties
                    .into_iter()
                    .map(|(name, value)| (name, self.within(value, depth + 1, left)))
                    .collect(),
            },
            // It writes itself, in a form that only its class knows.
            PhpValue::Custom { ref data, .. } if find(data, self.needle().as_bytes(), 0).is_some() => {
                *left = true;
                value
            }
            other => other,
        }
    }

    /// Puts right what a plain text says, with the address or the platform that stands before the folder.
    fn text(&self, text: &[u8]) -> Vec<u8> {
        let (needle, new) = (self.needle(), format!("sites/{}/", self.to));
        let mut changed = Vec::with_capacity(text.len());
        let mut done = 0;
        while let Some(at) = find(text, needle.as_bytes(), done) {
            changed.extend_from_slice(&text[done..at]);
            done = at + needle.len();
            // The end of another name, as in `offsites/`, is none of ours.
            if at > 0 && (text[at - 1].is_ascii_alphanumeric() || matches!(text[at - 1], b'-' | b'_' | b'.')) {
                changed.extend_from_slice(needle.as_bytes());
                continue;
            }
            self.before(&mut changed);
            changed.extend_from_slice(new.as_bytes());
        }
        changed.extend_from_slice(&text[done..]);
        changed
    }

    /// What stands before the folder: `//OLD-NAME[:PORT]/`, or the root of the platform it was on.
    fn before(&self, text: &mut Vec<u8>) {
        let root = format!("{}/", self.from_root);
        if self.from_root != self.to_root && text.ends_with(root.as_bytes()) {
            text.truncate(text.len() - root.len());
            text.extend(format!("{}/", self.to_root).bytes());
            return;
        }
        let Some(line) = text.strip_suffix(b"/") else { return };
        let digits = line.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let port = match line.len().checked_sub(digits + 1).map(|at| line[at]) {
            Some(b':') if digits > 0 => line[line.len() - digits - 1..].to_vec(),
            _ => Vec::new(),
        };
        let name = &line[..line.len() - port.len()];
        if name.ends_with(format!("//{}", self.from).as_bytes()) {
            let begins = name.len() - self.from.as_str().len();
            text.truncate(begins);
            text.extend(self.to.as_str().bytes());
            text.extend(port);
            text.push(b'/');
        }
    }
}

/// Whether it begins as PHP's serialised form of more than a number does.
fn looks_serialised(text: &[u8]) -> bool {
    matches!(text, [b'a' | b'O' | b'C' | b's' | b'E', b':', digit, ..] if digit.is_ascii_digit())
        && matches!(text.last(), Some(b'}' | b';'))
}

fn find(text: &[u8], part: &[u8], from: usize) -> Option<usize> {
    text.get(from..)?.windows(part.len()).position(|window| window == part).map(|at| at + from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved() -> Moved {
        Moved {
            from: "old.test".parse().unwrap(),
            from_root: "/p/one".parse().unwrap(),
            to: "a-newer.test".parse().unwrap(),
            to_root: "/p/two/web".parse().unwrap(),
        }
    }

    fn text(text: &str) -> String {
        match moved().value(text.as_bytes()) {
            Value::Changed(changed) => String::from_utf8(changed).unwrap(),
            Value::Same => text.to_owned(),
            Value::Left => "left".to_owned(),
        }
    }

    #[test]
    fn the_folder_in_a_text_is_put_right_and_nothing_else() {
        for (was, is) in [
            (r#"<img src="/sites/old.test/files/a.png">"#, r#"<img src="/sites/a-newer.test/files/a.png">"#),
            ("sites/old.test/modules/x/x.module", "sites/a-newer.test/modules/x/x.module"),
            ("http://old.test/sites/old.test/files/", "http://a-newer.test/sites/a-newer.test/files/"),
            ("//old.test:8080/sites/old.test/x", "//a-newer.test:8080/sites/a-newer.test/x"),
            ("/p/one/sites/old.test/private", "/p/two/web/sites/a-newer.test/private"),
            ("sites/old.test/a sites/old.test/b", "sites/a-newer.test/a sites/a-newer.test/b"),
        ] {
            assert_eq!(text(was), is);
        }
        for same in [
            "",
            "sites/old.test",
            "offsites/old.test/x",
            "sites/old.test.example/x",
            "http://old.test/about",
            "sites/older.test/x",
        ] {
            assert_eq!(text(same), same);
        }
    }

    #[test]
    fn lengths_within_serialised_values_stay_right() {
        assert_eq!(text(r#"s:20:"sites/old.test/files";"#), r#"s:24:"sites/a-newer.test/files";"#);
        assert_eq!(
            text(r#"a:1:{s:15:"sites/old.test/";O:1:"X":1:{s:1:"p";s:16:"/sites/old.test/";}}"#),
            r#"a:1:{s:19:"sites/a-newer.test/";O:1:"X":1:{s:1:"p";s:20:"/sites/a-newer.test/";}}"#,
        );
        let inner = r#"a:1:{i:0;s:16:"sites/old.test/x";}"#;
        let outer = format!("a:1:{{i:0;s:{}:\"{inner}\";}}", inner.len());
        let inner = inner.replace("16:\"sites/old.test", "20:\"sites/a-newer.test");
        assert_eq!(text(&outer), format!("a:1:{{i:0;s:{}:\"{inner}\";}}", inner.len()));
    }

    #[test]
    fn what_cannot_be_changed_safely_is_left() {
        assert_eq!(text(r#"a:1:{i:0;s:99:"sites/old.test/x";}"#), "left");
        assert_eq!(text(r#"C:1:"X":15:{sites/old.test/}"#), "left");
    }

    #[test]
    fn no_value_makes_it_panic_and_what_was_put_right_needs_it_no_more() {
        let parts = ["sites/old.test/", "//old.test/", ":8/", "a:1:{", "s:15:\"", "\";}", "/p/one/", "\u{0}", "é"];
        let mut seed = 7u64;
        for _ in 0..5000 {
            let mut made = String::new();
            for _ in 0..6 {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                made.push_str(parts[(seed >> 33) as usize % parts.len()]);
            }
            if let Value::Changed(changed) = moved().value(made.as_bytes()) {
                let again = Moved { from: moved().from, ..moved() }.value(&changed);
                assert!(!matches!(again, Value::Changed(_)), "{made}");
            }
        }
    }

    #[test]
    fn caches_and_what_is_made_again_are_passed_over() {
        assert!(is_looked_through("node__body") && is_looked_through("cached_things"));
        assert!(!is_looked_through("cache_page") && !is_looked_through("router"));
    }
}
