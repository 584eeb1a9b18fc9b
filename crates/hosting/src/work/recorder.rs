//! Follows one attempt, and stores what it says until it has ended.

use std::pin::Pin;
use std::time::Duration;

use aegir_domain::protocol::{Ending, Line, Request, Said, VERSION};
use aegir_domain::{AttemptId, Fault, FaultReport, NodeId, Outcome, Remedy, Secrets, Task};
use aegir_store::{Fence, StoreFault, TaskRecord};
use tokio::time::Sleep;

use super::outcome;
use crate::use_case::operation_named;
use crate::{Hosting, Lines, Lost, OperationId, Place, Setting};

/// How long lines are gathered before they are stored.
const GATHER: Duration = Duration::from_millis(50);
/// How many are stored at once.
const BATCH: usize = 500;
/// How many bytes of them.
const BATCH_BYTES: usize = 4 << 20;
/// How long without contact until that is told.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest pause between two tries to reach a machine.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often we look whether somebody asked the task to stop.
const LOOK: Duration = Duration::from_millis(500);
/// A minute, in milliseconds.
const MINUTE: i64 = 60_000;

/// Follows one attempt.
pub(super) struct Recorder {
    pub(super) hosting: Hosting,
    pub(super) attempt: AttemptId,
    pub(super) task: NodeId,
    pub(super) place: Place,
    pub(super) fence: Fence,
}

/// How it begins.
pub(super) enum Begin {
    /// It was just claimed.
    Start,
    /// It was begun before.
    Attach {
        /// The first line that is not stored.
        from: u64,
    },
}

/// Why a recorder stops before the end of its attempt.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl Recorder {
    /// Follows the attempt to its end, through lost contacts and a store that is away for a while.
    pub(super) async fn run(&self, begin: Begin) {
        let mut begin = begin;
        let mut pause = Duration::from_millis(200);
        let mut silent = Duration::ZERO;
        loop {
            match self.follow(begin).await {
                Ok(()) => return,
                Err(Stop::Store(StoreFault::Superseded { .. })) => return,
                Err(Stop::Store(fault)) => {
                    tracing::warn!(attempt = %self.attempt, fault = %fault, "what it says cannot be stored just now");
                }
                Err(Stop::Lost(lost)) => {
                    tracing::warn!(attempt = %self.attempt, fault = %lost, "no contact");
                    if silent >= PATIENCE || !lost.passing {
                        let now = self.hosting.now();
                        let told = self
                            .hosting
                            .store()
                            .write(async |tx| outcome::lost(tx, self.task, self.attempt, &lost, &self.fence, now).await)
                            .await;
                        if matches!(told, Err(StoreFault::Superseded { .. })) {
                            return;
                        }
                    }
                }
            }
            tokio::time::sleep(pause).await;
            silent += pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
            begin = match self.hosting.store().read(async |read| read.attempt(self.attempt).await).await {
                Ok(Some(attempt)) if attempt.ended.is_some() => return,
                Ok(Some(attempt)) => Begin::Attach { from: attempt.next_line },
                Ok(None) => return,
                Err(_) => Begin::Attach { from: 1 },
            };
        }
    }

    async fn follow(&self, begin: Begin) -> Result<(), Stop> {
        let task = self.hosting.store().read(async |read| read.task(self.task).await).await?;
        let Some(task) = task else { return Ok(()) };
        let mut lines = match begin {
            Begin::Start => match self.request(&task).await? {
                Ok(request) => self.hosting.0.back_ends.start(&self.place, &request).await?,
                Err(report) => return Ok(self.end_here(&task, report).await?),
            },
            // One that never reached its back end is unknown there, and is begun by the same id.
            Begin::Attach { from: 1 } => match self.request(&task).await? {
                Ok(request) => self.hosting.0.back_ends.start(&self.place, &request).await?,
                Err(_) => self.hosting.0.back_ends.attach(&self.place, self.attempt, 1).await?,
            },
            Begin::Attach { from } => self.hosting.0.back_ends.attach(&self.place, self.attempt, from).await?,
        };
        self.record(&task, lines.as_mut()).await
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
            let kept = store.read(async |read| read.secret(task.object, name, &self.hosting.0.key).await).await?;
            if let Some(password) = kept {
                secrets.insert(name, password);
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

    async fn record(&self, task: &TaskRecord, lines: &mut dyn Lines) -> Result<(), Stop> {
        let mut batch: Vec<Line> = Vec::new();
        let mut bytes = 0;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut cancelled = false;
        let mut was_lost = true;
        let mut gather: Option<Pin<Box<Sleep>>> = None;
        let mut silence = Silence::begin(self.hosting.now());
        loop {
            let due = async {
                match gather.as_mut() {
                    Some(due) => due.await,
                    None => std::future::pending().await,
                }
            };
            let next = tokio::select! {
                biased;
                next = lines.next() => Some(next),
                () = due => None,
                _ = look.tick() => {
                    if !cancelled {
                        cancelled = self.pass_on_cancel().await?;
                    }
                    self.tell_of_silence(&mut silence).await?;
                    continue;
                }
            };
            let line = match next {
                None => {
                    self.store(&batch).await?;
                    (batch, bytes, gather) = (Vec::new(), 0, None);
                    continue;
                }
                Some(Err(lost)) => {
                    self.store(&batch).await?;
                    return Err(lost.into());
                }
                Some(Ok(None)) => {
                    self.store(&batch).await?;
                    return Err(self.broke_off().into());
                }
                Some(Ok(Some(line))) => line,
            };
            silence = Silence::begin(self.hosting.now());
            if std::mem::take(&mut was_lost) {
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
                gather = Some(Box::pin(tokio::time::sleep(GATHER)));
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
        let lasted = self.hosting.now() - silence.since;
        if silence.told || lasted < MINUTE {
            return Ok(());
        }
        let store = self.hosting.store();
        let minutes = store.read(async |read| crate::use_case::number(read, Setting::SilentMinutes).await).await?;
        if lasted < MINUTE * i64::from(minutes) {
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

    /// Asks the back end to stop, if somebody asked for that.
    async fn pass_on_cancel(&self) -> Result<bool, Stop> {
        let task = self.hosting.store().read(async |read| read.task(self.task).await).await?;
        if task.is_none_or(|task| task.cancel_asked.is_none()) {
            return Ok(false);
        }
        self.hosting.0.back_ends.cancel(&self.place, self.attempt).await?;
        Ok(true)
    }

    /// Stores the last lines, how it ended, and all that follows from that, at once.
    async fn end(&self, task: &TaskRecord, last: &[Line], ending: &Ending) -> Result<(), StoreFault> {
        if let Some(secret) = &ending.secret_answer {
            self.hosting.keep_secret(task.id.0, &task.actor, secret.clone());
        }
        let operation: Option<OperationId> = operation_named(task.operation.as_str());
        let now = self.hosting.now();
        self.hosting
            .store()
            .write(async |tx| {
                if !last.is_empty() {
                    tx.record_lines(self.attempt, last, &self.fence, now).await?;
                }
                if let aegir_store::Recorded::Now(_) = tx.end_attempt(self.attempt, ending, &self.fence, now).await? {
                    outcome::follows(tx, task, operation, self.attempt, ending, now).await?;
                }
                Ok(())
            })
            .await
    }

    fn broke_off(&self) -> Lost {
        Lost {
            server: self.place.server.clone(),
            passing: true,
            unknown_attempt: false,
            source: Fault::from(BrokeOff).report(),
        }
    }
}

/// How long a task has said nothing.
struct Silence {
    /// In milliseconds since 1970.
    since: i64,
    told: bool,
}

impl Silence {
    fn begin(since: i64) -> Silence {
        Silence { since, told: false }
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
