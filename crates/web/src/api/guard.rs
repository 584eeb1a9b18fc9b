//! What every request passes and every answer bears: bounds, the host's name, a time limit, headers; and no
//! panic that a caller would see.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, EXPECT, HOST,
    REFERRER_POLICY, SERVER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use futures_util::{FutureExt, StreamExt};
use tower::ServiceExt;

use super::answer::problem as written;
use super::router::{Api, CameBy};
use super::{Problem, ProblemKind, archives, wait};
use crate::Limits;

const LONGEST_ADDRESS: usize = 8 * 1024;
const MOST_HEADERS: usize = 64;
const LARGEST_HEADERS: usize = 16 * 1024;
/// How much of a body that is too large is read and dropped, so that its sender sees the answer.
const DROPPED: usize = 32 * 1024 * 1024;
const DROPPING: Duration = Duration::from_secs(5);

const HEADERS: [(HeaderName, &str); 7] = [
    (SERVER, "Aegir"),
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Answers one request.
pub(crate) async fn answer(api: &Api, router: &Router, by: CameBy, mut request: Request<Body>) -> Response<Body> {
    let mut response = match admit(by, &request) {
        Err(problem) => {
            let (head, body) = request.into_parts();
            drop_rest(&head.headers, body.into_data_stream()).await;
            written(&problem)
        }
        Ok(()) => {
            request.extensions_mut().insert(by);
            let most = match request.method() == Method::POST && request.uri().path().ends_with("/archive") {
                true => archives::LONGEST,
                false => api.limits.answer + Duration::from_secs(wait::seconds(request.headers()).unwrap_or_default()),
            };
            let answered = AssertUnwindSafe(router.clone().oneshot(request)).catch_unwind();
            match tokio::time::timeout(most, answered).await {
                Ok(Ok(Ok(response))) => response,
                Ok(Ok(Err(never))) => match never {},
                Ok(Err(panic)) => written(&broken(api, panic)),
                Err(_) => written(&slow_answer()),
            }
        }
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn admit(by: CameBy, request: &Request<Body>) -> Result<(), Problem> {
    is_within_bounds(request)?;
    match by {
        CameBy::Socket { .. } => Ok(()),
        CameBy::Loopback => is_meant_for_us(request),
    }
}

/// Whether address and headers are of a size that somebody could mean.
pub(crate) fn is_within_bounds(request: &Request<Body>) -> Result<(), Problem> {
    let address = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    if address > LONGEST_ADDRESS {
        return Err(Problem::new(
            ProblemKind::AddressTooLong,
            format!("the address has {address} bytes, more than {LONGEST_ADDRESS}"),
            "ask with fewer filters at once; a search takes 200 characters at the most",
        ));
    }
    let headers = request.headers();
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers.len() > MOST_HEADERS || size > LARGEST_HEADERS {
        return Err(Problem::new(
            ProblemKind::HeadersTooLarge,
            format!("the request has more than {MOST_HEADERS} headers, or more than {LARGEST_HEADERS} bytes of them"),
            "send only those that the API names",
        ));
    }
    Ok(())
}

/// A page of somebody else's, whose name was made to lead to this machine, sends its own name as host.
fn is_meant_for_us(request: &Request<Body>) -> Result<(), Problem> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let named = hosts.next().and_then(|host| host.to_str().ok()).filter(|_| hosts.next().is_none());
    let in_address = request.uri().host().is_none_or(is_loopback);
    match named.is_some_and(|host| is_loopback(without_port(host))) && in_address {
        true => Ok(()),
        false => Err(Problem::new(
            ProblemKind::WrongHost,
            "the header `Host` names no loopback address",
            "ask at `http://localhost:PORT` or `http://127.0.0.1:PORT`, by that name",
        )),
    }
}

pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

pub(crate) fn is_loopback(name: &str) -> bool {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || bare.and_then(|name| name.parse::<std::net::Ipv6Addr>().ok()).is_some_and(|ip| ip.is_loopback())
}

pub(crate) fn broken(api: &Api, panic: Box<dyn Any + Send>) -> Problem {
    let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it said nothing".into());
    let id = format!("{:x}-{}", api.outside.unix_ms(), api.troubles.fetch_add(1, Ordering::Relaxed));
    api.outside.tell(&format!("a request ended in a fault of the program, {id}: {said}"));
    Problem::new(
        ProblemKind::Broken,
        format!("a fault in Ægir itself ended the request; its number is {id}"),
        format!("please report it, with the line of the log that has {id}"),
    )
}

pub(super) fn slow_answer() -> Problem {
    Problem::new(
        ProblemKind::SlowAnswer,
        "the answer took too long",
        "what was asked may still be done: look before you ask again, or ask with an `Idempotency-Key`",
    )
    .after(5)
}

/// The body of a request, within its bounds.
pub(crate) async fn read_body(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Vec<u8>, Problem> {
    let mut parts = body.into_data_stream();
    let told = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let mut too_large = told.is_some_and(|told| told > limits.body as u64);
    let mut read = Vec::new();
    let reading = async {
        while !too_large && let Some(part) = parts.next().await {
            let part = part.map_err(|_| {
                Problem::new(ProblemKind::Malformed, "the body ends too early", "send as much as its headers say")
            })?;
            match read.len() + part.len() > limits.body {
                true => too_large = true,
                false => read.extend_from_slice(&part),
            }
        }
        Ok::<(), Problem>(())
    };
    tokio::time::timeout(limits.request, reading).await.map_err(|_| {
        let detail = format!("the body was not here after {} s", limits.request.as_secs());
        Problem::new(ProblemKind::SlowRequest, detail, "send it at once")
    })??;
    if !too_large {
        return Ok(read);
    }
    drop_rest(headers, parts).await;
    Err(Problem::new(
        ProblemKind::TooLarge,
        format!("the body has more than {} bytes", limits.body),
        "ask for less at once",
    ))
}

/// Reads and drops what is left of a body that nobody wants: its sender sees the answer, and may go on with the
/// same connection.
pub(crate) async fn drop_rest(headers: &HeaderMap, mut parts: BodyDataStream) {
    // Who waits for `100 Continue` has sent nothing yet.
    if headers.contains_key(EXPECT) {
        return;
    }
    let dropping = async {
        let mut dropped = 0;
        while dropped < DROPPED
            && let Some(Ok(part)) = parts.next().await
        {
            dropped += part.len();
        }
    };
    let _ = tokio::time::timeout(DROPPING, dropping).await;
}

/// Whether a body is said to be JSON.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.filter_map(|part| part.split_once('=')).all(|(name, value)| {
        !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    let plain = headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    match json && utf8 && plain {
        true => Ok(()),
        false => Err(Problem::new(
            ProblemKind::WrongType,
            "the body is not said to be plain JSON",
            "send JSON in UTF-8, with the header `Content-Type: application/json`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_hosts() {
        for host in ["localhost", "LocalHost:80", "127.0.0.1:8080", "127.9.9.9", "[::1]", "[::1]:80"] {
            assert!(is_loopback(without_port(host)), "{host}");
        }
        for host in
            ["", "evil.test", "localhost.evil.test", "127.0.0.1.evil.test", "10.0.0.1", "[::2]", "::1", "0.0.0.0"]
        {
            assert!(!is_loopback(without_port(host)), "{host}");
        }
    }

    #[test]
    fn only_plain_json_is_read() {
        let told = |kind: &'static str| {
            is_json(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))])).is_ok()
        };

        assert!(told("application/json") && told("Application/JSON; charset=UTF-8"));
        assert!(!told("text/plain") && !told("application/json; charset=latin1") && !told(""));
    }
}
