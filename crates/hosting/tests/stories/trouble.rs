//! A control database in trouble while tasks run: it is waited for, and nothing is lost.

use std::time::Duration;

use aegir_domain::{TaskKind, TaskState};
use aegir_hosting::{OperationId as Id, Refusal};
use aegir_lab::pretend::Plan;
use aegir_store::Dialect;

use crate::ground::{Ground, on_both, on_task, verify_site};
use crate::postgres::Server;

#[test]
fn a_database_that_somebody_else_holds_is_waited_for() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan { floods: 2_000, holds: true, ..Plan::default() });
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        let attempt = ground.until_began(TaskKind::VerifySite, "@a.test").await;

        let held = ground.hold().await;
        ground.machine().release("@a.test");
        // Longer than anybody waits for a lock.
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert!(ground.machine().has_ended(attempt));
        ground.assert_state(task, TaskState::Running).await;
        held.let_go().await;

        ground.until_state(task, TaskState::Succeeded).await;
        at_work.stop().await;
        assert_eq!(ground.log(task).await.len(), ground.machine().said(attempt).len());
        assert_eq!(ground.attempts(task).await.len(), 1);
    });
}

#[test]
fn a_database_server_that_dies_and_comes_back_costs_no_line() {
    let server = std::sync::Arc::new(Server::start());
    crate::ground::on_server(server.clone(), async |ground: Ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan { floods: 2_000, holds: true, ..Plan::default() });
        let tasks = [ground.queue(verify_site("a.test")).await, ground.queue(verify_site("b.test")).await];
        let at_work = ground.at_work();
        for site in ["@a.test", "@b.test"] {
            ground.until_began(TaskKind::VerifySite, site).await;
        }

        server.kill();
        for site in ["@a.test", "@b.test"] {
            ground.machine().release(site);
        }
        let refusal = ground.refused(verify_site("a.test")).await;
        assert!(matches!(refusal, Refusal::Store(_)), "{refusal:?}");
        assert!(refusal.report().remedy.is_some_and(|remedy| remedy.contains("pg_isready")));
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.run();

        for task in tasks {
            ground.until_state(task, TaskState::Succeeded).await;
            let attempt = ground.attempts(task).await.remove(0).id;
            assert_eq!(ground.log(task).await.len(), ground.machine().said(attempt).len());
            assert_eq!(ground.items(on_task(Id::TaskLog, task).with("limit", 10)).await.len(), 10);
        }
        at_work.stop().await;
        assert_eq!(ground.store().dialect(), Dialect::Postgres);
        assert_eq!(ground.machine().attempts_of("@a.test"), 2);
    });
}
