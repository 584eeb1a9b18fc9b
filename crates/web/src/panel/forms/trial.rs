//! Test the connection: what stands in the form of a server is tried, and what was seen shown beside it. Without
//! JavaScript it is a page of its own, in another tab, so that the form stays as it is.

use aegir_hosting::view::{TriedServiceView, TriedView};
use aegir_hosting::{Call, Operation, OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;

use super::fill::WAS;
use super::group::Group;
use super::page::Told;
use super::read::read;
use crate::api::{Problem, ProblemKind};
use crate::panel::frame::Frame;
use crate::panel::visit::Visit;
use crate::panel::words::capital;
use crate::panel::{address, reply};
use aegir_domain::{Finding, Health};

/// What a server is called that has no name yet.
const UNNAMED: &str = "unnamed";

#[derive(Template)]
#[template(path = "tried.html")]
struct TriedPage {
    frame: Frame,
    /// What was seen, service by service.
    services: Vec<Tested>,
    /// Why nothing could be tried.
    problem: Option<Told>,
    back: String,
}

/// A service that was tried.
struct Tested {
    title: String,
    findings: Vec<Seen>,
}

/// What was seen of it.
struct Seen {
    tone: &'static str,
    word: &'static str,
    text: String,
    remedy: String,
}

impl Tested {
    fn of(service: TriedServiceView) -> Tested {
        let title = called(&service);
        let seen = |finding: Finding| Seen {
            tone: tone(&finding),
            word: finding.health.as_str(),
            text: capital(&finding.text),
            remedy: capital(&finding.remedy.unwrap_or_default()),
        };
        Tested { title, findings: service.findings.into_iter().map(seen).collect() }
    }
}

/// What a service is called.
fn called(service: &TriedServiceView) -> String {
    match service.kind.as_str() {
        "http" => format!("Web service: {}", service.service_type),
        "db" => format!("Database service: {}", service.service_type),
        _ if service.service_type == "local" => "Back end on this machine".to_owned(),
        _ => format!("Back end, reached by {}", service.service_type),
    }
}

fn tone(finding: &Finding) -> &'static str {
    match finding.health {
        Health::Ok => "good",
        Health::Warning => "warning",
        Health::Problem => "bad",
    }
}

/// Where the service that a group of fields is about is tried; empty: it is about none.
pub(super) fn address_of(operation: &Operation, name: Option<&str>, group: &Group) -> String {
    let service = match operation.id {
        OperationId::ServerAdd | OperationId::ServerEdit => group.service(),
        _ => None,
    };
    let of_server = OperationId::ServerTry.declaration();
    service.map(|service| format!("{}?service={service}", address::doing(&of_server, name))).unwrap_or_default()
}

/// Leads to the form in which it is tried: a trial itself is no page to come back to.
pub(super) async fn form(visit: &Visit) -> Result<Response<Body>, Problem> {
    let (id, name) = match visit.asked.name() {
        "" => (OperationId::ServerAdd, None),
        name => (OperationId::ServerEdit, Some(name)),
    };
    Ok(reply::go(&address::doing(&id.declaration(), name)))
}

/// Tries what a form says of a server, or the server as it is.
pub(super) async fn send(visit: &Visit) -> Result<Response<Body>, Problem> {
    let saved = Some(visit.asked.name()).filter(|name| !name.is_empty());
    let form = &visit.asked.form;
    let begun = form.0.iter().any(|(name, _)| name.starts_with(WAS));
    let read = match saved {
        Some(name) if begun => read(&OperationId::ServerEdit.declaration(), Some(name), form),
        Some(name) => read(&OperationId::ServerTry.declaration(), Some(name), form),
        None => read(&OperationId::ServerAdd.declaration(), None, form),
    };
    let (name, wrong) = (read.call.name.filter(|name| !name.is_empty()), read.wrong);
    let operation = OperationId::ServerTry.declaration();
    let mut call = Call { name: name.or_else(|| Some(UNNAMED.into())), ..Call::of(operation.id) };
    call.parameters = read.call.parameters;
    call.parameters.retain(|name, _| operation.parameter(name).is_some());
    if let Some(service) = visit.asked.query.get("service") {
        call = call.with("service", service);
    }
    // What a name lacks is told when it is needed.
    let wrong: Vec<String> =
        wrong.into_iter().filter(|(name, _)| name != "name").map(|(name, why)| format!("`{name}`: {why}")).collect();
    let tried = match wrong.is_empty() {
        true => visit.object::<TriedView>(call).await,
        false => Err(Problem::new(ProblemKind::BadParameters, wrong.join("; "), "mend it, and test again")),
    };
    let (services, problem) = match tried {
        Ok(tried) => (tried.services.into_iter().map(Tested::of).collect(), None),
        Err(problem) if matches!(problem.kind, ProblemKind::Forbidden | ProblemKind::Broken) => return Err(problem),
        Err(problem) => (Vec::new(), Some(Told::of(&problem))),
    };
    let mut frame = visit.frame("What the test saw", "servers").await;
    frame.trail.push(("Servers".into(), address::list(Subject::Server)));
    let back = match saved {
        Some(name) => {
            let page = address::object(Subject::Server, name);
            frame.trail.push((name.to_owned(), page.clone()));
            page
        }
        None => String::new(),
    };
    reply::page(&TriedPage { frame, services, problem, back })
}
