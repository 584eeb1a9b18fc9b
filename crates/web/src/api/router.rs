//! Leads each address to its operation: parse, ask, answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use aegir_hosting::{Actor, Front, Names, Operation, OperationId, Refusal};
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use axum::routing::{MethodFilter, MethodRouter};
use axum::{Extension, Router};
use serde_json::Map;
use tokio::sync::{Semaphore, watch};

use super::answer::{self, Reply};
use super::route::{OwnRoute, Place, place_of, route_of};
use super::tokens::{Pass, WrongTokens, bearer};
use super::{Problem, ProblemKind, archives, call, change, changes, document, events, guard, json, wait};
use crate::{Limits, Outside};

/// How many changes may be under way at once, those among them whose askers went away.
pub(crate) const MOST_CHANGES: u32 = 1_000;

/// All that answering takes.
pub(crate) struct Api {
    pub(crate) front: Arc<dyn Front>,
    pub(crate) outside: Arc<dyn Outside>,
    pub(crate) limits: Limits,
    pub(super) tokens: WrongTokens,
    /// Whether the server is about to end.
    pub(crate) ending: watch::Receiver<bool>,
    /// A permit for each change that is under way.
    pub(crate) changes: Arc<Semaphore>,
    pub(crate) troubles: AtomicU64,
}

/// The way a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CameBy {
    /// The socket in the home.
    Socket {
        /// The user of the machine at the other end.
        uid: u32,
        /// Whether the home lets them in.
        let_in: bool,
    },
    /// TCP on loopback.
    Loopback,
}

type Params = Result<RawPathParams, RawPathParamsRejection>;

impl Api {
    pub(crate) fn new(
        front: Arc<dyn Front>,
        outside: Arc<dyn Outside>,
        limits: Limits,
        ending: watch::Receiver<bool>,
    ) -> Api {
        Api {
            front,
            outside,
            limits,
            tokens: WrongTokens::new(limits.wrong_tokens),
            ending,
            changes: Arc::new(Semaphore::new(MOST_CHANGES as usize)),
            troubles: AtomicU64::new(0),
        }
    }

    /// Every address of every operation.
    pub(crate) fn router(self: Arc<Api>) -> Router {
        let mut methods: BTreeMap<String, Vec<(Method, Leads)>> = BTreeMap::new();
        for operation in OperationId::ALL.into_iter().map(OperationId::declaration) {
            let route = route_of(&operation);
            methods.entry(route.path).or_default().push((route.method, Leads::To(operation)));
        }
        for own in OwnRoute::ALL {
            let route = own.route();
            methods.entry(route.path).or_default().push((route.method, Leads::Own(own)));
        }
        let mut router = Router::new();
        for (path, methods) in methods {
            router = router.route(&path, methods_of(methods));
        }
        router.fallback(no_address).with_state(self)
    }

    /// Who asks.
    async fn let_in(&self, by: CameBy, headers: &HeaderMap) -> Result<Actor, Problem> {
        match by {
            CameBy::Socket { uid, let_in: false } => Err(Problem::new(
                ProblemKind::NotLetIn,
                format!("the user {} is not let in", self.user(uid)),
                "ask as the owner of the home or as root, such as with `sudo -u aegir`; or ask over TCP with a token",
            )),
            // Who sends a token wants to be its bearer, also where more were allowed.
            CameBy::Socket { uid, .. } if !headers.contains_key(AUTHORIZATION) => {
                Ok(Actor::of_machine(&self.user(uid)))
            }
            _ => bearer(self, headers).await,
        }
    }

    fn user(&self, uid: u32) -> String {
        self.outside.user(uid).unwrap_or_else(|| format!("{uid}"))
    }
}

#[derive(Clone, Copy)]
enum Leads {
    To(Operation),
    Own(OwnRoute),
}

fn methods_of(leads: Vec<(Method, Leads)>) -> MethodRouter<Arc<Api>> {
    let mut allowed: Vec<_> = leads.iter().map(|(method, _)| method.to_string()).collect();
    let only_looks = |leads: &Leads| match leads {
        Leads::To(operation) => operation.reads(),
        Leads::Own(own) => *own == OwnRoute::Document,
    };
    let has_head = leads.iter().any(|(method, leads)| method == Method::GET && only_looks(leads));
    if has_head {
        allowed.push(Method::HEAD.to_string());
    }
    let allowed = allowed.join(", ");
    let refuse = move |state, by, request| wrong_method(allowed.clone(), state, by, request);
    let mut router = MethodRouter::new().fallback(refuse.clone());
    if !has_head {
        router = router.on(MethodFilter::HEAD, refuse);
    }
    for (method, leads) in leads {
        // Every method in the list is one that a router knows.
        let Ok(filter) = MethodFilter::try_from(method) else { continue };
        router = router.on(filter, move |State(api), Extension(by), params: Params, request| async move {
            let answered = match leads {
                Leads::To(operation) => ask(&api, by, &operation, params, request).await,
                Leads::Own(own) => ask_own(&api, by, own, params, request).await,
            };
            answered.unwrap_or_else(|problem| answer::problem(&problem))
        });
    }
    router
}

async fn wrong_method(
    allowed: String,
    State(api): State<Arc<Api>>,
    Extension(by): Extension<CameBy>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    guard::drop_rest(&head.headers, body.into_data_stream()).await;
    let problem = api.let_in(by, &head.headers).await.err().unwrap_or_else(|| {
        let detail = format!("the address `{}` has no {}", shown(head.uri.path()), shown(head.method.as_str()));
        Problem::new(ProblemKind::WrongMethod, detail, format!("it has: {allowed}")).allowing(allowed)
    });
    answer::problem(&problem)
}

async fn no_address(
    State(api): State<Arc<Api>>,
    Extension(by): Extension<CameBy>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    guard::drop_rest(&head.headers, body.into_data_stream()).await;
    let problem = api.let_in(by, &head.headers).await.err().unwrap_or_else(|| {
        Problem::new(
            ProblemKind::NoAddress,
            format!("there is no address `{}`", shown(head.uri.path())),
            "see which there are in `/api/v1/openapi.json`",
        )
    });
    answer::problem(&problem)
}

fn shown(text: &str) -> String {
    text.chars().take(200).collect()
}

/// The name in an address, decoded once.
fn name_in(params: Params) -> Result<Option<String>, Problem> {
    match params {
        Ok(params) => Ok(params.iter().next().map(|(_, name)| name.to_owned())),
        Err(_) => Err(Problem::new(
            ProblemKind::Malformed,
            "the name in the address is no UTF-8",
            "encode the bytes of its UTF-8 text",
        )),
    }
}

async fn ask(
    api: &Arc<Api>,
    by: CameBy,
    operation: &Operation,
    params: Params,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let (head, body) = request.into_parts();
    let actor = match api.let_in(by, &head.headers).await {
        Ok(actor) => actor,
        Err(problem) => {
            guard::drop_rest(&head.headers, body.into_data_stream()).await;
            return Err(problem);
        }
    };
    let name = name_in(params)?;
    let query = head.uri.query().unwrap_or_default();
    let given = match operation.reads() {
        true => {
            guard::drop_rest(&head.headers, body.into_data_stream()).await;
            Map::new()
        }
        false => {
            let bytes = guard::read_body(&head.headers, body, &api.limits).await?;
            match (bytes.is_empty(), place_of(operation)) {
                (true, _) => Map::new(),
                (false, Place::Body) => {
                    guard::is_json(&head.headers)?;
                    json::object(&bytes)?
                }
                (false, Place::Query) => {
                    return Err(Problem::new(
                        ProblemKind::Malformed,
                        format!("`{}` takes nothing in a body", operation.name()),
                        "send parameters in the query of the address",
                    ));
                }
            }
        }
    };
    let call = match call::read(operation, name, query, given)? {
        Ok(call) => call,
        Err(bad) => {
            actor.must(operation.needs).map_err(Refusal::from)?;
            return Err(Refusal::from(bad).into());
        }
    };
    if operation.reads() {
        let reply = Reply::from(api.front.perform(&actor, call).await?);
        return Ok(answer::page(operation, head.uri.path(), query, &reply));
    }
    let key = change::key(&head.headers)?;
    let (of_task, asker) = (api.clone(), actor.clone());
    let reply = change::apart(api, async move { change::perform(&of_task, &asker, call, key).await }).await?;
    let mut response = answer::response(&reply);
    if let (Some(task), Some(seconds)) = (reply.queued(), wait::seconds(&head.headers))
        && let Some(view) = wait::ended(api, Pass::of(api, actor, &head.headers), task, seconds).await
    {
        *response.body_mut() = Body::from(view.to_string());
        *response.status_mut() = StatusCode::OK;
        let applied = HeaderValue::from_str(&format!("wait={seconds}"));
        applied.into_iter().for_each(|value| drop(response.headers_mut().insert("preference-applied", value)));
    }
    Ok(response)
}

/// An archive that is to be a backup.
async fn ask_to_take(
    api: &Arc<Api>,
    by: CameBy,
    params: Params,
    head: &axum::http::request::Parts,
    body: Body,
) -> Result<Response<Body>, Problem> {
    let asked = async {
        let actor = api.let_in(by, &head.headers).await?;
        Ok((actor, name_in(params)?.unwrap_or_default(), server_in(head)?))
    };
    match asked.await {
        Ok((actor, name, server)) => {
            let pass = Pass::of(api, actor, &head.headers);
            archives::take_body(api.clone(), pass, &head.headers, body, name, server).await
        }
        Err(problem) => {
            guard::drop_rest(&head.headers, body.into_data_stream()).await;
            Err(problem)
        }
    }
}

/// The server on whose machine a backup lies, or is to lie: the only thing that the query can say.
fn server_in(head: &axum::http::request::Parts) -> Result<Option<String>, Problem> {
    let query = crate::panel::pairs_of(head.uri.query().unwrap_or_default());
    match query.iter().find(|(name, _)| name != "server") {
        Some((name, _)) => Err(Problem::new(
            ProblemKind::Malformed,
            format!("the query names `{}`", shown(name)),
            "leave it out; `server` alone can be said there",
        )),
        None => Ok(query.into_iter().next().map(|(_, server)| server)),
    }
}

async fn ask_own(
    api: &Arc<Api>,
    by: CameBy,
    own: OwnRoute,
    params: Params,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let (head, body) = request.into_parts();
    if own == OwnRoute::BackupUpload {
        return ask_to_take(api, by, params, &head, body).await;
    }
    guard::drop_rest(&head.headers, body.into_data_stream()).await;
    let actor = api.let_in(by, &head.headers).await?;
    let name = name_in(params)?;
    if own == OwnRoute::BackupDownload {
        let server = server_in(&head)?;
        let pass = Pass::of(api, actor, &head.headers);
        return archives::give(api.clone(), pass, &name.unwrap_or_default(), server.as_deref()).await;
    }
    if own == OwnRoute::Document {
        return Ok(answer::document(StatusCode::OK, "application/json", &document()));
    }
    if own == OwnRoute::Changes {
        let pass = Pass::of(api, actor, &head.headers);
        return changes::stream(api.clone(), pass, &head.headers, head.uri.query().unwrap_or_default()).await;
    }
    let task = match OperationId::TaskShow.declaration().names {
        Names::One(kind) => kind.read(name.as_deref().unwrap_or_default()).ok().and_then(|number| number.parse().ok()),
        _ => None,
    };
    let unknown = || Refusal::Unknown { what: "task", name: name.clone().unwrap_or_default() };
    let task: i64 = task.ok_or_else(unknown)?;
    match own {
        OwnRoute::TaskEvents => {
            let pass = Pass::of(api, actor, &head.headers);
            events::stream(api.clone(), pass, task, events::last_event(&head.headers)).await
        }
        _ => match api.front.secret_answer(&actor, task).await? {
            Some(secret) => Ok(answer::document(StatusCode::OK, "application/json", &secret.into())),
            None => Err(Problem::new(
                ProblemKind::NoSecret,
                format!("of task {task} there is nothing to be told to `{}`", actor.name),
                "it is told once, to whoever asked for the task, after its end; ask for a new task",
            )),
        },
    }
}
