//! What is found, for the palette as JSON, and as a page.

use askama::Template;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};

use super::find::{self, Offer};
use crate::api::Problem;
use crate::panel::frame::Frame;
use crate::panel::reply;
use crate::panel::visit::Visit;

/// What is found, for a script.
pub(super) async fn offers(visit: &Visit) -> Result<Response<Body>, Problem> {
    let found = find::offers(visit, visit.asked.query.get("q").unwrap_or_default()).await;
    let mut response = Response::new(Body::from(serde_json::json!(found).to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

#[derive(Template)]
#[template(path = "find.html")]
struct FindPage {
    frame: Frame,
    typed: String,
    found: Vec<Offer>,
}

/// What is found, as a page.
pub(super) async fn page(visit: &Visit) -> Result<Response<Body>, Problem> {
    let typed: String = visit.asked.query.get("q").unwrap_or_default().chars().take(200).collect();
    let found = find::offers(visit, &typed).await;
    reply::page(&FindPage { frame: visit.frame("Find", "").await, typed, found })
}
