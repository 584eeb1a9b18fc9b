//! A site out of service: what faces tell of it, what can be asked of it then, and how it comes back.

use aegir_domain::{Context, Remedy as _, Task, TaskKind};
use aegir_hosting::{Call, OperationId as Id, Refusal};
use aegir_lab::pretend::{Ends, Plan};
use serde_json::{Value, json};

use crate::ground::{Ground, delete_site, log_in, on_both, verify_site};

fn disable(site: &str) -> Call {
    Call::of(Id::SiteDisable).about(site)
}

fn enable(site: &str) -> Call {
    Call::of(Id::SiteEnable).about(site)
}

async fn status(ground: &Ground, site: &str) -> Value {
    ground.shown(Call::of(Id::SiteShow).about(site)).await["status"].clone()
}

fn can(site: &Value, verb: &str) -> bool {
    let operations = site["operations"].as_array().expect("operations are told");
    operations.iter().any(|one| one["verb"] == verb && one["available"] == json!(true))
}

#[test]
fn a_site_is_taken_out_of_service_and_into_it_again() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let verified = ground.shown(Call::of(Id::SiteShow).about("a.test")).await["verified"].clone();
        ground.outside.jump(1000);

        ground.queue(disable("a.test")).await;
        ground.work().await;

        let site = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert_eq!(site["status"], "disabled");
        assert_eq!(site["verified"], verified, "nobody looked whether it works");
        for (verb, is_possible) in
            [("enable", true), ("verify", true), ("delete", true), ("login", false), ("disable", false)]
        {
            assert_eq!(can(&site, verb), is_possible, "{verb}: {site}");
        }
        assert_eq!(ground.machine().backups(None).len(), 1, "a backup was made of it");
        assert!(matches!(ground.machine().context("@a.test"), Some(Context::Site(site)) if site.disabled));
        let listed = ground.items(Call::of(Id::SiteList).with("status", vec!["disabled"])).await;
        assert_eq!(listed.iter().map(|one| &one["name"]).collect::<Vec<_>>(), ["a.test"]);
        assert_eq!(ground.items(Call::of(Id::SiteList)).await.len(), 2, "it is in the lists as before");
        let refused = ground.refused(log_in("a.test")).await;
        assert!(matches!(refused, Refusal::Unavailable(_)), "{refused}");
        assert_eq!(refused.to_string(), "`@a.test` is disabled");
        assert_eq!(ground.refused(disable("a.test")).await.to_string(), "`@a.test` is disabled already");

        ground.queue(verify_site("a.test")).await;
        ground.work().await;
        assert_eq!(status(&ground, "a.test").await, "disabled", "a verify keeps it so");

        ground.queue(enable("a.test")).await;
        ground.work().await;
        assert_eq!(status(&ground, "a.test").await, "enabled");
        assert_eq!(ground.refused(enable("a.test")).await.to_string(), "`@a.test` is in service already");
    });
}

#[test]
fn a_disable_that_failed_leaves_a_site_in_service_and_one_without_a_backup_makes_none() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan_once(TaskKind::DisableSite, "@a.test", Plan::ends(Ends::RolledBack));
        ground.queue(disable("a.test")).await;
        ground.work().await;
        assert_eq!(status(&ground, "a.test").await, "enabled");

        ground.queue(disable("a.test").with("no_backup", true)).await;
        ground.work().await;
        assert_eq!(status(&ground, "a.test").await, "disabled");
        assert!(ground.machine().backups(None).is_empty());

        ground.machine().plan_once(TaskKind::EnableSite, "@a.test", Plan::ends(Ends::RolledBack));
        ground.queue(enable("a.test")).await;
        ground.work().await;
        assert_eq!(status(&ground, "a.test").await, "disabled", "it did not come up");
    });
}

#[test]
fn what_a_shell_disables_and_enables_is_taken_over() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let site = || "a.test".parse().unwrap();
        ground.machine().by_hand(Task::DisableSite { site: site(), no_backup: true });
        ground.look().await;
        assert_eq!(status(&ground, "a.test").await, "disabled");
        ground.machine().by_hand(Task::EnableSite { site: site() });
        ground.look().await;
        assert_eq!(status(&ground, "a.test").await, "enabled");
    });
}

#[test]
fn many_are_disabled_at_once_and_what_is_so_already_is_told() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test", "c.test"]).await;
        ground.queue(disable("b.test")).await;
        ground.work().await;
        let start = Call::of(Id::BulkStart).with("operation", "site disable").with("filter", "all");
        let run = ground.shown(start).await;
        ground.hosting.ask_open_bulk_runs().await.unwrap();
        ground.work().await;
        for site in ["a.test", "b.test", "c.test"] {
            assert_eq!(status(&ground, site).await, "disabled", "{site}");
        }
        let shown = ground.shown(Call::of(Id::BulkShow).about(run["id"].to_string())).await;
        assert!(shown.to_string().contains("is disabled already"), "{shown}");
    });
}

#[test]
fn what_is_half_made_or_broken_is_deleted_without_being_disabled_first() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        assert_eq!(
            ground.refused(delete_site("a.test")).await.remedy().unwrap(),
            "disable it first with `aegir site disable a.test`"
        );
        ground.machine().plan_once(TaskKind::VerifySite, "@b.test", Plan::ends(Ends::RolledBack));
        ground.queue(verify_site("b.test")).await;
        ground.work().await;

        let deleting = ground.queue(delete_site("b.test").with("no_backup", true)).await;
        ground.work().await;

        let began = ground.machine().began();
        let asked = began.iter().rev().find(|began| began.kind == TaskKind::DeleteSite).map(|began| &began.task);
        assert!(matches!(asked, Some(Task::DeleteSite { no_backup: true, .. })), "{deleting}: {asked:?}");
        assert_eq!(ground.items(Call::of(Id::SiteList)).await.len(), 1);
    });
}
