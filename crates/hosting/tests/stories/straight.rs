//! The straight way: from an empty store to sites in service, and what follows of itself.

use aegir_domain::{ObjectStatus, TaskKind, TaskState};
use aegir_hosting::{Call, OperationId as Id, Refusal};
use aegir_lab::pretend::{Ends, Plan};
use serde_json::json;

use crate::ground::{add_platform, add_server, add_site, delete_site, edit_site, on_both, package, verify_site};

#[test]
fn from_an_empty_store_to_three_sites() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test", "c.test"]).await;

        assert_eq!(
            ground.tasks().await,
            [
                "server-add @server_web1 succeeded",
                "platform-add @platform_d10 succeeded",
                "site-add @a.test succeeded",
                "site-add @b.test succeeded",
                "site-add @c.test succeeded",
            ]
        );
        let sites = ground.items(Call::of(Id::SiteList)).await;
        let names: Vec<_> = sites.iter().map(|site| site["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a.test", "b.test", "c.test"]);
        for site in &sites {
            assert_eq!(
                (&site["status"], &site["platform"], &site["core"]),
                (&json!("enabled"), &json!("d10"), &json!("10.3.6"))
            );
            assert!(site["verified"].is_i64(), "{site}");
        }
        let machine = ground.machine();
        assert_eq!(machine.password_of("@server_web1").as_deref(), Some("the secret of web1"));
        assert!(machine.collisions().is_empty());
        // What the front end remembers is what lies there.
        let site = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert_eq!(site["revision"], 1);
        assert_eq!(machine.context("@a.test").unwrap().revision(), 1);
        let history = ground.items(Call::of(Id::NodeHistory).about("@a.test")).await;
        let deeds: Vec<_> = history.iter().map(|deed| deed["what"].as_str().unwrap()).collect();
        assert_eq!(deeds, ["site-add", "added"]);
        assert!(history.iter().all(|deed| deed["actor"] == "anna"), "who made it, too: {history:?}");
    });
}

#[test]
fn an_object_and_its_task_are_one_change_so_that_a_store_that_fails_between_leaves_neither() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let before = ground.tasks().await;

        ground.break_table("task").await;
        for call in [
            add_server("web2"),
            add_platform("d11").with("server", "web1"),
            add_site("b.test"),
            edit_site("a.test").with("alias", "www.a.test"),
            Call::of(Id::SiteDisable).about("a.test"),
        ] {
            assert!(matches!(ground.refused(call).await, Refusal::Store(_)));
        }
        ground.mend_table("task").await;

        assert_eq!(ground.tasks().await, before);
        for (list, count) in [(Id::ServerList, 1), (Id::PlatformList, 1), (Id::SiteList, 1)] {
            let every = json!(["new", "enabled", "failed", "deleted"]);
            assert_eq!(ground.items(Call::of(list).with("status", every)).await.len(), count);
        }
        // Nor is a name of theirs taken.
        ground.site("www.a.test").await;
        ground.site("b.test").await;
    });
}

#[test]
fn what_is_added_is_made_what_is_edited_is_verified_and_what_is_built_is_verified_as_a_child() {
    on_both(async |ground| {
        ground.server("web1").await;
        ground.queue(Call::of(Id::PlatformAdd).about("demo").with("demo", true)).await;
        ground.work().await;
        ground.site("a.test").await;
        ground.queue(edit_site("a.test").with("alias", "www.a.test")).await;
        ground.queue(Call::of(Id::PlatformEdit).about("demo").with("php", "/usr/bin/php8.3")).await;
        ground.queue(Call::of(Id::ServerEdit).about("web1").with("db_host", "127.0.0.2")).await;
        ground.work().await;

        let mut tasks = ground.tasks().await;
        tasks[4..].sort();
        assert_eq!(
            tasks,
            [
                "server-add @server_web1 succeeded",
                "platform-add @platform_demo succeeded",
                "platform-verify @platform_demo succeeded",
                "site-add @a.test succeeded",
                "platform-edit @platform_demo succeeded",
                "server-edit @server_web1 succeeded",
                "site-edit @a.test succeeded",
            ]
        );
        let kinds: Vec<_> = ground.machine().began().iter().map(|began| began.kind).collect();
        assert_eq!(
            kinds[..4],
            [TaskKind::VerifyServer, TaskKind::BuildPlatform, TaskKind::VerifyPlatform, TaskKind::InstallSite]
        );
        let child = &ground.items(Call::of(Id::TaskList).with("operation", "platform verify")).await[0];
        assert!(child["parent"].is_i64(), "{child}");
        let site = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert_eq!(site["domains"].as_array().unwrap().len(), 2);
        let platform = ground.shown(Call::of(Id::PlatformShow).about("demo")).await;
        assert_eq!((&platform["php"], &platform["core"]), (&json!("/usr/bin/php8.3"), &json!("10.3.6")));
        // Whatever is said of a server, it keeps its first name: platforms and sites say it.
        let server = ground.shown(Call::of(Id::ServerShow).about("web1")).await;
        assert_eq!((&server["services"][1]["at"], &server["name"]), (&json!("127.0.0.2:3306"), &json!("web1")));
        assert_eq!((&site["db_server"], &platform["server"]), (&json!("web1"), &json!("web1")));
        assert!(ground.machine().collisions().is_empty());
    });
}

#[test]
fn a_servers_verify_brings_those_of_its_platforms_along_if_asked_to() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.platform("d11", "web1").await;
        let alone = ground.queue(Call::of(Id::ServerVerify).about("web1")).await;
        ground.work().await;
        assert!(ground.items(Call::of(Id::TaskList).with("parent", alone.to_string())).await.is_empty());

        let parent = ground.queue(Call::of(Id::ServerVerify).about("web1").with("platforms", true)).await;
        ground.work().await;

        let shown = ground.shown(Call::of(Id::TaskShow).about(parent.to_string())).await;
        assert_eq!(shown["children"].as_array().unwrap().len(), 2, "{shown}");
        let children = ground.items(Call::of(Id::TaskList).with("parent", parent.to_string())).await;
        for child in &children {
            assert_eq!((&child["operation"], &child["state"]), (&json!("platform-verify"), &json!("succeeded")));
        }
    });
}

#[test]
fn sites_that_nobody_knows_are_recorded_as_found_and_forgotten_when_they_are_gone() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let found = Plan { found_sites: vec!["old.test".into(), "b.test".into()], ..Plan::default() };
        ground.machine().plan_once(TaskKind::VerifyPlatform, None, found);
        ground.queue(Call::of(Id::PlatformVerify).about("d10")).await;
        ground.work().await;

        let sites = ground.items(Call::of(Id::FoundSiteList)).await;
        let names: Vec<_> = sites.iter().map(|site| (&site["platform"], &site["name"])).collect();
        assert_eq!(names, [(&json!("d10"), &json!("b.test")), (&json!("d10"), &json!("old.test"))]);

        ground.queue(Call::of(Id::PlatformVerify).about("d10")).await;
        ground.work().await;
        assert!(ground.items(Call::of(Id::FoundSiteList)).await.is_empty());
    });
}

#[test]
fn packages_with_their_releases_and_places_are_recorded_and_found_again() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test", "c.test"]).await;
        let has = |version: &str| Plan {
            packages: vec![package("module", "token", version), package("theme", "token", "9")],
            ..Plan::default()
        };
        ground.machine().plan(TaskKind::VerifySite, "@a.test", has("8.x-1.13"));
        ground.machine().plan(TaskKind::VerifySite, "@b.test", has("8.x-1.15"));
        for site in ["a.test", "b.test", "c.test"] {
            ground.queue(verify_site(site)).await;
        }
        ground.work().await;

        let packages = ground.items(Call::of(Id::PackageList).with("kind", "module")).await;
        assert_eq!((&packages[0]["name"], &packages[0]["sites"]), (&json!("token"), &json!(2)));
        let shown = ground.shown(Call::of(Id::PackageShow).about("token").with("kind", "module")).await;
        let releases: Vec<_> = shown["releases"].as_array().unwrap().iter().map(|one| &one["version"]).collect();
        assert_eq!(releases, ["8.x-1.13", "8.x-1.15"]);
        let places: Vec<_> = shown["instances"].as_array().unwrap().iter().map(|one| &one["object"]).collect();
        assert_eq!(places, ["a.test", "b.test"]);
        assert_eq!(shown["instances"][0]["of"], "site");

        let on = |site: &str| Call::of(Id::SitePackages).about(site);
        let token = &ground.items(on("a.test").with("kind", "module")).await;
        let expected = json!({
            "name": "token", "kind": "module", "title": "token", "version": "8.x-1.13", "enabled": true, "schema": 8001,
            "scope": "platform", "path": "modules/token",
        });
        assert_eq!(token, &[expected]);
        assert_eq!(ground.items(on("b.test").with("enabled", true).with("search", "tok")).await.len(), 2);
        assert!(ground.items(on("b.test").with("enabled", false)).await.is_empty());
        assert!(ground.items(on("c.test")).await.is_empty());
        assert!(matches!(ground.refused(on("d.test")).await, Refusal::Unknown { .. }));

        let with = |version: Option<&str>| {
            let call = Call::of(Id::SiteList).with("package", "token");
            match version {
                Some(version) => call.with("version", version),
                None => call,
            }
        };
        assert_eq!(ground.items(with(None)).await.len(), 2);
        let those = ground.items(with(Some("8.x-1.15"))).await;
        assert_eq!((those.len(), &those[0]["name"]), (1, &json!("b.test")));
    });
}

#[test]
fn every_filter_of_a_list_filters() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.server("web2").await;
        let platform = add_platform("d11").with("server", "web2");
        ground.queue(platform).await;
        ground.work().await;
        ground.queue(add_site("c.test").with("platform", "d11").with("db_server", "web2")).await;
        ground.back_ends.machine("web2").plan(TaskKind::InstallSite, "@bad.test", Plan::ends(Ends::RolledBack));
        ground.queue(add_site("bad.test").with("platform", "d11").with("db_server", "web2")).await;
        ground.machine().plan(TaskKind::VerifySite, "@b.test", Plan::ends(Ends::Refused));
        ground.queue(verify_site("b.test")).await;
        ground.work().await;

        let names = async |call: Call| -> Vec<String> {
            let items = ground.items(call).await;
            items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
        };
        let sites = || Call::of(Id::SiteList);
        assert_eq!(names(sites()).await, ["a.test", "b.test", "bad.test", "c.test"]);
        assert_eq!(names(sites().with("search", "B")).await, ["b.test", "bad.test"]);
        assert_eq!(names(sites().with("status", "failed")).await, ["bad.test"]);
        assert_eq!(names(sites().with("status", json!(["failed", "enabled"]))).await.len(), 4);
        assert_eq!(names(sites().with("platform", "d11")).await, ["bad.test", "c.test"]);
        assert_eq!(names(sites().with("platform", json!(["d10", "d11"]))).await.len(), 4);
        assert_eq!(names(sites().with("server", "web1")).await, ["a.test", "b.test"]);
        assert_eq!(names(sites().with("server", "web2")).await, ["bad.test", "c.test"]);
        assert_eq!(names(sites().with("verified", true)).await, ["a.test", "c.test"]);
        assert_eq!(names(sites().with("verified", false)).await, ["b.test", "bad.test"]);
        assert_eq!(names(sites().with("client", "admin")).await.len(), 4);
        assert!(matches!(ground.refused(sites().with("client", "nobody")).await, Refusal::Unknown { .. }));
        assert_eq!(names(sites().with("sort", "-name")).await[0], "c.test");
        assert_eq!(names(sites().with("sort", "-created")).await[0], "bad.test");

        let platforms = || Call::of(Id::PlatformList);
        assert_eq!(names(platforms().with("server", "web2")).await, ["d11"]);
        assert_eq!(names(platforms().with("core", "10.3")).await, ["d10", "d11"]);
        assert!(names(platforms().with("core", "10.30")).await.is_empty());
        assert_eq!(names(platforms().with("sort", "-name")).await, ["d11", "d10"]);
        assert_eq!(names(Call::of(Id::ServerList).with("service", "db")).await, ["web1", "web2"]);

        let tasks = async |call: Call| ground.items(call).await.len();
        let list = || Call::of(Id::TaskList);
        assert_eq!(tasks(list().with("object", "@a.test")).await, 1);
        assert_eq!(tasks(list().with("operation", json!(["site add", "site-verify"]))).await, 5);
        assert_eq!(tasks(list().with("state", "refused")).await, 1);
        assert_eq!(tasks(list().with("state", json!(["refused", "rolled-back"]))).await, 2);
        assert_eq!(tasks(list().with("server", "web2")).await, 4);
        assert_eq!(tasks(list().with("asked_by", "anna")).await, 9);
        assert_eq!(tasks(list().with("asked_by", "nobody")).await, 0);
    });
}

#[test]
fn a_list_goes_on_where_its_page_ended() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test", "c.test", "d.test", "e.test"]).await;
        let mut seen = Vec::new();
        let mut call = Call::of(Id::SiteList).with("limit", 2).with("sort", "-created");
        loop {
            let aegir_hosting::Answer::Page { items, next, total } = ground.ask(call.clone()).await.unwrap() else {
                panic!()
            };
            assert_eq!(total, Some(5));
            seen.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
            match next {
                Some(next) => call = call.with("cursor", next),
                None => break,
            }
        }
        assert_eq!(seen, ["e.test", "d.test", "c.test", "b.test", "a.test"]);
        // A place in one list is none in another.
        let other = Call::of(Id::SiteList).with("cursor", call.parameters["cursor"].clone());
        assert!(matches!(ground.refused(other).await, Refusal::Bad(_)));
    });
}

#[test]
fn a_site_can_be_deleted_and_made_again_under_its_name() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let first = ground.items(Call::of(Id::SiteList)).await[0]["id"].as_i64().unwrap();
        assert_eq!(ground.refused(delete_site("a.test")).await.to_string(), "`@a.test` is in service");
        ground.disable("a.test").await;
        let deleting = ground.queue(delete_site("a.test")).await;
        ground.work().await;
        ground.assert_state(deleting, TaskState::Succeeded).await;
        assert!(ground.items(Call::of(Id::SiteList)).await.is_empty());
        assert_eq!(ground.status(aegir_domain::NodeId(first)).await, ObjectStatus::Deleted);

        let second = ground.site("a.test").await;

        assert_ne!(second.0, first);
        // Its number still leads to the first one, and its tasks stay.
        let node = ground.shown(Call::of(Id::NodeShow).about(first.to_string())).await;
        assert_eq!((&node["status"], &node["kind"]), (&json!("deleted"), &json!("site")));
        assert_eq!(ground.items(Call::of(Id::NodeHistory).about(first.to_string())).await.len(), 4);
    });
}
