//! Rollback is proved, not hoped for.
//!
//! A [`Scene`] is a task and the world it is asked in. It runs the task once to its end, to know its
//! lines, its journal and the world afterwards, and then again and again with something going wrong:
//!
//! ```text
//!   each line fails, before and after it acts      as it was
//!   each line is applied twice, undone twice       as it would be, as it was
//!   each line behind the point of no return fails  retried, or owed and then recovered
//!   SIGKILL at each side of each journal record    as it was, or, past that point, as it would be
//!   SIGKILL at any touch of the outside            the same
//!   SIGKILL again while that is recovered          the same
//!   the power goes, and with it what was not synced  the same
//!   the same before it ever acted: any of its files is gone, torn or whole
//!                                                  as it was, and asked for again it can run
//!   another task on the object finds a dead one    the same, before it begins
//!   other sites live on before it is recovered     as they are, and it as it was
//!   somebody cancels it at any record              as it was, or it came too late
//!   a service goes at any record, and comes back   the same; in time, without help
//!   somebody edits, breaks or asks for something   the same, told by name, and never half
//!   the disk is full for any write, or from it on  the same; for one alone, without help
//! ```
//!
//! `AEGIR_PROOFS=all` walks every boundary of every scene and kills at 50 random moments each; without
//! it scenes that are variants of another skip some.

mod child;
mod failing;
mod killing;
mod lines;
mod meanwhile;
mod neighbour;
mod power;
mod trouble;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use aegir_domain::protocol::{Ending, Phase, Request, Said};
use aegir_domain::{AttemptId, OutcomeKind, Report, Task};
use aegir_provision::{Attempt, recover_all};
use aegir_recipe::{AfterLine, Record};

use crate::{Lab, Snapshot};

pub use child::{die_as_asked, output_of};
pub use meanwhile::{Deed, Meanwhile};

static FORKING: RwLock<()> = RwLock::new(());

/// Held while a worker of this process has locks that a child would inherit.
pub(crate) fn no_forks() -> RwLockReadGuard<'static, ()> {
    FORKING.read().unwrap_or_else(PoisonError::into_inner)
}

/// How much of a proof is walked without `AEGIR_PROOFS=all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every boundary.
    Whole,
    /// Every boundary of so many: for a variant of a scene that is walked whole.
    OneOf(usize),
}

impl Extent {
    fn every(self) -> usize {
        match self {
            Extent::OneOf(count) if !everything() => count,
            _ => 1,
        }
    }
}

fn everything() -> bool {
    std::env::var("AEGIR_PROOFS").is_ok_and(|what| what == "all")
}

/// A task, and the world it is asked in.
pub struct Scene {
    name: String,
    lab: Lab,
    task: Task,
    /// What was asked for, to ask for it again.
    request: Request,
    attempt: AttemptId,
    before: Snapshot,
    /// The same task with nothing going wrong.
    whole: Whole,
    /// What the scene itself leaves lying about.
    mess: Vec<String>,
    left: Vec<&'static str>,
    counts: std::cell::RefCell<BTreeMap<&'static str, usize>>,
}

struct Whole {
    after: Snapshot,
    said: Vec<Said>,
    records: Vec<Record>,
    /// Lines up to the point of no return, that one included.
    lines: u32,
    afterwards: Vec<AfterLine>,
    moments: u64,
    writes: u64,
    took: std::time::Duration,
}

impl Scene {
    /// Sets a scene: `set` builds the world and gives the task. The task must succeed.
    #[track_caller]
    pub fn new(name: &str, set: impl FnOnce(&Lab) -> Task) -> Scene {
        Scene::leaving(name, &[], set)
    }

    /// The same, of a task that leaves behind what else must never be: whatever holds one of `left` in its name.
    #[track_caller]
    pub fn leaving(name: &str, left: &[&'static str], set: impl FnOnce(&Lab) -> Task) -> Scene {
        let lab = Lab::new();
        lab.may_leave_a_mess();
        let task = set(&lab);
        let request = lab.request(task.clone());
        let attempt = request.attempt;
        Attempt::ask(&lab.parts, &request).expect("a task can be asked for");
        lab.save_all();
        lab.restore_all();
        let before = lab.snapshot();
        let mess = lab.mess();
        lab.machine.count_moments();
        lab.machine.fill_disk(0..0);
        let began = Instant::now();
        let ending = lab.work_on(attempt, &lab.worker());
        let took = began.elapsed();
        let (moments, writes) = (lab.machine.moments(), lab.machine.writes());
        assert_eq!(ending.outcome.kind(), OutcomeKind::Succeeded, "{name}: {}", why(&ending));
        let records = lab.journal(attempt);
        let said = lab.said(attempt);
        let lines = said.iter().filter_map(|said| match said {
            Said::Step { line, phase: Phase::Checking | Phase::Doing | Phase::Committed, .. } => Some(*line),
            _ => None,
        });
        let afterwards = records.iter().find_map(|record| match record {
            Record::Committed { afterwards, .. } => Some(afterwards.clone()),
            _ => None,
        });
        let lines = lines.max().unwrap_or_default();
        let whole = Whole {
            after: lab.snapshot(),
            said,
            records,
            lines,
            afterwards: afterwards.unwrap_or_default(),
            moments,
            writes,
            took,
        };
        let scene = Scene {
            name: name.to_owned(),
            lab,
            task,
            request,
            attempt,
            before,
            whole,
            mess,
            left: left.to_owned(),
            counts: Default::default(),
        };
        scene.no_new_mess("with nothing going wrong");
        scene
    }

    /// The world before the task, and after it.
    pub fn worlds(&self) -> (&Snapshot, &Snapshot) {
        (&self.before, &self.whole.after)
    }

    /// Proves everything of this scene, and prints how much that was.
    pub fn prove(&self, extent: Extent) {
        let every = extent.every();
        self.fails_at_every_line();
        self.goes_on_behind_the_point_of_no_return();
        self.applies_and_undoes_twice();
        self.dies_at_every_boundary(every);
        self.dies_at_moments(if everything() { 50 } else { 6 / every.min(3) });
        self.loses_power_at_every_boundary(every);
        self.loses_power_before_it_acts(every);
        self.is_cancelled_at_every_record(every);
        self.loses_services(if everything() { every } else { 3 * every });
        self.fills_the_disk(every);
        self.print();
    }

    /// Compares the lines of the task with the file at `path`: the page an operator wants.
    pub fn lines_are(&self, path: &Path) {
        let is = self.lines();
        if std::env::var("AEGIR_BLESS").is_ok() {
            fs::write(path, &is).expect("the expected lines can be written");
        }
        let was = fs::read_to_string(path).unwrap_or_default();
        assert!(
            is == was,
            "the lines of {} are no longer those of `{}` (AEGIR_BLESS=1 writes them):\n{is}",
            self.name,
            path.display()
        );
    }

    fn count(&self, what: &'static str) {
        *self.counts.borrow_mut().entry(what).or_default() += 1;
    }

    /// The engine's cost: what it wrote and synced for each line.
    fn print(&self) {
        let records = self.whole.records.len();
        let syncs = synced(&self.whole.records).into_iter().filter(|synced| *synced).count();
        let lines = self.whole.lines as usize + self.whole.afterwards.len();
        let counts: Vec<String> = self.counts.borrow().iter().map(|(what, count)| format!("{what}: {count}")).collect();
        let _ = writeln!(
            std::io::stdout(),
            "{}: {lines} lines, {records} records, {syncs} syncs ({:.1} a line), {:.1} ms a line\n    {}",
            self.name,
            syncs as f64 / lines as f64,
            self.whole.took.as_secs_f64() * 1000.0 / lines as f64,
            counts.join(", "),
        );
    }

    #[track_caller]
    fn as_before(&self, what: impl fmt::Display) {
        self.is_world(&self.before, "as it was", what);
    }

    #[track_caller]
    fn as_after(&self, what: impl fmt::Display) {
        self.is_world(&self.whole.after, "as it would be", what);
    }

    #[track_caller]
    fn is_world(&self, expected: &Snapshot, name: &str, what: impl fmt::Display) {
        let differences = self.lab.snapshot().differences(expected);
        assert!(
            differences.is_empty(),
            "{}, {what}: the world is not {name}\n{}\n{}",
            self.name,
            differences.join("\n"),
            self.told(),
        );
        self.no_new_mess(what);
    }

    #[track_caller]
    fn no_new_mess(&self, what: impl fmt::Display) {
        let mess: Vec<String> = self.lab.mess().into_iter().filter(|mess| !self.mess_before(mess)).collect();
        assert!(mess.is_empty(), "{}, {what}: what must never be: {}\n{}", self.name, mess.join("; "), self.told());
    }

    fn mess_before(&self, mess: &str) -> bool {
        // The task itself was open before it ran; it must not be afterwards.
        let left = self.left.iter().any(|left| mess.contains(left));
        left || self.mess.iter().any(|before| before == mess) && !mess.contains(&self.attempt.to_string())
    }

    /// What the task said, for whoever reads why a proof failed.
    fn told(&self) -> String {
        let events = self.lab.home().task(self.attempt).join("events");
        let text = fs::read_to_string(events).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(14)..].join("\n")
    }

    /// Recovers what is open, and gives how this scene's task ended; nothing if it was closed already.
    #[track_caller]
    fn recover(&self, what: impl fmt::Display) -> Option<Ending> {
        let _no_forks = no_forks();
        let recovered =
            recover_all(&self.lab.worker()).unwrap_or_else(|fault| panic!("{}, {what}: {fault}", self.name));
        let own = recovered.into_iter().find(|recovered| recovered.attempt == self.attempt)?;
        let ending = own.ending.unwrap_or_else(|| panic!("{}, {what}: somebody is at it still", self.name));
        Some(ending.unwrap_or_else(|fault| panic!("{}, {what}: {fault}", self.name)))
    }

    /// Recovers, and compares the world with what the journal says it must be.
    #[track_caller]
    fn recovers(&self, what: impl fmt::Display) {
        let ending = self.recover(&what);
        let committed = self.records().iter().any(|record| matches!(record, Record::Committed { .. }));
        if let Some(ending) = ending {
            let expected = match committed {
                true => ending.outcome.kind() == OutcomeKind::Succeeded,
                false => matches!(ending.outcome.kind(), OutcomeKind::RolledBack | OutcomeKind::Refused),
            };
            assert!(
                expected,
                "{}, {what}: recovered as {:?} (past the point of no return: {committed})\n{}\n{}",
                self.name,
                ending.outcome.kind(),
                why(&ending),
                self.told(),
            );
        }
        self.as_the_journal_says(what);
    }

    #[track_caller]
    fn as_the_journal_says(&self, what: impl fmt::Display) {
        match self.records().iter().any(|record| matches!(record, Record::Committed { .. })) {
            true => self.as_after(what),
            false => self.as_before(what),
        }
    }

    fn records(&self) -> Vec<Record> {
        match self.lab.home().task(self.attempt).join("journal").exists() {
            true => self.lab.journal(self.attempt),
            false => Vec::new(),
        }
    }
}

/// Which records of a journal are on the disk once they are written.
fn synced(records: &[Record]) -> Vec<bool> {
    let (mut acted, mut committed, mut follows) = (false, false, false);
    let is_synced = |record: &Record| match record {
        Record::Head { .. } | Record::Program(_) => false,
        Record::Begun { .. } => {
            acted = true;
            true
        }
        Record::Committed { afterwards, .. } => {
            (committed, follows) = (true, !afterwards.is_empty());
            acted || follows
        }
        Record::Done { .. } | Record::Undone { .. } | Record::Finished { .. } => false,
        Record::Ended(_) => follows || acted && !committed,
    };
    records.iter().map(is_synced).collect()
}

fn why(ending: &Ending) -> String {
    let left = match &ending.outcome {
        aegir_domain::Outcome::Stuck { left, .. } => left.as_slice(),
        _ => &[],
    };
    let mut text = ending.fault().map(|fault| Report(fault).to_string()).unwrap_or_default();
    for left in left {
        let fault = left.fault.as_ref().map(|fault| Report(fault).to_string()).unwrap_or_default();
        text.push_str(&format!("\n  left: {} {fault}", left.line));
    }
    text
}
