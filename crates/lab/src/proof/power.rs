//! The power goes before a task acted: nothing of it was synced, so anything of it may be gone or torn.

use std::fs;

use aegir_domain::{OutcomeKind, Task};
use aegir_provision::{Asked, Attempt, Boundary, run_attempt};
use aegir_recipe::Record;

use super::killing::chance;
use super::{Scene, no_forks, synced, why};
use crate::fake::{FakeServices, Fate};

/// How many ways of it are tried at each boundary.
const TURNS: u64 = 4;

impl Scene {
    /// Asks for the task, and has the power go at each boundary up to the first record that is synced. Whatever
    /// is left of the asking, `recover` closes it, and who asks again is attached, or has it run.
    pub fn loses_power_before_it_acts(&self, every: usize) {
        let first = synced(&self.whole.records).iter().position(|synced| *synced);
        let last = first.unwrap_or(self.whole.records.len() - 1) as u32 + 1;
        let boundaries = (1..=last).flat_map(|record| [(Boundary::Before, record), (Boundary::After, record)]);
        let turns = boundaries.flat_map(|at| (0..TURNS).map(move |turn| (at, turn)));
        for (number, ((side, record), turn)) in (0u64..).zip(turns) {
            // The sides of the first sync are what it is about.
            if number % every as u64 == 0 || record == last {
                let founded = first.is_some() && (side, record) == (Boundary::After, last);
                self.loses_all_of_it(side, record, founded, number, turn);
            }
        }
    }

    fn loses_all_of_it(&self, side: Boundary, record: u32, founded: bool, number: u64, turn: u64) {
        let what = format!("power lost {side:?} record {record} with what was asked for, for the {turn}th time");
        self.lab.restore_all();
        self.forget_the_asking();
        let memory = self.lab.machine.remember_power();
        Attempt::ask(&self.lab.parts, &self.request).unwrap_or_else(|fault| panic!("{}, {what}: {fault}", self.name));
        self.works_until(side, record, &memory);

        // First all is lost, then each thing has a fate of its own.
        let fate = |of: u64| match turn {
            0 => Fate::Lost,
            _ => Fate::of(chance(&self.name, number * 1000 + of)),
        };
        memory.lose_some(fate);
        let folder = self.lab.home().task(self.attempt);
        fate(900).befall(&folder.join("events"));
        if !founded {
            fate(901).befall(&folder.join("journal"));
        }
        self.lab.machine.forget_power();
        FakeServices(self.lab.machine.clone()).start();
        if founded {
            assert!(Attempt::find(&self.lab.parts, self.attempt).is_ok(), "{}, {what}: it is forgotten", self.name);
            let mark = self.lab.home().open_tasks().join(self.attempt.to_string());
            assert!(mark.exists(), "{}, {what}: `recover` would not find it", self.name);
        }

        if turn.is_multiple_of(2) {
            self.recovers(&what);
        }
        self.is_asked_for_again(founded, &what);
        self.count("powers lost before it acted");
    }

    /// As if nobody had asked yet.
    fn forget_the_asking(&self) {
        let home = self.lab.home();
        fs::remove_dir_all(home.task(self.attempt)).expect("the lab's folder can be written");
        let _ = fs::remove_file(home.open_tasks().join(self.attempt.to_string()));
    }

    /// Whoever asks again with the same id hears of one end, whatever that is, and the world is as it says.
    #[track_caller]
    fn is_asked_for_again(&self, founded: bool, what: &str) {
        let ask = || Attempt::ask(&self.lab.parts, &self.request).map(|(_, asked)| asked);
        let work = || {
            let _no_forks = no_forks();
            let ending = run_attempt(&self.lab.worker(), self.attempt);
            ending.unwrap_or_else(|fault| panic!("{}, {what}: asked for again: {fault}", self.name))
        };
        self.lab.rewind();
        let asked = ask().unwrap_or_else(|fault| panic!("{}, {what}: asked for again: {fault}", self.name));
        assert!(!founded || asked == Asked::Known, "{}, {what}: what acted is asked for anew", self.name);
        let ending = work();
        let committed = self.records().iter().any(|record| matches!(record, Record::Committed { .. }));
        match ending.outcome.kind() {
            OutcomeKind::Succeeded if !founded || committed => self.as_after(what),
            OutcomeKind::RolledBack | OutcomeKind::Refused => self.as_before(what),
            kind => panic!("{}, {what}: it ended as {kind:?}: {}\n{}", self.name, why(&ending), self.told()),
        }
        // And never twice.
        assert_eq!(ask().ok(), Some(Asked::Known), "{}, {what}", self.name);
        let records = self.records().len();
        assert_eq!(work().outcome, ending.outcome, "{}, {what}", self.name);
        assert_eq!(self.records().len(), records, "{}, {what}: it acted again", self.name);
        // Nothing stands in the way of a new attempt.
        if ending.outcome.kind() != OutcomeKind::Succeeded {
            self.lab.rewind();
            let again: Task = self.task.clone();
            let ending = self.lab.run(again);
            assert_eq!(ending.outcome.kind(), OutcomeKind::Succeeded, "{}, {what}: {}", self.name, why(&ending));
        }
    }
}
