//! The page of a task: first what became of it and what to do, then its steps, then all that it said.

use aegir_hosting::view::{AttemptView, TaskView};
use aegir_hosting::{Call, OperationId, Permission, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;
use serde_json::Value;

use super::acts::{self, Act};
use super::log::{Log, Progress, Wanted};
use super::steps::{self, Step};
use super::trouble::{self, Trouble};
use super::words::{self, Piece};
use crate::api::{OwnRoute, Problem};
use crate::panel::elsewhere::elsewhere;
use crate::panel::frame::{Elsewhere, Frame};
use crate::panel::states::{self, State};
use crate::panel::times;
use crate::panel::visit::Visit;
use crate::panel::{address, reply};

/// The longest value of a fact that is shown.
const LONGEST_FACT: usize = 400;
/// How many tasks that it called for are named.
const CHILDREN: usize = 50;

/// What is told of a task above its log; the same on the page and in the part that is asked for again.
struct Told {
    id: i64,
    /// Where this is asked for again; empty: nothing more happens to it by itself.
    again: String,
    state: State,
    has_ended: bool,
    sort: &'static str,
    object: String,
    object_href: String,
    server: String,
    asked_by: String,
    queued: i64,
    started: Option<i64>,
    /// How long it took; empty: it goes on, or never began.
    took: String,
    cancelling: bool,
    waits_for: Vec<Piece>,
    progress: Option<Progress>,
    /// The attempt that is shown; `None`: there is none yet.
    attempt: Option<ToldAttempt>,
    trouble: Option<Trouble>,
    steps: Vec<Step>,
    acts: Vec<Act>,
    /// Whether they stand with what went wrong, and not in the page's head.
    acts_with_trouble: bool,
    /// The page where a login link of the site is made; empty: it has none, or whoever asks may not.
    login: String,
    /// Where what it answered once is fetched; empty: nothing waits for whoever looks.
    fetch: String,
    form_token: String,
    now: i64,
}

/// An attempt, in short.
struct ToldAttempt {
    number: u32,
    is_newest: bool,
    state: State,
    started: i64,
    took: String,
    recovered: bool,
    why: String,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    frame: Frame,
    told: Told,
    log: ToldLog,
    facts: Vec<(String, String)>,
    answer: Vec<(String, String)>,
    older: Vec<ToldAttempt>,
    parent: Option<Relative>,
    children: Vec<Relative>,
    more_children: usize,
}

/// A task that called for this one, or that this one called for.
struct Relative {
    id: i64,
    heading: String,
    state: State,
}

impl From<TaskView> for Relative {
    fn from(task: TaskView) -> Relative {
        let heading = words::heading_of(&task);
        Relative { id: task.id, heading, state: states::of_task(&task.state) }
    }
}

/// A page of the log, with the ways to others.
struct ToldLog {
    /// Where it goes on as it is said; empty: this page does not go on.
    events: String,
    last: String,
    lines: Vec<ToldLine>,
    /// Which lines are here.
    range: String,
    first: String,
    earlier: String,
    later: String,
    newest: String,
    whole: String,
    ended: bool,
}

struct ToldLine {
    attempt: u32,
    n: u64,
    at: i64,
    kind: String,
    level: String,
    text: String,
    output: String,
}

#[derive(Template)]
#[template(path = "task_part.html")]
struct TaskPart {
    told: Told,
}

/// The page of a task.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let task = super::task(visit).await?;
    let wanted = Wanted::of(&visit.asked.query);
    let log = Log::ask(visit, &task, wanted).await?;
    let told = told(visit, &task, wanted, &log).await;
    let shown = task.attempts.iter().find(|attempt| attempt.number == log.attempt);
    let mut frame = visit.frame(&words::heading_of(&task), "tasks").await;
    frame.trail = vec![("Tasks".into(), "/tasks".into())];
    frame.elsewhere = elsewhere_of(&task, &log);
    let attempts = task.attempts.iter().rev().filter(|attempt| attempt.number != log.attempt);
    let older = attempts.map(|attempt| short(&task, attempt)).collect();
    let page = TaskPage {
        frame,
        log: told_log(&task, &log),
        facts: facts(&task.parameters),
        answer: shown.and_then(|attempt| attempt.answer.as_ref()).map(facts).unwrap_or_default(),
        older,
        parent: parent_of(visit, &task).await,
        more_children: task.children.len().saturating_sub(CHILDREN),
        children: children_of(visit, &task).await?,
        told,
    };
    reply::page(&page)
}

/// The task that called for it; none, too, where it was cleared away since.
async fn parent_of(visit: &Visit, task: &TaskView) -> Option<Relative> {
    let call = Call::of(OperationId::TaskShow).about(task.parent?.to_string());
    visit.object::<TaskView>(call).await.ok().map(Relative::from)
}

async fn children_of(visit: &Visit, task: &TaskView) -> Result<Vec<Relative>, Problem> {
    if task.children.is_empty() {
        return Ok(Vec::new());
    }
    let call = Call::of(OperationId::TaskList)
        .with("parent", task.id.to_string())
        .with("sort", "queued")
        .with("limit", CHILDREN);
    let (children, _, _) = visit.list::<TaskView>(call.uncounted()).await?;
    Ok(children.into_iter().map(Relative::from).collect())
}

/// What stands above the log, alone: asked for again whenever something changes, until the task has ended.
pub(super) async fn part(visit: &Visit) -> Result<Response<Body>, Problem> {
    let task = super::task(visit).await?;
    let wanted = Wanted { from: None, ..Wanted::of(&visit.asked.query) };
    let log = Log::ask(visit, &task, wanted).await?;
    let told = told(visit, &task, wanted, &log).await;
    reply::page(&TaskPart { told })
}

async fn told(visit: &Visit, task: &TaskView, wanted: Wanted, log: &Log) -> Told {
    let shown = task.attempts.iter().find(|attempt| attempt.number == log.attempt);
    let has_ended = words::has_ended(&task.state);
    let again = match wanted.attempt {
        _ if has_ended => String::new(),
        None => format!("/fragments/task/{}", task.id),
        Some(attempt) => format!("/fragments/task/{}?attempt={attempt}", task.id),
    };
    let steps = shown.map(|attempt| steps::of(attempt, &log.lines)).unwrap_or_default();
    let (sort, object) = (words::sort(&task.object_name), words::bare(&task.object_name));
    let may_log_in = visit.actor().must(Permission::LogIn).is_ok();
    let ends_its_name = matches!(task.operation.as_str(), "site-delete" | "site-rename");
    let login = match sort == "site" && task.state == "succeeded" && may_log_in && !ends_its_name {
        true => address::doing(&OperationId::SiteLogin.declaration(), Some(object)),
        false => String::new(),
    };
    let fetch = match fetches(visit, task).await {
        true => format!("/do/site-login/fetch/{}", task.id),
        false => String::new(),
    };
    let trouble = shown.and_then(|attempt| trouble::of(attempt, &steps));
    Told {
        id: task.id,
        again,
        acts_with_trouble: trouble.is_some() && states::has_failed(&task.state),
        state: states::of_task(&task.state),
        has_ended,
        sort,
        object: object.to_owned(),
        // By its number: a site can be called otherwise since.
        object_href: address::object(Subject::Node, &task.object.to_string()),
        server: words::bare(&task.server).to_owned(),
        asked_by: task.asked_by.clone(),
        queued: task.queued,
        started: task.started,
        took: took(task.started, task.ended),
        cancelling: task.cancelling,
        waits_for: task.waits_for.as_deref().map(words::linked).unwrap_or_default(),
        progress: log.progress().filter(|_| !has_ended),
        trouble,
        attempt: shown.map(|attempt| short(task, attempt)),
        steps,
        acts: acts::of(visit, task).await,
        login,
        fetch,
        form_token: crate::panel::visit::form_token(&visit.secret),
        now: visit.panel.now(),
    }
}

/// Whether a login link waits for whoever looks. That it cannot be known is no reason not to show the page.
async fn fetches(visit: &Visit, task: &TaskView) -> bool {
    let login = OperationId::SiteLogin.declaration();
    task.operation == login.slug()
        && visit.actor().must(login.needs).is_ok()
        && visit.panel.api.front.secret_waits(visit.actor(), task.id).await.unwrap_or(false)
}

fn short(task: &TaskView, attempt: &AttemptView) -> ToldAttempt {
    let why = attempt.fault.as_ref().and_then(|fault| fault["message"].as_str()).unwrap_or_default();
    ToldAttempt {
        number: attempt.number,
        is_newest: task.attempts.last().is_some_and(|newest| newest.number == attempt.number),
        state: states::of_attempt(&attempt.state, attempt.outcome.as_deref()),
        started: attempt.started,
        took: took(Some(attempt.started), attempt.ended),
        recovered: attempt.recovered,
        why: why.to_owned(),
    }
}

/// How long something took; empty where it did not begin and end.
fn took(began: Option<i64>, ended: Option<i64>) -> String {
    began.zip(ended).map(|(began, ended)| times::lasted(&ended.saturating_sub(began))).unwrap_or_default()
}

fn told_log(task: &TaskView, log: &Log) -> ToldLog {
    let Log { attempt, total, .. } = log;
    let newest = task.attempts.last().map_or(1, |newest| newest.number);
    let ended = words::has_ended(&task.state);
    let goes_on = !ended && *attempt >= newest && log.next.is_none();
    let at = |from: u64| format!("/tasks/{}?attempt={attempt}&from={from}#log", task.id);
    let (first, last) = (log.lines.first().map(|line| line.n), log.lines.last().map(|line| line.n));
    let lines = log.lines.iter().map(|line| ToldLine {
        attempt: line.attempt,
        n: line.n,
        at: line.at,
        kind: line.kind.clone(),
        level: line.level.clone().unwrap_or_default(),
        text: super::log::sentence(line),
        output: line.output.clone().unwrap_or_default(),
    });
    ToldLog {
        events: if goes_on { format!("/tasks/{}/events", task.id) } else { String::new() },
        last: log.last(),
        range: match (first, last) {
            (Some(first), Some(last)) if (first, last) == (1, *total) => format!("all {total} lines"),
            (Some(first), Some(last)) => format!("lines {first} to {last} of {total}"),
            _ => String::new(),
        },
        first: log.earlier().map(|_| at(1)).unwrap_or_default(),
        earlier: log.earlier().map(at).unwrap_or_default(),
        later: log.next.map(at).unwrap_or_default(),
        newest: log.next.map(|_| format!("/tasks/{}?attempt={attempt}#log", task.id)).unwrap_or_default(),
        whole: format!("/tasks/{}/log.txt?attempt={attempt}", task.id),
        ended,
        lines: lines.collect(),
    }
}

fn elsewhere_of(task: &TaskView, log: &Log) -> Vec<Elsewhere> {
    let about = |id: OperationId| Call::of(id).about(task.id.to_string());
    let mut ways = vec![elsewhere("This task", &about(OperationId::TaskShow))];
    if words::has_ended(&task.state) {
        let lines = about(OperationId::TaskLog).with("attempt", log.attempt).with("from", log.from);
        ways.push(elsewhere("These lines of its log", &lines));
        ways.push(elsewhere("Try it again", &about(OperationId::TaskRetry)));
    } else {
        ways.push(Elsewhere {
            what: "Follow it".into(),
            command: format!("aegir task follow {}", task.id),
            call: format!("GET {}", OwnRoute::TaskEvents.route().at(&task.id.to_string())),
            body: None,
        });
        ways.push(elsewhere("Cancel it", &about(OperationId::TaskCancel)));
    }
    ways
}

/// An object of JSON as names with values; what is long is told by its length.
fn facts(object: &Value) -> Vec<(String, String)> {
    let Some(object) = object.as_object() else { return Vec::new() };
    let given = object.iter().filter(|(_, value)| !value.is_null());
    given.map(fact).collect()
}

/// A name and a value in words; a length of time is told as one.
fn fact((name, value): (&String, &Value)) -> (String, String) {
    let label = |name: &str| name.replace('_', " ");
    match (name.strip_suffix("_ms"), value.as_i64()) {
        (Some(name), Some(took)) => (format!("{} for", label(name)), times::lasted(&took)),
        _ => (label(name), in_words(value)),
    }
}

fn in_words(value: &Value) -> String {
    let text = match value {
        Value::Object(counts) if counts.is_empty() => "nothing that is known of".into(),
        Value::Object(counts) if counts.values().all(Value::is_u64) => {
            counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
        }
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Array(values) if values.is_empty() => "none".into(),
        Value::Array(values) if values.len() > 10 || values.iter().any(Value::is_object) => {
            format!("{} of them", values.len())
        }
        Value::Array(values) => values.iter().map(in_words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    match text.chars().count() > LONGEST_FACT {
        true => format!("{}…", text.chars().take(LONGEST_FACT).collect::<String>()),
        false => text,
    }
}
