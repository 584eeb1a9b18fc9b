//! Processes that die, and machines that lose their power.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::Arc;

use aegir_domain::{AttemptId, ContextName, Task};
use aegir_provision::{Boundary, Worker, run_attempt};
use aegir_recipe::Record;

use super::child::{At, run_in_child};
use super::{Scene, no_forks, synced};
use crate::Lab;
use crate::fake::{FakeServices, PowerMemory};

/// What a death in this process unwinds with.
struct Died;

impl Scene {
    /// Both sides of every record of the journal, or of one in so many.
    pub(super) fn boundaries(&self, every: usize) -> impl Iterator<Item = (Boundary, u32)> {
        let records = self.whole.records.len() as u32;
        let all = (1..=records).flat_map(|record| [(Boundary::Before, record), (Boundary::After, record)]);
        // Coprime with two, so that both sides have their turn.
        all.step_by(if every.is_multiple_of(2) { every + 1 } else { every })
    }

    /// SIGKILL at every boundary; another process recovers, and is killed in its turn before a third one does.
    pub fn dies_at_every_boundary(&self, every: usize) {
        for (count, (side, record)) in (0u32..).zip(self.boundaries(every)) {
            let what = format!("killed {side:?} record {record}");
            let at = At::Boundary(side == Boundary::After, record);
            self.dies(at, &what);
            self.count("boundaries killed");
            match count % 4 {
                1 | 3 => {
                    let begun = self.whole.records.iter().take(record as usize);
                    let begun = begun.filter(|record| matches!(record, Record::Begun { .. })).count() as u32;
                    // A recovery writes a record for each line it undoes, and one for its end: each has its turn.
                    let again = At::Recovering(count % 4 == 1, 1 + (count / 4) % (begun + 1));
                    self.dies_twice(at, again, &what);
                }
                _ => self.dies_and_another_task_comes(at, &what),
            }
        }
    }

    /// SIGKILL at `count` of the moments at which the task touches the outside, and again while that is recovered.
    pub fn dies_at_moments(&self, count: usize) {
        let moments = self.whole.moments.max(1);
        for turn in 0..count as u64 {
            let moment = 1 + chance(&self.name, turn) % moments;
            let what = format!("killed at moment {moment} of {moments}");
            self.dies(At::Moment(moment), &what);
            self.count("moments killed");
            let again = At::RecoveringMoment(1 + chance(&self.name, !turn) % moment);
            self.dies_twice(At::Moment(moment), again, &what);
        }
    }

    /// SIGKILL in the middle of `line`, between two touches of the disk: what `leave` puts there is what that leaves.
    pub fn dies_having_left(&self, line: &str, leave: impl Fn(&Lab, AttemptId)) {
        let record = self.begun_at(line).unwrap_or_else(|| panic!("{}: has no line `{line}`", self.name));
        let what = format!("killed in the middle of `{line}`");
        self.lab.restore_all();
        assert!(run_in_child(&self.lab, self.attempt, At::Boundary(true, record)), "{}: {what}", self.name);
        leave(&self.lab, self.attempt);
        self.recovers(what);
    }

    fn dies_twice(&self, at: At, again: At, what: &str) {
        self.lab.restore_all();
        run_in_child(&self.lab, self.attempt, at);
        let killed = run_in_child(&self.lab, self.attempt, again);
        self.recovers(format!("{what}, and recovering at {again:?}"));
        // A recovery may come to its end before that.
        if killed {
            self.count("recoveries killed");
        }
    }

    /// A task on the same object finds what the dead one left, and recovers it before it begins.
    fn dies_and_another_task_comes(&self, at: At, what: &str) {
        let ContextName::Site(site) = self.task.object() else { return };
        self.lab.restore_all();
        run_in_child(&self.lab, self.attempt, at);
        self.lab.run(Task::Login { site, account: 1 });
        if self.records().is_empty() {
            // It never began, so it holds nothing that the other one would look at.
            return self.recovers(what);
        }
        self.as_the_journal_says(format!("{what}, and another task came"));
        self.count("left to another task");
    }

    fn dies(&self, at: At, what: &str) {
        self.lab.restore_all();
        let killed = run_in_child(&self.lab, self.attempt, at);
        assert!(killed, "{}: it was to be {what}, and lived", self.name);
        self.recovers(what);
    }

    /// The power goes at every boundary: once with all that was not synced, once with some of it.
    pub fn loses_power_at_every_boundary(&self, every: usize) {
        for (count, (side, record)) in (0u64..).zip(self.boundaries(every)) {
            self.loses_power(side, record, None);
            if count % 3 == 0 {
                self.loses_power(side, record, Some(chance(&self.name, count)));
            }
        }
    }

    fn loses_power(&self, side: Boundary, record: u32, some: Option<u64>) {
        self.lab.restore_all();
        let memory = self.lab.machine.remember_power();
        self.works_until(side, record, &memory);
        let from = some.map_or(0, |chance| chance % (memory.marks() + 1));
        for _ in 0..memory.lose_power(from) {
            self.count("changes lost with the power");
        }
        if from == 0 {
            self.cut_journal();
        }
        self.lab.machine.forget_power();
        FakeServices(self.lab.machine.clone()).start();
        self.recovers(format!(
            "power lost {side:?} record {record}, with all behind boundary {from} that was not synced"
        ));
        self.count("power losses");
    }

    /// Works in this process, and dies there.
    pub(super) fn works_until(&self, side: Boundary, record: u32, memory: &Arc<PowerMemory>) {
        let marks = memory.clone();
        let at_boundary = move |at: Boundary, number: u32| {
            marks.mark();
            if (at, number) == (side, record) {
                // Not a panic: nobody is to be told of it.
                resume_unwind(Box::new(Died));
            }
        };
        let worker = Worker { at_boundary: Some(Arc::new(at_boundary)), ..self.lab.worker() };
        let lived = {
            let _no_forks = no_forks();
            catch_unwind(AssertUnwindSafe(|| run_attempt(&worker, self.attempt)))
        };
        if let Err(cause) = lived
            && !cause.is::<Died>()
        {
            resume_unwind(cause);
        }
    }

    /// Takes off the records that no sync carried to the disk.
    fn cut_journal(&self) {
        let path = self.lab.home().task(self.attempt).join("journal");
        let kept = synced(&self.records()).iter().rposition(|synced| *synced).map_or(0, |last| last + 1);
        cut_lines(&path, kept);
    }
}

fn cut_lines(path: &Path, kept: usize) {
    let Ok(bytes) = fs::read(path) else { return };
    let length: usize = bytes.split_inclusive(|byte| *byte == b'\n').take(kept).map(<[u8]>::len).sum();
    fs::write(path, &bytes[..length]).expect("the lab's folder can be written");
}

/// A number that is the same in every run of this scene, unless `AEGIR_PROOFS_SEED` says otherwise.
pub(super) fn chance(name: &str, turn: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (name, turn, std::env::var("AEGIR_PROOFS_SEED").unwrap_or_default()).hash(&mut hasher);
    hasher.finish() >> 8
}
