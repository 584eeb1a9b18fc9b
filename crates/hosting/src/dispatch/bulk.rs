//! Asks the objects of bulk runs, one after the other, in the name of whoever asked for the run.
//!
//! Each is asked under a key of its own: whatever becomes of this process in the middle, and however many front ends
//! there are, each object is asked once.

use std::time::Duration;

use aegir_domain::{FaultReport, NodeId};
use aegir_store::{BulkAsker, BulkRecord, StoreFault};
use serde_json::{Map, Value};
use tokio::sync::watch;

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
    /// Asks all objects of all bulk runs that were not asked yet.
    pub async fn ask_open_bulk_runs(&self) -> Result<(), StoreFault> {
        while let Some(bulk) = self.store().read(async |read| read.next_open_bulk().await).await? {
            self.ask_objects(&bulk).await?;
            let now = self.now();
            self.store().write(async |tx| tx.end_bulk(bulk.id, now).await).await?;
        }
        Ok(())
    }

    async fn ask_objects(&self, bulk: &BulkRecord) -> Result<(), StoreFault> {
        let actor = actor_of(&bulk.asker);
        loop {
            let open = self.store().read(async |read| read.open_bulk_entries(bulk.id, BATCH).await).await?;
            if open.is_empty() {
                return Ok(());
            }
            for (place, name) in open {
                let became = self.ask_object(bulk, &actor, place, &name).await;
                self.store().write(async |tx| tx.record_bulk_entry(bulk.id, place, &became).await).await?;
            }
        }
    }

    /// Asks one object: its task, or why it has none.
    async fn ask_object(
        &self,
        bulk: &BulkRecord,
        actor: &Actor,
        place: i64,
        name: &str,
    ) -> Result<NodeId, FaultReport> {
        let Some(operation) = operation_named(bulk.operation.as_str()) else {
            return Err(told(format!("this version has no operation `{}`", bulk.operation)));
        };
        let own = OwnKey { key: format!("bulk {} {place}", bulk.id), print: Vec::new(), kept };
        let mut tries = 0;
        loop {
            let call = Call { parameters: given(bulk), ..Call::of(operation).about(name) };
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

fn given(bulk: &BulkRecord) -> Map<String, Value> {
    bulk.parameters.as_object().cloned().unwrap_or_default()
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
