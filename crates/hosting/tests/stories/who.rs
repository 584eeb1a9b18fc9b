//! Who may: by the declarations, and by nothing else.

use aegir_hosting::{Actor, Call, Effect, Front as _, OperationId as Id, Permission, Permissions, Refusal};
use serde_json::json;

use crate::ground::{log_in, on_both, on_task, verify_site};

/// Every set of permissions.
fn every_set() -> impl Iterator<Item = Permissions> {
    (0..1 << Permission::ALL.len()).map(|set: u32| {
        Permission::ALL.into_iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0).map(|(_, one)| one).collect()
    })
}

#[test]
fn every_operation_refuses_exactly_those_who_lack_what_it_needs() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        for id in Id::ALL {
            let operation = id.declaration();
            for may in every_set() {
                let actor = Actor::of_token(7, "somebody", may);
                let asked = ground.hosting.perform(&actor, Call::of(id)).await;
                let forbidden = matches!(asked, Err(Refusal::Forbidden(_)));
                assert_eq!(forbidden, !may.hold(operation.needs), "{} for {may:?}: {asked:?}", operation.name());
                if let Err(refusal @ Refusal::Forbidden(_)) = asked {
                    assert!(refusal.to_string().contains(operation.needs.as_str()));
                    assert!(aegir_domain::Remedy::remedy(&refusal).is_some_and(|remedy| remedy.contains("token add")));
                }
            }
        }
        assert!(ground.hosting.changes(&Actor::of_token(7, "x", Permissions::default()), None, 10).await.is_err());
    });
}

#[test]
fn a_task_is_tried_again_and_stopped_by_those_who_may_ask_for_it() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let task = ground.queue(verify_site("a.test")).await;
        ground.work().await;
        let queues = |id: &Id| id.declaration().effect == Effect::Queues && *id != Id::TaskRetry;
        for of_task in Id::ALL.into_iter().filter(queues).map(Id::declaration) {
            ground.sql(&format!("UPDATE task SET operation = '{}' WHERE id = {task}", of_task.slug())).await;
            for (call, may) in
                [Id::TaskRetry, Id::TaskCancel].into_iter().flat_map(|id| every_set().map(move |may| (id, may)))
            {
                let actor = Actor::of_token(7, "somebody", may);
                let mut call = on_task(call, task);
                // Only to see whether they may.
                call.dry_run = true;
                let (asks, verb) = (ground.hosting.perform(&actor, call.clone()).await, call.operation);
                let allowed = may.hold(Permission::Operate) && may.hold(of_task.needs);
                let forbidden = matches!(asks, Err(Refusal::Forbidden(_)));
                assert_eq!(forbidden, !allowed, "{verb:?} of {} for {may:?}: {asks:?}", of_task.name());
            }
        }
    });
}

#[test]
fn whoever_may_operate_gets_no_login_by_trying_one_again_and_deletes_nothing() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        let login = ground.queue(log_in("a.test")).await;
        ground.work().await;
        ground.disable("a.test").await;
        let delete = ground.queue(crate::ground::delete_site("a.test")).await;
        ground.ask(on_task(Id::TaskCancel, delete)).await.unwrap();
        let operator = Actor::of_token(7, "ops", [Permission::View, Permission::Operate].into_iter().collect());

        for task in [login, delete] {
            let asked = ground.hosting.perform(&operator, on_task(Id::TaskRetry, task)).await;
            assert!(matches!(asked, Err(Refusal::Forbidden(_))), "{asked:?}");
        }
        ground.work().await;
        assert_eq!(ground.hosting.secret_answer(&operator, login.0).await.unwrap(), None);
        assert_eq!(ground.task(delete).await.state, aegir_domain::TaskState::Cancelled);

        // Nor does an operator stop what a manager asked for.
        ground.ask(on_task(Id::TaskRetry, delete)).await.unwrap();
        let asked = ground.hosting.perform(&operator, on_task(Id::TaskCancel, delete)).await;
        assert!(matches!(asked, Err(Refusal::Forbidden(_))), "{asked:?}");
        assert_eq!(ground.task(delete).await.state, aegir_domain::TaskState::Waiting);
        // What they could ask for, they can.
        let verify = ground.queue(verify_site("b.test")).await;
        assert!(ground.hosting.perform(&operator, on_task(Id::TaskCancel, verify)).await.is_ok());
        assert!(ground.hosting.perform(&operator, on_task(Id::TaskRetry, verify)).await.is_ok());
    });
}

#[test]
fn whoever_may_do_nothing_changes_nothing_whatever_they_give() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let before = ground.read(async |read| read.last_change().await).await;
        let nobody = Actor::of_token(7, "nobody", Permissions::default());
        for call in [
            verify_site("a.test"),
            crate::ground::add_site("b.test"),
            crate::ground::delete_site("a.test"),
            Call::of(Id::QueuePause),
            Call::of(Id::TokenAdd).about("mine").with("scope", json!(["administer"])),
            Call::of(Id::SettingSet).about("tasks_at_once").with("value", "1"),
        ] {
            assert!(matches!(ground.hosting.perform(&nobody, call).await, Err(Refusal::Forbidden(_))));
        }
        assert_eq!(ground.read(async |read| read.last_change().await).await, before);
        assert!(!ground.read(async |read| read.queue().await).await.paused);
    });
}

#[test]
fn a_token_lets_in_with_its_scopes_until_it_is_revoked_or_ends_and_nobody_hands_on_what_they_have_not() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let text = ground.token("build", &[Permission::View, Permission::Operate]).await;
        let actor = ground.hosting.actor_of_token(&text).await.unwrap().unwrap();
        assert_eq!(actor.name, "token build");
        assert!(ground.hosting.perform(&actor, verify_site("a.test")).await.is_ok());
        let refused = ground.hosting.perform(&actor, crate::ground::delete_site("a.test")).await;
        assert!(matches!(refused, Err(Refusal::Forbidden(_))));
        for wrong in ["", "aegir_", &text[..text.len() - 1], &format!("{text}0"), &text.to_uppercase()] {
            assert!(ground.hosting.actor_of_token(wrong).await.unwrap().is_none(), "{wrong}");
        }
        // Its use is written down a moment later.
        let used = async || ground.items(Call::of(Id::TokenList)).await[0]["last_used"].is_i64();
        ground.until("its use is written down", used).await;
        let listed = ground.items(Call::of(Id::TokenList)).await;
        assert_eq!((listed.len(), listed[0]["token"].is_null()), (1, true));

        let clerk = Actor::of_token(7, "clerk", [Permission::View, Permission::Administer].into_iter().collect());
        let more = Call::of(Id::TokenAdd).about("more").with("scope", json!(["view", "manage"]));
        assert!(matches!(ground.hosting.perform(&clerk, more).await, Err(Refusal::Forbidden(_))));
        let same = Call::of(Id::TokenAdd).about("same").with("scope", "view").with("days", 1);
        let aegir_hosting::Answer::Object(same) = ground.hosting.perform(&clerk, same).await.unwrap() else { panic!() };
        let taken = Call::of(Id::TokenAdd).about("build").with("scope", "view");
        assert_eq!(ground.refused(taken.clone()).await.sort(), aegir_hosting::Sort::Conflict);

        ground.ask(Call::of(Id::TokenRevoke).about("build")).await.unwrap();
        assert!(ground.hosting.actor_of_token(&text).await.unwrap().is_none());
        assert!(matches!(ground.refused(Call::of(Id::TokenRevoke).about("build")).await, Refusal::Unknown { .. }));
        // Its label is free again, and the old text opens nothing.
        ground.ask(taken).await.unwrap();
        assert!(ground.hosting.actor_of_token(&text).await.unwrap().is_none());
        let same = same["token"].as_str().unwrap();
        assert!(ground.hosting.actor_of_token(same).await.unwrap().is_some());
        ground.outside.jump(25 * 60 * 60 * 1000);
        assert!(ground.hosting.actor_of_token(same).await.unwrap().is_none());
    });
}

#[test]
fn a_token_lets_in_while_somebody_else_writes() {
    on_both(async |ground| {
        let text = ground.token("build", &[Permission::View]).await;
        // SQLite: the one writer. PostgreSQL: the row itself.
        let held = ground.hold_tokens().await;
        for _ in 0..3 {
            let began = std::time::Instant::now();
            assert!(ground.hosting.actor_of_token(&text).await.unwrap().is_some());
            assert!(began.elapsed() < std::time::Duration::from_millis(500), "{:?}", began.elapsed());
        }
        held.let_go().await;
        let last = async || ground.items(Call::of(Id::TokenList)).await[0]["last_used"].as_i64();
        ground.until("its use is written down", async || last().await.is_some()).await;
        let before = last().await;
        // Within the minute nothing is written; after it, once more.
        ground.outside.jump(1_000);
        assert!(ground.hosting.actor_of_token(&text).await.unwrap().is_some());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        assert_eq!(last().await, before);
        ground.outside.jump(61_000);
        assert!(ground.hosting.actor_of_token(&text).await.unwrap().is_some());
        ground.until("the later use is written down", async || last().await > before).await;
    });
}
