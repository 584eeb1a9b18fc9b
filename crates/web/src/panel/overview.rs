//! The first page: what fails now, what runs, what needs a decision; on a new installation, what to do first.

mod begin;
mod decide;
mod failing;

use aegir_hosting::view::TaskView;
use aegir_hosting::{Call, OperationId, Permission};
use askama::Template;
use axum::body::Body;
use axum::http::Response;
use tokio::join;

use super::elsewhere::elsewhere;
use super::frame::Frame;
use super::reply;
use super::route::{Needs, PanelRoute};
use super::states::{self, State};
use super::tasks::words;
use super::visit::Visit;
use crate::api::Problem;
use begin::First;
use decide::Decision;

const VIEW: Needs = Needs::May(Permission::View);
/// How many of the tasks that run are named.
const RUNNING: usize = 10;

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    vec![
        PanelRoute::get("/", VIEW, |it| Box::pin(show(it))),
        PanelRoute::get("/fragments/overview", VIEW, |it| Box::pin(part(it))),
    ]
}

/// What is shown; the same on the page and in the part that is asked for again.
struct Shown {
    /// What to do first; nothing once there is a site.
    first: Vec<First>,
    failing: failing::Found,
    running: Vec<Running>,
    /// How many run, and how many wait.
    counts: (u64, u64),
    decisions: Vec<Decision>,
    now: i64,
}

struct Running {
    id: i64,
    heading: String,
    state: State,
    server: String,
    started: i64,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    shown: Shown,
}

#[derive(Template)]
#[template(path = "overview_shown.html")]
struct OverviewPart {
    shown: Shown,
}

async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let (frame, shown) = join!(visit.frame("Overview", "overview"), shown(visit));
    let (mut frame, shown) = (frame, shown?);
    let failed = Call::of(OperationId::SiteList).with("status", vec!["failed"]);
    let tasks = Call::of(OperationId::TaskList).with("state", states::FAILED.map(|state| state.as_str()).to_vec());
    frame.elsewhere = vec![
        elsewhere("Sites that failed", &failed),
        elsewhere("Tasks that failed", &tasks),
        elsewhere("What runs and what waits", &Call::of(OperationId::QueueShow)),
    ];
    reply::page(&OverviewPage { frame, shown })
}

async fn part(visit: &Visit) -> Result<Response<Body>, Problem> {
    reply::page(&OverviewPart { shown: shown(visit).await? })
}

async fn shown(visit: &Visit) -> Result<Shown, Problem> {
    let (first, failing, running, waiting, decisions) =
        join!(begin::first(visit), failing::of(visit), running(visit), count(visit, "waiting"), decide::of(visit));
    let (running, total) = running?;
    Ok(Shown {
        first: first?,
        failing: failing?,
        running,
        counts: (total, waiting?),
        decisions: decisions?,
        now: visit.panel.now(),
    })
}

/// The tasks that run, those whose machine does not answer among them, and how many there are.
async fn running(visit: &Visit) -> Result<(Vec<Running>, u64), Problem> {
    let call = Call::of(OperationId::TaskList)
        .with("state", vec!["running", "out-of-contact"])
        .with("sort", "queued")
        .with("limit", RUNNING);
    let (tasks, _, total) = visit.list::<TaskView>(call).await?;
    let total = total.unwrap_or(tasks.len() as u64);
    let rows = tasks.into_iter().map(|task| Running {
        id: task.id,
        heading: words::heading_of(&task),
        state: states::of_task(&task.state),
        server: words::bare(&task.server).to_owned(),
        started: task.started.unwrap_or(task.queued),
    });
    Ok((rows.collect(), total))
}

/// How many tasks are in a state, as far as that is counted.
async fn count(visit: &Visit, state: &str) -> Result<u64, Problem> {
    let call = Call::of(OperationId::TaskList).with("state", vec![state]).with("limit", 1);
    let (tasks, _, total) = visit.list::<TaskView>(call).await?;
    Ok(total.unwrap_or(tasks.len() as u64))
}
