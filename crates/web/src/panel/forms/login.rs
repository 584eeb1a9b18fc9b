//! Log in as…: a link that lets somebody in to a site, made at the click, shown once and kept nowhere.

use aegir_hosting::{Answer, Operation, OperationId, Queued, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;

use super::once::Done;
use super::page::Doing;
use super::send::{Became, done};
use crate::api::{Problem, ProblemKind, ended_of};
use crate::panel::frame::Frame;
use crate::panel::visit::Visit;
use crate::panel::{address, reply};

/// For how many seconds a page waits for the link.
const PATIENCE: u64 = 10;
/// What the link is called in the answer of a back end.
const LINK: &str = "login_link";

#[derive(Template)]
#[template(path = "login_link.html")]
struct LinkPage {
    frame: Frame,
    site: String,
    /// Whom it lets in, where that is known.
    account: Option<String>,
    link: String,
    task: i64,
}

/// Has a link made, and shows it if it comes soon.
pub(super) async fn send(visit: &Visit, operation: Operation) -> Result<Response<Body>, Problem> {
    let doing = Doing::of(visit, operation).await?;
    let task = match done(&doing).await? {
        Became::Done(Done::Now(Answer::Queued(Queued { task, .. }))) | Became::Done(Done::Before(Some(task))) => task,
        Became::Done(_) => return Ok(reply::go(&doing.back())),
        Became::Shown(response) => return Ok(response),
    };
    ended_of(&visit.panel.api, visit.actor(), task, PATIENCE).await;
    let account = visit.asked.form.get("account").map_or("1", str::trim).to_owned();
    match shown(visit, task, doing.name.as_deref(), Some(account)).await? {
        Some(response) => Ok(response),
        // The task's page says how far it is, or why it failed; there the link can be fetched.
        None => Ok(reply::go(&address::object(Subject::Task, &task.to_string()))),
    }
}

/// Shows the link that a task made, to whoever asked for the task.
pub(super) async fn fetch(visit: &Visit) -> Result<Response<Body>, Problem> {
    let unknown = || {
        Problem::new(
            ProblemKind::NoSecret,
            "there is no link to be shown",
            "a link is told once, to whoever asked for it, some minutes long; make a new one on the page of the site",
        )
    };
    let task = visit.asked.name().parse().map_err(|_| unknown())?;
    shown(visit, task, None, None).await?.ok_or_else(unknown)
}

/// The page with the link; `None`: there is none, none yet, or it was told.
async fn shown(
    visit: &Visit,
    task: i64,
    site: Option<&str>,
    account: Option<String>,
) -> Result<Option<Response<Body>>, Problem> {
    let Some(secret) = visit.panel.api.front.secret_answer(visit.actor(), task).await? else { return Ok(None) };
    let Some(link) = secret.get(LINK).and_then(|link| link.as_str()).filter(|link| is_web(link)) else {
        return Ok(None);
    };
    let site = match site {
        Some(site) => site.to_owned(),
        // The name that the link itself leads to.
        None => link.split('/').nth(2).unwrap_or_default().to_owned(),
    };
    let mut frame = visit.frame(&format!("Log in to {site}"), "sites").await;
    frame.trail.push(("Sites".into(), address::list(Subject::Site)));
    frame.trail.push((site.clone(), address::object(Subject::Site, &site)));
    let call = aegir_hosting::Call::of(OperationId::SiteLogin).about(site.clone());
    frame.elsewhere.push(crate::panel::elsewhere::elsewhere("Make a link", &call));
    reply::page(&LinkPage { frame, site, account, link: link.to_owned(), task }).map(Some)
}

/// Whether an address is one of the web, and no script.
fn is_web(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}
