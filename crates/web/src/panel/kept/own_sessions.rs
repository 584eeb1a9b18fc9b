//! The sessions of whoever looks: each can be ended, whatever the account may otherwise.

use aegir_hosting::view::SessionView;
use aegir_hosting::{OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;

use super::lists;
use crate::api::{Problem, ProblemKind};
use crate::panel::frame::Frame;
use crate::panel::visit::Visit;
use crate::panel::{address, reply};

/// Where they are.
pub(super) const PATH: &str = "/account/sessions";

#[derive(Template)]
#[template(path = "own_sessions.html")]
struct OwnSessionsPage {
    frame: Frame,
    sessions: Vec<SessionView>,
    /// The one that asks.
    own: i64,
    /// Where those of all accounts are; nothing for whoever may not see them.
    all: Option<String>,
}

/// All sessions, for whoever may see them; their own for everybody else.
pub(super) async fn all_or_own(visit: &Visit) -> Result<Response<Body>, Problem> {
    match visit.actor().may.hold(OperationId::SessionList.declaration().needs) {
        true => lists::show(visit).await,
        false => Ok(reply::go(PATH)),
    }
}

/// One's own.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let sessions = visit.panel.people.own_sessions(&visit.session, None).await?;
    let mut frame = visit.frame("Your sessions", "").await;
    frame.trail = vec![("Your account".to_owned(), "/account".to_owned())];
    let may_all = visit.actor().may.hold(OperationId::SessionList.declaration().needs);
    let all = may_all.then(|| address::list(Subject::Session));
    reply::page(&OwnSessionsPage { frame, sessions, own: visit.session.id, all })
}

/// Ends one of one's own.
pub(super) async fn end(visit: &Visit) -> Result<Response<Body>, Problem> {
    let id = visit.asked.form.get("id").and_then(|id| id.parse().ok()).ok_or_else(|| {
        Problem::new(
            ProblemKind::BadParameters,
            "the form names no session",
            "go back to your sessions, and end it there",
        )
    })?;
    visit.panel.people.own_sessions(&visit.session, Some(id)).await?;
    Ok(reply::go(PATH))
}
