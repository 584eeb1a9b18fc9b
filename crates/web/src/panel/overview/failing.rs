//! What fails now: objects whose making or last verify did not succeed, each with its cause; and what failed lately
//! beside that.

use aegir_hosting::view::{NodeView, TaskView};
use aegir_hosting::{Call, OperationId, Subject};
use futures_util::future::join_all;
use tokio::try_join;

use crate::api::Problem;
use crate::panel::address;
use crate::panel::states::{self, State};
use crate::panel::tasks::words;
use crate::panel::visit::Visit;

/// How many objects are shown, of each sort.
const SHOWN: usize = 6;
/// How many servers and platforms are looked through for one that is not verified.
const LOOKED_AT: usize = 200;
/// How many failed tasks are shown beside.
const LATELY: usize = 5;
/// How long ago is lately, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// What was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) objects: Vec<Failing>,
    /// Lists of those that are not shown, with how many these are: what is not counted is told without a number.
    pub(super) more: Vec<(String, String)>,
    /// Tasks that failed lately, of objects that are in order for all that.
    pub(super) lately: Vec<FailedTask>,
}

/// An object that fails.
#[derive(Clone, Debug)]
pub(super) struct Failing {
    pub(super) sort: &'static str,
    pub(super) name: String,
    pub(super) href: String,
    pub(super) state: State,
    /// The task that says why; `None`: it was cleared away.
    pub(super) task: Option<FailedTask>,
}

/// A task that failed, and why in a line.
#[derive(Clone, Debug)]
pub(super) struct FailedTask {
    pub(super) id: i64,
    pub(super) heading: String,
    pub(super) state: State,
    pub(super) cause: String,
    pub(super) at: i64,
}

/// What fails now.
pub(super) async fn of(visit: &Visit) -> Result<Found, Problem> {
    let of = |status, limit: usize| {
        Call::of(OperationId::SiteList).with("status", vec![status]).with("limit", limit).nodes_alone()
    };
    let (servers, platforms, sites, unverified, tasks) = try_join!(
        unsound(visit, OperationId::ServerList),
        unsound(visit, OperationId::PlatformList),
        visit.list::<NodeView>(of("failed", SHOWN)),
        visit.list::<NodeView>(of("enabled", SHOWN).with("verified", false)),
        visit.list::<TaskView>(failed_tasks(LATELY + SHOWN)),
    )?;
    let mut found = Found::default();
    let mut objects = Vec::new();
    for (subject, sort, nodes) in [(Subject::Server, "server", servers), (Subject::Platform, "platform", platforms)] {
        if nodes.len() > SHOWN {
            let rest = nodes.len() - SHOWN;
            found.more.push((format!("{rest} more {sort}s"), address::list(subject)));
        }
        objects.extend(nodes.into_iter().take(SHOWN).map(|node| (subject, sort, node)));
    }
    for ((nodes, _, total), which, query) in [
        (sites, "sites that failed", "status=failed"),
        (unverified, "sites whose last verify failed", "status=enabled&verified=false"),
    ] {
        if total.is_none_or(|total| total > nodes.len() as u64) {
            let rest = total.map_or_else(|| "many".to_owned(), |total| (total - nodes.len() as u64).to_string());
            found.more.push((format!("{rest} more {which}"), format!("/sites?{query}")));
        }
        objects.extend(nodes.into_iter().map(|node| (Subject::Site, "site", node)));
    }
    let looked_up = objects.into_iter().map(|(subject, sort, node)| failing(visit, subject, sort, node));
    found.objects = join_all(looked_up).await.into_iter().flatten().collect();
    found.lately = lately(visit, tasks.0, &found.objects).await;
    Ok(found)
}

/// Servers or platforms that failed, or are in service and not verified.
async fn unsound(visit: &Visit, list: OperationId) -> Result<Vec<NodeView>, Problem> {
    let (nodes, _, _) =
        visit.list::<NodeView>(Call::of(list).with("limit", LOOKED_AT).nodes_alone().uncounted()).await?;
    let is_unsound = |node: &NodeView| node.status == "failed" || node.status == "enabled" && node.verified.is_none();
    Ok(nodes.into_iter().filter(is_unsound).collect())
}

fn failed_tasks(limit: usize) -> Call {
    let states: Vec<_> = states::FAILED.iter().map(|state| state.as_str()).collect();
    Call::of(OperationId::TaskList).with("state", states).with("limit", limit).uncounted()
}

/// An object with its last failed task. One in service of which none failed only waits for its first verify.
async fn failing(visit: &Visit, subject: Subject, sort: &'static str, node: NodeView) -> Option<Failing> {
    let name = node.name?;
    let called = match subject {
        Subject::Server => format!("@server_{name}"),
        Subject::Platform => format!("@platform_{name}"),
        _ => format!("@{name}"),
    };
    let tasks = visit.list::<TaskView>(failed_tasks(1).with("object", called)).await.ok()?.0;
    let task = match tasks.into_iter().next() {
        Some(task) => Some(told(visit, task).await),
        None if node.status == "failed" => None,
        None => return None,
    };
    let state = match (&task, node.status.as_str()) {
        (Some(task), "enabled") => task.state,
        (_, status) => states::of_object(status),
    };
    Some(Failing { sort, href: address::object(subject, &name), name, state, task })
}

/// A task with its cause, which lists do not tell.
async fn told(visit: &Visit, task: TaskView) -> FailedTask {
    let call = Call::of(OperationId::TaskShow).about(task.id.to_string());
    let whole = visit.object::<TaskView>(call).await.ok();
    let fault = whole.as_ref().and_then(|task| task.attempts.last()?.fault.as_ref());
    let cause = fault.and_then(|fault| fault["message"].as_str()).unwrap_or_default();
    FailedTask {
        id: task.id,
        heading: words::heading_of(&task),
        state: states::of_task(&task.state),
        cause: cause.to_owned(),
        at: task.ended.unwrap_or(task.queued),
    }
}

/// Tasks that failed in the last day, of objects that are not told of already.
async fn lately(visit: &Visit, tasks: Vec<TaskView>, objects: &[Failing]) -> Vec<FailedTask> {
    let since = visit.panel.now().saturating_sub(DAY);
    let is_told = |task: &TaskView| {
        let object = address::of_context(&task.object_name);
        objects.iter().any(|failing| failing.href == object)
    };
    let tasks = tasks.into_iter().filter(|task| task.ended.is_some_and(|ended| ended > since) && !is_told(task));
    join_all(tasks.take(LATELY).map(|task| told(visit, task))).await
}
