//! What a parameter's values are, and how one is checked.

use std::path::{Component, Path};
use std::str::FromStr;

use aegir_domain::BadText;
use serde_json::{Value, json};

use super::Subject;

/// One parameter of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in JSON: `db_server`. On the command line it is `--db-server`.
    pub name: &'static str,
    /// What it is, for whoever fills it in.
    pub about: &'static str,
    /// What its values are.
    pub shape: Shape,
    /// Whether it must be given.
    pub presence: Presence,
    /// Whether it has any number of values.
    pub many: bool,
}

/// Whether a parameter must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It must.
    Required,
    /// It has this value where none is given.
    Default(&'static str),
    /// It may be left out; the text says what then holds.
    Optional(&'static str),
}

/// What the values of a parameter are.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A text of a kind.
    Text(TextKind),
    /// A whole number.
    Number {
        /// The least that is allowed.
        least: i64,
        /// The most that is allowed.
        most: i64,
    },
    /// Yes or no.
    Flag,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A secret: never shown, never kept with the task.
    Secret,
}

/// A kind of text: its word in help texts, its check, and what it refers to.
#[derive(Clone, Copy)]
pub struct TextKind {
    /// As help texts call a value: `ZONE`.
    pub word: &'static str,
    /// Reads a text as this kind, and gives it back as it is kept.
    check: fn(&str) -> Result<String, BadText>,
    /// What a value names, if that is an object: what can be completed.
    pub refers: Option<Subject>,
}

impl std::fmt::Debug for TextKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TextKind({})", self.word)
    }
}

impl TextKind {
    /// The kind whose one way in is `T`.
    pub(super) const fn of<T: FromStr<Err = BadText> + ToString>(word: &'static str) -> TextKind {
        TextKind { word, check: read_as::<T>, refers: None }
    }

    /// The same, as the name of an object.
    pub(super) const fn naming<T: FromStr<Err = BadText> + ToString>(word: &'static str, subject: Subject) -> TextKind {
        TextKind { word, check: read_as::<T>, refers: Some(subject) }
    }

    /// A kind with a check of its own.
    pub(super) const fn checked(word: &'static str, check: fn(&str) -> Result<String, BadText>) -> TextKind {
        TextKind { word, check, refers: None }
    }

    /// A text as it is kept, if it is of this kind.
    pub fn read(&self, text: &str) -> Result<String, BadText> {
        (self.check)(text)
    }
}

fn read_as<T: FromStr<Err = BadText> + ToString>(text: &str) -> Result<String, BadText> {
    text.parse::<T>().map(|value| value.to_string())
}

/// An absolute path without `..`; what it leads to is the back end's to see.
pub(super) fn path(text: &str) -> Result<String, BadText> {
    let path = Path::new(text);
    let whole = path.is_absolute() && path.components().all(|part| part != Component::ParentDir);
    match whole && text.len() <= 4096 && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(BadText::of(
            text,
            "a path",
            "it does not begin with `/`, or holds `..`",
            "give it whole, such as `/srv/drupal`",
        )),
    }
}

/// An address and a port.
pub(super) fn socket(text: &str) -> Result<String, BadText> {
    match text.parse::<std::net::SocketAddr>() {
        Ok(address) => Ok(address.to_string()),
        Err(_) => Err(BadText::of(
            text,
            "an address and a port",
            "it is not of the form `ADDRESS:PORT`",
            "give one such as `127.0.0.1:8080`",
        )),
    }
}

/// A short text on one line, as a label or something to look for.
pub(super) fn line(text: &str) -> Result<String, BadText> {
    let fits = !text.trim().is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control);
    match fits {
        true => Ok(text.trim().to_owned()),
        false => Err(BadText::of(
            text,
            "a short text",
            "it is empty, has a line break, or more than 200 characters",
            "give 1 to 200 characters on one line",
        )),
    }
}

/// Where a page begins, as a page before it said; what it means is its list's to know.
pub(super) fn cursor(text: &str) -> Result<String, BadText> {
    let fits = (1..=aegir_store::LONGEST_CURSOR).contains(&text.len()) && !text.chars().any(char::is_control);
    match fits {
        true => Ok(text.to_owned()),
        false => Err(BadText::of(
            "…",
            "a place in a list",
            "it is empty, too long, or has a line break",
            "give what `next` of the page before said",
        )),
    }
}

/// A value of what has a check of its own, which follows. It may hold what is secret, and is not repeated.
pub(super) fn value(text: &str) -> Result<String, BadText> {
    let fits = !text.trim().is_empty() && text.len() <= 2000 && !text.chars().any(char::is_control);
    match fits {
        true => Ok(text.trim().to_owned()),
        false => Err(BadText::of(
            "…",
            "a value of a setting",
            "it is empty, has a line break, or more than 2000 bytes",
            "give 1 to 2000 bytes on one line; leave it out for the default",
        )),
    }
}

/// The same of a setting, whose own check says whether it can have lines.
pub(super) fn value_of_setting(text: &str) -> Result<String, BadText> {
    let is_control = |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t');
    let fits = !text.trim().is_empty() && text.len() <= 10_000 && !text.chars().any(is_control);
    match fits {
        true => Ok(text.trim().to_owned()),
        false => Err(BadText::of(
            "…",
            "a value of a setting",
            "it is empty, has a control character, or more than 10000 bytes",
            "give 1 to 10000 bytes; leave it out for the default",
        )),
    }
}

impl Parameter {
    /// A value as it is kept, if it is one of this parameter's. Texts are read as numbers and as yes or
    /// no, since that is all that a query has.
    pub fn check(&self, value: &Value) -> Result<Value, BadText> {
        match value {
            Value::Array(values) if self.many => {
                let mut values = values.iter().map(|value| self.one(value)).collect::<Result<Vec<_>, _>>()?;
                if let Shape::Choice(words) = self.shape {
                    // Each word once, in the order of the list: to name one twice says no more.
                    values = words.iter().map(|word| Value::from(*word)).filter(|word| values.contains(word)).collect();
                }
                Ok(Value::Array(values))
            }
            value if self.many => Ok(Value::Array(vec![self.one(value)?])),
            value => self.one(value),
        }
    }

    fn one(&self, value: &Value) -> Result<Value, BadText> {
        let shown = match value {
            Value::String(text) => text.clone(),
            // It may be a secret in the wrong place.
            Value::Object(_) | Value::Array(_) => "…".into(),
            other => other.to_string(),
        };
        let bad = |why: &str, instead: String| Err(BadText::of(&shown, "a value here", why, &instead));
        match (self.shape, value) {
            (Shape::Text(kind), Value::String(text)) => kind.read(text).map(Value::String),
            (Shape::Text(kind), _) => bad("it is no text", format!("give a text: {}", kind.word)),
            (Shape::Number { least, most }, value) => {
                let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
                match number.filter(|number| (least..=most).contains(number)) {
                    Some(number) => Ok(number.into()),
                    None => bad("it is no such number", format!("give a whole number from {least} to {most}")),
                }
            }
            (Shape::Flag, Value::Bool(_)) => Ok(value.clone()),
            (Shape::Flag, Value::String(text)) if text == "true" || text == "false" => Ok((text == "true").into()),
            (Shape::Flag, _) => bad("it is neither yes nor no", "give true or false".into()),
            (Shape::Choice(words), Value::String(text)) if words.contains(&text.as_str()) => Ok(value.clone()),
            (Shape::Choice(words), _) => bad("it is none of the words", format!("give one of: {}", words.join(", "))),
            (Shape::Secret, Value::String(text)) if !text.is_empty() && text.len() <= 4096 => Ok(value.clone()),
            (Shape::Secret, _) => {
                Err(BadText::of("…", "a secret", "it is empty, too long or no text", "give 1 to 4096 bytes"))
            }
        }
    }

    /// The JSON Schema of its values.
    pub fn schema(&self) -> Value {
        let mut one = match self.shape {
            Shape::Text(kind) => json!({ "type": "string", "x-kind": kind.word }),
            Shape::Number { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Shape::Flag => json!({ "type": "boolean" }),
            Shape::Choice(words) => json!({ "type": "string", "enum": words }),
            Shape::Secret => json!({ "type": "string", "format": "password", "writeOnly": true }),
        };
        if let Presence::Default(text) = self.presence
            && !self.many
        {
            one["default"] = self.check(&text.into()).unwrap_or_else(|_| text.into());
        }
        let mut schema = if self.many { json!({ "type": "array", "items": one }) } else { one };
        schema["description"] = self.about.into();
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OperationId;

    #[test]
    fn a_choice_that_is_made_twice_is_made_once() {
        let list = OperationId::TaskList.declaration();
        let state = list.parameter("state").unwrap();
        let given: Vec<&str> = ["stuck", "running"].into_iter().cycle().take(5_000).collect();

        assert_eq!(state.check(&json!(given)).unwrap(), json!(["running", "stuck"]));
        assert_eq!(state.check(&json!([])).unwrap(), json!([]));
        assert!(state.check(&json!(["stuck", "gone"])).is_err());
    }

    #[test]
    fn every_list_takes_the_longest_cursor_that_it_could_have_said_and_none_longer() {
        let mut lists = 0;
        for cursor in OperationId::ALL.into_iter().filter_map(|id| id.declaration().parameter("cursor")) {
            lists += 1;
            assert!(cursor.check(&"a".repeat(aegir_store::LONGEST_CURSOR).into()).is_ok());
            assert!(cursor.check(&"a".repeat(aegir_store::LONGEST_CURSOR + 1).into()).is_err());
            // As it was said: what begins or ends it belongs to it.
            assert_eq!(cursor.check(&" a ".into()).unwrap(), " a ");
        }
        assert!(lists > 8, "{lists}");
    }
}
