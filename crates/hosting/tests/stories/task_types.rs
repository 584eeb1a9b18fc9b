//! Task types of the operator's own: who may ask for what, what is refused before a back end hears of it, and what runs.

use aegir_domain::{Task, TaskKind, TaskState};
use aegir_hosting::{Actor, Answer, Call, OperationId as Id, Permission, Refusal};
use aegir_lab::pretend::Reading;
use serde_json::{Value, json};

use crate::ground::{Ground, on_both};

fn run(name: &str, task_type: &str) -> Call {
    Call::of(Id::SiteRun).about(name).with("task_type", task_type)
}

async fn types(ground: &Ground) {
    ground.fleet(&["a.test"]).await;
}

fn asked(ground: &Ground) -> Vec<Task> {
    ground
        .machine()
        .began()
        .into_iter()
        .filter(|began| began.kind == TaskKind::Custom)
        .map(|began| began.task)
        .collect()
}

#[test]
fn a_task_type_is_asked_for_of_each_kind_of_object_and_runs_there() {
    on_both(async |ground| {
        types(&ground).await;
        let site = ground.queue(run("a.test", "mark_site").with("with", json!(["count=3"]))).await;
        ground.work().await;
        let platform = Call::of(Id::PlatformRun).about("d10").with("task_type", "mark_platform");
        let platform = ground.queue(platform).await;
        ground.work().await;
        let server = ground.queue(Call::of(Id::ServerRun).about("web1").with("task_type", "mark_server")).await;
        ground.work().await;

        for task in [site, platform, server] {
            ground.assert_state(task, TaskState::Succeeded).await;
        }
        let asked = asked(&ground);
        assert_eq!(asked.len(), 3);
        let Task::Custom(first) = &asked[0] else { panic!("{asked:?}") };
        assert_eq!((first.task_type.as_str(), first.object.to_string().as_str()), ("mark_site", "@a.test"));
        assert_eq!(first.fields.values().collect::<Vec<_>>(), ["3"]);
        let shown = ground.shown(Call::of(Id::TaskShow).about(site.0.to_string())).await;
        assert_eq!(shown["parameters"]["task_type"], "mark_site");
        assert_eq!(ground.node(site).await.title, "site run mark_site @a.test");
        assert_eq!(shown["title"], "Mark a site");

        // It keeps what it was called, whatever becomes of the type.
        let another = ground.another().await.perform(&ground.anna, Call::of(Id::TaskList)).await;
        let Ok(Answer::Page { items, .. }) = another else { panic!("{another:?}") };
        let titled: Vec<&str> = items.iter().filter_map(|task| task["title"].as_str()).collect();
        assert_eq!(titled, ["Mark a server", "Mark a platform", "Mark a site"]);
    });
}

#[test]
fn a_run_is_offered_where_a_type_is_about_such_an_object_and_nowhere_else() {
    on_both(async |ground| {
        types(&ground).await;
        let without = ground.another().await;
        for call in [
            Call::of(Id::SiteShow).about("a.test"),
            Call::of(Id::PlatformShow).about("d10"),
            Call::of(Id::ServerShow).about("web1"),
            Call::of(Id::NodeShow).about("a.test"),
        ] {
            let offered = |answer: Result<Answer, Refusal>| match answer {
                Ok(Answer::Object(view)) => {
                    let verbs: Vec<_> = view["operations"].as_array().unwrap().iter().map(|one| &one["verb"]).collect();
                    (verbs.contains(&&json!("run")), verbs.contains(&&json!("verify")))
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(offered(ground.hosting.perform(&ground.anna, call.clone()).await), (true, true));
            assert_eq!(offered(without.perform(&ground.anna, call).await), (false, true));
        }
    });
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_queued() {
    on_both(async |ground| {
        types(&ground).await;
        let tasks = ground.tasks().await;
        for (call, says) in [
            (run("a.test", "absent"), "there is no task type `absent`"),
            (run("a.test", "broken"), "the task type `broken` cannot be used: the program `broken/undo` is missing"),
            (run("a.test", "mark_server"), "`mark_server` is about a server, and not a site"),
            (run("a.test", "mark_site").with("with", json!(["count=11"])), "the field `count` is 11"),
            (
                run("a.test", "mark_site").with("with", json!(["other=1"])),
                "the field `other` is none of this task type",
            ),
            (run("a.test", "mark_site").with("with", json!(["count=1", "count=2"])), "`count` is given twice"),
            (run("a.test", "mark_site").with("with", json!(["count"])), "it is not of the form `NAME=VALUE`"),
            (run("a.test", "risky"), "takes the name a second time"),
            (run("a.test", "risky").with("sure", "b.test"), "takes the name a second time"),
            (run("a.test", "sealed"), "has the secret field `key`"),
            (run("b.test", "mark_site"), "b.test"),
        ] {
            let said = ground.refused(call).await.to_string();
            assert!(said.contains(says), "{says}: {said}");
        }
        assert_eq!(ground.tasks().await, tasks);

        ground.queue(run("a.test", "risky").with("sure", "a.test")).await;
        ground.work().await;
        assert!(matches!(&asked(&ground)[..], [Task::Custom(custom)] if custom.confirm.as_deref() == Some("a.test")));
    });
}

#[test]
fn a_site_out_of_service_is_left_alone() {
    on_both(async |ground| {
        types(&ground).await;
        ground.disable("a.test").await;

        assert_eq!(ground.refused(run("a.test", "mark_site")).await.to_string(), "`@a.test` is disabled");
    });
}

#[test]
fn each_type_takes_the_permission_that_its_manifest_says_also_to_be_tried_again_or_stopped() {
    on_both(async |ground| {
        types(&ground).await;
        let operator =
            Actor { may: [Permission::View, Permission::Operate].into_iter().collect(), ..ground.anna.clone() };
        let may = async |call: Call| match ground.hosting.perform(&operator, call).await {
            Ok(_) => true,
            Err(Refusal::Forbidden(_)) => false,
            Err(other) => panic!("{other}"),
        };

        assert!(may(run("a.test", "mark_site")).await);
        ground.work().await;
        assert!(!may(run("a.test", "kept_up")).await);
        let task = ground.queue(run("a.test", "kept_up")).await;
        assert!(!may(Call::of(Id::TaskCancel).about(task.0.to_string())).await);
        ground.work().await;
        assert!(!may(Call::of(Id::TaskRetry).about(task.0.to_string())).await);
    });
}

#[test]
fn the_list_tells_what_each_asks_and_why_one_cannot_be_used() {
    on_both(async |ground| {
        types(&ground).await;
        let another = ground.another().await.perform(&ground.anna, Call::of(Id::TaskTypeList)).await;
        assert!(matches!(another, Ok(Answer::Page { items, .. }) if items.is_empty()), "nobody said where they lie");

        let all = ground.items(Call::of(Id::TaskTypeList)).await;

        let of = |name: &str| -> &Value { all.iter().find(|one| one["name"] == name).unwrap() };
        assert_eq!((&of("mark_site")["object"], &of("mark_site")["permission"]), (&json!("site"), &json!("operate")));
        assert_eq!(of("mark_site")["fields"][0]["most"], 10);
        assert_eq!(of("risky")["dangerous"], true);
        let fault = of("broken")["fault"].as_str().unwrap();
        assert!(fault.contains("is missing") && fault.contains("put it there"), "{fault}");
    });
}

#[test]
fn where_types_cannot_be_read_that_is_said_and_only_who_administers_stops_what_runs() {
    on_both(async |ground| {
        types(&ground).await;
        let keeps = Actor {
            may: [Permission::View, Permission::Operate, Permission::Manage].into_iter().collect(),
            ..ground.anna.clone()
        };
        let task = ground.queue(run("a.test", "mark_site")).await;
        for (reading, says) in [
            (Reading::Refused, "the task types cannot be read: the folder `tasks.d` cannot be read"),
            (Reading::Panics, "the task types cannot be read: reading them did not come to its end"),
        ] {
            ground.types.reading(reading);
            for call in [Call::of(Id::TaskTypeList), run("a.test", "mark_site")] {
                let refusal = ground.refused(call).await;
                assert!(matches!(refusal, Refusal::Conflict { remedy: Some(_), .. }), "{refusal:?}");
                assert_eq!(refusal.to_string(), says);
            }
            let stops = ground.hosting.perform(&keeps, Call::of(Id::TaskCancel).about(task.0.to_string())).await;
            assert!(matches!(stops, Err(Refusal::Forbidden(_))), "{stops:?}");
        }
        ground.ask(Call::of(Id::TaskCancel).about(task.0.to_string())).await.unwrap();
        ground.assert_state(task, TaskState::Cancelled).await;
    });
}
