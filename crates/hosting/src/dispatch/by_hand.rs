//! Attempts on a machine that nobody here began, or that were gone on with there after they had ended here.
//!
//! Those made since the last look are asked for, and all that have not ended. How far the last look came is
//! remembered by the clock of that machine, which says of each attempt when it was asked for.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::PoisonError;

use aegir_domain::protocol::{FoundAttempt, FoundState};
use aegir_domain::{AttemptId, ContextName, NodeId, Priority, TaskState};
use aegir_store::{AttemptRecord, NewTask, Page, Read, StoreFault, TaskList};
use serde_json::json;

use super::dispatcher::follow_to_its_end;
use super::home::is_kept_in;
use super::recorder::{Begin, Recorder};
use super::renamed::Renamed;
use super::takeover::{BY_HAND, Look, Seen, TakeOverFault, in_time};
use crate::use_case::{known_locks, parameters};
use crate::{OperationId, Setting, Sought};

/// How many attempts are asked for at once.
const AT_ONCE: usize = 2000;
/// How many are recorded in one look: the newest.
const AT_MOST: usize = 50_000;
/// How many that are stuck or untidy are asked after: the newest.
const UNSETTLED: u32 = 50;
/// How many that could not be recorded yet are asked after.
const AT_MOST_WAITING: usize = 50;
/// How long before the last look is looked again: a clock may be set back a little.
const MARGIN: u64 = 5 * 60 * 1000;
const DAY: i64 = 24 * 60 * 60 * 1000;
/// Marks the task of an attempt that was begun elsewhere.
const FOUND: &str = "found";

/// What becomes of an attempt that nobody here began.
enum Taken {
    /// It has this task now.
    Task(NodeId),
    /// It cannot be recorded just now: something of ours runs on its object.
    Later,
    /// It is none of ours.
    Never,
}

/// Whether somebody else began this attempt: the first of a task that was found. What is asked for again is ours.
pub(super) fn was_found(parameters: &serde_json::Value, attempt: &AttemptRecord) -> bool {
    attempt.number == 1 && was_asked_elsewhere(parameters)
}

/// Whether what is asked by a task was said on a machine, and by nobody here; also where it is asked for again.
pub(super) fn was_asked_elsewhere(parameters: &serde_json::Value) -> bool {
    parameters[FOUND] == json!(true)
}

impl Look {
    /// Records the attempts that are not known, and hears again those that ended otherwise than is known.
    pub(super) async fn take_attempts(&self, asked: i64, renamed: &Renamed) -> Result<(), TakeOverFault> {
        let store = self.hosting.store();
        let days = store.read(async |read| crate::use_case::number(read, Setting::KeepTasksDays).await).await?;
        // What is older was let go of here, or would be.
        let kept_since = u64::try_from(asked - i64::from(days) * DAY).unwrap_or_default();
        let seen = self.seen().await?;
        let since = seen.until.map_or(kept_since, |until| until.saturating_sub(MARGIN).max(kept_since));
        let (news, newest) = self.news_since(since, kept_since, &seen.waiting).await?;
        let kept_here = self.kept_here(&news, renamed).await?;
        let mut until = newest.min(u64::try_from(asked).unwrap_or_default());
        let mut waiting = BTreeSet::new();
        // The oldest first: a later one has the last word.
        for (found, known) in news.into_iter().rev() {
            let is_done = match known {
                Some(known) if found.state.has_ended() => self.hear_again(&known).await,
                // It came there after all.
                Some(known) => self.call_back(known.id).await,
                // Of what is not known here, a task that goes on may yet make what is.
                None if !found.object.as_ref().is_some_and(|name| kept_here.contains(name)) => found.state.has_ended(),
                None => self.take_found(&found, renamed).await?,
            };
            match is_done {
                true => (),
                false if waiting.len() < AT_MOST_WAITING => drop(waiting.insert(found.attempt)),
                // Too many to be asked after one by one.
                false => until = until.min(found.asked_at),
            }
        }
        if newest > 0 && (seen.until != Some(until) || seen.waiting != waiting) {
            let now = self.hosting.now();
            // As it is now: what else was seen is remembered in the same place.
            let seen = Seen { until: Some(until), waiting, ..self.seen().await? };
            store.write(async |tx| self.remember(tx, &seen, now).await).await?;
        }
        Ok(())
    }

    /// The objects of these attempts that are kept in the home which was looked at.
    async fn kept_here(
        &self,
        news: &[(FoundAttempt, Option<AttemptRecord>)],
        renamed: &Renamed,
    ) -> Result<HashSet<ContextName>, StoreFault> {
        let names: HashSet<&ContextName> = news.iter().filter_map(|(found, _)| found.object.as_ref()).collect();
        let read = self.hosting.store().read(async |read| {
            let mut kept_here = HashSet::new();
            for name in names {
                if let Some(node) = read.node_named(renamed.get(name).unwrap_or(name)).await?
                    && is_kept_in(read, &self.place.transport, &node).await?
                {
                    kept_here.insert(name.clone());
                }
            }
            Ok(kept_here)
        });
        read.await
    }

    /// What is not as it is known, the newest first, and when the newest attempt of all was asked for.
    async fn news_since(
        &self,
        since: u64,
        kept_since: u64,
        waiting: &BTreeSet<AttemptId>,
    ) -> Result<(Vec<(FoundAttempt, Option<AttemptRecord>)>, u64), TakeOverFault> {
        let store = self.hosting.store();
        let mut also = store.read(async |read| unsettled(read, self.server).await).await?;
        also.extend(waiting);
        let mut sought = Sought { since, also, before: None, limit: AT_ONCE };
        let (mut news, mut newest) = (Vec::new(), 0);
        loop {
            let page = in_time(self.pace, &self.place, self.hosting.0.back_ends.attempts(&self.place, &sought)).await?;
            let last = page.last().map(|found| found.attempt);
            let goes_on = page.len() >= AT_ONCE && last.is_some() && (sought.before.is_none() || last < sought.before);
            newest = page.iter().map(|found| found.asked_at).fold(newest, u64::max);
            let ids: Vec<AttemptId> = page.iter().map(|found| found.attempt).collect();
            let known = store.read(async |read| read.attempts_among(&ids).await).await?;
            let mut known: HashMap<_, _> = known.into_iter().map(|known| (known.id, known)).collect();
            for found in page {
                match known.remove(&found.attempt) {
                    None if found.state.has_ended() && found.asked_at < kept_since => (),
                    Some(known) if !ended_otherwise(&known, &found) => (),
                    known => news.push((found, known)),
                }
            }
            if !goes_on || news.len() >= AT_MOST {
                return Ok((news, newest));
            }
            sought.before = last;
        }
    }

    /// Records an attempt that nobody here began; no, if that cannot be done yet.
    async fn take_found(&self, found: &FoundAttempt, renamed: &Renamed) -> Result<bool, StoreFault> {
        let task = match self.record(found, renamed).await? {
            Taken::Task(task) => task,
            Taken::Later => return Ok(false),
            Taken::Never => return Ok(true),
        };
        if !found.state.has_ended() {
            // It may take long; the next turn follows it like any other.
            self.hosting.wake();
            return Ok(true);
        }
        if self.followed.lock().unwrap_or_else(PoisonError::into_inner).insert(found.attempt) {
            let recorder = self.recorder(found.attempt, task);
            // One after the other: each is read at once.
            follow_to_its_end(recorder, Begin::Attach { from: 1 }, &self.followed).await;
        }
        Ok(true)
    }

    /// Hears what an attempt came to after all, which had ended here; no, if that could not be heard.
    async fn hear_again(&self, known: &AttemptRecord) -> bool {
        let recorder = self.recorder(known.id, known.task);
        tokio::time::timeout(self.pace.first_word, recorder.hear_again(known.next_line)).await.unwrap_or(false)
    }

    /// Asks an attempt to stop that nobody wants any more, and is not done with it before that is heard to have ended.
    async fn call_back(&self, attempt: AttemptId) -> bool {
        let asked = self.hosting.0.back_ends.cancel(&self.place, attempt);
        if let Err(fault) = in_time(self.pace, &self.place, asked).await {
            tracing::warn!(%attempt, fault = %fault, "it could not be called back");
        }
        false
    }

    fn recorder(&self, attempt: AttemptId, task: NodeId) -> Recorder {
        Recorder {
            hosting: self.hosting.clone(),
            attempt,
            task,
            place: self.place.clone(),
            fence: self.fence.clone(),
            pace: self.pace,
        }
    }

    /// Makes a task of an attempt that nobody here began.
    async fn record(&self, found: &FoundAttempt, renamed: &Renamed) -> Result<Taken, StoreFault> {
        let Some(request) = &found.task else { return Ok(Taken::Never) };
        let Some(operation) = OperationId::of_request(request) else { return Ok(Taken::Never) };
        let declared = operation.declaration();
        let Ok(slug) = declared.slug().parse() else { return Ok(Taken::Never) };
        let name = request.object();
        let now = self.hosting.now();
        let mut parameters = parameters(&json!({}), request);
        parameters[FOUND] = json!(true);
        let recorded = self
            .hosting
            .store()
            .write(async |tx| {
                tx.check_fence(&self.fence).await?;
                // It may have gone just now.
                let is_called = renamed.get(&name).unwrap_or(&name);
                let Some(node) = tx.node_named(is_called).await? else { return Ok(Taken::Never) };
                let new = NewTask {
                    operation: slug,
                    object: node.id,
                    object_name: name.clone(),
                    title: format!("{} {name}", declared.name()),
                    parameters,
                    priority: Priority::Person,
                    actor: found.asked_by.clone().unwrap_or_else(|| BY_HAND.into()),
                    // Whoever asked in a shell has the answer there.
                    asker: String::new(),
                    parent: None,
                    owner: node.owner.unwrap_or(aegir_store::ADMIN),
                    server: self.server,
                    needs: None,
                    locks: known_locks(request, []),
                };
                let asked_at = i64::try_from(found.asked_at).unwrap_or(now);
                tx.record_foreign_task(&new, found.attempt, asked_at, now).await.map(Taken::Task)
            })
            .await;
        match recorded {
            // Something of ours runs on its object. All of it is taken back, so that no half of it stays.
            Err(StoreFault::Taken { .. }) => Ok(Taken::Later),
            recorded => recorded,
        }
    }
}

/// Whether an attempt that had ended here came to something else there. One that was called back before it came there
/// should not be there at all.
fn ended_otherwise(known: &AttemptRecord, found: &FoundAttempt) -> bool {
    if known.ended.is_none() || known.is_settled() {
        return false;
    }
    match found.state {
        FoundState::Running | FoundState::Interrupted => known.outcome == Some(TaskState::Cancelled),
        FoundState::Succeeded => true,
        FoundState::Refused => known.outcome != Some(TaskState::Refused),
        FoundState::RolledBack => known.outcome != Some(TaskState::RolledBack),
        FoundState::Stuck => known.outcome != Some(TaskState::Stuck),
        FoundState::Untidy => known.outcome != Some(TaskState::Untidy),
    }
}

/// The last attempts of tasks that are stuck or untidy.
async fn unsettled(read: &mut Read, server: NodeId) -> Result<Vec<AttemptId>, StoreFault> {
    let list = TaskList {
        state: vec![TaskState::Stuck, TaskState::Untidy],
        server: Some(server),
        page: Page::first(UNSETTLED),
        ..TaskList::default()
    };
    let mut attempts = Vec::new();
    for task in read.list(&list).await?.rows {
        attempts.extend(read.attempts(task.id).await?.last().map(|attempt| attempt.id));
    }
    Ok(attempts)
}
