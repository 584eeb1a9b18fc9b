//! The queue: what may begin, what may not, and why.

use aegir_domain::protocol::Ending;
use aegir_domain::{Outcome, Priority, TaskLock, TaskState};
use aegir_store::{Cancelled, Queued, Recorded, StoreFault, WaitingFor};

use crate::ground::{fault, on_both};

#[test]
fn one_task_at_a_time_on_one_object() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let site = ground.site("a.test", platform, server).await;
        let fence = ground.fence(server).await;
        let first = ground.enqueue("verify", site, server, &[]).await;
        let second = ground.enqueue("login", site, server, &[]).await;

        let claimed = ground.claim_all(server, &fence).await;
        assert_eq!(claimed.iter().map(|(task, _)| *task).collect::<Vec<_>>(), [first]);
        assert_eq!(ground.claim(server, &fence).await, None);
        let why = ground.store.read(async |read| read.waiting_for(second).await).await.unwrap();
        assert!(why.contains(&WaitingFor::Object(first)), "{why:?}");

        ground.succeed(claimed[0].1, &fence).await;
        assert_eq!(ground.claim(server, &fence).await.map(|(task, _)| task), Some(second));
    });
}

#[test]
fn sites_of_a_platform_run_in_parallel_and_not_beside_the_platforms_own_verify() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let shared = [TaskLock::shared("platform-d10")];
        let mut sites = Vec::new();
        for name in ["a.test", "b.test", "c.test"] {
            let site = ground.site(name, platform, server).await;
            sites.push(ground.enqueue("verify", site, server, &shared).await);
        }
        let own = ground.enqueue("verify", platform, server, &[]).await;
        let fence = ground.fence(server).await;

        let running = ground.claim_all(server, &fence).await;
        assert_eq!(running.iter().map(|(task, _)| *task).collect::<Vec<_>>(), sites);
        let why = ground.store.read(async |read| read.waiting_for(own).await).await.unwrap();
        assert!(why.contains(&WaitingFor::Lock { task: sites[0], name: "platform-d10".into() }), "{why:?}");

        for (_, attempt) in running {
            ground.succeed(attempt, &fence).await;
        }
        let (task, attempt) = ground.claim(server, &fence).await.unwrap();
        assert_eq!(task, own);
        let late = ground.site("d.test", platform, server).await;
        let late = ground.enqueue("verify", late, server, &shared).await;
        assert_eq!(ground.claim(server, &fence).await, None);
        ground.succeed(attempt, &fence).await;
        assert_eq!(ground.claim(server, &fence).await.map(|(task, _)| task), Some(late));
    });
}

#[test]
fn limits_hold_on_a_server_and_in_all() {
    on_both(async |ground| {
        let (one, two) = (ground.server("web1").await, ground.server("web2").await);
        let now = ground.now();
        for (server, name) in [(one, "d1"), (two, "d2")] {
            let platform = ground.platform(name, server).await;
            for n in 0..4 {
                let site = ground.site(&format!("s{n}.{name}.test"), platform, server).await;
                ground.enqueue("verify", site, server, &[]).await;
            }
        }
        ground
            .store
            .write(async |tx| {
                tx.set_task_limit(one, Some(2), now).await?;
                tx.limit_queue(3).await
            })
            .await
            .unwrap();
        let (here, there) = (ground.fence(one).await, ground.fence(two).await);

        let on_one = ground.claim_all(one, &here).await;
        assert_eq!(on_one.len(), 2);
        assert_eq!(ground.claim_all(two, &there).await.len(), 1);

        // A machine that does not answer keeps its own places, and none of the others'.
        let now = ground.now();
        ground.store.write(async |tx| tx.lose_contact(on_one[0].1, &here, now).await).await.unwrap();
        assert_eq!(ground.claim_all(one, &here).await.len(), 0);
        assert_eq!(ground.claim_all(two, &there).await.len(), 1);
    });
}

#[test]
fn a_persons_task_goes_first_and_then_the_owner_of_whom_the_fewest_run() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let other = ground.platform("of_another", server).await;
        let mut tasks = Vec::new();
        for n in 0..6 {
            let site = ground.site(&format!("s{n}.test"), platform, server).await;
            tasks.push(ground.task("verify", site, server, &[]).await);
        }
        // Whose it is only has to be a node: a second client comes later.
        tasks[4].owner = other;
        tasks[5].owner = other;
        tasks[3].priority = Priority::Person;
        let mut queued = Vec::new();
        for task in &tasks {
            queued.push(ground.queue(task).await.task());
        }
        let fence = ground.fence(server).await;

        let order: Vec<_> = ground.claim_all(server, &fence).await.into_iter().map(|(task, _)| task).collect();

        let expected = [3, 4, 0, 5, 1, 2].map(|n: usize| queued[n]);
        assert_eq!(order, expected);
    });
}

#[test]
fn the_same_is_not_queued_twice_however_many_ask() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let site = ground.site("a.test", platform, server).await;
        let task = ground.task("verify", site, server, &[]).await;

        let mut asking = Vec::new();
        for n in 0..20 {
            let (store, task, now) = (ground.store.clone(), task.clone(), ground.now() + n);
            asking.push(tokio::spawn(async move { store.write(async |tx| tx.enqueue(&task, now).await).await }));
        }
        let mut answers = Vec::new();
        for asked in asking {
            answers.push(asked.await.unwrap().unwrap());
        }

        let new: Vec<_> = answers.iter().filter(|answer| matches!(answer, Queued::New(_))).collect();
        assert_eq!(new.len(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| answer.task() == new[0].task()), "{answers:?}");
        let queue = ground.store.read(async |read| read.queue().await).await.unwrap();
        assert_eq!(queue.waiting, 1);
    });
}

#[test]
fn a_person_who_asks_for_what_waits_hurries_it() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let mut task = ground.task("verify", platform, server, &[]).await;
        let Queued::New(id) = ground.queue(&task).await else { panic!("it is new") };
        task.priority = Priority::Person;
        task.actor = "berta".into();

        assert_eq!(ground.queue(&task).await, Queued::Already(id));

        let stored = ground.store.read(async |read| read.task(id).await).await.unwrap().unwrap();
        assert_eq!((stored.priority, stored.actor.as_str()), (Priority::Person, "berta"));
    });
}

#[test]
fn an_install_waits_until_its_platform_is_in_service() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let site = ground.site("a.test", platform, server).await;
        let mut task = ground.task("install", site, server, &[]).await;
        task.needs = Some(platform);
        let now = ground.now();
        ground.store.write(async |tx| tx.set_verified(platform, None, now).await).await.unwrap();
        let id = ground.queue(&task).await.task();
        let fence = ground.fence(server).await;

        assert_eq!(ground.claim(server, &fence).await, None);
        let why = ground.store.read(async |read| read.waiting_for(id).await).await.unwrap();
        assert_eq!(why, [WaitingFor::Platform(platform)]);

        ground.store.write(async |tx| tx.set_verified(platform, Some(now), now).await).await.unwrap();
        let why = ground.store.read(async |read| read.waiting_for(id).await).await.unwrap();
        assert_eq!(why, [WaitingFor::Turn(0)]);
        assert_eq!(ground.claim(server, &fence).await.map(|(task, _)| task), Some(id));
    });
}

#[test]
fn a_paused_queue_and_a_paused_server_begin_nothing() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let id = ground.enqueue("verify", platform, server, &[]).await;
        let fence = ground.fence(server).await;
        let now = ground.now();

        ground.store.write(async |tx| tx.pause_queue().await).await.unwrap();
        assert_eq!(ground.claim(server, &fence).await, None);
        ground
            .store
            .write(async |tx| {
                tx.resume_queue().await?;
                tx.pause_server(server, now).await
            })
            .await
            .unwrap();
        assert_eq!(ground.claim(server, &fence).await, None);
        let why = ground.store.read(async |read| read.waiting_for(id).await).await.unwrap();
        assert_eq!(why, [WaitingFor::Server(server)]);

        ground.store.write(async |tx| tx.resume_server(server, now).await).await.unwrap();
        assert_eq!(ground.claim(server, &fence).await.map(|(task, _)| task), Some(id));
    });
}

#[test]
fn a_task_is_cancelled_at_once_or_its_back_end_is_asked() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let fence = ground.fence(server).await;
        let cancel = async |id| {
            let now = ground.now();
            ground.store.write(async |tx| tx.cancel_task(id, "anna", now).await).await.unwrap()
        };

        let waiting = ground.enqueue("verify", platform, server, &[]).await;
        assert_eq!(cancel(waiting).await, Cancelled::Before);
        assert_eq!(cancel(waiting).await, Cancelled::TooLate(TaskState::Cancelled));

        let running = ground.enqueue("verify", platform, server, &[]).await;
        let (_, attempt) = ground.claim(server, &fence).await.unwrap();
        assert_eq!(cancel(running).await, Cancelled::Asked { server, attempt });
        let ending = Ending::of(Outcome::RolledBack { fault: fault("cancelled") });
        let now = ground.now();
        ground.store.write(async |tx| tx.end_attempt(attempt, &ending, &fence, now).await).await.unwrap();
        let task = ground.store.read(async |read| read.task(running).await).await.unwrap().unwrap();
        assert_eq!((task.state, task.cancel_actor.as_deref()), (TaskState::RolledBack, Some("anna")));
    });
}

#[test]
fn a_retry_is_a_new_attempt_of_the_same_task() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let fence = ground.fence(server).await;
        let id = ground.enqueue("verify", platform, server, &[]).await;
        let (_, first) = ground.claim(server, &fence).await.unwrap();
        let retry = async || {
            let now = ground.now();
            let locks = [TaskLock::exclusive("platform-d10")];
            ground.store.write(async |tx| tx.retry_task(id, &locks, ("anna", "user anna"), now).await).await
        };
        assert!(matches!(retry().await, Err(StoreFault::Unfit { .. })), "one that runs is not begun again");
        let ending = Ending::of(Outcome::Refused { fault: fault("no room") });
        let now = ground.now();
        ground.store.write(async |tx| tx.end_attempt(first, &ending, &fence, now).await).await.unwrap();

        assert_eq!(retry().await.unwrap(), Queued::New(id));
        assert_eq!(retry().await.unwrap(), Queued::Already(id));
        let (task, second) = ground.claim(server, &fence).await.unwrap();
        assert_eq!(task, id);
        assert_ne!(first, second);

        // The first one's outcome, told late a second time, changes nothing.
        ground.succeed(first, &fence).await;
        let task = ground.store.read(async |read| read.task(id).await).await.unwrap().unwrap();
        assert_eq!(task.state, TaskState::Running);
        ground.succeed(second, &fence).await;
        let attempts = ground.store.read(async |read| read.attempts(id).await).await.unwrap();
        let outcomes: Vec<_> = attempts.iter().map(|attempt| (attempt.number, attempt.outcome)).collect();
        assert_eq!(outcomes, [(1, Some(TaskState::Refused)), (2, Some(TaskState::Succeeded))]);
        assert_eq!(attempts[0].fault, Some(fault("no room")));
    });
}

#[test]
fn an_attempt_that_is_not_settled_may_end_once_more_and_no_other_does() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let fence = ground.fence(server).await;
        let end = async |attempt, outcome: Outcome| {
            let (ending, now) = (Ending::of(outcome), ground.now());
            let ended =
                ground.store.write(async |tx| tx.end_attempt(attempt, &ending, &fence, now).await).await.unwrap();
            matches!(ended, Recorded::Now(_))
        };
        let stuck = || Outcome::Stuck { fault: fault("an undo failed"), left: Vec::new() };
        let taken_back = || Outcome::RolledBack { fault: fault("it died") };
        let state = async |task| ground.store.read(async |read| read.task(task).await).await.unwrap().unwrap().state;

        let one = ground.enqueue("verify", platform, server, &[]).await;
        let (_, attempt) = ground.claim(server, &fence).await.unwrap();
        assert!(end(attempt, stuck()).await && !end(attempt, stuck()).await);
        assert!(end(attempt, taken_back()).await);
        assert_eq!(state(one).await, TaskState::RolledBack);
        assert!(!end(attempt, Outcome::Succeeded).await && !end(attempt, stuck()).await);
        assert_eq!(state(one).await, TaskState::RolledBack);

        // One that was called back before its machine knew of it holds nothing any more.
        let two = ground.enqueue("verify", platform, server, &[]).await;
        let (_, attempt) = ground.claim(server, &fence).await.unwrap();
        let now = ground.now();
        ground.store.write(async |tx| tx.cancel_attempt(attempt, &fence, now).await).await.unwrap();
        assert_eq!(state(two).await, TaskState::Cancelled);
        let three = ground.enqueue("verify", platform, server, &[]).await;
        let (claimed, first) = ground.claim(server, &fence).await.unwrap();
        assert_eq!(claimed, three);
        assert!(end(attempt, Outcome::Succeeded).await, "it came there after all");
        assert_eq!((state(two).await, state(three).await), (TaskState::Succeeded, TaskState::Running));

        // Of a task that was begun anew meanwhile, the first attempt decides nothing.
        assert!(end(first, stuck()).await);
        let now = ground.now();
        ground.store.write(async |tx| tx.retry_task(three, &[], ("anna", "user anna"), now).await).await.unwrap();
        let (_, second) = ground.claim(server, &fence).await.unwrap();
        assert!(!end(first, taken_back()).await);
        assert_eq!(state(three).await, TaskState::Running);
        let attempts = ground.store.read(async |read| read.attempts_among(&[first, second]).await).await.unwrap();
        let outcome = |id| attempts.iter().find(|attempt| attempt.id == id).unwrap().outcome;
        assert_eq!((outcome(first), outcome(second)), (Some(TaskState::RolledBack), None));
        assert_eq!(ground.store.check().await.unwrap(), Vec::<String>::new());
    });
}
