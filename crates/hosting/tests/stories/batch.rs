//! The sites of a platform move to another one in waves: what is known before, what pauses it, and the way back.

use aegir_domain::{Context, TaskKind};
use aegir_hosting::{Actor, Call, OperationId as Id, Permission, Refusal};
use aegir_lab::pretend::{Ends, Plan, Reach, Sent};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::ground::{Ground, delete_site, on_both};

fn migrate() -> Call {
    Call::of(Id::PlatformMigrate).about("d10").with("to", "d11").with("allow_missing", "left_out")
}

fn dry(mut call: Call) -> Call {
    call.dry_run = true;
    call
}

fn on_run(id: Id, run: &Value) -> Call {
    Call::of(id).about(run["id"].to_string())
}

fn names(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("s{n:02}.test")).collect()
}

async fn stage(ground: &Ground, sites: usize) {
    let all = names(0..sites);
    ground.fleet(&all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    ground.platform("d11", "web1").await;
}

async fn shown(ground: &Ground, run: &Value) -> Value {
    ground.shown(on_run(Id::BulkShow, run)).await
}

async fn in_state(ground: &Ground, run: &Value, state: &str) -> Vec<String> {
    let items = ground.items(on_run(Id::BulkObjects, run).with("state", state).with("limit", 500)).await;
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

/// Which sites live on that platform, as its machine has it.
fn living_on(ground: &Ground, platform: &str, sites: &[String]) -> Vec<String> {
    let lives = |name: &&String| match ground.machine().context(&format!("@{name}")) {
        Some(Context::Site(site)) => site.platform.as_str() == platform,
        _ => false,
    };
    sites.iter().filter(lives).cloned().collect()
}

fn moves(ground: &Ground) -> usize {
    ground.machine().began().iter().filter(|began| began.kind == TaskKind::MigrateSite).count()
}

/// A front end as it runs: with its dispatcher, and with whoever asks for bulk runs.
struct FrontEnd(JoinHandle<()>, watch::Sender<bool>);

impl FrontEnd {
    fn begins(ground: &Ground) -> FrontEnd {
        let (stop, told) = watch::channel(false);
        let front = ground.front();
        FrontEnd(tokio::spawn(async move { front.work_until(told).await }), stop)
    }

    async fn dies(self) {
        self.0.abort();
        let _ = self.0.await;
        drop(self.1);
    }
}

#[test]
fn forty_sites_move_in_waves_with_five_failures_two_deaths_of_the_front_end_a_retry_and_the_way_back() {
    on_both(async |ground| {
        stage(&ground, 40).await;
        ground.want_news().await;
        let all = names(0..40);
        for (site, ends) in [
            ("@s05.test", Ends::RolledBack),
            ("@s12.test", Ends::Refused),
            ("@s13.test", Ends::RolledBack),
            ("@s25.test", Ends::RolledBack),
            ("@s30.test", Ends::Refused),
        ] {
            ground.machine().plan_once(TaskKind::MigrateSite, site, Plan::ends(ends));
        }
        let run = ground.shown(migrate().with("stop_after", 3).with("at_once", 3)).await;
        let waves: Vec<_> =
            shown(&ground, &run).await["waves"].as_array().unwrap().iter().map(|w| w["all"].clone()).collect();
        assert_eq!(waves, [1, 10, 29]);

        // It dies in the second wave, and again in the third; each time another one goes on.
        let succeeded = async || shown(&ground, &run).await["succeeded"].as_u64().unwrap();
        let first = FrontEnd::begins(&ground);
        ground.until("some have moved", async || succeeded().await >= 4).await;
        first.dies().await;
        let second = FrontEnd::begins(&ground);
        ground.until("it pauses", async || shown(&ground, &run).await["state"] == "paused").await;
        let paused = shown(&ground, &run).await;
        assert_eq!(paused["halt"]["why"], "3 objects failed", "{paused}");
        assert!(paused["halt"]["by"].is_null());
        assert_eq!((&paused["waves"][1]["failed"], &paused["waves"][1]["ended"]), (&json!(1), &json!(true)));
        ground
            .until("what was asked has ended", async || {
                let states = shown(&ground, &run).await["states"].clone();
                ["waiting", "running"].iter().all(|state| states.get(state).is_none())
            })
            .await;
        let stood = shown(&ground, &run).await;
        assert!(stood["states"]["not-asked"].as_u64().unwrap() >= 20, "{stood}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        assert_eq!(shown(&ground, &run).await["states"], stood["states"], "nothing begins meanwhile");
        ground.hosting.send_news().await.unwrap();
        let told = |sent: &Sent| matches!(sent, Sent::Letter(_, _, _, letter) if letter.subject.ends_with("is paused"));
        assert_eq!(ground.postman.sent().iter().filter(|sent| told(sent)).count(), 1, "it is told once");

        ground.shown(on_run(Id::BulkResume, &run)).await;
        ground.until("it goes on", async || succeeded().await >= 20).await;
        second.dies().await;
        let third = FrontEnd::begins(&ground);
        ground.until("it ends", async || shown(&ground, &run).await["ended"] == true).await;
        let ended = shown(&ground, &run).await;
        assert_eq!(ended["states"], json!({ "succeeded": 35, "rolled-back": 3, "refused": 2 }), "{ended}");
        assert_eq!((&ended["state"], &ended["failed"]), (&json!("ended"), &json!(5)));
        let causes = ended["failures"].as_array().unwrap();
        assert_eq!(causes.iter().map(|cause| &cause["count"]).collect::<Vec<_>>(), [3, 2], "{ended}");
        assert_eq!(moves(&ground), 40, "each was asked once");

        let again = ground.shown(on_run(Id::BulkRetry, &run)).await;
        ground.until("the failed ones move", async || shown(&ground, &again).await["ended"] == true).await;
        assert_eq!(shown(&ground, &again).await["states"], json!({ "succeeded": 5 }));
        assert_eq!(living_on(&ground, "d11", &all).len(), 40);

        // One of them goes back, then all that the first run moved.
        let one = ground.shown(on_run(Id::BulkGoBack, &again).with("site", "s05.test")).await;
        ground.until("one goes back", async || shown(&ground, &one).await["ended"] == true).await;
        assert_eq!(living_on(&ground, "d10", &all), ["s05.test"]);
        let back = ground.shown(on_run(Id::BulkGoBack, &run)).await;
        assert_eq!(back["chosen"], format!("those that the bulk run {} moved", run["id"]));
        ground.until("all go back", async || shown(&ground, &back).await["ended"] == true).await;
        assert_eq!(shown(&ground, &back).await["states"], json!({ "succeeded": 35 }));
        assert_eq!(living_on(&ground, "d10", &all).len(), 36);
        let refused = ground.refused(on_run(Id::BulkGoBack, &run)).await;
        assert!(refused.to_string().contains("is not as the run left it"), "{refused}");
        third.dies().await;
    });
}

#[test]
fn before_it_begins_it_is_told_who_can_go_who_cannot_and_why_and_how_long_it_may_take() {
    on_both(async |ground| {
        stage(&ground, 12).await;
        ground.disable("s03.test").await;
        ground.queue(delete_site("s03.test")).await;
        let tasks = ground.tasks().await.len();

        // The pretended platform lacks a module that all have enabled.
        let none = ground.shown(dry(Call::of(Id::PlatformMigrate).about("d10").with("to", "d11"))).await;
        assert_eq!((&none["all"], &none["can"], &none["cannot"]), (&json!(12), &json!(0), &json!(12)), "{none}");
        let missing = none["reasons"].as_array().unwrap().iter().find(|reason| reason["count"] == 11).unwrap();
        assert!(missing["cause"].as_str().unwrap().contains("`left_out` is enabled"), "{missing}");
        assert!(missing["remedy"].as_str().unwrap().contains("uninstall it"), "{missing}");
        let refused = ground.refused(Call::of(Id::PlatformMigrate).about("d10").with("to", "d11")).await;
        assert!(refused.to_string().starts_with("none of the 12 chosen sites can go"), "{refused}");

        let plan = ground.shown(dry(migrate().with("waves", "2,rest").with("at_once", 5))).await;
        let count = |name: &str| plan[name].as_u64().unwrap();
        assert_eq!((count("can"), count("with_warnings"), count("cannot")), (11, 11, 1), "{plan}");
        assert!(plan["reasons"][0]["cause"].as_str().unwrap().contains("is being deleted"), "{plan}");
        assert_eq!(plan["waves"][0]["sites"], json!(["s00.test", "s01.test"]));
        assert_eq!((&plan["waves"][1]["count"], count("at_once")), (&json!(9), 5));
        assert_eq!((count("size_unknown"), plan.get("takes_ms")), (11, None), "nobody knows yet: {plan}");
        assert_eq!(ground.tasks().await.len(), tasks, "nothing is queued");
        assert!(ground.items(Call::of(Id::BulkList)).await.is_empty());

        // Who cannot go is left out with the reason, and counts for nothing.
        let few = migrate().with("site", json!(["s00.test", "s03.test", "s04.test"])).with("stop_after", 1);
        let run = ground.shown(few).await;
        ground.work().await;
        let ended = shown(&ground, &run).await;
        assert_eq!(ended["states"], json!({ "succeeded": 2, "not-queued": 1 }), "{ended}");
        assert_eq!((&ended["state"], &ended["failed"]), (&json!("ended"), &json!(1)));
        let plan = ground.shown(dry(Call::of(Id::PlatformMigrate).about("d11").with("to", "d10"))).await;
        assert_eq!((&plan["size_unknown"], plan["takes_ms"].is_u64()), (&json!(0), true), "{plan}");
        assert_eq!(plan["known_from"], 2);

        // A machine that does not answer keeps nobody from beginning.
        ground.machine().reach(Reach::Away);
        let plan = ground.shown(dry(migrate().with("leave_out", "s01.test"))).await;
        assert_eq!((&plan["can"], &plan["not_compared"]), (&json!(8), &json!(8)), "{plan}");
        assert!(plan["why_not_compared"].is_string());
    });
}

#[test]
fn what_cannot_be_chosen_is_said_before_anything_is_queued() {
    on_both(async |ground| {
        stage(&ground, 2).await;
        ground.platform("d12", "web1").await;
        for (call, parameter) in [
            (migrate().with("to", "d10"), "to"),
            (migrate().with("site", "other.test"), "site"),
            (migrate().with("leave_out", "other.test"), "leave_out"),
            (migrate().with("filter", "colour=red"), "filter"),
            (migrate().with("waves", "1,x"), "waves"),
            (migrate().with("at_once", 0), "at_once"),
            (migrate().with("rehearse", "often"), "rehearse"),
        ] {
            let refusal = ground.refused(call.clone()).await;
            let Refusal::Bad(bad) = &refusal else { panic!("{call:?}: {refusal:?}") };
            assert_eq!(bad.bad[0].parameter, parameter, "{call:?}: {refusal:?}");
        }
        for call in [
            migrate().with("to", "none"),
            Call::of(Id::PlatformMigrate).about("none").with("to", "d11"),
            Call::of(Id::PlatformMigrate).about("d12").with("to", "d11"),
            migrate().with("leave_out", json!(["s00.test", "s01.test"])),
        ] {
            let refusal = ground.refused(call.clone()).await;
            assert!(matches!(refusal, Refusal::Unknown { .. } | Refusal::Conflict { .. }), "{call:?}: {refusal:?}");
        }
        assert!(ground.items(Call::of(Id::BulkList)).await.is_empty());
    });
}

#[test]
fn behind_a_first_wave_of_which_nothing_succeeded_it_pauses_and_goes_on_when_somebody_says_so() {
    on_both(async |ground| {
        stage(&ground, 4).await;
        ground.machine().plan_once(TaskKind::MigrateSite, "@s00.test", Plan::ends(Ends::RolledBack));
        let run = ground.shown(migrate()).await;
        ground.work().await;
        let paused = shown(&ground, &run).await;
        assert_eq!(
            (&paused["state"], &paused["halt"]["why"]),
            (&json!("paused"), &json!("nothing of wave 1 succeeded"))
        );
        let again = ground.refused(on_run(Id::BulkPause, &run)).await;
        assert!(again.to_string().contains("is paused already"), "{again}");

        ground.shown(on_run(Id::BulkResume, &run)).await;
        assert!(matches!(ground.refused(on_run(Id::BulkResume, &run)).await, Refusal::Conflict { .. }));
        ground.work().await;

        assert_eq!(shown(&ground, &run).await["states"], json!({ "succeeded": 3, "rolled-back": 1 }));
        for over in [Id::BulkPause, Id::BulkStop] {
            let refusal = ground.refused(on_run(over, &run)).await;
            assert!(refusal.to_string().starts_with("all objects of the bulk run"), "{refusal}");
        }
    });
}

#[test]
fn a_run_that_is_stopped_asks_nothing_more_and_takes_what_waits_out_of_the_queue() {
    on_both(async |ground| {
        stage(&ground, 6).await;
        let run = ground.shown(migrate().with("waves", "rest").with("at_once", 3)).await;
        ground.hosting.ask_open_bulk_runs().await.unwrap();
        assert_eq!(shown(&ground, &run).await["states"], json!({ "waiting": 3, "not-asked": 3 }));
        let would = ground.shown(dry(on_run(Id::BulkStop, &run))).await;
        assert_eq!(would["state"], "going");

        let stopped = ground.shown(on_run(Id::BulkStop, &run)).await;
        ground.work().await;

        assert_eq!((&stopped["state"], &stopped["ended"]), (&json!("stopped"), &json!(true)), "{stopped}");
        assert_eq!(shown(&ground, &run).await["states"], json!({ "cancelled": 3, "not-asked": 3 }));
        assert_eq!(moves(&ground), 0);
        for over in [Id::BulkPause, Id::BulkResume, Id::BulkStop] {
            let refusal = ground.refused(on_run(over, &run)).await;
            assert!(refusal.to_string().ends_with("was stopped"), "{refusal}");
        }
        let refusal = ground.refused(on_run(Id::BulkGoBack, &run)).await;
        assert!(refusal.to_string().ends_with("moved no site yet"), "{refusal}");
    });
}

#[test]
fn a_wave_is_tried_out_whole_before_any_of_it_moves_and_who_does_not_pass_stays() {
    on_both(async |ground| {
        stage(&ground, 5).await;
        ground.machine().plan_once(TaskKind::MigrateSite, "@s02.test", Plan::ends(Ends::RolledBack));
        let run = ground.shown(migrate().with("waves", "rest").with("rehearse", "wave").with("at_once", 2)).await;
        assert_eq!(run["rehearse"], true);
        ground.hosting.ask_open_bulk_runs().await.unwrap();
        assert_eq!(in_state(&ground, &run, "rehearsing").await, ["s00.test", "s01.test"]);
        ground.work().await;

        let ended = shown(&ground, &run).await;
        assert_eq!(ended["states"], json!({ "succeeded": 4, "rolled-back": 1 }), "{ended}");
        assert_eq!(in_state(&ground, &run, "rolled-back").await, ["s02.test"]);
        let tasks: Vec<bool> = ground
            .machine()
            .began()
            .iter()
            .filter(|began| began.kind == TaskKind::MigrateSite)
            .map(|began| serde_json::to_value(&began.task).unwrap()["rehearse"].is_string())
            .collect();
        assert_eq!(tasks, [true, true, true, true, true, false, false, false, false]);
        assert_eq!(living_on(&ground, "d10", &names(0..5)), ["s02.test"]);
    });
}

#[test]
fn a_verify_of_many_can_go_in_waves_too() {
    on_both(async |ground| {
        stage(&ground, 4).await;
        ground.machine().plan_once(TaskKind::VerifySite, "@s01.test", Plan::ends(Ends::RolledBack));
        let start = Call::of(Id::BulkStart).with("operation", "site verify").with("filter", "all");
        let run = ground.shown(start.with("waves", "1,1,rest").with("stop_after", 1)).await;
        ground.work().await;

        let paused = shown(&ground, &run).await;
        assert_eq!((&paused["state"], &paused["halt"]["why"]), (&json!("paused"), &json!("1 object failed")));
        assert_eq!(paused["states"], json!({ "succeeded": 1, "rolled-back": 1, "not-asked": 2 }));
        let no_way_back = ground.refused(on_run(Id::BulkGoBack, &run)).await;
        assert!(no_way_back.to_string().contains("neither moves sites nor updates them"), "{no_way_back}");
    });
}

#[test]
fn behind_a_wave_of_which_nothing_succeeded_it_pauses_whatever_the_limit_and_failures_tell_their_wave() {
    on_both(async |ground| {
        stage(&ground, 3).await;
        ground.machine().plan_once(TaskKind::VerifySite, "@s01.test", Plan::ends(Ends::RolledBack));
        let start = Call::of(Id::BulkStart).with("operation", "site verify").with("filter", "all");
        let run = ground.shown(start.with("waves", "1,1,rest")).await;
        ground.work().await;

        let paused = shown(&ground, &run).await;
        assert_eq!(
            (&paused["state"], &paused["halt"]["why"]),
            (&json!("paused"), &json!("nothing of wave 2 succeeded"))
        );
        assert_eq!(paused["stop_after"], Value::Null);
        assert_eq!(paused["failures"][0]["objects"][0]["wave"], json!(2), "{paused}");
    });
}

#[test]
fn what_is_asked_while_a_run_is_stopped_leaves_the_queue_too() {
    on_both(async |ground| {
        stage(&ground, 8).await;
        for _ in 0..3 {
            let start = Call::of(Id::BulkStart).with("operation", "site verify").with("filter", "all");
            let run = ground.shown(start).await;
            let stop = async {
                ground.until("some are asked", async || shown(&ground, &run).await["states"]["waiting"].is_u64()).await;
                ground.ask(on_run(Id::BulkStop, &run)).await
            };
            let (asked, _) = tokio::join!(ground.hosting.ask_open_bulk_runs(), stop);
            asked.unwrap();
            let waiting = shown(&ground, &run).await["states"]["waiting"].as_u64().unwrap_or_default();
            let stopped = shown(&ground, &run).await["state"] == "stopped";
            assert!(!stopped || waiting == 0, "{}", shown(&ground, &run).await);
            ground.work().await;
        }
    });
}

#[test]
fn a_run_of_many_keeps_no_other_waiting() {
    on_both(async |ground| {
        stage(&ground, 3).await;
        // More of them than are asked in one go, and all but the last of them gone.
        let gone = (0..60).map(|number| format!("gone{number}.test"));
        let many: Vec<String> = gone.chain(["s01.test".into()]).collect();
        let start = || Call::of(Id::BulkStart).with("operation", "site verify");
        let first = ground.shown(start().with("object", many)).await;
        let second = ground.shown(start().with("object", "s00.test")).await;
        ground.hosting.ask_open_bulk_runs().await.unwrap();

        assert_eq!(shown(&ground, &first).await["states"], json!({ "not-queued": 60, "waiting": 1 }));
        let task_of = async |run: &Value| {
            let waits = ground.items(on_run(Id::BulkObjects, run).with("state", json!(["waiting"]))).await;
            waits[0]["task"].as_i64().unwrap()
        };
        assert!(task_of(&second).await < task_of(&first).await, "the second has its turn in between");
    });
}

#[test]
fn a_site_that_went_on_since_is_left_alone_by_the_way_back() {
    on_both(async |ground| {
        stage(&ground, 3).await;
        ground.platform("d12", "web1").await;
        let run = ground.shown(migrate()).await;
        ground.work().await;
        ground.queue(Call::of(Id::SiteMigrate).about("s01.test").with("platform", "d12")).await;
        ground.work().await;

        let plan = ground.shown(dry(on_run(Id::BulkGoBack, &run))).await;
        assert_eq!((&plan["all"], &plan["can"]), (&json!(3), &json!(2)), "{plan}");
        assert_eq!(plan["cannot"][0]["objects"][0]["name"], "s01.test");
        let bad = ground.refused(on_run(Id::BulkGoBack, &run).with("site", "other.test")).await;
        assert!(matches!(bad, Refusal::Bad(_)), "{bad:?}");
        // It went back by hand and came again: that is another self.
        for platform in ["d10", "d11"] {
            ground.queue(Call::of(Id::SiteMigrate).about("s02.test").with("platform", platform)).await;
            ground.work().await;
        }
        let back = ground.shown(on_run(Id::BulkGoBack, &run)).await;
        ground.work().await;

        assert_eq!(shown(&ground, &back).await["states"], json!({ "succeeded": 1, "not-queued": 2 }));
        assert_eq!(living_on(&ground, "d12", &names(0..3)), ["s01.test"]);
        assert_eq!(living_on(&ground, "d11", &names(0..3)), ["s02.test"]);
    });
}

#[test]
fn the_sites_that_a_run_updated_are_what_they_were_but_for_those_that_went_on_and_those_without_updates() {
    on_both(async |ground| {
        stage(&ground, 4).await;
        let nothing = Plan { nothing: true, ..Plan::default() };
        ground.machine().plan_once(TaskKind::UpdateSite, Some("@s03.test"), nothing);
        let start = Call::of(Id::BulkStart).with("operation", "site update").with("filter", "all");
        let run = ground.shown(start).await;
        ground.work().await;
        assert_eq!(shown(&ground, &run).await["states"], json!({ "succeeded": 4 }));
        let formers = |name: &str| match ground.machine().context(&format!("@{name}")) {
            Some(Context::Site(site)) => site.formers.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(["s00.test", "s03.test"].map(formers), [1, 0]);

        // Updated once more by hand: going back with it would undo that too.
        ground.queue(Call::of(Id::SiteUpdate).about("s01.test")).await;
        ground.work().await;
        let plan = ground.shown(dry(on_run(Id::BulkGoBack, &run))).await;
        assert_eq!((&plan["all"], &plan["can"]), (&json!(3), &json!(2)), "no update waited for one: {plan}");
        assert_eq!(plan["cannot"][0]["objects"][0]["name"], "s01.test");
        let bad = ground.refused(on_run(Id::BulkGoBack, &run).with("site", "s03.test")).await;
        assert!(bad.to_string().contains("did not update `s03.test`") || format!("{bad:?}").contains("did not update"));

        let one = ground.shown(on_run(Id::BulkGoBack, &run).with("site", "s00.test")).await;
        ground.work().await;
        assert_eq!(shown(&ground, &one).await["states"], json!({ "succeeded": 1 }));
        let back = ground.shown(on_run(Id::BulkGoBack, &run)).await;
        assert_eq!(back["chosen"], format!("those that the bulk run {} updated", run["id"]));
        ground.work().await;

        // The first is left alone too, now that it has gone back.
        assert_eq!(shown(&ground, &back).await["states"], json!({ "succeeded": 1, "not-queued": 2 }));
        let went: Vec<_> =
            ground.machine().began().into_iter().filter(|one| one.kind == TaskKind::GoBackSite).collect();
        assert_eq!(went.iter().map(|one| one.object.as_str()).collect::<Vec<_>>(), ["@s00.test", "@s02.test"]);
        let again = ground.refused(on_run(Id::BulkGoBack, &run)).await;
        assert!(again.to_string().contains("is not as the run left it"), "{again}");
    });
}

#[test]
fn who_may_not_move_sites_may_neither_begin_such_a_run_nor_halt_it() {
    on_both(async |ground| {
        stage(&ground, 2).await;
        let operates = Actor::of_token(5, "operates", [Permission::View, Permission::Operate].into_iter().collect());
        let run = ground.shown(migrate().with("waves", "rest")).await;
        let calls = [Id::BulkPause, Id::BulkResume, Id::BulkStop, Id::BulkRetry, Id::BulkGoBack];
        for call in calls.map(|id| on_run(id, &run)).into_iter().chain([migrate(), dry(migrate())]) {
            let refused = ground.hosting.perform(&operates, call.clone()).await.unwrap_err();
            let expected = matches!(refused, Refusal::Forbidden(_)) || call.operation == Id::BulkRetry;
            assert!(expected, "{call:?}: {refused:?}");
        }
        let plain = ground.shown(Call::of(Id::BulkStart).with("operation", "site verify").with("filter", "all")).await;
        ground.hosting.perform(&operates, on_run(Id::BulkPause, &plain)).await.unwrap();
        let paused = shown(&ground, &plain).await;
        assert_eq!((&paused["state"], &paused["halt"]["by"]), (&json!("paused"), &json!("token operates")));
    });
}
