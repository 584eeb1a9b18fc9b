//! What differs between two records, place by place.

use std::collections::BTreeSet;

use serde_json::Value;

/// A place at which two records differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Where: `mail`, `http.listen`.
    pub(crate) what: String,
    /// What is remembered here; nothing where it is not there at all.
    pub(crate) ours: Option<String>,
    /// What the back end has.
    pub(crate) theirs: Option<String>,
}

/// Where two records differ, in the order of their names.
pub(crate) fn between(ours: &Value, theirs: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), Some(ours), Some(theirs), &mut found);
    found
}

fn compare(place: String, ours: Option<&Value>, theirs: Option<&Value>, found: &mut Vec<Difference>) {
    match (ours, theirs) {
        (ours, theirs) if ours == theirs => (),
        (Some(Value::Object(ours)), Some(Value::Object(theirs))) => {
            let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            for name in names {
                let below = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                compare(below, ours.get(name), theirs.get(name), found);
            }
        }
        (ours, theirs) => {
            let what = if place.is_empty() { "all of it".to_owned() } else { place };
            found.push(Difference { what, ours: ours.map(words), theirs: theirs.map(words) });
        }
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) if values.iter().all(Value::is_string) => {
            values.iter().map(words).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told_and_where() {
        let ours = json!({ "name": "a", "mail": "x@a", "http": { "port": 1, "kind": "nginx" }, "alias": ["b", "c"] });
        let theirs = json!({ "name": "a", "mail": "y@a", "http": { "port": 2, "kind": "nginx" }, "more": null });

        let text = |text: &str| Some(text.to_owned());
        let told: Vec<_> = between(&ours, &theirs).into_iter().map(|one| (one.what, one.ours, one.theirs)).collect();

        assert_eq!(
            told,
            [
                ("alias".to_owned(), text("b, c"), None),
                ("http.port".to_owned(), text("1"), text("2")),
                ("mail".to_owned(), text("x@a"), text("y@a")),
                ("more".to_owned(), None, text("null")),
            ]
        );
    }
}
