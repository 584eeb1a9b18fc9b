//! Asks the objects of bulk runs, one after the other, in the name of whoever asked for the run: as many as the plan of
//! the run has room for, wave by wave.
//!
//! Each is asked under a key of its own: whatever becomes of this process in the middle, and however many front ends
//! there are, each object is asked once.

use std::time::Duration;

use aegir_domain::{FaultReport, NodeId};
use aegir_store::{Asking, BulkAsker, BulkRecord, OpenEntry, StoreFault, Tx};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::outcome;
use super::waves::{Next, next};
use crate::news::{News, What};
use crate::use_case::operation_named;
use crate::{Actor, Answer, Call, Door, Hosting, Once, Operation, OwnKey, Permissions, Refusal, Sort};

/// How many objects are read in one go.
const BATCH: u32 = 50;
/// How long until it is looked again for runs that nobody told us of.
const TURN: Duration = Duration::from_secs(5);
/// How long until an object is asked again that could not be asked for trouble of our own.
const PAUSE: Duration = Duration::from_secs(2);
/// How often that is tried before it counts as refused.
const TRIES: u32 = 5;

/// Asks the objects of bulk runs until `stop` says so.
pub async fn ask_bulk_runs(hosting: Hosting, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        tokio::select! {
            _ = stop.changed() => break,
            asked = hosting.ask_open_bulk_runs() => {
                if let Err(fault) = asked {
                    tracing::warn!(fault = %fault, "bulk runs wait");
                }
            }
        }
        tokio::select! {
            _ = stop.changed() => (),
            () = hosting.0.bulk.notified() => (),
            () = tokio::time::sleep(TURN) => (),
        }
    }
}

impl Hosting {
    /// Asks the objects of all bulk runs that are to be asked now, and tells how many those were.
    pub async fn ask_open_bulk_runs(&self) -> Result<u64, StoreFault> {
        let mut asked = 0;
        loop {
            // By turns: a run of thousands keeps no other waiting.
            let mut in_turn = 0;
            for bulk in self.store().read(async |read| read.open_bulks().await).await? {
                in_turn += self.go_on_with(bulk).await?;
            }
            if in_turn == 0 {
                return Ok(asked);
            }
            asked += in_turn;
        }
    }

    /// Asks as many objects of a run as there is room for now, and no more than are read in one go.
    async fn go_on_with(&self, bulk: i64) -> Result<u64, StoreFault> {
        let found = self.store().snapshot(async |read| {
            let Some(run) = read.bulk(bulk).await?.filter(|run| run.asked.is_none() && run.halt.is_none()) else {
                return Ok(None);
            };
            let next = next(&run, &read.count_waves(bulk).await?);
            let open = match next {
                Next::Ask { wave, asking, room } => {
                    let limit = u32::try_from(room).unwrap_or(BATCH).min(BATCH);
                    match (asking, run.plan.rehearse) {
                        (Asking::Earnest, true) => read.rehearsed_bulk_entries(bulk, wave, limit).await?,
                        _ => read.open_bulk_entries(bulk, wave, limit).await?,
                    }
                }
                _ => Vec::new(),
            };
            Ok::<_, StoreFault>(Some((run, next, open)))
        });
        let Some((run, next, open)) = found.await? else { return Ok(0) };
        let now = self.now();
        match next {
            Next::Ask { asking, .. } if !open.is_empty() => return self.ask_objects(&run, asking, open).await,
            Next::Ask { .. } | Next::Wait => (),
            Next::Pause(why) => self.store().write(async |tx| paused(tx, &run, &why, now).await).await?,
            Next::Done => self.store().write(async |tx| tx.end_bulk(bulk, now).await).await?,
        }
        Ok(0)
    }

    async fn ask_objects(&self, bulk: &BulkRecord, asking: Asking, open: Vec<OpenEntry>) -> Result<u64, StoreFault> {
        let actor = actor_of(&bulk.asker);
        let mut asked = 0;
        for entry in open {
            // Somebody may have paused it since: what was not asked by then is not.
            let halted = self
                .store()
                .read(async |read| Ok::<_, StoreFault>(read.bulk(bulk.id).await?.is_none_or(|run| run.halt.is_some())));
            if halted.await? {
                break;
            }
            let became = self.ask_object(bulk, &actor, asking, &entry).await;
            let now = self.now();
            self.store().write(async |tx| recorded(tx, bulk.id, entry.place, asking, &became, now).await).await?;
            asked += 1;
        }
        Ok(asked)
    }

    /// Asks one object: its task, or why it has none.
    async fn ask_object(
        &self,
        bulk: &BulkRecord,
        actor: &Actor,
        asking: Asking,
        entry: &OpenEntry,
    ) -> Result<NodeId, FaultReport> {
        let Some(operation) = operation_named(bulk.operation.as_str()) else {
            return Err(told(format!("this version has no operation `{}`", bulk.operation)));
        };
        let key = match asking {
            Asking::Earnest => format!("bulk {} {}", bulk.id, entry.place),
            Asking::Rehearsal => format!("bulk {} {} rehearsal", bulk.id, entry.place),
        };
        let own = OwnKey { key, print: Vec::new(), kept };
        let mut tries = 0;
        loop {
            let call = Call { parameters: given(bulk, asking, entry), ..Call::of(operation).about(entry.name.clone()) };
            match self.perform_once(actor, call, &own).await {
                Ok(Once::Done(Answer::Queued(queued))) => return Ok(NodeId(queued.task)),
                Ok(Once::Done(_)) => return Err(told("it was done at once, without a task".into())),
                Ok(Once::Answered(_, kept)) => return read_kept(&kept),
                // Another front end is at it: what it finds is read then.
                Ok(Once::Underway) => (),
                Ok(Once::Other) => return Err(told("another request bore its key".into())),
                Err(refusal) if refusal.sort() == Sort::Trouble && tries < TRIES => tries += 1,
                Err(refusal) => return Err(refusal.report()),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What is given with the call for an object: the same for all, and what is this one's alone.
fn given(bulk: &BulkRecord, asking: Asking, entry: &OpenEntry) -> Map<String, Value> {
    let mut given = bulk.parameters.as_object().cloned().unwrap_or_default();
    given.extend(entry.given.as_ref().and_then(Value::as_object).cloned().unwrap_or_default());
    if asking == Asking::Rehearsal {
        given.insert("rehearse".into(), true.into());
    }
    given
}

/// Writes down what came of asking an object. Who stopped the run since it was asked took out what waited then; this one
/// goes with it.
async fn recorded(
    tx: &mut Tx,
    bulk: i64,
    place: i64,
    asking: Asking,
    became: &Result<NodeId, FaultReport>,
    now: i64,
) -> Result<(), StoreFault> {
    let stopped = tx.record_bulk_entry(bulk, place, asking, became).await?;
    if let (Some(halt), Ok(task)) = (stopped, became) {
        outcome::take_out(tx, *task, halt.by.as_deref().unwrap_or("Ægir"), now).await?;
    }
    Ok(())
}

/// Pauses a run for its failures, and has that told once.
async fn paused(tx: &mut Tx, bulk: &BulkRecord, why: &str, now: i64) -> Result<(), StoreFault> {
    if !tx.pause_bulk(bulk.id, None, Some(why), now).await? {
        return Ok(());
    }
    let remedy = format!(
        "see them with `aegir bulk show {0}`; go on with `aegir bulk resume {0}`, or end it with `aegir bulk stop {0}`",
        bulk.id
    );
    let news = News {
        what: What::Paused,
        task: None,
        operation: bulk.operation.to_string(),
        object: format!("bulk run {}", bulk.id),
        server: String::new(),
        asked_by: bulk.asker.name.clone(),
        at: now,
        fault: Some(FaultReport { message: why.to_owned(), because: Vec::new(), remedy: Some(remedy) }),
        undone: Vec::new(),
        left: Vec::new(),
    };
    outcome::post(tx, &news, now).await
}

fn told(message: String) -> FaultReport {
    FaultReport { message, because: Vec::new(), remedy: None }
}

/// Who asked for the run, as they were then.
fn actor_of(asker: &BulkAsker) -> Actor {
    let door = Door::ALL.into_iter().find(|door| door.as_str() == asker.door);
    let may: Permissions = asker.may.iter().filter_map(|permission| permission.parse().ok()).collect();
    // A door that this version does not know is the narrowest: what they may is said beside it.
    Actor { name: asker.name.clone(), id: asker.id.clone(), door: door.unwrap_or(Door::Token), may }
}

/// What is kept of an answer: the number of the task, or why there is none. A trouble is over some day.
fn kept(_: &Operation, answer: Result<&Answer, &Refusal>) -> Option<crate::KeptAnswer> {
    match answer {
        Ok(Answer::Queued(queued)) => Some((202, queued.task.to_string())),
        Ok(_) => None,
        Err(refusal) if refusal.sort() == Sort::Trouble => None,
        Err(refusal) => Some((409, serde_json::to_string(&refusal.report()).unwrap_or_default())),
    }
}

fn read_kept(kept: &str) -> Result<NodeId, FaultReport> {
    match kept.parse() {
        Ok(task) => Ok(NodeId(task)),
        Err(_) => Err(serde_json::from_str(kept).unwrap_or_else(|_| told(kept.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_answer_is_read_again() {
        let operation = crate::OperationId::SiteVerify.declaration();
        let queued = Answer::Queued(crate::Queued { task: 17, object: "@a.test".into(), known: false });
        let unknown = Refusal::Unknown { what: "site", name: "a.test".into() };

        let (_, task) = kept(&operation, Ok(&queued)).unwrap();
        let (_, refused) = kept(&operation, Err(&unknown)).unwrap();

        assert_eq!(read_kept(&task), Ok(NodeId(17)));
        assert_eq!(read_kept(&refused), Err(unknown.report()));
    }

    #[test]
    fn who_asked_may_what_they_might_then_and_no_more() {
        let asker = BulkAsker {
            name: "token ci".into(),
            id: "token 3".into(),
            door: "token".into(),
            may: vec!["view".into(), "operate".into(), "fly".into()],
        };
        let scopes = [crate::Permission::View, crate::Permission::Operate].into_iter().collect();

        assert_eq!(actor_of(&asker), Actor::of_token(3, "ci", scopes));
    }
}
