//! Ends what dead workers began, before anything new is done to the same objects.

use std::time::Duration;

use aegir_domain::protocol::{Ending, Level, Said};
use aegir_domain::{AttemptId, Fault, Outcome, OutcomeKind};
use aegir_host::{Lock, LockMode, ProcessGroup, locks};
use aegir_recipe::proof::Drill;
use aegir_recipe::{Executor, Record, State, Teller, recover};

use crate::journal_file::read_head;
use crate::task::Locked;
use crate::worker::{Opened, Worker};
use crate::{AttemptFault, Events, TaskFolder, WorldParts, read_journal};

/// How long a dead worker's programs get to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a killed process may take to be gone, for all attempts together.
const DYING: Duration = Duration::from_secs(3);
/// How long to wait for another process that recovers the same attempt.
const LONG: Duration = Duration::from_secs(120);

/// What `recover` did about one attempt.
pub struct Recovered {
    /// The attempt.
    pub attempt: AttemptId,
    /// How it ended now; `None` if a living worker is at it.
    pub ending: Option<Result<Ending, AttemptFault>>,
}

/// Recovers every attempt of the home that has not ended and that nobody works on.
pub fn recover_all(worker: &Worker) -> Result<Vec<Recovered>, AttemptFault> {
    let mut all = Vec::new();
    let until = worker.parts.clock.now() + DYING;
    for attempt in open_attempts(&worker.parts)? {
        let folder = TaskFolder::new(&worker.parts.home, attempt);
        // A power loss may have left the mark of a task that never acted, and nothing else.
        worker.parts.files.make_dir(&folder.path, 0o700)?;
        // A process that was just killed may take a moment to be gone.
        let alive = wait_until(worker, until, || Ok(locks::try_take_one(&folder.worker_lock(), "recover", false)?))?;
        let ending = match alive.ok_or(AttemptFault::Busy).and_then(|_alive| recover_one(worker, folder)) {
            Err(AttemptFault::Busy) => None,
            ending => Some(ending),
        };
        all.push(Recovered { attempt, ending });
    }
    Ok(all)
}

/// The attempts on which something is left to do: that have not ended, are stuck or untidy.
pub(crate) fn open_attempts(parts: &WorldParts) -> Result<Vec<AttemptId>, AttemptFault> {
    let folder = parts.home.open_tasks();
    if parts.files.kind(&folder)?.is_none() {
        return Ok(Vec::new());
    }
    let names = parts.files.list(&folder)?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Recovers one attempt, whose worker is dead: the caller holds that worker's lock.
pub(crate) fn recover_one(worker: &Worker, folder: TaskFolder) -> Result<Ending, AttemptFault> {
    let attempt = folder.attempt;
    let alive = end_programs(worker, &folder)?;
    let mut open = Opened::open(worker, folder, alive)?;
    if open.records.is_empty() {
        let ended = open.refuse(NeverBegan.into_report());
        return Ok(open.end(ended));
    }
    // Objects that another task holds now are left to it: it recovers this one itself.
    let locks = locks_in(&open.records);
    let wanted: Vec<_> = locks.iter().map(Locked::as_wanted).collect();
    let note = format!("attempt {attempt} (recover)");
    let Ok(_locks) = aegir_host::locks::take(&worker.parts.home.locks(), &wanted, Duration::ZERO, &note, &mut |_| ())
    else {
        return Err(AttemptFault::Busy);
    };
    Ok(recover_opened(open))
}

/// Recovers an attempt whose lock we hold, and whose objects nobody else holds.
pub(crate) fn recover_opened(mut open: Opened<'_>) -> Ending {
    let state = State::of(&open.records);
    if !state.is_closed() {
        open.recovered = true;
        open.events.tell(Said::Log {
            level: Level::Warning,
            text: "The worker of this attempt ended before it did; recovering".into(),
            output: None,
        });
    }
    let world = open.world();
    let lines = crate::lines();
    let executor = Executor { world: &world, lines: &lines, teller: &open.events, drill: Drill::default() };
    let records = std::mem::take(&mut open.records);
    let ended = recover(&executor, &records, &mut open.journal);
    drop(world);
    open.end(ended)
}

/// Recovers the unfinished attempts that hold one of the objects in `locks`, which the caller holds.
pub(crate) fn recover_conflicting(
    worker: &Worker,
    own: AttemptId,
    held: &[Locked],
    events: &Events,
) -> Result<(), Fault> {
    for attempt in open_attempts(&worker.parts)? {
        let folder = TaskFolder::new(&worker.parts.home, attempt);
        if attempt == own || worker.parts.files.kind(&folder.journal())?.is_none() {
            continue;
        }
        // Only the head at first: a damaged journal is no matter to tasks of other objects.
        let Some(head) = read_head(&folder.journal()).map_err(AttemptFault::from)? else { continue };
        let conflicts = |lock: &Locked| {
            held.iter().any(|own| {
                own.name == lock.name && (own.mode == LockMode::Exclusive || lock.mode == LockMode::Exclusive)
            })
        };
        if !locks_in(&[head]).iter().any(conflicts) {
            continue;
        }
        let state = State::of(&read_journal(&folder.journal()).map_err(AttemptFault::from)?);
        // What is only owed is for `recover`: it stands in nobody's way.
        if state.is_closed() || matches!(state.ended, Some(Outcome::Untidy { .. })) {
            continue;
        }
        // A worker that lives holds its objects itself, so it cannot be one that conflicts; but one that
        // recovers may have its lock for a moment, until it sees that we hold them.
        let _worker = wait_for(worker, || Ok(locks::try_take_one(&folder.worker_lock(), "recover", false)?))?
            .ok_or(AttemptFault::Busy)?;
        let alive = end_programs(worker, &folder)?;
        let text = format!("Recovering attempt {attempt}, which died on the same object");
        events.tell(Said::Log { level: Level::Warning, text, output: None });
        let ending = recover_opened(Opened::open(worker, folder, alive)?);
        if ending.outcome.kind() == OutcomeKind::Stuck {
            return Err(StillStuck { attempt, cause: ending.fault().cloned() }.into());
        }
    }
    Ok(())
}

/// Ends the programs of a dead worker, by the ids it journalled, and takes the lock that they held.
fn end_programs(worker: &Worker, folder: &TaskFolder) -> Result<Lock, AttemptFault> {
    if worker.parts.files.kind(&folder.journal())?.is_some() {
        for group in State::of(&read_journal(&folder.journal())?).programs {
            let group = ProcessGroup { pgid: group.pgid, started: group.started, boot: group.boot };
            // One that does not end keeps the lock, which is asked next.
            let _ = aegir_host::end_group(&group, PATIENCE);
        }
    }
    let lock = wait_for(worker, || Ok(locks::try_take_one(&folder.lock(), "recover", true)?))?;
    lock.ok_or_else(|| AttemptFault::ProgramsLive { pids: locks::processes_at(&folder.lock()) })
}

/// Asks again and again, for as long as tasks wait for each other.
fn wait_for<T>(worker: &Worker, ask: impl Fn() -> Result<Option<T>, AttemptFault>) -> Result<Option<T>, AttemptFault> {
    wait_until(worker, worker.parts.clock.now() + worker.parts.settings.patience().min(LONG), ask)
}

fn wait_until<T>(
    worker: &Worker,
    until: Duration,
    ask: impl Fn() -> Result<Option<T>, AttemptFault>,
) -> Result<Option<T>, AttemptFault> {
    loop {
        match ask()? {
            Some(found) => return Ok(Some(found)),
            None if worker.parts.clock.now() >= until => return Ok(None),
            None => worker.parts.clock.sleep(Duration::from_millis(50)),
        }
    }
}

fn locks_in(records: &[Record]) -> Vec<Locked> {
    match records.first() {
        Some(Record::Head { locks, .. }) => locks.iter().filter_map(Locked::from_record).collect(),
        _ => Vec::new(),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the attempt never began: the process that asked for it ended first")]
struct NeverBegan;

impl aegir_domain::Remedy for NeverBegan {
    fn remedy(&self) -> Option<String> {
        Some("nothing was done; ask for it again".into())
    }
}

impl NeverBegan {
    fn into_report(self) -> aegir_domain::FaultReport {
        Fault::from(self).report()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("attempt {attempt} died on the same object and cannot be taken back")]
struct StillStuck {
    attempt: AttemptId,
    #[source]
    cause: Option<aegir_domain::FaultReport>,
}

impl aegir_domain::Remedy for StillStuck {
    fn remedy(&self) -> Option<String> {
        let attempt = self.attempt;
        Some(format!("put right what `aegir provision attach {attempt}` says, then run `aegir provision recover`"))
    }
}
