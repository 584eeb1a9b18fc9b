//! Tasks: what was asked for, by whom, and where it stands.

use aegir_domain::{ContextName, NodeId, NodeKind, OperationName, Priority, TaskState};

use crate::StoreFault;
use crate::db::{Dialect, Query, ROWS_AT_ONCE, Read, Row, Tx, priority_of, statements, values};
use crate::page::{Direction, NameMatch, Order, Page, Parts, Span};

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRecord {
    /// Its number.
    pub id: NodeId,
    /// What is to be done.
    pub operation: OperationName,
    /// To which object.
    pub object: NodeId,
    /// The object's name when it was asked for.
    pub object_name: ContextName,
    /// With which parameters; no secret is among them.
    pub parameters: serde_json::Value,
    /// Where it stands.
    pub state: TaskState,
    /// Who goes first.
    pub priority: Priority,
    /// Who asked, as people call them.
    pub actor: String,
    /// Who asked, whatever they are called: what is secret in the answer is theirs. Empty: nobody's.
    pub asker: String,
    /// The task that queued it.
    pub parent: Option<NodeId>,
    /// Whose it is.
    pub owner: NodeId,
    /// The server whose back end does it.
    pub server: NodeId,
    /// The platform that must be in service first.
    pub needs: Option<NodeId>,
    /// How many times it was begun.
    pub attempts: u64,
    /// When it was queued, the last time.
    pub queued: i64,
    /// When its last attempt began.
    pub started: Option<i64>,
    /// When it ended.
    pub ended: Option<i64>,
    /// When somebody asked to cancel it while it ran.
    pub cancel_asked: Option<i64>,
    /// Who that was.
    pub cancel_actor: Option<String>,
}

/// A task that ended before it came here, as from another installation. It has no attempts and no log.
#[derive(Clone, Debug)]
pub struct PastTask {
    /// What was done.
    pub operation: OperationName,
    /// To which object.
    pub object: NodeId,
    /// Its name.
    pub object_name: ContextName,
    /// What people read.
    pub title: String,
    /// How it ended.
    pub state: TaskState,
    /// Who asked.
    pub actor: String,
    /// Whose it is.
    pub owner: NodeId,
    /// The server that did it.
    pub server: NodeId,
    /// When it was asked for.
    pub queued: i64,
    /// When it ended.
    pub ended: i64,
}

/// In which order tasks are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskSort {
    /// By number, which is the order in which they were first asked for.
    #[default]
    Number,
    /// By their end; those that have not ended are left out.
    Ended,
}

/// Tasks, filtered and ordered; the newest first, unless asked otherwise.
#[derive(Clone, Debug)]
pub struct TaskList {
    /// In one of these states; none: in any.
    pub state: Vec<TaskState>,
    /// Of one of these operations; none: of any.
    pub operation: Vec<OperationName>,
    /// On this object.
    pub object: Option<NodeId>,
    /// On objects so named.
    pub object_name: Option<NameMatch>,
    /// Of this client.
    pub owner: Option<NodeId>,
    /// Done on this server.
    pub server: Option<NodeId>,
    /// Asked for by this actor.
    pub actor: Option<String>,
    /// Queued by this task.
    pub parent: Option<NodeId>,
    /// Queued then.
    pub queued: Span,
    /// Ended then.
    pub ended: Span,
    /// The order.
    pub sort: TaskSort,
    /// Which way.
    pub direction: Direction,
    /// Which part.
    pub page: Page,
}

impl Default for TaskList {
    fn default() -> TaskList {
        TaskList {
            state: Vec::new(),
            operation: Vec::new(),
            object: None,
            object_name: None,
            owner: None,
            server: None,
            actor: None,
            parent: None,
            queued: Span::default(),
            ended: Span::default(),
            sort: TaskSort::default(),
            direction: Direction::Down,
            page: Page::default(),
        }
    }
}

statements! {
    FIND_TASK =
        "SELECT id, operation, object, object_name, parameters, state, priority, actor, asker, parent, owner, server,
                needs, attempts, queued, started, ended, cancel_asked, cancel_actor
           FROM task
          WHERE id = $1";
    LOCK_TASK =
        "SELECT id, operation, object, object_name, parameters, state, priority, actor, asker, parent, owner, server,
                needs, attempts, queued, started, ended, cancel_asked, cancel_actor
           FROM task
          WHERE id = $1"
      | "SELECT id, operation, object, object_name, parameters, state, priority, actor, asker, parent, owner, server,
                needs, attempts, queued, started, ended, cancel_asked, cancel_actor
           FROM task
          WHERE id = $1
            FOR UPDATE";
    /// What availability is decided by: the tasks of an object that have not ended, and the last one of each
    /// operation that has.
    TASKS_OF =
        "SELECT id, operation, object, object_name, parameters, state, priority, actor, asker, parent, owner, server,
                needs, attempts, queued, started, ended, cancel_asked, cancel_actor
           FROM task
          WHERE object = $1
            AND (state IN ('waiting', 'running', 'out-of-contact')
                 OR id IN (SELECT MAX(id) FROM task WHERE object = $1 GROUP BY operation))
          ORDER BY id";
}

impl Read {
    /// A task.
    pub async fn task(&mut self, id: NodeId) -> Result<Option<TaskRecord>, StoreFault> {
        self.row(&FIND_TASK, values![id]).await?.as_ref().map(TaskRecord::of).transpose()
    }

    /// The tasks by which one decides what may be asked of an object: those that have not ended, and of each operation
    /// the newest. The oldest first.
    pub async fn tasks_that_count(&mut self, object: NodeId) -> Result<Vec<TaskRecord>, StoreFault> {
        self.rows(&TASKS_OF, values![object]).await?.iter().map(TaskRecord::of).collect()
    }
}

impl Tx {
    /// Adds tasks that ended elsewhere, many at once.
    pub async fn record_past_tasks(&mut self, tasks: &[PastTask], now: i64) -> Result<(), StoreFault> {
        for tasks in tasks.chunks(ROWS_AT_ONCE) {
            if let Some(task) = tasks.iter().find(|task| !task.state.is_ended()) {
                return Err(StoreFault::Unfit {
                    node: task.object,
                    why: format!("has a past task that is {}", task.state),
                });
            }
            let mut nodes = Query::new("INSERT INTO node (kind, title, created, changed) VALUES ");
            for (place, task) in tasks.iter().enumerate() {
                nodes.push(if place > 0 { ", (" } else { "(" }).bind("task").push(", ").bind(&task.title);
                nodes.push(", ").bind(task.queued).push(", ").bind(task.ended).push(")");
            }
            nodes.push(" RETURNING id");
            let rows = self.link()?.rows("add nodes", &nodes.text, nodes.values, true).await?;
            let mut ids: Vec<NodeId> = rows.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
            ids.sort_unstable();
            let mut query = Query::new(
                "INSERT INTO task (id, operation, object, object_name, parameters, state, priority, actor, owner, server,
                                   attempts, queued, started, ended) VALUES ",
            );
            for (place, (task, id)) in tasks.iter().zip(&ids).enumerate() {
                query.push(if place > 0 { ", (" } else { "(" }).bind(*id).push(", ").bind(&task.operation);
                query.push(", ").bind(task.object).push(", ").bind(&task.object_name).push(", '{}', ").bind(task.state);
                query.push(", 1, ").bind(&task.actor).push(", ").bind(task.owner).push(", ").bind(task.server);
                query
                    .push(", 1, ")
                    .bind(task.queued)
                    .push(", ")
                    .bind(task.queued)
                    .push(", ")
                    .bind(task.ended)
                    .push(")");
            }
            self.run("add past tasks", query).await?;
            if let Some(last) = ids.last() {
                self.note(now, *last, NodeKind::Task, "past");
            }
        }
        Ok(())
    }

    /// The task, which nobody else changes until this transaction ends.
    pub(crate) async fn lock_task(&mut self, id: NodeId) -> Result<TaskRecord, StoreFault> {
        let row = self.row(&LOCK_TASK, values![id]).await?;
        TaskRecord::of(&row.ok_or_else(|| StoreFault::Absent { what: format!("task `{id}`") })?)
    }
}

impl TaskRecord {
    pub(crate) fn of(row: &Row) -> Result<TaskRecord, StoreFault> {
        Ok(TaskRecord {
            id: row.get("id")?,
            operation: row.parse("operation")?,
            object: row.get("object")?,
            object_name: row.parse("object_name")?,
            parameters: row.json("parameters")?,
            state: row.parse("state")?,
            priority: priority_of(row.get("priority")?),
            actor: row.get("actor")?,
            asker: row.get("asker")?,
            parent: row.maybe("parent")?,
            owner: row.get("owner")?,
            server: row.get("server")?,
            needs: row.maybe("needs")?,
            attempts: row.count("attempts")?,
            queued: row.get("queued")?,
            started: row.maybe("started")?,
            ended: row.maybe("ended")?,
            cancel_asked: row.maybe("cancel_asked")?,
            cancel_actor: row.maybe("cancel_actor")?,
        })
    }
}

impl TaskList {
    /// The states asked for, each once: in two of them at a time is no task.
    fn states(&self) -> impl Iterator<Item = TaskState> {
        let named = self.state.iter().enumerate();
        named.filter(|(place, state)| !self.state[..*place].contains(state)).map(|(_, state)| *state)
    }
}

impl Parts for TaskList {
    type Item = TaskRecord;
    const LIST: &'static str = "tasks";
    const COLUMNS: &'static str = "task.id, task.operation, task.object, task.object_name, task.parameters, task.state,
        task.priority, task.actor, task.asker, task.parent, task.owner, task.server, task.needs, task.attempts, task.queued,
        task.started, task.ended, task.cancel_asked, task.cancel_actor";

    /// One for each state asked for: the index has the state in front of the number, so that each of them is read in
    /// order and no further than the page; a set of states would have to be sorted whole.
    fn arms(&self) -> usize {
        self.states().count().max(1)
    }

    fn from(&self, arm: usize, query: &mut Query) {
        query.push(" FROM task WHERE TRUE");
        let state = self.states().nth(arm);
        if let Some(state) = state {
            query.push(" AND task.state = ").bind(state);
        }
        // Most tasks succeeded; those of another state are few, and are to be found by it. Servers and operations are
        // few too, and each has very many tasks: to SQLite, a column in an expression is one that no index is looked
        // up for. PostgreSQL counts how many there are of each, and chooses well by itself.
        let by_state =
            query.dialect == Some(Dialect::Sqlite) && state.is_some_and(|state| state != TaskState::Succeeded);
        let operation = if by_state { " AND task.operation || '' " } else { " AND task.operation " };
        match &self.operation[..] {
            [] => &mut *query,
            [one] => query.push(operation).push("= ").bind(one),
            some => query.push(operation).push("IN ").bind_all(some),
        };
        if let Some(object) = self.object {
            query.push(" AND task.object = ").bind(object);
        }
        if let Some(name) = &self.object_name {
            // Among the objects, which are few, and not among the tasks, which are many.
            query.push(" AND task.object IN (SELECT node.id FROM node WHERE node.status IS NOT NULL");
            name.on("@", query);
            query.push(")");
        }
        let server = if by_state { " AND task.server + 0 = " } else { " AND task.server = " };
        for (column, value) in
            [(" AND task.owner = ", self.owner), (server, self.server), (" AND task.parent = ", self.parent)]
        {
            if let Some(value) = value {
                query.push(column).bind(value);
            }
        }
        if let Some(actor) = &self.actor {
            query.push(" AND task.actor = ").bind(actor);
        }
        self.queued.on("task.queued", query);
        self.ended.on("task.ended", query);
        if self.sort == TaskSort::Ended {
            query.push(" AND task.ended IS NOT NULL");
        }
    }

    fn order(&self) -> Order {
        let (name, key) = match self.sort {
            TaskSort::Number => ("number", None),
            TaskSort::Ended => ("ended", Some("task.ended")),
        };
        Order { name, key, id: "task.id", direction: self.direction }
    }

    fn page(&self) -> &Page {
        &self.page
    }

    fn item(row: &Row) -> Result<TaskRecord, StoreFault> {
        TaskRecord::of(row)
    }
}
