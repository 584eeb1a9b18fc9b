//! Cron runs when it is due: spread, within limits, once after an outage, and never where it is off.

use std::collections::BTreeMap;

use aegir_domain::{Context, CronAnswer, CronRun, FaultReport, NodeId, Remedy, TaskState};
use aegir_hosting::{Call, OperationId as Id};
use aegir_lab::pretend::{Reach, Sent};
use serde_json::Value;

use crate::ground::{Ground, PACE, on_both, on_task, verify_site};

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;

impl Ground {
    /// Runs what is due, as a line of a crontab does, until all of it has ended.
    async fn run_cron(&self) {
        self.dispatcher("one").with_cron().once().await.unwrap();
    }

    async fn cron_of(&self, site: &str) -> Value {
        self.shown(Call::of(Id::SiteShow).about(site)).await["cron"].clone()
    }

    async fn edit_cron(&self, site: &str, every: &str) {
        let task = self.queue(Call::of(Id::SiteEdit).about(site).with("cron", every)).await;
        self.work().await;
        self.assert_state(task, TaskState::Succeeded).await;
    }

    /// How often it ran on each site.
    fn ran(&self) -> BTreeMap<String, usize> {
        let mut each = BTreeMap::new();
        for (site, _) in self.machine().cron_ran() {
            *each.entry(site.to_string()).or_default() += 1;
        }
        each
    }

    fn news_of_cron(&self) -> Vec<String> {
        let letters = self.postman.sent().into_iter().filter_map(|sent| match sent {
            Sent::Letter(_, _, _, letter) => Some(letter.subject),
            Sent::Post(..) => None,
        });
        letters.filter(|subject| subject.contains("site-cron")).collect()
    }
}

fn failure(message: &str) -> CronAnswer {
    CronAnswer::Failed(FaultReport { message: message.into(), because: Vec::new(), remedy: None })
}

#[test]
fn each_site_has_its_turn_once_in_its_interval_and_what_came_of_it_is_shown() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        assert_eq!(ground.cron_of("a.test").await, serde_json::json!({ "every": "1h", "failures": 0 }));
        ground.run_cron().await;
        let next = ground.cron_of("a.test").await["next_run"].as_i64().unwrap();
        assert_eq!(ground.ran(), BTreeMap::new(), "nothing is due yet");

        for _ in 0..24 {
            ground.outside.jump(HOUR);
            ground.run_cron().await;
        }

        assert_eq!(ground.ran(), [("a.test".into(), 24), ("b.test".into(), 24)].into());
        let cron = ground.cron_of("a.test").await;
        assert_eq!((cron["result"].as_str(), cron["took"].as_i64()), (Some("succeeded"), Some(31)));
        assert_eq!((cron["next_run"].as_i64().unwrap() - next) % HOUR, 0, "always at the same moment of the hour");
        assert!(ground.tasks().await.iter().all(|task| !task.contains("cron")), "it is no task");
    });
}

#[test]
fn an_interval_of_its_own_holds_for_a_site_and_the_setting_for_all_of_which_nothing_is_said() {
    on_both(async |ground| {
        ground.fleet(&["often.test", "never.test", "silent.test"]).await;
        ground.edit_cron("often.test", "5m").await;
        ground.edit_cron("never.test", "off").await;
        // One that was made in a shell.
        let Some(Context::Site(mut silent)) = ground.machine().context("@silent.test") else { panic!() };
        assert!(silent.cron.is_some(), "a site that is made here is told from the beginning");
        silent.cron = None;
        silent.revision += 1;
        ground.machine().put_context(Context::Site(silent));
        ground.look().await;
        ground.set("cron_interval", "30m").await;
        ground.run_cron().await;

        for _ in 0..12 {
            ground.outside.jump(5 * MINUTE);
            ground.run_cron().await;
        }

        assert_eq!(ground.ran(), [("often.test".into(), 12), ("silent.test".into(), 2)].into());
        assert_eq!(ground.cron_of("never.test").await["every"], "off");
        assert_eq!(ground.cron_of("silent.test").await["every"], "30m");
        assert_eq!(ground.cron_of("often.test").await["every"], "5m");
    });
}

#[test]
fn no_more_run_at_once_than_the_setting_says() {
    on_both(async |ground| {
        let names: Vec<String> = (0..9).map(|number| format!("s{number}.test")).collect();
        ground.fleet(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        ground.set("cron_per_server", "2").await;
        ground.run_cron().await;
        ground.outside.jump(HOUR);
        ground.machine().hold_cron(true);
        let dispatcher = ground.dispatcher("one").with_cron();
        let work = tokio::spawn(dispatcher.once());

        ground.until("two run", async || ground.machine().cron_ran().len() == 2).await;
        tokio::time::sleep(PACE.turn * 5).await;
        assert_eq!(ground.machine().cron_ran().len(), 2);
        ground.machine().hold_cron(false);
        work.await.unwrap().unwrap();

        assert_eq!((ground.ran().len(), ground.machine().most_cron_at_once()), (9, 2));
    });
}

#[test]
fn what_fell_due_in_an_outage_runs_once_and_not_all_at_once() {
    on_both(async |ground| {
        let names: Vec<String> = (0..20).map(|number| format!("s{number}.test")).collect();
        ground.fleet(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        ground.run_cron().await;
        // Nobody is there for half a day.
        ground.outside.jump(12 * HOUR);
        let now = ground.now();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let work = tokio::spawn(ground.dispatcher("two").with_cron().run(stopped));
        let mut turns = Vec::new();
        for name in &names {
            let later = async || ground.cron_of(name).await["next_run"].as_i64().is_some_and(|next| next > now);
            ground.until("it has another time", later).await;
            turns.push(ground.cron_of(name).await["next_run"].as_i64().unwrap() - now);
        }
        stop.send(true).unwrap();
        work.await.unwrap();

        assert!(ground.ran().len() <= 2, "{:?}", ground.ran());
        turns.sort_unstable();
        assert!(turns.iter().all(|turn| *turn <= HOUR + MINUTE), "{turns:?}");
        assert!(turns.windows(2).all(|two| two[1] - two[0] < 15 * MINUTE), "{turns:?}");
        assert!(turns[19] - turns[0] > 30 * MINUTE, "{turns:?}");

        let before = ground.ran();
        ground.outside.jump(HOUR);
        ground.run_cron().await;
        let once = |name: &String| ground.ran()[name] - before.get(name).copied().unwrap_or(0) <= 1;
        assert!(names.iter().all(once), "{:?}", ground.ran());
        assert_eq!(ground.ran().len(), 20);
    });
}

#[test]
fn what_fell_due_while_the_queue_was_paused_is_not_begun_in_one_go() {
    on_both(async |ground| {
        let names: Vec<String> = (0..20).map(|number| format!("s{number}.test")).collect();
        ground.fleet(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        ground.run_cron().await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let work = tokio::spawn(ground.dispatcher("two").with_cron().run(stopped));
        ground.ask(Call::of(Id::QueuePause)).await.unwrap();
        ground.outside.jump(12 * HOUR);
        let now = ground.now();
        // Some turns pass meanwhile.
        tokio::time::sleep(PACE.turn * 4).await;
        assert_eq!(ground.ran(), BTreeMap::new());
        ground.ask(Call::of(Id::QueueResume)).await.unwrap();
        for name in &names {
            let later = async || ground.cron_of(name).await["next_run"].as_i64().is_some_and(|next| next > now);
            ground.until("it has another time", later).await;
        }
        stop.send(true).unwrap();
        work.await.unwrap();

        assert!(ground.ran().len() <= 2, "{:?}", ground.ran());
    });
}

#[test]
fn while_the_queue_or_the_server_is_paused_nobody_is_left_waiting_for_a_run() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        for (pause, says, remedy) in [
            (Call::of(Id::QueuePause), "the queue is paused, and runs no cron", "`aegir queue resume`"),
            (
                Call::of(Id::QueuePause).with("server", "web1"),
                "the server `web1` is paused, and runs no cron",
                "`aegir queue resume --server web1`",
            ),
        ] {
            ground.ask(pause.clone()).await.unwrap();
            let refusal = ground.refused(Call::of(Id::SiteCron).about("a.test")).await;
            assert_eq!(refusal.to_string(), says);
            assert!(refusal.remedy().unwrap().contains(remedy), "{refusal:?}");
            ground.ask(Call { operation: Id::QueueResume, ..pause }).await.unwrap();
        }
        ground.shown(Call::of(Id::SiteCron).about("a.test")).await;
    });
}

#[test]
fn a_line_of_a_crontab_ends_though_more_falls_due_meanwhile() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.run_cron().await;
        ground.outside.jump(HOUR);
        // Each time one has run, an hour is over, and the other one is due again.
        let time_goes_by = async {
            let mut seen = 0;
            loop {
                let ran = ground.machine().cron_ran().len();
                if ran > seen {
                    seen = ran;
                    ground.outside.jump(HOUR);
                }
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            () = ground.run_cron() => (),
            () = time_goes_by => (),
            () = tokio::time::sleep(std::time::Duration::from_secs(20)) => panic!("it goes on: {:?}", ground.ran()),
        }

        assert_eq!(ground.ran(), [("a.test".into(), 1), ("b.test".into(), 1)].into());
    });
}

#[test]
fn a_site_out_of_service_has_no_turn_and_a_new_one_once_it_is_back() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.run_cron().await;
        ground.disable("a.test").await;
        assert_eq!(ground.cron_of("a.test").await["next_run"], Value::Null);

        ground.queue(Call::of(Id::SiteEnable).about("a.test")).await;
        ground.work().await;
        ground.run_cron().await;

        let next = ground.cron_of("a.test").await["next_run"].as_i64().unwrap();
        assert!(next > ground.now() && next <= ground.now() + HOUR, "{next}");
    });
}

#[test]
fn somebody_has_it_run_now_also_where_it_does_not_run_by_itself() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "off.test"]).await;
        ground.edit_cron("off.test", "off").await;
        ground.run_cron().await;
        for site in ["a.test", "off.test"] {
            let asked = ground.shown(Call::of(Id::SiteCron).about(site)).await;
            assert!(asked["next_run"].as_i64().is_some(), "{asked}");
        }

        ground.run_cron().await;
        ground.run_cron().await;

        assert_eq!(ground.ran(), [("a.test".into(), 1), ("off.test".into(), 1)].into());
        assert_eq!(ground.cron_of("off.test").await["next_run"], Value::Null);
        assert!(ground.cron_of("a.test").await["next_run"].as_i64().is_some());
        let audit = ground.items(Call::of(Id::AuditList)).await;
        assert!(audit.iter().any(|entry| entry["operation"] == "site-cron"), "{audit:?}");
    });
}

#[test]
fn a_site_that_awaits_its_installer_is_left_alone_and_so_is_all_while_the_queue_is_paused() {
    on_both(async |ground| {
        ground.fleet(&["new.test", "a.test"]).await;
        let Some(Context::Site(mut new)) = ground.machine().context("@new.test") else { panic!() };
        new.awaits_installer = true;
        new.revision += 1;
        ground.machine().put_context(Context::Site(new));
        ground.look().await;
        ground.run_cron().await;
        ground.outside.jump(HOUR);
        ground.ask(Call::of(Id::QueuePause)).await.unwrap();
        ground.run_cron().await;
        assert_eq!(ground.ran(), BTreeMap::new());
        ground.ask(Call::of(Id::QueueResume)).await.unwrap();

        ground.run_cron().await;

        assert_eq!(ground.ran(), [("a.test".into(), 1)].into());
        let refusal = ground.refused(Call::of(Id::SiteCron).about("new.test")).await;
        assert!(refusal.to_string().contains("not installed"), "{refusal}");
    });
}

#[test]
fn three_failures_in_a_row_are_news_once_and_so_is_that_it_runs_again() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.want_news().await;
        ground.run_cron().await;
        ground.machine().cron_comes_to("a.test", Some(failure("the feed is gone")));
        for failures in 1..=5 {
            ground.outside.jump(HOUR);
            ground.run_cron().await;
            ground.hosting.send_news().await.unwrap();
            let cron = ground.cron_of("a.test").await;
            assert_eq!((cron["result"].as_str(), cron["failures"].as_i64()), (Some("failed"), Some(failures)));
            assert_eq!(ground.news_of_cron().len(), usize::from(failures >= 3), "after {failures}");
        }
        assert_eq!(ground.cron_of("a.test").await["said"], "the feed is gone");
        assert_eq!(ground.items(Call::of(Id::SiteList).with("cron", "failed")).await.len(), 1);

        ground.machine().cron_comes_to("a.test", None);
        for _ in 0..2 {
            ground.outside.jump(HOUR);
            ground.run_cron().await;
            ground.hosting.send_news().await.unwrap();
        }

        let what = ["failed several times in a row", "comes to its end again"];
        assert_eq!(ground.news_of_cron(), what.map(|what| format!("[Ægir] site-cron of @a.test {what}")));
        assert!(ground.items(Call::of(Id::SiteList).with("cron", "failed")).await.is_empty());
    });
}

#[test]
fn what_is_no_failure_counts_as_none_and_what_was_left_out_is_tried_again_soon() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.run_cron().await;
        let complains = CronAnswer::Ran(CronRun { took: 5, complaints: vec!["x".into(), "y".into()] });
        for (answer, result, said) in [
            (complains, "complained", Some("x; y")),
            (CronAnswer::Busy, "busy", None),
            (
                CronAnswer::NotNow("`site-a.test` is held by attempt 7".into()),
                "left-out",
                Some("`site-a.test` is held by attempt 7"),
            ),
        ] {
            ground.machine().cron_comes_to("a.test", Some(answer));
            ground.outside.jump(HOUR);
            ground.run_cron().await;
            let cron = ground.cron_of("a.test").await;
            assert_eq!(
                (cron["result"].as_str(), cron["said"].as_str(), cron["failures"].as_i64()),
                (Some(result), said, Some(0))
            );
        }
        let again = ground.cron_of("a.test").await["next_run"].as_i64().unwrap();
        assert!(again - ground.now() <= 5 * MINUTE, "{}", again - ground.now());

        // Of a machine that does not answer nothing is known.
        ground.machine().cron_comes_to("a.test", None);
        ground.machine().reach(Reach::Foreign);
        let before = ground.ran();
        ground.ask(Call::of(Id::SiteCron).about("a.test")).await.unwrap();
        ground.run_cron().await;
        let cron = ground.cron_of("a.test").await;
        assert_eq!((cron["result"].as_str(), cron["failures"].as_i64()), (Some("left-out"), Some(0)));
        assert_eq!(ground.ran(), before);
    });
}

#[test]
fn a_deleted_site_has_no_turn_and_one_that_is_renamed_keeps_its_own() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "gone.test"]).await;
        ground.run_cron().await;
        let next = ground.cron_of("a.test").await["next_run"].clone();
        ground.disable("gone.test").await;
        let renamed = ground.queue(Call::of(Id::SiteRename).about("a.test").with("new_name", "b.test")).await;
        let deleted = ground.queue(Call::of(Id::SiteDelete).about("gone.test").with("confirm", "gone.test")).await;
        ground.work().await;
        for task in [renamed, deleted] {
            ground.assert_state(task, TaskState::Succeeded).await;
        }
        assert_eq!(ground.cron_of("b.test").await["next_run"], next);

        ground.outside.jump(HOUR);
        ground.run_cron().await;

        assert_eq!(ground.ran(), [("b.test".into(), 1)].into());
    });
}

#[test]
fn of_two_dispatchers_one_runs_it() {
    on_both(async |ground| {
        let names: Vec<String> = (0..8).map(|number| format!("s{number}.test")).collect();
        ground.fleet(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        ground.run_cron().await;
        ground.outside.jump(HOUR);
        let other = ground.another().await;
        let one = ground.dispatcher("one").with_cron().once();
        let two = aegir_hosting::Dispatcher::new(other.clone(), "two").at(PACE).with_cron().once();

        let (one, two) = tokio::join!(one, two);

        assert!(one.is_ok() && two.is_ok());
        assert!(ground.ran().values().all(|count| *count == 1), "{:?}", ground.ran());
        assert_eq!(ground.ran().len(), 8);
        // Tasks go on as before.
        let task: NodeId = ground.queue(verify_site("s0.test")).await;
        ground.work().await;
        assert_eq!(ground.shown(on_task(Id::TaskShow, task)).await["state"], "succeeded");
        other.store().close().await;
    });
}
