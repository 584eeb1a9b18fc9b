//! Bulk runs: one operation asked of many objects, each by a task of its own.
//!
//! All objects are written down before the first is asked, and each as soon as it was: whoever dies in between leaves a
//! list of what is still to be asked. So does whoever pauses a run that is asked in waves: nothing of how far it came is
//! anywhere but here.

use std::collections::BTreeMap;

use aegir_domain::{FaultReport, NodeId, OperationName, TaskState};
use serde_json::Value;

use crate::StoreFault;
use crate::bulk_entry::{EntryState, wave_of};
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
    /// How it is asked.
    pub plan: BulkPlan,
    /// Its objects, in the order in which they are asked; a wave's stand together.
    pub entries: Vec<NewBulkEntry>,
}

/// How the objects of a bulk run are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkPlan {
    /// How many tasks of it there are at once, at the most; `None`: it is asked at once, and the queue decides.
    pub at_once: Option<u32>,
    /// After how many failures it is paused.
    pub stop_after: Option<u32>,
    /// Whether each wave is tried out before it is done.
    pub rehearse: bool,
}

/// An object of a bulk run that does not exist yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewBulkEntry {
    /// Its name.
    pub name: String,
    /// Its wave, from 1 on.
    pub wave: u32,
    /// What is given for it alone.
    pub given: Option<Value>,
    /// Why it is not asked: that was known before.
    pub refused: Option<FaultReport>,
}

impl NewBulkEntry {
    /// An object of the first wave.
    pub fn of(name: impl Into<String>) -> NewBulkEntry {
        NewBulkEntry { name: name.into(), wave: 1, given: None, refused: None }
    }
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
    /// When the last of its objects was asked, or it was stopped; `None`: there are some left.
    pub asked: Option<i64>,
    /// How it is asked.
    pub plan: BulkPlan,
    /// That nothing more of it is asked.
    pub halt: Option<BulkHalt>,
    /// With how many failures somebody had it go on.
    pub forgiven: u64,
    /// The last wave behind which somebody had it go on; 0: none.
    pub passed: u32,
}

/// That nothing more of a bulk run is asked, for now or for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkHalt {
    /// For good.
    pub stopped: bool,
    /// Since when.
    pub at: i64,
    /// By whom; `None`: it paused by itself.
    pub by: Option<String>,
    /// Why, if it paused by itself.
    pub why: Option<String>,
}

/// Which of the two times an object is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// To try it out.
    Rehearsal,
    /// In earnest.
    Earnest,
}

/// An object that is to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenEntry {
    /// Its place.
    pub place: i64,
    /// Its name.
    pub name: String,
    /// What is given for it alone.
    pub given: Option<Value>,
}

/// How many objects of a bulk run stand how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkCounts {
    /// In all.
    pub all: u64,
    /// Not asked yet.
    pub open: u64,
    /// Being tried out.
    pub rehearsing: u64,
    /// Tried out, and not asked in earnest yet.
    pub rehearsed: u64,
    /// Refused: no task was queued.
    pub refused: u64,
    /// Asked long ago; their tasks were let go of.
    pub gone: u64,
    /// By the state of their tasks; of one that did not pass its rehearsal, by how that ended.
    pub states: BTreeMap<TaskState, u64>,
}

impl BulkCounts {
    /// Those of several waves together.
    pub fn sum<'a>(waves: impl IntoIterator<Item = &'a BulkCounts>) -> BulkCounts {
        let mut all = BulkCounts::default();
        for counts in waves {
            all.all += counts.all;
            all.open += counts.open;
            all.rehearsing += counts.rehearsing;
            all.rehearsed += counts.rehearsed;
            all.refused += counts.refused;
            all.gone += counts.gone;
            for (state, count) in &counts.states {
                *all.states.entry(*state).or_default() += count;
            }
        }
        all
    }

    /// Those that are still to be asked, in earnest at least.
    pub fn left(&self) -> u64 {
        self.open + self.rehearsing + self.rehearsed
    }

    /// The tasks that have not ended, rehearsals among them.
    pub fn outstanding(&self) -> u64 {
        let unended = self.states.iter().filter(|(state, _)| !state.is_ended());
        self.rehearsing + unended.map(|(_, count)| count).sum::<u64>()
    }

    /// Those whose tasks did what they were asked for.
    pub fn succeeded(&self) -> u64 {
        [TaskState::Succeeded, TaskState::Untidy].iter().filter_map(|state| self.states.get(state)).sum()
    }

    fn add(&mut self, state: Option<EntryState>, count: u64) {
        self.all += count;
        let place = match state {
            Some(EntryState::Open) => &mut self.open,
            Some(EntryState::Refused) => &mut self.refused,
            Some(EntryState::Rehearsing) => &mut self.rehearsing,
            Some(EntryState::Rehearsed) => &mut self.rehearsed,
            Some(EntryState::Task(state)) => self.states.entry(state).or_default(),
            None => &mut self.gone,
        };
        *place += count;
    }
}

/// How long the tasks of a bulk run took that did what they were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// How many there are.
    pub tasks: u64,
    /// How long all of them took together, in milliseconds.
    pub ms: u64,
}

impl Took {
    /// How long one takes, in milliseconds; `None`: nobody knows.
    pub fn each(self) -> Option<u64> {
        (self.tasks > 0).then(|| self.ms / self.tasks)
    }

    fn of(row: &Row) -> Result<Took, StoreFault> {
        Ok(Took { tasks: row.count("tasks")?, ms: row.count("ms")? })
    }
}

/// Bulk runs, the newest first.
#[derive(Clone, Debug, Default)]
pub struct BulkList {
    /// Which part.
    pub page: Page,
}

statements! {
    ADD_BULK =
        "INSERT INTO bulk (operation, parameters, chosen, actor, asker, door, may, started, at_once, stop_after, rehearse,
                           forgiven)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         RETURNING id";
    FIND_BULK =
        "SELECT id, operation, parameters, chosen, actor, asker, door, may, started, asked, at_once, stop_after, rehearse,
                halted, halted_by, halted_why, stopped, forgiven, passed
           FROM bulk
          WHERE id = $1";
    LOCK_BULK = "SELECT id FROM bulk WHERE id = $1" | "SELECT id FROM bulk WHERE id = $1 FOR UPDATE";
    OPEN_BULKS = "SELECT id FROM bulk WHERE asked IS NULL AND halted IS NULL ORDER BY id";
    OPEN_ENTRIES =
        "SELECT place, name, given
           FROM bulk_entry
          WHERE bulk = $1 AND wave = $2 AND task IS NULL AND refused IS NULL AND rehearsal IS NULL
          ORDER BY place
          LIMIT $3";
    REHEARSED_ENTRIES =
        "SELECT bulk_entry.place, bulk_entry.name, bulk_entry.given
           FROM bulk_entry JOIN task ON task.id = bulk_entry.rehearsal
          WHERE bulk_entry.bulk = $1 AND bulk_entry.wave = $2 AND bulk_entry.task IS NULL
            AND bulk_entry.refused IS NULL AND task.state IN ('succeeded', 'untidy')
          ORDER BY bulk_entry.place
          LIMIT $3";
    RECORD_ENTRY = "UPDATE bulk_entry SET task = $3, refused = $4 WHERE bulk = $1 AND place = $2";
    RECORD_REHEARSAL = "UPDATE bulk_entry SET rehearsal = $3, refused = $4 WHERE bulk = $1 AND place = $2";
    END_BULK = "UPDATE bulk SET asked = $2 WHERE id = $1 AND asked IS NULL";
    PAUSE_BULK =
        "UPDATE bulk SET halted = $2, halted_by = $3, halted_why = $4
          WHERE id = $1 AND asked IS NULL AND halted IS NULL";
    RESUME_BULK =
        "UPDATE bulk SET halted = NULL, halted_by = NULL, halted_why = NULL, forgiven = $2, passed = $3
          WHERE id = $1 AND asked IS NULL AND halted IS NOT NULL";
    STOP_BULK =
        "UPDATE bulk SET halted = $2, halted_by = $3, halted_why = NULL, stopped = TRUE, asked = $2
          WHERE id = $1 AND asked IS NULL";
    WAITING_OF_BULK =
        "SELECT task.id
           FROM bulk_entry JOIN task ON task.id = COALESCE(bulk_entry.task, bulk_entry.rehearsal)
          WHERE bulk_entry.bulk = $1 AND task.state = 'waiting'
          ORDER BY bulk_entry.place";
    COUNT_ENTRIES =
        "SELECT bulk_entry.wave, bulk_entry.task IS NOT NULL AS asked, bulk_entry.refused IS NOT NULL AS refused,
                bulk_entry.rehearsal IS NOT NULL AS rehearsal, task.state, COUNT(*) AS entries
           FROM bulk_entry LEFT JOIN task ON task.id = COALESCE(bulk_entry.task, bulk_entry.rehearsal)
          WHERE bulk_entry.bulk = $1
          GROUP BY bulk_entry.wave, bulk_entry.task IS NOT NULL, bulk_entry.refused IS NOT NULL,
                   bulk_entry.rehearsal IS NOT NULL, task.state";
    TOOK_IN_BULK =
        "SELECT COUNT(*) AS tasks, CAST(COALESCE(SUM(task.ended - task.started), 0) AS BIGINT) AS ms
           FROM bulk_entry JOIN task ON task.id = COALESCE(bulk_entry.task, bulk_entry.rehearsal)
          WHERE bulk_entry.bulk = $1 AND task.state IN ('succeeded', 'untidy') AND task.ended >= task.started";
    TOOK_LATELY =
        "SELECT COUNT(*) AS tasks, CAST(COALESCE(SUM(lately.ended - lately.started), 0) AS BIGINT) AS ms
           FROM (SELECT task.started, task.ended
                   FROM task
                  WHERE task.operation = $1 AND task.state = 'succeeded' AND task.ended >= task.started
                  ORDER BY task.id DESC
                  LIMIT $2) AS lately";
}

impl Read {
    /// A bulk run.
    pub async fn bulk(&mut self, id: i64) -> Result<Option<BulkRecord>, StoreFault> {
        self.row(&FIND_BULK, values![id]).await?.as_ref().map(BulkList::item).transpose()
    }

    /// The bulk runs of which there is something left to ask, and that nobody paused; the oldest first.
    pub async fn open_bulks(&mut self) -> Result<Vec<i64>, StoreFault> {
        self.rows(&OPEN_BULKS, Vec::new()).await?.iter().map(|row| row.get("id")).collect()
    }

    /// The next objects of a wave that are to be asked: to try them out, or in earnest those that were not tried out.
    pub async fn open_bulk_entries(&mut self, bulk: i64, wave: u32, limit: u32) -> Result<Vec<OpenEntry>, StoreFault> {
        self.rows(&OPEN_ENTRIES, values![bulk, wave, limit]).await?.iter().map(OpenEntry::of).collect()
    }

    /// The next objects of a wave that passed their rehearsal, and are to be asked in earnest.
    pub async fn rehearsed_bulk_entries(
        &mut self,
        bulk: i64,
        wave: u32,
        limit: u32,
    ) -> Result<Vec<OpenEntry>, StoreFault> {
        self.rows(&REHEARSED_ENTRIES, values![bulk, wave, limit]).await?.iter().map(OpenEntry::of).collect()
    }

    /// How many of its objects stand how.
    pub async fn count_bulk(&mut self, bulk: i64) -> Result<BulkCounts, StoreFault> {
        Ok(BulkCounts::sum(self.count_waves(bulk).await?.values()))
    }

    /// The same for each of its waves.
    pub async fn count_waves(&mut self, bulk: i64) -> Result<BTreeMap<u32, BulkCounts>, StoreFault> {
        let mut waves: BTreeMap<u32, BulkCounts> = BTreeMap::new();
        for row in self.rows(&COUNT_ENTRIES, values![bulk]).await? {
            let state = row.maybe_parse::<TaskState>("state")?;
            let (asked, refused, rehearsal): (bool, bool, bool) =
                (row.get("asked")?, row.get("refused")?, row.get("rehearsal")?);
            let stands = match (asked, refused, rehearsal) {
                (true, _, _) => state.map(EntryState::Task),
                (false, true, _) => Some(EntryState::Refused),
                (false, false, true) => state.map(EntryState::of_rehearsal),
                (false, false, false) => Some(EntryState::Open),
            };
            waves.entry(wave_of(&row)?).or_default().add(stands, row.count("entries")?);
        }
        Ok(waves)
    }

    /// How long its tasks took that did what they were asked for.
    pub async fn took_in_bulk(&mut self, bulk: i64) -> Result<Took, StoreFault> {
        self.row(&TOOK_IN_BULK, values![bulk]).await?.as_ref().map_or(Ok(Took::default()), Took::of)
    }

    /// How long the last tasks of an operation took that succeeded, `limit` at the most.
    pub async fn took_lately(&mut self, operation: &OperationName, limit: u32) -> Result<Took, StoreFault> {
        let row = self.row(&TOOK_LATELY, values![operation, limit]).await?;
        row.as_ref().map_or(Ok(Took::default()), Took::of)
    }
}

impl Tx {
    /// Writes a bulk run down, with all of its objects. Those that are refused already are forgiven.
    pub async fn add_bulk(&mut self, new: &NewBulk, now: i64) -> Result<i64, StoreFault> {
        let BulkAsker { name, id, door, may } = &new.asker;
        let BulkPlan { at_once, stop_after, rehearse } = new.plan;
        let forgiven = new.entries.iter().filter(|entry| entry.refused.is_some()).count();
        let values = values![
            &new.operation,
            json(&new.parameters)?,
            json(&new.chosen)?,
            name,
            id,
            door,
            json(may)?,
            now,
            at_once,
            stop_after,
            rehearse,
            forgiven,
        ];
        let bulk: i64 = self.row(&ADD_BULK, values).await?.map_or(Ok(0), |row| row.get("id"))?;
        for (part, entries) in new.entries.chunks(ROWS_AT_ONCE).enumerate() {
            let mut query = Query::new("INSERT INTO bulk_entry (bulk, place, name, wave, given, refused) VALUES ");
            for (place, entry) in entries.iter().enumerate() {
                let place = i64::try_from(part * ROWS_AT_ONCE + place + 1).unwrap_or(i64::MAX);
                query.push(if query.values.is_empty() { "(" } else { ", (" }).bind(bulk).push(", ");
                query.bind(place).push(", ").bind(&entry.name).push(", ").bind(entry.wave).push(", ");
                query.bind(entry.given.as_ref().map(json).transpose()?).push(", ");
                query.bind(entry.refused.as_ref().map(json).transpose()?).push(")");
            }
            self.ask("add objects of a bulk run", query).await?;
        }
        Ok(bulk)
    }

    /// Waits until nobody else changes this bulk run.
    pub async fn lock_bulk(&mut self, bulk: i64) -> Result<(), StoreFault> {
        self.row(&LOCK_BULK, values![bulk]).await.map(drop)
    }

    /// Writes down what came of asking one of the objects; who stopped the run meanwhile, if somebody did. Whatever was
    /// queued then is still to be taken out: who stopped it could not know of it.
    pub async fn record_bulk_entry(
        &mut self,
        bulk: i64,
        place: i64,
        asking: Asking,
        became: &Result<NodeId, FaultReport>,
    ) -> Result<Option<BulkHalt>, StoreFault> {
        self.lock_bulk(bulk).await?;
        let refused = became.as_ref().err().map(json).transpose()?;
        let record = match asking {
            Asking::Rehearsal => &RECORD_REHEARSAL,
            Asking::Earnest => &RECORD_ENTRY,
        };
        self.execute(record, values![bulk, place, became.as_ref().ok().copied(), refused]).await?;
        Ok(self.bulk(bulk).await?.and_then(|run| run.halt).filter(|halt| halt.stopped))
    }

    /// Writes down that all of its objects were asked.
    pub async fn end_bulk(&mut self, bulk: i64, now: i64) -> Result<(), StoreFault> {
        self.execute(&END_BULK, values![bulk, now]).await.map(drop)
    }

    /// Asks nothing more of it for now; no, if it was halted, or all was asked. `by` is who says so; `None`: it does
    /// by itself, for the reason `why`.
    pub async fn pause_bulk(
        &mut self,
        bulk: i64,
        by: Option<&str>,
        why: Option<&str>,
        now: i64,
    ) -> Result<bool, StoreFault> {
        Ok(self.execute(&PAUSE_BULK, values![bulk, now, by, why]).await? > 0)
    }

    /// Goes on with it, though so many have failed and whatever became of the waves up to `passed`; no, if it was not
    /// paused.
    pub async fn resume_bulk(&mut self, bulk: i64, forgiven: u64, passed: u32) -> Result<bool, StoreFault> {
        Ok(self.execute(&RESUME_BULK, values![bulk, forgiven, passed]).await? > 0)
    }

    /// Asks nothing more of it for good, and tells which of its tasks wait; `None`, if all was asked already.
    pub async fn stop_bulk(&mut self, bulk: i64, by: &str, now: i64) -> Result<Option<Vec<NodeId>>, StoreFault> {
        if self.execute(&STOP_BULK, values![bulk, now, by]).await? == 0 {
            return Ok(None);
        }
        let waiting = self.rows(&WAITING_OF_BULK, values![bulk]).await?;
        waiting.iter().map(|row| row.get("id")).collect::<Result<_, _>>().map(Some)
    }
}

impl OpenEntry {
    fn of(row: &Row) -> Result<OpenEntry, StoreFault> {
        Ok(OpenEntry { place: row.get("place")?, name: row.get("name")?, given: row.maybe_json("given")? })
    }
}

fn number_of(row: &Row, column: &'static str) -> Result<Option<u32>, StoreFault> {
    let number: Option<i64> = row.maybe(column)?;
    number.map(|number| u32::try_from(number).map_err(|bad| StoreFault::unreadable(column, bad))).transpose()
}

impl Parts for BulkList {
    type Item = BulkRecord;
    const LIST: &'static str = "bulk runs";
    const COLUMNS: &'static str = "bulk.id, bulk.operation, bulk.parameters, bulk.chosen, bulk.actor, bulk.asker,
        bulk.door, bulk.may, bulk.started, bulk.asked, bulk.at_once, bulk.stop_after, bulk.rehearse, bulk.halted,
        bulk.halted_by, bulk.halted_why, bulk.stopped, bulk.forgiven, bulk.passed";

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
        let halt = |at: i64| {
            Ok::<_, StoreFault>(BulkHalt {
                stopped: row.get("stopped")?,
                at,
                by: row.maybe("halted_by")?,
                why: row.maybe("halted_why")?,
            })
        };
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
            plan: BulkPlan {
                at_once: number_of(row, "at_once")?,
                stop_after: number_of(row, "stop_after")?,
                rehearse: row.get("rehearse")?,
            },
            halt: row.maybe("halted")?.map(halt).transpose()?,
            forgiven: row.count("forgiven")?,
            passed: number_of(row, "passed")?.unwrap_or_default(),
        })
    }
}
