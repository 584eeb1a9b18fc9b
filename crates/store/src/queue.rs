//! The queue: what waits, what may begin next, and why the rest may not.
//!
//! A task may begin when neither the queue nor its server is paused, when there is room on its server and in all,
//! when nothing runs on its object, when no running task holds a lock that keeps it out, and when the platform it
//! needs is in service. Of those that may, a person's goes before a scheduled one; then the owner of whom the fewest
//! run; then who has waited longest.
//!
//! The rule stands twice: [`CLAIMABLE`] chooses by it, and [`Read::waiting_for`] says it to people. Both ask the
//! database in the same words; `tests/store/model.rs` holds the first against a model of it.

use aegir_domain::{AttemptId, ContextName, LockMode, NodeId, NodeKind, OperationName, Priority, TaskLock, TaskState};

use crate::StoreFault;
use crate::db::{Read, Tx, statements, values};
use crate::lease::Fence;
use crate::node::NewNode;
use crate::secret::ANSWER;
use crate::task::TaskRecord;

/// A task that is asked for.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// What is to be done.
    pub operation: OperationName,
    /// To which object.
    pub object: NodeId,
    /// Its name.
    pub object_name: ContextName,
    /// What people read: `Verify @example.org`.
    pub title: String,
    /// With which parameters; no secret may be among them.
    pub parameters: serde_json::Value,
    /// Who goes first.
    pub priority: Priority,
    /// Who asks, as people call them.
    pub actor: String,
    /// Who asks, whatever they are called; empty: nobody to whom a secret could be told.
    pub asker: String,
    /// The task that queues it.
    pub parent: Option<NodeId>,
    /// Whose it is: its object's owner.
    pub owner: NodeId,
    /// The server whose back end does it.
    pub server: NodeId,
    /// The platform that must be in service first.
    pub needs: Option<NodeId>,
    /// What it holds while it runs, as the back end will lock it.
    pub locks: Vec<TaskLock>,
}

/// What became of a task that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It waits.
    New(NodeId),
    /// The same was asked for already, and waits: this one.
    Already(NodeId),
}

impl Queued {
    /// The task that waits.
    pub fn task(self) -> NodeId {
        match self {
            Queued::New(task) | Queued::Already(task) => task,
        }
    }
}

/// A task that was handed out, with the attempt that is now to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The task.
    pub task: TaskRecord,
    /// The attempt.
    pub attempt: AttemptId,
    /// Which one of the task's: 1 for the first.
    pub number: u64,
}

/// What asking to cancel a task came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It had not begun, and will not.
    Before,
    /// It runs: its back end is to be asked.
    Asked {
        /// On which server.
        server: NodeId,
        /// Which attempt.
        attempt: AttemptId,
    },
    /// It had ended.
    TooLate(TaskState),
}

/// Why a task has not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitingFor {
    /// The queue is paused.
    Queue,
    /// Its server is paused.
    Server(NodeId),
    /// Something runs on its object.
    Object(NodeId),
    /// A task that runs holds a lock that keeps it out.
    Lock {
        /// Which task.
        task: NodeId,
        /// Which lock.
        name: String,
    },
    /// The platform that it needs is not in service.
    Platform(NodeId),
    /// As many run as may: on its server.
    ServerRoom(u32),
    /// As many run as may: in all.
    QueueRoom(u32),
    /// Its turn: so many are before it.
    Turn(u64),
}

/// The queue as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRecord {
    /// Whether no task is begun.
    pub paused: bool,
    /// How many may run at once, in all.
    pub task_limit: u32,
    /// How many wait.
    pub waiting: u64,
    /// How many run.
    pub running: u64,
    /// Of how many nobody knows.
    pub out_of_contact: u64,
}

statements! {
    /// Whoever decides what begins next, decides alone.
    LOCK_QUEUE =
        "SELECT paused, task_limit FROM queue WHERE name = 'tasks'"
      | "SELECT paused, task_limit FROM queue WHERE name = 'tasks' FOR UPDATE";
    QUEUE =
        "SELECT paused, task_limit,
                (SELECT COUNT(*) FROM task WHERE state = 'waiting') AS waiting,
                (SELECT COUNT(*) FROM task WHERE state = 'running') AS running,
                (SELECT COUNT(*) FROM task WHERE state = 'out-of-contact') AS lost
           FROM queue
          WHERE name = 'tasks'";
    PAUSE_QUEUE = "UPDATE queue SET paused = $1 WHERE name = 'tasks'";
    LIMIT_QUEUE = "UPDATE queue SET task_limit = $1 WHERE name = 'tasks'";
    LIMIT_SERVERS = "UPDATE queue SET server_limit = $1 WHERE name = 'tasks'";
    WAITING_TASK = "SELECT id, priority FROM task WHERE object = $1 AND operation = $2 AND state = 'waiting'";
    ADD_TASK =
        "INSERT INTO task (id, operation, object, object_name, parameters, state, priority, actor, asker, parent,
                           owner, server, needs, attempts, queued)
         VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7, $8, $9, $10, $11, $12, 0, $13)
         ON CONFLICT (object, operation) WHERE state = 'waiting' DO NOTHING";
    DROP_NODE = "DELETE FROM node WHERE id = $1";
    HURRY = "UPDATE task SET priority = 0, actor = $2, asker = $3 WHERE id = $1 AND state = 'waiting' AND priority > 0";
    ADD_LOCK = "INSERT INTO task_lock (task, name, exclusive, held) VALUES ($1, $2, $3, FALSE)";
    HOLD_LOCKS = "UPDATE task_lock SET held = TRUE WHERE task = $1";
    DROP_LOCKS = "DELETE FROM task_lock WHERE task = $1";
    SERVER_ROOM =
        "SELECT server.paused,
                COALESCE(server.task_limit, (SELECT server_limit FROM queue WHERE name = 'tasks')) AS task_limit,
                (SELECT COUNT(*) FROM task
                  WHERE task.server = server.id AND task.state IN ('running', 'out-of-contact')) AS active,
                (SELECT COUNT(*) FROM task WHERE task.state = 'running') AS running
           FROM server
          WHERE server.id = $1";
    /// How many tasks of one owner run: each number once, the smallest first.
    SHARES =
        "SELECT DISTINCT active
           FROM (SELECT COUNT(*) AS active FROM task WHERE state IN ('running', 'out-of-contact') GROUP BY owner) AS shares
          ORDER BY active";
    /// The first task of a server, of a priority, of owners of whom so many run, that may begin.
    CLAIMABLE =
        "SELECT task.id
           FROM task
          WHERE task.server = $1 AND task.priority = $2 AND task.state = 'waiting'
            AND (task.owner IN (SELECT own.owner FROM task AS own
                                 WHERE own.state IN ('running', 'out-of-contact')
                                 GROUP BY own.owner HAVING COUNT(*) = $3)
                 OR $3 = 0 AND task.owner NOT IN (SELECT own.owner FROM task AS own
                                                   WHERE own.state IN ('running', 'out-of-contact')))
            AND NOT EXISTS (SELECT 1 FROM task AS other
                             WHERE other.object = task.object AND other.state IN ('running', 'out-of-contact'))
            AND NOT EXISTS (SELECT 1 FROM task_lock AS wanted
                              JOIN task_lock AS taken ON taken.name = wanted.name AND taken.held
                             WHERE wanted.task = task.id AND (wanted.exclusive OR taken.exclusive))
            AND (task.needs IS NULL
                 OR EXISTS (SELECT 1 FROM node
                             WHERE node.id = task.needs AND node.status = 'enabled' AND node.verified IS NOT NULL))
          ORDER BY task.queued, task.id
          LIMIT 1";
    BEGIN_TASK =
        "UPDATE task
            SET state = 'running', started = $2, ended = NULL, attempts = attempts + 1, cancel_asked = NULL,
                cancel_actor = NULL
          WHERE id = $1 AND state = 'waiting'";
    ADD_ATTEMPT =
        "INSERT INTO attempt (uuid, task, number, server, state, next_line, changed, recovered, started)
         SELECT $1, id, attempts, server, 'starting', 1, FALSE, FALSE, $3 FROM task WHERE id = $2";
    CANCEL_WAITING = "UPDATE task SET state = 'cancelled', ended = $2, cancel_actor = $3 WHERE id = $1";
    ASK_TO_CANCEL = "UPDATE task SET cancel_asked = $2, cancel_actor = $3 WHERE id = $1 AND cancel_asked IS NULL";
    ACTIVE_ATTEMPT = "SELECT uuid, server FROM attempt WHERE task = $1 AND state <> 'ended' ORDER BY number DESC";
    WAIT_AGAIN =
        "UPDATE task
            SET state = 'waiting', priority = $2, actor = $3, asker = $4, queued = $5, ended = NULL, cancel_asked = NULL,
                cancel_actor = NULL
          WHERE id = $1";
    ON_OBJECT =
        "SELECT id FROM task WHERE object = $1 AND state IN ('running', 'out-of-contact')";
    LOCKS_IN_THE_WAY =
        "SELECT taken.task, taken.name
           FROM task_lock AS wanted
           JOIN task_lock AS taken ON taken.name = wanted.name AND taken.held
          WHERE wanted.task = $1 AND (wanted.exclusive OR taken.exclusive)
          ORDER BY taken.name, taken.task";
    PLATFORM_IN_SERVICE =
        "SELECT id FROM node WHERE id = $1 AND status = 'enabled' AND verified IS NOT NULL";
    /// Roughly: by priority and time, owners aside.
    BEFORE =
        "SELECT COUNT(*) AS before
           FROM task
          WHERE server = $1 AND state = 'waiting'
            AND (priority < $2 OR (priority = $2 AND (queued < $3 OR (queued = $3 AND id < $4))))";
}

impl Read {
    /// The queue as a whole.
    pub async fn queue(&mut self) -> Result<QueueRecord, StoreFault> {
        let Some(row) = self.row(&QUEUE, Vec::new()).await? else {
            return Err(StoreFault::Absent { what: "queue".into() });
        };
        Ok(QueueRecord {
            paused: row.get("paused")?,
            task_limit: u32::try_from(row.count("task_limit")?).unwrap_or(u32::MAX),
            waiting: row.count("waiting")?,
            running: row.count("running")?,
            out_of_contact: row.count("lost")?,
        })
    }

    /// Why a task has not begun: all that keeps it, the gravest first. Nothing, if it does not wait.
    pub async fn waiting_for(&mut self, id: NodeId) -> Result<Vec<WaitingFor>, StoreFault> {
        let task = self.task(id).await?.ok_or_else(|| StoreFault::Absent { what: format!("task `{id}`") })?;
        if task.state != TaskState::Waiting {
            return Ok(Vec::new());
        }
        let mut reasons = Vec::new();
        let queue = self.queue().await?;
        if queue.paused {
            reasons.push(WaitingFor::Queue);
        }
        let room = self.row(&SERVER_ROOM, values![task.server]).await?;
        if room.as_ref().is_some_and(|room| room.get("paused").unwrap_or(false)) {
            reasons.push(WaitingFor::Server(task.server));
        }
        if let Some(row) = self.row(&ON_OBJECT, values![task.object]).await? {
            reasons.push(WaitingFor::Object(row.get("id")?));
        }
        for row in self.rows(&LOCKS_IN_THE_WAY, values![id]).await? {
            reasons.push(WaitingFor::Lock { task: row.get("task")?, name: row.get("name")? });
        }
        if let Some(platform) = task.needs
            && self.row(&PLATFORM_IN_SERVICE, values![platform]).await?.is_none()
        {
            reasons.push(WaitingFor::Platform(platform));
        }
        if let Some(room) = room {
            let limit = room.count("task_limit")?;
            if room.count("active")? >= limit {
                reasons.push(WaitingFor::ServerRoom(u32::try_from(limit).unwrap_or(u32::MAX)));
            }
        }
        if queue.running >= u64::from(queue.task_limit) {
            reasons.push(WaitingFor::QueueRoom(queue.task_limit));
        }
        if reasons.is_empty() {
            let row = self.row(&BEFORE, values![task.server, task.priority, task.queued, id]).await?;
            reasons.push(WaitingFor::Turn(row.map_or(Ok(0), |row| row.count("before"))?));
        }
        Ok(reasons)
    }
}

impl Tx {
    /// Queues a task, unless the same operation waits for the same object already: then that one is returned, and if a
    /// person asks now, it goes with a person's priority. Its parameters stay what they were.
    pub async fn enqueue(&mut self, new: &NewTask, now: i64) -> Result<Queued, StoreFault> {
        // The one that waits may begin between two questions; then this one can wait itself.
        for _ in 0..5 {
            if let Some(row) = self.row(&WAITING_TASK, values![new.object, &new.operation]).await? {
                let task: NodeId = row.get("id")?;
                if new.priority == Priority::Person
                    && self.execute(&HURRY, values![task, &new.actor, &new.asker]).await? > 0
                {
                    self.note(now, task, NodeKind::Task, "hurried");
                }
                return Ok(Queued::Already(task));
            }
            let node = NewNode { kind: NodeKind::Task, name: None, title: &new.title, status: None, owner: None, now };
            let id = self.add_node(node).await?;
            let values = values![
                id,
                &new.operation,
                new.object,
                &new.object_name,
                &new.parameters,
                new.priority,
                &new.actor,
                &new.asker,
                new.parent,
                new.owner,
                new.server,
                new.needs,
                now,
            ];
            if self.execute(&ADD_TASK, values).await? == 1 {
                self.add_locks(id, &new.locks).await?;
                return Ok(Queued::New(id));
            }
            self.forget_change(id);
            self.execute(&DROP_NODE, values![id]).await?;
        }
        Err(StoreFault::Locked { statement: "enqueue", source: None })
    }

    /// Hands out tasks of a server that may begin now, at most one for each of `attempts`, and begins those attempts.
    ///
    /// One task at a time is on an object, and none beside another that keeps it out, whoever else claims at the same
    /// time. Fails if another dispatcher has taken the lease over.
    pub async fn claim_tasks(
        &mut self,
        server: NodeId,
        attempts: &[AttemptId],
        fence: &Fence,
        now: i64,
    ) -> Result<Vec<Claimed>, StoreFault> {
        self.check_fence(fence).await?;
        let mut claimed = Vec::new();
        for attempt in attempts {
            match self.claim_next(server, *attempt, now).await? {
                Some(next) => claimed.push(next),
                None => break,
            }
        }
        Ok(claimed)
    }

    async fn claim_next(
        &mut self,
        server: NodeId,
        attempt: AttemptId,
        now: i64,
    ) -> Result<Option<Claimed>, StoreFault> {
        let Some(queue) = self.row(&LOCK_QUEUE, Vec::new()).await? else { return Ok(None) };
        let Some(room) = self.row(&SERVER_ROOM, values![server]).await? else { return Ok(None) };
        if queue.get("paused")?
            || room.get("paused")?
            || room.count("active")? >= room.count("task_limit")?
            || room.count("running")? >= queue.count("task_limit")?
        {
            return Ok(None);
        }
        let mut shares = vec![0];
        for row in self.rows(&SHARES, Vec::new()).await? {
            shares.push(row.get("active")?);
        }
        for priority in Priority::ALL {
            for share in &shares {
                // On PostgreSQL somebody may cancel what was just found; then the next one is looked for.
                while let Some(row) = self.row(&CLAIMABLE, values![server, priority, *share]).await? {
                    if let Some(claimed) = self.begin_task(row.get("id")?, attempt, now).await? {
                        return Ok(Some(claimed));
                    }
                }
            }
        }
        Ok(None)
    }

    async fn begin_task(&mut self, id: NodeId, attempt: AttemptId, now: i64) -> Result<Option<Claimed>, StoreFault> {
        if self.execute(&BEGIN_TASK, values![id, now]).await? == 0 {
            return Ok(None);
        }
        self.execute(&HOLD_LOCKS, values![id]).await?;
        let added = self.execute(&ADD_ATTEMPT, values![attempt, id, now]).await;
        added.map_err(|fault| fault.taken(|| format!("the attempt `{attempt}`")))?;
        self.note(now, id, NodeKind::Task, "began");
        let task = self.lock_task(id).await?;
        Ok(Some(Claimed { number: task.attempts, task, attempt }))
    }

    /// Cancels a task: at once, if it has not begun; else its back end must be asked, and the answer says which.
    pub async fn cancel_task(&mut self, id: NodeId, actor: &str, now: i64) -> Result<Cancelled, StoreFault> {
        let task = self.lock_task(id).await?;
        match task.state {
            TaskState::Waiting => {
                self.execute(&CANCEL_WAITING, values![id, now, actor]).await?;
                self.execute(&DROP_LOCKS, values![id]).await?;
                self.note(now, id, NodeKind::Task, "ended");
                Ok(Cancelled::Before)
            }
            TaskState::Running | TaskState::OutOfContact => {
                self.execute(&ASK_TO_CANCEL, values![id, now, actor]).await?;
                self.note(now, id, NodeKind::Task, "cancelling");
                let row = self.row(&ACTIVE_ATTEMPT, values![id]).await?;
                let row = row.ok_or_else(|| StoreFault::Absent { what: format!("attempt of task `{id}`") })?;
                Ok(Cancelled::Asked { server: row.get("server")?, attempt: row.parse("uuid")? })
            }
            ended => Ok(Cancelled::TooLate(ended)),
        }
    }

    /// Queues a task that has ended once more, with the locks that it needs now; its next attempt is a new one.
    /// `actor` and `asker` are who asks now, by name and by identity. If the same operation waits for its object
    /// already, that one is returned.
    pub async fn retry_task(
        &mut self,
        id: NodeId,
        locks: &[TaskLock],
        (actor, asker): (&str, &str),
        now: i64,
    ) -> Result<Queued, StoreFault> {
        // The queue is locked, so that the same does not come to wait between the question and the change.
        self.lock_queue().await?;
        let task = self.lock_task(id).await?;
        if task.state == TaskState::Waiting {
            return Ok(Queued::Already(id));
        }
        if !task.state.is_ended() {
            return Err(StoreFault::Unfit { node: id, why: format!("has not ended: it is {}", task.state) });
        }
        if let Some(row) = self.row(&WAITING_TASK, values![task.object, &task.operation]).await? {
            return Ok(Queued::Already(row.get("id")?));
        }
        let waits = self.execute(&WAIT_AGAIN, values![id, Priority::Person, actor, asker, now]).await;
        waits.map_err(|fault| fault.taken(|| format!("the place of task `{id}` in the queue")))?;
        // What the attempt before answered in secret was for whoever asked then.
        self.forget_secret(id, ANSWER).await?;
        self.add_locks(id, locks).await?;
        self.note(now, id, NodeKind::Task, "queued");
        Ok(Queued::New(id))
    }

    /// Says what a task that waits is to hold instead: its object is called otherwise since.
    pub async fn hold_instead(&mut self, task: NodeId, locks: &[TaskLock]) -> Result<(), StoreFault> {
        if self.lock_task(task).await?.state != TaskState::Waiting {
            return Ok(());
        }
        self.drop_locks(task).await?;
        self.add_locks(task, locks).await
    }

    /// Begins no more tasks; what runs goes on.
    pub async fn pause_queue(&mut self) -> Result<(), StoreFault> {
        self.execute(&PAUSE_QUEUE, values![true]).await.map(drop)
    }

    /// Begins tasks again.
    pub async fn resume_queue(&mut self) -> Result<(), StoreFault> {
        self.execute(&PAUSE_QUEUE, values![false]).await.map(drop)
    }

    /// Says how many tasks may run at once, in all.
    pub async fn limit_queue(&mut self, limit: u32) -> Result<(), StoreFault> {
        self.execute(&LIMIT_QUEUE, values![limit]).await.map(drop)
    }

    /// Says how many tasks may run at once on each server that has no limit of its own.
    pub async fn limit_servers(&mut self, limit: u32) -> Result<(), StoreFault> {
        self.execute(&LIMIT_SERVERS, values![limit]).await.map(drop)
    }

    /// Waits until nobody else decides what runs.
    pub(crate) async fn lock_queue(&mut self) -> Result<(), StoreFault> {
        self.row(&LOCK_QUEUE, Vec::new()).await.map(drop)
    }

    /// Holds what a task asked for, without asking whether others do.
    pub(crate) async fn hold_locks(&mut self, task: NodeId) -> Result<(), StoreFault> {
        self.execute(&HOLD_LOCKS, values![task]).await.map(drop)
    }

    pub(crate) async fn drop_locks(&mut self, task: NodeId) -> Result<(), StoreFault> {
        self.execute(&DROP_LOCKS, values![task]).await.map(drop)
    }

    pub(crate) async fn add_locks(&mut self, task: NodeId, locks: &[TaskLock]) -> Result<(), StoreFault> {
        let mut locks: Vec<&TaskLock> = locks.iter().collect();
        // Of a lock that is wanted twice, the exclusive one.
        locks.sort_by_key(|lock| (&lock.name, lock.mode == LockMode::Shared));
        locks.dedup_by(|next, kept| next.name == kept.name);
        for lock in locks {
            self.execute(&ADD_LOCK, values![task, &lock.name, lock.mode]).await?;
        }
        Ok(())
    }
}
