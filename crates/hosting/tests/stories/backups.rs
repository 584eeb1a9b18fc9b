//! Backups: made, listed wherever they lie, tried and deleted; and none of it says that a site was verified.

use aegir_domain::{BackupName, FoundBackup, Task, TaskKind};
use aegir_hosting::{
    Actor, Call, Coming, CutOff, Front, OperationId as Id, Permission, Permissions, Refusal, Sort, Source,
};
use aegir_lab::pretend::{Ends, Plan, Reach, byte_of_archive};
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

        ground.queue(Call::of(Id::SiteBackup).about("a.test")).await;
        ground.work().await;
        let with_note = Call::of(Id::SiteBackup).about("a.test").with("note", "before the upgrade");
        ground.queue(with_note).await;
        ground.work().await;
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
        let notes: Vec<_> = of_a.iter().map(|one| one["note"].as_str()).collect();
        assert_eq!(notes.iter().flatten().collect::<Vec<_>>(), [&"before the upgrade"], "{of_a:?}");
        assert_eq!(backup["made_by"], "backup-site");
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
        ground.disable("a.test").await;
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

        ground.machine().by_hand(Task::BackupSite { site: "a.test".parse().unwrap(), note: None });
        ground.front().look().await;

        assert_eq!(ground.items(listed()).await.len(), 1);
        let tasks = ground.items(Call::of(Id::TaskList).with("operation", "site backup")).await;
        assert_eq!(tasks.len(), 2, "{tasks:?}");
    });
}

/// What somebody sends, up to where it breaks off.
struct Sends {
    pieces: Vec<Vec<u8>>,
    breaks_off: bool,
}

impl Source for Sends {
    fn next(&mut self) -> Coming<'_> {
        let next = (!self.pieces.is_empty()).then(|| self.pieces.remove(0));
        let breaks = next.is_none() && self.breaks_off;
        Box::pin(async move { if breaks { Err(CutOff { why: "they went away".into() }) } else { Ok(next) } })
    }
}

fn sends(bytes: u64) -> Sends {
    let all: Vec<u8> = (0..bytes).map(byte_of_archive).collect();
    Sends { pieces: all.chunks(1000).map(<[u8]>::to_vec).collect(), breaks_off: false }
}

#[test]
fn archives_are_given_to_those_who_may_manage_and_taken_from_them_and_the_audit_knows() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.queue(Call::of(Id::SiteBackup).about("a.test")).await;
        ground.work().await;
        let name = names(&ground, listed()).await.remove(0);
        let front: &dyn Front = &ground.hosting;
        let admin = Actor::own();
        let most: Permissions = Permission::ALL.into_iter().filter(|one| *one != Permission::Manage).collect();
        let operator = Actor { may: most, ..Actor::of_machine("operator") };

        let mut given = front.archive(&admin, &name, None).await.unwrap();
        let mut bytes = 0;
        while let Some(piece) = given.archive.pieces.next().await.unwrap() {
            bytes += piece.len() as u64;
        }
        assert_eq!((given.name.as_str(), given.archive.bytes, bytes), (name.as_str(), 4_200_000, 4_200_000));
        let refusal = front.archive(&operator, &name, None).await.unwrap_err();
        assert_eq!(refusal.sort(), Sort::Permission);
        let refusal = front.take_archive(&operator, &name, None, &mut sends(5000)).await.unwrap_err();
        assert_eq!(refusal.sort(), Sort::Permission);
        for (missing, server) in [("a.test-20010101.000000.tar.zst", None), (name.as_str(), Some("nowhere"))] {
            let refusal = front.archive(&admin, missing, server).await.unwrap_err();
            assert!(matches!(refusal, Refusal::Unknown { .. }), "{missing}: {refusal:?}");
        }

        let taken = front.take_archive(&admin, "gone.test-20010101.000000.tar.gz", None, &mut sends(5000)).await;
        assert_eq!(taken.unwrap().name, "gone.test-20010101.000000.tar.gz");
        let second = front.take_archive(&admin, &name, Some("web1"), &mut sends(5000)).await.unwrap();
        assert_eq!(second.name, name.replace(".tar.zst", "_2.tar.zst"));
        let refusal = front.take_archive(&admin, "photo.jpg", None, &mut sends(5000)).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Bad(_)), "{refusal:?}");
        let mut broken = Sends { breaks_off: true, ..sends(5000) };
        let refusal = front.take_archive(&admin, &name, None, &mut broken).await.unwrap_err();
        assert_eq!(refusal.sort(), Sort::Conflict, "{refusal:?}");
        assert_eq!(ground.items(listed()).await.len(), 3);

        // A second machine makes it unclear where an archive of a site is to lie that nobody knows.
        let key = ground.back_ends.machine("web2").host_key().to_string();
        ground.queue(add_server("web2").with("ssh_host", "web2.test").with("ssh_host_key", key)).await;
        ground.work().await;
        let refusal = front.take_archive(&admin, "new.test-20010101.000000.tar", None, &mut sends(5000)).await;
        assert!(matches!(refusal, Err(Refusal::Bad(_))), "{refusal:?}");

        let mut given = front.archive(&admin, &name, Some("web1")).await.unwrap();
        given.archive.pieces.next().await.unwrap();
        ground.machine().reach(Reach::Away);
        let lost = loop {
            match given.archive.pieces.next().await {
                Ok(Some(_)) => (),
                Ok(None) => panic!("half of it was taken for all"),
                Err(lost) => break lost,
            }
        };
        assert_eq!(lost.server.as_str(), "web1");
        ground.machine().reach(Reach::Answers);

        let audit = ground.items(Call::of(Id::AuditList).with("limit", 500)).await;
        let of = |operation: &str, answer: &str| {
            audit.iter().filter(|one| one["operation"] == operation && one["answer"] == answer).count()
        };
        assert_eq!((of("backup-download", "done"), of("backup-download", "forbidden")), (2, 1), "{audit:?}");
        assert_eq!((of("backup-upload", "done"), of("backup-upload", "forbidden")), (2, 1), "{audit:?}");
        assert_eq!(of("backup-upload", "conflict"), 1);
    });
}
