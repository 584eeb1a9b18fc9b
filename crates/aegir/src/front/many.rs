//! One verb on many objects: those that a filter finds, each by a task of its own.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use aegir_domain::{Cmd, FaultReport, Report, TaskState, exit_code};
use aegir_host::{Clock, SystemClock};
use aegir_hosting::view::TaskView;
use aegir_hosting::{Answer, Call, Names, OperationId};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::asked::{Ask, Selection};
use super::door::Door;
use super::follow::{Interrupts, came, show};
use super::perform::{Secrets, bare, name_of, tell_who_starts_it, tell_who_stops_it, with_secrets, would};
use super::problem::Problem;
use super::run::follow_run;
use super::screen::{Screen, ask as ask_person};
use super::table::one_line;
use super::teller::{Teller, Voice};
use super::{ending, filter, lists, words};
use crate::compose::Given;
use crate::failure::Failure;
use crate::provision::Usage;
use crate::speak::{err, out, plain};

/// How many names are shown before somebody is asked.
const SHOWN: usize = 10;
/// How often we look how the tasks stand.
const LOOKING: Duration = Duration::from_millis(400);

/// One of the objects, and what became of it.
struct One {
    name: String,
    task: Option<i64>,
    became: Became,
}

enum Became {
    /// Nothing yet.
    Open,
    /// It was changed at once.
    Changed,
    /// It is done as soon as there is room, and nobody waits for it here.
    AskedFor,
    /// Its task ended.
    Ended(Box<TaskView>),
    /// It was not even queued.
    Refused(Problem),
}

/// Asks for the verb on each object of the selection.
pub(crate) async fn run(
    given: &Given,
    door: &mut Door,
    ask: &Ask,
    selection: &Selection,
    secrets: &Secrets,
    screen: Screen,
) -> Result<u8, Failure> {
    let names = find(door, ask, selection).await?;
    let verb = ask.operation.name();
    if names.is_empty() {
        match ask.manner.json {
            true => out(&format!("{:#}", json!({ "items": [], "succeeded": 0, "failed": 0 }))),
            false => err(&format!("Nothing is found, so there is nothing to {}.", ask.operation.verb)),
        }
        return Ok(if ask.manner.fail_if_unchanged { exit_code::UNCHANGED } else { 0 });
    }
    if !ask.manner.yes && !ask.manner.dry_run {
        agree(given, &verb, &names, screen)?;
    }
    if ask.operation.id == OperationId::SiteUpdate && !ask.manner.dry_run {
        return as_a_run(door, ask, names, screen).await;
    }
    let mut interrupts = Interrupts::listen().ok();
    let mut all: Vec<One> = Vec::with_capacity(names.len());
    let mut changed = Vec::new();
    for name in names {
        let mut call = with_secrets(ask.call(), secrets);
        call.name = Some(name.clone());
        let mut one = One { name, task: None, became: Became::Open };
        let answer = tokio::select! {
            answer = door.perform(call) => answer,
            () = came(&mut interrupts) => return Ok(left(&all, ask)),
        };
        match answer {
            Ok(Answer::Queued(queued)) => one.task = Some(queued.task),
            Ok(Answer::WouldQueue { object, requests }) => {
                would(&ask.manner, &object, &requests);
                one.became = Became::Changed;
            }
            Ok(Answer::Object(value)) => {
                if ask.manner.dry_run {
                    would(&ask.manner, &one.name, &[]);
                }
                changed.push(value);
                one.became = match ask.operation.id {
                    OperationId::SiteCron if !ask.manner.dry_run => Became::AskedFor,
                    _ => Became::Changed,
                };
            }
            Ok(Answer::Page { .. }) => one.became = Became::Changed,
            Err(problem) => one.became = Became::Refused(problem),
        }
        all.push(one);
    }
    if ask.manner.dry_run {
        return Ok(summed_up(&all, ask));
    }
    if ask.operation.id == OperationId::TaskCancel {
        tell_who_stops_it(door, &changed);
    }
    if ask.operation.id == OperationId::SiteCron || !ask.manner.wait {
        tell_who_starts_it(door);
        if !ask.manner.json {
            for one in &all {
                if let Some(task) = one.task {
                    out(&format!("{task} {}", one_line(&one.name)));
                }
            }
        }
        return Ok(summed_up(&all, ask));
    }
    if all.iter().any(|one| one.task.is_some()) {
        door.work();
    }
    if !watch(door, &mut all, ask, &mut interrupts, screen).await? {
        return Ok(left(&all, ask));
    }
    Ok(summed_up(&all, ask))
}

/// Has a bulk run ask for it, so that all of it has one number, and one way back.
async fn as_a_run(door: &mut Door, ask: &Ask, names: Vec<String>, screen: Screen) -> Result<u8, Failure> {
    let with: Vec<String> = ask.parameters.iter().map(|(name, value)| format!("{name}={}", in_a_word(value))).collect();
    let mut call = Call::of(OperationId::BulkStart).with("operation", ask.operation.slug()).with("object", names);
    if !with.is_empty() {
        call = call.with("with", with);
    }
    let begun = door.object(call).await?;
    if ask.manner.wait {
        return follow_run(door, ask, &begun, screen).await;
    }
    tell_who_starts_it(door);
    match ask.manner.json {
        true => out(&format!("{begun:#}")),
        false => out(&format!("Bulk run {} has begun: `aegir bulk show {}`", begun["id"], begun["id"])),
    }
    Ok(0)
}

/// A parameter as it is given to a bulk run.
fn in_a_word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(in_a_word).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// The names of the objects that are meant.
async fn find(door: &mut Door, ask: &Ask, selection: &Selection) -> Result<Vec<String>, Failure> {
    let Some(list) = words::list_of(ask.operation.subject) else { return Ok(Vec::new()) };
    let parameters = match selection {
        Selection::All => Map::new(),
        Selection::Where(text) => filter::read(&list, text).map_err(Failure::usage)?,
    };
    let call = Call { parameters, ..Call::of(list.id) };
    let items = lists::all(door, call).await?;
    let named = items.iter().filter_map(name_of);
    Ok(match ask.operation.names {
        Names::One(kind) => named.filter_map(|name| kind.read(bare(&name)).ok()).collect(),
        _ => named.collect(),
    })
}

/// Shows what is meant, and asks.
fn agree(given: &Given, verb: &str, names: &[String], screen: Screen) -> Result<(), Failure> {
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| one_line(name)).collect();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let question = format!("`{verb}` of {}: {}{more}", names.len(), shown.join(", "));
    let no = |what: String| {
        let mut words = given.words.iter().cloned();
        let cmd = Cmd::new(words.next().unwrap_or_else(|| "aegir".into())).args(words).arg("--yes");
        Failure::usage(Usage::new(what, format!("if all of them are meant, type `{cmd}`")))
    };
    if !screen.can_ask() {
        return Err(no(format!("{question}: nobody can be asked whether that is meant")));
    }
    let answer = ask_person(&format!("{question}\nGo on? [y/N] ")).unwrap_or_default();
    match answer.to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(no("nothing was done".into())),
    }
}

/// Looks how the tasks stand until all ended; no, if we are to leave them.
async fn watch(
    door: &mut Door,
    all: &mut [One],
    ask: &Ask,
    interrupts: &mut Option<Interrupts>,
    screen: Screen,
) -> Result<bool, Failure> {
    let voice = if ask.manner.json { Voice::Document } else { Voice::Sentences };
    let mut teller = Teller::new(voice, ask.manner.verbose, screen, 0);
    loop {
        let (open, running) = tokio::select! {
            looked = look(door, all, &mut teller) => looked?,
            () = came(interrupts) => return Ok(false),
        };
        if open == 0 {
            return Ok(true);
        }
        let now = i64::try_from(SystemClock.unix_ms()).unwrap_or(i64::MAX);
        let ended = all.len() - open;
        let live = format!("{ended} of {} ended, {running} running, {} waiting", all.len(), open - running.min(open));
        teller.show(now, Some(&live));
        tokio::select! {
            () = sleep(LOOKING) => (),
            () = came(interrupts) => return Ok(false),
        }
    }
}

/// How many are open, and how many of those run; what ended since is told.
async fn look(door: &mut Door, all: &mut [One], teller: &mut Teller) -> Result<(usize, usize), Problem> {
    let states = vec!["waiting", "running", "out-of-contact"];
    let listed = lists::all(door, Call::of(OperationId::TaskList).with("state", states)).await?;
    let number = |item: &Value| item.get("id").and_then(Value::as_i64);
    let outstanding: HashSet<i64> = listed.iter().filter_map(number).collect();
    let active = listed.iter().filter(|item| item.get("state").and_then(Value::as_str) != Some("waiting"));
    let active: HashSet<i64> = active.filter_map(number).collect();
    let (mut open, mut running) = (0, 0);
    for one in all {
        let (Some(task), Became::Open) = (one.task, &one.became) else { continue };
        if !outstanding.contains(&task) {
            // Pages move while they are read: that it ended is believed of itself alone.
            let view = show(door, task).await?;
            if view.state.parse().is_ok_and(TaskState::is_ended) {
                teller.say(&ending::in_a_line(&view));
                one.became = Became::Ended(Box::new(view));
                continue;
            }
        }
        open += 1;
        running += usize::from(active.contains(&task));
    }
    Ok((open, running))
}

fn left(all: &[One], ask: &Ask) -> u8 {
    let queued = all.iter().filter(|one| one.task.is_some()).count();
    err(&format!(
        "{queued} {} queued, and go on. To see them: `aegir task list --operation '{}'`",
        if queued == 1 { "task was" } else { "tasks were" },
        ask.operation.name()
    ));
    exit_code::DETACHED
}

/// Says what became of all, failures grouped by their cause, and gives the exit code.
fn summed_up(all: &[One], ask: &Ask) -> u8 {
    let failed = all.iter().filter(|one| failure(one).is_some()).count();
    let changed = all.iter().any(|one| match &one.became {
        Became::Ended(task) => ending::changed(task),
        Became::Changed | Became::AskedFor => true,
        Became::Open | Became::Refused(_) => false,
    });
    if ask.manner.json {
        let items: Vec<Value> = all.iter().map(as_json).collect();
        out(&format!("{:#}", json!({ "items": items, "succeeded": all.len() - failed, "failed": failed })));
    } else if ask.operation.id == OperationId::SiteCron && !ask.manner.dry_run {
        out(&format!("Cron is asked for on {} of {}.", all.len() - failed, all.len()));
    } else if ask.manner.wait && !ask.manner.dry_run {
        out(&format!("{} of {} succeeded.", all.len() - failed, all.len()));
    }
    if failed > 0 {
        complain(all);
        return exit_code::PARTLY_FAILED;
    }
    match ask.manner.fail_if_unchanged && ask.manner.wait && !changed {
        true => exit_code::UNCHANGED,
        false => 0,
    }
}

/// How one failed: in a word, and why.
fn failure(one: &One) -> Option<(String, FaultReport)> {
    match &one.became {
        Became::Refused(problem) => Some(("not queued".into(), problem.report.clone())),
        Became::Ended(task) if ending::code(task) != 0 => {
            let nameless = || FaultReport { message: "no reason was given".into(), because: Vec::new(), remedy: None };
            Some((task.state.clone(), ending::fault(task).unwrap_or_else(nameless)))
        }
        _ => None,
    }
}

fn complain(all: &[One]) {
    let mut groups: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for one in all {
        if let Some((state, fault)) = failure(one) {
            // An object's own name in a message would make each cause one of its own.
            let name = one_line(&one.name);
            let cause = Report(&fault).to_string().replace(&name, "…");
            let task = one.task.map(|task| format!(" (task {task})")).unwrap_or_default();
            groups.entry((state, cause)).or_default().push(format!("{name}{task}"));
        }
    }
    for ((state, cause), names) in groups {
        err(&plain(&format!("\n{} {state}: {cause}", names.len())));
        err(&format!("  {}", names.join(", ")));
    }
}

fn as_json(one: &One) -> Value {
    let mut item = json!({ "name": one.name, "task": one.task });
    match &one.became {
        Became::Open => (),
        Became::Changed => item["state"] = "changed".into(),
        Became::AskedFor => item["state"] = "asked-for".into(),
        Became::Ended(task) => item["state"] = task.state.clone().into(),
        Became::Refused(_) => item["state"] = "not-queued".into(),
    }
    if let Some((_, fault)) = failure(one) {
        item["fault"] = json!(fault);
    }
    item
}
