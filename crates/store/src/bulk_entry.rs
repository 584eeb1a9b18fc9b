//! The objects of bulk runs: how each stands, by its task, or by the task that tries it out before.

use aegir_domain::{FaultReport, NodeId, TaskState};
use serde_json::Value;

use crate::StoreFault;
use crate::db::{Query, Row};
use crate::page::{Direction, Order, Page, Parts};

/// One object of a bulk run.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkEntry {
    /// Its place, from 1 on.
    pub place: i64,
    /// Its name.
    pub name: String,
    /// Its wave.
    pub wave: u32,
    /// What is given for it alone.
    pub given: Option<Value>,
    /// Its task; `None`: it has none, or not yet.
    pub task: Option<NodeId>,
    /// The task that tries it out, or did.
    pub rehearsal: Option<NodeId>,
    /// How its task stands, or its rehearsal as long as that is all; `None`: there is none, or it was let go of as old.
    pub state: Option<TaskState>,
    /// Why no task was queued.
    pub refused: Option<FaultReport>,
    /// Why its task's last attempt went wrong.
    pub fault: Option<FaultReport>,
}

impl BulkEntry {
    /// How it stands; `None`: what it was asked for was let go of as old.
    pub fn stands(&self) -> Option<EntryState> {
        match (self.task, self.rehearsal, &self.refused, self.state) {
            (Some(_), _, _, state) => state.map(EntryState::Task),
            (None, _, Some(_), _) => Some(EntryState::Refused),
            (None, None, None, _) => Some(EntryState::Open),
            (None, Some(_), None, state) => state.map(EntryState::of_rehearsal),
        }
    }
}

/// How an object of a bulk run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// It was not asked yet.
    Open,
    /// It was refused.
    Refused,
    /// It is being tried out.
    Rehearsing,
    /// It was tried out, and nothing stands in the way.
    Rehearsed,
    /// It has a task, which stands so; or it did not pass its rehearsal, which ended so.
    Task(TaskState),
}

impl EntryState {
    /// Of an object whose rehearsal stands so.
    pub(crate) fn of_rehearsal(state: TaskState) -> EntryState {
        match state {
            state if !state.is_ended() => EntryState::Rehearsing,
            TaskState::Succeeded | TaskState::Untidy => EntryState::Rehearsed,
            failed => EntryState::Task(failed),
        }
    }
}

/// The objects of a bulk run, in their order.
#[derive(Clone, Debug)]
pub struct BulkEntryList {
    /// Of which run.
    pub bulk: i64,
    /// Only those that stand so; none: all.
    pub state: Vec<EntryState>,
    /// Which part.
    pub page: Page,
}

/// The wave in a row.
pub(crate) fn wave_of(row: &Row) -> Result<u32, StoreFault> {
    let wave: i64 = row.get("wave")?;
    u32::try_from(wave).map_err(|bad| StoreFault::unreadable("wave", bad))
}

impl Parts for BulkEntryList {
    type Item = BulkEntry;
    const LIST: &'static str = "objects of a bulk run";
    const COLUMNS: &'static str =
        "bulk_entry.place, bulk_entry.name, bulk_entry.wave, bulk_entry.given, bulk_entry.task,
        bulk_entry.rehearsal, bulk_entry.refused, task.state, attempt.fault";

    fn from(&self, _: usize, query: &mut Query) {
        query.push(
            " FROM bulk_entry LEFT JOIN task ON task.id = COALESCE(bulk_entry.task, bulk_entry.rehearsal)
              LEFT JOIN attempt ON attempt.task = task.id AND attempt.number = task.attempts
              WHERE bulk_entry.bulk = ",
        );
        query.bind(self.bulk);
        if self.state.is_empty() {
            return;
        }
        let of_task = |state: &EntryState| match state {
            EntryState::Task(state) => Some(*state),
            EntryState::Open | EntryState::Refused | EntryState::Rehearsing | EntryState::Rehearsed => None,
        };
        let states: Vec<TaskState> = self.state.iter().filter_map(of_task).collect();
        let failed: Vec<TaskState> = states
            .iter()
            .copied()
            .filter(|state| EntryState::of_rehearsal(*state) == EntryState::Task(*state))
            .collect();
        query.push(" AND (FALSE");
        if self.state.contains(&EntryState::Open) {
            query.push(" OR bulk_entry.task IS NULL AND bulk_entry.refused IS NULL AND bulk_entry.rehearsal IS NULL");
        }
        if self.state.contains(&EntryState::Refused) {
            query.push(" OR bulk_entry.task IS NULL AND bulk_entry.refused IS NOT NULL");
        }
        if self.state.contains(&EntryState::Rehearsing) {
            query.push(
                " OR bulk_entry.task IS NULL AND bulk_entry.refused IS NULL
                     AND task.state IN ('waiting', 'running', 'out-of-contact')",
            );
        }
        if self.state.contains(&EntryState::Rehearsed) {
            query.push(
                " OR bulk_entry.task IS NULL AND bulk_entry.refused IS NULL AND task.state IN ('succeeded', 'untidy')",
            );
        }
        if !states.is_empty() {
            query.push(" OR bulk_entry.task IS NOT NULL AND task.state IN ").bind_all(states);
        }
        if !failed.is_empty() {
            query.push(" OR bulk_entry.refused IS NULL AND task.state IN ").bind_all(failed);
        }
        query.push(")");
    }

    fn order(&self) -> Order {
        Order { name: "place", key: None, id: "bulk_entry.place", direction: Direction::Up }
    }

    fn page(&self) -> &Page {
        &self.page
    }

    fn item(row: &Row) -> Result<BulkEntry, StoreFault> {
        let task: Option<i64> = row.maybe("task")?;
        let rehearsal: Option<i64> = row.maybe("rehearsal")?;
        Ok(BulkEntry {
            place: row.get("place")?,
            name: row.get("name")?,
            wave: wave_of(row)?,
            given: row.maybe_json("given")?,
            task: task.map(NodeId),
            rehearsal: rehearsal.map(NodeId),
            state: row.maybe_parse("state")?,
            refused: row.maybe_json("refused")?,
            fault: row.maybe_json("fault")?,
        })
    }
}
