//! Responses: a page, another address, a file.

use aegir_domain::Remedy;
use askama::Template;
use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};

use super::frame::Frame;
use crate::api::{Problem, ProblemKind};

/// A page.
pub(crate) fn page(template: &impl Template) -> Result<Response<Body>, Problem> {
    page_as(StatusCode::OK, template)
}

/// A page that says with its status that something is amiss.
pub(crate) fn page_as(status: StatusCode, template: &impl Template) -> Result<Response<Body>, Problem> {
    let html = template.render().map_err(|error| {
        Problem::new(ProblemKind::Broken, format!("a page cannot be written: {error}"), "please report it")
    })?;
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(response)
}

/// Leads on to another page, which is asked for by GET.
pub(crate) fn go(address: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    set(&mut response, LOCATION, address);
    response
}

/// A text that a browser keeps as a file.
pub(crate) fn file(name: &str, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    set(&mut response, CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""));
    response
}

/// The same, with a cookie to be kept.
pub(crate) fn with_cookie(mut response: Response<Body>, cookie: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The page of what went wrong.
#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    problem: &'a Problem,
}

impl ProblemPage<'_> {
    fn remedy(&self) -> String {
        self.problem.remedy().unwrap_or_default()
    }

    fn causes(&self) -> Vec<String> {
        let wrong = self.problem.parameters().iter().map(|bad| format!("{}: {}", bad.parameter, bad.why));
        self.problem.because().iter().cloned().chain(wrong).collect()
    }
}

/// What went wrong, as a page.
pub(crate) fn problem(mut frame: Frame, problem: &Problem) -> Response<Body> {
    problem.kind.title().clone_into(&mut frame.title);
    let status = problem.status();
    let mut response = page_as(status, &ProblemPage { frame, problem }).unwrap_or_else(|_| {
        let mut response = Response::new(Body::from(problem.detail().to_owned()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    });
    if let Some(seconds) = problem.again_after() {
        set(&mut response, RETRY_AFTER, &seconds.to_string());
    }
    response
}
