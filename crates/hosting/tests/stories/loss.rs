//! Lines and contacts: what is lost on the way, and what never is.

use std::time::{Duration, Instant};

use aegir_domain::protocol::{Level, Said};
use aegir_domain::{NodeId, ObjectStatus, TaskKind, TaskState};
use aegir_hosting::{Call, OperationId as Id};
use aegir_lab::pretend::{Call as Asked, Ends, Plan, Reach, Sent};

use crate::ground::{Ground, add_site, log_in, on_both, on_task, verify_site};

/// Every line that was said is stored, once and in order.
async fn assert_all_lines(ground: &Ground, task: NodeId) {
    let attempts = ground.attempts(task).await;
    let attempt = attempts.last().unwrap();
    let said = ground.machine().said(attempt.id);
    let stored = ground.log(task).await;
    assert_eq!(stored.len(), said.len());
    for ((n, text), line) in stored.iter().zip(&said) {
        assert_eq!(*n, line.n);
        // An answer is the attempt's, so the last line is stored without it.
        if !matches!(line.said, Said::Result(_)) && text.len() < 10_000 {
            assert_eq!(*text, format!("{:?}", line.said));
        }
    }
    assert_eq!(attempt.next_line, said.len() as u64 + 1);
    assert_eq!(ground.machine().began().iter().filter(|began| began.attempt == attempt.id).count(), 1);
}

#[test]
fn lines_are_stored_as_they_come_and_steps_beside_them() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan::holds().saying("half way"));
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground
            .until("what was said is stored", async || {
                let log = ground.items(on_task(Id::TaskLog, task)).await;
                log.iter().any(|line| line["text"] == "half way")
            })
            .await;
        ground.assert_state(task, TaskState::Running).await;
        ground.machine().release("@a.test");
        ground.until_state(task, TaskState::Succeeded).await;
        at_work.stop().await;

        assert_all_lines(&ground, task).await;
        let shown = ground.shown(on_task(Id::TaskShow, task)).await;
        let steps = shown["attempts"][0]["steps"].as_array().unwrap();
        let steps: Vec<_> =
            steps.iter().map(|step| (step["name"].as_str().unwrap(), step["phase"].as_str().unwrap())).collect();
        assert_eq!(steps, [("look", "checked"), ("pretend", "done"), ("point-of-no-return", "committed")]);
        // A face goes on where it was.
        let page = ground.items(on_task(Id::TaskLog, task).with("from", 3).with("limit", 2)).await;
        assert_eq!(page.iter().map(|line| line["n"].as_i64().unwrap()).collect::<Vec<_>>(), [3, 4]);
    });
}

#[test]
fn two_hundred_thousand_lines_are_stored_and_none_is_missing() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan { floods: 200_000, ..Plan::default() });
        let task = ground.queue(verify_site("a.test")).await;
        let began = Instant::now();
        ground.work().await;
        eprintln!("200,000 lines: {:?} on {:?}", began.elapsed(), ground.store().dialect());

        ground.assert_state(task, TaskState::Succeeded).await;
        let attempt = ground.attempts(task).await.remove(0);
        assert_eq!(attempt.next_line, 200_008);
        let last = ground.items(on_task(Id::TaskLog, task).with("from", 200_000).with("limit", 1_000)).await;
        assert_eq!(last.len(), 8);
        assert_eq!(last[0]["text"], "line 199995 of many");
    });
}

#[test]
fn lines_of_a_megabyte_are_stored_whole_and_shown_folded() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let mut plan = Plan::default();
        for n in 0..8 {
            let output = Some(format!("{n}").repeat(1 << 20));
            plan.says.push(Said::Log { level: Level::Warning, text: "ä".repeat(1 << 19), output });
        }
        ground.machine().plan(TaskKind::VerifySite, None, plan);
        let task = ground.queue(verify_site("a.test")).await;
        ground.work().await;

        ground.assert_state(task, TaskState::Succeeded).await;
        let attempt = ground.attempts(task).await.remove(0);
        let whole = ground.read(async |read| read.whole_line(attempt.id, 5).await).await.unwrap();
        let said = &ground.machine().said(attempt.id)[4];
        assert_eq!(whole, *said);
        let page = ground.items(on_task(Id::TaskLog, task)).await;
        let shown: usize = page.iter().map(|line| line.to_string().len()).sum();
        assert!(shown < 1 << 20, "{shown}");
    });
}

#[test]
fn a_front_end_that_dies_in_the_middle_loses_no_line_and_runs_nothing_twice() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let plan = Plan { floods: 3_000, holds: true, ..Plan::default() };
        ground.machine().plan(TaskKind::VerifySite, None, plan);
        let tasks = [ground.queue(verify_site("a.test")).await, ground.queue(verify_site("b.test")).await];
        for _ in 0..6 {
            let at_work = ground.at_work();
            tokio::time::sleep(Duration::from_millis(40)).await;
            at_work.kill().await;
        }
        let at_work = ground.at_work();
        // In whichever order.
        for site in ["@a.test", "@b.test"] {
            ground.until_began(TaskKind::VerifySite, site).await;
        }
        ground.machine().release("@a.test");
        ground.machine().release("@b.test");
        for task in tasks {
            ground.until_state(task, TaskState::Succeeded).await;
            assert_all_lines(&ground, task).await;
            assert_eq!(ground.attempts(task).await.len(), 1);
        }
        at_work.stop().await;
    });
}

#[test]
fn another_front_end_on_the_same_store_goes_on_where_the_first_one_died() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan::holds().saying("before"));
        let task = ground.queue(verify_site("a.test")).await;
        let first = ground.another().await;
        let at_work = ground.at_work_as(&first, "one", crate::ground::PACE);
        ground.until_began(TaskKind::VerifySite, "@a.test").await;
        at_work.kill().await;
        first.store().close().await;
        drop(first);
        ground.machine().release("@a.test");

        // It was restarted, so it may go on at once.
        let next = ground.another().await;
        let at_work = ground.at_work_as(&next, "one", crate::ground::PACE);
        ground.until_state(task, TaskState::Succeeded).await;
        at_work.stop().await;
        assert_all_lines(&ground, task).await;
        next.store().close().await;
    });
}

#[test]
fn an_attempt_that_was_claimed_and_never_reached_its_back_end_is_begun_by_the_same_id() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().reach(Reach::Mute);
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground.until("it is claimed", async || !ground.attempts(task).await.is_empty()).await;
        at_work.kill().await;
        assert!(!ground.machine().began().iter().any(|began| began.kind == TaskKind::VerifySite));

        ground.machine().reach(Reach::Answers);
        ground.work().await;

        ground.assert_state(task, TaskState::Succeeded).await;
        let attempts = ground.attempts(task).await;
        assert_eq!(attempts.len(), 1);
        assert_eq!(ground.machine().began().last().unwrap().attempt, attempts[0].id);
    });
}

#[test]
fn streams_that_break_off_and_tell_lines_again_lose_and_double_nothing() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let machine = ground.machine();
        machine.breaks_after(Some(7));
        machine.repeats(5);
        machine.plan(TaskKind::VerifySite, None, Plan { floods: 60, ..Plan::default() });
        let task = ground.queue(verify_site("a.test")).await;
        ground.work().await;

        ground.assert_state(task, TaskState::Succeeded).await;
        assert_all_lines(&ground, task).await;
        assert!(machine.calls(Asked::Attach) > 10, "{}", machine.calls(Asked::Attach));
    });
}

#[test]
fn a_worker_that_dies_is_recovered_and_the_task_says_so() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.want_news().await;
        ground.machine().plan_once(TaskKind::VerifySite, None, Plan::dies());
        let task = ground.queue(verify_site("a.test")).await;
        ground.work().await;

        ground.assert_state(task, TaskState::RolledBack).await;
        assert_all_lines(&ground, task).await;
        let attempts = async |task| ground.shown(on_task(Id::TaskShow, task)).await["attempts"].clone();
        assert_eq!(attempts(task).await[0]["recovered"], true);
        let site = ground.task(task).await.object;
        assert_eq!((ground.status(site).await, ground.node(site).await.verified), (ObjectStatus::Enabled, None));
        ground.hosting.send_news().await.unwrap();
        assert!(
            matches!(&ground.postman.sent()[0], Sent::Letter(_, _, _, letter) if letter.subject.contains("was interrupted"))
        );

        ground.ask(on_task(Id::TaskRetry, task)).await.unwrap();
        ground.work().await;
        let attempts = attempts(task).await;
        assert_eq!((&attempts[0]["recovered"], &attempts[1]["recovered"]), (&true.into(), &false.into()));
    });
}

#[test]
fn a_machine_out_of_reach_is_told_of_once_and_its_object_stays_locked_until_it_answers() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.want_news().await;
        ground.machine().plan(TaskKind::VerifySite, "@a.test", Plan::holds().saying("on its way"));
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground.until_began(TaskKind::VerifySite, "@a.test").await;
        ground.until("it is heard", async || ground.attempts(task).await[0].next_line > 3).await;

        ground.machine().reach(Reach::Away);
        ground.until_state(task, TaskState::OutOfContact).await;
        let other = ground.queue(log_in("a.test")).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        ground.assert_state(task, TaskState::OutOfContact).await;
        ground.assert_state(other, TaskState::Waiting).await;
        let attempt = ground.attempts(task).await.remove(0);
        assert!(attempt.lost.is_some());
        ground.hosting.send_news().await.unwrap();
        let sent = ground.postman.sent();
        assert_eq!(sent.len(), 2, "a letter and a post, once: {sent:?}");
        assert!(matches!(&sent[0], Sent::Letter(_, _, _, letter) if letter.subject.contains("does not answer")));

        ground.machine().reach(Reach::Answers);
        ground.until_state(task, TaskState::Running).await;
        ground.machine().release("@a.test");
        ground.until_state(task, TaskState::Succeeded).await;
        ground.until_state(other, TaskState::Succeeded).await;
        at_work.stop().await;
        assert_eq!(ground.attempts(task).await.len(), 1);
        assert_all_lines(&ground, task).await;
        assert_eq!(ground.attempts(task).await[0].lost, None);
    });
}

#[test]
fn a_contact_that_is_lost_for_a_moment_is_not_news_however_often() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.want_news().await;
        ground.machine().plan(
            TaskKind::VerifySite,
            "@a.test",
            Plan { floods: 40, pause: Duration::from_millis(200), holds: true, ..Plan::default() }
                .saying("1")
                .saying("2")
                .saying("3")
                .saying("4")
                .saying("5"),
        );
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground.until_began(TaskKind::VerifySite, "@a.test").await;
        for _ in 0..5 {
            ground.machine().reach(Reach::Away);
            tokio::time::sleep(Duration::from_millis(80)).await;
            ground.machine().reach(Reach::Answers);
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        ground.machine().release("@a.test");
        ground.until_state(task, TaskState::Succeeded).await;
        at_work.stop().await;
        ground.hosting.send_news().await.unwrap();
        assert!(ground.postman.sent().is_empty(), "{:?}", ground.postman.sent());
    });
}

#[test]
fn a_machine_of_another_version_is_told_of_at_once() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().reach(Reach::Foreign);
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();

        ground.until_state(task, TaskState::OutOfContact).await;
        ground.machine().reach(Reach::Answers);
        ground.until_state(task, TaskState::Succeeded).await;
        at_work.stop().await;
    });
}

#[test]
fn a_machine_that_never_answers_keeps_its_own_tasks_and_nobody_elses() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.server("web2").await;
        ground.machine().reach(Reach::Mute);
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground.until_state(task, TaskState::OutOfContact).await;
        let other = ground.queue(Call::of(Id::ServerVerify).about("web2")).await;
        ground.until_state(other, TaskState::Succeeded).await;
        // Somebody who asks it to stop is heard once it can be asked.
        ground.ask(on_task(Id::TaskCancel, task)).await.unwrap();
        at_work.stop().await;

        // A crontab does not wait for it for ever.
        let began = Instant::now();
        ground.work().await;
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        ground.assert_state(task, TaskState::OutOfContact).await;

        ground.machine().plan(TaskKind::VerifySite, None, Plan::holds());
        ground.machine().reach(Reach::Answers);
        ground.work().await;
        ground.assert_state(task, TaskState::Cancelled).await;
        assert!(!ground.machine().began().iter().any(|began| began.kind == TaskKind::VerifySite));
    });
}

#[test]
fn a_task_that_is_called_back_before_it_reached_its_machine_is_not_begun() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().reach(Reach::Mute);
        let tasks = [ground.queue(verify_site("a.test")).await, ground.queue(add_site("b.test")).await];
        let at_work = ground.at_work();
        for task in tasks {
            ground.until("it is claimed", async || !ground.attempts(task).await.is_empty()).await;
            ground.ask(on_task(Id::TaskCancel, task)).await.unwrap();
        }
        at_work.kill().await;

        ground.machine().reach(Reach::Answers);
        ground.work().await;

        for task in tasks {
            ground.assert_state(task, TaskState::Cancelled).await;
            assert_eq!(ground.attempts(task).await[0].outcome, Some(TaskState::Cancelled));
        }
        let begun = |began: &aegir_lab::pretend::Began| began.object == "@b.test" || began.kind == TaskKind::VerifySite;
        assert!(!ground.machine().began().iter().any(begun));
        let site = ground.task(tasks[1]).await.object;
        assert_eq!(ground.status(site).await, ObjectStatus::Failed);
        assert!(ground.store().check().await.unwrap().is_empty());
        // Both can be asked for anew.
        ground.ask(on_task(Id::TaskRetry, tasks[1])).await.unwrap();
        ground.work().await;
        ground.assert_state(tasks[1], TaskState::Succeeded).await;
    });
}

#[test]
fn a_task_that_is_called_back_and_had_reached_its_machine_unheard_is_stopped_there() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan::holds());
        // It takes what it is asked, and then nothing more is heard.
        ground.machine().breaks_after(Some(0));
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground.until_began(TaskKind::VerifySite, "@a.test").await;
        ground.ask(on_task(Id::TaskCancel, task)).await.unwrap();
        at_work.kill().await;
        ground.machine().breaks_after(None);
        ground.work().await;

        ground.assert_state(task, TaskState::RolledBack).await;
        assert_eq!(ground.attempts(task).await.len(), 1);
    });
}

/// A task that was cancelled before it reached its machine, and arrives there later.
async fn a_late_arrival(ground: &Ground, plan: Plan) -> NodeId {
    ground.fleet(&["a.test"]).await;
    ground.machine().reach(Reach::Mute);
    let task = ground.queue(verify_site("a.test")).await;
    let at_work = ground.at_work();
    ground.until("it is claimed", async || !ground.attempts(task).await.is_empty()).await;
    at_work.kill().await;
    ground.ask(on_task(Id::TaskCancel, task)).await.unwrap();
    ground.machine().reach(Reach::Answers);
    ground.work().await;
    ground.assert_state(task, TaskState::Cancelled).await;
    ground.machine().plan(TaskKind::VerifySite, None, plan);
    let verify = aegir_domain::Task::VerifySite { site: "a.test".parse().unwrap(), context: None };
    ground.machine().arrives(ground.attempts(task).await[0].id, verify);
    task
}

#[test]
fn what_was_called_back_and_arrives_all_the_same_is_stopped_there() {
    on_both(async |ground| {
        let task = a_late_arrival(&ground, Plan::holds()).await;
        let attempt = ground.attempts(task).await[0].id;
        ground.look().await;
        ground.until("it is stopped", async || ground.machine().has_ended(attempt)).await;
        ground.look().await;

        ground.assert_state(task, TaskState::RolledBack).await;
        assert_all_lines(&ground, task).await;
    });
}

#[test]
fn what_was_called_back_and_is_done_all_the_same_is_known_as_done() {
    on_both(async |ground| {
        let task = a_late_arrival(&ground, Plan::default()).await;
        let attempt = ground.attempts(task).await[0].id;
        ground.until("it ended", async || ground.machine().has_ended(attempt)).await;
        ground.look().await;

        ground.assert_state(task, TaskState::Succeeded).await;
        assert_all_lines(&ground, task).await;
    });
}

#[test]
fn an_attempt_that_its_machine_has_forgotten_is_stuck_and_its_object_free() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.want_news().await;
        ground.machine().plan_once(TaskKind::VerifySite, None, Plan::holds().saying("on its way"));
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground
            .until("it is heard", async || {
                ground.attempts(task).await.first().is_some_and(|attempt| attempt.next_line > 3)
            })
            .await;

        ground.machine().forget(ground.attempts(task).await[0].id);

        ground.until_state(task, TaskState::Stuck).await;
        let again = ground.queue(verify_site("a.test")).await;
        ground.until_state(again, TaskState::Succeeded).await;
        at_work.stop().await;
        let fault = ground.attempts(task).await.remove(0).fault.unwrap();
        assert!(fault.message.contains("knows nothing of it") && fault.remedy.is_some(), "{fault:?}");
    });
}

#[test]
fn silence_is_news_once() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.want_news().await;
        ground.set("silent_minutes", "3").await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan::holds());
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground
            .until("it is told", async || {
                ground.hosting.send_news().await.unwrap();
                !ground.postman.sent().is_empty()
            })
            .await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        ground.hosting.send_news().await.unwrap();
        assert_eq!(ground.postman.sent().len(), 2);
        ground.assert_state(task, TaskState::Running).await;
        ground.machine().release("@a.test");
        ground.until_state(task, TaskState::Succeeded).await;
        at_work.stop().await;
    });
}

#[test]
fn a_store_that_says_no_in_the_middle_is_waited_for() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan { floods: 50, holds: true, ..Plan::default() });
        let tasks = [ground.queue(verify_site("a.test")).await, ground.queue(add_site("c.test")).await];
        ground.break_table("line").await;
        let at_work = ground.at_work();
        ground.until_began(TaskKind::VerifySite, "@a.test").await;
        ground.machine().release("@a.test");
        tokio::time::sleep(Duration::from_millis(500)).await;
        // Nothing may be lost, so nothing has ended.
        assert!(ground.machine().has_ended(ground.attempts(tasks[0]).await[0].id));
        ground.assert_state(tasks[0], TaskState::Running).await;

        ground.mend_table("line").await;
        for task in tasks {
            ground.until_state(task, TaskState::Succeeded).await;
            assert_all_lines(&ground, task).await;
        }
        at_work.stop().await;
    });
}

#[test]
fn what_a_task_came_to_is_recorded_also_where_it_contradicts_what_is_remembered() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        // In a shell, `b.test` was given a name that `a.test` has here.
        ground.queue(crate::ground::edit_site("a.test").with("alias", "www.a.test")).await;
        ground.work().await;
        let aegir_domain::Context::Site(mut site) = ground.machine().context("@b.test").unwrap() else { panic!() };
        site.aliases = vec!["www.a.test".parse().unwrap()];
        site.revision = 9;
        ground.machine().put_context(aegir_domain::Context::Site(site));
        let task = ground.queue(verify_site("b.test")).await;
        ground.work().await;

        ground.assert_state(task, TaskState::Succeeded).await;
        let drift = ground.items(Call::of(Id::DriftList)).await;
        assert_eq!(drift[0]["name"], "@b.test");
        ground.machine().plan(TaskKind::VerifySite, None, Plan::ends(Ends::Succeeded));
        let other = ground.queue(verify_site("a.test")).await;
        ground.work().await;
        ground.assert_state(other, TaskState::Succeeded).await;
    });
}
