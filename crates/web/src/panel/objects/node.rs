//! What a number, or a name of which the kind is not known, stands for: leads to its page. What is gone is shown here.

use aegir_hosting::{Call, OperationId, Subject};
use axum::body::Body;
use axum::http::Response;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{platform, server, site};
use crate::api::{Problem, ProblemKind};
use crate::panel::visit::Visit;
use crate::panel::{address, reply};

/// Leads to what the number or name in the address stands for.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let view = find(visit, visit.asked.name()).await?;
    let name = view["name"].as_str().unwrap_or_default().to_owned();
    let id = view["id"].as_i64().unwrap_or_default();
    let gone = view["status"] == "deleted";
    let kind = view["kind"].as_str().unwrap_or_default().to_owned();
    match (kind.as_str(), gone) {
        ("task", _) => Ok(reply::go(&address::object(Subject::Task, &id.to_string()))),
        ("package", _) => Ok(reply::go(&address::object(Subject::Package, &name))),
        ("client", _) => Ok(reply::go(&format!("/sites?client={}", address::encoded(&name)))),
        ("site", true) => site::page(visit, read(view)?).await,
        ("platform", true) => platform::page(visit, read(view)?).await,
        ("server", true) => server::page(visit, read(view)?).await,
        ("site", false) => Ok(reply::go(&address::object(Subject::Site, &name))),
        ("platform", false) => Ok(reply::go(&address::object(Subject::Platform, &name))),
        ("server", false) => Ok(reply::go(&address::object(Subject::Server, &name))),
        _ => Err(Problem::new(
            ProblemKind::Unknown,
            format!("there is no page for what has the number {id}: it is a {kind}"),
            "look for it on the pages that the navigation leads to",
        )),
    }
}

/// What is called so: a site, else a platform, else a server.
async fn find(visit: &Visit, name: &str) -> Result<Value, Problem> {
    let ask = async |name: String| visit.object::<Value>(Call::of(OperationId::NodeShow).about(name)).await;
    let first = ask(name.to_owned()).await;
    if !matches!(&first, Err(problem) if problem.kind == ProblemKind::Unknown) {
        return first;
    }
    for prefix in ["@platform_", "@server_"] {
        if let Ok(view) = ask(format!("{prefix}{name}")).await {
            return Ok(view);
        }
    }
    first
}

fn read<T: DeserializeOwned>(view: Value) -> Result<T, Problem> {
    serde_json::from_value(view).map_err(|error| {
        let why: String = error.to_string().chars().take(200).collect();
        Problem::new(
            ProblemKind::Broken,
            format!("an answer of the front end cannot be read: {why}"),
            "please report it",
        )
    })
}
