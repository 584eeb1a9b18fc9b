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

mod backup;
mod compare;
mod doing;
mod failure;
mod host_key;
mod node;
mod package;
mod platform;
mod recent;
mod server;
mod site;
mod story;
mod whole;

use aegir_hosting::OperationId;

use super::route::{Needs, PanelRoute};

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    let needs = |id: OperationId| Needs::May(id.declaration().needs);
    vec![
        PanelRoute::get("/sites/{name}", needs(OperationId::SiteShow), |it| Box::pin(site::show(it))),
        PanelRoute::get("/sites/{name}/compare", needs(OperationId::SiteCompare), |it| Box::pin(compare::show(it))),
        PanelRoute::get("/backups/{name}", needs(OperationId::BackupShow), |it| Box::pin(backup::show(it))),
        PanelRoute::get("/platforms/{name}", needs(OperationId::PlatformShow), |it| Box::pin(platform::show(it))),
        PanelRoute::get("/servers/{name}", needs(OperationId::ServerShow), |it| Box::pin(server::show(it))),
        PanelRoute::get("/servers/{name}/host-key", needs(OperationId::ServerHostKey), |it| {
            Box::pin(host_key::show(it))
        }),
        PanelRoute::get("/packages/{name}", needs(OperationId::PackageShow), |it| Box::pin(package::show(it))),
        PanelRoute::get("/nodes/{name}", needs(OperationId::NodeShow), |it| Box::pin(node::show(it))),
    ]
}
