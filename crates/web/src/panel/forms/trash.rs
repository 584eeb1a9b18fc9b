//! The forms of what lies in a trash: what it is that comes back or goes is looked at first.

use aegir_hosting::view::TrashView;
use aegir_hosting::{Call, Operation, OperationId, Refusal};
use serde_json::Value;

use super::field::{Field, Look};
use super::page::{Doing, Told};
use super::read::read;
use crate::api::{Problem, ProblemKind};
use crate::panel::pairs::Pairs;
use crate::panel::visit::Visit;

/// How many things are looked through.
const MOST: i64 = 500;

/// What a form was sent with, or its address says.
fn said(visit: &Visit) -> &Pairs {
    if visit.asked.form.0.is_empty() { &visit.asked.query } else { &visit.asked.form }
}

/// The values of a parameter, as a form was sent with them or its address says.
pub(super) fn given(visit: &Visit, name: &str) -> Vec<String> {
    let lines = said(visit).all(name).flat_map(str::lines).map(str::trim).filter(|text| !text.is_empty());
    lines.map(str::to_owned).collect()
}

/// The thing of this name as it lies there; or, where a trash is emptied, what would go.
pub(super) async fn look(visit: &Visit, operation: &Operation, name: Option<&str>) -> Result<Option<Value>, Problem> {
    let Some(name) = name else {
        let mut call = read(operation, None, said(visit)).call.with("confirm", "-");
        call.dry_run = true;
        return Ok(Some(visit.object(call).await?));
    };
    let mut list = Call::of(OperationId::TrashList).with("limit", MOST).uncounted();
    if let Some(server) = given(visit, "server").pop() {
        list = list.with("server", server);
    }
    let (things, more, _) = visit.list::<Value>(list).await?;
    match things.into_iter().find(|thing| thing["name"] == name) {
        None if more.is_none() => Err(Refusal::Unknown { what: "trash", name: name.to_owned() }.into()),
        found => Ok(found),
    }
}

/// Why a thing stays in the trash, whatever is filled in.
pub(super) async fn stays(doing: &Doing<'_>) -> Option<Told> {
    let mut call = Call { dry_run: true, ..doing.call() };
    if let Some(thing) = thing(doing.view.as_ref()) {
        call = call.with("server", thing.server);
    }
    match doing.visit.ask(call).await {
        // Where it is to live can be filled in.
        Err(problem) if problem.kind != ProblemKind::BadParameters => Some(Told::of(&problem)),
        _ => None,
    }
}

fn thing(view: Option<&Value>) -> Option<TrashView> {
    serde_json::from_value(view?.clone()).ok()
}

/// Leaves the fields of a form that mean something, and has it do what was seen.
pub(super) fn fit(visit: &Visit, operation: &Operation, view: Option<&Value>, fields: &mut Vec<Field>) {
    if operation.id == OperationId::TrashRestore && thing(view).is_some_and(|thing| thing.kind == "platform") {
        fields.retain(|field| !["platform", "db_server"].contains(&field.name.as_str()));
    }
    if operation.id == OperationId::TrashEmpty {
        // What is named goes however long it lies there.
        let of_other_sort = if given(visit, "thing").is_empty() { "thing" } else { "older_than" };
        fields.retain(|field| field.name != of_other_sort);
    }
    for field in fields.iter_mut().filter(|field| ["server", "thing"].contains(&field.name.as_str())) {
        field.look = Look::Hidden;
        if let ("server", Some(server)) = (field.name.as_str(), view.and_then(|view| view["server"].as_str())) {
            field.value = server.to_owned();
        }
    }
}
