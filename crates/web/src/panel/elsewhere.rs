//! The same thing done elsewhere: as a command in a shell, and as a call of the API.
//!
//! Both follow from the operation's declaration. That commands are what the command line reads is held by a test of
//! the program, which has the parser.

use aegir_domain::Cmd;
use aegir_hosting::{Call, Names, Presence, Shape};
use serde_json::{Map, Value};

use super::address::encoded;
use super::frame::Elsewhere;
use crate::api::{Place, place_of, route_of};

/// What stands for a secret.
const HIDDEN: &str = "…";

/// How `what` is asked for elsewhere, which `call` asks for here.
pub(crate) fn elsewhere(what: &str, call: &Call) -> Elsewhere {
    let mut call = call.clone();
    // As long as nobody has said a name, the word for one stands there.
    if let Names::One(kind) | Names::New(kind) = call.operation.declaration().names
        && call.name.as_deref().is_none_or(str::is_empty)
    {
        call.name = Some(kind.word.to_owned());
    }
    let (request, body) = request_of(&call);
    Elsewhere { what: what.to_owned(), command: command_of(&call).to_string(), call: request, body }
}

/// The command that asks for `call`; a secret is asked for on standard input.
pub fn command_of(call: &Call) -> Cmd {
    let operation = call.operation.declaration();
    let mut standing: Vec<String> = call.name.iter().cloned().collect();
    let mut words: Vec<String> = Vec::new();
    for parameter in operation.parameters {
        let Some(given) = call.parameters.get(parameter.name) else { continue };
        let option = operation.option_of(parameter);
        let switched_on = matches!(parameter.presence, Presence::Default(_));
        match parameter.shape {
            Shape::Secret => words.extend([format!("--{option}"), "-".to_owned()]),
            Shape::Flag if switched_on => words.extend(is_true(given).then(|| format!("--{option}"))),
            // Such a one takes its value in the same word.
            Shape::Flag => words.push(format!("--{option}={}", is_true(given))),
            _ if parameter.is_positional() => standing.extend(texts(given)),
            _ => {
                for text in texts(given) {
                    let in_one = text.starts_with('-') || text.is_empty();
                    match in_one {
                        true => words.push(format!("--{option}={text}")),
                        false => words.extend([format!("--{option}"), text]),
                    }
                }
            }
        }
    }
    if call.dry_run {
        words.push("--dry-run".to_owned());
    }
    let cmd = Cmd::new("aegir").args([operation.subject.word(), operation.verb]);
    match standing.iter().any(|text| text.starts_with('-')) {
        true => cmd.args(words).arg("--").args(standing),
        false => cmd.args(standing).args(words),
    }
}

fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str() == Some("true"))
}

/// A value, or each of several, as it is typed.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

/// Method and address, with a body where there is one.
fn request_of(call: &Call) -> (String, Option<String>) {
    let operation = call.operation.declaration();
    let route = route_of(&operation);
    let mut address = route.at(call.name.as_deref().unwrap_or_default());
    let mut query: Vec<String> = Vec::new();
    let mut body = Map::new();
    let is_new = matches!(operation.names, Names::New(_));
    if let (true, Some(name)) = (is_new, &call.name) {
        body.insert("name".into(), name.clone().into());
    }
    for parameter in operation.parameters {
        let Some(given) = call.parameters.get(parameter.name).filter(|given| !given.is_null()) else { continue };
        let is_secret = matches!(parameter.shape, Shape::Secret);
        match place_of(&operation) {
            Place::Body if is_secret => drop(body.insert(parameter.name.into(), HIDDEN.into())),
            // A query has only texts: what they are kept as is what a body takes.
            Place::Body => {
                let value = parameter.check(given).unwrap_or_else(|_| given.clone());
                body.insert(parameter.name.into(), value);
            }
            Place::Query if is_secret => query.push(format!("{}={HIDDEN}", parameter.name)),
            Place::Query => {
                query.extend(texts(given).iter().map(|text| format!("{}={}", parameter.name, encoded(text))));
            }
        }
    }
    if call.dry_run {
        query.push("dry_run=true".to_owned());
    }
    if !query.is_empty() {
        address = format!("{address}?{}", query.join("&"));
    }
    let body = (!body.is_empty()).then(|| format!("{:#}", Value::Object(body)));
    (format!("{} {address}", route.method), body)
}

#[cfg(test)]
mod tests {
    use aegir_hosting::OperationId;
    use serde_json::json;

    use super::*;

    fn said(call: &Call) -> (String, String, Option<Value>) {
        let there = elsewhere("It", call);
        let body = there.body.map(|body| serde_json::from_str(&body).unwrap());
        (there.command, there.call, body)
    }

    #[test]
    fn what_is_new_bears_its_name_in_the_body_and_lists_are_lists() {
        let call = Call::of(OperationId::SiteAdd)
            .about("example.org")
            .with("platform", "d10")
            .with("title", "Anna's — shop")
            .with("alias", vec!["a.test", "b.test"]);

        let (command, request, body) = said(&call);

        assert_eq!(
            command,
            r"aegir site add example.org --platform d10 --title 'Anna'\''s — shop' --alias a.test --alias b.test"
        );
        assert_eq!(request, "POST /api/v1/sites");
        let wanted = json!({ "name": "example.org", "platform": "d10", "title": "Anna's — shop",
            "alias": ["a.test", "b.test"] });
        assert_eq!(body, Some(wanted));
    }

    #[test]
    fn a_filter_is_a_query() {
        let call = Call::of(OperationId::SiteList)
            .with("status", vec!["new", "failed"])
            .with("verified", false)
            .with("sort", "-name")
            .with("search", "a&b");

        let (command, request, body) = said(&call);

        assert_eq!(
            command,
            "aegir site list --search 'a&b' --status new --status failed --verified=false --sort=-name"
        );
        assert_eq!(request, "GET /api/v1/sites?search=a%26b&status=new&status=failed&verified=false&sort=-name");
        assert_eq!(body, None);
    }

    #[test]
    fn numbers_and_flags_are_such_in_a_body() {
        let call = Call { dry_run: true, ..Call::of(OperationId::SiteEdit) }
            .about("a.test")
            .with("no_alias", "true")
            .with("revision", "3");

        let (command, request, body) = said(&call);

        assert_eq!(command, "aegir site edit a.test --no-alias --revision 3 --dry-run");
        assert_eq!(request, "PATCH /api/v1/sites/a.test?dry_run=true");
        assert_eq!(body, Some(json!({ "no_alias": true, "revision": 3 })));
        assert_eq!(said(&Call::of(OperationId::QueuePause)).2, None);
        assert_eq!(said(&Call::of(OperationId::SiteVerify)).0, "aegir site verify SITE");
    }

    #[test]
    fn a_secret_is_nowhere() {
        let call =
            Call::of(OperationId::ServerAdd).about("web1").with("home", "/srv/aegir").with("db_password", "hunter2");

        let (command, request, body) = said(&call);

        assert_eq!(command, "aegir server add web1 --db-password-file - --server-home /srv/aegir");
        assert_eq!(request, "POST /api/v1/servers");
        assert_eq!(body.unwrap()["db_password"], HIDDEN);
    }

    #[test]
    fn a_value_that_looks_like_an_option_is_none() {
        let set = Call::of(OperationId::SettingSet).about("news_mail_to").with("value", "-x");
        let delete = Call::of(OperationId::SiteDelete).about("a.test").with("confirm", "a.test");

        assert_eq!(said(&set).0, "aegir settings set -- news_mail_to -x");
        assert_eq!(said(&delete).0, "aegir site delete a.test --confirm a.test");
        assert_eq!(said(&delete).1, "DELETE /api/v1/sites/a.test?confirm=a.test");
    }
}
