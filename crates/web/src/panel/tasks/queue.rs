//! The queue: what runs, what waits and for what, what is out of contact; on each server, and whether it is paused.

use std::collections::BTreeMap;

use aegir_hosting::view::{QueueView, ServerView, TaskView};
use aegir_hosting::{Call, OperationId};
use askama::Template;
use axum::body::Body;
use axum::http::Response;

use super::words::{self, Piece};
use crate::api::Problem;
use crate::panel::elsewhere::elsewhere;
use crate::panel::frame::Frame;
use crate::panel::states::{self, State};
use crate::panel::visit::{Visit, form_token};
use crate::panel::{address, reply};

/// How many servers are shown; there are seldom as many.
const SERVERS: usize = 100;

/// What is shown of the queue; the same on the page and in the part that is asked for again.
struct Shown {
    queue: QueueView,
    servers: Vec<OnServer>,
    /// How many servers are not shown.
    more_servers: u64,
    /// Tasks out of contact, running, waiting.
    groups: Vec<Group>,
    /// What can be done about all of it.
    switches: Vec<Switch>,
    /// What all its forms bear.
    form_token: String,
    /// Why the queue cannot be paused by whoever looks; empty: it can.
    why_not: String,
    now: i64,
}

struct Group {
    title: &'static str,
    /// Where all of them are listed.
    href: String,
    tasks: Vec<Row>,
    /// How many there are in all.
    total: u64,
    /// What is said where there is none.
    none: &'static str,
}

/// A task of the queue.
struct Row {
    id: i64,
    heading: String,
    server: String,
    state: State,
    asked_by: String,
    since: i64,
    waits_for: Vec<Piece>,
}

/// The queue on a server.
struct OnServer {
    name: String,
    paused: bool,
    most: String,
    running: usize,
    waiting: usize,
    switches: Vec<Switch>,
}

/// A button of the queue.
struct Switch {
    action: String,
    text: &'static str,
    icon: &'static str,
    about: &'static str,
    once: String,
}

#[derive(Template)]
#[template(path = "queue.html")]
struct QueuePage {
    frame: Frame,
    shown: Shown,
}

#[derive(Template)]
#[template(path = "queue_shown.html")]
struct QueuePart {
    shown: Shown,
}

/// The page of the queue.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let shown = shown(visit).await?;
    let mut frame = visit.frame("Queue", "tasks").await;
    frame.trail = vec![("Tasks".into(), "/tasks".into())];
    let of = |what, id| elsewhere(what, &Call::of(id));
    frame.elsewhere = vec![
        of("The queue", OperationId::QueueShow),
        of("Pause it", OperationId::QueuePause),
        of("Have it go on", OperationId::QueueResume),
        of("Pause it and wait until nothing runs", OperationId::QueueDrain),
    ];
    reply::page(&QueuePage { frame, shown })
}

/// The same without what is around it.
pub(super) async fn part(visit: &Visit) -> Result<Response<Body>, Problem> {
    reply::page(&QueuePart { shown: shown(visit).await? })
}

async fn shown(visit: &Visit) -> Result<Shown, Problem> {
    let mut queue: QueueView = visit.object(Call::of(OperationId::QueueShow)).await?;
    let call = Call::of(OperationId::ServerList).with("limit", SERVERS);
    let (servers, _, total) = visit.list::<ServerView>(call).await?;
    let tasks = std::mem::take(&mut queue.tasks);
    let needs = OperationId::QueuePause.declaration().needs;
    let may = visit.actor().must(needs);
    let counted = count(&tasks);
    let more_servers = total.unwrap_or_default().saturating_sub(servers.len() as u64);
    let servers = servers.into_iter().map(|server| {
        let name = server.node.name.clone().unwrap_or_default();
        let (running, waiting) = counted.get(name.as_str()).copied().unwrap_or_default();
        let switches = if may.is_ok() { switches(visit, server.paused, Some(&name)) } else { Vec::new() };
        let most = server.most_tasks.map(|most| most.to_string()).unwrap_or_default();
        OnServer { paused: server.paused, running, waiting, switches, most, name }
    });
    Ok(Shown {
        servers: servers.collect(),
        more_servers,
        groups: groups(&queue, tasks),
        switches: if may.is_ok() { switches(visit, queue.paused, None) } else { Vec::new() },
        form_token: form_token(&visit.secret),
        why_not: may.err().map(|why| why.to_string()).unwrap_or_default(),
        now: visit.panel.now(),
        queue,
    })
}

/// How many run and wait on each server, of those that are shown.
fn count(tasks: &[TaskView]) -> BTreeMap<String, (usize, usize)> {
    let mut counted: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for task in tasks {
        let (running, waiting) = counted.entry(words::bare(&task.server).to_owned()).or_default();
        match task.state.as_str() {
            "waiting" => *waiting += 1,
            _ => *running += 1,
        }
    }
    counted
}

fn groups(queue: &QueueView, tasks: Vec<TaskView>) -> Vec<Group> {
    let group = |title, state: &str, total, none, tasks: &[TaskView]| Group {
        title,
        href: format!("/tasks?state={state}"),
        tasks: tasks.iter().filter(|task| task.state == state).map(row).collect(),
        total,
        none,
    };
    let mut groups = Vec::new();
    if queue.out_of_contact > 0 {
        groups.push(group("Out of contact", "out-of-contact", queue.out_of_contact, "", &tasks));
    }
    groups.push(group("Running", "running", queue.running, "Nothing runs.", &tasks));
    groups.push(group("Waiting", "waiting", queue.waiting, "Nothing waits.", &tasks));
    groups
}

fn row(task: &TaskView) -> Row {
    Row {
        id: task.id,
        heading: words::heading_of(task),
        server: words::bare(&task.server).to_owned(),
        state: states::of_task(&task.state),
        asked_by: task.asked_by.clone(),
        since: task.started.filter(|_| task.state != "waiting").unwrap_or(task.queued),
        waits_for: task.waits_for.as_deref().map(words::linked).unwrap_or_default(),
    }
}

/// What can be switched: all of it, or the tasks of a server.
fn switches(visit: &Visit, paused: bool, server: Option<&str>) -> Vec<Switch> {
    let ids: &[(OperationId, &str, &str)] = match (paused, server) {
        (true, _) => &[(OperationId::QueueResume, "Resume", "start")],
        (false, None) => &[(OperationId::QueuePause, "Pause", "pause"), (OperationId::QueueDrain, "Drain", "stop")],
        (false, Some(_)) => &[(OperationId::QueuePause, "Pause", "pause")],
    };
    ids.iter()
        .map(|(id, text, icon)| {
            let declared = id.declaration();
            let action = address::doing(&declared, None);
            Switch { action, text, icon, about: declared.about, once: visit.once() }
        })
        .collect()
}
