//! What was deleted and lies aside: listed, had back, removed for good; asked of the machines where it lies.

use std::time::Duration;

use aegir_domain::{NodeId, ObjectStatus, Remedy, TaskKind, TaskState, TrashKind, TrashState, TrashThing};
use aegir_hosting::{Call, OperationId as Id, Outside, Refusal};
use aegir_lab::pretend::{Call as Asked, Ends, Plan, Reach};
use serde_json::json;

use crate::ground::{Ground, PACE, add_platform, add_site, delete_site, edit_site, on_both};

/// The code of a platform, which lies in any trash.
const PLATFORM: &str = "d9-20261118.110641-0123456789ac";
/// The folder of a site, which does too.
const SITE: &str = "old.example.org-20261118.110640-0123456789ab";
/// What a test puts there.
const OURS: &str = "a.test-20260102.030405-0a1b2c3d4e5f";

fn listed() -> Call {
    Call::of(Id::TrashList)
}

fn restore(name: &str) -> Call {
    Call::of(Id::TrashRestore).about(name)
}

fn empty(confirm: &str) -> Call {
    Call::of(Id::TrashEmpty).with("confirm", confirm)
}

fn thing(name: &str, state: TrashState) -> TrashThing {
    TrashThing {
        name: name.into(),
        folder: "/var/aegir/platforms/d10/web/sites/.aegir-trash".into(),
        kind: TrashKind::Site,
        state,
        by: Some("delete-site @a.test".into()),
        lay: Some("/var/aegir/platforms/d10/web/sites/a.test".into()),
        backup: None,
        since: 1,
        until: None,
        bytes: 1000,
    }
}

async fn names(ground: &Ground, call: Call) -> Vec<String> {
    ground.items(call).await.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

/// A site that was deleted, with its last backup, and what lies of it in the trash.
async fn a_deleted_site(ground: &Ground) -> String {
    ground.queue(Call::of(Id::SiteBackup).about("a.test")).await;
    ground.work().await;
    let backup = ground.items(Call::of(Id::BackupList).with("site", "a.test")).await[0]["name"].clone();
    let backup = backup.as_str().unwrap().to_owned();
    ground.disable("a.test").await;
    ground.queue(delete_site("a.test")).await;
    ground.work().await;
    let lies = TrashThing { backup: backup.parse().ok(), ..thing(OURS, TrashState::Kept) };
    ground.machine().put_into_trash(lies);
    backup
}

#[test]
fn a_deleted_site_is_there_again_from_its_last_backup_with_its_client_and_fields() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.ask(Call::of(Id::FieldAdd).about("ticket").with("kind", "site")).await.unwrap();
        ground.ask(edit_site("a.test").with("field", json!(["ticket=42"]))).await.unwrap();
        ground.work().await;
        let before = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        let backup = a_deleted_site(&ground).await;
        let lies = ground.items(listed()).await.into_iter().find(|one| one["name"] == OURS).unwrap();
        assert_eq!((&lies["server"], &lies["backup"]), (&json!("web1"), &json!(backup)));
        let tasks = ground.tasks().await;
        let would = ground.ask(Call { dry_run: true, ..restore(OURS) }).await.unwrap();
        assert!(format!("{would:?}").contains(&backup), "{would:?}");
        assert_eq!(ground.tasks().await, tasks, "nothing was done");

        let task = ground.queue(restore(OURS)).await;
        // It is in the lists at once, so that nobody takes its name.
        assert!(matches!(ground.refused(add_site("a.test")).await, Refusal::Taken { .. }));
        ground.work().await;

        ground.assert_state(task, TaskState::Succeeded).await;
        let began = ground.machine().began();
        assert_eq!(began.last().unwrap().kind, TaskKind::RestoreBackup);
        let after = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert_eq!(
            (&after["client"], &after["platform"], &after["status"]),
            (&before["client"], &before["platform"], &json!("enabled"))
        );
        assert_eq!((&after["fields"], &after["title"]), (&json!({ "ticket": "42" }), &before["title"]));
        assert_ne!(after["id"], before["id"], "the one that was deleted keeps its tombstone");
        let audit = ground.items(Call::of(Id::AuditList).with("operation", "trash restore")).await;
        assert_eq!((&audit[0]["answer"], audit.len()), (&json!("queued"), 1));
    });
}

#[test]
fn a_site_whose_name_is_in_use_again_stays_there_and_so_does_one_without_its_backup() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let backup = a_deleted_site(&ground).await;
        ground.queue(edit_site("b.test").with("alias", "a.test")).await;
        ground.work().await;
        let taken = ground.refused(restore(OURS)).await;
        assert!(taken.to_string().contains("`a.test` is a name of the site `b.test` now"), "{taken}");
        assert!(taken.remedy().unwrap().contains(&format!("aegir backup restore {backup} --as NAME")), "{taken:?}");

        ground.queue(edit_site("b.test").with("no_alias", true)).await;
        ground.work().await;
        ground.queue(add_site("a.test").with("platform", "d10")).await;
        for _ in 0..2 {
            // As long as it is made, and once it is there.
            let again = ground.refused(restore(OURS)).await;
            assert!(again.to_string().contains("there is a site `a.test` again"), "{again}");
            ground.work().await;
        }
        ground.disable("a.test").await;
        ground.queue(delete_site("a.test").with("no_backup", true)).await;
        ground.work().await;
        ground.queue(Call::of(Id::BackupDelete).about(&backup).with("confirm", &*backup)).await;
        ground.work().await;
        let gone = ground.refused(restore(OURS)).await;
        assert!(gone.to_string().contains("is gone, and with it the database"), "{gone}");
        assert!(gone.remedy().unwrap().contains("aegir backup list --site a.test"), "{gone:?}");
    });
}

/// A platform with all that a record can say, which was deleted; gives its number, and what its code is called in the trash.
async fn a_deleted_platform(ground: &Ground) -> (NodeId, String) {
    ground.server("web1").await;
    for name in ["ticket", "note"] {
        ground.ask(Call::of(Id::FieldAdd).about(name).with("kind", "platform")).await.unwrap();
    }
    let add = add_platform("d9").with("root", "/var/aegir/platforms/d9/web").with("title", "Nine, the old one");
    let task = ground.queue(add.with("field", json!(["ticket=42", "note=for schools"]))).await;
    ground.work().await;
    let number = ground.task(task).await.object;
    ground.ask(Call::of(Id::PlatformLock).about("d9")).await.unwrap();
    (number, is_deleted(ground).await)
}

/// Deletes it; gives what its code is called in the trash.
async fn is_deleted(ground: &Ground) -> String {
    ground.outside.jump(5_000);
    let name = format!("d9-{}-0a1b2c3d4e5f", aegir_domain::stamp(u64::try_from(ground.outside.now()).unwrap()));
    ground.queue(Call::of(Id::PlatformDelete).about("d9").with("confirm", "d9")).await;
    ground.work().await;
    ground.outside.jump(5_000);
    ground.machine().put_into_trash(TrashThing {
        kind: TrashKind::Platform,
        lay: Some("/var/aegir/platforms/d9".into()),
        ..thing(&name, TrashState::Kept)
    });
    name
}

async fn is_as_it_was(ground: &Ground, number: NodeId) {
    let platform = ground.shown(Call::of(Id::PlatformShow).about("d9")).await;
    assert_eq!(
        (&platform["status"], &platform["root"], &platform["server"], &platform["locked"], &platform["title"]),
        (
            &json!("enabled"),
            &json!("/var/aegir/platforms/d9/web"),
            &json!("web1"),
            &json!(true),
            &json!("Nine, the old one")
        ),
        "{platform}"
    );
    assert_eq!(platform["fields"], json!({ "note": "for schools", "ticket": "42" }), "{platform}");
    assert_ne!(platform["id"], json!(number.0), "the one that was deleted keeps its tombstone");
    assert_eq!(ground.status(number).await, ObjectStatus::Deleted);
    let history = ground.items(Call::of(Id::NodeHistory).about("@platform_d9")).await;
    let restored = history.iter().find(|deed| deed["what"] == "restored").unwrap();
    assert_eq!(restored["detail"]["was"], json!(number), "{restored}");
    let began = ground.machine().began();
    assert_eq!(began.iter().filter(|one| one.kind == TaskKind::RestorePlatform).count(), 1);
    assert_eq!(began.last().unwrap().kind, TaskKind::VerifyPlatform, "it is put in service");
}

#[test]
fn a_platform_lies_where_it_lay_and_is_known_again_as_it_was() {
    on_both(async |ground| {
        let (number, name) = a_deleted_platform(&ground).await;
        let tasks = ground.tasks().await;
        let would = ground.ask(Call { dry_run: true, ..restore(&name) }).await.unwrap();
        assert!(format!("{would:?}").contains("restore-platform"), "{would:?}");
        assert_eq!(ground.tasks().await, tasks, "nothing was done");
        assert!(names(&ground, listed()).await.contains(&name), "nothing was moved");
        for parameter in ["platform", "db_server"] {
            let bad = ground.refused(restore(&name).with(parameter, "web1")).await;
            assert!(matches!(&bad, Refusal::Bad(bad) if bad.bad[0].parameter == parameter), "{bad:?}");
        }

        let task = ground.queue(restore(&name)).await;
        // It is in the lists at once, so that nobody takes its name.
        assert!(matches!(ground.refused(add_platform("d9")).await, Refusal::Taken { .. }));
        ground.work().await;

        ground.assert_state(task, TaskState::Succeeded).await;
        is_as_it_was(&ground, number).await;
        assert!(!names(&ground, listed()).await.contains(&name));
        assert!(matches!(ground.refused(restore(&name)).await, Refusal::Unknown { what: "trash", .. }));
    });
}

#[test]
fn a_platform_that_this_front_end_never_knew_comes_back_under_its_name() {
    on_both(async |ground| {
        ground.server("web1").await;

        ground.queue(restore(PLATFORM)).await;
        ground.work().await;

        let platform = ground.shown(Call::of(Id::PlatformShow).about("d9")).await;
        assert_eq!((&platform["status"], &platform["title"]), (&json!("enabled"), &json!("d9")));
    });
}

#[test]
fn of_two_that_had_the_name_one_after_the_other_each_comes_back_as_it_was() {
    on_both(async |ground| {
        let (first, name) = a_deleted_platform(&ground).await;
        ground.queue(add_platform("d9").with("root", "/var/aegir/platforms/d9/web").with("title", "Nine, anew")).await;
        ground.work().await;
        is_deleted(&ground).await;

        ground.queue(restore(&name)).await;
        ground.work().await;

        is_as_it_was(&ground, first).await;
    });
}

#[test]
fn a_front_end_that_dies_at_any_moment_of_it_leaves_a_task_that_the_next_one_ends_or_nothing() {
    on_both(async |ground| {
        let (number, name) = a_deleted_platform(&ground).await;
        let tasks = ground.tasks().await;
        // While it is asked for: the record and its task are there, or neither is.
        let task = 'asked: {
            for moment in 0.. {
                let asking = ground.ask(restore(&name));
                let _ = tokio::time::timeout(Duration::from_micros(moment * 100), asking).await;
                // SQLite may still be ending what nobody waits for any more: the three are looked at one after the
                // other, so a moment between two of them is looked at again. A half that stays is a fault.
                let mut looks = 0;
                let queued = loop {
                    let is_there = ground.ask(Call::of(Id::PlatformShow).about("d9")).await.is_ok();
                    let queued = ground.items(Call::of(Id::TaskList).with("operation", "trash restore")).await;
                    let all = ground.tasks().await.len();
                    let (seen, agree) = ((is_there, all), (!queued.is_empty(), tasks.len() + queued.len()));
                    if seen == agree {
                        break queued;
                    }
                    looks += 1;
                    assert!(looks < 50, "{seen:?} and not {agree:?}, and it stays so");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                };
                if let Some(task) = queued.first() {
                    break 'asked NodeId(task["id"].as_i64().unwrap());
                }
            }
            unreachable!("it is asked for at last");
        };
        // While it runs, and while its end is taken down.
        ground.machine().plan(
            TaskKind::RestorePlatform,
            None,
            Plan { pause: Duration::from_millis(20), ..Plan::default() },
        );
        for moment in 0..40 {
            let next = ground.another().await;
            let holder = format!("front {moment}");
            let at_work = ground.at_work_as(&next, &holder, PACE);
            tokio::time::sleep(Duration::from_millis(moment * 5)).await;
            at_work.kill().await;
            ground.outside.is_killed(&holder);
            next.store().close().await;
            if ground.task(task).await.state.is_ended() {
                break;
            }
        }
        ground.work().await;

        ground.assert_state(task, TaskState::Succeeded).await;
        is_as_it_was(&ground, number).await;
    });
}

#[test]
fn where_it_fails_the_code_stays_in_the_trash_and_it_can_be_asked_for_again() {
    on_both(async |ground| {
        let (number, name) = a_deleted_platform(&ground).await;
        ground.machine().plan_once(TaskKind::RestorePlatform, None, Plan::ends(Ends::RolledBack));
        let task = ground.queue(restore(&name)).await;
        ground.work().await;
        ground.assert_state(task, TaskState::RolledBack).await;
        assert!(names(&ground, listed()).await.contains(&name));
        let again = ground.refused(restore(&name)).await;
        assert!(again.remedy().unwrap().contains("aegir platform forget d9"), "{again:?}");

        // Both ways out that are told: to free the name, and to try the task again.
        ground.ask(Call::of(Id::PlatformForget).about("d9")).await.unwrap();
        ground.machine().plan_once(TaskKind::RestorePlatform, None, Plan::ends(Ends::Refused));
        let task = ground.queue(restore(&name)).await;
        ground.work().await;
        ground.assert_state(task, TaskState::Refused).await;
        ground.queue(Call::of(Id::TaskRetry).about(task.to_string())).await;
        ground.work().await;

        let platform = ground.shown(Call::of(Id::PlatformShow).about("d9")).await;
        assert_eq!((&platform["status"], &platform["title"]), (&json!("enabled"), &json!("Nine, the old one")));
        assert_eq!(ground.status(number).await, ObjectStatus::Deleted);
    });
}

#[test]
fn a_platform_whose_name_is_anothers_by_now_is_left_there_and_the_way_out_is_told() {
    on_both(async |ground| {
        ground.server("web1").await;
        ground.queue(add_platform("d9").with("server", "web1")).await;
        let taken = ground.refused(restore(PLATFORM)).await;
        assert!(taken.to_string().contains("there is a platform `d9` again"), "{taken}");
        ground.work().await;
        let taken = ground.refused(restore(PLATFORM)).await;
        assert!(taken.remedy().unwrap().contains("aegir platform delete d9 --confirm d9"), "{taken:?}");
        assert!(names(&ground, listed()).await.contains(&PLATFORM.to_owned()), "nothing was moved");
    });
}

#[test]
fn what_somebody_needs_or_nothing_is_known_of_is_refused_with_the_reason() {
    on_both(async |ground| {
        ground.server("web1").await;
        let attempt = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let former = TrashThing { kind: TrashKind::FormerSelf, ..thing("", TrashState::Kept) };
        for (n, (lies, why)) in [
            (thing("", TrashState::InUse(attempt)), "belongs to a task that has not ended"),
            (thing("", TrashState::HalfRemoved), "is half removed already"),
            (thing("", TrashState::NotOurs), "no task of `web1` put"),
            (former, "files alone"),
        ]
        .into_iter()
        .enumerate()
        {
            let name = format!("a{n}.test-20260102.030405-0a1b2c3d4e5f");
            ground.machine().put_into_trash(TrashThing { name: name.clone(), ..lies });
            let refusal = ground.refused(restore(&name)).await;
            assert!(refusal.to_string().contains(why), "{refusal}");
            assert!(matches!(refusal, Refusal::Conflict { remedy: Some(_), .. }), "{refusal:?}");
        }
        let kept = empty("a0.test-20260102.030405-0a1b2c3d4e5f").with("thing", "a0.test-20260102.030405-0a1b2c3d4e5f");
        assert!(ground.refused(kept).await.to_string().contains("is left alone"));
        let unknown = ground.refused(restore("x.test-20260102.030405-0a1b2c3d4e5f")).await;
        assert!(unknown.remedy().unwrap().contains("aegir trash list"), "{unknown:?}");
    });
}

#[test]
fn what_is_due_or_named_goes_for_good_once_the_name_is_typed() {
    on_both(async |ground| {
        ground.server("web1").await;
        ground.machine().put_into_trash(thing(OURS, TrashState::Kept));
        let all = names(&ground, listed()).await;
        assert_eq!(all.len(), 4, "{all:?}");
        for (call, parameter) in [
            (empty("web2"), "confirm"),
            (empty("web1").with("thing", SITE), "confirm"),
            (empty(SITE).with("thing", json!([SITE, PLATFORM])), "confirm"),
            (empty("web1").with("thing", SITE).with("older_than", 0), "older_than"),
            (empty("web1").with("thing", json!(vec![SITE; 201])), "thing"),
        ] {
            let bad = ground.refused(call).await;
            assert!(matches!(&bad, Refusal::Bad(bad) if bad.bad[0].parameter == parameter), "{bad:?}");
        }
        let would = ground.shown(Call { dry_run: true, ..empty("-") }).await;
        assert_eq!((&would["removed"][0]["name"], &would["bytes"]), (&json!(OURS), &json!(1000)));
        assert_eq!(names(&ground, listed()).await, all, "nothing went");

        let went = ground.shown(empty("web1")).await;
        assert_eq!((&went["server"], &went["removed"][0]["name"]), (&json!("web1"), &json!(OURS)));
        assert_eq!(went["removed"].as_array().unwrap().len(), 1, "the others are too young: {went}");
        assert!(ground.shown(empty("web1")).await["removed"].as_array().unwrap().is_empty());
        ground.shown(empty(SITE).with("thing", SITE)).await;
        assert_eq!(names(&ground, listed()).await, ["mine", PLATFORM]);
        let gone = ground.refused(empty(SITE).with("thing", SITE)).await;
        assert!(gone.to_string().contains("there is no `"), "{gone}");

        let history = ground.items(Call::of(Id::NodeHistory).about("@server_web1")).await;
        let told: Vec<_> = history.iter().filter(|deed| deed["what"] == "emptied the trash").collect();
        assert_eq!(told.len(), 2, "what removed nothing is no deed: {told:?}");
        assert_eq!((&told[0]["actor"], &told[0]["detail"]["removed"]), (&json!("anna"), &json!([SITE])));
    });
}

#[test]
fn of_several_machines_one_is_named_and_one_that_is_away_is_told() {
    on_both(async |ground| {
        ground.server("web1").await;
        let far = ground.far_server("web2").await;
        let bad = ground.refused(empty("web1")).await;
        assert!(matches!(&bad, Refusal::Bad(bad) if bad.bad[0].parameter == "server"), "{bad:?}");
        let twice = ground.refused(restore(PLATFORM)).await;
        assert!(twice.remedy().unwrap().contains("say which with `server`"), "{twice:?}");
        ground.shown(empty(SITE).with("thing", SITE).with("server", "web2")).await;
        assert_eq!((ground.machine().calls(Asked::Trash), far.calls(Asked::Trash)), (0, 2), "looked, and emptied");

        far.reach(Reach::Away);
        assert!(matches!(ground.refused(empty("web2").with("server", "web2")).await, Refusal::Lost(_)));
        let all = ground.items(listed()).await;
        assert_eq!((&all[0]["kind"], &all[0]["server"]), (&json!("out-of-contact"), &json!("web2")), "{all:?}");
        assert_eq!(all.len(), 4, "and what lies on the other: {all:?}");
        let lost = ground.refused(restore("x.test-20260102.030405-0a1b2c3d4e5f")).await;
        assert!(matches!(lost, Refusal::Lost(_)), "it may lie there: {lost:?}");
    });
}
