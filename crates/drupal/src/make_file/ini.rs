//! The older form of a make file, that of Drupal's `.info` files: `projects[views][version] = "3.7"`.
//!
//! Read more strictly than Drupal reads its own: a line that means nothing is an error, since the module that it was to name
//! would be missing without a word. What stands behind `;` is a comment at the end of a line too.

use std::sync::Arc;

use super::fault::Problem;
use super::tree::{DEEPEST, Key, MOST, Node, Place, Value};

/// Reads a file; the error comes with its line.
pub(super) fn read(file: &Arc<str>, text: &str) -> Result<Node, (usize, Problem)> {
    let mut root = Node { at: Place { file: file.clone(), line: 0 }, value: Value::Keys(Vec::new()) };
    let mut lines = Lines { rest: text, line: 0 };
    let mut count = 0;
    while let Some((line, assignment)) = lines.next_assignment() {
        count += 1;
        if count > MOST {
            return Err((line, Problem::TooMany { most: MOST }));
        }
        let (path, value) = assignment.map_err(|problem| (line, problem))?;
        let node = Node { at: Place { file: file.clone(), line }, value };
        root.put(&path, node).map_err(|problem| (line, problem))?;
    }
    Ok(root)
}

/// A path of keys and what it is given.
type Assignment = Result<(Vec<Key>, Value), Problem>;

struct Lines<'a> {
    rest: &'a str,
    /// Of the line that was read last, counted from 1.
    line: usize,
}

impl<'a> Lines<'a> {
    fn next_assignment(&mut self) -> Option<(usize, Assignment)> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let (line, after) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            let whole = self.rest;
            self.rest = after;
            self.line += 1;
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with([';', '#']) {
                continue;
            }
            let at = self.line;
            let Some(equals) = line.find('=') else {
                return Some((at, Err(Problem::NoAssignment)));
            };
            let path = match path(line[..equals].trim()) {
                Ok(path) => path,
                Err(problem) => return Some((at, Err(problem))),
            };
            return Some((at, self.value(&whole[equals + 1..]).map(|value| (path, value))));
        }
    }

    /// The value at the beginning of `text`, which may go on over lines if it is quoted.
    fn value(&mut self, text: &'a str) -> Result<Value, Problem> {
        let start = text.trim_start_matches([' ', '\t']);
        let line = start.split('\n').next().unwrap_or("").trim();
        let Some(quote) = line.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            let plain = line.split(" ;").next().unwrap_or("").trim();
            let plain = if plain.starts_with(';') { "" } else { plain };
            return Ok(match plain.to_ascii_lowercase().as_str() {
                "null" => Value::Nothing,
                _ => Value::Text(plain.to_owned()),
            });
        };
        let body = &start[1..];
        let end = closing(body, quote).ok_or(Problem::OpenQuote)?;
        let behind = &body[end + 1..];
        let (tail, after) = behind.split_once('\n').unwrap_or((behind, ""));
        let tail = tail.trim();
        if !tail.is_empty() && !tail.starts_with(';') {
            return Err(Problem::BehindQuote);
        }
        self.line += body[..end].matches('\n').count();
        self.rest = after;
        Ok(Value::Text(body[..end].replace(&format!("\\{quote}"), &quote.to_string())))
    }
}

/// Where the quoted text ends.
fn closing(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        if c == quote && !escaped {
            return Some(at);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// `projects[views][patch][]` as its parts.
fn path(text: &str) -> Result<Vec<Key>, Problem> {
    let (name, mut rest) = text.split_at(text.find('[').unwrap_or(text.len()));
    let mut path = vec![key(name)?];
    if path[0] == Key::Next {
        return Err(Problem::BadKey);
    }
    while !rest.is_empty() {
        let (part, after) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or(Problem::BadKey)?;
        path.push(key(part)?);
        rest = after.trim_start();
        if path.len() > DEEPEST {
            return Err(Problem::TooDeep { deepest: DEEPEST });
        }
    }
    Ok(path)
}

fn key(text: &str) -> Result<Key, Problem> {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    if text.contains(['[', ']', '=', ';', '"', '\'']) {
        return Err(Problem::BadKey);
    }
    Ok(if text.is_empty() { Key::Next } else { Key::Named(text.to_owned()) })
}
