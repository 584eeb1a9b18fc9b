//! Backups: made, listed wherever they lie, tried and deleted; and none of it says that a site was verified.

use aegir_domain::{BackupName, FoundBackup, Task, TaskKind};
use aegir_hosting::{Call, OperationId as Id, Refusal, Sort};
use aegir_lab::pretend::{Ends, Plan, Reach};
use serde_json::json;

use crate::ground::{Ground, add_server, delete_site, on_both};

fn listed() -> Call {
    Call::of(Id::BackupList)
}

async fn names(ground: &Ground, call: Call) -> Vec<String> {
    ground.items(call).await.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_backup_is_made_listed_tried_and_deleted() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let before = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert!(ground.items(listed()).await.is_empty());

        for _ in 0..2 {
            ground.queue(Call::of(Id::SiteBackup).about("a.test")).await;
            ground.work().await;
        }
        ground.queue(Call::of(Id::SiteBackup).about("b.test")).await;
        ground.work().await;

        assert_eq!(ground.items(listed()).await.len(), 3);
        let of_a = ground.items(listed().with("site", "a.test")).await;
        assert_eq!(of_a.len(), 2);
        assert!(of_a[0]["made"].as_i64() >= of_a[1]["made"].as_i64(), "the newest first: {of_a:?}");
        let backup = &of_a[0];
        assert_eq!(
            (&backup["kind"], &backup["site"], &backup["server"], &backup["core"], &backup["platform"]),
            (&json!("backup"), &json!("a.test"), &json!("web1"), &json!("10.3.6"), &json!("d10"))
        );
        let name = backup["name"].as_str().unwrap();
        assert_eq!(ground.shown(Call::of(Id::BackupShow).about(name)).await, *backup);

        ground.queue(Call::of(Id::BackupVerify).about(name)).await;
        ground.work().await;
        let sure = Call::of(Id::BackupDelete).about(name).with("confirm", name);
        let refusal =
            ground.refused(Call::of(Id::BackupDelete).about(name).with("confirm", of_a[1]["name"].clone())).await;
        assert!(matches!(refusal, Refusal::Bad(_)), "{refusal:?}");
        ground.queue(sure).await;
        ground.work().await;

        assert_eq!(names(&ground, listed().with("site", "a.test")).await, [of_a[1]["name"].as_str().unwrap()]);
        let refusal = ground.refused(Call::of(Id::BackupShow).about(name)).await;
        assert!(matches!(refusal, Refusal::Unknown { what: "backup", .. }), "{refusal:?}");
        let after = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert_eq!(after["verified"], before["verified"], "a backup says nothing of how the site is");
        let kinds: Vec<_> = ground.machine().began().iter().map(|began| began.kind).collect();
        let of_backups = [TaskKind::BackupSite, TaskKind::VerifyBackup, TaskKind::DeleteBackup];
        assert!(of_backups.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    });
}

#[test]
fn a_backup_outlives_its_site_and_is_deleted_all_the_same() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.queue(Call::of(Id::SiteBackup).about("a.test")).await;
        ground.work().await;
        ground.queue(delete_site("a.test")).await;
        ground.work().await;
        let classic: BackupName = "gone.test-20140102.030405.tar.gz".parse().unwrap();
        let found = FoundBackup { backup: classic.clone(), bytes: 7, manifest: None, fault: None };
        ground.machine().put_backup(found);

        let all = ground.items(listed()).await;
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!((&all[1]["format"], &all[1]["made"]), (&json!("classic"), &json!(1_388_631_845_000_i64)), "{all:?}");
        for name in [all[0]["name"].as_str().unwrap(), classic.as_str()] {
            let task = ground.queue(Call::of(Id::BackupDelete).about(name).with("confirm", name)).await;
            ground.work().await;
            ground.assert_state(task, aegir_domain::TaskState::Succeeded).await;
        }

        assert!(ground.items(listed()).await.is_empty());
        let server = ground.shown(Call::of(Id::ServerShow).about("web1")).await;
        assert_eq!(server["status"], json!("enabled"), "the server is what it was: {server}");
    });
}

#[test]
fn what_a_site_was_is_listed_with_its_backups() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.platform("d11", "web1").await;
        ground.queue(Call::of(Id::SiteBackup).about("a.test")).await;
        ground.work().await;
        ground.queue(Call::of(Id::SiteMigrate).about("a.test").with("platform", "d11")).await;
        ground.work().await;

        let of_it = listed().with("site", "a.test");
        let kinds = |items: Vec<serde_json::Value>| items.iter().map(|one| one["kind"].clone()).collect::<Vec<_>>();
        let mut both = kinds(ground.items(of_it.clone()).await);
        both.sort_by_key(ToString::to_string);
        assert_eq!(both, ["backup", "former"]);
        let formers = ground.items(of_it.clone().with("kind", "former")).await;
        assert_eq!((&formers[0]["platform"], formers.len()), (&json!("d10"), 1), "{formers:?}");
        assert_eq!(kinds(ground.items(of_it.with("kind", "backup")).await), ["backup"]);
    });
}

#[test]
fn of_two_machines_with_a_backup_of_one_name_one_is_named_and_one_that_is_away_is_told_of() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let key = ground.back_ends.machine("web2").host_key().to_string();
        ground.queue(add_server("web2").with("ssh_host", "web2.test").with("ssh_host_key", key)).await;
        ground.work().await;
        let name = "gone.test-20140102.030405.tar.gz";
        for machine in ["web1", "web2"] {
            let backup = name.parse().unwrap();
            let found = FoundBackup { backup, bytes: 7, manifest: None, fault: None };
            ground.back_ends.machine(machine).put_backup(found);
        }

        assert_eq!(names(&ground, listed()).await, [name, name]);
        assert_eq!(names(&ground, listed().with("server", "web2")).await, [name]);
        let delete = Call::of(Id::BackupDelete).about(name).with("confirm", name);
        let refusal = ground.refused(delete.clone()).await;
        assert_eq!(refusal.sort(), Sort::Conflict, "{refusal:?}");
        ground.queue(delete.with("server", "web2")).await;
        ground.work().await;
        assert_eq!(ground.items(listed()).await[0]["server"], json!("web1"));

        ground.back_ends.machine("web2").reach(Reach::Away);
        let all = ground.items(listed()).await;
        let told: Vec<_> = all.iter().map(|one| (&one["kind"], &one["server"])).collect();
        let [away, there] = ["web2", "web1"].map(|server| json!(server));
        assert_eq!(told, [(&json!("out-of-contact"), &away), (&json!("backup"), &there)], "half a list says so");
        let other = "other.test-20140102.030405.tar.gz";
        let refusal = ground.refused(Call::of(Id::BackupShow).about(other)).await;
        assert!(matches!(refusal, Refusal::Lost(_)), "it may lie there: {refusal:?}");
        assert_eq!(names(&ground, listed().with("server", "web1")).await, [name]);
    });
}

#[test]
fn a_backup_that_fails_leaves_no_backup_and_what_was_made_in_a_shell_is_a_task_too() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan_once(TaskKind::BackupSite, "@a.test", Plan::ends(Ends::RolledBack));
        let task = ground.queue(Call::of(Id::SiteBackup).about("a.test")).await;
        ground.work().await;
        ground.assert_state(task, aegir_domain::TaskState::RolledBack).await;
        assert!(ground.items(listed()).await.is_empty());

        ground.machine().by_hand(Task::BackupSite { site: "a.test".parse().unwrap() });
        ground.front().look().await;

        assert_eq!(ground.items(listed()).await.len(), 1);
        let tasks = ground.items(Call::of(Id::TaskList).with("operation", "site backup")).await;
        assert_eq!(tasks.len(), 2, "{tasks:?}");
    });
}
