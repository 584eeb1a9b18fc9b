//! Searches: the same on both databases, in names as people call them, and in titles.

use aegir_domain::{InstanceScope, PackageKind};
use aegir_hosting::{Call, OperationId as Id};
use aegir_store::RecordedInstance;

use crate::ground::{Ground, add_platform, add_server, add_site, on_both};

async fn found(ground: &Ground, list: Id, search: &str) -> Vec<String> {
    let items = ground.items(Call::of(list).with("search", search)).await;
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_part_of_a_name_or_title_is_found_in_capitals_too_and_a_prefix_is_none() {
    on_both(async |ground| {
        ground.queue(add_server("web1").with("title", "Rack Seven")).await;
        ground.work().await;
        for (name, title) in [("d10", "Long Term"), ("d_11", "Next")] {
            ground.queue(add_platform(name).with("server", "web1").with("title", title)).await;
            ground.work().await;
        }
        ground.queue(add_site("shop.test").with("platform", "d10").with("title", "Books & 100% Wool")).await;
        ground.work().await;

        for (list, search, names) in [
            (Id::ServerList, "WEB", vec!["web1"]),
            (Id::ServerList, "rack s", vec!["web1"]),
            (Id::ServerList, "server", vec![]),
            (Id::ServerList, "@server_web1", vec!["web1"]),
            (Id::PlatformList, "plat", vec![]),
            (Id::PlatformList, "D1", vec!["d10"]),
            (Id::PlatformList, "d_1", vec!["d_11"]),
            (Id::PlatformList, "long t", vec!["d10"]),
            (Id::PlatformList, "e", vec!["d10", "d_11"]),
            (Id::SiteList, "SHOP", vec!["shop.test"]),
            (Id::SiteList, "@shop", vec!["shop.test"]),
            (Id::SiteList, "books &", vec!["shop.test"]),
            (Id::SiteList, "100% w", vec!["shop.test"]),
            (Id::SiteList, "%", vec!["shop.test"]),
            (Id::SiteList, "_", vec![]),
            (Id::SiteList, "books_", vec![]),
        ] {
            assert_eq!(found(&ground, list, search).await, names, "{list:?} {search}");
        }
    });
}

#[test]
fn a_package_is_found_however_its_letters_are_written_and_sites_that_enabled_it_are_counted() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let node = async |name: &str| {
            let shown = Call::of(Id::NodeShow).about(name);
            aegir_domain::NodeId(ground.shown(shown).await["id"].as_i64().unwrap())
        };
        let on = [node("@platform_d10").await, node("@a.test").await, node("@b.test").await];
        let instance = |name: &str, version: &str, enabled| RecordedInstance {
            kind: PackageKind::Module,
            name: name.into(),
            version: Some(version.into()),
            scope: InstanceScope::Platform,
            enabled,
            loaded: true,
            schema: None,
            path: None,
        };
        let now = ground.now();
        ground
            .store()
            .write(async |tx| {
                // On a platform, enabled says that sites can.
                tx.record_packages(on[0], &[instance("views", "3.1", true), instance("ViewsPlus", "1.0", true)], now)
                    .await?;
                tx.record_packages(on[1], &[instance("views", "3.1", true), instance("views", "3.2", true)], now)
                    .await?;
                tx.record_packages(on[2], &[instance("views", "3.1", true), instance("ViewsPlus", "1.0", false)], now)
                    .await
            })
            .await
            .unwrap();

        for search in ["views", "VIEWS", "Views"] {
            assert_eq!(found(&ground, Id::PackageList, search).await, ["ViewsPlus", "views"], "{search}");
        }
        let listed = ground.items(Call::of(Id::PackageList).with("search", "views")).await;
        let sites: Vec<_> = listed.iter().map(|package| package["sites"].as_u64().unwrap()).collect();
        assert_eq!(sites, [0, 2]);
        assert_eq!(ground.shown(Call::of(Id::PackageShow).about("views")).await["sites"], 2);
    });
}
