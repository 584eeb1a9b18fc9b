//! What every request for a page passes, and every page bears: bounds, the host's name, where a form was made, who is
//! signed in; and headers that let a page do nothing but what it needs.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawPathParams, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERRER_POLICY, SERVER,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use axum::routing::{MethodFilter, MethodRouter};
use axum::{Extension, Router};
use futures_util::FutureExt;
use tower::ServiceExt;

use super::cookie::cookie;
use super::look::Look;
use super::pairs::Pairs;
use super::route::{Leads, Needs, PanelRoute, routes};
use super::visit::{Asked, Stranger, Visit, form_token};
use super::{Panel, reply, sign_in};
use crate::api::{CameBy, Problem, ProblemKind, guard};

/// The cookie that keeps a session's secret. Its prefix has browsers take it over https and from this machine alone.
pub(crate) const SESSION: &str = "__Host-aegir";
/// The largest form, in bytes: some fields of 64 KiB, of letters that are sent as twelve each.
const LARGEST_FORM: usize = 8 * 1024 * 1024;

const HEADERS: [(HeaderName, &str); 9] = [
    (SERVER, "Aegir"),
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Answers a request for a page.
pub(crate) async fn answer(panel: &Arc<Panel>, router: &Router, mut request: Request) -> Response<Body> {
    let look = Look::of(request.headers());
    let api = panel.api.clone();
    let plain =
        |problem: &Problem| reply::problem(Stranger { panel: panel.clone(), asked: asked_by(look) }.frame(""), problem);
    let mut response = match admit(panel, &request) {
        Err(problem) => {
            let (head, body) = request.into_parts();
            guard::drop_rest(&head.headers, body.into_data_stream()).await;
            plain(&problem)
        }
        Ok(origin) => {
            let most = match request.uri().path() == super::objects::UPLOAD {
                true => crate::api::archives::LONGEST,
                false => api.limits.answer,
            };
            request.extensions_mut().insert(origin);
            let answered = AssertUnwindSafe(router.clone().oneshot(request)).catch_unwind();
            match tokio::time::timeout(most, answered).await {
                Ok(Ok(Ok(response))) => response,
                Ok(Ok(Err(never))) => match never {},
                Ok(Err(panic)) => plain(&guard::broken(&api, panic)),
                Err(_) => plain(&Problem::new(
                    ProblemKind::SlowAnswer,
                    "the page took too long",
                    "look at it once more before you ask again: what was asked may still be done",
                )),
            }
        }
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn asked_by(look: Look) -> Asked {
    Asked { look, ..Asked::default() }
}

/// Where a browser is that asks for our pages: `http://localhost:8088`.
#[derive(Clone, Debug)]
struct Origin(String);

/// Whether a request is meant for the panel, and came unread by others.
fn admit(panel: &Panel, request: &Request) -> Result<Origin, Problem> {
    guard::is_within_bounds(request)?;
    let headers = request.headers();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let bare = guard::without_port(host);
    if panel.host.as_deref().is_some_and(|own| bare.eq_ignore_ascii_case(own)) {
        let scheme = headers.get("x-forwarded-proto").and_then(|scheme| scheme.to_str().ok()).unwrap_or_default();
        return match scheme.eq_ignore_ascii_case("https") {
            true => Ok(Origin(format!("https://{host}"))),
            false => Err(Problem::new(
                ProblemKind::WrongHost,
                format!("the panel is not shown to `{bare}` over plain http: others could read passwords and sessions"),
                format!(
                    "ask at `https://{bare}`; the web server before the panel must say so with `X-Forwarded-Proto: https`"
                ),
            )),
        };
    }
    match guard::is_loopback(bare) {
        true => Ok(Origin(format!("http://{host}"))),
        false => Err(Problem::new(
            ProblemKind::WrongHost,
            "the panel is asked for by a name that is not its own",
            "ask at `http://localhost:PORT` on this machine; for others, put a web server with https before it, and start \
             the front end with `--panel-host NAME`",
        )),
    }
}

/// Every page by its address.
pub(crate) fn router(panel: Arc<Panel>) -> Router {
    let mut paths: BTreeMap<String, Vec<PanelRoute>> = BTreeMap::new();
    for route in routes() {
        paths.entry(route.path.clone()).or_default().push(route);
    }
    let mut router = Router::new();
    for (path, routes) in paths {
        let mut methods: MethodRouter<Arc<Panel>> = MethodRouter::new().fallback(nowhere);
        for route in routes {
            // Each is one that a router knows.
            let Ok(filter) = MethodFilter::try_from(route.method.clone()) else { continue };
            let lead = move |State(panel), Extension(origin), params: RawPathParams, request| {
                let route = route.clone();
                async move { lead(panel, &route, &origin, params, request).await }
            };
            methods = methods.on(filter, lead);
        }
        router = router.route(&path, methods);
    }
    router.fallback(nowhere).with_state(panel)
}

/// Answers for an address that there is not, without telling strangers which there are.
async fn nowhere(State(panel): State<Arc<Panel>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    guard::drop_rest(&head.headers, body.into_data_stream()).await;
    let asked = asked_of(&head, Vec::new(), Pairs::default());
    let problem = Problem::new(
        ProblemKind::NoAddress,
        format!("there is no page `{}`", head.uri.path().chars().take(200).collect::<String>()),
        "look for it on the pages that the navigation leads to",
    );
    match visitor(&panel, &asked, false).await {
        Ok(Some((session, secret))) => Visit { panel, asked, session, secret }.problem(&problem).await,
        Ok(None) if head.method == Method::GET => sign_in::first(&asked),
        Ok(None) => reply::problem(Stranger { panel, asked }.frame(""), &problem),
        Err(problem) => reply::problem(Stranger { panel, asked }.frame(""), &problem),
    }
}

async fn lead(
    panel: Arc<Panel>,
    route: &PanelRoute,
    origin: &Origin,
    params: RawPathParams,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let names = params.iter().map(|(_, value)| value.to_owned()).collect();
    let mut asked = asked_of(&head, names, Pairs::default());
    let mut file = None;
    let read = match (&route.leads, route.method == Method::POST) {
        (Leads::Upload(_), _) if !is_plain_form(&head.headers) => match is_from_us(&head.headers, origin) {
            // It is read by its page, once it is known that whoever sends it may.
            Ok(()) => {
                file = Some(body);
                Ok(Pairs::default())
            }
            Err(problem) => {
                guard::drop_rest(&head.headers, body.into_data_stream()).await;
                Err(problem)
            }
        },
        (_, true) => read_form(&panel, &head.headers, origin, body).await,
        (_, false) => {
            guard::drop_rest(&head.headers, body.into_data_stream()).await;
            Ok(Pairs::default())
        }
    };
    match read {
        Ok(form) => asked.form = form,
        Err(problem) => return reply::problem(Stranger { panel, asked }.frame(""), &problem),
    }
    let visitor = match &route.leads {
        Leads::Stranger(_) => Ok(None),
        Leads::Visit(_) | Leads::Upload(_) | Leads::Operation(..) => {
            visitor(&panel, &asked, route.is_asked_by_pages()).await
        }
    };
    let (session, secret) = match visitor {
        Err(problem) => return reply::problem(Stranger { panel, asked }.frame(""), &problem),
        Ok(Some(visitor)) => visitor,
        Ok(None) => {
            if let Some(body) = file {
                guard::drop_rest(&head.headers, body.into_data_stream()).await;
            }
            let stranger = Stranger { panel, asked };
            return match &route.leads {
                Leads::Stranger(page) => match page(&stranger).await {
                    Ok(response) => response,
                    Err(problem) => reply::problem(stranger.frame(""), &problem),
                },
                _ if route.method == Method::GET => sign_in::first(&stranger.asked),
                // Nothing of what was typed is lost: it is shown again once they are signed in.
                _ => sign_in::keeping(&stranger),
            };
        }
    };
    let visit = Visit { panel, asked, session, secret };
    let answered = match allowed(route, &visit, file.is_some()) {
        Err(problem) => {
            if let Some(body) = file {
                guard::drop_rest(&head.headers, body.into_data_stream()).await;
            }
            Err(problem)
        }
        Ok(()) => match &route.leads {
            Leads::Visit(page) => page(&visit).await,
            Leads::Upload(page) => page(&visit, file.unwrap_or_default()).await,
            Leads::Operation(operation, page) => page(&visit, **operation).await,
            Leads::Stranger(_) => Err(missing()),
        },
    };
    match answered {
        Ok(response) => response,
        Err(problem) => visit.problem(&problem).await,
    }
}

/// Whether a session may have what it asks for, and a form is one of its own.
fn allowed(route: &PanelRoute, visit: &Visit, reads_itself: bool) -> Result<(), Problem> {
    if let Needs::May(permission) = route.needs {
        visit.actor().must(permission).map_err(aegir_hosting::Refusal::from)?;
    }
    // The page of a file reads what its form says before the file.
    if route.method != Method::POST
        || reads_itself
        || visit.asked.form.get("form_token") == Some(&form_token(&visit.secret))
    {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::Forbidden,
        "the form was made in another session, and nothing was done",
        "go back, load the page anew, and send it again",
    ))
}

fn missing() -> Problem {
    Problem::new(ProblemKind::Broken, "an address leads nowhere", "please report it")
}

fn asked_of(head: &axum::http::request::Parts, names: Vec<String>, form: Pairs) -> Asked {
    let query = head.uri.query().unwrap_or_default();
    Asked {
        path: head.uri.path().to_owned(),
        query: Pairs::read(query),
        query_text: query.to_owned(),
        form,
        names,
        look: Look::of(&head.headers),
        headers: head.headers.clone(),
    }
}

/// Who is signed in, if anybody is. What a page asks `by_itself` is no use of the session.
async fn visitor(
    panel: &Panel,
    asked: &Asked,
    by_itself: bool,
) -> Result<Option<(aegir_hosting::Session, String)>, Problem> {
    let Some(secret) = cookie(&asked.headers, SESSION).filter(|secret| (1..=300).contains(&secret.len())) else {
        return Ok(None);
    };
    let session = match by_itself {
        true => panel.people.peek(&secret).await?,
        false => panel.people.session(&secret).await?,
    };
    Ok(session.map(|session| (session, secret)))
}

/// Whether a body is said to be a form without files.
fn is_plain_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Whether a form was sent by a page of ours.
fn is_from_us(headers: &HeaderMap, origin: &Origin) -> Result<(), Problem> {
    let from = headers.get(ORIGIN).and_then(|from| from.to_str().ok());
    match from.is_some_and(|from| from.eq_ignore_ascii_case(&origin.0)) {
        true => Ok(()),
        false => Err(Problem::new(
            ProblemKind::WrongHost,
            "the form was not sent from a page of this panel, and nothing was done",
            format!("open the panel at `{}`, and send it there", origin.0),
        )),
    }
}

/// The fields of a form that one of our own pages sent.
async fn read_form(panel: &Panel, headers: &HeaderMap, origin: &Origin, body: Body) -> Result<Pairs, Problem> {
    if let Err(problem) = is_from_us(headers, origin) {
        guard::drop_rest(headers, body.into_data_stream()).await;
        return Err(problem);
    }
    if !is_plain_form(headers) {
        guard::drop_rest(headers, body.into_data_stream()).await;
        return Err(Problem::new(
            ProblemKind::WrongType,
            "what was sent is no form",
            "send it from a page of the panel; programs ask the API, below `/api/v1`",
        ));
    }
    let limits = crate::Limits { body: LARGEST_FORM, ..panel.api.limits };
    let bytes = guard::read_body(headers, body, &limits).await?;
    Ok(Pairs::read(&String::from_utf8_lossy(&bytes)))
}

/// The way in for requests that came by TCP.
pub(crate) fn is_for(by: CameBy, path: &str) -> bool {
    by == CameBy::Loopback && path != "/api" && !path.starts_with("/api/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_shown_on_loopback_alone_and_never_below_the_api() {
        assert!(is_for(CameBy::Loopback, "/") && is_for(CameBy::Loopback, "/apiary"));
        assert!(!is_for(CameBy::Loopback, "/api") && !is_for(CameBy::Loopback, "/api/v1/sites"));
        assert!(!is_for(CameBy::Socket { uid: 0, let_in: true }, "/"));
    }
}
