//! Many at once: dispatchers of several servers claim and end tasks, and nothing that excludes each other runs together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use aegir_domain::protocol::Ending;
use aegir_domain::{AttemptId, NodeId, Outcome, TaskLock};
use aegir_store::{Dialect, Store, StoreFault};

use crate::ground::on_both;

const SERVERS: usize = 4;

#[test]
fn of_all_that_wait_each_is_claimed_once_and_none_beside_what_excludes_it() {
    on_both(async |ground| {
        let waiting = if std::env::var_os("AEGIR_TEST_FLEET").is_some() { 4_000 } else { 200 };
        let mut servers = Vec::new();
        for n in 0..SERVERS {
            servers.push(ground.server(&format!("web{n}")).await);
        }
        let platform = ground.platform("d10", servers[0]).await;
        let mut locks: BTreeMap<NodeId, Vec<TaskLock>> = BTreeMap::new();
        for n in 0..waiting / 2 {
            let site = ground.site(&format!("s{n}.test"), platform, servers[0]).await;
            for (operation, place) in [("verify", n), ("cron", n + 1)] {
                // Every twentieth wants what the others share for itself.
                let name = format!("platform-{}", n % 7);
                let lock = if n % 20 == 0 { TaskLock::exclusive(name) } else { TaskLock::shared(name) };
                let task = ground.task(operation, site, servers[place % SERVERS], &[lock]).await;
                locks.insert(ground.queue(&task).await.task(), task.locks);
            }
        }
        if ground.store.dialect() == Dialect::Postgres {
            // Else done by the server itself, which is told not to here.
            crate::schema::raw(&ground, "ANALYZE").await;
        }
        let (locks, held) = (Arc::new(locks), Arc::new(Mutex::new(BTreeMap::<NodeId, Vec<TaskLock>>::new())));
        let began = Instant::now();

        let mut dispatchers = Vec::new();
        for (n, server) in servers.into_iter().enumerate() {
            // Each a control node of its own.
            let store = Store::open(&ground.address).await.unwrap();
            let (locks, held) = (Arc::clone(&locks), Arc::clone(&held));
            dispatchers.push(tokio::spawn(async move { dispatch(n, server, &store, &locks, &held).await }));
        }
        let mut claimed = Vec::new();
        for dispatcher in dispatchers {
            claimed.extend(dispatcher.await.unwrap());
        }

        let took = began.elapsed();
        println!("{:?}: {} claimed and ended in {took:?}", ground.store.dialect(), claimed.len());
        claimed.sort_unstable();
        assert_eq!(claimed, locks.keys().copied().collect::<Vec<_>>());
        assert_eq!(ground.store.check().await.unwrap(), Vec::<String>::new());
    });
}

/// Claims and ends tasks until none of its server waits.
async fn dispatch(
    n: usize,
    server: NodeId,
    store: &Store,
    locks: &BTreeMap<NodeId, Vec<TaskLock>>,
    held: &Mutex<BTreeMap<NodeId, Vec<TaskLock>>>,
) -> Vec<NodeId> {
    let lease = format!("dispatch:{server}");
    let fence = store.write(async |tx| tx.take_lease(&lease, &format!("node{n}"), 60_000, 1).await).await;
    let fence = fence.unwrap().unwrap();
    let mut claimed = Vec::new();
    let mut minted = 0_u32;
    loop {
        let attempts: Vec<AttemptId> = (0..3)
            .map(|_| {
                minted += 1;
                let mut random = [n as u8; 10];
                random[..4].copy_from_slice(&minted.to_be_bytes());
                AttemptId::from_parts(1_700_000_000_000, random)
            })
            .collect();
        let next = store.write(async |tx| tx.claim_tasks(server, &attempts, &fence, 5).await).await.unwrap();
        if next.is_empty() {
            let left = store.read(async |read| {
                let list = aegir_store::TaskList {
                    server: Some(server),
                    state: vec![aegir_domain::TaskState::Waiting],
                    ..aegir_store::TaskList::default()
                };
                Ok::<_, StoreFault>(read.list(&list).await?.rows.len())
            });
            if left.await.unwrap() == 0 {
                store.close().await;
                return claimed;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            continue;
        }
        for task in &next {
            let own = &locks[&task.task.id];
            let mut held = held.lock().unwrap();
            for (other, others) in held.iter() {
                let apart = !others.iter().any(|lock| own.iter().any(|mine| mine.excludes(lock)));
                assert!(apart, "{} runs beside {other}", task.task.id);
            }
            held.insert(task.task.id, own.clone());
        }
        for task in next {
            // Let go first: as soon as it has ended in the store, somebody else may have them.
            held.lock().unwrap().remove(&task.task.id);
            let ending = Ending::of(Outcome::Succeeded);
            store.write(async |tx| tx.end_attempt(task.attempt, &ending, &fence, 6).await).await.unwrap();
            claimed.push(task.task.id);
        }
    }
}
