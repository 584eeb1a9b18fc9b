//! Rows of sites, platforms and servers.

use aegir_hosting::Subject;
use aegir_hosting::view::{NodeView, PlatformView, ServerView, SiteView};
use serde_json::Value;

use super::cell::{Cell, Column, Row, rows_of};
use super::which::Beside;
use crate::api::Problem;
use crate::panel::{address, marks};

/// Rows of sites.
pub(super) fn sites(items: Vec<Value>, columns: &[Column], beside: &Beside) -> Result<Vec<Row>, Problem> {
    rows_of(items, columns, |site: &SiteView, column| match column {
        "marks" => Cell::Marks(marks::of_site(site, &beside.drifts)),
        "platform" => Cell::link(&site.platform, address::object(Subject::Platform, &site.platform)),
        "core" => Cell::maybe(site.core.as_deref()),
        "domains" => Cell::Number(site.domains.len() as u64),
        "profile" => Cell::maybe(site.profile.as_deref()),
        "language" => Cell::maybe(site.language.as_deref()),
        "server" => Cell::link(&site.server, address::object(Subject::Server, &site.server)),
        "db_server" => Cell::link(&site.db_server, address::object(Subject::Server, &site.db_server)),
        "cron" => Cell::maybe(site.cron.as_ref().and_then(|cron| cron.result.as_deref())),
        "cron_every" => Cell::maybe(site.cron.as_ref().map(|cron| cron.every.as_str())),
        "database" => site.database.clone().map_or(Cell::Nothing, Cell::Code),
        column => of_node(&site.node, Subject::Site, column),
    })
}

/// Rows of platforms.
pub(super) fn platforms(items: Vec<Value>, columns: &[Column], beside: &Beside) -> Result<Vec<Row>, Problem> {
    rows_of(items, columns, |platform: &PlatformView, column| match column {
        "marks" => Cell::Marks(marks::of_platform(platform, &beside.drifts)),
        "core" => Cell::maybe(platform.core.as_deref()),
        "sites" => Cell::Number(platform.sites),
        "server" => Cell::link(&platform.server, address::object(Subject::Server, &platform.server)),
        "locked" => Cell::yes(!platform.locked),
        "root" => platform.root.clone().map_or(Cell::Nothing, Cell::Code),
        "php" => platform.php.clone().map_or(Cell::Nothing, Cell::Code),
        column => of_node(&platform.node, Subject::Platform, column),
    })
}

/// Rows of servers.
pub(super) fn servers(items: Vec<Value>, columns: &[Column], beside: &Beside) -> Result<Vec<Row>, Problem> {
    rows_of(items, columns, |server: &ServerView, column| match column {
        "marks" => Cell::Marks(marks::of_server(server, &beside.drifts)),
        "http" | "db" => {
            let of_kind = server.services.iter().find(|service| service.kind == column);
            of_kind.map_or(Cell::Nothing, |service| Cell::text(format!("{} at {}", service.service_type, service.at)))
        }
        "transport" => Cell::text(server.transport.clone()),
        "paused" => Cell::yes(server.paused),
        "most_tasks" => server.most_tasks.map_or(Cell::Nothing, |most| Cell::Number(most.into())),
        column => of_node(&server.node, Subject::Server, column),
    })
}

/// What any object has.
fn of_node(node: &NodeView, subject: Subject, column: &str) -> Cell {
    match column {
        "name" => Cell::link(node.name.as_deref().unwrap_or(&node.title), page_of(node, subject)),
        "title" => Cell::text(node.title.clone()),
        "client" => Cell::maybe(node.client.as_deref()),
        "created" => Cell::Time(node.created),
        "changed" => Cell::Time(node.changed),
        "verified" => Cell::when(node.verified),
        _ => Cell::Nothing,
    }
}

/// The page of an object. A deleted one is found by its number: its name may be another's now.
fn page_of(node: &NodeView, subject: Subject) -> String {
    match (&node.name, node.status.as_str()) {
        (Some(name), status) if status != "deleted" => address::object(subject, name),
        _ => address::object(Subject::Node, &node.id.to_string()),
    }
}
