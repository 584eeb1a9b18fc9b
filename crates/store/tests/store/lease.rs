//! Leases and fences: who decides, and that a late one decides nothing.

use aegir_domain::protocol::Ending;
use aegir_domain::{Outcome, TaskState};
use aegir_store::{LONGEST_LEASE, Store, StoreFault};

use crate::ground::{log, on_both};

#[test]
fn of_two_dispatchers_the_older_ones_writes_are_refused() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let id = ground.enqueue("verify", platform, server, &[]).await;
        let other = Store::open(&ground.address).await.unwrap();
        let lease = format!("dispatch:{server}");
        let start = 10_000_000;
        let first = ground.store.write(async |tx| tx.take_lease(&lease, "one", 30_000, start).await).await;
        let first = first.unwrap().unwrap();
        let (_, attempt) = ground.claim(server, &first).await.unwrap();

        let held = other.write(async |tx| tx.take_lease(&lease, "two", 30_000, start + 29_999).await).await.unwrap();
        assert_eq!(held.unwrap_err().holder, "one");
        let second = other.write(async |tx| tx.take_lease(&lease, "two", 30_000, start + 30_000).await).await;
        let second = second.unwrap().unwrap();
        assert!(second.number() > first.number());

        let late = start + 30_001;
        let ending = Ending::of(Outcome::Succeeded);
        let refused = [
            ground.store.write(async |tx| tx.renew_lease(&first, 30_000, late).await).await.unwrap_err(),
            ground
                .store
                .write(async |tx| tx.record_lines(attempt, &[log(1, "late")], &first, late).await.map(drop))
                .await
                .unwrap_err(),
            ground
                .store
                .write(async |tx| tx.end_attempt(attempt, &ending, &first, late).await.map(drop))
                .await
                .unwrap_err(),
            ground.store.write(async |tx| tx.lose_contact(attempt, &first, late).await).await.unwrap_err(),
            ground
                .store
                .write(async |tx| tx.claim_tasks(server, &[attempt], &first, late).await.map(drop))
                .await
                .unwrap_err(),
        ];
        for fault in refused {
            assert!(matches!(fault, StoreFault::Superseded { .. }), "{fault:?}");
        }
        let task = ground.store.read(async |read| read.task(id).await).await.unwrap().unwrap();
        assert_eq!(task.state, TaskState::Running);

        // The successor goes on with the same attempt.
        let active = other.read(async |read| read.active_attempts(server).await).await.unwrap();
        assert_eq!(active.iter().map(|attempt| attempt.id).collect::<Vec<_>>(), [attempt]);
        other.write(async |tx| tx.record_lines(attempt, &[log(1, "on")], &second, late).await).await.unwrap();
        other.write(async |tx| tx.end_attempt(attempt, &ending, &second, late).await).await.unwrap();
        let task = ground.store.read(async |read| read.task(id).await).await.unwrap().unwrap();
        assert_eq!(task.state, TaskState::Succeeded);
        other.close().await;
    });
}

#[test]
fn of_many_who_want_a_lease_one_has_it() {
    on_both(async |ground| {
        let mut asking = Vec::new();
        for n in 0..10 {
            let store = ground.store.clone();
            asking.push(tokio::spawn(async move {
                store.write(async |tx| tx.take_lease("dispatch:7", &format!("node{n}"), 30_000, 1_000).await).await
            }));
        }
        let mut had = 0;
        for asked in asking {
            had += usize::from(asked.await.unwrap().unwrap().is_ok());
        }
        assert_eq!(had, 1);
    });
}

#[test]
fn a_clock_that_goes_back_neither_locks_out_nor_lets_two_decide() {
    on_both(async |ground| {
        let wrong = 4_000_000_000_000;
        let right = 1_800_000_000_000;
        let take = async |holder: &str, now| {
            ground.store.write(async |tx| tx.take_lease("dispatch:7", holder, 30_000, now).await).await.unwrap()
        };
        let first = take("one", wrong).await.unwrap();

        // Its end lies decades ahead of the right time: no lease may.
        let second = take("two", right).await.unwrap();
        assert!(second.number() > first.number());
        let fault = ground.store.write(async |tx| tx.check_fence(&first).await).await.unwrap_err();
        assert!(matches!(fault, StoreFault::Superseded { .. }));

        // Nor is more to be had by asking for more.
        let long = ground.store.write(async |tx| tx.renew_lease(&second, i64::MAX, right).await).await;
        long.unwrap();
        assert!(take("three", right + LONGEST_LEASE).await.is_ok());
    });
}

#[test]
fn a_clock_that_goes_back_while_a_task_runs_does_not_make_it_end_before_it_began() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let id = ground.enqueue("verify", platform, server, &[]).await;
        let fence = ground.fence(server).await;
        let (_, attempt) = ground.claim(server, &fence).await.unwrap();

        let ending = Ending::of(Outcome::Succeeded);
        ground.store.write(async |tx| tx.end_attempt(attempt, &ending, &fence, 5).await).await.unwrap();

        let task = ground.store.read(async |read| read.task(id).await).await.unwrap().unwrap();
        assert_eq!(task.ended, task.started);
        let attempt = ground.store.read(async |read| read.attempt(attempt).await).await.unwrap().unwrap();
        assert_eq!(attempt.ended, Some(attempt.started));
    });
}

#[test]
fn a_lease_that_is_left_is_free_at_once() {
    on_both(async |ground| {
        let take = async |holder: &str| {
            ground.store.write(async |tx| tx.take_lease("dispatch:7", holder, 30_000, 1_000).await).await.unwrap()
        };
        let first = take("one").await.unwrap();
        assert!(take("two").await.is_err());
        ground.store.write(async |tx| tx.leave_lease(&first).await).await.unwrap();
        assert!(take("two").await.is_ok());
        assert_eq!(ground.store.read(async |read| read.leases().await).await.unwrap()[0].holder, "two");
    });
}
