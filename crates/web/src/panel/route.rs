//! Every address of the panel, with what it needs and where it leads.

use std::sync::Arc;

use aegir_hosting::{Effect, Names, Operation, OperationId, Permission};
use axum::body::Body;
use axum::http::{Method, Response};

use super::visit::{Stranger, Visit};
use super::{bulk, forms, kept, lists, live, objects, overview, own, sign_in, tasks};
use crate::api::Problem;
use aegir_hosting::Pending;

/// What an address of the panel needs of whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it is how people come in.
    Nothing,
    /// A session, whatever its account may: it is about that account itself.
    Session,
    /// A session whose account may this.
    May(Permission),
}

/// An address of the panel.
#[derive(Clone)]
pub struct PanelRoute {
    /// `GET` or `POST`.
    pub method: Method,
    /// As the router has it: `/sites/{name}`.
    pub path: String,
    /// What it needs.
    pub needs: Needs,
    pub(crate) leads: Leads,
}

pub(crate) type Answered<'a> = Pending<'a, Result<Response<Body>, Problem>>;

/// Where an address leads.
#[derive(Clone)]
pub(crate) enum Leads {
    /// To a page for nobody in particular.
    Stranger(fn(&Stranger) -> Answered<'_>),
    /// To a page for whoever is signed in.
    Visit(fn(&Visit) -> Answered<'_>),
    /// To a page that reads what is sent to it, a file, by itself.
    Upload(fn(&Visit, Body) -> Answered<'_>),
    /// To the page of an operation.
    Operation(Arc<Operation>, fn(&Visit, Operation) -> Answered<'_>),
}

impl std::fmt::Debug for PanelRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ({:?})", self.method, self.path, self.needs)
    }
}

impl PanelRoute {
    /// A page that is shown.
    pub(crate) fn get(path: &str, needs: Needs, page: fn(&Visit) -> Answered<'_>) -> PanelRoute {
        PanelRoute { method: Method::GET, path: path.to_owned(), needs, leads: Leads::Visit(page) }
    }

    /// Whether pages ask for it by themselves while they are open. Then it is no use of the session, which ends though a
    /// page is left open.
    pub(crate) fn is_asked_by_pages(&self) -> bool {
        self.path.starts_with("/fragments/") || self.path.ends_with("/events")
    }

    /// A form that is sent.
    pub(crate) fn post(path: &str, needs: Needs, page: fn(&Visit) -> Answered<'_>) -> PanelRoute {
        PanelRoute { method: Method::POST, path: path.to_owned(), needs, leads: Leads::Visit(page) }
    }

    /// A page for whoever comes.
    pub(crate) fn open(method: Method, path: &str, page: fn(&Stranger) -> Answered<'_>) -> PanelRoute {
        PanelRoute { method, path: path.to_owned(), needs: Needs::Nothing, leads: Leads::Stranger(page) }
    }
}

/// Every address of the panel.
pub fn routes() -> Vec<PanelRoute> {
    [sign_in::routes(), own::routes(), lists::routes(), objects::routes(), forms::routes(), kept::routes()]
        .into_iter()
        .chain([overview::routes(), tasks::routes(), live::routes(), bulk::routes()])
        .flatten()
        .collect()
}

/// Whether an operation has a page where it is asked for; those that only read are pages themselves.
pub(crate) fn is_done_on_a_page(operation: &Operation) -> bool {
    matches!(operation.effect, Effect::Changes | Effect::Queues)
}

/// Where an operation is asked for, as the router has it.
pub(crate) fn path_of(operation: &Operation) -> String {
    match operation.names {
        Names::One(_) => format!("/do/{}/{{name}}", operation.slug()),
        Names::New(_) | Names::None => format!("/do/{}", operation.slug()),
    }
}

/// The operations that are done on a page of their own.
pub(crate) fn done_on_pages() -> impl Iterator<Item = Operation> {
    OperationId::ALL.into_iter().map(OperationId::declaration).filter(is_done_on_a_page)
}
