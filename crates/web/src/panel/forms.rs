//! Operations as forms: made from their declarations, and sent as calls.
//!
//! ```text
//!   GET  what is declared, filled from the query or from the object ─► a form
//!   POST the form, read as a call ─► done once, apart from the connection ─► where it leads, or the form with what is wrong
//! ```
//!
//! ## Invariants
//!
//! - A form has the parameters of its operation and no others; what they mean is said by the declaration.
//! - What was typed is shown again, whatever went wrong; a secret never is.
//! - A form that is sent twice is done once.

mod about;
mod ahead;
mod batch;
mod confirm;
mod field;
mod fill;
mod group;
mod login;
mod narrow;
mod once;
mod page;
mod read;
mod send;
mod task_type;
mod trash;
mod trial;

use axum::http::Method;

pub(super) use about::title_of;
pub(super) use field::{Field, label_of};
pub(super) use fill::{bare, setting_field, text_of};
pub(super) use page::broken;

use super::route::{Leads, Needs, PanelRoute, done_on_pages, path_of};
use aegir_hosting::OperationId;
use std::sync::Arc;

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    let mut routes = Vec::new();
    for operation in done_on_pages() {
        let (path, needs) = (path_of(&operation), Needs::May(operation.needs));
        let operation = Arc::new(operation);
        let get = Leads::Operation(operation.clone(), |visit, operation| Box::pin(page::show(visit, operation)));
        let post = match operation.id {
            OperationId::SiteLogin => {
                Leads::Operation(operation, |visit, operation| Box::pin(login::send(visit, operation)))
            }
            _ => Leads::Operation(operation, |visit, operation| Box::pin(send::send(visit, operation))),
        };
        routes.push(PanelRoute { method: Method::GET, path: path.clone(), needs, leads: get });
        routes.push(PanelRoute { method: Method::POST, path, needs, leads: post });
    }
    let options = Needs::May(OperationId::SiteOptions.declaration().needs);
    let login = Needs::May(OperationId::SiteLogin.declaration().needs);
    let trial = OperationId::ServerTry.declaration();
    let needs = Needs::May(trial.needs);
    for path in [path_of(&trial), format!("/do/{}", trial.slug())] {
        routes.push(PanelRoute::get(&path, needs, |visit| Box::pin(trial::form(visit))));
        routes.push(PanelRoute::post(&path, needs, |visit| Box::pin(trial::send(visit))));
    }
    routes.push(PanelRoute::get(narrow::ADDRESS, options, |visit| Box::pin(narrow::fragment(visit))));
    routes.push(PanelRoute::post("/do/site-login/fetch/{task}", login, |visit| Box::pin(login::fetch(visit))));
    routes
}
