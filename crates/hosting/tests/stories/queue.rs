//! The queue: what may be asked for and why not, what begins next, and what stands in the way.

use std::time::Duration;

use aegir_domain::{NodeId, ObjectStatus, TaskKind, TaskState};
use aegir_hosting::{Answer, Call, DispatchedOnce, Dispatcher, OperationId as Id, Refusal};
use aegir_lab::pretend::{Ends, Plan};
use serde_json::json;

use crate::ground::{PACE, add_platform, add_site, delete_site, edit_site, log_in, on_both, on_task, verify_site};

#[test]
fn what_cannot_be_asked_for_now_is_refused_with_its_reason() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let forget = |id, name: &str| Call::of(id).about(name);
        for (call, why) in [
            (forget(Id::PlatformForget, "d10"), "`@platform_d10` is in use: 1 site lives on it"),
            (forget(Id::ServerForget, "web1"), "`@server_web1` is in use: 2 objects refer to it"),
        ] {
            let refusal = ground.refused(call).await;
            assert!(matches!(refusal, Refusal::Unavailable(_)), "{refusal:?}");
            assert_eq!(refusal.to_string(), why);
        }
        assert!(matches!(ground.refused(delete_site("a.test").with("confirm", "b.test")).await, Refusal::Bad(_)));
        ground.queue(add_site("new.test")).await;
        assert_eq!(ground.refused(verify_site("new.test")).await.to_string(), "`@new.test` is not there yet");
        assert_eq!(ground.refused(delete_site("new.test")).await.to_string(), "`@new.test` is not there yet");

        ground.disable("a.test").await;
        let deleting = ground.queue(delete_site("a.test")).await;
        for call in [verify_site("a.test"), edit_site("a.test"), log_in("a.test"), delete_site("a.test")] {
            let refusal = ground.refused(call).await;
            assert_eq!(refusal.to_string(), format!("`@a.test` is being deleted by task {deleting}"));
        }
        let shown = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        for operation in shown["operations"].as_array().unwrap() {
            assert_eq!(
                (&operation["available"], &operation["why_not"]),
                (&json!(false), &json!(format!("`@a.test` is being deleted by task {deleting}")))
            );
        }
        ground.work().await;
        assert!(matches!(ground.refused(verify_site("a.test")).await, Refusal::Unknown { .. }));
    });
}

#[test]
fn nothing_new_is_put_on_what_is_about_to_go() {
    on_both(async |ground| {
        ground.server("web1").await;
        ground.platform("d10", "web1").await;
        let going = ground.queue(Call::of(Id::PlatformForget).about("d10")).await;

        let refusal = ground.refused(add_site("a.test").with("platform", "d10")).await;
        assert_eq!(refusal.to_string(), format!("`@platform_d10` is being deleted by task {going}"));
        ground.work().await;
        ground.assert_state(going, TaskState::Succeeded).await;

        let going = ground.queue(Call::of(Id::ServerForget).about("web1")).await;
        let refusal = ground.refused(add_platform("d11").with("server", "web1")).await;
        assert_eq!(refusal.to_string(), format!("`@server_web1` is being deleted by task {going}"));
        ground.work().await;
        ground.assert_state(going, TaskState::Succeeded).await;
        assert!(ground.items(Call::of(Id::ServerList)).await.is_empty());
    });
}

#[test]
fn an_install_that_fails_leaves_a_site_that_can_be_made_again_or_dropped_and_nothing_else() {
    on_both(async |ground| {
        ground.fleet(&[]).await;
        ground.machine().plan_once(TaskKind::InstallSite, "@a.test", Plan::ends(Ends::RolledBack));
        let task = ground.queue(add_site("a.test").with("alias", "www.a.test")).await;
        ground.work().await;
        ground.assert_state(task, TaskState::RolledBack).await;
        let site = ground.task(task).await.object;
        assert_eq!(ground.status(site).await, ObjectStatus::Failed);
        let refusal = ground.refused(verify_site("a.test")).await;
        assert_eq!(refusal.to_string(), "`@a.test` could not be made, so there is nothing to verify");
        // Its name stays its own until somebody decides.
        assert!(matches!(ground.refused(add_site("a.test")).await, Refusal::Taken { .. }));
        assert!(matches!(ground.refused(add_site("www.a.test")).await, Refusal::Taken { .. }));

        let again = ground.queue(on_task(Id::TaskRetry, task)).await;
        assert_eq!(again, task);
        assert_eq!(ground.status(site).await, ObjectStatus::New);
        ground.work().await;
        ground.assert_state(task, TaskState::Succeeded).await;
        assert_eq!(ground.status(site).await, ObjectStatus::Enabled);
        let attempts = ground.attempts(task).await;
        assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2]);
        assert_ne!(attempts[0].id, attempts[1].id);
        // What is made is not made again.
        assert!(matches!(ground.refused(on_task(Id::TaskRetry, task)).await, Refusal::Conflict { .. }));

        ground.machine().plan_once(TaskKind::InstallSite, "@b.test", Plan::ends(Ends::Refused));
        let task = ground.queue(add_site("b.test")).await;
        ground.work().await;
        let began = ground.machine().began().len();
        assert!(matches!(ground.ask(delete_site("b.test")).await, Ok(Answer::Object(_))));
        assert_eq!(ground.status(ground.task(task).await.object).await, ObjectStatus::Deleted);
        assert!(matches!(ground.refused(on_task(Id::TaskRetry, task)).await, Refusal::Unavailable(_)));
        ground.site("b.test").await;
        assert_eq!(ground.machine().began().len(), began + 1, "no back end was asked to delete what was never made");
    });
}

#[test]
fn a_task_that_waits_is_cancelled_at_once_and_one_that_runs_is_taken_back() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.want_news().await;
        let task = ground.queue(add_site("b.test")).await;
        ground.ask(on_task(Id::TaskCancel, task)).await.unwrap();
        ground.assert_state(task, TaskState::Cancelled).await;
        let site = ground.task(task).await.object;
        assert_eq!(ground.status(site).await, ObjectStatus::Failed);
        ground.work().await;
        assert_eq!(ground.machine().attempts_of("@b.test"), 0);
        assert!(matches!(ground.refused(on_task(Id::TaskCancel, task)).await, Refusal::Conflict { .. }));
        ground.queue(on_task(Id::TaskRetry, task)).await;

        ground.machine().plan(TaskKind::InstallSite, "@b.test", Plan::holds());
        let at_work = ground.at_work();
        ground.until("it runs", async || ground.machine().attempts_of("@b.test") == 1).await;
        ground.ask(on_task(Id::TaskCancel, task)).await.unwrap();
        let shown = ground.shown(on_task(Id::TaskShow, task)).await;
        assert!(shown["cancelling"] == true || shown["state"] == "rolled-back", "{shown}");
        let record = ground.until_state(task, TaskState::RolledBack).await;
        at_work.stop().await;
        assert_eq!(record.cancel_actor.as_deref(), Some("anna"));
        assert_eq!(ground.status(site).await, ObjectStatus::Failed);
        assert!(ground.machine().context("@b.test").is_none());
        // Whoever asked for it need not be told.
        ground.hosting.send_news().await.unwrap();
        assert!(ground.postman.sent().is_empty(), "{:?}", ground.postman.sent());
    });
}

#[test]
fn one_that_never_stops_talking_can_be_stopped() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, "@a.test", Plan { floods: u64::MAX, ..Plan::default() });
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground.until_state(task, TaskState::Running).await;
        ground.ask(on_task(Id::TaskCancel, task)).await.unwrap();

        ground
            .until("it stops", async || {
                ground.machine().began().last().is_some_and(|last| ground.machine().has_ended(last.attempt))
            })
            .await;
        at_work.kill().await;
    });
}

#[test]
fn the_same_twice_is_one_task_and_the_same_with_something_else_is_in_the_way() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let first = ground.queue(edit_site("a.test").with("alias", "www.a.test")).await;

        let Answer::Queued(again) = ground.ask(edit_site("a.test").with("alias", "www.a.test")).await.unwrap() else {
            panic!("it is queued")
        };
        assert_eq!((NodeId(again.task), again.known), (first, true));
        let refusal = ground.refused(edit_site("a.test").with("alias", "other.a.test")).await;
        assert!(
            matches!(&refusal, Refusal::Conflict { what, remedy: Some(remedy) }
            if what.contains(&first.to_string()) && remedy.contains("task cancel")),
            "{refusal:?}"
        );

        // Two who ask at the same moment get the same task.
        let mut asking = Vec::new();
        for n in 0..8 {
            let (hosting, actor) = (ground.hosting.clone(), aegir_hosting::Actor::of_machine(&format!("user{n}")));
            asking.push(tokio::spawn(async move { hosting.perform(&actor, verify_site("a.test")).await }));
        }
        let mut tasks = Vec::new();
        for asked in asking {
            let Ok(Answer::Queued(queued)) = asked.await.unwrap() else { panic!("it is queued") };
            tasks.push(queued.task);
        }
        tasks.dedup();
        assert_eq!(tasks.len(), 1);
    });
}

#[test]
fn a_retry_is_in_the_way_of_nothing_and_does_not_hide_what_waits() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.disable("a.test").await;
        ground.machine().plan_once(TaskKind::VerifySite, "@a.test", Plan::ends(Ends::RolledBack));
        let failed = ground.queue(edit_site("a.test").with("alias", "www.a.test")).await;
        ground.work().await;
        ground.assert_state(failed, TaskState::RolledBack).await;
        let waits = ground.queue(edit_site("a.test").with("alias", "other.a.test")).await;

        // It would say something else than the one that waits.
        let refusal = ground.refused(on_task(Id::TaskRetry, failed)).await;
        assert!(matches!(&refusal, Refusal::Conflict { what, .. } if what.contains(&waits.to_string())), "{refusal:?}");
        ground.ask(on_task(Id::TaskCancel, waits)).await.unwrap();
        ground.queue(on_task(Id::TaskRetry, failed)).await;
        ground.queue(delete_site("a.test").with("confirm", "a.test")).await;
        ground.work().await;
        // What is about to go is not verified again.
        let verify = ground.tasks().await;
        assert_eq!(verify.last().unwrap(), "site-delete @a.test succeeded");
    });
}

#[test]
fn nothing_is_retried_on_what_is_about_to_go() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let verified = ground.queue(verify_site("a.test")).await;
        ground.work().await;
        ground.disable("a.test").await;
        let going = ground.queue(delete_site("a.test")).await;

        let refusal = ground.refused(on_task(Id::TaskRetry, verified)).await;

        assert_eq!(refusal.to_string(), format!("`@a.test` is being deleted by task {going}"));
    });
}

#[test]
fn an_edit_is_made_from_what_is_saved_when_it_begins_and_not_from_what_was_saved_when_it_was_asked_for() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.ask(Call::of(Id::QueuePause)).await.unwrap();
        ground.queue(edit_site("a.test").with("alias", "www.a.test")).await;
        // Before it begins, somebody changes something else of the site in a shell.
        let aegir_domain::Context::Site(mut site) = ground.machine().context("@a.test").unwrap() else { panic!() };
        site.revision += 1;
        site.mail = "other@a.test".parse().unwrap();
        ground.machine().put_context(aegir_domain::Context::Site(site.clone()));
        ground
            .store()
            .write(async |tx| {
                let node = tx.node_named(&"@a.test".parse().unwrap()).await?.unwrap();
                let record = tx.site(node.id).await?.unwrap();
                tx.record_site(node.id, &site, record.platform, record.db_server, ground.now()).await
            })
            .await
            .unwrap();
        ground.ask(Call::of(Id::QueueResume)).await.unwrap();
        ground.work().await;

        let aegir_domain::Context::Site(after) = ground.machine().context("@a.test").unwrap() else { panic!() };
        assert_eq!((after.mail.as_str(), after.aliases.len(), after.revision), ("other@a.test", 1, 3));
        assert_eq!(ground.tasks().await.last().unwrap(), "site-edit @a.test succeeded");
    });
}

#[test]
fn a_change_that_was_made_from_an_older_revision_is_refused() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.queue(edit_site("a.test").with("alias", "www.a.test").with("revision", 1)).await;
        ground.work().await;

        for call in [
            edit_site("a.test").with("alias", "b.a.test").with("revision", 1),
            Call::of(Id::PlatformEdit).about("d10").with("php", "/usr/bin/php8.2").with("revision", 0),
            Call::of(Id::ServerEdit).about("web1").with("title", "Web").with("revision", 7),
        ] {
            assert!(matches!(ground.refused(call.clone()).await, Refusal::Stale { .. }), "{call:?}");
        }
        let refusal = ground.refused(edit_site("a.test").with("no_alias", true).with("revision", 1)).await;
        assert_eq!(
            refusal.to_string(),
            "`a.test` was changed meanwhile: it has revision 2, and the change was made from revision 1"
        );
    });
}

#[test]
fn sites_of_a_platform_are_worked_on_side_by_side_and_never_beside_its_own_verify() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test", "c.test"]).await;
        let slow = Plan { pause: Duration::from_millis(60), ..Plan::default() };
        ground.machine().plan(None, None, slow);
        for site in ["a.test", "b.test", "c.test"] {
            ground.queue(verify_site(site)).await;
        }
        ground.queue(Call::of(Id::PlatformVerify).about("d10")).await;
        ground.queue(Call::of(Id::ServerVerify).about("web1")).await;
        ground.queue(log_in("a.test")).await;
        ground.work().await;

        let machine = ground.machine();
        assert!(machine.most_at_once() >= 3, "{}", machine.most_at_once());
        assert!(machine.collisions().is_empty(), "{:?}", machine.collisions());
        assert!(ground.tasks().await.iter().all(|task| task.ends_with("succeeded")));
    });
}

#[test]
fn a_task_that_waits_says_for_what() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan::holds());
        let runs = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground.until_state(runs, TaskState::Running).await;
        let same = ground.queue(log_in("a.test")).await;
        let platform = ground.queue(Call::of(Id::PlatformVerify).about("d10")).await;
        let why = async |task| {
            let shown = ground.shown(on_task(Id::TaskShow, task)).await;
            shown["waits_for"].as_str().unwrap_or_default().to_owned()
        };
        assert!(why(same).await.contains(&format!("task {runs} runs on the same object")), "{}", why(same).await);
        assert!(why(platform).await.contains(&format!("task {runs} holds `platform-d10`")), "{}", why(platform).await);

        ground.set("tasks_at_once", "1").await;
        let other = ground.queue(verify_site("b.test")).await;
        assert_eq!(why(other).await, "1 tasks run, which is as many as may");
        ground.ask(Call::of(Id::QueuePause)).await.unwrap();
        ground.ask(Call::of(Id::QueuePause).with("server", "web1")).await.unwrap();
        let said = why(other).await;
        assert!(said.starts_with("the queue is paused; the server `web1` is paused"), "{said}");
        let queue = ground.shown(Call::of(Id::QueueShow)).await;
        assert_eq!(
            (&queue["paused"], &queue["paused_servers"], &queue["running"], &queue["waiting"]),
            (&json!(true), &json!(["web1"]), &json!(1), &json!(3))
        );

        ground.machine().release("@a.test");
        ground.until_state(runs, TaskState::Succeeded).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(ground.shown(Call::of(Id::QueueShow)).await["waiting"], 3, "nothing begins while it is paused");
        ground.ask(Call::of(Id::QueueResume)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(ground.shown(Call::of(Id::QueueShow)).await["waiting"], 3, "its server still is");
        ground.machine().plan(TaskKind::VerifySite, None, Plan::default());
        ground.ask(Call::of(Id::QueueResume).with("server", "web1")).await.unwrap();
        for task in [same, platform, other] {
            ground.until_state(task, TaskState::Succeeded).await;
        }
        at_work.stop().await;
    });
}

#[test]
fn a_drained_queue_comes_to_rest() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, "@a.test", Plan::holds());
        let runs = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground.until_state(runs, TaskState::Running).await;

        let queue = ground.shown(Call::of(Id::QueueDrain)).await;
        assert_eq!((&queue["paused"], &queue["running"]), (&json!(true), &json!(1)));
        let waits = ground.queue(verify_site("b.test")).await;
        ground.machine().release("@a.test");
        ground.until("none runs", async || ground.shown(Call::of(Id::QueueShow)).await["running"] == 0).await;
        at_work.stop().await;
        ground.assert_state(waits, TaskState::Waiting).await;
    });
}

#[test]
fn limits_hold_on_a_server_and_in_all() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test", "c.test", "d.test", "e.test"]).await;
        ground.queue(Call::of(Id::ServerEdit).about("web1").with("most_tasks", 2)).await;
        ground.work().await;
        let before = ground.machine().most_at_once();
        assert!(before <= 4, "the setting `tasks_per_server` holds where nothing else is said: {before}");
        let slow = || Plan { pause: Duration::from_millis(40), ..Plan::default() };
        ground.machine().plan(None, None, slow());
        let machine = ground.machine();
        for limit in [2, 1] {
            machine.count_anew();
            for site in ["a.test", "b.test", "c.test", "d.test", "e.test"] {
                ground.queue(verify_site(site)).await;
            }
            ground.work().await;
            assert_eq!(machine.most_at_once(), limit);
            ground.set("tasks_at_once", "1").await;
        }
    });
}

#[test]
fn a_server_without_a_limit_of_its_own_follows_the_setting_at_once() {
    on_both(async |ground| {
        let sites = ["a.test", "b.test", "c.test", "d.test", "e.test"];
        ground.fleet(&sites).await;
        let machine = ground.machine();
        machine.plan(TaskKind::VerifySite, None, Plan { pause: Duration::from_millis(40), ..Plan::default() });
        let most_at_once = async || {
            machine.count_anew();
            for site in sites {
                ground.queue(verify_site(site)).await;
            }
            ground.work().await;
            machine.most_at_once()
        };
        let edit = async |limit: i64| {
            ground.queue(Call::of(Id::ServerEdit).about("web1").with("most_tasks", limit)).await;
            ground.work().await;
            ground.shown(Call::of(Id::ServerShow).about("web1")).await["most_tasks"].clone()
        };
        assert_eq!(most_at_once().await, 4, "the setting's default");
        ground.set("tasks_per_server", "2").await;
        assert_eq!(most_at_once().await, 2);

        assert_eq!(edit(3).await, 3);
        ground.set("tasks_per_server", "1").await;
        assert_eq!(most_at_once().await, 3, "its own limit is not the setting's affair");
        assert_eq!(edit(0).await, json!(null));
        assert_eq!(most_at_once().await, 1);

        // What waits for room says how much there is.
        machine.plan(TaskKind::VerifySite, "@a.test", Plan::holds());
        let runs = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground.until_state(runs, TaskState::Running).await;
        let waits = ground.queue(verify_site("b.test")).await;
        let shown = ground.shown(on_task(Id::TaskShow, waits)).await;
        assert_eq!(shown["waits_for"], "1 tasks run on its server, which is as many as may");
        machine.release("@a.test");
        ground.until_state(waits, TaskState::Succeeded).await;
        at_work.stop().await;
    });
}

#[test]
fn a_person_is_served_before_what_was_only_due() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        for name in ["p1", "p2", "p3"] {
            ground.platform(name, "web1").await;
        }
        ground.set("tasks_at_once", "1").await;
        // Scheduled ones come with schedules; until then they are put in by hand.
        ground.ask(Call::of(Id::QueuePause)).await.unwrap();
        for name in ["p1", "p2", "p3"] {
            ground.queue(Call::of(Id::PlatformVerify).about(name)).await;
        }
        ground.make_waiting_scheduled().await;
        let person = ground.queue(verify_site("a.test")).await;
        // One that waits and that a person asks for again goes with the person's.
        ground.queue(Call::of(Id::PlatformVerify).about("p3")).await;
        ground.ask(Call::of(Id::QueueResume)).await.unwrap();
        let before = ground.machine().began().len();
        ground.work().await;

        let order = ground.machine().objects_began().split_off(before);
        assert_eq!(order, ["@platform_p3", "@a.test", "@platform_p1", "@platform_p2"]);
        ground.assert_state(person, TaskState::Succeeded).await;
    });
}

#[test]
fn what_waits_for_a_thing_that_goes_is_not_begun() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.disable("a.test").await;
        ground.ask(Call::of(Id::QueuePause)).await.unwrap();
        let verify = ground.queue(verify_site("a.test")).await;
        ground.make_waiting_scheduled().await;
        let deleting = ground.queue(delete_site("a.test")).await;
        ground.ask(Call::of(Id::QueueResume)).await.unwrap();
        ground.work().await;

        ground.assert_state(deleting, TaskState::Succeeded).await;
        ground.assert_state(verify, TaskState::Cancelled).await;
        assert!(!ground.machine().began().iter().any(|began| began.kind == TaskKind::VerifySite));
    });
}

#[test]
fn a_dispatcher_for_a_crontab_does_what_there_is_and_leaves() {
    on_both(async |ground| {
        let first = ground.work().await;
        assert_eq!(first, DispatchedOnce::default());
        let add = ground.queue(crate::ground::add_server("web1")).await;
        assert_eq!(ground.work().await.begun, [add]);
        ground.fleet_on("web1", &["a.test", "b.test"]).await;
        assert_eq!(ground.work().await.begun, []);
        // What was left behind by another is attached to.
        ground.machine().plan(TaskKind::VerifySite, None, Plan::holds());
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground.until_began(TaskKind::VerifySite, "@a.test").await;
        at_work.kill().await;
        ground.machine().release("@a.test");
        let last = ground.work().await;
        assert_eq!((last.begun, last.attached), (Vec::new(), vec![task]));
        ground.assert_state(task, TaskState::Succeeded).await;
    });
}

#[test]
fn a_dispatcher_for_a_crontab_leaves_alone_what_another_works_on_and_what_it_is_told_to_leave() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan::holds());
        let task = ground.queue(verify_site("a.test")).await;
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let other = ground.another().await;
        let first = Dispatcher::new(other.clone(), "one").at(PACE).once_until(async { drop(told.await) });
        let first = tokio::spawn(first);
        ground.until_began(TaskKind::VerifySite, "@a.test").await;

        let second = ground.dispatcher("two").once().await.unwrap();
        assert_eq!(second, DispatchedOnce { elsewhere: vec!["web1".parse().unwrap()], ..DispatchedOnce::default() });
        drop(tell);
        assert_eq!(first.await.unwrap().unwrap().begun, [task]);
        ground.assert_state(task, TaskState::Running).await;

        // Its lease is free again, and what it left is followed to its end.
        ground.machine().release("@a.test");
        assert_eq!(ground.dispatcher("two").once().await.unwrap().attached, [task]);
        ground.assert_state(task, TaskState::Succeeded).await;
        assert_eq!(ground.attempts(task).await.len(), 1);
        other.store().close().await;
    });
}
