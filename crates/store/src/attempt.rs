//! Attempts: the runs of a task, from the claim to the outcome.

use aegir_domain::protocol::Ending;
use aegir_domain::{AttemptId, AttemptState, FaultReport, Left, NodeId, NodeKind, Outcome, OutcomeKind, TaskState};

use crate::StoreFault;
use crate::db::{Query, Read, Row, Tx, statements, values};
use crate::lease::Fence;
use crate::queue::NewTask;
use crate::server::json;

/// How many attempts are asked for in one statement.
const IDS_AT_ONCE: usize = 200;

/// One run of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    /// Its id, at the seam too.
    pub id: AttemptId,
    /// Of which task.
    pub task: NodeId,
    /// Which one of the task's: 1 for the first.
    pub number: u64,
    /// The server whose back end runs it.
    pub server: NodeId,
    /// Where it stands.
    pub state: AttemptState,
    /// The line from which to follow it: all before are stored.
    pub next_line: u64,
    /// How it ended.
    pub outcome: Option<TaskState>,
    /// What went wrong.
    pub fault: Option<FaultReport>,
    /// What a failed undo left.
    pub left: Vec<Left>,
    /// What it found or made.
    pub answer: serde_json::Map<String, serde_json::Value>,
    /// Whether it changed anything.
    pub changed: bool,
    /// Whether its worker had died, and another one brought it to its end.
    pub recovered: bool,
    /// Since when its machine does not answer.
    pub lost: Option<i64>,
    /// When it was claimed.
    pub started: i64,
    /// When it ended.
    pub ended: Option<i64>,
}

/// What recording an outcome came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It was not known before.
    Now(NodeId),
    /// It was recorded already; nothing was changed.
    Before(NodeId),
}

/// How an attempt ended, as it is stored.
struct End {
    state: TaskState,
    fault: Option<String>,
    left: Option<String>,
    answer: Option<String>,
    changed: bool,
    recovered: bool,
}

impl End {
    fn of(ending: &Ending) -> Result<End, StoreFault> {
        let kind = ending.outcome.kind();
        let state = match ending.untidy && kind == OutcomeKind::Succeeded {
            true => TaskState::Untidy,
            false => TaskState::from(kind),
        };
        let left = match &ending.outcome {
            Outcome::Stuck { left, .. } => Some(json(left)?),
            _ => None,
        };
        Ok(End {
            state,
            fault: ending.fault().map(json).transpose()?,
            left,
            answer: if ending.answer.is_empty() { None } else { Some(json(&ending.answer)?) },
            changed: ending.changed,
            recovered: ending.recovered,
        })
    }
}

/// An attempt as it is stored.
pub(crate) struct Stored {
    pub(crate) key: i64,
    pub(crate) record: AttemptRecord,
}

statements! {
    FIND_ATTEMPT =
        "SELECT id, uuid, task, number, server, state, next_line, outcome, fault, left_behind, answer, changed,
                recovered, lost, started, ended
           FROM attempt
          WHERE uuid = $1";
    LOCK_ATTEMPT =
        "SELECT id, uuid, task, number, server, state, next_line, outcome, fault, left_behind, answer, changed,
                recovered, lost, started, ended
           FROM attempt
          WHERE uuid = $1"
      | "SELECT id, uuid, task, number, server, state, next_line, outcome, fault, left_behind, answer, changed,
                recovered, lost, started, ended
           FROM attempt
          WHERE uuid = $1
            FOR UPDATE";
    ATTEMPTS_OF =
        "SELECT id, uuid, task, number, server, state, next_line, outcome, fault, left_behind, answer, changed,
                recovered, lost, started, ended
           FROM attempt
          WHERE task = $1
          ORDER BY number";
    ACTIVE_ON =
        "SELECT id, uuid, task, number, server, state, next_line, outcome, fault, left_behind, answer, changed,
                recovered, lost, started, ended
           FROM attempt
          WHERE server = $1 AND state <> 'ended'
          ORDER BY id";
    END_ATTEMPT =
        "UPDATE attempt
            SET state = 'ended', outcome = $2, fault = $3, left_behind = $4, answer = $5, changed = $6,
                recovered = $7, lost = NULL, ended = CASE WHEN $8 < started THEN started ELSE $8 END
          WHERE id = $1";
    /// Of a task that was begun anew meanwhile, an older attempt decides nothing.
    END_TASK =
        "UPDATE task
            SET state = $2, ended = CASE WHEN $3 < started THEN started ELSE $3 END
          WHERE id = $1 AND attempts = $4 AND state IN ('running', 'out-of-contact')";
    /// Of one that had ended already. One that was asked for anew is not touched: it decides by itself.
    END_TASK_AGAIN =
        "UPDATE task
            SET state = $2, ended = CASE WHEN $3 < started THEN started ELSE $3 END
          WHERE id = $1 AND attempts = $4 AND state IN ('stuck', 'untidy', 'cancelled')";
    LOSE = "UPDATE attempt SET lost = $2 WHERE id = $1 AND lost IS NULL";
    LOSE_TASK = "UPDATE task SET state = 'out-of-contact' WHERE id = $1 AND state = 'running'";
    REGAIN = "UPDATE attempt SET lost = NULL WHERE id = $1";
    REGAIN_TASK = "UPDATE task SET state = 'running' WHERE id = $1 AND state = 'out-of-contact'";
    ADD_FOREIGN_TASK =
        "INSERT INTO task (id, operation, object, object_name, parameters, state, priority, actor, parent, owner,
                           server, needs, attempts, queued, started)
         VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, $8, $9, $10, $11, 1, $12, $12)";
    ADD_FOREIGN_ATTEMPT =
        "INSERT INTO attempt (uuid, task, number, server, state, next_line, changed, recovered, started)
         VALUES ($1, $2, 1, $3, 'running', 1, FALSE, FALSE, $4)";
}

impl Read {
    /// An attempt.
    pub async fn attempt(&mut self, id: AttemptId) -> Result<Option<AttemptRecord>, StoreFault> {
        Ok(self.stored_attempt(id).await?.map(|stored| stored.record))
    }

    /// Those of these attempts that are known, in no order.
    pub async fn attempts_among(&mut self, ids: &[AttemptId]) -> Result<Vec<AttemptRecord>, StoreFault> {
        let mut known = Vec::new();
        for ids in ids.chunks(IDS_AT_ONCE) {
            let mut query = Query::new(
                "SELECT id, uuid, task, number, server, state, next_line, outcome, fault, left_behind, answer, changed,
                        recovered, lost, started, ended
                   FROM attempt
                  WHERE uuid IN ",
            );
            query.bind_all(ids.iter().copied());
            for row in self.ask("find attempts", query).await? {
                known.push(AttemptRecord::of(&row)?);
            }
        }
        Ok(known)
    }

    /// All attempts of a task, the first one first.
    pub async fn attempts(&mut self, task: NodeId) -> Result<Vec<AttemptRecord>, StoreFault> {
        self.rows(&ATTEMPTS_OF, values![task]).await?.iter().map(AttemptRecord::of).collect()
    }

    /// The attempts on a server that have not ended: those that a dispatcher attaches to when it begins.
    pub async fn active_attempts(&mut self, server: NodeId) -> Result<Vec<AttemptRecord>, StoreFault> {
        self.rows(&ACTIVE_ON, values![server]).await?.iter().map(AttemptRecord::of).collect()
    }

    pub(crate) async fn stored_attempt(&mut self, id: AttemptId) -> Result<Option<Stored>, StoreFault> {
        self.row(&FIND_ATTEMPT, values![id]).await?.as_ref().map(Stored::of).transpose()
    }
}

impl Tx {
    /// Records how an attempt ended: its task has ended with it, and object and locks are free.
    ///
    /// Recorded twice, it counts once; but one that is not [settled](AttemptRecord::is_settled) may end once more, and
    /// otherwise. Fails if another dispatcher has taken the lease over. A secret part of the answer is not kept.
    pub async fn end_attempt(
        &mut self,
        id: AttemptId,
        ending: &Ending,
        fence: &Fence,
        now: i64,
    ) -> Result<Recorded, StoreFault> {
        self.check_fence(fence).await?;
        self.end_any_attempt(id, &End::of(ending)?, now).await
    }

    /// Records that an attempt was called back before its back end knew of it: its task is cancelled, like one that
    /// never began.
    pub async fn cancel_attempt(&mut self, id: AttemptId, fence: &Fence, now: i64) -> Result<Recorded, StoreFault> {
        self.check_fence(fence).await?;
        let end = End {
            state: TaskState::Cancelled,
            fault: None,
            left: None,
            answer: None,
            changed: false,
            recovered: false,
        };
        self.end_any_attempt(id, &end, now).await
    }

    /// Says that the machine of an attempt does not answer. Its task is out of contact, keeps its object and its
    /// locks, and nothing is run again.
    pub async fn lose_contact(&mut self, id: AttemptId, fence: &Fence, now: i64) -> Result<(), StoreFault> {
        self.check_fence(fence).await?;
        let attempt = self.lock_attempt(id).await?;
        if attempt.record.state == AttemptState::Ended {
            return Ok(());
        }
        self.execute(&LOSE, values![attempt.key, now]).await?;
        if self.execute(&LOSE_TASK, values![attempt.record.task]).await? > 0 {
            self.note(now, attempt.record.task, NodeKind::Task, "lost");
        }
        Ok(())
    }

    /// Says that the machine of an attempt answers again.
    pub async fn regain_contact(&mut self, id: AttemptId, fence: &Fence, now: i64) -> Result<(), StoreFault> {
        self.check_fence(fence).await?;
        let attempt = self.lock_attempt(id).await?;
        self.execute(&REGAIN, values![attempt.key]).await?;
        if self.execute(&REGAIN_TASK, values![attempt.record.task]).await? > 0 {
            self.note(now, attempt.record.task, NodeKind::Task, "found");
        }
        Ok(())
    }

    /// Records a task that was begun elsewhere, as in a shell, under the id that its attempt has there. It holds its
    /// object and locks until [`Tx::end_attempt`]; whether others hold them is not asked, for it runs already. While
    /// another task runs on the object it is [taken](StoreFault::Taken): then the transaction is to be taken back.
    pub async fn record_foreign_task(
        &mut self,
        task: &NewTask,
        attempt: AttemptId,
        started: i64,
        now: i64,
    ) -> Result<NodeId, StoreFault> {
        self.lock_queue().await?;
        let node = crate::node::NewNode {
            kind: NodeKind::Task,
            name: None,
            title: &task.title,
            status: None,
            owner: None,
            now,
        };
        let id = self.add_node(node).await?;
        let values = values![
            id,
            &task.operation,
            task.object,
            &task.object_name,
            &task.parameters,
            task.priority,
            &task.actor,
            task.parent,
            task.owner,
            task.server,
            task.needs,
            started,
        ];
        let added = self.execute(&ADD_FOREIGN_TASK, values).await;
        added.map_err(|fault| fault.taken(|| format!("`{}` (another task runs on it)", task.object_name)))?;
        let added = self.execute(&ADD_FOREIGN_ATTEMPT, values![attempt, id, task.server, started]).await;
        added.map_err(|fault| fault.taken(|| format!("the attempt `{attempt}`")))?;
        self.add_locks(id, &task.locks).await?;
        self.hold_locks(id).await?;
        Ok(id)
    }

    async fn end_any_attempt(&mut self, id: AttemptId, end: &End, now: i64) -> Result<Recorded, StoreFault> {
        let Stored { key, record } = self.lock_attempt(id).await?;
        let again = record.state == AttemptState::Ended;
        if again && (record.is_settled() || record.outcome == Some(end.state)) {
            return Ok(Recorded::Before(record.task));
        }
        let End { state, fault, left, answer, changed, recovered } = end;
        let (changed, recovered) = (*changed || record.changed, *recovered || record.recovered);
        let (fault, left, answer) = (fault.as_ref(), left.as_ref(), answer.as_ref());
        self.execute(&END_ATTEMPT, values![key, *state, fault, left, answer, changed, recovered, now]).await?;
        let statement = if again { &END_TASK_AGAIN } else { &END_TASK };
        let its_task = self.execute(statement, values![record.task, *state, now, record.number]).await? > 0;
        if its_task && !again {
            self.drop_locks(record.task).await?;
        }
        self.note(now, record.task, NodeKind::Task, "ended");
        Ok(if again && !its_task { Recorded::Before(record.task) } else { Recorded::Now(record.task) })
    }

    pub(crate) async fn lock_attempt(&mut self, id: AttemptId) -> Result<Stored, StoreFault> {
        let row = self.row(&LOCK_ATTEMPT, values![id]).await?;
        Stored::of(&row.ok_or_else(|| StoreFault::Absent { what: format!("attempt `{id}`") })?)
    }
}

impl Stored {
    fn of(row: &Row) -> Result<Stored, StoreFault> {
        Ok(Stored { key: row.get("id")?, record: AttemptRecord::of(row)? })
    }
}

impl AttemptRecord {
    /// Whether nothing more can come of it. One that is stuck or untidy can be gone on with on its machine, and one
    /// that was called back may have come there after all.
    pub fn is_settled(&self) -> bool {
        match self.outcome {
            None => false,
            Some(outcome) => !matches!(outcome, TaskState::Stuck | TaskState::Untidy | TaskState::Cancelled),
        }
    }

    fn of(row: &Row) -> Result<AttemptRecord, StoreFault> {
        Ok(AttemptRecord {
            id: row.parse("uuid")?,
            task: row.get("task")?,
            number: row.count("number")?,
            server: row.get("server")?,
            state: row.parse("state")?,
            next_line: row.count("next_line")?,
            outcome: row.maybe_parse("outcome")?,
            fault: row.maybe_json("fault")?,
            left: row.maybe_json("left_behind")?.unwrap_or_default(),
            answer: row.maybe_json("answer")?.unwrap_or_default(),
            changed: row.get("changed")?,
            recovered: row.get("recovered")?,
            lost: row.maybe("lost")?,
            started: row.get("started")?,
            ended: row.maybe("ended")?,
        })
    }
}
