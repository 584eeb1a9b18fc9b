//! Bulk runs: before one begins, who qualifies and who does not; and how one stands.

use std::collections::BTreeMap;

use aegir_hosting::view::{BulkFailureView, BulkObjectView, BulkPlanView, BulkView, BulkWaveView};
use aegir_hosting::{Call, Operation, OperationId, Permission, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::elsewhere::elsewhere;
use super::frame::{Frame, Tone};
use super::pairs::Pairs;
use super::route::{Needs, PanelRoute};
use super::states::of_task;
use super::times::lasted;
use super::visit::Visit;
use super::{address, lists, reply, selected};
use crate::api::{Problem, ProblemKind};
use crate::panel::words::capital;

/// How many objects a page of a run shows.
const ON_A_PAGE: u64 = 100;
/// How many are read at once for a file.
pub(super) const AT_ONCE: u64 = 500;
/// What of a list's address filters nothing.
const NO_FILTERS: [&str; 6] = ["sort", "limit", "cursor", "columns", "format", "back"];

/// Their addresses; the list of runs is one of the lists.
pub(super) fn routes() -> Vec<PanelRoute> {
    vec![
        PanelRoute::post("/bulk/plan", Needs::May(Permission::Operate), |it| Box::pin(plan(it))),
        PanelRoute::get("/bulk/{number}", Needs::May(Permission::View), |it| Box::pin(show(it))),
        PanelRoute::get("/bulk/{number}/objects.csv", Needs::May(Permission::View), |it| Box::pin(export(it))),
        PanelRoute::get("/bulk/{number}/result.json", Needs::May(Permission::View), |it| Box::pin(export_json(it))),
    ]
}

/// The operations that can be asked of many of these at once, by whoever visits: their words and what they are called.
pub(super) fn for_many(visit: &Visit, subject: Subject) -> Vec<(String, String)> {
    let all = OperationId::ALL.into_iter().map(OperationId::declaration);
    let each = all
        .filter(|operation| operation.subject == subject && operation.is_for_many())
        .map(|operation| (operation, capital(operation.verb)));
    let (moves, text) = selected::MOVES;
    let together = (subject == Subject::Site).then(|| (moves.declaration(), text.to_owned()));
    each.chain(together)
        .filter(|(operation, _)| visit.actor().may.hold(operation.needs))
        .map(|(operation, text)| (operation.slug(), text))
        .collect()
}

#[derive(Template)]
#[template(path = "bulk_plan.html")]
struct PlanPage {
    frame: Frame,
    verb: String,
    /// `sites`.
    noun: String,
    plan: BulkPlanView,
    operation: String,
    /// What the run is begun with, a value a line.
    objects: String,
    filters: String,
    once: String,
    back: String,
}

impl PlanPage {
    fn begin(&self) -> String {
        format!("{} {} {}", self.verb, self.plan.all - (self.plan.looked_at - self.plan.can), self.noun)
    }
}

#[derive(Template)]
#[template(path = "bulk.html")]
struct BulkPage {
    frame: Frame,
    run: BulkView,
    /// How many stand how: look, word, how many, and where those are listed.
    states: Vec<(Tone, &'static str, u64, String)>,
    done: u64,
    failures: Vec<Failure>,
    objects: Vec<Entry>,
    total: String,
    first: String,
    next: String,
    /// Where all of it is had as a file, of which kind.
    exports: [(&'static str, String); 2],
    waves: Vec<Wave>,
    /// What can be asked of it now.
    acts: Vec<Act>,
}

impl BulkPage {
    fn told(&self) -> String {
        format!("{} of {} objects: {}", capital(&self.run.operation.replace('-', " ")), self.run.all, self.run.chosen)
    }

    /// That it asks nothing more, why, and what to press; empty: it goes on, or is at its end.
    fn halted(&self) -> String {
        let Some(halt) = &self.run.halt else { return String::new() };
        let by = halt.by.as_ref().map_or_else(|| "by itself".to_owned(), |by| format!("by {by}"));
        let why = halt.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        match self.run.state.as_str() {
            "stopped" => format!("It was stopped {by}. Nothing more is asked; what was not asked is as it was."),
            _ => format!(
                "It is paused {by}{why}. Nothing more begins. “Go on” does whatever failed; “Stop” ends it; either way \
                 what failed can be retried."
            ),
        }
    }

    /// How long it still takes, and how it goes on.
    fn left(&self) -> String {
        if self.run.ended {
            return String::new();
        }
        let mut text = match self.run.left_ms.and_then(|ms| i64::try_from(ms).ok()) {
            Some(ms) => format!("About {} left.", lasted(&ms)),
            None => "How long it takes is known once the first is done.".to_owned(),
        };
        if let Some(at_once) = self.run.at_once {
            text.push_str(&format!(" {at_once} at once, at the most."));
        }
        if let Some(most) = self.run.stop_after {
            text.push_str(&format!(" It pauses after {most} failures."));
        }
        text
    }
}

/// A wave, as it is shown.
struct Wave {
    number: u32,
    all: u64,
    done: u64,
    failed: u64,
    tone: Tone,
    word: &'static str,
}

/// Something that can be asked of a run.
struct Act {
    text: String,
    href: String,
    look: &'static str,
    icon: &'static str,
    /// Whether it is done at once, and not on a page of its own.
    at_once: bool,
    /// What keeps it from being done twice.
    once: String,
}

/// Failures with one cause.
struct Failure {
    tone: Tone,
    word: &'static str,
    told: BulkFailureView,
    objects: Vec<Entry>,
    /// Where all of that state are listed, where not all are named here.
    more: String,
}

/// An object of a run.
struct Entry {
    name: String,
    page: String,
    wave: u32,
    task: String,
    tone: Tone,
    word: &'static str,
    why: String,
}

/// Who qualifies for what a list's selection asks, and why others do not.
async fn plan(visit: &Visit) -> Result<Response<Body>, Problem> {
    let form = &visit.asked.form;
    let slug = form.get("operation").unwrap_or_default();
    if slug == selected::MOVES.0.declaration().slug() {
        return selected::moves(visit).await;
    }
    let all = OperationId::ALL.into_iter().map(OperationId::declaration);
    let Some(operation) = all.filter(Operation::is_for_many).find(|operation| operation.slug() == slug) else {
        return Err(bad("what was asked for is none of what can be asked of many at once", "choose it below the list"));
    };
    let mut call = Call::of(OperationId::BulkStart).with("operation", slug);
    let filters = form.get("all").map(filters_of);
    let objects: Vec<String> = form.all("pick").map(str::to_owned).collect();
    match &filters {
        Some(filters) => call = call.with("filter", filters.clone()),
        None if objects.is_empty() => {
            return Err(bad("nothing was selected", "go back, and tick rows of the list, or all that match"));
        }
        None => call = call.with("object", objects.clone()),
    }
    call.dry_run = true;
    let plan: BulkPlanView = visit.object(call.clone()).await?;
    call.dry_run = false;
    let verb = capital(operation.verb);
    let noun = operation.subject.path().replace('-', " ");
    let mut frame = visit.frame(&format!("{verb} {} {noun}?", plan.all), operation.subject.path()).await;
    let list = address::list(operation.subject);
    frame.trail = vec![(capital(&noun), list.clone())];
    frame.elsewhere = vec![elsewhere("The run", &call)];
    reply::page(&PlanPage {
        frame,
        verb,
        noun,
        plan,
        operation: slug.to_owned(),
        objects: if filters.is_some() { String::new() } else { objects.join("\n") },
        filters: filters.unwrap_or_default().join("\n"),
        once: visit.once(),
        back: list,
    })
}

/// What a list is filtered by, as a run takes it.
pub(super) fn filters_of(query: &str) -> Vec<String> {
    let pairs = Pairs::read(query).without(&NO_FILTERS).0;
    let filters: Vec<_> = pairs
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if filters.is_empty() { vec!["all".into()] } else { filters }
}

fn bad(what: &str, remedy: &'static str) -> Problem {
    Problem::new(ProblemKind::BadParameters, what, remedy)
}

/// How a run stands.
async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let number = visit.asked.name();
    let run: BulkView = visit.object(Call::of(OperationId::BulkShow).about(number)).await?;
    let here = format!("/bulk/{}", run.id);
    let state = visit.asked.query.get("state").filter(|state| !state.is_empty());
    let mut call = Call::of(OperationId::BulkObjects).about(number).with("limit", ON_A_PAGE);
    if let Some(state) = state {
        call = call.with("state", state);
    }
    let cursor = visit.asked.query.get("cursor");
    if let Some(cursor) = cursor {
        call = call.with("cursor", cursor);
    }
    let (objects, next, total): (Vec<BulkObjectView>, _, _) = visit.list(call.clone()).await?;
    let subject = OperationId::ALL
        .into_iter()
        .map(OperationId::declaration)
        .find(|operation| operation.slug() == run.operation)
        .map_or(Subject::Site, |operation| operation.subject);
    let of_state = |state: &str| format!("{here}?state={}", address::encoded(state));
    let retry = Call::of(OperationId::BulkRetry).about(number);
    let acts = acts(visit, &run);
    let mut frame = visit.frame(&format!("Bulk run {}", run.id), "tasks").await;
    frame.trail = vec![("Tasks".into(), "/tasks".into()), ("Bulk runs".into(), "/bulk".into())];
    frame.elsewhere =
        vec![elsewhere("This run", &Call::of(OperationId::BulkShow).about(number)), elsewhere("Its objects", &call)];
    if acts.iter().any(|act| act.href.starts_with("/do/bulk-retry/")) {
        frame.elsewhere.push(elsewhere("Retry", &retry));
    }
    let first = state.map_or_else(|| here.clone(), of_state);
    let join = if state.is_some() { '&' } else { '?' };
    reply::page(&BulkPage {
        frame,
        states: states(&run.states, of_state),
        done: done(&run.states),
        failures: run
            .failures
            .iter()
            .map(|told| Failure {
                tone: tone_of(&told.state).0,
                word: tone_of(&told.state).1,
                objects: told.objects.iter().map(|object| entry(subject, object)).collect(),
                more: if told.count > told.objects.len() as u64 { of_state(&told.state) } else { String::new() },
                told: told.clone(),
            })
            .collect(),
        objects: objects.iter().map(|object| entry(subject, object)).collect(),
        total: total.map_or_else(|| "many".into(), |total| total.to_string()),
        next: next.map(|next| format!("{first}{join}cursor={}", address::encoded(&next))).unwrap_or_default(),
        first: if cursor.is_some() { first } else { String::new() },
        exports: [("CSV", format!("{here}/objects.csv")), ("JSON", format!("{here}/result.json"))],
        waves: run.waves.iter().map(wave).collect(),
        acts,
        run,
    })
}

/// What can be asked of a run now, by whoever visits: what helps first.
fn acts(visit: &Visit, run: &BulkView) -> Vec<Act> {
    let operation = OperationId::ALL.into_iter().map(OperationId::declaration);
    let operation = operation.into_iter().find(|operation| operation.slug() == run.operation);
    let needs = operation.as_ref().map_or(Permission::Manage, |operation| operation.needs);
    let may = |what: OperationId| {
        let may = &visit.actor().may;
        may.hold(what.declaration().needs) && may.hold(needs)
    };
    let has_left = !run.ended && run.asked.is_none();
    let leads_back = [OperationId::SiteMigrate, OperationId::SiteUpdate];
    let moved = run.succeeded > 0 && operation.is_some_and(|operation| leads_back.contains(&operation.id));
    let can = [
        (OperationId::BulkResume, run.state == "paused" && has_left, "Go on", "primary", "start"),
        (OperationId::BulkPause, run.state == "going" && has_left, "Pause", "plain", "pause"),
        (OperationId::BulkStop, has_left, "Stop…", "plain", "stop"),
        (OperationId::BulkRetry, run.failed > 0 && (run.ended || run.state == "paused"), "", "plain", "retry"),
        (OperationId::BulkGoBack, moved, "Go back…", "plain", ""),
    ];
    let act = |(id, _, text, look, icon): (OperationId, bool, &str, &'static str, &'static str)| Act {
        text: if text.is_empty() { format!("Retry the {} that failed", run.failed) } else { text.to_owned() },
        href: address::doing(&id.declaration(), Some(&run.id.to_string())),
        look: if id == OperationId::BulkRetry && run.ended { "primary" } else { look },
        icon,
        at_once: matches!(id, OperationId::BulkResume | OperationId::BulkPause),
        once: visit.once(),
    };
    can.into_iter().filter(|(id, can, ..)| *can && may(*id)).map(act).collect()
}

fn wave(wave: &BulkWaveView) -> Wave {
    let done = done(&wave.states);
    let asked = wave.states.keys().any(|state| state != "not-asked" && state != "not-queued");
    let (tone, word) = match (wave.ended, wave.failed) {
        (true, 0) => (Tone::Good, "ended"),
        (true, _) => (Tone::Bad, "ended with failures"),
        (false, _) if asked => (Tone::Busy, "goes on"),
        (false, _) => (Tone::Plain, "not begun"),
    };
    Wave { number: wave.wave, all: wave.all, done, failed: wave.failed, tone, word }
}

/// All objects of a run as a file, with what became of each.
async fn export(visit: &Visit) -> Result<Response<Body>, Problem> {
    let number = visit.asked.name();
    let words = |words: [&str; 5]| lists::line(words.into_iter().map(str::to_owned));
    let mut text = words(["object", "wave", "state", "task", "why"]);
    for object in all_objects::<BulkObjectView>(visit).await? {
        let fault = object.fault.as_ref().and_then(|fault| fault["message"].as_str()).unwrap_or_default();
        let task = object.task.map(|task| task.to_string()).unwrap_or_default();
        text.push_str(&words([&object.name, &object.wave.to_string(), &object.state, &task, fault]));
    }
    Ok(reply::file(&format!("bulk-{number}.csv"), "text/csv; charset=utf-8", text))
}

/// The run with its failures by their causes, and all its objects, as a file: as the API tells them.
async fn export_json(visit: &Visit) -> Result<Response<Body>, Problem> {
    let number = visit.asked.name();
    let run: Value = visit.object(Call::of(OperationId::BulkShow).about(number)).await?;
    let objects: Vec<Value> = all_objects(visit).await?;
    let text = format!("{:#}\n", json!({ "run": run, "objects": objects }));
    Ok(reply::file(&format!("bulk-{number}.json"), "application/json", text))
}

async fn all_objects<T: DeserializeOwned>(visit: &Visit) -> Result<Vec<T>, Problem> {
    let mut call = Call::of(OperationId::BulkObjects).about(visit.asked.name()).with("limit", AT_ONCE);
    let mut all = Vec::new();
    loop {
        let (objects, next, _) = visit.list::<T>(call.clone()).await?;
        all.extend(objects);
        match next {
            Some(next) => call = call.with("cursor", next),
            None => return Ok(all),
        }
    }
}

/// How many stand how, those that wait for something first.
fn states(all: &BTreeMap<String, u64>, of_state: impl Fn(&str) -> String) -> Vec<(Tone, &'static str, u64, String)> {
    let shown = |(state, count): (&String, &u64)| {
        let (tone, word) = tone_of(state);
        (tone, word, *count, of_state(state))
    };
    all.iter().map(shown).collect()
}

/// How many have ended, well or not.
fn done(all: &BTreeMap<String, u64>) -> u64 {
    let open = ["not-asked", "rehearsing", "rehearsed", "waiting", "running", "out-of-contact"];
    all.iter().filter(|(state, _)| !open.contains(&state.as_str())).map(|(_, count)| count).sum()
}

fn tone_of(state: &str) -> (Tone, &'static str) {
    match state {
        "not-asked" => (Tone::Plain, "not asked yet"),
        "not-queued" => (Tone::Bad, "not queued"),
        "rehearsing" => (Tone::Busy, "being rehearsed"),
        "rehearsed" => (Tone::Plain, "rehearsed, not moved yet"),
        "gone" => (Tone::Plain, "too old to be known"),
        task => {
            let state = of_task(task);
            (state.tone, state.word)
        }
    }
}

fn entry(subject: Subject, object: &BulkObjectView) -> Entry {
    let (tone, word) = tone_of(&object.state);
    let fault = object.fault.as_ref();
    Entry {
        name: object.name.clone(),
        page: address::object(subject, &object.name),
        wave: object.wave,
        task: object.task.map(|task| address::object(Subject::Task, &task.to_string())).unwrap_or_default(),
        tone,
        word,
        why: fault.and_then(|fault| fault["message"].as_str()).unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_list_is_filtered_by_chooses_the_same_for_a_run() {
        assert_eq!(
            filters_of("status=failed&status=new&search=a+b&sort=-name&limit=25&cursor=7b"),
            ["status=failed", "status=new", "search=a b"]
        );
        assert_eq!(filters_of("sort=name&search="), ["all"]);
    }

    #[test]
    fn what_has_ended_is_done_however_it_ended() {
        let states = [("waiting", 3), ("succeeded", 5), ("stuck", 1), ("not-queued", 2), ("not-asked", 9)];
        let states = states.map(|(state, count)| (state.to_owned(), count)).into();

        assert_eq!(done(&states), 8);
    }
}
