//! Lists of what is kept beside objects: made from what the list tells, so that one that comes needs no page of its own.

use std::collections::BTreeMap;

use aegir_hosting::{Call, Effect, Names, Operation, OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;
use serde_json::Value;

use super::{Tab, is_kept, tabs};
use crate::api::Problem;
use crate::panel::elsewhere::elsewhere;
use crate::panel::forms::{label_of, title_of};
use crate::panel::frame::Frame;
use crate::panel::pairs::Pairs;
use crate::panel::visit::Visit;
use crate::panel::{address, reply};

#[derive(Template)]
#[template(path = "kept_list.html")]
struct ListPage {
    frame: Frame,
    tabs: Vec<Tab>,
    columns: Vec<String>,
    rows: Vec<Row>,
    /// What can be made: text and address.
    add: Option<(String, String)>,
    /// What each row is about, where the list is narrowed to it, and the list without that.
    narrowed: Option<(String, String)>,
    empty: String,
    command: String,
    next: String,
    first: String,
}

struct Row {
    cells: Vec<Cell>,
    /// What can be done with it: text and address.
    doing: Vec<(String, String)>,
    /// Whether it is what the page was asked by.
    is_own: bool,
}

struct Cell {
    label: String,
    text: String,
    /// A time, in milliseconds since 1970.
    at: Option<i64>,
}

/// The lists that are shown here.
pub(super) fn lists() -> impl Iterator<Item = Operation> {
    let all = OperationId::ALL.into_iter().map(OperationId::declaration);
    all.filter(|operation| operation.effect == Effect::Lists && operation.verb == "list" && is_kept(operation.subject))
}

/// What the page of a subject is called.
pub(super) fn title(subject: Subject) -> &'static str {
    match subject {
        Subject::Token => "Tokens",
        Subject::Field => "Fields",
        Subject::TaskType => "Task types",
        Subject::Account => "Accounts",
        Subject::Session => "Sessions",
        _ => subject.path(),
    }
}

/// A list.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let here = visit.asked.path.clone();
    let list = lists().find(|list| address::list(list.subject) == here);
    let list = list.ok_or_else(|| super::super::forms::broken("the list has no page"))?;
    let asked = &visit.asked.query;
    let mut call = Call::of(list.id);
    for parameter in list.parameters {
        if let Some(value) = asked.get(parameter.name).filter(|value| !value.is_empty()) {
            call = call.with(parameter.name, value);
        }
    }
    let (items, next, _) = visit.list::<Value>(call.clone()).await?;
    let mut frame = visit.frame(title(list.subject), "settings").await;
    frame.elsewhere.push(elsewhere("This list", &call));
    let keys = columns(list.subject, &items);
    let with = |pairs: Pairs| format!("{here}?{}", pairs.write());
    let narrowed = list.parameters.iter().filter(|parameter| !matches!(parameter.name, "limit" | "cursor"));
    let narrowed = narrowed.filter_map(|parameter| {
        let value = asked.get(parameter.name)?;
        Some((format!("{}: {value}", label_of(parameter.name)), with(asked.without(&[parameter.name, "cursor"]))))
    });
    let page = ListPage {
        tabs: tabs(&here),
        columns: keys.iter().map(|key| label_of(key)).collect(),
        rows: items.iter().map(|item| row(visit, &list, &keys, item)).collect(),
        add: adding(&list).map(|add| (title_of(&add, None), address::doing(&add, None))),
        narrowed: narrowed.into_iter().next(),
        empty: about_none(list.subject).to_owned(),
        command: adding(&list).map(|add| elsewhere("", &Call::of(add.id)).command).unwrap_or_default(),
        next: next.map(|next| with(asked.with("cursor", &next))).unwrap_or_default(),
        first: if asked.get("cursor").is_some() { with(asked.without(&["cursor"])) } else { String::new() },
        frame,
    };
    reply::page(&page)
}

/// What an empty list says.
fn about_none(subject: Subject) -> &'static str {
    match subject {
        Subject::Token => {
            "There is no token: no program may ask over TCP. One lets in whoever has it, for what its scopes say."
        }
        Subject::Field => {
            "You have no fields of your own. One gives servers, platforms or sites something more to be said of them."
        }
        Subject::TaskType => {
            "You have no task types of your own. One is a folder in `tasks.d` of the home, with a manifest and programs."
        }
        Subject::Account => "There is no account.",
        _ => "There is nothing here.",
    }
}

/// The operation that makes another one.
fn adding(list: &Operation) -> Option<Operation> {
    let all = OperationId::ALL.into_iter().map(OperationId::declaration);
    all.into_iter().find(|operation| operation.subject == list.subject && matches!(operation.names, Names::New(_)))
}

/// What the entries tell, in the order in which they tell it; what names them comes first.
fn columns(subject: Subject, items: &[Value]) -> Vec<String> {
    // Of a task type there is more to say than has room; its form shows the rest.
    if subject == Subject::TaskType {
        let told = ["name", "title", "object", "description", "fields", "permission", "dangerous", "fault"];
        let is_said = |key: &&str| items.iter().any(|item| item.get(*key).is_some());
        return told.into_iter().filter(is_said).map(str::to_owned).collect();
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for key in items.iter().filter_map(Value::as_object).flat_map(|item| item.keys()) {
        let place = seen.len();
        seen.entry(key).or_insert(place);
    }
    let mut keys: Vec<_> = seen.into_iter().collect();
    keys.sort_by_key(|(key, place)| (!matches!(*key, "name" | "label" | "id"), *place));
    keys.into_iter().map(|(key, _)| key.to_owned()).collect()
}

fn row(visit: &Visit, list: &Operation, keys: &[String], item: &Value) -> Row {
    let cells =
        keys.iter().map(|key| Cell { label: label_of(key), text: text_of(&item[key]), at: time_of(key, &item[key]) });
    let name = ["name", "label", "id"].into_iter().find_map(|key| Some(text_of(item.get(key)?)));
    let name = name.unwrap_or_default();
    let all = OperationId::ALL.into_iter().map(OperationId::declaration);
    let doing =
        all.into_iter().filter(|one| one.subject == list.subject && !one.reads() && matches!(one.names, Names::One(_)));
    // What is so already is not offered.
    let blocked = item["blocked"].is_number();
    let doing = doing.filter(|one| match one.id {
        OperationId::AccountBlock => !blocked,
        OperationId::AccountUnblock => blocked,
        _ => true,
    });
    let doing = doing.map(|one| {
        // What is said of the entry is what the operation asks for beside its name: the kind of a field.
        let said = one
            .parameters
            .iter()
            .filter_map(|parameter| Some((parameter.name.to_owned(), item.get(parameter.name)?.as_str()?.to_owned())));
        let said = Pairs(said.collect()).write();
        let to = address::doing(&one, Some(&name));
        (title_of(&one, Some(&name)), if said.is_empty() { to } else { format!("{to}?{said}") })
    });
    let is_own = list.subject == Subject::Session && item["id"].as_i64() == Some(visit.session.id);
    Row { cells: cells.collect(), doing: doing.collect(), is_own }
}

/// A value as people read it.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text_of).collect::<Vec<_>>().join(", "),
        // The field of a form is called by its label.
        Value::Object(of) if of.get("label").is_some_and(Value::is_string) => text_of(&of["label"]),
        other => other.to_string(),
    }
}

/// Numbers so large are times; a number of an entry is called `id`.
fn time_of(key: &str, value: &Value) -> Option<i64> {
    value.as_i64().filter(|at| key != "id" && *at > 100_000_000_000)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_task_type_is_told_what_has_room_and_its_fields_by_their_labels() {
        let fields =
            json!([{ "name": "hours", "label": "For how long", "kind": "number" }, { "name": "why", "label": "Why" }]);
        let items = [json!({ "name": "quiet", "also_disabled": false, "fields": fields, "title": "Quiet hours" })];

        assert_eq!(columns(Subject::TaskType, &items), ["name", "title", "fields"]);
        assert_eq!(text_of(&items[0]["fields"]), "For how long, Why");
    }

    #[test]
    fn what_names_an_entry_stands_first_and_a_late_column_is_not_lost() {
        let items =
            [json!({ "made_by": "a", "label": "ci" }), json!({ "label": "b", "expires": 1_795_283_412_000_i64 })];

        assert_eq!(columns(Subject::Token, &items)[0], "label");
        assert_eq!(columns(Subject::Token, &items).len(), 3);
        assert_eq!(time_of("expires", &items[1]["expires"]), Some(1_795_283_412_000));
        assert_eq!(time_of("id", &json!(1_795_283_412_000_i64)), None);
    }
}
