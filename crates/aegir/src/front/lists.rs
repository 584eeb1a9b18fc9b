//! Lists and single objects, for people and for programs.

use aegir_domain::exit_code;
use aegir_hosting::view::LineView;
use aegir_hosting::{Answer, Call, OperationId};
use serde_json::{Value, json};

use super::asked::Ask;
use super::columns;
use super::door::{Door, read_as};
use super::filter;
use super::object;
use super::problem::Problem;
use super::screen::{Screen, Tone};
use super::when;
use crate::speak::{err, out, plain};

/// How many entries are asked for at once where all are wanted.
const PAGE: u64 = 500;

/// Every entry of a list.
pub(crate) async fn all(door: &mut Door, call: Call) -> Result<Vec<Value>, Problem> {
    let mut found = Vec::new();
    let mut call = call.with("limit", PAGE);
    loop {
        let Answer::Page { items, next, .. } = door.perform(call.clone()).await? else { return Ok(found) };
        // A page without entries would be asked for for ever.
        let more = !items.is_empty();
        found.extend(items);
        match next.filter(|_| more) {
            Some(next) => call = call.with("cursor", next),
            None => return Ok(found),
        }
    }
}

/// Prints a list.
pub(crate) async fn list(door: &mut Door, ask: &Ask, screen: Screen) -> Result<u8, Problem> {
    let (items, next, total) = match ask.manner.all {
        true => (all(door, ask.call()).await?, None, None),
        false => match door.perform(ask.call()).await? {
            Answer::Page { items, next, total } => (items, next, total),
            _ => (Vec::new(), None, None),
        },
    };
    if ask.operation.id == OperationId::TaskLog {
        return log(ask, items, next, screen);
    }
    if ask.manner.json {
        let total = total.or_else(|| ask.manner.all.then_some(items.len() as u64));
        out(&format!("{:#}", json!({ "items": items, "next": next, "total": total })));
        return Ok(0);
    }
    if items.is_empty() {
        let narrowed = filter::filters(&ask.operation).any(|filter| ask.parameters.contains_key(filter.name));
        err(match narrowed || ask.parameters.contains_key("cursor") {
            true => "Nothing is found.",
            false => columns::when_empty(ask.operation.id, ask.operation.subject),
        });
        return Ok(0);
    }
    for line in columns::table(ask.operation.id, &items, screen).lines(screen.width(), screen.colours) {
        out(&line);
    }
    if let Some(next) = next {
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        err(&format!(
            "{}{of} shown; the rest with `--all`, the next page with `--cursor {}`",
            items.len(),
            plain(&next)
        ));
    }
    Ok(0)
}

/// Prints lines that a task said.
fn log(ask: &Ask, items: Vec<Value>, next: Option<String>, screen: Screen) -> Result<u8, Problem> {
    if items.is_empty() && !ask.manner.json {
        err("It has said nothing yet.");
    }
    for item in items {
        if ask.manner.json {
            out(&item.to_string());
            continue;
        }
        let line: LineView = read_as(item)?;
        let level = line.level.as_deref().unwrap_or_default();
        let (word, tone) = match line.kind.as_str() {
            "log" => (
                level,
                if level == "info" {
                    Tone::Plain
                } else {
                    Tone::of_state(if level == "error" { "failed" } else { "untidy" })
                },
            ),
            "step" => (level, Tone::Plain),
            kind => (kind, Tone::Plain),
        };
        let word = tone.paint(&format!("{:<9}", plain(word)), screen.colours);
        out(&format!("{:>5}  {}  {word}  {}", line.n, when::exact(line.at), plain(&line.text)));
        for text in line.output.as_deref().map(plain).unwrap_or_default().lines() {
            out(&format!("{:>5}      {text}", ""));
        }
    }
    if let Some(next) = next.filter(|_| !ask.manner.json) {
        err(&format!("There is more: `--from {}`", plain(&next)));
    }
    Ok(0)
}

/// Prints one object.
pub(crate) async fn show(door: &mut Door, ask: &Ask, screen: Screen) -> Result<u8, Problem> {
    let mut value = door.object(ask.call()).await?;
    let code = match ask.operation.id {
        // Nothing was touched, and something stands in the way.
        OperationId::SiteCompare if value["fits"] == false => exit_code::REFUSED,
        _ => 0,
    };
    if ask.manner.json {
        out(&format!("{value:#}"));
        return Ok(code);
    }
    let tasks = match ask.operation.id {
        OperationId::QueueShow => value.as_object_mut().and_then(|queue| queue.remove("tasks")),
        _ => None,
    };
    for line in object::lines_of(ask.operation.id, &value, screen) {
        out(&line);
    }
    if let Some(tasks) = tasks.as_ref().and_then(Value::as_array).filter(|tasks| !tasks.is_empty()) {
        out("");
        for line in columns::table(OperationId::TaskList, tasks, screen).lines(screen.width(), screen.colours) {
            out(&line);
        }
    }
    Ok(code)
}
