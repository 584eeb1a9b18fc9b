//! The parameters that somebody gave, once they are read: all mistakes are told at once.

use std::collections::BTreeMap;
use std::str::FromStr;

use aegir_domain::{BadText, Password, Remedy};
use serde_json::{Map, Value};

use super::{Operation, Presence, Shape};

/// The most values that one parameter may have.
const MOST_VALUES: usize = 1_000;

/// Parameters of one operation as they are kept: each of its kind, defaults filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    values: BTreeMap<&'static str, Value>,
    secrets: BTreeMap<&'static str, Password>,
}

/// Parameters that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{operation}` cannot be asked for like this: {}", .bad.iter().map(|bad| bad.to_string()).collect::<Vec<_>>().join("; "))]
pub struct BadParameters {
    /// What was asked for.
    pub operation: String,
    /// Each mistake.
    pub bad: Vec<BadParameter>,
}

impl Remedy for BadParameters {
    fn remedy(&self) -> Option<String> {
        let remedies: Vec<_> = self.bad.iter().filter_map(|bad| bad.remedy.clone()).collect();
        (!remedies.is_empty()).then(|| remedies.join("; "))
    }
}

/// One parameter that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {why}")]
pub struct BadParameter {
    /// Its name.
    pub parameter: String,
    /// What is wrong.
    pub why: String,
    /// What to give instead.
    pub remedy: Option<String>,
}

impl BadParameters {
    /// A single mistake.
    pub fn one(operation: &Operation, parameter: &str, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        BadParameters {
            operation: operation.name(),
            bad: vec![BadParameter { parameter: parameter.into(), why: why.into(), remedy: Some(remedy.into()) }],
        }
    }
}

impl Operation {
    /// Reads what was given; says all that is wrong with it.
    pub fn read(&self, raw: &Map<String, Value>) -> Result<Given, BadParameters> {
        let mut given = Given::default();
        let mut bad = Vec::new();
        for name in raw.keys().filter(|name| self.parameter(name).is_none()) {
            let known: Vec<_> = self.parameters.iter().map(|parameter| parameter.name).collect();
            bad.push(BadParameter {
                parameter: shortened(name),
                why: "there is no such parameter".into(),
                remedy: Some(match known.is_empty() {
                    true => "leave it out: there are none".into(),
                    false => format!("there are: {}", known.join(", ")),
                }),
            });
        }
        for parameter in self.parameters {
            let value = match (raw.get(parameter.name), parameter.presence) {
                (None | Some(Value::Null), Presence::Default(text)) if parameter.many => {
                    Value::Array(vec![text.into()])
                }
                (None | Some(Value::Null), Presence::Default(text)) => text.into(),
                (None | Some(Value::Null), Presence::Optional(_)) => continue,
                (None | Some(Value::Null), Presence::Required) => {
                    bad.push(BadParameter {
                        parameter: parameter.name.into(),
                        why: "it must be given".into(),
                        remedy: Some(format!("{}: {}", parameter.name, parameter.about)),
                    });
                    continue;
                }
                (Some(value), _) => value.clone(),
            };
            if value.as_array().is_some_and(|values| values.len() > MOST_VALUES) {
                bad.push(BadParameter {
                    parameter: parameter.name.into(),
                    why: format!("it has more than {MOST_VALUES} values"),
                    remedy: Some(format!("give at most {MOST_VALUES} at once")),
                });
                continue;
            }
            match (parameter.check(&value), parameter.shape) {
                (Ok(Value::String(text)), Shape::Secret) => {
                    given.secrets.insert(parameter.name, Password::new(text));
                }
                (Ok(value), _) => {
                    given.values.insert(parameter.name, value);
                }
                (Err(error), _) => bad.push(BadParameter {
                    parameter: parameter.name.into(),
                    why: error.to_string(),
                    remedy: error.instead,
                }),
            }
        }
        match bad.is_empty() {
            true => Ok(given),
            false => Err(BadParameters { operation: self.name(), bad }),
        }
    }
}

impl Given {
    /// A text, as the type that its kind reads.
    pub fn text<T: FromStr<Err = BadText>>(&self, name: &str) -> Option<T> {
        self.values.get(name)?.as_str()?.parse().ok()
    }

    /// A text as it is.
    pub fn str(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str()
    }

    /// Several texts; none where none was given.
    pub fn texts<T: FromStr<Err = BadText>>(&self, name: &str) -> Vec<T> {
        let values = self.values.get(name).and_then(Value::as_array);
        values.into_iter().flatten().filter_map(|value| value.as_str()?.parse().ok()).collect()
    }

    /// Several texts as they are.
    pub fn strs(&self, name: &str) -> Vec<&str> {
        self.values.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Whether the parameter was given at all, so that "none" can be told from "not said".
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.secrets.contains_key(name)
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.values.get(name)?.as_i64()
    }

    /// Yes or no; no where it was not given.
    pub fn flag(&self, name: &str) -> bool {
        self.values.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A secret.
    pub fn secret(&self, name: &str) -> Option<&Password> {
        self.secrets.get(name)
    }

    /// All but the secrets, for the task's record and the audit.
    pub fn as_json(&self) -> Value {
        self.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Map<_, _>>().into()
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::OperationId;

    fn read(id: OperationId, raw: Value) -> Result<Given, BadParameters> {
        id.declaration().read(raw.as_object().unwrap())
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let raw = json!({ "language": "../en", "colour": "red", "mail": 7 });

        let bad = read(OperationId::SiteAdd, raw).unwrap_err();

        let names: Vec<_> = bad.bad.iter().map(|bad| bad.parameter.as_str()).collect();
        assert_eq!(names, ["colour", "language", "mail"]);
        assert!(bad.remedy().unwrap().contains("pt-br"));
    }

    #[test]
    fn only_the_name_of_a_site_must_be_given() {
        let given = read(OperationId::SiteAdd, json!({})).unwrap();

        assert_eq!(given.str("language"), Some("en"));
        assert_eq!(given.str("platform"), None);
    }

    #[test]
    fn a_secret_is_kept_apart_from_what_is_shown() {
        let raw = json!({ "db": "mariadb", "db_password": "a long secret" });

        let given = read(OperationId::ServerAdd, raw).unwrap();

        assert_eq!(given.secret("db_password").unwrap().expose(), "a long secret");
        assert!(!format!("{given:?}{}", given.as_json()).contains("a long secret"));
    }

    #[test]
    fn a_query_has_only_texts() {
        let given = read(OperationId::SiteList, json!({ "limit": "20", "status": "enabled" })).unwrap();

        assert_eq!(given.number("limit"), Some(20));
        assert_eq!(given.strs("status"), ["enabled"]);
        assert!(read(OperationId::SiteList, json!({ "limit": "2000000" })).is_err());
    }

    #[test]
    fn too_many_values_are_refused() {
        let names: Vec<_> = (0..1001).map(|n| format!("a{n}.example.org")).collect();

        assert!(read(OperationId::SiteAdd, json!({ "alias": names })).is_err());
    }
}
