//! What is there: attempts, and what is known of each object; and the wish that one of them stops.

use aegir_domain::protocol::{Cancelled, FoundState};
use aegir_domain::{AttemptId, Context, ContextName, Report, SiteName, TaskKind, exit_code};
use aegir_provision::{Attempt, ContextFault, Contexts, Listed, found_attempts};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::Manner;
use crate::compose::Composed;
use crate::failure::Failure;
use crate::speak::{out, plain};

/// Prints attempts, the newest first.
pub(crate) fn tasks(composed: &Composed, manner: Manner, listed: &Listed) -> Result<u8, Failure> {
    for found in found_attempts(&composed.parts, listed)? {
        if manner.json {
            json(&found);
            continue;
        }
        let kind = found.task.as_ref().map_or("?", |task| task.kind().as_str());
        let object = found.object.as_ref().map_or("?".to_owned(), ToString::to_string);
        out(&format!("{}  {kind:<15}  {:<11}  {object}", found.attempt, state(found.state)));
    }
    Ok(0)
}

/// Asks an attempt to stop, unless it has ended.
pub(crate) fn cancel(composed: &Composed, manner: Manner, attempt: AttemptId) -> Result<u8, Failure> {
    let asked = Attempt::find(&composed.parts, attempt)?;
    let had_ended = Some(asked.state(&composed.parts)?).filter(|state| state.has_ended());
    if had_ended.is_none() {
        asked.cancel()?;
    }
    match (manner.json, had_ended) {
        (true, _) => json(&Cancelled { attempt, had_ended }),
        (_, Some(ended)) => out(&format!("Attempt {attempt} had ended: {}.", state(ended))),
        (_, None) => out(&format!("Attempt {attempt} stops before its next line, and takes back what it did.")),
    }
    Ok(if manner.fail_if_unchanged && had_ended.is_some() { exit_code::UNCHANGED } else { 0 })
}

/// How an attempt stands, in a word.
pub(crate) fn state(state: FoundState) -> &'static str {
    match state {
        FoundState::Running => "running",
        FoundState::Interrupted => "interrupted",
        FoundState::Succeeded => "done",
        FoundState::Untidy => "untidy",
        FoundState::Refused => "refused",
        FoundState::RolledBack => "taken back",
        FoundState::Stuck => "stuck",
    }
}

/// Prints a line for a program.
pub(crate) fn json(value: &impl Serialize) {
    out(&serde_json::to_string(value).unwrap_or_default());
}

/// Prints the backups that are there, those of one site if one is named.
pub(crate) fn backups(composed: &Composed, manner: Manner, site: Option<&SiteName>) -> Result<u8, Failure> {
    let parts = &composed.parts;
    for mut found in aegir_provision::backup::listed(&parts.home, &parts.files, site)? {
        if manner.json {
            if let (Some(_), Some(manifest)) = (manner.protocol, &mut found.manifest) {
                // A front end lists many, and each has hundreds.
                manifest.packages.clear();
            }
            json(&found);
            continue;
        }
        let says = match (&found.manifest, &found.fault) {
            (_, Some(fault)) => Report(fault).to_string().lines().next().unwrap_or_default().to_owned(),
            (Some(manifest), _) => {
                let left = manifest.left.as_ref().map(|left| format!(", left by {}", left.task.as_str()));
                let made_by = manifest.made_by.filter(|by| *by != TaskKind::BackupSite);
                let made_by = made_by.map(|by| format!(", made by {}", by.as_str()));
                let note = manifest.note.as_ref().map(|note| format!(": {note}"));
                let lacks = manifest.lacks.iter().map(|part| format!(", without its {}", part.as_str()));
                let why: String = [left, made_by].into_iter().flatten().chain(lacks).chain(note).collect();
                format!("Drupal {} on @platform_{}{why}", manifest.core, manifest.platform)
            }
            (None, None) => "an archive of classic Aegir".into(),
        };
        out(&format!("{:<60}  {:>9} kB  {}", found.backup.as_str(), found.bytes.div_ceil(1000), plain(&says)));
    }
    Ok(0)
}

/// Prints what is known of an object, or a line for each.
pub(crate) fn show(composed: &Composed, manner: Manner, name: Option<ContextName>) -> Result<u8, Failure> {
    let contexts = Contexts::new(&composed.parts.home, &composed.parts.files);
    let Some(name) = name else {
        for context in contexts.all()? {
            match manner.json {
                true => json(&context),
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
