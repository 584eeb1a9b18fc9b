//! What `nginx -t` and `php-fpm -t` would say of a configuration: enough to refuse a broken one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The word that makes any file of a configuration one that is refused.
pub(crate) const BROKEN: &str = "BROKEN";

/// Tests the nginx configuration whose main file is `main`; the complaint is in nginx's words.
pub(super) fn test_nginx(main: &Path) -> Result<(), String> {
    test_file(main, &mut Vec::new(), &mut Vec::new())
}

/// Blocks that are open, from the outermost; of a map, the keys that it has.
type Blocks = Vec<Option<BTreeSet<String>>>;

fn test_file(path: &Path, open: &mut Vec<PathBuf>, blocks: &mut Blocks) -> Result<(), String> {
    let shown = path.display();
    let Ok(text) = fs::read_to_string(path) else {
        return Err(format!("nginx: [emerg] open() \"{shown}\" failed (2: No such file or directory)"));
    };
    assert!(!open.iter().any(|other| other == path), "a configuration of the lab does not include itself: {shown}");
    open.push(path.to_owned());
    let outside = blocks.len();
    let at = |said: &str, line: usize| format!("nginx: [emerg] {said} in {shown}:{line}");
    for statement in statements(&text) {
        let Statement { words, end, line } = statement;
        if words.iter().any(|word| !word.quoted && word.text.contains(BROKEN)) {
            return Err(at(&format!("unknown directive \"{BROKEN}\""), line));
        }
        let first = words.first().map(|word| word.text.as_str()).unwrap_or_default();
        match end {
            End::OfFile => {
                return Err(at("unexpected end of file, expecting \";\" or \"}\"", line));
            }
            End::Opens => blocks.push((first == "map").then(BTreeSet::new)),
            End::Closes if blocks.len() == outside => return Err(at("unexpected \"}\"", line)),
            End::Closes => drop(blocks.pop()),
            End::Semicolon if first == "include" => {
                for included in globbed(Path::new(&words.get(1).map_or("", |word| word.text.as_str()))) {
                    test_file(&included, open, blocks).map_err(|said| match said.contains(" in /") {
                        true => said,
                        false => format!("{said} in {shown}:{line}"),
                    })?;
                }
            }
            End::Semicolon => {
                if let (Some(Some(keys)), 2) = (blocks.last_mut(), words.len())
                    && !keys.insert(first.to_owned())
                {
                    return Err(at(&format!("conflicting parameter \"{first}\""), line));
                }
            }
        }
    }
    open.pop();
    match blocks.len() == outside {
        true => Ok(()),
        false => Err(at("unexpected end of file, expecting \"}\"", text.lines().count())),
    }
}

/// What a server that reads `text` as the contents of a map has: value by key.
pub(super) fn map_of(text: &str) -> Vec<(String, String)> {
    let pair = |statement: Statement| match statement.words.as_slice() {
        [key, value] => {
            Some((key.text.trim_start_matches('\\').to_owned(), value.text.replace("${aegir_dollar}", "$")))
        }
        _ => None,
    };
    statements(text).into_iter().filter_map(pair).collect()
}

/// A statement of nginx: words, and what ends them.
struct Statement {
    words: Vec<Word>,
    end: End,
    line: usize,
}

struct Word {
    text: String,
    quoted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Semicolon,
    Opens,
    Closes,
    /// The file ended in the middle.
    OfFile,
}

/// The statements of a configuration. Quotes may hold several lines.
fn statements(text: &str) -> Vec<Statement> {
    let (mut all, mut words, mut line) = (Vec::new(), Vec::<Word>::new(), 1);
    let mut chars = text.chars().peekable();
    let mut open_quote = false;
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            c if c.is_whitespace() => (),
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            ';' | '{' | '}' => {
                let end = match c {
                    ';' => End::Semicolon,
                    '{' => End::Opens,
                    _ => End::Closes,
                };
                all.push(Statement { words: std::mem::take(&mut words), end, line });
            }
            '"' | '\'' => {
                let mut word = Word { text: String::new(), quoted: true };
                open_quote = true;
                while let Some(inner) = chars.next() {
                    match inner {
                        '\\' if chars.peek().is_some_and(|next| "\"'\\".contains(*next)) => {
                            word.text.extend(chars.next())
                        }
                        '\\' => word.text.extend(['\\'].into_iter().chain(chars.next())),
                        inner if inner == c => {
                            open_quote = false;
                            break;
                        }
                        inner => {
                            line += usize::from(inner == '\n');
                            word.text.push(inner);
                        }
                    }
                }
                words.push(word);
            }
            first => {
                let mut word = Word { text: first.to_string(), quoted: false };
                loop {
                    match chars.peek() {
                        Some('{') if word.text.ends_with('$') => word.text.extend(chars.next()),
                        Some('}') if word.text.contains("${") => word.text.extend(chars.next()),
                        None | Some(';' | '{' | '}') => break,
                        Some(c) if c.is_whitespace() => break,
                        Some(_) => word.text.extend(chars.next()),
                    }
                }
                words.push(word);
            }
        }
    }
    if open_quote || !words.is_empty() {
        all.push(Statement { words, end: End::OfFile, line });
    }
    all
}

/// Tests the php-fpm configuration whose main file is `main`.
pub(super) fn test_fpm(main: &Path) -> Result<(), String> {
    let text = fs::read_to_string(main).map_err(|_| format!("ERROR: failed to open {}", main.display()))?;
    let pattern = text.lines().find_map(|line| line.trim().strip_prefix("include"));
    let pattern = pattern.map(|rest| rest.trim_start_matches([' ', '=']).trim_matches('"').to_owned());
    let pools = pattern.map(|pattern| globbed(Path::new(&pattern))).unwrap_or_default();
    if pools.is_empty() {
        return Err("ERROR: No pool defined. at least one pool section must be specified in config file".into());
    }
    for pool in pools {
        let text = fs::read_to_string(&pool).unwrap_or_default();
        if let Some((number, _)) = (1..).zip(text.lines()).find(|(_, line)| line.contains(BROKEN)) {
            return Err(format!("ERROR: [{}:{number}] unknown entry '{BROKEN}'", pool.display()));
        }
    }
    Ok(())
}

/// The files of `pattern`, in which the last part may be `*.conf`.
fn globbed(pattern: &Path) -> Vec<PathBuf> {
    let Some(suffix) = pattern.file_name().and_then(|name| name.to_str()?.strip_prefix('*')) else {
        return vec![pattern.to_owned()];
    };
    let folder = pattern.parent().unwrap_or(pattern);
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    found.sort();
    found
}
