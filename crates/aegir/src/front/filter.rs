//! The filter grammar: `platform=d10 status=enabled,failed search="my site"`, the parameters of a list as text.
//!
//! Pure. What a filter may name, and which values it takes, is what the list's declaration says, so that it is
//! the same as in the API.

use aegir_domain::Remedy;
use aegir_hosting::{Operation, Parameter};
use serde_json::{Map, Value};

use super::suggest::nearest;

/// Parameters of a list that choose no entries.
const NO_FILTERS: [&str; 3] = ["limit", "cursor", "sort"];

/// A filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadFilter {
    /// It is empty, and would mean all.
    #[error("the filter is empty")]
    Empty,
    /// A word without `=`.
    #[error("`{word}` is no filter: it has no `=`")]
    NoValue { word: String, instead: String },
    /// Nothing is filtered by this.
    #[error("nothing is filtered by `{name}`")]
    Unknown { name: String, instead: String },
    /// It is there twice.
    #[error("`{name}` is there twice, and has one value")]
    Twice { name: String },
    /// Its value is none.
    #[error("{name}: {why}")]
    Value { name: String, why: String, remedy: Option<String> },
    /// A quote that does not end.
    #[error("a quote does not end: {rest}")]
    Quote { rest: String },
}

impl Remedy for BadFilter {
    fn remedy(&self) -> Option<String> {
        match self {
            BadFilter::Empty => Some("give a filter such as 'status=failed', or `--all`".into()),
            BadFilter::NoValue { instead, .. } | BadFilter::Unknown { instead, .. } => Some(instead.clone()),
            BadFilter::Twice { name } => Some(format!("give `{name}` once")),
            BadFilter::Value { remedy, .. } => remedy.clone(),
            BadFilter::Quote { .. } => Some("end it with a `\"`".into()),
        }
    }
}

/// What a list can be filtered by.
pub(crate) fn filters(list: &Operation) -> impl Iterator<Item = &'static Parameter> {
    list.parameters.iter().filter(|parameter| !NO_FILTERS.contains(&parameter.name))
}

/// Reads a filter as parameters of `list`.
pub(crate) fn read(list: &Operation, text: &str) -> Result<Map<String, Value>, BadFilter> {
    let mut found = Map::new();
    for word in words(text)? {
        let Some((name, values)) = word.split() else {
            let instead = format!("write it as NAME=VALUE, such as `search={}`", word.shown());
            return Err(BadFilter::NoValue { word: word.shown(), instead });
        };
        let name = name.replace('-', "_");
        let Some(parameter) = filters(list).find(|parameter| parameter.name == name) else {
            return Err(BadFilter::Unknown { instead: known(list, &name), name });
        };
        for value in values {
            let value = one(parameter, &value)?;
            match (parameter.many, found.get_mut(&name)) {
                (true, Some(Value::Array(values))) => values.push(value),
                (true, _) => drop(found.insert(name.clone(), Value::Array(vec![value]))),
                (false, Some(_)) => return Err(BadFilter::Twice { name }),
                (false, None) => drop(found.insert(name.clone(), value)),
            }
        }
    }
    if found.is_empty() { Err(BadFilter::Empty) } else { Ok(found) }
}

fn one(parameter: &Parameter, value: &str) -> Result<Value, BadFilter> {
    let parameter = Parameter { many: false, ..*parameter };
    parameter.check(&Value::from(value)).map_err(|bad| BadFilter::Value {
        name: parameter.name.into(),
        why: bad.to_string(),
        remedy: bad.instead,
    })
}

fn known(list: &Operation, name: &str) -> String {
    let names: Vec<&str> = filters(list).map(|parameter| parameter.name).collect();
    match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? There are: {}", names.join(", ")),
        None if names.is_empty() => "there are none: use `--all`".into(),
        None => format!("there are: {}", names.join(", ")),
    }
}

/// A word of a filter: its letters, each with whether it was within quotes.
struct Word(Vec<(char, bool)>);

impl Word {
    /// Its name, and its values between commas; what is quoted divides nothing.
    fn split(&self) -> Option<(String, Vec<String>)> {
        let at = self.0.iter().position(|letter| *letter == ('=', false))?;
        let text = |letters: &[(char, bool)]| letters.iter().map(|(letter, _)| *letter).collect::<String>();
        let values = self.0[at + 1..].split(|letter| *letter == (',', false)).map(text).collect();
        Some((text(&self.0[..at]), values))
    }

    fn shown(&self) -> String {
        self.0.iter().map(|(letter, _)| if letter.is_control() { '\u{fffd}' } else { *letter }).take(60).collect()
    }
}

fn words(text: &str) -> Result<Vec<Word>, BadFilter> {
    let (mut words, mut word, mut quoted) = (Vec::new(), Word(Vec::new()), false);
    let mut opened = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => {
                quoted = !quoted;
                opened = at;
            }
            letter if letter.is_whitespace() && !quoted => {
                if !word.0.is_empty() {
                    words.push(std::mem::replace(&mut word, Word(Vec::new())));
                }
            }
            letter => word.0.push((letter, quoted)),
        }
    }
    if quoted {
        return Err(BadFilter::Quote { rest: text[opened..].chars().take(60).collect() });
    }
    if !word.0.is_empty() {
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use aegir_hosting::OperationId;
    use serde_json::json;

    use super::*;

    fn sites(text: &str) -> Result<Value, BadFilter> {
        read(&OperationId::SiteList.declaration(), text).map(Value::Object)
    }

    #[test]
    fn a_filter_is_the_parameters_of_the_list() {
        let table = [
            ("platform=d10 status=enabled", json!({ "platform": ["d10"], "status": ["enabled"] })),
            ("status=new,failed  status=enabled", json!({ "status": ["new", "failed", "enabled"] })),
            ("search=\"my, own = site\"", json!({ "search": "my, own = site" })),
            ("verified=false", json!({ "verified": false })),
            ("platform=@platform_d10", json!({ "platform": ["d10"] })),
        ];
        for (text, expected) in table {
            assert_eq!(sites(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_the_way_out() {
        let table = [
            ("", "empty", "--all"),
            ("  \t ", "empty", "--all"),
            ("d10", "no `=`", "search=d10"),
            ("platfrom=d10", "platfrom", "did you mean `platform`?"),
            ("limit=5", "limit", "there are: search, status"),
            ("status=enabeld", "none of the words", "enabled"),
            ("platform=a/b", "platform", "drupal_10"),
            ("platform=", "platform", "drupal_10"),
            ("search=a search=b", "twice", "once"),
            ("search=\"a", "does not end", "end it"),
            ("verified=perhaps", "neither yes nor no", "true or false"),
        ];
        for (text, says, remedy) in table {
            let bad = sites(text).unwrap_err();
            assert!(bad.to_string().contains(says), "{text}: {bad}");
            assert!(bad.remedy().unwrap_or_default().contains(remedy), "{text}: {:?}", bad.remedy());
        }
    }
}
