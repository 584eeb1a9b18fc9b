//! Sites that a verify found are looked at and taken in, and are managed from then on.

use aegir_domain::{ImportSite, Task, TaskKind, TaskState};
use aegir_hosting::{Call, OperationId as Id, Refusal};
use aegir_lab::pretend::{Ends, Plan};
use serde_json::json;

use crate::ground::{Ground, on_both};

/// A platform `d10` on `web1`, whose verify finds these.
async fn finds(ground: &Ground, names: &[&str]) {
    ground.fleet(&["a.test"]).await;
    finds_now(ground, names).await;
}

/// The same of a platform that is there.
async fn finds_now(ground: &Ground, names: &[&str]) {
    let found_sites = names.iter().map(|name| (*name).to_owned()).collect();
    ground.machine().plan(TaskKind::VerifyPlatform, "@platform_d10", Plan { found_sites, ..Plan::default() });
    ground.queue(Call::of(Id::PlatformVerify).about("d10")).await;
    ground.work().await;
}

fn import(name: &str) -> Call {
    Call::of(Id::SiteImport).about(name)
}

async fn found(ground: &Ground) -> Vec<String> {
    let items = ground.items(Call::of(Id::FoundSiteList)).await;
    items.iter().map(|found| found["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_site_that_was_found_is_looked_at_taken_in_and_managed() {
    on_both(async |ground| {
        finds(&ground, &["theirs.test", "other.test"]).await;
        let tasks = ground.tasks().await;

        let seen = ground.shown(Call::of(Id::FoundSiteShow).about("theirs.test")).await;
        assert_eq!((&seen["platform"], &seen["db_server"]), (&json!("d10"), &json!("web1")), "{seen}");
        assert_eq!(seen["mentions"][0], json!({ "path": "/etc/cron.d/theirs", "line": 3 }));
        assert_eq!(ground.tasks().await, tasks, "nothing is queued by looking");

        ground.queue(import("theirs.test").with("alias", vec!["www.theirs.test"])).await;
        assert_eq!(found(&ground).await, ["other.test", "theirs.test"], "it is not in yet");
        ground.work().await;

        let began = ground.machine().began();
        let asked = began.iter().rev().find(|began| began.kind == TaskKind::ImportSite).map(|began| &began.task);
        let Some(Task::ImportSite(asked)) = asked else { panic!("{asked:?}") };
        let ImportSite { site, platform, db_server, aliases, client, .. } = &**asked;
        assert_eq!((site.as_str(), platform.as_str(), client.as_str()), ("theirs.test", "d10", "admin"));
        assert_eq!((db_server, aliases.len()), (&None, 1));
        assert_eq!(found(&ground).await, ["other.test"]);
        let site = ground.shown(Call::of(Id::SiteShow).about("theirs.test")).await;
        assert_eq!((&site["status"], &site["platform"]), (&json!("enabled"), &json!("d10")), "{site}");
        assert_eq!((&site["db_server"], &site["client"]), (&json!("web1"), &json!("admin")), "{site}");
        assert_eq!(site["domains"].as_array().unwrap().len(), 2, "{site}");
        ground.queue(Call::of(Id::SiteVerify).about("theirs.test")).await;
        ground.work().await;
    });
}

#[test]
fn what_cannot_be_taken_in_is_told_and_can_be_asked_for_again() {
    on_both(async |ground| {
        finds(&ground, &["theirs.test", "broken.test"]).await;
        ground.platform("d11", "web1").await;
        let tasks = ground.tasks().await;
        let see = |name: &str| Call::of(Id::FoundSiteShow).about(name);

        let why = ground.ask(see("broken.test")).await.unwrap_err();
        assert!(matches!(why, Refusal::Conflict { .. }), "{why:?}");
        for call in [see("none.test"), import("none.test"), import("theirs.test").with("platform", "nowhere")] {
            let why = ground.ask(call).await.unwrap_err();
            assert!(matches!(why, Refusal::Bad(_) | Refusal::Unknown { .. }), "{why:?}");
        }
        let taken = ground.ask(import("a.test").with("platform", "d10")).await.unwrap_err();
        assert!(matches!(taken, Refusal::Taken { .. }), "{taken:?}");
        let alias = ground.ask(import("theirs.test").with("alias", vec!["a.test"])).await.unwrap_err();
        assert!(matches!(alias, Refusal::Taken { .. }), "{alias:?}");
        let client = ground.ask(import("theirs.test").with("client", "nobody")).await.unwrap_err();
        assert!(matches!(client, Refusal::Unknown { what: "client", .. }), "{client:?}");
        assert_eq!(ground.tasks().await, tasks);

        ground.machine().plan_once(TaskKind::ImportSite, "@theirs.test", Plan::ends(Ends::RolledBack));
        let task = ground.queue(import("theirs.test")).await;
        ground.work().await;
        assert_eq!(found(&ground).await, ["broken.test", "theirs.test"], "it lies as it was");
        ground.ask(crate::ground::on_task(Id::TaskRetry, task)).await.unwrap();
        ground.work().await;
        assert_eq!(found(&ground).await, ["broken.test"]);
    });
}

#[test]
fn of_a_site_that_was_found_on_several_platforms_one_is_to_be_named() {
    on_both(async |ground| {
        finds(&ground, &["theirs.test"]).await;
        let plan = Plan { found_sites: vec!["theirs.test".into()], ..Plan::default() };
        ground.machine().plan(TaskKind::VerifyPlatform, "@platform_d11", plan);
        ground.platform("d11", "web1").await;

        let several = ground.ask(import("theirs.test")).await.unwrap_err();
        assert!(several.to_string().contains("d10, d11"), "{several}");
        ground.queue(import("theirs.test").with("platform", "d11")).await;
        ground.work().await;

        let site = ground.shown(Call::of(Id::SiteShow).about("theirs.test")).await;
        assert_eq!(site["platform"], json!("d11"));
        assert_eq!(found(&ground).await, ["theirs.test"], "the folder on the other one is another site's");
    });
}

#[test]
fn found_sites_are_taken_in_by_themselves_where_the_setting_says_so_and_nothing_stands_against_it() {
    on_both(async |ground| {
        ground.set("import_found", "on").await;
        finds(&ground, &["broken.test", "theirs.test"]).await;

        assert_eq!(found(&ground).await, ["broken.test"], "what a look finds something against is left");
        let site = ground.shown(Call::of(Id::SiteShow).about("theirs.test")).await;
        assert_eq!((&site["status"], &site["db_server"]), (&json!("enabled"), &json!("web1")), "{site}");
        let imports = async || {
            let of = Call::of(Id::TaskList).with("operation", vec!["site import"]);
            ground.items(of).await.into_iter().map(|task| task["asked_by"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(imports().await, [json!("Ægir")]);

        // One that failed is left to whoever sees why.
        ground.machine().plan(TaskKind::ImportSite, "@later.test", Plan::ends(Ends::RolledBack));
        finds_now(&ground, &["broken.test", "later.test", "theirs.test"]).await;
        finds_now(&ground, &["broken.test", "later.test", "theirs.test"]).await;
        assert_eq!(imports().await.len(), 2);
    });
}

#[test]
fn of_found_sites_nobody_is_asked_where_the_setting_is_off() {
    on_both(async |ground| {
        finds(&ground, &["theirs.test"]).await;
        let seen = ground.items(Call::of(Id::FoundSiteList)).await;
        assert_eq!(seen[0].get("ignored"), None);

        ground.set("import_found", "off").await;

        let seen = ground.items(Call::of(Id::FoundSiteList)).await;
        assert_eq!((&seen[0]["name"], &seen[0]["ignored"]), (&json!("theirs.test"), &json!(true)));
        finds_now(&ground, &["theirs.test"]).await;
        assert_eq!(found(&ground).await, ["theirs.test"]);
    });
}

#[test]
fn a_site_that_was_let_go_of_is_gone_and_comes_back_only_if_somebody_says_so() {
    on_both(async |ground| {
        ground.set("import_found", "on").await;
        ground.fleet(&["let-go.test"]).await;
        ground.queue(Call::of(Id::SiteBackup).about("let-go.test")).await;
        ground.work().await;

        let ejecting = ground.queue(Call::of(Id::SiteEject).about("let-go.test")).await;
        let refused = ground.refused(Call::of(Id::SiteDisable).about("let-go.test")).await;
        assert!(refused.to_string().contains("let-go.test"), "{refused}");
        ground.work().await;
        ground.assert_state(ejecting, TaskState::Succeeded).await;

        let names = async || {
            let sites = ground.items(Call::of(Id::SiteList)).await;
            sites.into_iter().map(|site| site["name"].clone()).collect::<Vec<_>>()
        };
        assert!(!names().await.contains(&json!("let-go.test")));
        assert_eq!(ground.items(Call::of(Id::BackupList)).await.len(), 1, "its backups stay");
        let tasks = ground.items(Call::of(Id::TaskList).with("operation", vec!["site eject"])).await;
        assert_eq!(tasks.len(), 1, "its history stays");
        finds_now(&ground, &["let-go.test"]).await;
        assert!(!names().await.contains(&json!("let-go.test")));
        assert_eq!(found(&ground).await, ["let-go.test"]);
        ground.queue(import("let-go.test")).await;
        ground.work().await;
        assert!(names().await.contains(&json!("let-go.test")));
    });
}

#[test]
fn a_site_in_default_is_looked_at_and_taken_in_under_a_name_and_its_folder_is_in_the_list_no_more() {
    on_both(async |ground| {
        finds(&ground, &["default", "theirs.test"]).await;
        let look = || Call::of(Id::FoundSiteShow).about("default");
        let tasks = ground.tasks().await;
        assert_eq!(found(&ground).await, ["default", "theirs.test"]);

        let seen = ground.shown(look()).await;
        assert_eq!((&seen["site"], &seen["from_default"]), (&json!("www.d10.test"), &json!(true)), "it is proposed");
        let seen = ground.shown(look().with("as", "mine.test")).await;
        assert_eq!((&seen["site"], &seen["from_default"]), (&json!("mine.test"), &json!(true)), "{seen}");
        let other = ground.refused(Call::of(Id::FoundSiteShow).about("theirs.test").with("as", "mine.test")).await;
        assert!(matches!(other, Refusal::Bad(_)), "{other:?}");
        for call in [import("default").with("from_default", true), import("mine.test"), look().with("as", "default")] {
            let why = ground.ask(call).await.unwrap_err();
            assert!(matches!(why, Refusal::Bad(_) | Refusal::Unknown { .. }), "{why:?}");
        }
        let taken = ground.ask(import("a.test").with("from_default", true)).await.unwrap_err();
        assert!(matches!(taken, Refusal::Taken { .. }), "{taken:?}");
        let asks = import("mine.test").with("from_default", true);
        ground.ask(Call { dry_run: true, ..asks.clone() }).await.unwrap();
        assert_eq!(ground.tasks().await, tasks, "nothing is queued by looking");

        ground.machine().plan_once(TaskKind::ImportSite, "@mine.test", Plan::ends(Ends::RolledBack));
        let task = ground.queue(asks).await;
        ground.work().await;
        assert_eq!(found(&ground).await, ["default", "theirs.test"], "it lies as it was");
        ground.ask(crate::ground::on_task(Id::TaskRetry, task)).await.unwrap();
        ground.work().await;

        let began = ground.machine().began();
        let asked = began.iter().rev().find(|began| began.kind == TaskKind::ImportSite).map(|began| &began.task);
        let Some(Task::ImportSite(asked)) = asked else { panic!("{asked:?}") };
        assert_eq!((asked.site.as_str(), asked.platform.as_str(), asked.from_default), ("mine.test", "d10", true));
        assert_eq!(found(&ground).await, ["theirs.test"]);
        assert_eq!(ground.shown(Call::of(Id::SiteShow).about("mine.test")).await["status"], json!("enabled"));
    });
}

#[test]
fn a_site_in_default_is_never_taken_in_by_itself_nor_without_a_name() {
    on_both(async |ground| {
        ground.set("import_found", "on").await;
        finds(&ground, &["default", "theirs.test"]).await;
        assert_eq!(found(&ground).await, ["default"]);
        let plan = Plan { found_sites: vec!["default".into()], ..Plan::default() };
        ground.machine().plan(TaskKind::VerifyPlatform, "@platform_d11", plan);
        ground.platform("d11", "web1").await;
        let look = || Call::of(Id::FoundSiteShow).about("default");

        let several = ground.refused(look()).await;
        assert!(several.to_string().contains("d10, d11"), "{several}");
        let nameless = ground.refused(look().with("platform", "d11")).await;
        let Refusal::Bad(bad) = &nameless else { panic!("{nameless:?}") };
        assert_eq!(bad.bad[0].parameter, "as", "{nameless}");
        let named = ground.shown(look().with("platform", "d11").with("as", "mine.test")).await;
        assert_eq!(named["platform"], json!("d11"));

        // The one on the other platform is another one.
        ground.queue(import("mine.test").with("from_default", true).with("platform", "d11")).await;
        ground.work().await;
        let left = ground.items(Call::of(Id::FoundSiteList)).await;
        assert_eq!(left.iter().map(|found| &found["platform"]).collect::<Vec<_>>(), [&json!("d10")], "{left:?}");
        finds_now(&ground, &[]).await;
        assert!(found(&ground).await.is_empty(), "what is gone is forgotten");
    });
}
