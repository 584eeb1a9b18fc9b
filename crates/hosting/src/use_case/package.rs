//! What can be asked of packages.

use aegir_domain::{ContextName, NodeId, PackageKind};
use aegir_store::{InstalledList, InstalledPackage, PackageList, PlaceList};

use super::Asked;
use super::shown::{self, cursor_page, of_page};
use crate::view::{InstalledView, InstanceView, PackageView, ReleaseView};
use crate::{Answer, Hosting, Refusal};

impl Hosting {
    pub(super) async fn list_packages(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let given = asked.given;
        self.store()
            .read(async |read| {
                let list = PackageList {
                    kind: given.str("kind").and_then(|kind| kind.parse().ok()),
                    holds: given.str("search").map(str::to_owned),
                    page: cursor_page(asked)?,
                    ..PackageList::default()
                };
                let page = read.list(&list).await?;
                let ids: Vec<NodeId> = page.rows.iter().map(|package| package.id).collect();
                let sites = read.enabled_on(&ids).await?;
                let items: Vec<PackageView> = page
                    .rows
                    .into_iter()
                    .map(|package| PackageView {
                        id: package.id.0,
                        kind: package.kind.as_str().into(),
                        sites: sites.get(&package.id).copied().unwrap_or(0),
                        name: package.name,
                        releases: Vec::new(),
                        instances: Vec::new(),
                        next: None,
                    })
                    .collect();
                of_page(items, page.next, None)
            })
            .await
    }

    pub(super) async fn show_package(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.store()
            .snapshot(async |read| {
                let unknown = || Refusal::Unknown { what: "package", name: asked.name.to_owned() };
                let wanted: Option<PackageKind> = asked.given.str("kind").and_then(|kind| kind.parse().ok());
                let mut found = None;
                for kind in PackageKind::ALL {
                    if found.is_none() && wanted.is_none_or(|wanted| wanted == kind) {
                        found = read.package(kind, asked.name).await?.map(|id| (id, kind));
                    }
                }
                let (id, kind) = found.ok_or_else(unknown)?;
                let releases = read.releases(id).await?;
                let page = read.list(&PlaceList { package: id, page: cursor_page(asked)? }).await?;
                let nodes = page.rows.iter().map(|(node, _)| *node).collect();
                let names = read.names(&nodes).await?;
                let name = |node: NodeId| names.get(&node).map_or_else(|| format!("#{node}"), super::object::short);
                let of = |node: NodeId| match names.get(&node) {
                    Some(ContextName::Platform(_)) => "platform",
                    _ => "site",
                };
                let view = PackageView {
                    id: id.0,
                    kind: kind.as_str().into(),
                    name: asked.name.to_owned(),
                    sites: read.enabled_on(&[id]).await?.get(&id).copied().unwrap_or(0),
                    releases: releases
                        .into_iter()
                        .map(|release| ReleaseView {
                            version: release.version,
                            installed: release.instances,
                            enabled: release.enabled,
                        })
                        .collect(),
                    instances: page
                        .rows
                        .into_iter()
                        .map(|(node, instance)| InstanceView {
                            object: name(node),
                            of: of(node).into(),
                            version: instance.version.unwrap_or_default(),
                            scope: instance.scope.to_string(),
                            enabled: instance.enabled,
                            schema: instance.schema,
                        })
                        .collect(),
                    next: page.next.map(|cursor| cursor.to_string()),
                };
                Ok(Answer::Object(shown::json(&view)))
            })
            .await
    }

    pub(super) async fn list_packages_of_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let given = asked.given;
        let page = cursor_page(asked)?;
        self.store()
            .snapshot(async |read| {
                let site = super::object::site_named(read, &asked.site()?).await?;
                let list = InstalledList {
                    node: site.node.id,
                    kind: given.str("kind").and_then(|kind| kind.parse().ok()),
                    enabled: given.has("enabled").then(|| given.flag("enabled")),
                    holds: given.str("search").map(str::to_owned),
                    direction: shown::order_of(given).1,
                    page,
                };
                let (page, total) = shown::listed(read, asked, &list).await?;
                of_page(page.rows.into_iter().map(installed_view).collect(), page.next, total)
            })
            .await
    }
}

fn installed_view(installed: InstalledPackage) -> InstalledView {
    let InstalledPackage { title, instance } = installed;
    InstalledView {
        name: instance.name,
        kind: instance.kind.as_str().into(),
        title,
        version: instance.version.unwrap_or_default(),
        enabled: instance.enabled,
        schema: instance.schema,
        scope: instance.scope.to_string(),
        path: instance.path,
    }
}
