//! One attempt from its request to its last line, in a process of its own.
//!
//! ```text
//!  task lock ─► journal empty? ─► object locks ─► recover what is unfinished on them ─► recipe ─► result
//!                    └─ no: it was interrupted ─► recover it ─► result
//! ```

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aegir_domain::protocol::{Ending, Level, Said, VERSION};
use aegir_domain::{AttemptId, Fault, Outcome, Task};
use aegir_host::locks::{Patience, try_take_one};
use aegir_host::{Deadline, Lock, LockFault, Locks};
use aegir_recipe::proof::Drill;
use aegir_recipe::{Cancelled, Ended, Executor, Journal, Record, Teller};
use serde::{Deserialize, Serialize};

use crate::journal_file::{Boundary, FileJournal, Foundation};
use crate::task::{Locked, locks_of};
use crate::{AttemptFault, Events, TaskFolder, World, WorldParts, read_journal, recovery};

/// A request as it is kept in the attempt's folder: without its secrets.
#[derive(Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) task: Task,
    pub(crate) asked_by: Option<String>,
    /// In milliseconds since 1970.
    #[serde(default)]
    pub(crate) asked_at: Option<u64>,
}

/// Ends the process at a record of the journal, in a proof.
pub type BoundaryDrill = Arc<dyn Fn(Boundary, u32) + Send + Sync>;

/// What it takes to work on attempts.
#[derive(Clone)]
pub struct Worker {
    /// What worlds are made from.
    pub parts: Arc<WorldParts>,
    /// What is to go wrong, in a proof.
    pub drill: Drill,
    /// Where the process is to end, in a proof.
    pub at_boundary: Option<BoundaryDrill>,
}

/// Works on `attempt` until it ended, whether that is by running or by recovering it.
///
/// Returns how it ended. The same stands in its events as the last line.
pub fn run_attempt(worker: &Worker, attempt: AttemptId) -> Result<Ending, AttemptFault> {
    let folder = TaskFolder::new(&worker.parts.home, attempt);
    let Some(_worker) = try_take_one(&folder.worker_lock(), "a worker", false)? else { return Err(AttemptFault::Busy) };
    if worker.parts.files.kind(&folder.journal())?.is_some() && !read_journal(&folder.journal())?.is_empty() {
        return recovery::recover_one(worker, folder);
    }
    let Some(alive) = try_take_one(&folder.lock(), "a worker", true)? else { return Err(AttemptFault::Busy) };
    Opened::open(worker, folder, alive)?.begin()
}

/// An attempt whose lock we hold, with its files open.
pub(crate) struct Opened<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) folder: TaskFolder,
    pub(crate) events: Events,
    pub(crate) journal: SharedJournal,
    pub(crate) records: Vec<Record>,
    /// Whether another worker died on it.
    pub(crate) recovered: bool,
    /// Held by us and, until they end, by the programs we start.
    alive: Lock,
}

impl<'a> Opened<'a> {
    pub(crate) fn open(worker: &'a Worker, folder: TaskFolder, alive: Lock) -> Result<Opened<'a>, AttemptFault> {
        let (journal, records) = FileJournal::open(&folder.journal())?;
        let parts = worker.parts.clone();
        let foundation: Foundation = match records.is_empty() {
            true => Box::new({
                let folder = folder.clone();
                move || folder.prepare(&parts.home, &parts.files)
            }),
            // Where the disk is full, what is taken back must still be found.
            false => Box::new({
                let folder = folder.clone();
                move || folder.make_durable(&parts.home, &parts.files)
            }),
        };
        let mut journal = journal.with_foundation(foundation);
        if let Some(drill) = worker.at_boundary.clone() {
            journal = journal.with_drill(move |boundary, record| drill(boundary, record));
        }
        let events = Events::open(&folder.events(), worker.parts.clock.clone())
            .map_err(|source| AttemptFault::NoEvents { path: folder.events(), source })?;
        Ok(Opened { worker, folder, events, journal: SharedJournal::new(journal), records, recovered: false, alive })
    }

    fn begin(mut self) -> Result<Ending, AttemptFault> {
        let text = self.worker.parts.files.read_text(&self.folder.request())?;
        let text = text.ok_or(AttemptFault::Unknown { id: self.folder.attempt })?;
        let asked: Asked = serde_json::from_str(&text).map_err(AttemptFault::Unreadable)?;
        self.events.tell(Said::Started {
            protocol: VERSION,
            attempt: self.folder.attempt,
            task: asked.task.kind(),
            object: asked.task.object().to_string(),
        });
        // Held until the end is told: who waits for them must find this attempt ended.
        let locked = self.lock_objects(&asked.task);
        let ended = match &locked {
            Ok((_, locked)) => self.execute(&asked.task, locked),
            Err(fault) if matches!(fault.downcast_ref(), Some(LockFault::GivenUp { .. })) => self.called_back(),
            Err(fault) => self.refuse(fault.report()),
        };
        Ok(self.end(ended))
    }

    /// Locks what the task is about, and recovers what died on it.
    fn lock_objects(&self, task: &Task) -> Result<(Locks, Vec<Locked>), Fault> {
        let parts = &self.worker.parts;
        // Whoever waits for others can be called back; nobody else would do it in their place.
        let patience = Patience { limit: parts.settings.patience(), ends: &|| self.folder.is_cancelled(&parts.files) };
        loop {
            let wanted = locks_of(task, &crate::Contexts::new(&parts.home, &parts.files))?;
            let locks = aegir_host::locks::take(
                &parts.home.locks(),
                &wanted.iter().map(Locked::as_wanted).collect::<Vec<_>>(),
                patience,
                &format!("attempt {} ({})", self.folder.attempt, task.kind().as_str()),
                &mut |holder| self.say(format!("Waiting for {holder}")),
            )?;
            recovery::recover_conflicting(self.worker, self.folder.attempt, &wanted, &self.events)?;
            // What was read before the locks were held may have changed since.
            if locks_of(task, &crate::Contexts::new(&parts.home, &parts.files))? == wanted {
                return Ok((locks, wanted));
            }
        }
    }

    /// Ends an attempt before its first line. Written down, so that it is not run again; a power loss may forget
    /// that, like all of an attempt that never acted.
    pub(crate) fn refuse(&mut self, fault: aegir_domain::FaultReport) -> Ended {
        let outcome = Outcome::Refused { fault };
        // If it cannot be written, the mark of the attempt stays and it is looked at again.
        let _ = self.journal.append(&Record::Ended(outcome.clone()), false);
        Ended::failed(outcome)
    }

    /// Ends an attempt that was cancelled before its first line, in the words of one that was cancelled behind it.
    fn called_back(&mut self) -> Ended {
        let fault = Fault::from(Cancelled).report();
        self.events.tell(Said::Log {
            level: Level::Error,
            text: aegir_domain::Report(&fault).to_string(),
            output: None,
        });
        let outcome = Outcome::RolledBack { fault };
        let _ = self.journal.append(&Record::Ended(outcome.clone()), false);
        Ended::failed(outcome)
    }

    fn execute(&mut self, task: &Task, locked: &[Locked]) -> Ended {
        let head = Record::Head {
            version: 1,
            attempt: self.folder.attempt,
            task: serde_json::to_value(task).unwrap_or_default(),
            locks: locked.iter().map(Locked::as_record).collect(),
        };
        // Durable with the first record of a step: until then there is nothing to take back.
        if let Err(fault) = self.journal.append(&head, false) {
            return Ended::failed(Outcome::Refused { fault: Fault::from(fault).report() });
        }
        let world = self.world();
        let lines = crate::lines();
        let executor =
            Executor { world: &world, lines: &lines, teller: &self.events, drill: self.worker.drill.clone() };
        let recipe = crate::hooks::Hooked { task: task.clone(), recipe: crate::task::recipe_of(task) };
        executor.execute(&recipe, &mut self.journal)
    }

    /// The world that this attempt's lines see.
    pub(crate) fn world(&self) -> World {
        let deadline = Arc::new(Deadline::default());
        let journal = self.journal.clone();
        let on_group = Box::new(move |group: &aegir_host::ProcessGroup| {
            let record = Record::Program(aegir_recipe::ProcessGroup {
                pgid: group.pgid,
                started: group.started,
                boot: group.boot.clone(),
            });
            journal.clone().append(&record, false).map_err(Fault::from)
        });
        let parts = &self.worker.parts;
        World {
            programs: (parts.programs)(&self.alive, on_group, deadline.clone()),
            task: self.folder.clone(),
            teller: Arc::new(self.events.clone()),
            deadline,
            told_waiting: AtomicBool::new(false),
            told_rights: AtomicBool::new(false),
            goes_on: AtomicBool::new(false),
            parts: parts.clone(),
        }
    }

    /// Says how it ended, and puts away what only a living task needs.
    pub(crate) fn end(self, ended: Ended) -> Ending {
        let files = &self.worker.parts.files;
        let closed = !matches!(ended.outcome, Outcome::Stuck { .. } | Outcome::Untidy { .. });
        let mut ending = Ending::of(ended.outcome);
        ending.changed = ended.changed;
        ending.recovered = self.recovered;
        ending.answer = ended.answer;
        match self.folder.saved_context(&self.worker.parts) {
            Ok(context) => ending.context = context,
            Err(fault) => self.say(format!("What is saved of the object is not told: {fault}")),
        }
        if !ended.secret_answer.is_empty() {
            let text = serde_json::Value::Object(ended.secret_answer).to_string();
            let path = self.folder.secret_answer();
            let written = match ended.acted {
                true => files.write(&path, text.as_bytes(), 0o600),
                false => files.write_unsynced(&path, text.as_bytes(), 0o600),
            };
            if let Err(fault) = written {
                self.say(format!("The secret part of the answer is lost: {fault}"));
            }
        }
        if closed {
            let mark = self.worker.parts.home.open_tasks().join(self.folder.attempt.to_string());
            // Each of these may fail on a sick disk; `recover` finds the mark and tries again.
            let _ = files
                .remove_tree(&self.folder.kept())
                .and_then(|_| files.remove_tree(&self.folder.secrets()))
                .and_then(|_| files.remove_tree(&self.folder.path.join("test")))
                .and_then(|_| files.remove_file(&self.folder.reserve()))
                .and_then(|_| files.remove_file(&mark));
        }
        self.events.tell(Said::Result(Box::new(ending.clone())));
        if ended.acted || !closed {
            let _ = self.events.sync();
        }
        ending
    }

    pub(crate) fn say(&self, text: String) {
        self.events.tell(Said::Log { level: aegir_domain::protocol::Level::Info, text, output: None });
    }
}

/// One journal for the engine and for the programs it starts.
#[derive(Clone)]
pub(crate) struct SharedJournal(Arc<std::sync::Mutex<FileJournal>>);

impl SharedJournal {
    fn new(journal: FileJournal) -> SharedJournal {
        SharedJournal(Arc::new(std::sync::Mutex::new(journal)))
    }
}

impl Journal for SharedJournal {
    fn append(&mut self, record: &Record, sync: bool) -> Result<(), aegir_recipe::JournalFault> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).append(record, sync)
    }
}
