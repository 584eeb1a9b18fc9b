//! Pages of objects: what they are, what can be asked of them, what became of them.
//!
//! ```text
//!   name ─► its view ─┬─► facts (site, platform, server, package: a file each)
//!                     └─► what any object has (whole): marks, why it failed, what can be done, tasks, history, drift
//! ```
//!
//! ## Invariants
//!
//! - What can be asked of an object now, and why not the rest, is what its view says; what the account may is added.
//! - An object that is gone is found by its number; a name leads to what bears it now.

mod archive;
mod backup;
mod compare;
mod doing;
mod failure;
mod host_key;
mod log;
mod node;
mod package;
mod platform;
mod recent;
mod server;
mod site;
mod story;
mod whole;

use aegir_hosting::{OperationId, Permission};
use axum::http::Method;

use super::route::{Leads, Needs, PanelRoute};

pub(super) use archive::UPLOAD;

/// What an archive needs: all that a site has is in it.
const MANAGE: Needs = Needs::May(Permission::Manage);

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    let needs = |id: OperationId| Needs::May(id.declaration().needs);
    vec![
        PanelRoute::get("/sites/{name}", needs(OperationId::SiteShow), |it| Box::pin(site::show(it))),
        PanelRoute::get("/sites/{name}/compare", needs(OperationId::SiteCompare), |it| Box::pin(compare::show(it))),
        PanelRoute::get("/sites/{name}/log", needs(OperationId::SiteLog), |it| Box::pin(log::show(it))),
        PanelRoute::get("/fragments/site-log/{name}", needs(OperationId::SiteLog), |it| Box::pin(log::part(it))),
        PanelRoute::get("/backups/{name}", needs(OperationId::BackupShow), |it| Box::pin(backup::show(it))),
        PanelRoute::get("/backups/{name}/archive", MANAGE, |it| Box::pin(archive::download(it))),
        PanelRoute::get(UPLOAD, MANAGE, |it| Box::pin(archive::form(it))),
        PanelRoute {
            method: Method::POST,
            path: UPLOAD.to_owned(),
            needs: MANAGE,
            leads: Leads::Upload(|it, body| Box::pin(archive::upload(it, body))),
        },
        PanelRoute::get("/platforms/{name}", needs(OperationId::PlatformShow), |it| Box::pin(platform::show(it))),
        PanelRoute::get("/servers/{name}", needs(OperationId::ServerShow), |it| Box::pin(server::show(it))),
        PanelRoute::get("/servers/{name}/host-key", needs(OperationId::ServerHostKey), |it| {
            Box::pin(host_key::show(it))
        }),
        PanelRoute::get("/packages/{name}", needs(OperationId::PackageShow), |it| Box::pin(package::show(it))),
        PanelRoute::get("/nodes/{name}", needs(OperationId::NodeShow), |it| Box::pin(node::show(it))),
    ]
}
