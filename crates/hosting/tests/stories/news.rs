//! Failure is news: kept with the outcome, sent once, and never in the way of a task.

use aegir_domain::{TaskKind, TaskState};
use aegir_hosting::{Call, MailWay, OperationId as Id};
use aegir_lab::pretend::{Ends, Plan, Sent};
use serde_json::Value;

use crate::ground::{Ground, on_both, on_task, verify_site};

const HOUR: i64 = 60 * 60 * 1000;

impl Ground {
    async fn fail(&self, plan: Plan) -> aegir_domain::NodeId {
        self.machine().plan_once(TaskKind::VerifySite, None, plan);
        let task = self.queue(verify_site("a.test")).await;
        self.work().await;
        task
    }

    fn subjects(&self) -> Vec<String> {
        let sent = self.postman.sent().into_iter();
        sent.filter_map(|sent| match sent {
            Sent::Letter(_, _, _, letter) => Some(letter.subject),
            Sent::Post(..) => None,
        })
        .collect()
    }
}

#[test]
fn what_did_not_simply_succeed_is_told_by_mail_and_webhook_once() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.want_news().await;
        ground.ask(Call::of(Id::SettingSet).about("news_webhook_secret").with("secret", "hook secret")).await.unwrap();
        ground.ask(Call::of(Id::SettingSet).about("news_mail_password").with("secret", "mail secret")).await.unwrap();
        for plan in [
            Plan::default(),
            Plan::ends(Ends::Refused),
            Plan::ends(Ends::RolledBack),
            Plan::ends(Ends::Stuck),
            Plan::ends(Ends::Untidy),
            Plan::dies(),
        ] {
            ground.fail(plan).await;
        }
        assert_eq!(ground.hosting.send_news().await.unwrap(), 10);
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);

        let ended = [
            "was refused, and touched nothing",
            "failed, and what it did is taken back",
            "failed, and could not be taken back",
            "succeeded, and left something over",
            "was interrupted, and is brought to its end",
        ];
        let expected: Vec<_> = ended.iter().map(|what| format!("[Ægir] site-verify of @a.test {what}")).collect();
        assert_eq!(ground.subjects(), expected);
        let sent = ground.postman.sent();
        let Sent::Letter(by, password, to, letter) = &sent[2] else { panic!("{sent:?}") };
        assert_eq!(
            (by, password.as_deref(), to.as_str()),
            (&MailWay::Sendmail, Some("mail secret"), "ops@example.org")
        );
        for part in [
            "it was told to fail",
            "how to fix it: tell it otherwise",
            "What was undone, the last step first: pretend.",
            "aegir task log ",
        ] {
            assert!(letter.body.contains(part), "{part}: {}", letter.body);
        }
        let Sent::Post(address, post) = &sent[3] else { panic!("{sent:?}") };
        assert_eq!(address, "https://example.org/hook");
        assert!(post.signature.as_ref().is_some_and(|signature| signature.starts_with("sha256=")));
        let body: Value = serde_json::from_str(&post.body).unwrap();
        assert_eq!(body["news"]["what"], "rolled-back");
    });
}

#[test]
fn a_postman_who_fails_fails_no_task_and_is_tried_again_later() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.want_news().await;
        ground.postman.strike(true);
        let task = ground.fail(Plan::ends(Ends::RolledBack)).await;
        ground.assert_state(task, TaskState::RolledBack).await;
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);
        assert_eq!(ground.postman.tries(), 2);
        // Not again and again, but later.
        ground.hosting.send_news().await.unwrap();
        assert_eq!(ground.postman.tries(), 2);
        ground.outside.jump(HOUR);
        ground.hosting.send_news().await.unwrap();
        assert_eq!(ground.postman.tries(), 4);

        ground.postman.strike(false);
        ground.outside.jump(24 * HOUR);
        assert_eq!(ground.hosting.send_news().await.unwrap(), 2);
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);
        assert_eq!(ground.subjects().len(), 1);
    });
}

#[test]
fn one_way_that_fails_does_not_keep_the_other() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.set("news_webhook", "https://example.org/hook").await;
        ground.set("news_mail_to", "ops@example.org").await;
        ground.fail(Plan::ends(Ends::Stuck)).await;

        // Nobody said how mail is sent, so there is none.
        assert_eq!(ground.hosting.send_news().await.unwrap(), 1);
        assert!(matches!(ground.postman.sent()[..], [Sent::Post(..)]));
    });
}

#[test]
fn where_nobody_wants_to_hear_nothing_is_kept() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.fail(Plan::ends(Ends::Stuck)).await;
        ground.want_news().await;

        assert_eq!(ground.read(async |read| read.count_unsent().await).await, 0);
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);
        assert!(ground.postman.sent().is_empty());
    });
}

#[test]
fn news_and_outcome_are_one_change() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.want_news().await;
        ground.machine().plan_once(TaskKind::VerifySite, None, Plan::ends(Ends::Stuck));
        let task = ground.queue(verify_site("a.test")).await;
        ground.break_table("outbox").await;
        let at_work = ground.at_work();
        ground.until_began(TaskKind::VerifySite, "@a.test").await;
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        // It has ended there, and cannot end here without its news.
        ground.assert_state(task, TaskState::Running).await;
        ground.mend_table("outbox").await;
        ground.until_state(task, TaskState::Stuck).await;
        at_work.stop().await;

        assert_eq!(ground.hosting.send_news().await.unwrap(), 2);
        assert_eq!(ground.items(on_task(Id::TaskLog, task)).await.len(), ground.log(task).await.len());
    });
}

#[test]
fn what_is_old_is_let_go_of_as_the_settings_say() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.set("keep_tasks_days", "30").await;
        let old = ground.queue(verify_site("a.test")).await;
        ground.work().await;
        ground.outside.jump(20 * 24 * HOUR);
        let newer = ground.queue(verify_site("a.test")).await;
        ground.work().await;
        assert_eq!(ground.hosting.prune().await.unwrap().tasks, 0);
        ground.outside.jump(15 * 24 * HOUR);

        // The install and the older verify; the newest of each object stays.
        assert_eq!(ground.hosting.prune().await.unwrap().tasks, 2);
        assert!(ground.read(async |read| read.task(old).await).await.is_none());
        assert!(ground.read(async |read| read.task(newer).await).await.is_some());
        // An attempt that was let go of here is not taken for a stranger when its machine is looked at.
        ground.work().await;
        ground.work().await;
        assert_eq!(ground.items(Call::of(Id::TaskList).with("object", "@a.test")).await.len(), 1);
    });
}
