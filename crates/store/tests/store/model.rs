//! The claim rule, held against a simple model of it: whatever is asked in whatever order, the same task begins next.

use std::collections::BTreeMap;

use aegir_domain::{AttemptId, NodeId, Priority, TaskLock, TaskState};
use aegir_store::{Dialect, Fence, Queued, WaitingFor};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::ground::{Ground, on};

const SITES: usize = 5;
const SERVERS: usize = 2;

/// Something that happens to the queue. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Act {
    Enqueue { object: usize, operation: usize, owner: usize, person: bool, locks: Vec<(usize, bool)>, needs: bool },
    Claim { server: usize },
    End { which: usize },
    Lose { which: usize },
    Regain { which: usize },
    Cancel { which: usize },
    PauseQueue(bool),
    PauseServer(usize, bool),
    LimitQueue(u32),
    LimitServer(usize, u32),
    Verified(bool),
}

fn act() -> impl Strategy<Value = Act> {
    let lock = (0..3_usize, any::<bool>());
    prop_oneof![
        8 => (0..SITES, 0..3_usize, 0..3_usize, any::<bool>(), prop::collection::vec(lock, 0..3), prop::bool::weighted(0.2))
            .prop_map(|(object, operation, owner, person, locks, needs)| {
                Act::Enqueue { object, operation, owner, person, locks, needs }
            }),
        8 => (0..SERVERS).prop_map(|server| Act::Claim { server }),
        4 => (0..8_usize).prop_map(|which| Act::End { which }),
        4 => (0..8_usize).prop_map(|which| Act::Lose { which }),
        1 => (0..8_usize).prop_map(|which| Act::Regain { which }),
        1 => (0..8_usize).prop_map(|which| Act::Cancel { which }),
        1 => prop::bool::weighted(0.3).prop_map(Act::PauseQueue),
        1 => (0..SERVERS, prop::bool::weighted(0.3)).prop_map(|(server, paused)| Act::PauseServer(server, paused)),
        1 => (0..4_u32).prop_map(Act::LimitQueue),
        1 => (0..SERVERS, 0..3_u32).prop_map(|(server, limit)| Act::LimitServer(server, limit)),
        1 => any::<bool>().prop_map(Act::Verified),
    ]
}

/// The rule in words of a program, over a list of all tasks.
#[derive(Default)]
struct Model {
    tasks: BTreeMap<NodeId, Task>,
    queue_paused: bool,
    queue_limit: usize,
    paused: [bool; SERVERS],
    limit: [usize; SERVERS],
    platform_is_in_service: bool,
}

struct Task {
    object: usize,
    server: usize,
    operation: usize,
    owner: usize,
    priority: Priority,
    queued: i64,
    locks: Vec<TaskLock>,
    needs: bool,
    state: TaskState,
}

impl Model {
    fn active(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values().filter(|task| task.state.is_active())
    }

    fn may_begin(&self, task: &Task) -> bool {
        task.state == TaskState::Waiting
            && !self.active().any(|other| other.object == task.object)
            && !self
                .active()
                .any(|other| task.locks.iter().any(|lock| other.locks.iter().any(|own| own.excludes(lock))))
            && (!task.needs || self.platform_is_in_service)
    }

    fn next(&self, server: usize) -> Option<NodeId> {
        let room = !self.queue_paused
            && !self.paused[server]
            && self.active().filter(|task| task.server == server).count() < self.limit[server]
            && self.tasks.values().filter(|task| task.state == TaskState::Running).count() < self.queue_limit;
        let share = |owner| self.active().filter(|task| task.owner == owner).count();
        let may = self.tasks.iter().filter(|(_, task)| room && task.server == server && self.may_begin(task));
        may.min_by_key(|(id, task)| (task.priority, share(task.owner), task.queued, **id)).map(|(id, _)| *id)
    }
}

fn tell(dialect: Dialect, cases: u32) {
    on(dialect, async |ground| {
        let ground = &ground;
        // A case is told with a runtime of its own threads; stories of one database follow each other.
        let handle = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| {
            let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
            let mut runner = TestRunner::new(config);
            let told = runner.run(&prop::collection::vec(act(), 20..90), |acts| {
                handle.block_on(async {
                    let fresh = Ground::new(ground.store.dialect()).await;
                    let told = follow(&fresh, acts).await;
                    fresh.store.close().await;
                    told
                })
            });
            if let Err(failed) = told {
                panic!("{failed}");
            }
        });
    });
}

async fn follow(ground: &Ground, acts: Vec<Act>) -> Result<(), TestCaseError> {
    let mut servers = Vec::new();
    let mut fences: Vec<Fence> = Vec::new();
    for n in 0..SERVERS {
        servers.push(ground.server(&format!("web{n}")).await);
        fences.push(ground.fence(servers[n]).await);
    }
    let platform = ground.platform("d10", servers[0]).await;
    let mut sites = Vec::new();
    for n in 0..SITES {
        sites.push(ground.site(&format!("s{n}.test"), platform, servers[0]).await);
    }
    // Whose a task is only has to be a node.
    let owners = [aegir_store::ADMIN, sites[0], sites[1]];
    let mut model = Model { queue_limit: 16, limit: [100; SERVERS], platform_is_in_service: true, ..Model::default() };
    let mut attempts: Vec<(NodeId, AttemptId)> = Vec::new();

    for act in acts {
        let now = ground.now();
        let store = &ground.store;
        match act {
            Act::Enqueue { object, operation, owner, person, locks, needs } => {
                let server = object % SERVERS;
                let more: Vec<TaskLock> = locks
                    .into_iter()
                    .map(|(name, alone)| match alone {
                        true => TaskLock::exclusive(format!("platform-{name}")),
                        false => TaskLock::shared(format!("platform-{name}")),
                    })
                    .collect();
                let mut task = ground.task(&format!("op{operation}"), sites[object], servers[server], &more).await;
                task.owner = owners[owner];
                task.priority = if person { Priority::Person } else { Priority::Scheduled };
                task.needs = needs.then_some(platform);
                let queued = store.write(async |tx| tx.enqueue(&task, now).await).await.unwrap();
                let same = model.tasks.iter_mut().find(|(_, known)| {
                    known.state == TaskState::Waiting && known.object == object && known.operation == operation
                });
                match (queued, same) {
                    (Queued::Already(id), Some((known, same))) => {
                        prop_assert_eq!(id, *known);
                        same.priority = same.priority.min(task.priority);
                    }
                    (Queued::New(id), None) => {
                        let (priority, locks, state) = (task.priority, task.locks, TaskState::Waiting);
                        let task =
                            Task { object, server, operation, owner, priority, queued: now, locks, needs, state };
                        model.tasks.insert(id, task);
                    }
                    (queued, same) => prop_assert!(false, "{:?}, and the model had {}", queued, same.is_some()),
                }
            }
            Act::Claim { server } => {
                for (id, task) in &model.tasks {
                    let why = store.read(async |read| read.waiting_for(*id).await).await.unwrap();
                    let turn = matches!(why[..], [WaitingFor::Turn(_)]);
                    // Where it is only its turn that it waits for, something begins next, and it could be this one.
                    let could = model.next(task.server).is_some() && model.may_begin(task);
                    prop_assert_eq!(turn, could, "{} waits for {:?}", id, why);
                }
                let expected = model.next(server);
                let claimed = ground.claim(servers[server], &fences[server]).await;
                prop_assert_eq!(claimed.map(|(task, _)| task), expected);
                if let Some((id, attempt)) = claimed {
                    model.tasks.get_mut(&id).unwrap().state = TaskState::Running;
                    attempts.push((id, attempt));
                }
            }
            Act::End { which } if !attempts.is_empty() => {
                let (id, attempt) = attempts.remove(which % attempts.len());
                ground.succeed(attempt, &fences[model.tasks[&id].server]).await;
                model.tasks.get_mut(&id).unwrap().state = TaskState::Succeeded;
            }
            Act::Lose { which } if !attempts.is_empty() => {
                let (id, attempt) = attempts[which % attempts.len()];
                let fence = &fences[model.tasks[&id].server];
                store.write(async |tx| tx.lose_contact(attempt, fence, now).await).await.unwrap();
                model.tasks.get_mut(&id).unwrap().state = TaskState::OutOfContact;
            }
            Act::Regain { which } if !attempts.is_empty() => {
                let (id, attempt) = attempts[which % attempts.len()];
                let fence = &fences[model.tasks[&id].server];
                store.write(async |tx| tx.regain_contact(attempt, fence, now).await).await.unwrap();
                model.tasks.get_mut(&id).unwrap().state = TaskState::Running;
            }
            Act::Cancel { which } => {
                let waiting: Vec<NodeId> = model
                    .tasks
                    .iter()
                    .filter(|(_, task)| task.state == TaskState::Waiting)
                    .map(|(id, _)| *id)
                    .collect();
                if !waiting.is_empty() {
                    let id = waiting[which % waiting.len()];
                    store.write(async |tx| tx.cancel_task(id, "anna", now).await).await.unwrap();
                    model.tasks.get_mut(&id).unwrap().state = TaskState::Cancelled;
                }
            }
            Act::PauseQueue(paused) => {
                let done = store.write(async |tx| match paused {
                    true => tx.pause_queue().await,
                    false => tx.resume_queue().await,
                });
                done.await.unwrap();
                model.queue_paused = paused;
            }
            Act::PauseServer(server, paused) => {
                let done = store.write(async |tx| match paused {
                    true => tx.pause_server(servers[server], now).await,
                    false => tx.resume_server(servers[server], now).await,
                });
                done.await.unwrap();
                model.paused[server] = paused;
            }
            Act::LimitQueue(limit) => {
                store.write(async |tx| tx.limit_queue(limit).await).await.unwrap();
                model.queue_limit = limit as usize;
            }
            Act::LimitServer(server, limit) => {
                store.write(async |tx| tx.set_task_limit(servers[server], Some(limit), now).await).await.unwrap();
                model.limit[server] = limit as usize;
            }
            Act::Verified(verified) => {
                let at = verified.then_some(now);
                store.write(async |tx| tx.set_verified(platform, at, now).await).await.unwrap();
                model.platform_is_in_service = verified;
            }
            Act::End { .. } | Act::Lose { .. } | Act::Regain { .. } => (),
        }
    }
    prop_assert_eq!(ground.store.check().await.unwrap(), Vec::<String>::new());
    Ok(())
}

#[test]
fn what_begins_next_is_what_the_rule_says_on_sqlite() {
    tell(Dialect::Sqlite, 40);
}

#[test]
fn what_begins_next_is_what_the_rule_says_on_postgresql() {
    tell(Dialect::Postgres, 12);
}
