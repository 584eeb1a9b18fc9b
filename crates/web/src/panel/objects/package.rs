//! The page of a package: its project, its releases, and every place it is installed in.

use aegir_hosting::view::{InstanceView, PackageView};
use aegir_hosting::{Call, OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;
use serde_json::Value;

use crate::api::Problem;
use crate::panel::frame::Frame;
use crate::panel::visit::Visit;
use crate::panel::{address, elsewhere, lists, reply};

/// Of how many releases it is asked whether they are Drupal's own.
const RELEASES_TRIED: usize = 3;

#[derive(Template)]
#[template(path = "object_package.html")]
struct PackagePage {
    frame: Frame,
    package: PackageView,
    count: String,
    project: Project,
    /// The releases, each with the sites that have it enabled.
    releases: Vec<Release>,
    places: Vec<Place>,
    next: String,
    first: String,
    sites: String,
}

struct Release {
    version: String,
    installed: u64,
    enabled: u64,
    sites: String,
}

struct Place {
    object: String,
    href: String,
    it: InstanceView,
}

/// Where a package comes from, as far as its versions tell.
enum Project {
    /// From a project of its own; its page, if it has one there.
    Own(String),
    /// It is a part of Drupal.
    Core,
    /// From nowhere that gives versions.
    Local,
}

/// Shows the package of the name in the address.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let query = &visit.asked.query;
    let mut call = Call::of(OperationId::PackageShow).about(visit.asked.name());
    for name in ["kind", "cursor", "limit"] {
        if let Some(value) = query.get(name).filter(|value| !value.is_empty()) {
            call = call.with(name, value);
        }
    }
    let package: PackageView = visit.object(call.clone()).await?;
    let mut frame = visit.frame(&package.name, "packages").await;
    frame.trail = vec![("Packages".to_owned(), address::list(Subject::Package))];
    frame.elsewhere = vec![elsewhere::elsewhere("This package", &call)];
    let here = format!("{}?kind={}", address::object(Subject::Package, &package.name), address::encoded(&package.kind));
    let sites = format!("/sites?package={}", address::encoded(&package.name));
    let releases = package.releases.iter().map(|release| Release {
        version: release.version.clone(),
        installed: release.installed,
        enabled: release.enabled,
        sites: format!("{sites}&version={}", address::encoded(&release.version)),
    });
    reply::page(&PackagePage {
        frame,
        count: lists::counted(package.sites, "site", "sites"),
        project: project_of(visit, &package).await?,
        releases: releases.collect(),
        places: package.instances.iter().cloned().map(place).collect(),
        next: package.next.as_ref().map(|next| format!("{here}&cursor={}", address::encoded(next))).unwrap_or_default(),
        first: if query.get("cursor").is_some() { here } else { String::new() },
        sites,
        package,
    })
}

fn place(it: InstanceView) -> Place {
    let subject = if it.of == "platform" { Subject::Platform } else { Subject::Site };
    Place { href: address::object(subject, &it.object), object: it.object.clone(), it }
}

/// Where a package comes from: what is packaged for Drupal has a version, and what is part of Drupal has Drupal's own.
async fn project_of(visit: &Visit, package: &PackageView) -> Result<Project, Problem> {
    let versions: Vec<&str> =
        package.releases.iter().map(|release| release.version.as_str()).filter(|version| !version.is_empty()).collect();
    if versions.is_empty() {
        return Ok(Project::Local);
    }
    let mut all_core = true;
    for version in versions.iter().take(RELEASES_TRIED) {
        let call = Call::of(OperationId::PlatformList).with("core", *version).with("limit", 20);
        let (platforms, _, _) = visit.list::<Value>(call.uncounted()).await?;
        all_core &= platforms.iter().any(|platform| platform["core"] == **version);
    }
    Ok(match all_core {
        true => Project::Core,
        false => Project::Own(format!("https://www.drupal.org/project/{}", address::encoded(&package.name))),
    })
}
