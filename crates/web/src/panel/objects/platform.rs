//! The page of a platform.

use aegir_domain::{BuiltFrom, PlatformSource};
use aegir_hosting::view::PlatformView;
use aegir_hosting::{Call, OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;

use super::whole::{Common, Whole};
use crate::api::Problem;
use crate::panel::frame::Frame;
use crate::panel::lists::{Beside, SITES, Table};
use crate::panel::marks::Drifts;
use crate::panel::visit::Visit;
use crate::panel::{address, lists, marks, reply};

/// How many of its sites are shown.
const SHOWN: usize = 25;

#[derive(Template)]
#[template(path = "object_platform.html")]
struct PlatformPage {
    frame: Frame,
    it: Whole,
    platform: PlatformView,
    server: String,
    /// Where its code came from, in words.
    source: String,
    /// Its first sites, and where all of them are.
    table: Table,
    all: String,
    count: String,
    found: String,
}

/// Shows the platform of the name in the address.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let platform = visit.object(Call::of(OperationId::PlatformShow).about(visit.asked.name())).await?;
    page(visit, platform).await
}

/// The page of a platform.
pub(super) async fn page(visit: &Visit, platform: PlatformView) -> Result<Response<Body>, Problem> {
    let drifts = Drifts::ask(visit).await?;
    let common = Common {
        node: &platform.node,
        subject: Subject::Platform,
        marks: marks::of_platform(&platform, &drifts),
        revision: platform.revision,
        fields: &platform.fields,
        operations: &platform.operations,
    };
    let mut it = Whole::ask(visit, common, &drifts).await?;
    it.parts = vec![("Facts", "facts"), ("Sites", "sites")];
    let name = platform.node.name.clone().unwrap_or_default();
    let table = match platform.node.status.as_str() {
        "deleted" => Table::default(),
        _ => {
            let call = Call::of(OperationId::SiteList).with("platform", vec![name.clone()]).with("limit", SHOWN);
            let beside = Beside { drifts };
            let (table, _) =
                Table::some(visit, &SITES, call, &["name", "marks", "client", "verified"], &beside).await?;
            table
        }
    };
    let encoded = address::encoded(&name);
    reply::page(&PlatformPage {
        frame: it.frame(visit, Subject::Platform, OperationId::PlatformShow).await,
        it,
        server: address::object(Subject::Server, &platform.server),
        source: source_of(&platform),
        table,
        all: format!("/sites?platform={encoded}"),
        count: lists::counted(platform.sites, "site", "sites"),
        found: format!("/found-sites?platform={encoded}"),
        platform,
    })
}

/// Where the code of a platform came from, and what exactly it is.
fn source_of(platform: &PlatformView) -> String {
    let mut words = place_of(platform);
    let BuiltFrom { commit, sha256, lock } = platform.built.clone().unwrap_or_default();
    for (what, number) in
        [("Commit", commit.map(String::from)), ("SHA-256", sha256.map(String::from)), ("Lock file", lock)]
    {
        if let Some(number) = number {
            words.push_str(&format!(" {what} {number}."));
        }
    }
    words
}

fn place_of(platform: &PlatformView) -> String {
    let source = platform.source.clone().and_then(|source| serde_json::from_value::<PlatformSource>(source).ok());
    match source {
        None => "It was there already.".to_owned(),
        Some(PlatformSource::Demo) => "The demo code base, which is no Drupal.".to_owned(),
        Some(PlatformSource::Copy { from }) => format!("A copy of {}.", from.display()),
        Some(PlatformSource::Composer { package, constraint, registry }) => {
            let constraint = constraint.map(|constraint| format!(" {constraint}")).unwrap_or_default();
            let registry = registry.map(|registry| format!(", from {registry}")).unwrap_or_default();
            format!("Composer made it: {package}{constraint}{registry}.")
        }
        Some(PlatformSource::Archive { from, .. }) => format!("The archive {from}."),
        Some(PlatformSource::Git { from, reference, .. }) => format!("The git repository {from} at {reference}."),
        Some(PlatformSource::Project { from, .. }) => {
            format!("The project {}, with the packages that its lock file names.", from.display())
        }
        Some(PlatformSource::MakeFile { from, .. }) => format!("Put together from the make file {}.", from.display()),
    }
}
