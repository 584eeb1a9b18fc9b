//! Streams for pages: the same as the API's, for the holder of a session.

use axum::body::Body;
use axum::http::Response;

use crate::api::{Pass, Problem, changes, events};
use crate::panel::visit::Visit;

/// The parameter by which a page says how far it came; a browser that asks again says it by a header.
const AFTER: &str = "after";

fn pass_of(visit: &Visit) -> Pass {
    let Visit { panel, session, secret, .. } = visit;
    Pass::of_session(&panel.api, panel.people.clone(), session, secret)
}

/// Tells what changes, as it changes.
pub(super) async fn follow_changes(visit: &Visit) -> Result<Response<Body>, Problem> {
    let api = visit.panel.api.clone();
    changes::stream(api, pass_of(visit), &visit.asked.headers, &visit.asked.query_text).await
}

/// Tells the lines of a task, as it says them, from behind the one that the page has last.
pub(crate) async fn follow_task(visit: &Visit, task: i64) -> Result<Response<Body>, Problem> {
    let last = events::last_event(&visit.asked.headers).or_else(|| visit.asked.query.get(AFTER));
    events::stream(visit.panel.api.clone(), pass_of(visit), task, last).await
}
