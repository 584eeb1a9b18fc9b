//! A request, read as a call of an operation: all that is wrong with it is told at once.

use aegir_hosting::{BadParameter, BadParameters, Call, Names, Operation, Parameter, Shape, Subject};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::route::{Place, place_of};
use super::{Problem, ProblemKind};

/// The word in the query that asks only what would be done.
pub(super) const DRY_RUN: &str = "dry_run";

/// Reads a request about `operation`: the name in its address, its query, its body.
pub(super) fn read(
    operation: &Operation,
    name: Option<String>,
    query: &str,
    body: Map<String, Value>,
) -> Result<Result<Call, BadParameters>, Problem> {
    let mut call = Call { parameters: body, ..Call::of(operation.id) };
    let mut bad: Vec<_> =
        operation.parameters.iter().filter_map(|parameter| of_another_type(parameter, &call.parameters)).collect();
    in_query(operation, pairs(query)?, &mut call, &mut bad);
    let (given, kind) = match operation.names {
        Names::None => (None, None),
        Names::One(kind) => (name, Some(kind)),
        Names::New(kind) => match call.parameters.remove("name") {
            Some(Value::String(name)) => (Some(name), Some(kind)),
            Some(_) => {
                bad.push(wrong("name", "it is no text", &format!("give a text: {}", kind.word)));
                (None, None)
            }
            None => {
                bad.push(wrong("name", "it must be given", &format!("name: {}", kind.word)));
                (None, None)
            }
        },
    };
    if let (Some(given), Some(kind)) = (&given, kind) {
        // A site is called by its name, and by that of its context.
        let given = match kind.refers {
            Some(Subject::Site) => given.strip_prefix('@').unwrap_or(given),
            _ => given,
        };
        match kind.read(given) {
            Ok(name) => call.name = Some(name),
            Err(text) => {
                bad.push(BadParameter { parameter: "name".into(), why: text.to_string(), remedy: text.instead })
            }
        }
    }
    if bad.is_empty() {
        return Ok(Ok(call));
    }
    if let Err(others) = operation.read(&call.parameters) {
        let told: Vec<_> = bad.iter().map(|bad| bad.parameter.clone()).collect();
        bad.extend(others.bad.into_iter().filter(|other| !told.contains(&other.parameter)));
    }
    Ok(Err(BadParameters { operation: operation.name(), bad }))
}

fn in_query(operation: &Operation, pairs: Vec<(String, String)>, call: &mut Call, bad: &mut Vec<BadParameter>) {
    let place = place_of(operation);
    let mut dry_run = None;
    for (name, value) in pairs {
        if name == DRY_RUN && !operation.reads() {
            match value.as_str() {
                _ if dry_run.is_some() => bad.push(twice(DRY_RUN)),
                "true" | "false" => dry_run = Some(value == "true"),
                _ => bad.push(wrong(DRY_RUN, "it is neither yes nor no", "give true or false")),
            }
            continue;
        }
        match (place, operation.parameter(&name)) {
            (Place::Query, Some(Parameter { many: true, .. })) => {
                let values = call.parameters.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(values) = values {
                    values.extend(value.split(',').map(Value::from));
                }
            }
            (Place::Query, _) if call.parameters.contains_key(&name) => bad.push(twice(&name)),
            (Place::Query, _) => {
                call.parameters.insert(name, value.into());
            }
            (Place::Body, Some(_)) => {
                bad.push(wrong(&name, "it stands in the address", "send it in the body, as a member of a JSON object"))
            }
            (Place::Body, None) => bad.push(wrong(
                &name.chars().filter(|c| !c.is_control()).take(60).collect::<String>(),
                "the address has no such parameter",
                "in the address there is: dry_run",
            )),
        }
    }
    call.dry_run = dry_run.unwrap_or(false);
}

fn twice(name: &str) -> BadParameter {
    wrong(name, "it is given more than once", "give it once")
}

fn wrong(parameter: &str, why: &str, remedy: &str) -> BadParameter {
    BadParameter { parameter: parameter.into(), why: why.into(), remedy: Some(remedy.into()) }
}

/// What is no value of its parameter's type in JSON. In a body a number is a number and a list a list, as the
/// document says; only a query has nothing but texts.
fn of_another_type(parameter: &Parameter, body: &Map<String, Value>) -> Option<BadParameter> {
    let given = body.get(parameter.name)?;
    let fits = |value: &Value| match parameter.shape {
        Shape::Number { .. } => value.is_i64() || value.is_u64(),
        Shape::Flag => value.is_boolean(),
        Shape::Text(_) | Shape::Choice(_) | Shape::Secret => value.is_string(),
    };
    let fitting = match (parameter.many, given) {
        (true, Value::Array(values)) => values.iter().all(fits),
        (true, _) => false,
        (false, value) => fits(value),
    };
    let wanted = match parameter.shape {
        Shape::Number { .. } => "a whole number",
        Shape::Flag => "true or false",
        Shape::Text(_) | Shape::Choice(_) | Shape::Secret => "a text",
    };
    let wanted = if parameter.many { format!("a list, each of it {wanted}") } else { wanted.to_owned() };
    (!fitting).then(|| wrong(parameter.name, "it is of another type", &format!("give {wanted}, or leave it out")))
}

/// The names and values of a query, each decoded once.
pub(super) fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| Ok((text(name)?, text(value)?)))
        .collect()
}

fn text(encoded: &str) -> Result<String, Problem> {
    let spaced = encoded.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map(|text| text.into_owned()).map_err(|_| {
        Problem::new(
            ProblemKind::Malformed,
            "the query of the address is no UTF-8",
            "encode the bytes of its UTF-8 text, such as `%C3%A9` for é",
        )
    })
}

#[cfg(test)]
mod tests {
    use aegir_hosting::OperationId;
    use serde_json::json;

    use super::*;

    fn asked(id: OperationId, name: Option<&str>, query: &str, body: Value) -> Result<Call, BadParameters> {
        let body = body.as_object().unwrap().clone();
        read(&id.declaration(), name.map(str::to_owned), query, body).unwrap()
    }

    #[test]
    fn a_filter_has_several_values_repeated_or_with_commas() {
        for query in ["status=new&status=failed&limit=3", "status=new,failed&limit=3", "status=new%2Cfailed&limit=3"] {
            let call = asked(OperationId::SiteList, None, query, json!({})).unwrap();

            assert_eq!(Value::from(call.parameters), json!({ "status": ["new", "failed"], "limit": "3" }));
        }
    }

    #[test]
    fn what_is_decoded_once_stays_as_it_is() {
        let call = asked(OperationId::SiteList, None, "search=a+b%2Bc%2525", json!({})).unwrap();

        assert_eq!(call.parameters["search"], "a b+c%25");
        assert!(pairs("search=%ff").is_err());
    }

    #[test]
    fn all_mistakes_are_told_at_once_the_name_among_them() {
        let body = json!({ "name": "A b", "mail": 3, "language": "../en" });

        let bad = asked(OperationId::SiteAdd, None, "dry_run=maybe&title=x", body).unwrap_err().bad;

        let names: Vec<_> = bad.iter().map(|bad| bad.parameter.as_str()).collect();
        assert_eq!(names, ["mail", "dry_run", "title", "name", "language"]);
    }

    #[test]
    fn a_name_is_of_the_kind_that_the_operation_names() {
        let call = asked(OperationId::ServerShow, Some("@server_web1"), "", json!({})).unwrap();
        assert_eq!(call.name.as_deref(), Some("web1"));

        for name in ["..", "a/b", "a\0b", "", "web1;", "Ünïcode"] {
            assert!(asked(OperationId::ServerShow, Some(name), "", json!({})).is_err(), "{name:?}");
        }
    }

    #[test]
    fn in_a_body_each_value_is_of_the_type_that_the_document_says() {
        for body in [json!({ "account": "1" }), json!({ "account": null }), json!({ "account": 1.5 })] {
            assert!(asked(OperationId::SiteLogin, Some("a.test"), "", body).is_err());
        }
        assert!(asked(OperationId::SiteLogin, Some("a.test"), "", json!({ "account": 1 })).is_ok());
        assert!(asked(OperationId::SiteEdit, Some("a.test"), "", json!({ "alias": "b.test" })).is_err());
        assert!(asked(OperationId::SiteEdit, Some("a.test"), "", json!({ "no_alias": "true" })).is_err());
    }

    #[test]
    fn one_value_is_not_given_twice() {
        assert!(asked(OperationId::SiteList, None, "limit=1&limit=2", json!({})).is_err());
        assert!(asked(OperationId::SiteVerify, Some("a.test"), "dry_run=true&dry_run=true", json!({})).is_err());
    }
}
