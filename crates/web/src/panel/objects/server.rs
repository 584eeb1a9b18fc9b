//! The page of a server.

use aegir_hosting::view::ServerView;
use aegir_hosting::{Call, OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;

use super::doing::Doing;
use super::whole::{Common, Whole};
use crate::api::Problem;
use crate::panel::frame::Frame;
use crate::panel::lists::{Beside, PLATFORMS, SITES, Table};
use crate::panel::marks::Drifts;
use crate::panel::visit::Visit;
use crate::panel::{address, marks, reply};

/// How many of its platforms and sites are shown.
const SHOWN: usize = 15;

#[derive(Template)]
#[template(path = "object_server.html")]
struct ServerPage {
    frame: Frame,
    it: Whole,
    server: ServerView,
    /// Where its keys are shown, and one is trusted; nothing where the account may not.
    keys: Option<String>,
    /// Where its services are tried; nothing where the account may not.
    tries: Option<String>,
    /// Its first platforms and sites, and where all of them are.
    platforms: Table,
    all_platforms: String,
    sites: Table,
    all_sites: String,
    waiting: String,
    /// What lies in the trash of its machine; empty: it is gone.
    trash: String,
}

/// Shows the server of the name in the address.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let server = visit.object(Call::of(OperationId::ServerShow).about(visit.asked.name())).await?;
    page(visit, server).await
}

/// The page of a server.
pub(super) async fn page(visit: &Visit, server: ServerView) -> Result<Response<Body>, Problem> {
    let drifts = Drifts::ask(visit).await?;
    let common = Common {
        node: &server.node,
        subject: Subject::Server,
        marks: marks::of_server(&server, &drifts),
        revision: server.revision,
        fields: &server.fields,
        operations: &server.operations,
    };
    let mut it = Whole::ask(visit, common, &drifts).await?;
    it.parts = vec![("Facts", "facts"), ("Services", "services"), ("Platforms", "platforms"), ("Sites", "sites")];
    let name = server.node.name.clone().unwrap_or_default();
    let may = visit.actor().may.hold(OperationId::ServerHostKey.declaration().needs);
    let keys = (may && server.ssh.is_some()).then(|| format!("{}/host-key", address::object(Subject::Server, &name)));
    if let (Some(keys), true) = (&keys, server.ssh.as_ref().is_some_and(|ssh| ssh.host_key.is_none())) {
        it.comes_first(Doing {
            text: "Trust its key".to_owned(),
            about: OperationId::ServerHostKey.declaration().about.to_owned(),
            href: keys.clone(),
            why_not: String::new(),
            look: "primary",
        });
    }
    let trial = OperationId::ServerTry.declaration();
    let is_there = server.node.status != "deleted";
    let tries = (is_there && visit.actor().may.hold(trial.needs)).then(|| address::doing(&trial, Some(&name)));
    let (mut platforms, mut sites) = (Table::default(), Table::default());
    if is_there {
        let beside = Beside { drifts };
        let of_it = |list: OperationId| Call::of(list).with("server", name.clone()).with("limit", SHOWN);
        let columns = ["name", "marks", "core", "sites"];
        (platforms, _) = Table::some(visit, &PLATFORMS, of_it(OperationId::PlatformList), &columns, &beside).await?;
        let columns = ["name", "marks", "platform", "verified"];
        (sites, _) = Table::some(visit, &SITES, of_it(OperationId::SiteList), &columns, &beside).await?;
    }
    let encoded = address::encoded(&name);
    reply::page(&ServerPage {
        frame: it.frame(visit, Subject::Server, OperationId::ServerShow).await,
        it,
        keys,
        tries,
        platforms,
        all_platforms: format!("/platforms?server={encoded}"),
        sites,
        all_sites: format!("/sites?server={encoded}"),
        trash: if is_there { format!("{}/trash", address::object(Subject::Server, &name)) } else { String::new() },
        waiting: format!("/tasks?server={encoded}&state=waiting"),
        server,
    })
}
