//! Does what was asked: one operation, on one object or on many.

use aegir_domain::{Cmd, Password, TaskState, exit_code};
use aegir_hosting::view::TaskView;
use aegir_hosting::{Answer, Call, Effect, Names, OperationId, Queued};
use serde_json::{Value, json};

use super::asked::{Ask, Follow, Manner};
use super::door::Door;
use super::follow::{End, Interrupts, came, follow, show};
use super::problem::Problem;
use super::run::{follow_run, follows};
use super::screen::{Screen, ask as ask_person};
use super::suggest::nearest;
use super::table::one_line;
use super::teller::{Teller, Voice};
use super::{columns, cron, ending, lists, many, object, trash, when, words};
use crate::compose::Given;
use crate::failure::Failure;
use crate::password;
use crate::provision::Usage;
use crate::speak::{err, out, plain};

/// How often a queue that drains is looked at.
const LOOKING: std::time::Duration = std::time::Duration::from_millis(500);

/// Secrets of a call, each by the name of its parameter.
pub(crate) type Secrets = Vec<(&'static str, Password)>;

/// One operation.
pub(crate) async fn operation(given: &Given, mut ask: Ask, screen: Screen) -> Result<u8, Failure> {
    confirm(&mut ask, given, screen)?;
    let mut secrets: Secrets = Vec::new();
    for (name, path) in &ask.secrets {
        secrets.push((*name, password::read(path)?));
    }
    let mut door = Door::find(&given.home()).await?;
    let ended = match trash::confirm(given, &mut door, &mut ask, screen).await {
        Ok(()) => through(given, &mut door, ask, secrets, screen).await,
        Err(unsure) => Err(unsure),
    };
    door.leave().await;
    ended
}

async fn through(given: &Given, door: &mut Door, ask: Ask, secrets: Secrets, screen: Screen) -> Result<u8, Failure> {
    if let Some(selection) = ask.selection.clone() {
        return many::run(given, door, &ask, &selection, &secrets, screen).await;
    }
    let done = match ask.operation.effect {
        Effect::Lists if ask.manner.follow => return log_follow(door, &ask, screen).await,
        Effect::Lists => lists::list(door, &ask, screen).await,
        Effect::Shows => lists::show(door, &ask, screen).await,
        Effect::Tries | Effect::Changes | Effect::Queues => {
            let after = earlier_attempts(door, &ask).await;
            match door.perform(with_secrets(ask.call(), &secrets)).await {
                Ok(answer) => return answered(door, &ask, answer, after, screen).await,
                Err(problem) => Err(problem),
            }
        }
    };
    match done {
        Ok(code) => Ok(code),
        Err(problem) => Err(with_suggestion(door, &ask, problem).await.into()),
    }
}

/// A call with its secrets: made only when it is about to cross, and kept nowhere.
pub(crate) fn with_secrets(call: Call, secrets: &Secrets) -> Call {
    secrets.iter().fold(call, |call, (name, secret)| call.with(name, secret.expose()))
}

/// Says so where a task is left in a queue that nobody looks at.
pub(crate) fn tell_who_starts_it(door: &Door) {
    if let Door::Here(_) = door {
        err("No front end runs for this home: what waits is started by the next one (`aegir serve`, `aegir up`), \
             or by `aegir queue dispatch --once`.");
    }
}

/// Says so where tasks go on because nobody passes on that they are to stop.
pub(crate) fn tell_who_stops_it(door: &Door, tasks: &[Value]) {
    let state = |task: &Value| task.get("state").and_then(Value::as_str).and_then(|state| state.parse().ok());
    let goes_on = tasks.iter().any(|task| !state(task).is_some_and(TaskState::is_ended));
    if let (Door::Here(_), true) = (door, goes_on) {
        err("No front end runs for this home: what runs is told by the next one (`aegir serve`, `aegir up`), \
             or by `aegir queue dispatch --once`.");
    }
}

/// What comes of what was changed or queued.
async fn answered(
    door: &mut Door,
    ask: &Ask,
    answer: Answer,
    after: Option<(u32, u64)>,
    screen: Screen,
) -> Result<u8, Failure> {
    match answer {
        Answer::Queued(queued) => queue(door, ask, queued, after, screen).await,
        Answer::WouldQueue { object, requests } => {
            would(&ask.manner, &object, &requests);
            Ok(0)
        }
        Answer::Page { items, .. } => {
            changed(ask, &Value::Array(items), screen);
            Ok(0)
        }
        Answer::Object(value)
            if ask.operation.id == OperationId::SiteCron && ask.manner.wait && !ask.manner.dry_run =>
        {
            cron::follow(door, ask, &value, screen).await
        }
        Answer::Object(value) if follows(ask.operation.id).is_some() && ask.manner.wait && !ask.manner.dry_run => {
            follow_run(door, ask, &value, screen).await
        }
        Answer::Object(value) => {
            changed(ask, &value, screen);
            let begins_later = follows(ask.operation.id).is_some() || ask.operation.id == OperationId::SiteCron;
            if begins_later && !ask.manner.dry_run {
                tell_who_starts_it(door);
            }
            match ask.operation.id {
                OperationId::QueueDrain if ask.manner.wait => drained(door, ask).await,
                OperationId::TaskCancel => {
                    tell_who_stops_it(door, &[value]);
                    Ok(0)
                }
                // What could not be removed is told, and the rest went.
                OperationId::TrashEmpty if value["stayed"].is_array() => Ok(exit_code::ERROR),
                // As its back end says it, too.
                OperationId::TrashEmpty
                    if ask.manner.fail_if_unchanged && value["removed"].as_array().is_some_and(Vec::is_empty) =>
                {
                    Ok(exit_code::UNCHANGED)
                }
                // Nothing was touched, and something stands in the way.
                _ if ask.operation.effect == Effect::Tries && value["works"] == false => Ok(exit_code::REFUSED),
                _ => Ok(0),
            }
        }
    }
}

/// Tells of a change that was made at once.
fn changed(ask: &Ask, value: &Value, screen: Screen) {
    if ask.manner.json {
        out(&format!("{value:#}"));
        return;
    }
    if ask.operation.id == OperationId::TrashEmpty {
        trash::told(value, ask.manner.dry_run).iter().for_each(|line| out(line));
        return;
    }
    if ask.manner.dry_run {
        err("Nothing was done. It would become:");
    }
    // Told once, so alone on standard output: it can go to a file.
    if let (OperationId::TokenAdd, Some(token)) = (ask.operation.id, value.get("token").and_then(Value::as_str)) {
        let label = value.get("label").map(columns::text).unwrap_or_default();
        err(&format!("The token `{}`, shown this once:", one_line(&label)));
        out(&one_line(token));
        return;
    }
    if let Some(link) = value.get("link").and_then(Value::as_str)
        && matches!(ask.operation.id, OperationId::AccountAdd | OperationId::AccountLink)
    {
        invite(value, link);
        return;
    }
    for line in object::lines_of(ask.operation.id, value, screen) {
        out(&line);
    }
}

/// Tells the link of an account: alone on standard output, and what to do where no panel answers.
fn invite(value: &Value, link: &str) {
    let name = value.get("name").map(columns::text).unwrap_or_default();
    let until = value.get("until").and_then(Value::as_i64).map(when::exact).unwrap_or_default();
    let (name, until) = (one_line(&name), one_line(&until));
    err(&format!("The link of the account `{name}`, shown this once; it lets in once, until {until}:"));
    if value.get("panel").is_none() {
        err("The panel was not asked, so its address is not known here. Put this behind it, as in");
        err(
            "`http://localhost:8088/enter/…`; where none runs, `aegir up` or `aegir serve --panel 127.0.0.1:8088` starts one.",
        );
    }
    out(&one_line(link));
}

/// Says what would be asked of the back end.
pub(crate) fn would(manner: &Manner, object: &str, requests: &[Value]) {
    if manner.json {
        out(&format!("{:#}", json!({ "object": object, "requests": requests })));
        return;
    }
    let object = one_line(object);
    if requests.is_empty() {
        out(&format!("`{object}`: the back end would not be asked for anything."));
        return;
    }
    out(&format!("`{object}`: the back end would be asked for"));
    for request in requests {
        out(&plain(&format!("{request:#}")));
    }
}

async fn queue(
    door: &mut Door,
    ask: &Ask,
    queued: Queued,
    after: Option<(u32, u64)>,
    screen: Screen,
) -> Result<u8, Failure> {
    let Queued { task, object, known } = queued;
    let object = one_line(&object);
    if !ask.manner.wait {
        match ask.manner.json {
            true => out(&format!("{:#}", json!({ "task": task, "object": object, "known": known }))),
            false => out(&format!("{task} {object}")),
        }
        if known {
            err(&format!("Task {task} was waiting already: nothing was added."));
        }
        tell_who_starts_it(door);
        return Ok(0);
    }
    let voice = match (ask.manner.json, ask.operation.id) {
        (true, _) => Voice::Document,
        (false, OperationId::SiteLogin) => Voice::Aside,
        (false, _) => Voice::Sentences,
    };
    let mut teller = Teller::new(voice, ask.manner.verbose, screen, task);
    match known {
        true => teller.say(&format!("Task {task} of `{object}` was waiting already: nothing was added.")),
        false => teller.say(&format!("Task {task} of `{object}` is queued.")),
    }
    let end = follow(door, task, after, &mut teller).await?;
    match &end {
        // Sites can be made on it once it is verified, which is a task of its own: whoever waits for a platform wants that.
        End::Ended(made) if ask.operation.id == OperationId::PlatformAdd && ending::code(made) == 0 => {
            follow_children(door, ask, made, screen).await
        }
        _ => Ok(end.code(ask.manner.fail_if_unchanged)),
    }
}

/// Follows what a task queued at its end; the code is that of the first that did not succeed.
async fn follow_children(door: &mut Door, ask: &Ask, parent: &TaskView, screen: Screen) -> Result<u8, Failure> {
    for &child in &parent.children {
        // A program has had its one document, and is waited with.
        let voice = if ask.manner.json { Voice::Silent } else { Voice::Sentences };
        let mut teller = Teller::new(voice, ask.manner.verbose, screen, child);
        let code = follow(door, child, None, &mut teller).await?.code(false);
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(0)
}

/// A retry is followed from its own first line on: what earlier attempts said was told before. Asked before it is
/// queued, since it may be quick.
async fn earlier_attempts(door: &mut Door, ask: &Ask) -> Option<(u32, u64)> {
    if ask.operation.id != OperationId::TaskRetry || !ask.manner.wait || ask.manner.dry_run {
        return None;
    }
    let attempts = show(door, ask.name.as_deref()?.parse().ok()?).await.ok()?.attempts;
    let newest = attempts.iter().max_by_key(|attempt| attempt.number)?;
    Some((newest.number, newest.lines))
}

/// Follows a task that somebody names.
pub(crate) async fn follow_task(given: &Given, asked: Follow, screen: Screen) -> Result<u8, Failure> {
    let mut door = Door::find(&given.home()).await?;
    let ended = follow_from(&mut door, asked, screen).await;
    door.leave().await;
    ended
}

async fn follow_from(door: &mut Door, asked: Follow, screen: Screen) -> Result<u8, Failure> {
    let Follow { task, attempt, from, manner } = asked;
    let after = match (attempt, from) {
        (None, 1) => None,
        (Some(attempt), from) => Some((attempt, from - 1)),
        (None, from) => {
            let newest = show(door, task).await?.attempts.iter().map(|attempt| attempt.number).max();
            newest.map(|newest| (newest, from - 1))
        }
    };
    let voice = if manner.json { Voice::Lines } else { Voice::Sentences };
    let mut teller = Teller::new(voice, manner.verbose, screen, task);
    let end: End = follow(door, task, after, &mut teller).await?;
    Ok(end.code(manner.fail_if_unchanged))
}

async fn log_follow(door: &mut Door, ask: &Ask, screen: Screen) -> Result<u8, Failure> {
    let number = |name: &str| ask.parameters.get(name).and_then(Value::as_u64);
    let asked = Follow {
        task: ask.name.as_deref().and_then(|name| name.parse().ok()).unwrap_or_default(),
        attempt: number("attempt").and_then(|attempt| attempt.try_into().ok()),
        from: number("from").unwrap_or(1),
        manner: ask.manner,
    };
    follow_from(door, asked, screen).await
}

/// Waits until nothing runs any more.
async fn drained(door: &mut Door, ask: &Ask) -> Result<u8, Failure> {
    door.work();
    let mut interrupts = Interrupts::listen().ok();
    let mut told = None;
    loop {
        let mut call = Call::of(OperationId::TaskList).with("state", vec!["running", "out-of-contact"]);
        if let Some(server) = ask.parameters.get("server") {
            call = call.with("server", server.clone());
        }
        let running = lists::all(door, call).await?.len();
        if running == 0 {
            err("No task runs any more.");
            return Ok(0);
        }
        if told != Some(running) {
            err(&format!("Waiting for {running} running {}.", if running == 1 { "task" } else { "tasks" }));
            told = Some(running);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOKING) => (),
            () = came(&mut interrupts) => {
                err("No further task is started; those that run go on. To see them: `aegir queue show`");
                return Ok(exit_code::DETACHED);
            }
        }
    }
}

/// Asks for the name a second time where the operation takes that.
fn confirm(ask: &mut Ask, given: &Given, screen: Screen) -> Result<(), Failure> {
    let (Some(_), Some(name)) = (ask.operation.parameter("confirm"), ask.name.clone()) else { return Ok(()) };
    let instead = || {
        let words = given.words.iter().filter(|word| !word.starts_with("--confirm"));
        let mut words = words.cloned();
        let cmd = Cmd::new(words.next().unwrap_or_else(|| "aegir".into())).args(words);
        format!("if you are sure, type `{}`", cmd.arg(format!("--confirm={name}")))
    };
    let what = format!("{} of `{name}`", ask.operation.name());
    let typed = match ask.parameters.get("confirm").and_then(Value::as_str) {
        Some(typed) => typed.to_owned(),
        // Nothing happens, so nothing has to be sure.
        None if ask.manner.dry_run => name.clone(),
        None if screen.can_ask() => {
            let about = ask.operation.about;
            let typed = ask_person(&format!("{about}\nTo go on, type the name `{name}` again: "))
                .map_err(|_| Failure::usage(Usage::new(format!("{what} takes the name a second time"), instead())))?;
            typed.strip_prefix('@').unwrap_or(&typed).to_owned()
        }
        None => return Err(Failure::usage(Usage::new(format!("{what} takes the name a second time"), instead()))),
    };
    if typed != name {
        let typed = one_line(&typed);
        return Err(Failure::usage(Usage::new(
            format!("`{typed}` is not the name `{name}`: nothing was done"),
            instead(),
        )));
    }
    ask.parameters.insert("confirm".into(), typed.into());
    Ok(())
}

/// A name that nobody bears, with the one that may have been meant.
async fn with_suggestion(door: &mut Door, ask: &Ask, mut problem: Problem) -> Problem {
    let (true, Some(name), Names::One(_)) = (problem.is_absence(), &ask.name, &ask.operation.names) else {
        return problem;
    };
    let Some(list) = words::list_of(ask.operation.subject) else { return problem };
    let names = names(door, Call::of(list.id).with("limit", 500)).await;
    if let Some(near) = nearest(bare(name), names.iter().map(|known| bare(known))) {
        let remedy = problem.report.remedy.take();
        problem.report.remedy = Some(match remedy {
            Some(remedy) => format!("did you mean `{near}`? If not, {remedy}"),
            None => format!("did you mean `{near}`?"),
        });
    }
    problem
}

/// The name of an object without what marks its kind.
pub(crate) fn bare(name: &str) -> &str {
    let name = name.strip_prefix('@').unwrap_or(name);
    let slug = name.strip_prefix("server_").or_else(|| name.strip_prefix("platform_"));
    slug.unwrap_or(name)
}

/// The names on the first page of a list; none where it cannot be had.
pub(crate) async fn names(door: &mut Door, call: Call) -> Vec<String> {
    let Ok(Answer::Page { items, .. }) = door.perform(call).await else { return Vec::new() };
    items.iter().filter_map(name_of).collect()
}

/// How an entry of a list is named on the command line.
pub(crate) fn name_of(item: &Value) -> Option<String> {
    let named = ["name", "label"].iter().find_map(|field| item.get(*field)?.as_str().map(str::to_owned));
    named.or_else(|| item.get("id")?.as_i64().map(|id| id.to_string()))
}
