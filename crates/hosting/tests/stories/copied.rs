//! New sites that are made of others, and of backups: in the lists at once, under names that nobody else gets meanwhile.

use aegir_domain::{BackupName, Context, FoundBackup, Task, TaskKind, TaskState};
use aegir_hosting::{Call, OperationId as Id, Refusal};
use aegir_lab::pretend::{Ends, Plan};
use serde_json::{Value, json};

use crate::ground::{Ground, add_server, add_site, delete_site, edit_site, on_both};

fn show(site: &str) -> Call {
    Call::of(Id::SiteShow).about(site)
}

fn copy(site: &str, to: &str) -> Call {
    Call::of(Id::SiteClone).about(site).with("as", to)
}

fn restore(backup: &str) -> Call {
    Call::of(Id::BackupRestore).about(backup)
}

/// Makes a backup of a site, and tells its name.
async fn backed_up(ground: &Ground, site: &str) -> String {
    ground.queue(Call::of(Id::SiteBackup).about(site)).await;
    ground.work().await;
    let backups = ground.items(Call::of(Id::BackupList).with("site", site).with("kind", "backup")).await;
    backups[0]["name"].as_str().unwrap().to_owned()
}

/// The last task of a kind that began.
fn asked(ground: &Ground, kind: TaskKind) -> Task {
    ground.machine().began().iter().rev().find(|began| began.kind == kind).map(|began| began.task.clone()).unwrap()
}

fn names(sites: &[Value]) -> Vec<&str> {
    sites.iter().map(|site| site["name"].as_str().unwrap()).collect()
}

#[test]
fn a_copy_is_a_site_of_its_own_from_the_moment_it_is_asked_for() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.platform("d11", "web1").await;
        ground.ask(Call::of(Id::FieldAdd).about("ticket").with("kind", "site").with("required", true)).await.unwrap();
        ground.queue(edit_site("a.test").with("field", "ticket=7").with("alias", "www.a.test")).await;
        ground.work().await;

        let call = copy("a.test", "b.test").with("platform", "d11").with("sanitise", true).with("alias", "www.b.test");
        let task = ground.queue(call).await;
        let coming = ground.shown(show("b.test")).await;
        assert_eq!((&coming["status"], &coming["platform"]), (&json!("new"), &json!("d11")), "{coming}");
        for taken in ["b.test", "www.b.test"] {
            assert!(matches!(ground.refused(add_site(taken)).await, Refusal::Taken { .. }), "{taken}");
        }
        ground.work().await;

        ground.assert_state(task, TaskState::Succeeded).await;
        let made = ground.shown(show("b.test")).await;
        assert_eq!((&made["status"], &made["fields"]), (&json!("enabled"), &json!({ "ticket": "7" })), "{made}");
        assert!(made["verified"].is_i64());
        let Task::CloneSite(request) = asked(&ground, TaskKind::CloneSite) else { panic!() };
        assert!(request.sanitise && !request.with_mail && !request.with_cron);
        let history = ground.items(Call::of(Id::NodeHistory).about("@a.test")).await;
        let told = history.iter().find(|deed| deed["what"] == "copied").expect("the source's history says so");
        assert_eq!((&told["detail"]["as"], &told["detail"]["task"]), (&json!("b.test"), &json!(task.0)));
        let sites = ground.items(Call::of(Id::SiteList)).await;
        assert_eq!(names(&sites), ["a.test", "b.test"]);
        assert!(ground.store().check().await.unwrap().is_empty());
    });
}

#[test]
fn a_copy_that_could_not_be_made_is_tried_again_or_taken_from_the_lists() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan_once(TaskKind::CloneSite, "@b.test", Plan::ends(Ends::RolledBack));
        let task = ground.queue(copy("a.test", "b.test")).await;
        ground.work().await;
        ground.assert_state(task, TaskState::RolledBack).await;
        assert_eq!(ground.shown(show("b.test")).await["status"], json!("failed"));
        assert_eq!(ground.shown(show("a.test")).await["status"], json!("enabled"));

        ground.ask(Call::of(Id::TaskRetry).about(task.to_string())).await.unwrap();
        assert_eq!(ground.shown(show("b.test")).await["status"], json!("new"));
        ground.work().await;
        assert_eq!(ground.shown(show("b.test")).await["status"], json!("enabled"));
        let again = ground.refused(Call::of(Id::TaskRetry).about(task.to_string())).await;
        assert!(matches!(again, Refusal::Conflict { .. }), "it is made already: {again:?}");

        ground.machine().plan_once(TaskKind::CloneSite, "@c.test", Plan::ends(Ends::Refused));
        ground.queue(copy("a.test", "c.test")).await;
        ground.work().await;
        ground.ask(delete_site("c.test")).await.unwrap();
        assert_eq!(names(&ground.items(Call::of(Id::SiteList)).await), ["a.test", "b.test"]);
    });
}

#[test]
fn what_cannot_be_copied_or_restored_is_refused_before_anything_is_there() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let key = ground.back_ends.machine("web2").host_key().to_string();
        ground.queue(add_server("web2").with("ssh_host", "web2.test").with("ssh_host_key", key)).await;
        ground.work().await;
        ground.platform("far", "web2").await;
        let backup = backed_up(&ground, "a.test").await;
        let before = ground.items(Call::of(Id::SiteList)).await;
        let tasks = ground.tasks().await;
        for (call, parameter) in [
            (copy("a.test", "c.test").with("redirect_to", "elsewhere.test"), Some("redirect_to")),
            (copy("a.test", "c.test").with("alias", "c.test"), Some("alias")),
            (copy("a.test", "b.test"), None),
            (copy("a.test", "c.test").with("alias", "b.test"), None),
            (copy("a.test", "c.test").with("platform", "nowhere"), None),
            (copy("a.test", "c.test").with("platform", "far"), None),
            (copy("none.test", "c.test"), None),
            (restore(&backup).with("as", "a.test"), Some("as")),
            (restore(&backup).with("as", "b.test"), None),
            (restore(&backup).with("platform", "far"), None),
            (restore(&backup).with("as", "c.test").with("db_server", "nowhere"), None),
            (restore("none.test-20140102.030405.tar.gz"), None),
            (Call::of(Id::SiteMigrate).about("a.test").with("platform", "far"), None),
        ] {
            let what = format!("{call:?}");
            match (ground.refused(call).await, parameter) {
                (Refusal::Bad(bad), Some(parameter)) => assert_eq!(bad.bad[0].parameter, parameter, "{what}"),
                (Refusal::Taken { .. } | Refusal::Unknown { .. } | Refusal::Conflict { .. }, None) => (),
                (other, _) => panic!("{what}: {other:?}"),
            }
        }
        assert_eq!((ground.items(Call::of(Id::SiteList)).await, ground.tasks().await), (before, tasks));
    });
}

#[test]
fn a_backup_is_restored_where_its_site_lives_and_as_a_new_one() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.platform("d11", "web1").await;
        let (first, second) = (backed_up(&ground, "a.test").await, backed_up(&ground, "a.test").await);
        let id = ground.shown(show("a.test")).await["id"].clone();

        let task = ground.queue(restore(&first)).await;
        let other = ground.refused(restore(&second)).await;
        assert!(matches!(other, Refusal::Conflict { .. }), "another backup is not the same: {other:?}");
        ground.work().await;
        ground.assert_state(task, TaskState::Succeeded).await;
        let restored = ground.shown(show("a.test")).await;
        assert_eq!((&restored["id"], &restored["fenced_ms"]), (&id, &json!(2400)), "{restored}");
        assert_eq!(restored["fenced_by"], json!(task.0));

        let new = ground.queue(restore(&first).with("as", "b.test").with("platform", "d11")).await;
        assert_eq!(ground.shown(show("b.test")).await["status"], json!("new"));
        ground.work().await;
        ground.assert_state(new, TaskState::Succeeded).await;
        let made = ground.shown(show("b.test")).await;
        assert_eq!((&made["status"], &made["platform"]), (&json!("enabled"), &json!("d11")), "{made}");
        assert!(made["id"] != id && ground.store().check().await.unwrap().is_empty());
    });
}

#[test]
fn a_site_that_is_gone_is_in_the_lists_again_with_what_the_backup_says_of_it() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.queue(edit_site("a.test").with("alias", json!(["www.a.test", "old.a.test"]))).await;
        ground.work().await;
        let backup = backed_up(&ground, "a.test").await;
        ground.disable("a.test").await;
        ground.queue(delete_site("a.test")).await;
        ground.work().await;
        ground.queue(edit_site("b.test").with("alias", "old.a.test")).await;
        ground.work().await;

        ground.machine().plan_once(TaskKind::RestoreBackup, "@a.test", Plan::ends(Ends::RolledBack));
        let failed = ground.queue(restore(&backup)).await;
        let coming = ground.shown(show("a.test")).await;
        let domains = coming["domains"].as_array().unwrap();
        assert_eq!((&coming["status"], domains.len()), (&json!("new"), 2), "one of its names is another's: {coming}");
        ground.work().await;
        ground.assert_state(failed, TaskState::RolledBack).await;
        // The pretended back end does not leave names out.
        ground.queue(edit_site("b.test").with("no_alias", true)).await;
        ground.work().await;
        ground.ask(Call::of(Id::TaskRetry).about(failed.to_string())).await.unwrap();
        ground.work().await;

        ground.assert_state(failed, TaskState::Succeeded).await;
        let there = ground.shown(show("a.test")).await;
        assert_eq!((&there["status"], &there["platform"]), (&json!("enabled"), &json!("d10")), "{there}");
        let Some(Context::Site(site)) = ground.machine().context("@a.test") else { panic!("there is no a.test") };
        assert_eq!(site.aliases.len(), 2);

        // An archive that says nothing of its site asks for what it cannot say.
        let classic: BackupName = "gone.test-20140102.030405.tar.gz".parse().unwrap();
        ground.machine().put_backup(FoundBackup { backup: classic.clone(), bytes: 7, manifest: None, fault: None });
        for (call, parameter) in
            [(restore(classic.as_str()), "platform"), (restore(classic.as_str()).with("platform", "d10"), "db_server")]
        {
            let refusal = ground.refused(call).await;
            assert!(matches!(&refusal, Refusal::Bad(bad) if bad.bad[0].parameter == parameter), "{refusal:?}");
        }
    });
}

#[test]
fn copies_and_restores_typed_in_a_shell_are_sites_with_their_tasks() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let backup = backed_up(&ground, "a.test").await;
        let machine = ground.machine();
        let clone = serde_json::from_value(json!({ "kind": "clone-site", "site": "a.test", "to": "b.test" })).unwrap();
        let request = json!({ "kind": "restore-backup", "backup": backup, "new_site": "c.test" });
        for task in [clone, serde_json::from_value(request).unwrap()] {
            let attempt = machine.by_hand(task);
            ground.until("it ended", async || machine.has_ended(attempt)).await;
        }
        ground.look().await;

        assert_eq!(names(&ground.items(Call::of(Id::SiteList)).await), ["a.test", "b.test", "c.test"]);
        for (site, operation) in [("b.test", "site clone"), ("c.test", "backup restore")] {
            let tasks = ground.items(Call::of(Id::TaskList).with("object", site).with("operation", operation)).await;
            assert_eq!(tasks.len(), 1, "{operation}");
            assert!(ground.shown(show(site)).await["verified"].is_i64(), "{site}");
        }
    });
}

#[test]
fn a_site_moves_with_its_database_and_without_what_may_be_missing() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.platform("d11", "web1").await;
        ground.server("db1").await;
        let call = Call::of(Id::SiteMigrate).about("a.test").with("platform", "d11").with("db_server", "db1");
        ground.queue(call.with("allow_missing", json!(["left_out", "left_out"]))).await;
        ground.work().await;

        let Task::MigrateSite(request) = asked(&ground, TaskKind::MigrateSite) else { panic!() };
        let allowed: Vec<_> = request.allow_missing.iter().map(ToString::to_string).collect();
        assert_eq!(allowed, ["left_out"]);
        let moved = ground.shown(show("a.test")).await;
        assert_eq!((&moved["platform"], &moved["db_server"]), (&json!("d11"), &json!("db1")), "{moved}");
    });
}
