//! What was done on a machine by hand: found, recorded once, and never silently written over.

use aegir_domain::{Context, ContextName, ObjectStatus, SiteContext, Task, TaskKind, TaskState};
use aegir_hosting::{Call, Front as _, OperationId as Id, Refusal};
use aegir_lab::pretend::{Ends, Machine, Plan, Sent};
use serde_json::json;

use crate::ground::{A_LOOK, Ground, delete_site, edit_site, on_both, verify_site};

pub fn install(site: &str) -> Task {
    serde_json::from_value(json!({
        "kind": "install-site", "site": site, "platform": "d10", "db_server": "web1", "mail": "a@b.org",
        "account": "admin", "client": "admin",
    }))
    .unwrap()
}

pub fn delete(site: &str) -> Task {
    Task::DeleteSite { site: site.parse().unwrap(), confirm: site.into(), no_backup: true }
}

pub fn site(machine: &Machine, name: &str) -> SiteContext {
    let Some(Context::Site(site)) = machine.context(name) else { panic!("there is no {name}") };
    *site
}

#[test]
fn whoever_knows_that_something_was_done_by_hand_has_it_found_at_once() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let at_work = ground.at_work();
        // Found by the look that a dispatcher begins with; the next one is a minute away.
        ground.machine().by_hand(install("first.test"));
        let is_known = async |site: &str| ground.ask(Call::of(Id::SiteShow).about(site)).await.is_ok();
        ground.hosting.look_soon();
        ground.until("the first is found", async || is_known("first.test").await).await;
        ground.machine().by_hand(install("second.test"));
        ground.hosting.look_soon();
        ground.until("the second is found", async || is_known("second.test").await).await;
        at_work.stop().await;
    });
}

#[test]
fn a_site_that_was_made_in_a_shell_is_recorded_with_its_attempt_and_only_once() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().by_hand(install("hand.test"));
        ground.look().await;
        ground.look().await;

        let shown = ground.shown(Call::of(Id::SiteShow).about("hand.test")).await;
        assert_eq!(
            (&shown["status"], &shown["platform"], &shown["revision"]),
            (&json!("enabled"), &json!("d10"), &json!(1))
        );
        assert!(shown["verified"].is_i64(), "{shown}");
        let tasks = ground.items(Call::of(Id::TaskList).with("object", "@hand.test")).await;
        assert_eq!(tasks.len(), 1);
        assert_eq!(
            (&tasks[0]["operation"], &tasks[0]["state"], &tasks[0]["asked_by"]),
            (&json!("site-add"), &json!("succeeded"), &json!("root in a shell"))
        );
        // It is like any other from now on.
        ground.queue(edit_site("hand.test").with("alias", "www.hand.test")).await;
        ground.work().await;
        assert_eq!(site(&ground.machine(), "@hand.test").aliases.len(), 1);
        assert!(ground.items(Call::of(Id::DriftList)).await.is_empty());
    });
}

#[test]
fn what_runs_in_a_shell_is_followed_like_any_other_task() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan::holds());
        let attempt = ground.machine().by_hand(Task::VerifySite { site: "a.test".parse().unwrap(), context: None });
        ground.outside.jump(A_LOOK);
        let at_work = ground.at_work();
        ground
            .until("it is found", async || ground.read(async |read| read.attempt(attempt).await).await.is_some())
            .await;
        let task = ground.read(async |read| read.attempt(attempt).await).await.unwrap().task;
        // Its object is held.
        let waits = ground.queue(verify_site("a.test")).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        ground.assert_state(waits, TaskState::Waiting).await;
        ground.machine().release("@a.test");
        ground.until_state(task, TaskState::Succeeded).await;
        ground.until("the next one begins", async || ground.task(waits).await.state != TaskState::Waiting).await;
        ground.machine().release("@a.test");
        ground.until_began(TaskKind::VerifySite, "@a.test").await;
        at_work.kill().await;
        assert_eq!(ground.machine().began().iter().filter(|began| began.attempt == attempt).count(), 1);
    });
}

#[test]
fn a_site_that_was_deleted_in_a_shell_is_gone_and_one_that_was_made_again_is_not() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let machine = ground.machine();
        let first = ground.items(Call::of(Id::SiteList)).await[1]["id"].as_i64().unwrap();
        machine.by_hand(delete("@a.test".trim_start_matches('@')));
        machine.by_hand(delete("b.test"));
        ground
            .until("both are gone", async || {
                machine.context("@a.test").is_none() && machine.context("@b.test").is_none()
            })
            .await;
        ground.outside.jump(5_000);
        machine.by_hand(install("b.test"));
        ground.until("one is back", async || machine.context("@b.test").is_some()).await;
        ground.look().await;
        ground.look().await;

        let names = ground.items(Call::of(Id::SiteList)).await;
        let names: Vec<_> = names.iter().map(|site| site["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["b.test"], "first {first}");
        ground.queue(verify_site("b.test")).await;
        ground.work().await;
        assert_eq!(ground.tasks().await.last().unwrap(), "site-verify @b.test succeeded");
    });
}

#[test]
fn an_old_attempt_says_nothing_of_what_came_after_it() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let machine = ground.machine();
        // It failed in a shell, before anybody here verified the site again.
        machine.plan_once(TaskKind::VerifySite, None, Plan::ends(Ends::Stuck));
        let old = machine.by_hand(Task::VerifySite { site: "a.test".parse().unwrap(), context: None });
        ground.until("it ended", async || machine.has_ended(old)).await;
        ground.outside.jump(1_000);
        ground.queue(verify_site("a.test")).await;
        ground.work().await;
        let node = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert!(node["verified"].is_i64());
        ground.look().await;

        assert!(ground.read(async |read| read.attempt(old).await).await.is_some());
        let node = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert!(node["verified"].is_i64(), "{node}");
    });
}

#[test]
fn a_newer_record_is_taken_over() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let machine = ground.machine();
        let mut changed = site(&machine, "@a.test");
        changed.revision += 1;
        changed.aliases = vec!["www.a.test".parse().unwrap()];
        machine.put_context(Context::Site(Box::new(changed)));
        ground.look().await;

        let shown = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert_eq!((&shown["revision"], shown["domains"].as_array().unwrap().len()), (&json!(2), 2));
        assert!(ground.items(Call::of(Id::DriftList)).await.is_empty());
        let history = ground.items(Call::of(Id::NodeHistory).about("@a.test")).await;
        assert_eq!((&history[0]["what"], &history[0]["actor"]), (&json!("changed"), &json!("by hand")));
    });
}

#[test]
fn what_differs_is_shown_with_both_sides_and_either_can_be_taken() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let machine = ground.machine();
        for name in ["@a.test", "@b.test"] {
            let mut changed = site(&machine, name);
            changed.mail = "theirs@example.org".parse().unwrap();
            machine.put_context(Context::Site(Box::new(changed)));
        }
        ground.look().await;
        let drift = ground.items(Call::of(Id::DriftList)).await;
        assert_eq!(drift.len(), 2);
        assert_eq!(
            (&drift[0]["ours"]["mail"], &drift[0]["theirs"]["mail"]),
            (&json!("admin@a.test"), &json!("theirs@example.org"))
        );
        // Until somebody has chosen, nothing is written over; and looking again changes nothing.
        assert!(matches!(ground.refused(edit_site("a.test").with("alias", "x.test")).await, Refusal::Unavailable(_)));
        ground.look().await;
        assert_eq!(ground.items(Call::of(Id::DriftList)).await, drift);

        ground.ask(Call::of(Id::DriftResolve).about("@a.test").with("take", "theirs")).await.unwrap();
        let ours = ground.queue(Call::of(Id::DriftResolve).about("@b.test").with("take", "ours")).await;
        ground.work().await;
        ground.assert_state(ours, TaskState::Succeeded).await;
        ground.look().await;

        assert!(ground.items(Call::of(Id::DriftList)).await.is_empty());
        assert_eq!(site(&machine, "@a.test").mail.as_str(), "theirs@example.org");
        assert_eq!(site(&machine, "@b.test").mail.as_str(), "admin@b.test");
        let gone = Call::of(Id::DriftResolve).about("@a.test").with("take", "ours");
        assert!(matches!(ground.refused(gone).await, Refusal::Unknown { .. }));
        for name in ["a.test", "b.test"] {
            ground.queue(edit_site(name).with("alias", format!("www.{name}"))).await;
        }
        ground.work().await;
        assert_eq!(site(&machine, "@a.test").aliases.len() + site(&machine, "@b.test").aliases.len(), 2);
    });
}

#[test]
fn a_task_that_ends_while_a_machine_is_looked_at_is_no_drift() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        for n in 0..10 {
            ground.outside.jump(A_LOOK);
            let task = ground.queue(edit_site("a.test").with("alias", format!("w{n}.a.test"))).await;
            ground.work().await;
            ground.assert_state(task, TaskState::Succeeded).await;
            assert!(ground.items(Call::of(Id::DriftList)).await.is_empty());
        }
        ground.outside.jump(A_LOOK);
        ground.disable("a.test").await;
        ground.queue(delete_site("a.test")).await;
        ground.work().await;
        assert!(ground.items(Call::of(Id::SiteList)).await.is_empty());
    });
}

#[test]
fn a_site_on_a_platform_that_is_unknown_here_keeps_nobody_from_the_rest() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let machine = ground.machine();
        let mut stray = site(&machine, "@a.test");
        stray.name = "stray.test".parse().unwrap();
        stray.platform = "unknown".parse().unwrap();
        machine.put_context(Context::Site(Box::new(stray)));
        // Two sites there claim the same name, which cannot be remembered of both.
        for name in ["c.test", "d.test"] {
            let mut twin = site(&machine, "@a.test");
            twin.name = name.parse().unwrap();
            twin.aliases = vec!["twins.test".parse().unwrap()];
            machine.put_context(Context::Site(Box::new(twin)));
        }
        machine.by_hand(install("z.test"));
        ground.look().await;

        let sites = ground.items(Call::of(Id::SiteList)).await;
        let names: Vec<_> = sites.iter().map(|site| site["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a.test", "b.test", "c.test", "z.test"]);
        assert_eq!(ground.tasks().await.last().unwrap(), "site-add @z.test succeeded");
    });
}

#[test]
fn a_home_that_was_used_before_is_taken_in_whole() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let contexts = ["@platform_d10", "@a.test", "@b.test"].map(|name| ground.machine().context(name).unwrap());
        // Another front end, with an empty store, is given the same machine.
        let other = Ground::new(ground.store().dialect()).await;
        other.server("web1").await;
        for context in contexts {
            other.machine().put_context(context);
        }
        other.look().await;

        assert_eq!(other.items(Call::of(Id::SiteList)).await.len(), 2);
        assert_eq!(other.items(Call::of(Id::PlatformList)).await.len(), 1);
        let name: ContextName = "@a.test".parse().unwrap();
        let node = other.read(async |read| read.node_named(&name).await).await.unwrap();
        assert_eq!((node.status, node.verified), (Some(ObjectStatus::Enabled), None));
        other.queue(verify_site("a.test")).await;
        other.work().await;
        assert!(other.node(node.id).await.verified.is_some());
        other.store().close().await;
    });
}

#[test]
fn what_is_done_by_hand_beside_a_task_of_ours_waits_for_that_and_keeps_nothing_else() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let machine = ground.machine();
        machine.plan(TaskKind::VerifySite, "@a.test", Plan::holds());
        let ours = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground.until_began(TaskKind::VerifySite, "@a.test").await;
        let beside = machine.by_hand(log_in("a.test"));
        let later = machine.by_hand(log_in("b.test"));
        for _ in 0..3 {
            ground.outside.jump(A_LOOK);
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }

        assert!(ground.read(async |read| read.attempt(later).await).await.is_some(), "what came later is recorded");
        assert!(ground.read(async |read| read.attempt(beside).await).await.is_none());
        assert!(ground.store().check().await.unwrap().is_empty(), "{:?}", ground.store().check().await);
        machine.release("@a.test");
        ground.until_state(ours, TaskState::Succeeded).await;
        at_work.stop().await;
        ground.look().await;
        assert!(ground.read(async |read| read.attempt(beside).await).await.is_some());
        assert!(ground.store().check().await.unwrap().is_empty());
    });
}

fn log_in(site: &str) -> Task {
    Task::Login { site: site.parse().unwrap(), account: 1 }
}

#[test]
fn a_login_link_that_somebody_in_a_shell_asked_for_is_left_to_them() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let machine = ground.machine();
        // One that ended before it is found, and one that is followed while it runs.
        let ended = machine.by_hand(log_in("a.test"));
        ground.until("it ended", async || machine.has_ended(ended)).await;
        ground.look().await;
        machine.plan_once(TaskKind::Login, None, Plan::holds());
        let runs = machine.by_hand(log_in("a.test"));
        ground.outside.jump(A_LOOK);
        let at_work = ground.at_work();
        ground.until("it is found", async || ground.read(async |read| read.attempt(runs).await).await.is_some()).await;
        machine.release("@a.test");
        for attempt in [ended, runs] {
            let task = ground.read(async |read| read.attempt(attempt).await).await.unwrap().task;
            ground.until_state(task, TaskState::Succeeded).await;
            assert_eq!(ground.hosting.secret_answer(&ground.anna, task.0).await.unwrap(), None);
            let link = machine.take_secret(attempt);
            assert!(link.is_some_and(|link| link.contains_key("login_link")), "it was taken away");
        }
        at_work.stop().await;
    });
}

#[test]
fn nothing_that_was_done_by_hand_is_lost_among_very_many_attempts() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let machine = ground.machine();
        let first = machine.by_hand(log_in("a.test"));
        for _ in 0..2_500 {
            machine.by_hand(log_in("nobody.test"));
        }
        ground.until("all ended", async || machine.began().iter().all(|began| machine.has_ended(began.attempt))).await;
        ground.look().await;
        assert!(ground.read(async |read| read.attempt(first).await).await.is_some());

        // What is known is not told again and again.
        ground.outside.jump(10 * A_LOOK);
        let second = machine.by_hand(log_in("a.test"));
        ground.look().await;
        let told = machine.told();
        ground.look().await;
        assert!(machine.told() - told < 10, "{}", machine.told() - told);
        assert!(ground.read(async |read| read.attempt(second).await).await.is_some());
    });
}

#[test]
fn what_runs_for_hours_in_a_shell_is_recorded_when_its_object_is_there() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let machine = ground.machine();
        machine.plan_once(TaskKind::InstallSite, None, Plan::holds());
        let attempt = machine.by_hand(install("hand.test"));
        for _ in 0..3 {
            ground.outside.jump(60 * A_LOOK);
            machine.by_hand(log_in("a.test"));
            ground.look().await;
        }
        machine.release("@hand.test");
        ground.until("it ended", async || machine.has_ended(attempt)).await;
        ground.look().await;

        let found = ground.read(async |read| read.attempt(attempt).await).await;
        assert_eq!(found.and_then(|found| found.outcome), Some(TaskState::Succeeded));
    });
}

#[test]
fn what_was_stuck_and_is_recovered_there_is_so_here() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.want_news().await;
        let machine = ground.machine();
        machine.plan_once(TaskKind::VerifySite, None, Plan::ends(Ends::Stuck));
        let stuck = ground.queue(verify_site("a.test")).await;
        ground.work().await;
        ground.assert_state(stuck, TaskState::Stuck).await;
        machine.plan_once(TaskKind::VerifySite, None, Plan::ends(Ends::Untidy));
        let untidy = ground.queue(verify_site("a.test")).await;
        ground.work().await;
        ground.assert_state(untidy, TaskState::Untidy).await;
        // Weeks later.
        ground.outside.jump(20 * 24 * 60 * A_LOOK);
        for task in [stuck, untidy] {
            machine.recover_by_hand(ground.attempts(task).await[0].id);
        }
        ground.look().await;
        ground.look().await;

        ground.assert_state(stuck, TaskState::RolledBack).await;
        ground.assert_state(untidy, TaskState::Succeeded).await;
        for task in [stuck, untidy] {
            let attempt = ground.attempts(task).await.remove(0);
            let said = machine.said(attempt.id);
            assert_eq!((attempt.next_line, ground.log(task).await.len()), (said.len() as u64 + 1, said.len()));
        }
        let site = ground.task(untidy).await.object;
        assert!(ground.node(site).await.verified.is_some());
        assert!(ground.store().check().await.unwrap().is_empty());
        ground.hosting.send_news().await.unwrap();
        let letters: Vec<_> = ground.postman.sent();
        let letters = letters.iter().filter(|sent| matches!(sent, Sent::Letter(..))).count();
        assert_eq!(letters, 4, "stuck, untidy, and twice recovered");
    });
}

#[test]
fn a_site_whose_install_is_stuck_is_deleted_on_its_machine_and_from_the_lists_once_nothing_is_left() {
    on_both(async |ground| {
        ground.fleet(&[]).await;
        let machine = ground.machine();
        machine.plan_once(TaskKind::InstallSite, None, Plan::ends(Ends::Stuck));
        let task = ground.queue(crate::ground::add_site("a.test").with("platform", "d10")).await;
        ground.work().await;
        ground.assert_state(task, TaskState::Stuck).await;
        let site = ground.task(task).await.object;
        assert_eq!(ground.status(site).await, ObjectStatus::Failed);

        // There is still something there: its machine is asked, and says what it can do about it.
        let deleting = ground.queue(delete_site("a.test")).await;
        ground.work().await;
        ground.until_began(TaskKind::DeleteSite, "@a.test").await;
        ground.assert_state(deleting, TaskState::Refused).await;
        assert_eq!(ground.status(site).await, ObjectStatus::Failed);
        let answer = ground.ask(delete_site("a.test")).await.unwrap();
        assert!(matches!(answer, aegir_hosting::Answer::Queued(_)), "{answer:?}");
        ground.work().await;

        machine.recover_by_hand(ground.attempts(task).await[0].id);
        ground.look().await;
        ground.assert_state(task, TaskState::RolledBack).await;
        let answer = ground.ask(delete_site("a.test")).await.unwrap();
        assert!(matches!(answer, aegir_hosting::Answer::Object(_)), "{answer:?}");
        assert_eq!(ground.status(site).await, ObjectStatus::Deleted);
    });
}
