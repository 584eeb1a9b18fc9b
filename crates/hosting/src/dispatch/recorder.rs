//! Follows one attempt, and stores what it says until it has ended.

use std::time::Duration;

use aegir_domain::protocol::{Ending, Line, Request, Said, VERSION};
use aegir_domain::{AttemptId, AttemptState, Fault, FaultReport, NodeId, Outcome, Remedy, Secrets, Task};
use aegir_store::{AttemptRecord, Fence, StoreFault, TaskRecord};
use tokio::time::{Instant, timeout};

use super::Pace;
use super::by_hand::was_found;
use super::outcome;
use crate::use_case::operation_named;
use crate::{Hosting, Lines, Lost, OperationId, Place, Setting};

/// How long lines are gathered before they are stored.
const GATHER: Duration = Duration::from_millis(50);
/// How many are stored at once.
const BATCH: usize = 500;
/// How many bytes of them.
const BATCH_BYTES: usize = 4 << 20;
/// How often we look whether somebody asked the task to stop.
const LOOK: Duration = Duration::from_millis(500);

/// Follows one attempt.
pub(super) struct Recorder {
    pub(super) hosting: Hosting,
    pub(super) attempt: AttemptId,
    pub(super) task: NodeId,
    pub(super) place: Place,
    pub(super) fence: Fence,
    pub(super) pace: Pace,
}

/// How it begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// It was just claimed.
    Start,
    /// It was claimed, and may or may not have reached its back end: it is asked for by the same id.
    StartAgain,
    /// Its back end knows it.
    Attach {
        /// The first line that is not stored.
        from: u64,
    },
}

impl Begin {
    /// How to go on with what is stored of an attempt. One that was begun elsewhere is never asked for by us.
    pub(super) fn of(attempt: &AttemptRecord) -> Begin {
        match attempt.state {
            AttemptState::Starting => Begin::StartAgain,
            _ => Begin::Attach { from: attempt.next_line },
        }
    }
}

/// Why a recorder stops before the end of its attempt.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// Why the end of an attempt was not stored.
enum NotEnded {
    Store(StoreFault),
    /// What follows from it cannot be: it contradicts what else is remembered.
    Follows(StoreFault),
}

impl From<StoreFault> for NotEnded {
    fn from(fault: StoreFault) -> NotEnded {
        NotEnded::Store(fault)
    }
}

impl Recorder {
    /// Follows the attempt to its end, through lost contacts and a store that is away for a while.
    pub(super) async fn run(&self, begin: Begin) {
        let mut begin = begin;
        let mut pause = self.pace.pause;
        let mut lost_since: Option<Instant> = None;
        loop {
            let mut heard = false;
            let followed = self.follow(begin, &mut heard).await;
            if heard {
                (pause, lost_since) = (self.pace.pause, None);
            }
            let told = match followed {
                Ok(()) => return,
                Err(Stop::Store(fault)) => Err(fault),
                Err(Stop::Lost(lost)) if lost.unknown_attempt => self.end_unknown(&lost).await,
                Err(Stop::Lost(lost)) => {
                    tracing::warn!(attempt = %self.attempt, fault = %lost, "no contact");
                    let since = *lost_since.get_or_insert_with(Instant::now);
                    match since.elapsed() >= self.pace.patience || !lost.passing {
                        true => self.tell_lost(&lost).await,
                        false => Ok(()),
                    }
                }
            };
            match told {
                Ok(()) => (),
                Err(StoreFault::Superseded { .. }) => return,
                Err(fault) => {
                    tracing::warn!(attempt = %self.attempt, fault = %fault, "what it says cannot be stored just now");
                }
            }
            begin = loop {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(self.pace.longest_pause);
                match self.hosting.store().read(async |read| read.attempt(self.attempt).await).await {
                    Ok(Some(attempt)) if attempt.ended.is_none() => break Begin::of(&attempt),
                    Ok(_) => return,
                    Err(fault) => tracing::warn!(attempt = %self.attempt, fault = %fault, "the store is away"),
                }
            };
        }
    }

    /// Hears what an attempt says from line `from` on, which had ended before; says whether it heard how it ended. What
    /// is lost on the way is no loss: it is heard another time.
    pub(super) async fn hear_again(&self, from: u64) -> bool {
        match self.follow(Begin::Attach { from }, &mut false).await {
            Ok(()) => true,
            Err(stop) => {
                tracing::warn!(attempt = %self.attempt, fault = %stop, "what it came to is not known yet");
                false
            }
        }
    }

    async fn tell_lost(&self, lost: &Lost) -> Result<(), StoreFault> {
        let now = self.hosting.now();
        let store = self.hosting.store();
        store.write(async |tx| outcome::lost(tx, self.task, self.attempt, lost, &self.fence, now).await).await
    }

    async fn follow(&self, begin: Begin, heard: &mut bool) -> Result<(), Stop> {
        let Some((task, attempt, place)) = self.stored().await? else { return Ok(()) };
        let back_ends = &self.hosting.0.back_ends;
        let from = if let Begin::Attach { from } = begin { from } else { 1 };
        let is_called_back = task.cancel_asked.is_some();
        let request = match begin {
            Begin::Attach { .. } => None,
            // It was not asked for yet, and is not wanted any more.
            Begin::Start if is_called_back => return Ok(self.end_called_back(&task).await?),
            // Perhaps it was; but it is not asked for anew.
            Begin::StartAgain if is_called_back => None,
            Begin::Start => match self.request(&task).await? {
                Ok(request) => Some(request),
                Err(report) => return Ok(self.end_here(&task, report).await?),
            },
            // If it can no longer be asked for, its back end may still know it.
            Begin::StartAgain => self.request(&task).await?.ok(),
        };
        let opened = timeout(self.pace.first_word, async {
            match &request {
                Some(request) => back_ends.start(&place, request).await,
                None if was_found(&task.parameters, &attempt) => back_ends.watch(&place, self.attempt, from).await,
                None => back_ends.attach(&place, self.attempt, from).await,
            }
        });
        let mut lines = opened.await.map_err(|_| self.lost(SaidNothing))??;
        self.record(&task, lines.as_mut(), from, heard).await
    }

    /// The task and the attempt as they are stored now, and where their back end is now: how it is reached can have been
    /// said anew since the attempt began.
    async fn stored(&self) -> Result<Option<(TaskRecord, AttemptRecord, Place)>, StoreFault> {
        let read = async |read: &mut aegir_store::Read| {
            let Some(task) = read.task(self.task).await? else { return Ok(None) };
            let Some(attempt) = read.attempt(self.attempt).await? else { return Ok(None) };
            let mut place = self.place.clone();
            if let Some(server) = read.server(task.server).await? {
                place.transport = server.transport;
            }
            Ok(Some((task, attempt, place)))
        };
        self.hosting.store().read(read).await
    }

    /// What the back end is asked, with its secrets; or why it cannot be asked.
    async fn request(&self, task: &TaskRecord) -> Result<Result<Request, FaultReport>, StoreFault> {
        let store = self.hosting.store();
        let request = store.read(async |read| outcome::request_now(read, task).await).await?;
        let request = match request {
            Ok(request) => request,
            Err(report) => return Ok(Err(report)),
        };
        let mut secrets = Secrets::default();
        if let Task::VerifyServer { context: Some(_), .. } = &request {
            let name = crate::use_case::DB_PASSWORD;
            let kept = store.read(async |read| read.secret(task.object, name, &self.hosting.0.key).await).await;
            match kept {
                Ok(Some(password)) => secrets.insert(name, password),
                Ok(None) => (),
                // Another key will not come by itself: it would be tried for ever.
                Err(fault @ StoreFault::Sealed { .. }) => return Ok(Err(FaultReport::of(&fault))),
                Err(fault) => return Err(fault),
            }
        }
        Ok(Ok(Request {
            protocol: VERSION,
            attempt: self.attempt,
            task: request,
            secrets,
            asked_by: Some(task.actor.clone()),
        }))
    }

    /// Ends an attempt that cannot even be asked for.
    async fn end_here(&self, task: &TaskRecord, fault: FaultReport) -> Result<(), StoreFault> {
        let ending = Ending::of(Outcome::Refused { fault });
        self.end(task, &[], &ending).await
    }

    /// Ends an attempt that was called back before its back end knew of it. Should it come there after all, the next
    /// look at the machine finds it.
    async fn end_called_back(&self, task: &TaskRecord) -> Result<(), StoreFault> {
        let now = self.hosting.now();
        let actor = task.cancel_actor.as_ref().unwrap_or(&task.actor);
        self.hosting
            .store()
            .write(async |tx| {
                if let aegir_store::Recorded::Now(id) = tx.cancel_attempt(self.attempt, &self.fence, now).await? {
                    outcome::was_not_done(tx, id, actor, now).await?;
                }
                Ok(())
            })
            .await
    }

    /// Ends an attempt that its back end does not know, so that nobody works on it: one that never came there touched
    /// nothing; of any other, nobody can tell what it did.
    async fn end_unknown(&self, lost: &Lost) -> Result<(), StoreFault> {
        let Some((task, attempt, _)) = self.stored().await? else { return Ok(()) };
        if attempt.state == AttemptState::Starting {
            if task.cancel_asked.is_some() {
                return self.end_called_back(&task).await;
            }
            return match self.request(&task).await? {
                Ok(_) => Ok(()),
                Err(report) => self.end_here(&task, report).await,
            };
        }
        tracing::warn!(attempt = %self.attempt, fault = %lost, "its back end does not know it");
        let fault = Fault::from(Forgotten { name: task.object_name.to_string() }).report();
        self.end(&task, &[], &Ending::of(Outcome::Stuck { fault, left: Vec::new() })).await
    }

    async fn record(&self, task: &TaskRecord, lines: &mut dyn Lines, from: u64, heard: &mut bool) -> Result<(), Stop> {
        let mut batch: Vec<Line> = Vec::new();
        let mut bytes = 0;
        let mut look = tokio::time::interval(LOOK.min(self.pace.patience));
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut cancelled = false;
        let mut gather: Option<Instant> = None;
        // Whoever waits for a task waits for its first line.
        let mut pause = Duration::ZERO;
        let mut silence = Silence::begin();
        let opened = Instant::now();
        let mut in_contact = false;
        loop {
            // Asked once for each line, and never given up half way: what waits may hold what it has read.
            let mut next = lines.next();
            let next = loop {
                let due = gather.unwrap_or_else(|| Instant::now() + self.pace.longest_pause);
                tokio::select! {
                    biased;
                    // First, lest one that never stops talking could not be stopped.
                    _ = look.tick() => {
                        if !cancelled {
                            cancelled = self.pass_on_cancel().await?;
                        }
                        self.tell_of_silence(&mut silence).await?;
                        // The first line of all comes at once; between later ones, hours may pass.
                        if from == 1 && !*heard && opened.elapsed() >= self.pace.first_word {
                            return Err(self.lost(SaidNothing).into());
                        }
                        if from > 1 && !in_contact && opened.elapsed() >= self.pace.patience {
                            (in_contact, *heard) = (true, true);
                            self.regain(task).await?;
                        }
                    }
                    next = &mut next => break next,
                    () = tokio::time::sleep_until(due), if gather.is_some() => {
                        self.store(&batch).await?;
                        (batch, bytes, gather) = (Vec::new(), 0, None);
                    }
                }
            };
            let line = match next {
                Ok(Some(line)) => line,
                Ok(None) => {
                    self.store(&batch).await?;
                    return Err(self.lost(BrokeOff).into());
                }
                Err(lost) => {
                    self.store(&batch).await?;
                    return Err(lost.into());
                }
            };
            *heard = true;
            silence = Silence::begin();
            if !std::mem::replace(&mut in_contact, true) {
                self.regain(task).await?;
            }
            if let Said::Result(ending) = &line.said {
                let ending = (**ending).clone();
                let mut line = line;
                if let Said::Result(told) = &mut line.said {
                    told.secret_answer = None;
                }
                batch.push(line);
                return Ok(self.end(task, &batch, &ending).await?);
            }
            bytes += weight(&line);
            batch.push(line);
            if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                self.store(&batch).await?;
                (batch, bytes, gather) = (Vec::new(), 0, None);
            } else if gather.is_none() {
                gather = Some(Instant::now() + std::mem::replace(&mut pause, GATHER));
            }
        }
    }

    async fn store(&self, batch: &[Line]) -> Result<(), StoreFault> {
        if batch.is_empty() {
            return Ok(());
        }
        let now = self.hosting.now();
        self.hosting
            .store()
            .write_soon(async |tx| tx.record_lines(self.attempt, batch, &self.fence, now).await.map(drop))
            .await
    }

    async fn regain(&self, task: &TaskRecord) -> Result<(), StoreFault> {
        if task.state == aegir_domain::TaskState::OutOfContact {
            let now = self.hosting.now();
            let store = self.hosting.store();
            store.write(async |tx| tx.regain_contact(self.attempt, &self.fence, now).await).await?;
        }
        Ok(())
    }

    /// Has it told, once, when a task has said nothing for long.
    async fn tell_of_silence(&self, silence: &mut Silence) -> Result<(), StoreFault> {
        let lasted = silence.since.elapsed();
        if silence.told || lasted < self.pace.minute {
            return Ok(());
        }
        let store = self.hosting.store();
        let minutes = store.read(async |read| crate::use_case::number(read, Setting::SilentMinutes).await).await?;
        if lasted < self.pace.minute * minutes {
            return Ok(());
        }
        silence.told = true;
        let now = self.hosting.now();
        store
            .write(async |tx| {
                tx.check_fence(&self.fence).await?;
                outcome::silent(tx, self.task, minutes, now).await
            })
            .await
    }

    /// Asks the back end to stop, if somebody asked for that. What cannot be asked now is asked again; the lines go on
    /// meanwhile.
    async fn pass_on_cancel(&self) -> Result<bool, StoreFault> {
        let Some((task, _, place)) = self.stored().await? else { return Ok(false) };
        if task.cancel_asked.is_none() {
            return Ok(false);
        }
        let asked = timeout(self.pace.patience, self.hosting.0.back_ends.cancel(&place, self.attempt)).await;
        Ok(matches!(asked, Ok(Ok(_))))
    }

    /// Stores the last lines, how it ended, and all that follows from that, at once.
    async fn end(&self, task: &TaskRecord, last: &[Line], ending: &Ending) -> Result<(), StoreFault> {
        let operation: Option<OperationId> = operation_named(task.operation.as_str());
        let now = self.hosting.now();
        let store = self.hosting.store();
        let ended = store
            .write(async |tx| {
                if !last.is_empty() {
                    tx.record_lines(self.attempt, last, &self.fence, now).await?;
                }
                if let aegir_store::Recorded::Now(id) = tx.end_attempt(self.attempt, ending, &self.fence, now).await? {
                    if let Some(secret) = ending.secret_answer.as_ref().filter(|_| !task.asker.is_empty()) {
                        self.hosting.keep_answer(tx, id, secret, now).await?;
                    }
                    // As it is now: somebody may have asked it to stop since we began to listen.
                    let task = tx.task(id).await?.unwrap_or_else(|| task.clone());
                    let follows = outcome::follows(tx, &task, operation, self.attempt, ending, now).await;
                    follows.map_err(|fault| match contradicts(&fault) {
                        true => NotEnded::Follows(fault),
                        false => NotEnded::Store(fault),
                    })?;
                }
                Ok(())
            })
            .await;
        let why = match ended {
            Ok(()) => {
                // How it ended is stored: what cannot follow now is found by the next verify.
                if let Err(fault) = self.go_on(task, ending).await {
                    tracing::warn!(attempt = %self.attempt, %fault, "sites that were found are not taken in");
                }
                return Ok(());
            }
            Err(NotEnded::Store(fault)) => return Err(fault),
            Err(NotEnded::Follows(why)) => why,
        };
        tracing::warn!(attempt = %self.attempt, fault = %why, "what it came to contradicts what is remembered");
        store
            .write(async |tx| {
                if !last.is_empty() {
                    tx.record_lines(self.attempt, last, &self.fence, now).await?;
                }
                if let aegir_store::Recorded::Now(_) = tx.end_attempt(self.attempt, ending, &self.fence, now).await? {
                    outcome::contradicted(tx, task, ending, &why, now).await?;
                }
                Ok(())
            })
            .await
    }

    /// What follows from an end that takes asking back ends, once it is stored.
    async fn go_on(&self, task: &TaskRecord, ending: &Ending) -> Result<(), StoreFault> {
        let is_well = matches!(ending.outcome, Outcome::Succeeded | Outcome::Untidy { .. });
        let request: Option<Task> = serde_json::from_value(task.parameters["request"].clone()).ok();
        match request {
            Some(Task::VerifyPlatform { .. }) if is_well => self.hosting.take_in_found(task.object, &self.place).await,
            _ => Ok(()),
        }
    }

    fn lost<E: Remedy>(&self, why: E) -> Lost {
        Lost {
            server: self.place.server.clone(),
            passing: true,
            unknown_attempt: false,
            source: Fault::from(why).report(),
        }
    }
}

/// Whether trying again would say the same for ever: it is not the database that is in the way, but what it holds.
pub(super) fn contradicts(fault: &StoreFault) -> bool {
    matches!(
        fault,
        StoreFault::Taken { .. } | StoreFault::Absent { .. } | StoreFault::Unfit { .. } | StoreFault::Unreadable { .. }
    )
}

/// How long a task has said nothing.
struct Silence {
    since: Instant,
    told: bool,
}

impl Silence {
    fn begin() -> Silence {
        Silence { since: Instant::now(), told: false }
    }
}

/// About how many bytes a line takes.
fn weight(line: &Line) -> usize {
    match &line.said {
        Said::Log { text, output, .. } => text.len() + output.as_ref().map_or(0, String::len),
        Said::Progress { text, .. } => text.len(),
        _ => 200,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it stopped telling before the attempt had ended")]
struct BrokeOff;

impl Remedy for BrokeOff {}

#[derive(Debug, thiserror::Error)]
#[error("it takes what it is asked, and says nothing")]
struct SaidNothing;

impl Remedy for SaidNothing {}

#[derive(Debug, thiserror::Error)]
#[error("its back end knows nothing of it any more, so nobody can tell how it ended")]
struct Forgotten {
    name: String,
}

impl Remedy for Forgotten {
    fn remedy(&self) -> Option<String> {
        Some(format!("look at `{}` on its machine, and verify it; nothing works on it any more", self.name))
    }
}
