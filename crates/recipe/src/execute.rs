//! Runs a recipe from its first line to its outcome.

use std::time::Duration;

use aegir_domain::protocol::{Level, Phase, Said};
use aegir_domain::{Fault, FaultReport, Left, Outcome};
use serde_json::{Map, Value};

use crate::journal::{AfterKind, AfterLine, Record};
use crate::lines::is_foreign;
use crate::proof::Drill;
use crate::{Cancelled, Ground, Journal, Lines, Recipe, Run, Teller};

/// How long an undo waits for a service that is restarting.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a clean-up is tried before it is owed.
const TRIES: u32 = 3;

/// What it takes to run recipes in a world, and to take them back.
pub struct Executor<'a, W> {
    /// The world.
    pub world: &'a W,
    /// All lines that a journal may name.
    pub lines: &'a Lines<W>,
    /// Who hears what happens.
    pub teller: &'a dyn Teller,
    /// What is to go wrong, in a proof.
    pub drill: Drill,
}

/// How a run ended, and what it had to say.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// What it found or made.
    pub answer: Map<String, Value>,
    /// What is to be given once and kept nowhere.
    pub secret_answer: Map<String, Value>,
    /// Whether anything was changed, and stands.
    pub changed: bool,
    /// Whether the world may have been touched at all. If not, a power loss may forget that the task was asked for.
    pub acted: bool,
}

impl<W: Ground> Executor<'_, W> {
    /// Runs `recipe`, and takes it back if it fails. Returns when nothing is left to do, or nothing more can be done.
    pub fn execute(&self, recipe: &dyn Recipe<W>, journal: &mut dyn Journal) -> Ended {
        let mut run = Run {
            world: self.world,
            lines: self.lines,
            journal,
            teller: self.teller,
            drill: &self.drill,
            line: 0,
            standing: Vec::new(),
            after: Vec::new(),
            answer: Map::new(),
            secret_answer: Map::new(),
            changed: false,
            acted: false,
            journal_lost: false,
            ahead: None,
            behind: None,
        };
        let result = recipe.run(&mut run);
        let Run { line, standing, after, answer, secret_answer, changed, acted, journal_lost, .. } = run;
        match result {
            Ok(_committed) => {
                let after: Vec<_> = after.into_iter().map(|line| (line, false)).collect();
                if after.is_empty() {
                    // What there was to keep was made durable before the point of no return was passed, and
                    // whoever finds that record without this one comes to the same end and does nothing.
                    end(journal, &Outcome::Succeeded, false);
                    return Ended { outcome: Outcome::Succeeded, answer, secret_answer, changed, acted };
                }
                let outcome = self.carry_on(after, line, journal);
                self.close(journal, &outcome, true);
                Ended { outcome, answer, secret_answer, changed, acted: true }
            }
            Err(fault) => {
                let cancelled = fault.downcast_ref::<Cancelled>().is_some();
                let fault = fault.report();
                self.say(Level::Error, &fault);
                let outcome = match journal_lost {
                    // What the journal says may differ from what we know: whoever reads it afresh decides.
                    true => {
                        let left = standing.iter().rev().map(|(_, line, _)| Left { line: line.clone(), fault: None });
                        return Ended { acted, ..Ended::failed(Outcome::Stuck { fault, left: left.collect() }) };
                    }
                    false if standing.is_empty() && !cancelled => Outcome::Refused { fault },
                    false => self.take_back(standing, fault, journal),
                };
                self.close(journal, &outcome, acted);
                Ended { acted, ..Ended::failed(outcome) }
            }
        }
    }

    /// Undoes `standing`, last line first. A failing undo stops the walk there.
    pub(crate) fn take_back(
        &self,
        mut standing: Vec<(u32, String, Value)>,
        fault: FaultReport,
        journal: &mut dyn Journal,
    ) -> Outcome {
        self.world.before_undo();
        while let Some((line, name, inputs)) = standing.last() {
            self.tell(*line, name, Phase::Undoing, None);
            let began = self.world.elapsed();
            if let Err(failed) = self.undo(name, inputs) {
                let failed = failed.report();
                self.say(Level::Error, &failed);
                self.tell(*line, name, Phase::Failed, None);
                let mut left: Vec<Left> =
                    standing.iter().rev().map(|(_, line, _)| Left { line: line.clone(), fault: None }).collect();
                left[0].fault = Some(failed);
                return Outcome::Stuck { fault, left };
            }
            let took = self.world.elapsed().saturating_sub(began);
            self.tell(*line, name, Phase::Undone, Some(took.as_millis() as u64));
            // If this cannot be written (a full disk), going on is still right: an undo may run twice.
            let _ = journal.append(&Record::Undone { line: *line }, false);
            standing.pop();
        }
        Outcome::RolledBack { fault }
    }

    fn undo(&self, name: &str, inputs: &Value) -> Result<(), Fault> {
        let (undo, limit) = self.lines.undo_of(name)?;
        let began = self.world.elapsed();
        loop {
            self.world.begin_line(name, limit);
            let result = undo(inputs, self.world).and_then(|()| match self.drill.undo_twice {
                true => undo(inputs, self.world),
                false => Ok(()),
            });
            match result {
                Err(fault) if self.world.may_pass(&fault) && self.world.elapsed().saturating_sub(began) < PATIENCE => {
                    self.world.pause(Duration::from_secs(1));
                }
                result => return result,
            }
        }
    }

    /// Carries on behind the point of no return, which is the recipe's line `at`.
    pub(crate) fn carry_on(&self, after: Vec<(AfterLine, bool)>, at: u32, journal: &mut dyn Journal) -> Outcome {
        let mut owed = None;
        for (place, (line, done)) in (0u32..).zip(after) {
            if done {
                continue;
            }
            // No two lines of an attempt are told by one place: who listens keeps one entry for each.
            let told = at.saturating_add(1).saturating_add(place);
            let mut tries = 0;
            loop {
                tries += 1;
                self.tell(told, &line.name, Phase::Finishing, None);
                let began = self.world.elapsed();
                let result = self.lines.after_of(&line.name).map_err(Fault::from).and_then(|(act, limit)| {
                    self.world.begin_line(&line.name, limit);
                    self.drill.fail_after(place, tries)?;
                    act(&line.inputs, self.world)?;
                    if self.drill.apply_twice { act(&line.inputs, self.world) } else { Ok(()) }
                });
                match result {
                    Ok(()) => {
                        let took = self.world.elapsed().saturating_sub(began);
                        self.tell(told, &line.name, Phase::Finished, Some(took.as_millis() as u64));
                        // Not written: it is done again by `recover`, which it accepts.
                        let _ = journal.append(&Record::Finished { after: place }, false);
                        break;
                    }
                    Err(fault) if is_foreign(&fault) => {
                        let fault = fault.report();
                        self.say(Level::Error, &fault);
                        let left = vec![Left { line: line.name, fault: Some(fault.clone()) }];
                        return Outcome::Stuck { fault, left };
                    }
                    Err(fault) if line.kind == AfterKind::Cleanup && tries >= TRIES => {
                        let fault = fault.report();
                        self.say(Level::Warning, &fault);
                        self.tell(told, &line.name, Phase::Owed, None);
                        owed.get_or_insert(fault);
                        break;
                    }
                    Err(fault) => {
                        self.say(Level::Warning, &fault.report());
                        self.world.pause(Duration::from_secs(1 << tries.min(5)));
                    }
                }
            }
        }
        match owed {
            None => Outcome::Succeeded,
            Some(fault) => Outcome::Untidy { fault },
        }
    }

    pub(crate) fn close(&self, journal: &mut dyn Journal, outcome: &Outcome, acted: bool) {
        // What was taken back or removed must not come back after a power loss with nobody to see to it.
        // If that fails, `recover` finds the task unfinished and comes to the same end.
        if !acted || self.world.make_durable().is_ok() {
            end(journal, outcome, acted);
        }
    }

    fn say(&self, level: Level, fault: &FaultReport) {
        self.teller.tell(Said::Log { level, text: aegir_domain::Report(fault).to_string(), output: None });
    }

    fn tell(&self, line: u32, name: &str, phase: Phase, took: Option<u64>) {
        self.teller.tell(Said::Step { line, name: name.to_owned(), phase, took });
    }
}

/// Writes down how it ended. If that fails, `recover` finds the task unfinished and comes to the same end.
///
/// Synced if somebody who does not find it would act: undo again, or carry on again, in a world that others have
/// changed since.
fn end(journal: &mut dyn Journal, outcome: &Outcome, sync: bool) {
    let _ = journal.append(&Record::Ended(outcome.clone()), sync);
}

impl Ended {
    /// An end without an answer, of a task that did not act.
    pub fn failed(outcome: Outcome) -> Ended {
        Ended { outcome, answer: Map::new(), secret_answer: Map::new(), changed: false, acted: false }
    }
}
