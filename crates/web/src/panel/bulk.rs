//! Bulk runs: before one begins, who qualifies and who does not; and how one stands.

use std::collections::BTreeMap;

use aegir_hosting::view::{BulkFailureView, BulkObjectView, BulkPlanView, BulkView};
use aegir_hosting::{Call, Operation, OperationId, Permission, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;

use super::elsewhere::elsewhere;
use super::frame::{Frame, Tone};
use super::pairs::Pairs;
use super::route::{Needs, PanelRoute};
use super::states::of_task;
use super::visit::Visit;
use super::{address, reply};
use crate::api::{Problem, ProblemKind};
use crate::panel::words::capital;

/// How many objects a page of a run shows.
const ON_A_PAGE: u64 = 100;
/// What of a list's address filters nothing.
const NO_FILTERS: [&str; 6] = ["sort", "limit", "cursor", "columns", "format", "back"];

/// Their addresses; the list of runs is one of the lists.
pub(super) fn routes() -> Vec<PanelRoute> {
    vec![
        PanelRoute::post("/bulk/plan", Needs::May(Permission::Operate), |it| Box::pin(plan(it))),
        PanelRoute::get("/bulk/{number}", Needs::May(Permission::View), |it| Box::pin(show(it))),
    ]
}

/// The operations that can be asked of many of these at once, by whoever visits: their words and what they are called.
pub(super) fn for_many(visit: &Visit, subject: Subject) -> Vec<(String, String)> {
    let all = OperationId::ALL.into_iter().map(OperationId::declaration);
    all.filter(|operation| operation.subject == subject && operation.is_for_many())
        .filter(|operation| visit.actor().may.hold(operation.needs))
        .map(|operation| (operation.slug(), capital(operation.verb)))
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
    /// Where it is retried; empty where it cannot be.
    retry: String,
}

impl BulkPage {
    fn retry_text(&self) -> String {
        format!("Retry the {} that failed", self.run.failed)
    }

    fn told(&self) -> String {
        format!("{} of {} objects: {}", capital(&self.run.operation.replace('-', " ")), self.run.all, self.run.chosen)
    }
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
    task: String,
    tone: Tone,
    word: &'static str,
    why: String,
}

/// Who qualifies for what a list's selection asks, and why others do not.
async fn plan(visit: &Visit) -> Result<Response<Body>, Problem> {
    let form = &visit.asked.form;
    let slug = form.get("operation").unwrap_or_default();
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
fn filters_of(query: &str) -> Vec<String> {
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
    let can_retry = run.ended && run.failed > 0 && visit.actor().may.hold(Permission::Operate);
    let mut frame = visit.frame(&format!("Bulk run {}", run.id), "tasks").await;
    frame.trail = vec![("Tasks".into(), "/tasks".into()), ("Bulk runs".into(), "/bulk".into())];
    frame.elsewhere =
        vec![elsewhere("This run", &Call::of(OperationId::BulkShow).about(number)), elsewhere("Its objects", &call)];
    if can_retry {
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
        retry: if can_retry { format!("/do/bulk-retry/{}", run.id) } else { String::new() },
        run,
    })
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
    let open = ["not-asked", "waiting", "running", "out-of-contact"];
    all.iter().filter(|(state, _)| !open.contains(&state.as_str())).map(|(_, count)| count).sum()
}

fn tone_of(state: &str) -> (Tone, &'static str) {
    match state {
        "not-asked" => (Tone::Plain, "not asked yet"),
        "not-queued" => (Tone::Bad, "not queued"),
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
