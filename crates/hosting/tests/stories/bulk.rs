//! Bulk runs: one operation, asked of many objects, each once whatever happens meanwhile.

use aegir_domain::TaskKind;
use aegir_hosting::{Actor, Call, OperationId as Id, Permission, Refusal};
use aegir_lab::pretend::{Ends, Plan};
use serde_json::{Value, json};

use crate::ground::{Ground, delete_site, on_both};

fn start() -> Call {
    Call::of(Id::BulkStart).with("operation", "site verify")
}

fn about(id: Id, run: &Value) -> Call {
    Call::of(id).about(run["id"].to_string())
}

async fn began(ground: &Ground, call: Call) -> Value {
    ground.shown(call).await
}

async fn names(ground: &Ground, run: &Value, state: &str) -> Vec<String> {
    let items = ground.items(about(Id::BulkObjects, run).with("state", state).with("limit", 500)).await;
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_object_that_a_filter_finds_has_a_task_and_failures_are_told_by_their_cause() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test", "c.test", "d.test"]).await;
        let machine = ground.back_ends.machine("web1");
        for name in ["@b.test", "@c.test"] {
            machine.plan_once(TaskKind::VerifySite, name, Plan::ends(Ends::RolledBack));
        }

        let run = began(&ground, start().with("filter", json!(["search=test", "status=enabled"]))).await;
        assert_eq!(
            (&run["all"], &run["ended"], &run["states"]),
            (&json!(4), &json!(false), &json!({ "not-asked": 4 }))
        );
        ground.work().await;

        let shown = ground.shown(about(Id::BulkShow, &run)).await;
        assert_eq!(shown["states"], json!({ "succeeded": 2, "rolled-back": 2 }));
        assert_eq!((&shown["ended"], &shown["failed"]), (&json!(true), &json!(2)));
        assert_eq!(shown["chosen"], "those with search=test, status=enabled");
        let [failure] = &shown["failures"].as_array().unwrap()[..] else { panic!("one cause: {shown}") };
        assert_eq!((&failure["count"], &failure["state"]), (&json!(2), &json!("rolled-back")));
        assert!(failure["cause"].as_str().unwrap().contains("it was told to fail"), "{failure}");
        assert_eq!(names(&ground, &run, "rolled-back").await, ["b.test", "c.test"]);

        // What failed is asked once more, and nothing else.
        let again = began(&ground, about(Id::BulkRetry, &run)).await;
        ground.work().await;
        let shown = ground.shown(about(Id::BulkShow, &again)).await;
        assert_eq!((&shown["all"], &shown["states"]), (&json!(2), &json!({ "succeeded": 2 })));
        let refusal = ground.refused(about(Id::BulkRetry, &again)).await;
        assert!(matches!(refusal, Refusal::Conflict { .. }), "{refusal:?}");
        let all = ground.items(Call::of(Id::BulkList)).await;
        assert_eq!(all.iter().map(|run| &run["id"]).collect::<Vec<_>>(), [&again["id"], &run["id"]]);
    });
}

#[test]
fn before_it_begins_it_is_said_who_qualifies_and_why_others_do_not() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let mut plan = start().with("object", json!(["a.test", "@b.test", "gone.test", "a.test"]));
        plan.dry_run = true;

        let plan = began(&ground, plan).await;

        assert_eq!((&plan["all"], &plan["looked_at"], &plan["can"]), (&json!(3), &json!(3), &json!(2)));
        let cannot = plan["cannot"].as_array().unwrap();
        assert_eq!((cannot.len(), &cannot[0]["objects"][0]["name"]), (1, &json!("gone.test")));
        assert_eq!(cannot[0]["cause"], "there is no site `…`");
        assert!(ground.items(Call::of(Id::BulkList)).await.is_empty(), "nothing began");
    });
}

#[test]
fn an_object_that_goes_before_it_is_asked_is_told_and_keeps_none_of_the_others() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test", "c.test"]).await;
        ground.disable("b.test").await;
        let run = began(&ground, start().with("object", json!(["a.test", "b.test", "c.test"]))).await;
        ground.queue(delete_site("b.test")).await;
        ground.work().await;

        let shown = ground.shown(about(Id::BulkShow, &run)).await;

        let of_b = &ground.items(about(Id::BulkObjects, &run)).await[1];
        assert_eq!((&of_b["name"], &of_b["state"]), (&json!("b.test"), &json!("not-queued")), "{of_b}");
        assert!(of_b["fault"]["message"].as_str().unwrap().contains("b.test"));
        assert_eq!(shown["states"], json!({ "succeeded": 2, "not-queued": 1 }));
    });
}

#[test]
fn whoever_asks_for_the_objects_twice_or_dies_in_between_asks_each_once() {
    on_both(async |ground| {
        let sites: Vec<String> = (0..30).map(|n| format!("s{n:02}.test")).collect();
        ground.fleet(&sites.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let before = ground.items(Call::of(Id::TaskList).with("operation", "site verify")).await.len();
        let run = began(&ground, start().with("filter", "all")).await;

        // Several ask at once, and some of them die in the middle of it.
        for _ in 0..6 {
            let hosting = ground.hosting.clone();
            let asking = tokio::spawn(async move { hosting.ask_open_bulk_runs().await });
            tokio::time::sleep(std::time::Duration::from_millis(15)).await;
            asking.abort();
        }
        let (one, other) = tokio::join!(ground.hosting.ask_open_bulk_runs(), ground.hosting.ask_open_bulk_runs());
        one.unwrap();
        other.unwrap();

        let tasks = ground.items(Call::of(Id::TaskList).with("operation", "site verify").with("limit", 500)).await;
        assert_eq!(tasks.len() - before, 30);
        assert_eq!(ground.shown(about(Id::BulkShow, &run)).await["states"], json!({ "waiting": 30 }));
    });
}

#[test]
fn a_run_is_asked_for_by_whoever_may_what_it_asks() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let views = Actor::of_token(5, "views", [Permission::View].into_iter().collect());
        let refused = ground.hosting.perform(&views, start().with("filter", "all")).await.unwrap_err();
        assert!(matches!(refused, Refusal::Forbidden(_)), "{refused:?}");
        let operates = Actor::of_token(6, "operates", [Permission::View, Permission::Operate].into_iter().collect());
        ground.hosting.perform(&operates, start().with("filter", "all")).await.unwrap();
        ground.work().await;

        let task = &ground.items(Call::of(Id::TaskList).with("operation", "site verify")).await[0];
        assert_eq!(task["asked_by"], "token operates");
    });
}

#[test]
fn what_cannot_be_chosen_is_said_by_the_parameter_that_chose_it() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        for (call, parameter) in [
            (start(), "object"),
            (start().with("object", "a.test").with("filter", "all"), "object"),
            (start().with("object", "no name"), "object"),
            (start().with("filter", "status=asleep"), "filter"),
            (start().with("filter", "failed"), "filter"),
            (start().with("filter", "colour=red"), "filter"),
            (start().with("filter", "search=nothing-of-that"), "filter"),
            (start().with("filter", "all").with("with", "colour=red"), "with"),
            (Call::of(Id::BulkStart).with("operation", "site delete").with("filter", "all"), "operation"),
        ] {
            let refusal = ground.refused(call.clone()).await;
            let Refusal::Bad(bad) = &refusal else { panic!("{call:?}: {refusal:?}") };
            assert_eq!(bad.bad[0].parameter, parameter, "{call:?}: {refusal:?}");
        }
        assert!(matches!(ground.refused(Call::of(Id::BulkShow).about("77")).await, Refusal::Unknown { .. }));
    });
}
