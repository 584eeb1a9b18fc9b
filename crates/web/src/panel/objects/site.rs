//! The page of a site.

use aegir_hosting::view::{ServerView, SiteView};
use aegir_hosting::{Call, OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;
use serde_json::Value;

use super::whole::{Common, Whole};
use crate::api::Problem;
use crate::panel::frame::Frame;
use crate::panel::lists::{self, Beside, INSTALLED, Table};
use crate::panel::marks::Drifts;
use crate::panel::visit::Visit;
use crate::panel::{address, marks, reply, times};

/// How many packages are shown.
const SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "object_site.html")]
struct SitePage {
    frame: Frame,
    it: Whole,
    site: SiteView,
    /// Where it answers; nothing where that is not known.
    address: Option<String>,
    platform: String,
    server: String,
    db_server: String,
    /// The first packages that it has enabled, how many there are, and where all are.
    packages: Table,
    enabled: String,
    all_packages: String,
    /// Where it is compared with another platform.
    compare: String,
    /// Where its logs are; empty: whoever looks may not, or it is gone.
    logs: String,
    /// Where it goes back to what it was; empty: it cannot now.
    go_back: String,
    /// Where it lets go of one of these; empty: it cannot now.
    let_go: String,
    /// Its backups, and where one is made; empty: none can be now.
    backups: String,
    back_up: String,
    /// For how long its visitors were told to come back when it was last moved, and the task that did that.
    fenced: Option<(String, String)>,
}

/// Shows the site of the name in the address.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let site = visit.object(Call::of(OperationId::SiteShow).about(visit.asked.name())).await?;
    page(visit, site).await
}

/// The page of a site.
pub(super) async fn page(visit: &Visit, site: SiteView) -> Result<Response<Body>, Problem> {
    let drifts = Drifts::ask(visit).await?;
    let common = Common {
        node: &site.node,
        subject: Subject::Site,
        marks: marks::of_site(&site, &drifts),
        revision: site.revision,
        fields: &site.fields,
        operations: &site.operations,
    };
    let mut it = Whole::ask(visit, common, &drifts).await?;
    it.parts = vec![("Facts", "facts"), ("Domains", "domains"), ("Backups", "backups"), ("Packages", "packages")];
    if !site.formers.is_empty() {
        it.parts.insert(2, ("What it was", "formers"));
    }
    let name = site.node.name.as_deref().unwrap_or_default();
    let go_back = address::doing(&OperationId::SiteGoBack.declaration(), Some(name));
    let let_go = address::doing(&OperationId::SiteDropFormer.declaration(), Some(name));
    let may_let_go = it.doing.iter().any(|doing| doing.href == let_go);
    let back_up = address::doing(&OperationId::SiteBackup.declaration(), Some(name));
    let may_back_up = it.doing.iter().any(|doing| doing.href == back_up);
    let may_go_back = it.doing.iter().any(|doing| doing.href == go_back);
    let (packages, enabled) =
        if site.node.status == "deleted" { Default::default() } else { packages(visit, &site).await? };
    let all_packages = format!("{}/packages", address::object(Subject::Site, name));
    let server = Call::of(OperationId::ServerShow).about(site.server.clone());
    // A page is shown though its server cannot be: it may be gone, as the site is.
    let server = visit.object::<ServerView>(server).await.ok();
    reply::page(&SitePage {
        frame: it.frame(visit, Subject::Site, OperationId::SiteShow).await,
        it,
        address: server.and_then(|server| address_of(&site, &server)),
        platform: address::object(Subject::Platform, &site.platform),
        server: address::object(Subject::Server, &site.server),
        db_server: address::object(Subject::Server, &site.db_server),
        packages,
        enabled,
        all_packages,
        compare: super::compare::path(name),
        logs: match site.node.status != "deleted" && visit.actor().may.hold(OperationId::SiteLog.declaration().needs) {
            true => super::log::path(name),
            false => String::new(),
        },
        let_go: if may_let_go { let_go } else { String::new() },
        go_back: if may_go_back { go_back } else { String::new() },
        backups: format!("/backups?site={}", address::encoded(name)),
        back_up: if may_back_up { back_up } else { String::new() },
        fenced: site.fenced_ms.map(|took| {
            let took = i64::try_from(took).unwrap_or(i64::MAX);
            let task = site.fenced_by.map(|task| address::object(Subject::Task, &task.to_string()));
            (times::lasted(&took), task.unwrap_or_default())
        }),
        site,
    })
}

/// The first packages that a site has enabled, as a table; and how many those are, in words.
async fn packages(visit: &Visit, site: &SiteView) -> Result<(Table, String), Problem> {
    let name = site.node.name.as_deref().unwrap_or_default();
    let call = Call::of(OperationId::SitePackages).about(name).with("enabled", true).with("limit", SHOWN);
    let (items, _, total) = visit.list::<Value>(call).await?;
    let enabled = match total {
        Some(total) => lists::counted(total, "package is", "packages are"),
        None => "more packages than are counted are".to_owned(),
    };
    let columns = ["name", "kind", "version", "schema", "scope"];
    let table = Table::of_items(&INSTALLED, items, &columns, &Beside::default())?;
    Ok((table, enabled))
}

/// Where a site answers: by the port of its server's web service.
fn address_of(site: &SiteView, server: &ServerView) -> Option<String> {
    let name = site.node.name.as_deref().filter(|_| site.node.status == "enabled")?;
    let service = server.services.iter().find(|service| service.kind == "http")?;
    let tls = site.domains.iter().any(|domain| domain.name == name && domain.tls == "required");
    let port: u16 = service.at.rsplit_once(':')?.1.parse().ok()?;
    Some(match (tls, port) {
        // Its web service answers with TLS beside the port that it is known by.
        (true, _) => format!("https://{name}/"),
        (false, 80) => format!("http://{name}/"),
        (false, port) => format!("http://{name}:{port}/"),
    })
}
