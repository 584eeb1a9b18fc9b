//! A bulk run is paused, goes on, or is ended before its time.
//!
//! What was asked goes to its end in any case: a task is taken back by cancelling it, one at a time or by whoever began
//! the run.

use aegir_store::{BulkRecord, Tx};

use super::bulk::{bulk_numbered, bulk_shown};
use super::{Asked, operation_named, shown};
use crate::{Answer, Hosting, OperationId, Permission, Refusal};

impl Hosting {
    pub(super) async fn pause_bulk(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let now = self.now();
        self.halt(asked, async |tx, run| match tx.pause_bulk(run.id, Some(&asked.actor.name), None, now).await? {
            true => Ok(()),
            false => Err(paused_already(run)),
        })
        .await
    }

    pub(super) async fn resume_bulk(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let answer = self
            .halt(asked, async |tx, run| {
                let waves = tx.count_waves(run.id).await?;
                // What failed so far was seen by whoever resumes it, and so was what became of the waves.
                let (forgiven, passed) = (crate::dispatch::failures(&waves), crate::dispatch::last_over(&waves));
                match tx.resume_bulk(run.id, forgiven, passed).await? {
                    true => Ok(()),
                    false => Err(Refusal::Conflict {
                        what: format!("the bulk run {} is not paused", run.id),
                        remedy: Some(format!("see how it stands with `aegir bulk show {}`", run.id)),
                    }),
                }
            })
            .await?;
        self.0.bulk.notify_one();
        Ok(answer)
    }

    pub(super) async fn stop_bulk(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let now = self.now();
        let answer = self
            .halt(asked, async |tx, run| {
                let actor = &asked.actor.name;
                let Some(waiting) = tx.stop_bulk(run.id, actor, now).await? else { return Err(is_over(run)) };
                for task in waiting {
                    crate::dispatch::take_out(tx, task, actor, now).await?;
                }
                Ok(())
            })
            .await?;
        self.wake();
        Ok(answer)
    }

    /// Does `change` to a run that is not at its end, if whoever asks may ask what the run asks.
    async fn halt(
        &self,
        asked: &Asked<'_>,
        change: impl AsyncFnOnce(&mut Tx, &BulkRecord) -> Result<(), Refusal>,
    ) -> Result<Answer, Refusal> {
        self.change(asked, async |tx| {
            let id = bulk_numbered(tx, asked.name).await?.id;
            tx.lock_bulk(id).await?;
            let run = bulk_numbered(tx, asked.name).await?;
            let operation = operation_named(run.operation.as_str()).map(OperationId::declaration);
            asked.actor.must(operation.map_or(Permission::Manage, |operation| operation.needs))?;
            if run.asked.is_some() {
                return Err(is_over(&run));
            }
            if !asked.dry_run {
                change(tx, &run).await?;
            }
            let run = bulk_numbered(tx, asked.name).await?;
            Ok(Answer::Object(shown::json(&bulk_shown(tx, &run).await?)))
        })
        .await
    }
}

fn paused_already(run: &BulkRecord) -> Refusal {
    Refusal::Conflict {
        what: format!("the bulk run {} is paused already", run.id),
        remedy: Some(format!("go on with `aegir bulk resume {0}`, or end it with `aegir bulk stop {0}`", run.id)),
    }
}

fn is_over(run: &BulkRecord) -> Refusal {
    let what = match &run.halt {
        Some(halt) if halt.stopped => format!("the bulk run {} was stopped", run.id),
        _ => format!("all objects of the bulk run {} were asked", run.id),
    };
    let remedy =
        format!("see how it stands with `aegir bulk show {0}`; `aegir bulk retry {0}` asks what failed", run.id);
    Refusal::Conflict { what, remedy: Some(remedy) }
}
