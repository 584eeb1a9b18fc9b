//! Two control nodes on one database: every task is run once, and the one that comes late writes nothing.

use std::time::Duration;

use aegir_domain::{TaskKind, TaskState};
use aegir_hosting::{Call, OperationId as Id, Pace};
use aegir_lab::pretend::{Call as Asked, Plan, Reach};

use crate::ground::{PACE, on_both, verify_site};

const DAY: i64 = 24 * 60 * 60 * 1000;

#[test]
fn with_two_dispatchers_every_task_is_run_once() {
    on_both(async |ground| {
        let sites: Vec<String> = (0..24).map(|n| format!("s{n}.test")).collect();
        let names: Vec<&str> = sites.iter().map(String::as_str).collect();
        ground.fleet(&names).await;
        ground.server("web2").await;
        let before = ground.machine().began().len();
        let other = ground.another().await;
        let here = ground.at_work_as(&ground.hosting, "one", PACE);
        let there = ground.at_work_as(&other, "two", PACE);
        let mut tasks = Vec::new();
        for name in &names {
            tasks.push(ground.queue(verify_site(name)).await);
        }
        tasks.push(ground.queue(Call::of(Id::ServerVerify).about("web2")).await);
        for task in &tasks {
            ground.until_state(*task, TaskState::Succeeded).await;
        }
        here.stop().await;
        // Whoever is left does the rest at once: a lease is given back.
        let last = ground.queue(verify_site("s0.test")).await;
        ground.until_state(last, TaskState::Succeeded).await;
        there.stop().await;

        let machine = ground.machine();
        assert_eq!(machine.began().len() - before, 25);
        assert!(machine.collisions().is_empty());
        for task in tasks {
            assert_eq!(ground.attempts(task).await.len(), 1);
        }
        other.store().close().await;
    });
}

#[test]
fn one_that_freezes_is_succeeded_when_its_lease_ends_and_what_it_writes_late_is_refused() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan::holds().saying("before"));
        let task = ground.queue(verify_site("a.test")).await;
        // The first one has a turn so long that it is as good as frozen, while its recorder lives.
        let frozen = Pace { turn: Duration::from_secs(3600), ..PACE };
        let first = ground.another().await;
        let one = ground.at_work_as(&first, "one", frozen);
        let attempt = ground.until_began(TaskKind::VerifySite, "@a.test").await;
        let fence = ground.fence_of("web1").await;

        let two = ground.at_work_as(&ground.hosting, "two", PACE);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(ground.fence_of("web1").await.1, "one", "a lease that holds is respected");
        ground.outside.jump(31_000);
        ground.until("the second one takes over", async || ground.fence_of("web1").await.1 == "two").await;
        ground.until("it has attached", async || ground.machine().calls(Asked::Attach) == 1).await;

        ground.machine().release("@a.test");
        ground.until_state(task, TaskState::Succeeded).await;
        assert_eq!(ground.attempts(task).await.len(), 1);
        let lines = ground.log(task).await;
        assert_eq!(lines.len(), ground.machine().said(attempt).len());
        // Both heard the end. The first one's words were refused, and it did not ask again.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(ground.machine().calls(Asked::Attach), 1);
        one.stop().await;
        two.stop().await;
        // The one that was succeeded gave back nothing that was not its own.
        assert!(ground.fence_of("web1").await.0 > fence.0);
        first.store().close().await;
    });
}

#[test]
fn one_that_is_known_to_be_gone_is_succeeded_at_once_and_one_that_may_live_is_waited_for() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan::holds().saying("before"));
        let task = ground.queue(verify_site("a.test")).await;
        let one = ground.at_work_as(&ground.hosting, "one", PACE);
        ground.until_began(TaskKind::VerifySite, "@a.test").await;
        one.kill().await;
        let before = ground.fence_of("web1").await;

        let other = ground.another().await;
        let two = ground.at_work_as(&other, "two", PACE);
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(ground.fence_of("web1").await, before, "nobody said that it is gone");
        ground.outside.is_killed("one");
        let told = std::time::Instant::now();
        ground.until("it takes over", async || ground.fence_of("web1").await.1 == "two").await;
        assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
        assert!(ground.fence_of("web1").await.0 > before.0, "what the first one sent last is refused");

        ground.machine().release("@a.test");
        ground.until_state(task, TaskState::Succeeded).await;
        two.stop().await;
        assert_eq!(ground.attempts(task).await.len(), 1);
        assert_eq!(ground.machine().attempts_of("@a.test"), 2, "its install and its verify");
        other.store().close().await;
    });
}

#[test]
fn a_clock_that_jumps_a_day_ahead_and_back_costs_nothing() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, "@a.test", Plan::holds());
        let long = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        ground.until_began(TaskKind::VerifySite, "@a.test").await;
        for jump in [DAY, -DAY, -DAY, DAY] {
            ground.outside.jump(jump);
            let task = ground.queue(verify_site("b.test")).await;
            let record = ground.until_state(task, TaskState::Succeeded).await;
            assert!(record.ended >= record.started, "{record:?}");
        }
        ground.machine().release("@a.test");
        ground.until_state(long, TaskState::Succeeded).await;
        at_work.stop().await;
        assert_eq!(ground.attempts(long).await.len(), 1);

        // A login link does not wait longer than it should, and a token ends when it should.
        ground.outside.jump(DAY);
        let token = ground.token("short", &[aegir_hosting::Permission::View]).await;
        use aegir_hosting::Front as _;
        assert!(ground.hosting.actor_of_token(&token).await.unwrap().is_some());
        ground.outside.jump(366 * DAY);
        assert!(ground.hosting.actor_of_token(&token).await.unwrap().is_none());
    });
}

#[test]
fn after_a_turn_without_contact_the_other_node_goes_on_with_the_same_attempt() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan::holds().saying("before"));
        let task = ground.queue(verify_site("a.test")).await;
        let one = ground.at_work_as(&ground.hosting, "one", PACE);
        ground.until_began(TaskKind::VerifySite, "@a.test").await;
        ground.machine().reach(Reach::Away);
        ground.until_state(task, TaskState::OutOfContact).await;
        one.kill().await;

        let other = ground.another().await;
        ground.outside.jump(31_000);
        let two = ground.at_work_as(&other, "two", PACE);
        ground.until("it takes over", async || ground.fence_of("web1").await.1 == "two").await;
        ground.assert_state(task, TaskState::OutOfContact).await;
        ground.machine().reach(Reach::Answers);
        ground.machine().release("@a.test");
        ground.until_state(task, TaskState::Succeeded).await;
        two.stop().await;
        assert_eq!(ground.machine().attempts_of("@a.test"), 2, "its install and its verify");
        other.store().close().await;
    });
}
