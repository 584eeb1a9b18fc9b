//! What the double does with a call.

use std::str::FromStr;

use aegir_domain::ContextName;
use aegir_hosting::view::{DeletedFieldView, FieldView, RevokedTokenView, TokenView};
use aegir_hosting::{
    Actor, Answer, BadParameters, Call, Chosen, Effect, Given, Names, Offer, Operation, OperationId, Permissions,
    Queued, Refusal, Setting, Subject, Unavailable, options,
};
use serde_json::{Value, json};

use super::{NOW, State};

/// Permission first, then what was given, then what is asked.
pub(super) fn perform(state: &mut State, actor: &Actor, call: Call) -> Result<Answer, Refusal> {
    let operation = call.operation.declaration();
    actor.must(operation.needs)?;
    let given = operation.read(&call.parameters)?;
    let name = match (operation.names, &call.name) {
        (Names::One(kind) | Names::New(kind), Some(name)) => kind.read(name).map_err(|bad| {
            Refusal::Bad(BadParameters::one(&operation, "name", bad.to_string(), bad.instead.unwrap_or_default()))
        })?,
        (Names::None, None) => String::new(),
        _ => return Err(BadParameters::one(&operation, "name", "it is missing, or too much", "name the object").into()),
    };
    match operation.effect {
        Effect::Lists => list(state, &operation, &name, &given),
        Effect::Shows => show(state, &operation, &name, &given).map(Answer::Object),
        Effect::Tries if call.dry_run => {
            Ok(Answer::WouldQueue { object: context(&operation, &name), requests: vec![json!({})] })
        }
        Effect::Tries => {
            node(state, &operation, &name)?;
            Ok(Answer::Object(json!({ "server": name, "works": true, "services": [] })))
        }
        Effect::Changes if call.dry_run => {
            let mut imagined = state.clone();
            change(&mut imagined, actor, &operation, &name, &given).map(Answer::Object)
        }
        Effect::Queues if call.dry_run => {
            let requests = vec![json!({ "task": operation.slug() })];
            Ok(Answer::WouldQueue { object: context(&operation, &name), requests })
        }
        Effect::Changes => change(state, actor, &operation, &name, &given).map(Answer::Object),
        Effect::Queues => queue(state, actor, &operation, &name, &given).map(Answer::Queued),
    }
}

/// The name of an object as it is kept.
fn context(operation: &Operation, name: &str) -> String {
    match operation.subject {
        Subject::Server => format!("@server_{name}"),
        Subject::Platform => format!("@platform_{name}"),
        Subject::Site => format!("@{name}"),
        _ => ContextName::from_str(name).map_or_else(|_| name.to_owned(), |name| name.to_string()),
    }
}

fn unknown(operation: &Operation, name: &str) -> Refusal {
    let what = match operation.subject {
        Subject::Node => "node",
        other => other.word(),
    };
    Refusal::Unknown { what, name: name.to_owned() }
}

fn node(state: &State, operation: &Operation, name: &str) -> Result<i64, Refusal> {
    let whole = context(operation, name);
    let named = state.nodes.iter().find(|(id, node)| {
        node.status != "deleted"
            && (node.name == whole || (operation.subject == Subject::Node && id.to_string() == name))
    });
    named.map(|(id, _)| *id).ok_or_else(|| unknown(operation, name))
}

fn task(state: &State, operation: &Operation, name: &str) -> Result<i64, Refusal> {
    name.parse().ok().filter(|task| state.tasks.contains_key(task)).ok_or_else(|| unknown(operation, name))
}

fn list(state: &State, operation: &Operation, name: &str, given: &Given) -> Result<Answer, Refusal> {
    let status = given.strs("status");
    let search = given.str("search").unwrap_or_default();
    let nodes = |kind: &str| {
        let of_kind = state.nodes.iter().filter(|(_, node)| node.kind == kind && node.name.contains(search));
        let shown = of_kind.filter(|(_, node)| match status.is_empty() {
            true => node.status != "deleted",
            false => status.contains(&node.status),
        });
        shown.map(|(id, _)| state.object(*id)).collect()
    };
    let items: Vec<Value> = match operation.id {
        OperationId::ServerList => nodes("server"),
        OperationId::PlatformList => nodes("platform"),
        OperationId::SiteList => nodes("site"),
        OperationId::TaskList => {
            let states = given.strs("state");
            let shown = state.tasks.iter().filter(|(_, task)| states.is_empty() || states.contains(&task.state));
            shown.map(|(id, _)| json!(state.task_view(*id, false))).collect()
        }
        OperationId::TaskLog => return log(state, task(state, operation, name)?, given),
        OperationId::TokenList => state.tokens.keys().map(|label| json!(state.token_view(label))).collect(),
        OperationId::SettingList => {
            Setting::ALL.into_iter().map(|setting| json!(state.setting_view(setting))).collect()
        }
        OperationId::FieldList => state.fields.values().map(|field| json!(field)).collect(),
        OperationId::AuditList => state.audit.iter().rev().map(|entry| json!(entry)).collect(),
        OperationId::NodeHistory => {
            node(state, operation, name)?;
            vec![json!({ "at": NOW, "actor": "aegir", "what": "made" })]
        }
        _ => Vec::new(),
    };
    let begin: usize = given.str("cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let limit = usize::try_from(given.number("limit").unwrap_or(500)).unwrap();
    let total = Some(items.len() as u64);
    let next = (begin + limit < items.len()).then(|| (begin + limit).to_string());
    Ok(Answer::Page { items: items.into_iter().skip(begin).take(limit).collect(), next, total })
}

fn log(state: &State, task: i64, given: &Given) -> Result<Answer, Refusal> {
    let attempts = &state.tasks[&task].attempts;
    let attempt = given.number("attempt").map_or(attempts.len(), |attempt| usize::try_from(attempt).unwrap());
    let lines = match attempt {
        0 => &[] as &[_],
        _ => attempts.get(attempt - 1).ok_or(Refusal::Unknown { what: "task", name: task.to_string() })?,
    };
    let from = usize::try_from(given.number("from").unwrap_or(1)).unwrap() - 1;
    let limit = usize::try_from(given.number("limit").unwrap_or(500)).unwrap();
    let end = from.saturating_add(limit);
    let items = lines.iter().skip(from).take(limit).map(|line| json!(line)).collect();
    let next = (end < lines.len()).then(|| (end + 1).to_string());
    Ok(Answer::Page { items, next, total: Some(lines.len() as u64) })
}

fn show(state: &State, operation: &Operation, name: &str, given: &Given) -> Result<Value, Refusal> {
    Ok(match operation.id {
        OperationId::QueueShow => json!(state.queue_view()),
        OperationId::TaskShow => json!(state.task_view(task(state, operation, name)?, true)),
        OperationId::SettingShow => {
            json!(state.setting_view(Setting::named(name).ok_or_else(|| unknown(operation, name))?))
        }
        OperationId::SiteOptions => {
            let chosen =
                Chosen { platform: given.text("platform"), profile: given.text("profile"), ..Chosen::default() };
            options(&Offer::default(), &chosen).as_json()
        }
        OperationId::PackageShow => return Err(unknown(operation, name)),
        OperationId::NodeShow => state.object(node(state, operation, name)?),
        _ => state.object(node(state, operation, name)?),
    })
}

fn change(
    state: &mut State,
    actor: &Actor,
    operation: &Operation,
    name: &str,
    given: &Given,
) -> Result<Value, Refusal> {
    Ok(match operation.id {
        OperationId::TaskCancel => {
            let number = task(state, operation, name)?;
            let cancelled = state.tasks.get_mut(&number).unwrap();
            if cancelled.state == "waiting" {
                cancelled.state = "cancelled";
            }
            state.change(number, "task", "ended");
            json!(state.task_view(number, true))
        }
        OperationId::QueuePause | OperationId::QueueDrain => {
            state.paused = true;
            json!(state.queue_view())
        }
        OperationId::QueueResume => {
            state.paused = false;
            json!(state.queue_view())
        }
        OperationId::TokenAdd => {
            if state.tokens.contains_key(name) {
                return Err(Refusal::Taken { name: name.into(), by: "another token".into() });
            }
            let scopes: Permissions = given.strs("scope").iter().map(|scope| scope.parse().unwrap()).collect();
            let token = state.token(name, scopes);
            state.tokens.get_mut(name).unwrap().made_by = actor.name.clone();
            json!(TokenView { token: Some(token), ..state.token_view(name) })
        }
        OperationId::TokenRevoke => {
            state.tokens.remove(name).ok_or_else(|| unknown(operation, name))?;
            json!(RevokedTokenView { label: name.into(), revoked: true })
        }
        OperationId::SettingSet => {
            let setting = Setting::named(name).ok_or_else(|| unknown(operation, name))?;
            let value = setting.check(operation, &given.str("value").into())?;
            state.settings.insert(name.into(), value);
            json!(state.setting_view(setting))
        }
        OperationId::FieldAdd => {
            let kind = given.str("kind").unwrap_or_default().to_owned();
            let of = (kind.clone(), name.to_owned());
            if state.fields.contains_key(&of) {
                return Err(Refusal::Taken { name: name.into(), by: "another field".into() });
            }
            let field = FieldView {
                kind,
                name: name.into(),
                title: given.str("title").unwrap_or(name).into(),
                field_type: given.str("type").unwrap_or("text").into(),
                required: given.flag("required"),
            };
            state.fields.insert(of, field.clone());
            json!(field)
        }
        _ => {
            let of = (given.str("kind").unwrap_or_default().to_owned(), name.to_owned());
            let field = state.fields.remove(&of).ok_or_else(|| unknown(operation, name))?;
            json!(DeletedFieldView { kind: field.kind, name: field.name, deleted: true })
        }
    })
}

fn queue(
    state: &mut State,
    actor: &Actor,
    operation: &Operation,
    name: &str,
    given: &Given,
) -> Result<Queued, Refusal> {
    let object = context(operation, name);
    if operation.id == OperationId::TaskRetry {
        let number = task(state, operation, name)?;
        let retried = state.tasks.get_mut(&number).unwrap();
        if retried.state == "waiting" || retried.state == "running" {
            let what = format!("task {number} has not ended");
            return Err(Refusal::Conflict { what, remedy: Some("wait for its end, or cancel it".into()) });
        }
        retried.state = "waiting";
        let object = retried.object_name.clone();
        state.change(number, "task", "queued");
        return Ok(Queued { task: number, object, known: false });
    }
    if operation.id == OperationId::DriftResolve {
        return Err(unknown(operation, name));
    }
    if let Names::New(_) = operation.names {
        if let Ok(other) = node(state, operation, name) {
            return Err(Refusal::Taken { name: object, by: format!("node {other}") });
        }
        let on = given.str("platform").or(given.str("server")).unwrap_or_default().to_owned();
        let made = state.node(operation.subject.word(), &object, &on);
        state.nodes.get_mut(&made).unwrap().status = "new";
        let task = state.task(&operation.slug(), made, &actor.name, given.as_json());
        return Ok(Queued { task, object, known: false });
    }
    let number = node(state, operation, name)?;
    if state.nodes[&number].status == "new" && operation.id != OperationId::SiteDelete {
        return Err(Unavailable::NotYet { name: object.parse().unwrap() }.into());
    }
    if given.has("confirm") && given.str("confirm") != Some(name) {
        return Err(BadParameters::one(operation, "confirm", "it is not its name", format!("type `{name}`")).into());
    }
    let named = state.nodes.get_mut(&number).unwrap();
    if let Some(from) = given.number("revision").and_then(|from| u64::try_from(from).ok())
        && from != named.revision
    {
        return Err(Refusal::Stale { name: object, from, now: named.revision });
    }
    named.revision += u64::from(operation.verb == "edit");
    let waits =
        |task: &super::Task| task.object == number && task.operation == operation.slug() && task.state == "waiting";
    let known = state.tasks.iter().find(|(_, task)| waits(task)).map(|(task, _)| *task);
    let task = known.unwrap_or_else(|| state.task(&operation.slug(), number, &actor.name, given.as_json()));
    Ok(Queued { task, object, known: known.is_some() })
}
