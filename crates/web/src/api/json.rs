//! A JSON object as somebody sent it: no name twice, and a mistake is shown by its place.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::{Map, Value};

use super::{Problem, ProblemKind};

struct Object(Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
        let mut object = Map::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("twice"));
            }
        }
        Ok(Object(object))
    }
}

/// Reads one object. What is wrong is told without its content, which may be a secret.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let error = match serde_json::from_slice::<Object>(bytes) {
        Ok(Object(object)) => return Ok(object),
        Err(error) => error,
    };
    let (what, remedy) = match error.classify() {
        Category::Data if error.to_string().starts_with("twice") => {
            ("a name stands twice in the object", "give each parameter once")
        }
        Category::Data => ("it is JSON, but no object", "send an object with a member for each parameter"),
        Category::Eof => ("it is JSON that ends too early", "send the object whole"),
        _ => ("it is no JSON", "send an object such as `{\"name\": \"example.org\"}`"),
    };
    let detail = format!("{what}: line {}, column {}", error.line(), error.column());
    Err(Problem::new(ProblemKind::Malformed, detail, remedy))
}

#[cfg(test)]
mod tests {
    use aegir_domain::Remedy;

    use super::*;

    fn refused(text: &str) -> String {
        object(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_mistake_is_shown_by_its_place() {
        assert_eq!(refused("{\"name\":\n  a}"), "it is no JSON: line 2, column 3");
        assert_eq!(refused("{\"name\": "), "it is JSON that ends too early: line 1, column 9");
        assert!(refused("{} {}").starts_with("it is no JSON"));
        assert!(object(b"{\"a\": \"\xff\"}").is_err());
    }

    #[test]
    fn no_name_is_given_twice() {
        assert!(refused("{\"name\": \"a\", \"name\": \"b\"}").starts_with("a name stands twice"));
    }

    #[test]
    fn what_is_no_object_is_not_echoed() {
        let problem = object(b"\"a long secret\"").unwrap_err();

        assert!(!format!("{problem:?}{}", problem.as_json()).contains("secret"));
        assert!(problem.remedy().is_some());
    }
}
