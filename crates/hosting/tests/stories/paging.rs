//! Lists page by page: to their end, whatever their entries are called.

use aegir_domain::{Context, InstanceScope, PackageKind};
use aegir_hosting::view::NodeView;
use aegir_hosting::{Answer, Call, Effect, OperationId as Id, Permission};
use aegir_store::RecordedInstance;
use serde_json::Value;

use crate::ground::{Ground, add_platform, add_server, add_site, on_both, on_task, verify_site};

/// A host name of the greatest length there is, ending in something of its own.
fn host(n: usize) -> String {
    let label = "a".repeat(63);
    format!("{label}.{label}.{label}.abcd{n}.de")
}

/// A server's or a platform's name of the greatest length.
fn short(n: usize) -> String {
    format!("{}{n}", "s".repeat(63))
}

/// What a list says, in pages of one.
async fn walked(ground: &Ground, call: &Call) -> Vec<Value> {
    let mut all = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let mut page = call.clone().with("limit", 1);
        if let Some(next) = next.take() {
            page = page.with("cursor", next);
        }
        match ground.ask(page.clone()).await {
            Ok(Answer::Page { items, next: Some(more), .. }) => {
                assert_eq!(items.len(), 1);
                all.extend(items);
                next = Some(more);
            }
            Ok(Answer::Page { items, next: None, .. }) => {
                all.extend(items);
                return all;
            }
            other => panic!("{page:?}: {other:?}"),
        }
    }
}

#[test]
fn every_list_is_walked_to_its_end_past_the_longest_names() {
    on_both(async |ground| {
        assert_eq!(host(1).len(), 200);
        let mut platforms = Vec::new();
        for n in 0..3 {
            let task = ground.queue(add_server(&short(n))).await;
            ground.work().await;
            let platform = add_platform(&short(n)).with("server", short(n));
            platforms.push(ground.queue(platform).await);
            ground.work().await;
            ground.assert_state(task, aegir_domain::TaskState::Succeeded).await;
            let site = ground
                .queue(add_site(&host(n)).with("title", "a").with("platform", short(n)).with("db_server", short(n)))
                .await;
            ground.work().await;
            ground.assert_state(site, aegir_domain::TaskState::Succeeded).await;
            ground.token(&format!("{}{n}", "t".repeat(49)), &[Permission::View]).await;
            ground.front().signed_in(&format!("{}{n}", "p".repeat(59))).await;
        }
        let verified = ground.queue(verify_site(&host(0))).await;
        ground.work().await;
        for _ in 0..3 {
            ground.queue(Call::of(Id::SiteBackup).about(host(0))).await;
            ground.work().await;
        }
        let mut bulk = String::new();
        for _ in 0..2 {
            let start = Call::of(Id::BulkStart).with("operation", "site verify").with("filter", "all");
            bulk = ground.shown(start).await["id"].to_string();
        }
        ground.work().await;
        let platform = ground.task(platforms[0]).await.object;
        let now = ground.now();
        let site = ground.task(verified).await.object;
        ground
            .store()
            .write(async |tx| {
                let packages: Vec<_> = (0..3)
                    .map(|n| RecordedInstance {
                        kind: PackageKind::Module,
                        name: format!("{}{n}", "m".repeat(254)),
                        version: None,
                        scope: InstanceScope::Platform,
                        enabled: true,
                        loaded: true,
                        schema: None,
                        path: None,
                    })
                    .collect();
                tx.record_packages(platform, &packages, now).await?;
                tx.record_packages(site, &packages, now).await?;
                let found: Vec<_> = (0..3).map(|n| host(n).replace("abcd", "abce").parse().unwrap()).collect();
                tx.record_found_sites(platform, &found, now).await?;
                let ours = Context::Site(Box::new(tx.site(site).await?.unwrap().context.unwrap()));
                tx.record_drift(site, &ours, &ours.clone().with_revision(9), now).await
            })
            .await
            .unwrap();

        for id in Id::ALL.into_iter().filter(|id| id.declaration().parameter("cursor").is_some()) {
            let declared = id.declaration();
            if declared.effect != Effect::Lists {
                continue;
            }
            let call = match id {
                Id::NodeHistory => Call::of(id).about(site.to_string()),
                Id::SitePackages => Call::of(id).about(host(0)),
                Id::ServerTrash => Call::of(id).about(short(0)),
                Id::BulkObjects => Call::of(id).about(&bulk),
                _ => Call::of(id),
            };
            let sorts = match declared.parameter("sort").map(|sort| sort.shape) {
                Some(aegir_hosting::Shape::Choice(sorts)) => sorts.to_vec(),
                _ => Vec::new(),
            };
            let calls: Vec<Call> = match sorts.is_empty() {
                true => vec![call],
                false => sorts.into_iter().map(|sort| call.clone().with("sort", sort)).collect(),
            };
            for call in calls {
                let whole = ground.items(call.clone().with("limit", 500)).await;
                assert!(!whole.is_empty(), "{call:?}");
                assert!(whole.len() > 1 || matches!(id, Id::DriftList | Id::NodeHistory), "{call:?}: {whole:?}");
                assert_eq!(walked(&ground, &call).await, whole, "{call:?}");
                less_is_read(&ground, &call, &whole).await;
            }
        }
    });
}

/// Whoever reads less of a list is told the same of what they read.
async fn less_is_read(ground: &Ground, call: &Call, whole: &[Value]) {
    let first = call.clone().with("limit", 1);
    let page = async |call: Call| match ground.ask(call).await {
        Ok(Answer::Page { items, next, total }) => (items, next, total),
        other => panic!("{other:?}"),
    };
    let (items, next, total) = page(first.clone()).await;
    assert!(total.is_none_or(|total| total == whole.len() as u64), "{call:?}: {total:?}");
    assert_eq!(page(first.clone().uncounted()).await.0, items, "{call:?}");
    let (nodes, behind, counted) = page(first.nodes_alone()).await;
    assert_eq!((behind, counted), (next, total), "{call:?}");
    let node = |item: &Value| serde_json::from_value::<NodeView>(item.clone());
    if matches!(call.operation, Id::ServerList | Id::PlatformList | Id::SiteList) {
        assert_eq!(node(&nodes[0]).unwrap(), node(&whole[0]).unwrap(), "{call:?}");
        assert_eq!(nodes[0].get("fields"), None, "{call:?}");
    } else {
        assert_eq!(nodes, items, "{call:?}");
    }
}

#[test]
fn a_state_that_is_named_twice_or_ever_so_often_is_asked_for_once() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let task = ground.queue(verify_site("a.test")).await;
        ground.ask(on_task(Id::TaskCancel, task)).await.unwrap();
        let states = |states: Vec<&str>| Call::of(Id::TaskList).with("state", states);

        let Ok(Answer::Page { items: once, total, .. }) = ground.ask(states(vec!["cancelled"])).await else { panic!() };
        assert_eq!((once.len(), total), (1, Some(1)));
        for many in [2, 1_000] {
            let asked = ground.ask(states(["cancelled", "waiting"].into_iter().cycle().take(many).collect())).await;
            let Ok(Answer::Page { items, total, .. }) = asked else { panic!("{asked:?}") };
            assert_eq!((&items, total), (&once, Some(1)), "{many}");
        }
    });
}
