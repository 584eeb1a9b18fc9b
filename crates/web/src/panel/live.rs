//! What pages learn while they are open: events, the queue's bar, what a search finds.

mod find;
mod palette;
mod stream;

use askama::Template;
use axum::body::Body;
use axum::http::Response;

use aegir_hosting::Permission;

use super::frame::{Frame, QueueBar};
use super::reply;
use super::route::{Needs, PanelRoute};
use super::visit::Visit;
use crate::api::Problem;

pub(super) use stream::follow_task;

const VIEW: Needs = Needs::May(Permission::View);

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    vec![
        PanelRoute::get("/events", VIEW, |it| Box::pin(stream::follow_changes(it))),
        PanelRoute::get("/fragments/queue", VIEW, |it| Box::pin(queue_bar(it))),
        PanelRoute::get("/fragments/find", VIEW, |it| Box::pin(palette::offers(it))),
        PanelRoute::get("/find", VIEW, |it| Box::pin(palette::page(it))),
        PanelRoute::get("/keyboard", Needs::Session, |it| Box::pin(keyboard(it))),
    ]
}

#[derive(Template)]
#[template(path = "queue_bar.html")]
struct QueueBarPart<'a> {
    queue: &'a QueueBar,
    now: i64,
}

/// The queue's bar, alone.
async fn queue_bar(visit: &Visit) -> Result<Response<Body>, Problem> {
    let queue = visit.queue_bar().await?;
    reply::page(&QueueBarPart { queue: &queue, now: visit.panel.now() })
}

#[derive(Template)]
#[template(path = "keyboard.html")]
struct KeyboardPage {
    frame: Frame,
}

/// The keys, for whoever has no script that shows them.
async fn keyboard(visit: &Visit) -> Result<Response<Body>, Problem> {
    reply::page(&KeyboardPage { frame: visit.frame("Keyboard", "").await })
}
