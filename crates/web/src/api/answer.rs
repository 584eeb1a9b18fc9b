//! What an operation is answered with, written as JSON.

use aegir_hosting::{Answer, Operation, Queued};
use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, LINK, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::route::{task_at, turns_page_by};
use super::shapes::{PageView, PlanView, QueuedView};
use super::{Problem, ProblemKind};

/// An answer before it is a response: what can be kept, and given a second time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Reply {
    /// The task that it says was queued.
    pub(super) fn queued(&self) -> Option<i64> {
        (self.status == StatusCode::ACCEPTED).then(|| self.body["task"].as_i64()).flatten()
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Reply {
        let (status, body) = match answer {
            Answer::Page { items, next, total } => (StatusCode::OK, json!(PageView { items, next, total })),
            Answer::Object(object) => (StatusCode::OK, object),
            Answer::Queued(Queued { task, object, known }) => {
                (StatusCode::ACCEPTED, json!(QueuedView { task, object, known }))
            }
            Answer::WouldQueue { object, requests } => (StatusCode::OK, json!(PlanView { object, requests })),
        };
        Reply { status, body }
    }
}

/// The response to what is done at once or queued.
pub(super) fn response(reply: &Reply) -> Response<Body> {
    if reply.status.is_client_error() || reply.status.is_server_error() {
        return document(reply.status, "application/problem+json", &reply.body);
    }
    let mut response = document(reply.status, "application/json", &reply.body);
    if let Some(task) = reply.queued() {
        header(&mut response, LOCATION, &task_at(task));
    }
    response
}

/// The response to a page of a list, with the address of the next one.
pub(super) fn page(operation: &Operation, path: &str, query: &str, reply: &Reply) -> Response<Body> {
    let mut response = response(reply);
    if let (Some(parameter), Some(next)) = (turns_page_by(operation), reply.body["next"].as_str()) {
        let turned = format!("{parameter}=");
        let others = query.split('&').filter(|part| !part.is_empty() && !part.starts_with(&turned));
        let next = format!("{turned}{}", utf8_percent_encode(next, NON_ALPHANUMERIC));
        let query = others.map(str::to_owned).chain([next]).collect::<Vec<_>>().join("&");
        header(&mut response, LINK, &format!("<{path}?{query}>; rel=\"next\""));
    }
    response
}

/// The response to what was not done.
pub(super) fn problem(problem: &Problem) -> Response<Body> {
    let mut response = document(problem.status(), "application/problem+json", &problem.as_json());
    if let Some(seconds) = problem.again_after() {
        header(&mut response, RETRY_AFTER, &seconds.to_string());
    }
    if let Some(allowed) = problem.allowed() {
        header(&mut response, ALLOW, allowed);
    }
    match problem.kind {
        ProblemKind::NoToken => header(&mut response, WWW_AUTHENTICATE, "Bearer realm=\"aegir\""),
        ProblemKind::WrongToken => {
            header(&mut response, WWW_AUTHENTICATE, "Bearer realm=\"aegir\", error=\"invalid_token\"")
        }
        _ => (),
    }
    response
}

/// A document of JSON.
pub(super) fn document(status: StatusCode, kind: &'static str, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Adds a header, unless its value is none that HTTP can carry.
pub(super) fn header(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use aegir_hosting::OperationId;

    use super::*;

    #[test]
    fn the_next_page_is_asked_for_as_this_one_was() {
        let reply = Reply::from(Answer::Page { items: Vec::new(), next: Some("a b".into()), total: None });
        let operation = OperationId::SiteList.declaration();

        let response = page(&operation, "/api/v1/sites", "cursor=old&status=new&limit=2", &reply);

        let link = response.headers().get(LINK).unwrap().to_str().unwrap();
        assert_eq!(link, "</api/v1/sites?status=new&limit=2&cursor=a%20b>; rel=\"next\"");
    }
}
