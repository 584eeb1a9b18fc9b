//! Bulk runs: one operation asked of many objects, each by a task of its own.
//!
//! All objects are written down before the first is asked, and each as soon as it was: whoever dies in between leaves a
//! list of what is still to be asked.

use std::collections::BTreeMap;

use aegir_domain::{FaultReport, NodeId, OperationName, TaskState};
use serde_json::Value;

use crate::StoreFault;
use crate::db::{Query, ROWS_AT_ONCE, Read, Row, Tx, statements, values};
use crate::page::{Direction, Order, Page, Parts};
use crate::server::json;

/// A bulk run that does not exist yet.
#[derive(Clone, Debug)]
pub struct NewBulk {
    /// What is asked of each.
    pub operation: OperationName,
    /// What is given with it, the same for each.
    pub parameters: Value,
    /// How its objects were chosen, for people.
    pub chosen: Value,
    /// Who asks.
    pub asker: BulkAsker,
    /// The objects' names, in the order in which they are asked.
    pub names: Vec<String>,
}

/// Who asked for a bulk run: all of it, for whichever front end goes on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkAsker {
    /// How they are called.
    pub name: String,
    /// Who they are.
    pub id: String,
    /// Through which door they came.
    pub door: String,
    /// What they might when they asked.
    pub may: Vec<String>,
}

/// A bulk run.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkRecord {
    /// Its number.
    pub id: i64,
    /// What is asked of each.
    pub operation: OperationName,
    /// What is given with it.
    pub parameters: Value,
    /// How its objects were chosen.
    pub chosen: Value,
    /// Who asked.
    pub asker: BulkAsker,
    /// When.
    pub started: i64,
    /// When the last of its objects was asked; `None`: there are some left.
    pub asked: Option<i64>,
}

/// One object of a bulk run.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkEntry {
    /// Its place, from 1 on.
    pub place: i64,
    /// Its name.
    pub name: String,
    /// Its task; `None`: it has none, or not yet.
    pub task: Option<NodeId>,
    /// How that task stands; `None`: there is none, or it was let go of as old.
    pub state: Option<TaskState>,
    /// Why no task was queued.
    pub refused: Option<FaultReport>,
    /// Why its task's last attempt went wrong.
    pub fault: Option<FaultReport>,
}

/// How many objects of a bulk run stand how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkCounts {
    /// In all.
    pub all: u64,
    /// Not asked yet.
    pub open: u64,
    /// Refused: no task was queued.
    pub refused: u64,
    /// Asked long ago; their tasks were let go of.
    pub gone: u64,
    /// By the state of their tasks.
    pub states: BTreeMap<TaskState, u64>,
}

/// How an object of a bulk run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// It was not asked yet.
    Open,
    /// It was refused.
    Refused,
    /// It has a task, which stands so.
    Task(TaskState),
}

/// Bulk runs, the newest first.
#[derive(Clone, Debug, Default)]
pub struct BulkList {
    /// Which part.
    pub page: Page,
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

statements! {
    ADD_BULK =
        "INSERT INTO bulk (operation, parameters, chosen, actor, asker, door, may, started)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         RETURNING id";
    FIND_BULK =
        "SELECT id, operation, parameters, chosen, actor, asker, door, may, started, asked FROM bulk WHERE id = $1";
    NEXT_OPEN =
        "SELECT id, operation, parameters, chosen, actor, asker, door, may, started, asked
           FROM bulk
          WHERE asked IS NULL
          ORDER BY id
          LIMIT 1";
    OPEN_ENTRIES =
        "SELECT place, name
           FROM bulk_entry
          WHERE bulk = $1 AND task IS NULL AND refused IS NULL
          ORDER BY place
          LIMIT $2";
    RECORD_ENTRY = "UPDATE bulk_entry SET task = $3, refused = $4 WHERE bulk = $1 AND place = $2";
    END_BULK = "UPDATE bulk SET asked = $2 WHERE id = $1 AND asked IS NULL";
    COUNT_ENTRIES =
        "SELECT bulk_entry.task IS NOT NULL AS asked, bulk_entry.refused IS NOT NULL AS refused, task.state,
                COUNT(*) AS entries
           FROM bulk_entry LEFT JOIN task ON task.id = bulk_entry.task
          WHERE bulk_entry.bulk = $1
          GROUP BY bulk_entry.task IS NOT NULL, bulk_entry.refused IS NOT NULL, task.state";
}

impl Read {
    /// A bulk run.
    pub async fn bulk(&mut self, id: i64) -> Result<Option<BulkRecord>, StoreFault> {
        self.row(&FIND_BULK, values![id]).await?.as_ref().map(BulkList::item).transpose()
    }

    /// The oldest bulk run of which there is something left to ask.
    pub async fn next_open_bulk(&mut self) -> Result<Option<BulkRecord>, StoreFault> {
        self.row(&NEXT_OPEN, Vec::new()).await?.as_ref().map(BulkList::item).transpose()
    }

    /// The next objects that are to be asked: their places and names.
    pub async fn open_bulk_entries(&mut self, bulk: i64, limit: u32) -> Result<Vec<(i64, String)>, StoreFault> {
        let rows = self.rows(&OPEN_ENTRIES, values![bulk, i64::from(limit)]).await?;
        rows.iter().map(|row| Ok((row.get("place")?, row.get("name")?))).collect()
    }

    /// How many of its objects stand how.
    pub async fn count_bulk(&mut self, bulk: i64) -> Result<BulkCounts, StoreFault> {
        let mut counts = BulkCounts::default();
        for row in self.rows(&COUNT_ENTRIES, values![bulk]).await? {
            let entries: i64 = row.get("entries")?;
            let entries = entries.unsigned_abs();
            counts.all += entries;
            let place = match (row.get::<bool>("asked")?, row.maybe_parse::<TaskState>("state")?) {
                (true, Some(state)) => counts.states.entry(state).or_default(),
                (true, None) => &mut counts.gone,
                (false, _) if row.get("refused")? => &mut counts.refused,
                (false, _) => &mut counts.open,
            };
            *place += entries;
        }
        Ok(counts)
    }
}

impl Tx {
    /// Writes a bulk run down, with all of its objects.
    pub async fn add_bulk(&mut self, new: &NewBulk, now: i64) -> Result<i64, StoreFault> {
        let BulkAsker { name, id, door, may } = &new.asker;
        let parameters = json(&new.parameters)?;
        let values = values![&new.operation, parameters, json(&new.chosen)?, name, id, door, json(may)?, now];
        let bulk: i64 = self.row(&ADD_BULK, values).await?.map_or(Ok(0), |row| row.get("id"))?;
        for (part, names) in new.names.chunks(ROWS_AT_ONCE).enumerate() {
            let mut query = Query::new("INSERT INTO bulk_entry (bulk, place, name) VALUES ");
            for (place, name) in names.iter().enumerate() {
                let place = i64::try_from(part * ROWS_AT_ONCE + place + 1).unwrap_or(i64::MAX);
                query.push(if query.values.is_empty() { "(" } else { ", (" }).bind(bulk).push(", ");
                query.bind(place).push(", ").bind(name).push(")");
            }
            self.ask("add objects of a bulk run", query).await?;
        }
        Ok(bulk)
    }

    /// Writes down what came of asking one of the objects.
    pub async fn record_bulk_entry(
        &mut self,
        bulk: i64,
        place: i64,
        became: &Result<NodeId, FaultReport>,
    ) -> Result<(), StoreFault> {
        let refused = became.as_ref().err().map(json).transpose()?;
        self.execute(&RECORD_ENTRY, values![bulk, place, became.as_ref().ok().copied(), refused]).await.map(drop)
    }

    /// Writes down that all of its objects were asked.
    pub async fn end_bulk(&mut self, bulk: i64, now: i64) -> Result<(), StoreFault> {
        self.execute(&END_BULK, values![bulk, now]).await.map(drop)
    }
}

impl Parts for BulkList {
    type Item = BulkRecord;
    const LIST: &'static str = "bulk runs";
    const COLUMNS: &'static str = "bulk.id, bulk.operation, bulk.parameters, bulk.chosen, bulk.actor, bulk.asker,
        bulk.door, bulk.may, bulk.started, bulk.asked";

    fn from(&self, _: usize, query: &mut Query) {
        query.push(" FROM bulk WHERE TRUE");
    }

    fn order(&self) -> Order {
        Order { name: "newest", key: None, id: "bulk.id", direction: Direction::Down }
    }

    fn page(&self) -> &Page {
        &self.page
    }

    fn item(row: &Row) -> Result<BulkRecord, StoreFault> {
        Ok(BulkRecord {
            id: row.get("id")?,
            operation: row.parse("operation")?,
            parameters: row.json("parameters")?,
            chosen: row.json("chosen")?,
            asker: BulkAsker {
                name: row.get("actor")?,
                id: row.get("asker")?,
                door: row.get("door")?,
                may: row.json("may")?,
            },
            started: row.get("started")?,
            asked: row.maybe("asked")?,
        })
    }
}

impl Parts for BulkEntryList {
    type Item = BulkEntry;
    const LIST: &'static str = "objects of a bulk run";
    const COLUMNS: &'static str =
        "bulk_entry.place, bulk_entry.name, bulk_entry.task, bulk_entry.refused, task.state, attempt.fault";

    fn from(&self, _: usize, query: &mut Query) {
        query.push(
            " FROM bulk_entry LEFT JOIN task ON task.id = bulk_entry.task
              LEFT JOIN attempt ON attempt.task = task.id AND attempt.number = task.attempts
              WHERE bulk_entry.bulk = ",
        );
        query.bind(self.bulk);
        let of_task = |state: &EntryState| match state {
            EntryState::Task(state) => Some(*state),
            EntryState::Open | EntryState::Refused => None,
        };
        let states: Vec<TaskState> = self.state.iter().filter_map(of_task).collect();
        if self.state.is_empty() {
            return;
        }
        query.push(" AND (FALSE");
        if self.state.contains(&EntryState::Open) {
            query.push(" OR bulk_entry.task IS NULL AND bulk_entry.refused IS NULL");
        }
        if self.state.contains(&EntryState::Refused) {
            query.push(" OR bulk_entry.refused IS NOT NULL");
        }
        if !states.is_empty() {
            query.push(" OR task.state IN ").bind_all(states);
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
        Ok(BulkEntry {
            place: row.get("place")?,
            name: row.get("name")?,
            task: task.map(NodeId),
            state: row.maybe_parse("state")?,
            refused: row.maybe_json("refused")?,
            fault: row.maybe_json("fault")?,
        })
    }
}
