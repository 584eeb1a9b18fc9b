//! A site is given another name: it is the same site in every list, and nobody gets a name that is on its way to another.

use aegir_domain::{Context, Former, Names, OldName, SiteContext, Task, TaskKind, TaskState};
use aegir_hosting::{Call, OperationId as Id, Refusal};
use aegir_lab::pretend::{Ends, Plan};
use serde_json::{Value, json};

use crate::ground::{Ground, add_site, edit_site, on_both, verify_site};

fn rename(site: &str, to: &str) -> Call {
    Call::of(Id::SiteRename).about(site).with("new_name", to)
}

fn show(site: &str) -> Call {
    Call::of(Id::SiteShow).about(site)
}

async fn names(ground: &Ground) -> Vec<String> {
    let sites = ground.items(Call::of(Id::SiteList)).await;
    sites.iter().map(|site| site["name"].as_str().unwrap().to_owned()).collect()
}

fn domains(site: &Value) -> Vec<(&str, &str)> {
    let domains = site["domains"].as_array().unwrap();
    domains.iter().map(|domain| (domain["name"].as_str().unwrap(), domain["kind"].as_str().unwrap())).collect()
}

#[test]
fn a_site_that_is_renamed_is_the_same_site_under_its_new_name_everywhere() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.queue(Call::of(Id::SiteBackup).about("a.test")).await;
        ground.work().await;
        let before = ground.shown(show("a.test")).await;

        let task = ground.queue(rename("a.test", "new.test")).await;
        assert_eq!(names(&ground).await, ["a.test", "b.test"], "until its task has ended");
        ground.work().await;

        ground.assert_state(task, TaskState::Succeeded).await;
        assert_eq!(names(&ground).await, ["b.test", "new.test"]);
        let after = ground.shown(show("new.test")).await;
        assert_eq!((&after["id"], &after["client"]), (&before["id"], &before["client"]));
        assert_eq!(domains(&after), [("new.test", "main"), ("a.test", "redirect")]);
        assert_eq!((&after["fenced_ms"], &after["fenced_by"]), (&json!(2400), &json!(task.0)));
        assert_eq!(after["formers"][0]["called"], json!("a.test"), "{after}");
        assert!(after["verified"].is_i64());
        assert!(matches!(ground.refused(show("a.test")).await, Refusal::Unknown { .. }));
        let tasks = ground.items(Call::of(Id::TaskList).with("object", "@new.test")).await;
        assert_eq!(tasks.len(), 3, "what was done under the old name is of it too: {tasks:?}");
        let history = ground.items(Call::of(Id::NodeHistory).about("@new.test")).await;
        let told = history.iter().find(|deed| deed["what"] == "renamed").expect("its history says so");
        assert_eq!((&told["actor"], &told["detail"]["was"]), (&json!("anna"), &json!("@a.test")));
        // Backups keep the name that they were made under, and are its own all the same.
        let backups = async |site: &str| {
            let list = Call::of(Id::BackupList).with("site", site).with("kind", "backup");
            ground.items(list).await.iter().map(|one| one["name"].clone()).collect::<Vec<_>>()
        };
        let old = backups("new.test").await;
        assert_eq!((&old, old.len()), (&backups("a.test").await, 1));
        let restore = Call::of(Id::BackupRestore).about(old[0].as_str().unwrap());
        let refusal = ground.refused(restore).await;
        assert!(
            matches!(&refusal, Refusal::Bad(bad) if bad.bad[0].parameter == "as" && bad.bad[0].why.contains("new.test")),
            "{refusal:?}"
        );
        // Whatever is asked of it now is asked under its new name.
        ground.queue(edit_site("new.test").with("alias", json!(["a.test", "c.test"]))).await;
        ground.work().await;
        assert_eq!(ground.shown(show("new.test")).await["domains"].as_array().unwrap().len(), 3);
        assert!(ground.store().check().await.unwrap().is_empty(), "{:?}", ground.store().check().await);
    });
}

#[test]
fn the_old_name_leads_on_or_is_another_name_or_is_free() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.queue(rename("a.test", "a1.test").with("old_name", "alias")).await;
        ground.queue(rename("b.test", "b1.test").with("old_name", "gone")).await;
        ground.work().await;

        assert_eq!(domains(&ground.shown(show("a1.test")).await), [("a1.test", "main"), ("a.test", "alias")]);
        assert_eq!(domains(&ground.shown(show("b1.test")).await), [("b1.test", "main")]);
        let refusal = ground.refused(add_site("a.test")).await;
        assert!(matches!(&refusal, Refusal::Taken { by, .. } if by.contains("a1.test")), "{refusal:?}");
        ground.queue(add_site("b.test").with("platform", "d10")).await;
        ground.work().await;
        assert_eq!(names(&ground).await, ["a1.test", "b.test", "b1.test"]);
    });
}

#[test]
fn a_name_that_is_not_free_or_is_on_its_way_to_another_is_refused_at_once() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.queue(edit_site("b.test").with("alias", "www.b.test")).await;
        ground.work().await;
        let tasks = ground.tasks().await;
        for (to, taken) in [("b.test", true), ("www.b.test", true), ("a.test", false)] {
            let refusal = ground.refused(rename("a.test", to)).await;
            match &refusal {
                Refusal::Taken { by, .. } if taken => assert!(by.contains("b.test"), "{to}: {refusal}"),
                Refusal::Bad(bad) if !taken => assert_eq!(bad.bad[0].parameter, "new_name"),
                other => panic!("{to}: {other:?}"),
            }
        }
        assert_eq!(ground.tasks().await, tasks);

        let task = ground.queue(rename("a.test", "new.test")).await;
        let alias = edit_site("b.test").with("alias", "new.test");
        for call in [add_site("new.test"), rename("b.test", "new.test"), alias.clone()] {
            let refusal = ground.refused(call).await;
            assert!(
                matches!(&refusal, Refusal::Taken { by, .. } if by.contains(&task.to_string())),
                "it is on its way to a.test: {refusal:?}"
            );
        }
        let other = rename("a.test", "other.test");
        assert!(matches!(ground.refused(other).await, Refusal::Conflict { .. }), "one waits that says otherwise");
        ground.ask(Call::of(Id::TaskCancel).about(task.to_string())).await.unwrap();
        ground.queue(alias).await;
    });
}

#[test]
fn a_rename_that_fails_leaves_the_name_and_can_be_tried_again() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan_once(TaskKind::RenameSite, "@a.test", Plan::ends(Ends::RolledBack));
        let task = ground.queue(rename("a.test", "new.test")).await;
        ground.work().await;
        ground.assert_state(task, TaskState::RolledBack).await;
        assert_eq!(names(&ground).await, ["a.test"]);

        ground.ask(Call::of(Id::TaskRetry).about(task.to_string())).await.unwrap();
        ground.work().await;
        assert_eq!(names(&ground).await, ["new.test"]);
    });
}

#[test]
fn what_waits_for_a_site_is_asked_of_it_under_the_name_that_it_has_by_then() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.queue(rename("a.test", "new.test")).await;
        let verify = ground.queue(verify_site("a.test")).await;
        let edit = ground.queue(edit_site("a.test").with("alias", "c.test")).await;
        ground.work().await;

        for task in [verify, edit] {
            ground.assert_state(task, TaskState::Succeeded).await;
        }
        let began: Vec<_> = ground.machine().began().iter().rev().take(2).map(|began| began.object.clone()).collect();
        assert_eq!(began, ["@new.test", "@new.test"]);
        // Tried again, it is asked of the same site too.
        ground.ask(Call::of(Id::TaskRetry).about(verify.to_string())).await.unwrap();
        ground.work().await;
        ground.assert_state(verify, TaskState::Succeeded).await;
        assert!(ground.machine().collisions().is_empty(), "{:?}", ground.machine().collisions());
        // And while it waits, it holds that name: who is to take the old one does not wait for it.
        assert!(ground.store().check().await.unwrap().is_empty());
    });
}

#[test]
fn going_back_returns_to_the_name_too() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.queue(rename("a.test", "new.test").with("old_name", "gone")).await;
        ground.work().await;
        let id = ground.shown(show("new.test")).await["id"].clone();
        let back = ground.queue(Call::of(Id::SiteGoBack).about("new.test")).await;
        let refusal = ground.refused(add_site("a.test")).await;
        assert!(matches!(&refusal, Refusal::Taken { .. }), "{refusal:?}");
        ground.work().await;
        ground.assert_state(back, TaskState::Succeeded).await;
        assert_eq!(names(&ground).await, ["a.test", "b.test"]);
        assert_eq!(ground.shown(show("a.test")).await["id"], id);

        ground.queue(rename("a.test", "new.test").with("old_name", "gone")).await;
        ground.work().await;
        ground.queue(add_site("a.test").with("platform", "d10")).await;
        ground.work().await;
        let refusal = ground.refused(Call::of(Id::SiteGoBack).about("new.test")).await;
        assert!(matches!(&refusal, Refusal::Taken { by, .. } if by.contains("a.test")), "{refusal:?}");
    });
}

fn by_hand(site: &str, to: &str) -> Task {
    let old_name = OldName::Redirect;
    Task::RenameSite { site: site.parse().unwrap(), to: to.parse().unwrap(), old_name, keep: None }
}

#[test]
fn a_rename_typed_in_a_shell_is_the_same_site_under_its_new_name() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let id = ground.shown(show("a.test")).await["id"].clone();
        let machine = ground.machine();
        // What was done under the old name before is of it too.
        machine.by_hand(Task::Login { site: "a.test".parse().unwrap(), account: 1 });
        let attempt = machine.by_hand(by_hand("a.test", "new.test"));
        ground.until("it ended", async || machine.has_ended(attempt)).await;
        ground.look().await;
        ground.look().await;

        assert_eq!(names(&ground).await, ["b.test", "new.test"]);
        let shown = ground.shown(show("new.test")).await;
        assert_eq!((&shown["id"], &shown["fenced_ms"]), (&id, &json!(2400)));
        assert_eq!(domains(&shown), [("new.test", "main"), ("a.test", "redirect")]);
        let tasks = ground.items(Call::of(Id::TaskList).with("object", "@new.test")).await;
        let operations: Vec<_> = tasks.iter().map(|task| task["operation"].as_str().unwrap()).collect();
        assert!(operations.contains(&"site-rename") && operations.contains(&"site-login"), "{operations:?}");
        assert!(ground.items(Call::of(Id::DriftList)).await.is_empty());
        ground.queue(verify_site("new.test")).await;
        ground.work().await;

        // And back by hand.
        let back = machine.by_hand(Task::GoBackSite {
            site: "new.test".parse().unwrap(),
            former: None,
            keep: None,
            although_broken: false,
        });
        ground.until("it ended", async || machine.has_ended(back)).await;
        ground.look().await;
        assert_eq!(names(&ground).await, ["a.test", "b.test"]);
        assert_eq!(ground.shown(show("a.test")).await["id"], id);
        assert!(ground.store().check().await.unwrap().is_empty());
    });
}

#[test]
fn a_rename_that_is_under_way_makes_no_second_site_whenever_its_machine_is_looked_at() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let machine = ground.machine();
        let Some(Context::Site(before)) = machine.context("@a.test") else { panic!("there is no a.test") };
        let names_then = Names::of(&before);
        let left = Former {
            names: Some(Box::new(names_then)),
            ..Former::of(&before, "a.test-20260101.000000-0123456789ab".parse().unwrap(), 1_767_225_600, 1)
        };
        let mut copy = SiteContext {
            name: "new.test".parse().unwrap(),
            formers: vec![left],
            revision: before.revision + 1,
            ..(*before).clone()
        };
        copy.database.name = "new_test".parse().unwrap();
        machine.put_context(Context::Site(Box::new(copy.clone())));
        // Half way both records are there.
        ground.look().await;
        let two = names(&ground).await;
        machine.drop_context("@a.test");
        ground.look().await;
        assert_eq!((two, names(&ground).await), (vec!["a.test".to_owned()], vec!["new.test".to_owned()]));

        // Another site that took the old name since is another site.
        let mut other = *before;
        other.database.name = "another".parse().unwrap();
        machine.put_context(Context::Site(Box::new(other)));
        ground.look().await;
        assert_eq!(names(&ground).await, ["a.test", "new.test"]);
    });
}

#[test]
fn a_name_that_was_left_and_taken_again_in_a_shell_is_another_site() {
    on_both(async |ground| {
        ground.fleet(&["m.test"]).await;
        let id = ground.shown(show("m.test")).await["id"].clone();
        let machine = ground.machine();
        let Some(Context::Site(before)) = machine.context("@m.test") else { panic!("there is no m.test") };
        let former = "m.test-20260101.000000-0123456789ab".parse().unwrap();
        let called = Some(Box::new(Names::of(&before)));
        let left = Former { names: called, ..Former::of(&before, former, 1_767_225_600, 1) };
        let mut renamed = SiteContext { name: "z.test".parse().unwrap(), formers: vec![left], ..(*before).clone() };
        renamed.database.name = "z_test".parse().unwrap();
        let mut other = SiteContext { revision: before.revision + 7, ..*before };
        other.database.name = "another".parse().unwrap();
        for site in [other, renamed] {
            machine.put_context(Context::Site(Box::new(site)));
        }
        ground.look().await;

        assert_eq!(names_and_ids(&ground).await[1], ("z.test".to_owned(), id), "known by what it left");
        assert_eq!(names(&ground).await, ["m.test", "z.test"]);
        assert!(ground.items(Call::of(Id::DriftList)).await.is_empty());
    });
}

async fn names_and_ids(ground: &Ground) -> Vec<(String, Value)> {
    let sites = ground.items(Call::of(Id::SiteList)).await;
    sites.iter().map(|site| (site["name"].as_str().unwrap().to_owned(), site["id"].clone())).collect()
}

#[test]
fn a_site_without_drupal_is_not_renamed_nor_copied() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let machine = ground.machine();
        let Some(Context::Site(mut site)) = machine.context("@a.test") else { panic!("there is no a.test") };
        site.awaits_installer = true;
        site.revision += 1;
        machine.put_context(Context::Site(site));
        ground.look().await;

        let shown = ground.shown(show("a.test")).await;
        for verb in ["rename", "clone"] {
            let one = shown["operations"].as_array().unwrap().iter().find(|one| one["verb"] == verb).unwrap();
            assert_eq!(one["available"], json!(false), "{one}");
        }
        let copy = Call::of(Id::SiteClone).about("a.test").with("as", "copy.test");
        for call in [rename("a.test", "new.test"), copy] {
            assert!(matches!(ground.refused(call).await, Refusal::Conflict { .. }));
        }
    });
}
