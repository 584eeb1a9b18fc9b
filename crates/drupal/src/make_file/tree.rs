//! What both forms of a make file are read into: keys that know where they stand.

use std::fmt;
use std::sync::Arc;

use super::fault::Problem;

/// Deeper keys are refused: the deepest that mean something have five parts.
pub(super) const DEEPEST: usize = 8;
/// As many keys a file may have, with those that it includes. The largest distributions have some thousand.
pub(super) const MOST: usize = 20_000;

/// A line of a make file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// Its line, counted from 1; 0: the file as a whole.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "`{}`", self.file),
            line => write!(f, "`{}`, line {line}", self.file),
        }
    }
}

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    /// `~` of YAML, `NULL` of the other form: what was said elsewhere is taken back.
    Nothing,
    Text(String),
    Keys(Vec<(Key, Node)>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Named(String),
    /// An entry of a list: `[]`.
    Next,
}

impl Node {
    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Nothing | Value::Keys(_) => None,
        }
    }

    /// What lies beneath it; nothing beneath a text.
    pub(super) fn keys(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Keys(keys) => keys,
            Value::Nothing | Value::Text(_) => &[],
        }
    }

    /// What lies under the key `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.keys().iter().find(|(key, _)| matches!(key, Key::Named(named) if named == name)).map(|(_, node)| node)
    }

    /// Puts a value under a path of keys. A text and keys under one name contradict each other.
    pub(super) fn put(&mut self, path: &[Key], node: Node) -> Result<(), Problem> {
        let Value::Keys(keys) = &mut self.value else {
            return Err(Problem::TextAndKeys { other: self.at.line });
        };
        let Some((key, rest)) = path.split_first() else { return Ok(()) };
        let found = match key {
            Key::Named(_) => keys.iter_mut().position(|(there, _)| there == key),
            Key::Next => None,
        };
        let at = found.unwrap_or(keys.len());
        if found.is_none() {
            let value = if rest.is_empty() { node.value.clone() } else { Value::Keys(Vec::new()) };
            keys.push((key.clone(), Node { at: node.at.clone(), value }));
        }
        let there = &mut keys[at].1;
        if !rest.is_empty() {
            return there.put(rest, node);
        }
        if matches!(there.value, Value::Keys(_)) {
            return Err(Problem::TextAndKeys { other: there.at.line });
        }
        // As Drush does it, what is said last holds.
        *there = node;
        Ok(())
    }

    /// Lays another file's values over these: keys join, all else is replaced, lists grow.
    pub(super) fn overlay(&mut self, over: Node) {
        match (&mut self.value, over) {
            (Value::Keys(keys), Node { value: Value::Keys(others), .. }) => {
                for (key, node) in others {
                    let there = keys.iter_mut().find(|(there, _)| *there == key && key != Key::Next);
                    match there {
                        Some((_, there)) => there.overlay(node),
                        None => keys.push((key, node)),
                    }
                }
            }
            (_, over) => *self = over,
        }
    }

    /// How many keys there are at all.
    pub(super) fn count(&self) -> usize {
        self.keys().iter().map(|(_, node)| 1 + node.count()).sum()
    }
}
