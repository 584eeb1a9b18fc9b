//! The newer form of a make file, in YAML.
//!
//! Read event by event and not into types: a version `1.10` stays that text, and each value knows its line. References within
//! the file (`&a`, `*a`) and tags are refused; with them a small file could stand for a large one.

use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::fault::Problem;
use super::tree::{DEEPEST, Key, MOST, Node, Place, Value};

/// Reads a file; the error comes with its line.
pub(super) fn read(file: &Arc<str>, text: &str) -> Result<Node, (usize, Problem)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut events = Events { parser: Parser::new_from_str(text), file: file.clone(), count: 0, line: 0 };
    let root = loop {
        match events.next()? {
            Event::StreamStart | Event::DocumentStart(..) => (),
            Event::StreamEnd | Event::DocumentEnd => return Err((0, Problem::NoKeys)),
            event => break events.node(event, 0)?,
        }
    };
    loop {
        match events.next()? {
            Event::DocumentEnd => (),
            Event::StreamEnd => break,
            _ => return Err((events.line, Problem::NotYaml { why: "it holds a second document".into() })),
        }
    }
    match root.value {
        Value::Keys(_) => Ok(Node { at: Place { file: file.clone(), line: 0 }, ..root }),
        Value::Nothing | Value::Text(_) => Err((0, Problem::NoKeys)),
    }
}

struct Events<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    file: Arc<str>,
    count: usize,
    line: usize,
}

impl<'a> Events<'a> {
    /// The next event; comments are passed over.
    fn next(&mut self) -> Result<Event<'a>, (usize, Problem)> {
        loop {
            let Some(event) = self.parser.next() else { return Ok(Event::StreamEnd) };
            let (event, Span { start, .. }) = event.map_err(|error| {
                let why: String = error.to_string().lines().next().unwrap_or_default().chars().take(200).collect();
                (error.marker().line(), Problem::NotYaml { why })
            })?;
            self.line = start.line();
            if is_comment(&event) {
                continue;
            }
            self.count += 1;
            // Two events at most are a key.
            if self.count > 4 * MOST {
                return Err((self.line, Problem::TooMany { most: MOST }));
            }
            return Ok(event);
        }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Node, (usize, Problem)> {
        let line = self.line;
        let at = Place { file: self.file.clone(), line };
        if depth > DEEPEST {
            return Err((line, Problem::TooDeep { deepest: DEEPEST }));
        }
        let value = match event {
            Event::Scalar(_, _, anchor, tag)
            | Event::MappingStart(_, anchor, tag)
            | Event::SequenceStart(_, anchor, tag)
                if anchor != 0 || tag.is_some() =>
            {
                return Err((line, Problem::Reference));
            }
            Event::Scalar(text, ScalarStyle::Plain, ..) => match text.as_ref() {
                "" | "~" | "null" | "Null" | "NULL" => Value::Nothing,
                text => Value::Text(text.to_owned()),
            },
            Event::Scalar(text, ..) => Value::Text(text.into_owned()),
            Event::MappingStart(..) => Value::Keys(self.mapping(depth)?),
            Event::SequenceStart(..) => Value::Keys(self.sequence(depth)?),
            _ => return Err((line, Problem::Reference)),
        };
        Ok(Node { at, value })
    }

    fn mapping(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, (usize, Problem)> {
        let mut keys: Vec<(Key, Node)> = Vec::new();
        loop {
            let name = match self.next()? {
                Event::MappingEnd => return Ok(keys),
                Event::Scalar(text, _, 0, None) => text.trim().to_owned(),
                Event::Scalar(..) | Event::Alias(_) => return Err((self.line, Problem::Reference)),
                _ => return Err((self.line, Problem::BadKey)),
            };
            let line = self.line;
            let key = Key::Named(name);
            if keys.iter().any(|(there, _)| *there == key) {
                return Err((line, Problem::KeyTwice));
            }
            let event = self.next()?;
            let mut node = self.node(event, depth + 1)?;
            // What a key says stands where the key stands, also when it goes on below.
            node.at.line = line;
            keys.push((key, node));
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, (usize, Problem)> {
        let mut keys = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(keys),
                event => keys.push((Key::Next, self.node(event, depth + 1)?)),
            }
        }
    }
}

/// Written without the event's name, which is there only where another crate asks for comments.
fn is_comment(event: &Event<'_>) -> bool {
    !matches!(
        event,
        Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Alias(_)
            | Event::UnresolvedAlias(_)
            | Event::Anchor(..)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::SequenceEnd
            | Event::MappingStart(..)
            | Event::MappingEnd
    )
}
