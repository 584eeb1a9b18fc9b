//! What is there: attempts, and what is known of each object.

use aegir_domain::protocol::{Ending, Line, Said};
use aegir_domain::{AttemptId, Context, ContextName, Outcome, Task};
use aegir_provision::{Attempt, AttemptFault, ContextFault, Contexts};
use serde_json::{Map, Value, json};

use crate::args::Manner;
use crate::ask::Followed;
use crate::compose::Composed;
use crate::failure::Failure;
use crate::speak::{out, plain};

/// Prints attempts, the newest first.
pub(crate) fn tasks(composed: &Composed, manner: Manner, limit: usize) -> Result<u8, Failure> {
    let files = &composed.parts.files;
    let names = files.list(&composed.parts.home.tasks())?;
    // Ids begin with the moment they were made.
    let mut ids: Vec<AttemptId> = names.iter().filter_map(|name| name.parse().ok()).collect();
    ids.sort_unstable();
    for id in ids.into_iter().rev().take(limit) {
        let mut followed = match Followed::find(composed, id) {
            Ok(followed) => followed,
            // Its request was never finished, or is being written just now.
            Err(_) => continue,
        };
        let asked = files.read_text(&followed.attempt.folder.request())?.unwrap_or_default();
        let task: Option<Task> = serde_json::from_str::<Value>(&asked)
            .ok()
            .and_then(|mut asked| serde_json::from_value(asked["task"].take()).ok());
        let (kind, object) = match &task {
            Some(task) => (task.kind().as_str(), task.object().to_string()),
            None => ("?", "?".to_owned()),
        };
        let ending = ended(&followed)?;
        let state = match (&ending, followed.is_alive()) {
            (Some(ending), _) => state(Some(&ending.outcome)),
            (None, true) => state(None),
            (None, false) => "interrupted",
        };
        match manner.json {
            true => out(&json!({ "attempt": id, "task": kind, "object": object, "state": state }).to_string()),
            false => out(&format!("{id}  {kind:<15}  {state:<11}  {object}")),
        }
    }
    Ok(0)
}

/// How an attempt ended, if it did.
pub(crate) fn ended(followed: &Followed) -> Result<Option<Ending>, Failure> {
    Ok(last_ending(&followed.attempt)?)
}

fn last_ending(attempt: &Attempt) -> Result<Option<Ending>, AttemptFault> {
    let path = attempt.folder.events();
    let fault = |source| AttemptFault::NoEvents { path: path.clone(), source };
    let mut reader = match attempt.follow(1) {
        Ok(reader) => reader,
        Err(AttemptFault::NoEvents { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let mut last = None;
    while let Some(text) = reader.next().map_err(fault)? {
        last = Some(text);
    }
    let line = last.and_then(|text| serde_json::from_str::<Line>(&text).ok());
    Ok(line.and_then(|line| match line.said {
        Said::Result(ending) => Some(*ending),
        _ => None,
    }))
}

/// How a task stands, in a word.
pub(crate) fn state(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        None => "running",
        Some(Outcome::Succeeded) => "done",
        Some(Outcome::Untidy { .. }) => "untidy",
        Some(Outcome::Refused { .. }) => "refused",
        Some(Outcome::RolledBack { .. }) => "taken back",
        Some(Outcome::Stuck { .. }) => "stuck",
    }
}

/// Prints what is known of an object, or a line for each.
pub(crate) fn show(composed: &Composed, manner: Manner, name: Option<ContextName>) -> Result<u8, Failure> {
    let contexts = Contexts::new(&composed.parts.home, &composed.parts.files);
    let Some(name) = name else {
        for context in contexts.all()? {
            match manner.json {
                true => out(&value(&context).to_string()),
                false => out(&format!("{:<40}  {}", context.name().to_string(), summary(&context))),
            }
        }
        return Ok(0);
    };
    let context = contexts.find(&name)?.ok_or(ContextFault::Missing { name })?;
    match manner.json {
        true => out(&format!("{:#}", value(&context))),
        false => fields("", &value(&context), &mut |field, text| out(&format!("{field:<18} {text}"))),
    }
    Ok(0)
}

fn value(context: &Context) -> Value {
    serde_json::to_value(context).unwrap_or_else(|_| Value::Object(Map::new()))
}

fn summary(context: &Context) -> String {
    match context {
        Context::Server(server) => {
            let http = server.http.as_ref().map(|http| format!("{} on {}", http.engine.as_str(), http.listen));
            let db = server.db.as_ref().map(|db| db.as_str().to_owned());
            http.into_iter().chain(db).collect::<Vec<_>>().join(", ")
        }
        Context::Platform(platform) => {
            let core =
                platform.facts.as_ref().map_or("not verified yet".into(), |facts| format!("Drupal {}", facts.core));
            format!("{core}, at {} on @server_{}", platform.root, platform.server)
        }
        Context::Site(site) => {
            let aliases = match site.aliases.len() {
                0 => String::new(),
                1 => ", 1 other name".into(),
                count => format!(", {count} other names"),
            };
            format!(
                "Drupal {} on @platform_{}, database on @server_{}{aliases}",
                site.core, site.platform, site.db_server
            )
        }
    }
}

/// Walks a value: each field with its way to it, lists on one line.
fn fields(way: &str, value: &Value, tell: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let name = name.replace('_', " ");
                fields(&if way.is_empty() { name } else { format!("{way}, {name}") }, value, tell);
            }
        }
        Value::Array(list) if list.iter().all(Value::is_string) => {
            let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            tell(way, &plain(&words.join(" ")));
        }
        Value::String(text) => tell(way, &plain(text)),
        other => tell(way, &other.to_string()),
    }
}
