//! Requests with keys of their own: done once, whenever the process that does them dies.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use aegir_hosting::{Actor, Answer, Call, Effect, KeptAnswer, Once, Operation, OperationId as Id, OwnKey, Refusal};
use serde_json::json;

use crate::ground::{Ground, log_in, on_both, verify_site};
use crate::of_everything::changes;

/// As a face would keep answers: word and all.
fn kept(_: &Operation, answer: Result<&Answer, &Refusal>) -> Option<KeptAnswer> {
    match answer {
        Ok(answer) => Some((200, format!("{answer:?}"))),
        Err(Refusal::Store(_)) => None,
        Err(refusal) => Some((409, refusal.to_string())),
    }
}

fn own(key: &str, call: &Call) -> OwnKey {
    OwnKey { key: key.into(), print: format!("{call:?}").into_bytes(), kept }
}

async fn once(ground: &Ground, key: &str, call: Call) -> Result<Once, Refusal> {
    let own = own(key, &call);
    ground.hosting.perform_once(&ground.anna, call, &own).await
}

/// All that is remembered, but for who asked for what.
async fn remembered(ground: &Ground) -> Vec<String> {
    let sums = ground.store().sums().await.unwrap();
    sums.into_iter().filter(|sum| sum.name != "audit").map(|sum| format!("{sum:?}")).collect()
}

#[test]
fn a_request_with_a_key_is_done_once() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let Ok(Once::Done(Answer::Queued(first))) = once(&ground, "k1", verify_site("a.test")).await else { panic!() };
        assert!(!first.known);
        ground.work().await;
        let before = remembered(&ground).await;

        let again = once(&ground, "k1", verify_site("a.test")).await.unwrap();
        assert!(matches!(&again, Once::Answered(200, text) if text.contains(&first.task.to_string())), "{again:?}");
        assert_eq!(once(&ground, "k1", log_in("a.test")).await.unwrap(), Once::Other);
        let only_asked = Call { dry_run: true, ..verify_site("a.test") };
        assert_eq!(once(&ground, "k1", only_asked).await.unwrap(), Once::Other);
        assert_eq!(remembered(&ground).await, before);

        // Keys are their askers' own, and a token that was made anew is another asker.
        let verify = verify_site("a.test");
        for actor in [Actor::of_machine("bob"), Actor::of_token(1, "ci", all()), Actor::of_token(2, "ci", all())] {
            let done = ground.hosting.perform_once(&actor, verify.clone(), &own("k1", &verify)).await;
            assert!(matches!(done, Ok(Once::Done(_))), "{done:?}");
        }
        // A refusal is given again, whatever changed since.
        let refused = once(&ground, "k2", verify_site("b.test")).await.unwrap_err();
        ground.site("b.test").await;
        assert_eq!(once(&ground, "k2", verify_site("b.test")).await.unwrap(), Once::Answered(409, refused.to_string()));
    });
}

fn all() -> aegir_hosting::Permissions {
    aegir_hosting::Permissions::all()
}

#[test]
fn of_two_at_once_one_does_it_in_this_process_and_across_control_nodes() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let field = || Call::of(Id::FieldAdd).about("ticket").with("kind", "site");
        let (one, two) = tokio::join!(once(&ground, "k1", field()), once(&ground, "k1", field()));
        assert!(matches!(one, Ok(Once::Done(_))), "{one:?}");
        assert_eq!(two.unwrap(), Once::Underway);

        let other = ground.another().await;
        for n in 0..20 {
            let (key, field) =
                (format!("k-{n}"), Call::of(Id::FieldAdd).about(format!("field_{n}")).with("kind", "site"));
            let own = own(&key, &field);
            let (one, two) = tokio::join!(
                ground.hosting.perform_once(&ground.anna, field.clone(), &own),
                other.perform_once(&ground.anna, field.clone(), &own),
            );
            let done = [&one, &two].into_iter().filter(|once| matches!(once, Ok(Once::Done(_)))).count();
            let told = [&one, &two].into_iter().filter(|once| matches!(once, Ok(Once::Answered(200, _)))).count();
            assert_eq!((done, told), (1, 1), "{one:?} {two:?}");
        }
        other.store().close().await;
    });
}

#[test]
fn a_process_that_dies_anywhere_leaves_no_key_behind_that_was_not_answered() {
    on_both(async |ground| {
        let (mut undone, mut done) = (0, 0);
        for polls in 1..60 {
            let call = Call::of(Id::FieldAdd).about(format!("field_{polls}")).with("kind", "site");
            let own = own(&format!("k{polls}"), &call);
            {
                // Given up after so many steps, as by a kill.
                let mut asking = pin!(ground.hosting.perform_once(&ground.anna, call.clone(), &own));
                let mut left = polls;
                poll_fn(|context| {
                    left -= 1;
                    match asking.as_mut().poll(context) {
                        Poll::Pending if left > 0 => Poll::Pending,
                        _ => Poll::Ready(()),
                    }
                })
                .await;
            }
            match ground.hosting.perform_once(&ground.anna, call, &own).await {
                Ok(Once::Done(_)) => undone += 1,
                Ok(Once::Answered(200, _)) => done += 1,
                other => panic!("after {polls} steps: {other:?}"),
            }
        }
        assert!(undone > 0 && done > 0, "{undone} {done}");
    });
}

#[test]
fn no_operation_changes_anything_but_together_with_its_key() {
    on_both(async |ground| {
        let there = ground.front().furnish().await;
        // What only tries changes nothing, and has no transaction that its key could be part of.
        let changing = Id::ALL.iter().filter(|id| id.declaration().effect != Effect::Tries);
        let calls: Vec<Call> = changing.flat_map(|id| changes(*id, &there)).collect();
        assert!(calls.len() > 20, "{}", calls.len());
        let before = remembered(&ground).await;
        ground.break_table("idempotency").await;
        for (n, call) in calls.into_iter().enumerate() {
            let would = ground.ask(Call { dry_run: true, ..call.clone() }).await;
            assert!(would.is_ok(), "{call:?} would not succeed: {would:?}");
            let what = format!("{call:?}");
            let refused = once(&ground, &format!("k{n}"), call).await;
            assert!(matches!(refused, Err(Refusal::Store(_))), "{what}: {refused:?}");
            assert_eq!(remembered(&ground).await, before, "{what} was done without its key");
        }
        assert!(json!(before).to_string().contains("idempotency"));
    });
}
