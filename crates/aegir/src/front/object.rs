//! One object for people: a line for each field, tables for what it has several of.

use aegir_hosting::OperationId;
use serde_json::{Map, Value};

use super::batch;
use super::columns::text;
use super::fit;
use super::host_key;
use super::screen::{Screen, Tone};
use super::site_log;
use super::table::{Cell, Table, one_line};
use super::trial;
use super::{when, writes};
use crate::import::{Would, told};

/// Fields that are told first, in this order; the others follow by name.
const FIRST: [&str; 12] = [
    "id",
    "kind",
    "name",
    "label",
    "title",
    "status",
    "state",
    "operation",
    "object_name",
    "client",
    "platform",
    "server",
];
/// Fields that hold a moment.
const MOMENTS: [&str; 17] = [
    "made",
    "created",
    "changed",
    "verified",
    "queued",
    "started",
    "ended",
    "at",
    "expires",
    "last_used",
    "first",
    "last",
    "found",
    "since",
    "next_run",
    "began",
    "until",
];
/// Fields that are for programs.
const SILENT: [&str; 1] = ["object"];
/// How far what belongs to a field is moved in.
const INDENT: &str = "  ";
/// The width of the column of names.
const NAMES: usize = 18;

/// The lines of what an operation answered.
pub(crate) fn lines_of(operation: OperationId, value: &Value, screen: Screen) -> Vec<String> {
    match operation {
        OperationId::ServerHostKey | OperationId::ServerTrust => match serde_json::from_value(value.clone()) {
            Ok(keys) => host_key::lines(&keys),
            Err(_) => lines(value, screen),
        },
        OperationId::ServerTry => match serde_json::from_value(value.clone()) {
            Ok(tried) => trial::lines(&tried),
            Err(_) => lines(value, screen),
        },
        OperationId::SiteCompare => match serde_json::from_value(value.clone()) {
            Ok(fit) => fit::lines(&fit),
            Err(_) => lines(value, screen),
        },
        OperationId::PlatformMigrate => match serde_json::from_value(value.clone()) {
            Ok(plan) => batch::lines(&plan),
            // It began: that is a run.
            Err(_) => lines(value, screen),
        },
        OperationId::FoundSiteShow => match serde_json::from_value(value.clone()) {
            Ok(found) => told(&found, Would::TakeIn).iter().map(|line| one_line(line)).collect(),
            Err(_) => lines(value, screen),
        },
        OperationId::SiteWrittenSince => match serde_json::from_value(value.clone()) {
            Ok(writes) => writes::lines(&writes),
            Err(_) => lines(value, screen),
        },
        OperationId::SiteLog => match serde_json::from_value(value.clone()) {
            Ok(tail) => site_log::lines(&tail),
            Err(_) => lines(value, screen),
        },
        _ => lines(value, screen),
    }
}

/// Its lines.
pub(crate) fn lines(value: &Value, screen: Screen) -> Vec<String> {
    let mut lines = Vec::new();
    match value {
        Value::Object(map) => fields(map, "", screen, &mut lines),
        Value::Null => lines.push("Done.".into()),
        other => lines.push(one_line(&text(other))),
    }
    lines
}

fn fields(map: &Map<String, Value>, indent: &str, screen: Screen, lines: &mut Vec<String>) {
    let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    let mut names: Vec<&String> = map.keys().filter(|name| !SILENT.contains(&name.as_str())).collect();
    names.sort_by_key(|name| (is_long(&map[*name]), rank(name), *name));
    for name in names {
        field(name, &map[name], indent, screen, lines);
    }
}

fn is_long(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => list.iter().any(|entry| entry.is_object()),
        _ => false,
    }
}

fn field(name: &str, value: &Value, indent: &str, screen: Screen, lines: &mut Vec<String>) {
    let label = one_line(&name.replace('_', " "));
    let short = |text: &str| format!("{indent}{label:<NAMES$} {}", text).trim_end().to_owned();
    match value {
        Value::Null => (),
        Value::Array(list) if list.is_empty() => (),
        Value::Object(map) if map.is_empty() => (),
        Value::Array(list) if is_long(value) => {
            lines.push(format!("{indent}{label}"));
            entries(list, &format!("{indent}{INDENT}"), screen, lines);
        }
        Value::Array(list) => lines.push(short(&one_line(&list.iter().map(text).collect::<Vec<_>>().join(", ")))),
        Value::Object(map) => {
            lines.push(format!("{indent}{label}"));
            fields(map, &format!("{indent}{INDENT}"), screen, lines);
        }
        Value::Number(number) if MOMENTS.contains(&name) => match number.as_i64() {
            Some(at) if screen.out => {
                lines.push(short(&format!("{} ({})", when::exact(at), when::seen_from(screen.now, at))));
            }
            Some(at) => lines.push(short(&when::exact(at))),
            None => lines.push(short(&number.to_string())),
        },
        Value::Bool(yes) => lines.push(short(if *yes { "yes" } else { "no" })),
        Value::String(word) if name == "status" || name == "state" || name == "outcome" => {
            lines.push(short(&Tone::of_state(word).paint(&one_line(word), screen.colours)));
        }
        other => lines.push(short(&one_line(&text(other)))),
    }
}

/// Several of a kind: a table where each is simple, else one after the other.
fn entries(list: &[Value], indent: &str, screen: Screen, lines: &mut Vec<String>) {
    let maps: Vec<&Map<String, Value>> = list.iter().filter_map(Value::as_object).collect();
    let simple = maps.len() == list.len() && maps.iter().all(|map| map.values().all(|value| !is_long(value)));
    if !simple {
        for (at, entry) in list.iter().enumerate() {
            if at > 0 {
                lines.push(String::new());
            }
            match entry {
                Value::Object(map) => fields(map, indent, screen, lines),
                other => lines.push(format!("{indent}{}", one_line(&text(other)))),
            }
        }
        return;
    }
    let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    let mut names: Vec<&str> = maps.iter().flat_map(|map| map.keys()).map(String::as_str).collect();
    names.sort_by_key(|name| (rank(name), *name));
    names.dedup();
    let heads: Vec<String> = names.iter().map(|name| name.replace('_', " ").to_uppercase()).collect();
    let mut table = Table::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for map in maps {
        table.push(names.iter().map(|name| short_cell(name, map.get(*name), screen)).collect());
    }
    let width = screen.width().map(|width| width.saturating_sub(indent.len()));
    lines.extend(table.lines(width, screen.colours).into_iter().map(|line| format!("{indent}{line}")));
}

fn short_cell(name: &str, value: Option<&Value>, screen: Screen) -> Cell {
    let Some(value) = value else { return Cell::default() };
    match (value, value.as_i64()) {
        (_, Some(at)) if MOMENTS.contains(&name) && screen.out => {
            Cell::new(&when::seen_from(screen.now, at), Tone::Plain)
        }
        (_, Some(at)) if MOMENTS.contains(&name) => Cell::new(&when::exact(at), Tone::Plain),
        (_, Some(ms)) if name == "took" => Cell::new(&when::took(ms), Tone::Plain),
        (Value::Bool(yes), _) => Cell::new(if *yes { "yes" } else { "no" }, Tone::Plain),
        (Value::Array(list), _) => Cell::new(&list.iter().map(text).collect::<Vec<_>>().join(", "), Tone::Plain),
        (Value::String(word), _) if ["status", "state", "phase"].contains(&name) => {
            Cell::new(word, Tone::of_state(word))
        }
        (value, _) => Cell::new(&text(value), Tone::Plain),
    }
}
