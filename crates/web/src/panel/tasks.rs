//! A task: what it does, how far it is, what it said, why it failed and what to do; and the queue of all that wait.

mod acts;
mod download;
mod log;
mod page;
mod queue;
mod steps;
mod trouble;
pub(crate) mod words;

use aegir_hosting::view::TaskView;
use aegir_hosting::{Call, OperationId, Permission, Refusal};
use axum::body::Body;
use axum::http::Response;

use super::live;
use super::route::{Needs, PanelRoute};
use super::visit::Visit;
use crate::api::Problem;

const VIEW: Needs = Needs::May(Permission::View);

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    vec![
        PanelRoute::get("/tasks/{id}", VIEW, |it| Box::pin(page::show(it))),
        PanelRoute::get("/tasks/{id}/log.txt", VIEW, |it| Box::pin(download::log(it))),
        PanelRoute::get("/tasks/{id}/events", VIEW, |it| Box::pin(follow(it))),
        PanelRoute::get("/fragments/task/{id}", VIEW, |it| Box::pin(page::part(it))),
        PanelRoute::get("/queue", VIEW, |it| Box::pin(queue::show(it))),
        PanelRoute::get("/fragments/queue-page", VIEW, |it| Box::pin(queue::part(it))),
    ]
}

/// Tells what a task says, as it says it.
async fn follow(visit: &Visit) -> Result<Response<Body>, Problem> {
    live::follow_task(visit, number(visit)?).await
}

/// The number in the address.
fn number(visit: &Visit) -> Result<i64, Problem> {
    let given = visit.asked.name();
    let number = given.parse::<i64>().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Refusal::Unknown { what: "task", name: given.chars().take(60).collect() }.into())
}

/// The task that is asked for.
async fn task(visit: &Visit) -> Result<TaskView, Problem> {
    visit.object(Call::of(OperationId::TaskShow).about(number(visit)?.to_string())).await
}
