//! What a recipe calls for each of its lines.

use std::marker::PhantomData;

use aegir_domain::protocol::{Phase, Said};
use aegir_domain::{Fault, Remedy};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::journal::{self, AfterKind, AfterLine, JournalFault, Record};
use crate::proof::{Drill, When};
use crate::{Check, Cleanup, Finish, Ground, Journal, Lines, Teller, Undo};

/// One run of one recipe: every line goes through it.
pub struct Run<'a, W> {
    pub(crate) world: &'a W,
    pub(crate) lines: &'a Lines<W>,
    pub(crate) journal: &'a mut dyn Journal,
    pub(crate) teller: &'a dyn Teller,
    pub(crate) drill: &'a Drill,
    /// Lines of any kind that began, for their numbers.
    pub(crate) line: u32,
    /// Steps that began and stand, first one first.
    pub(crate) standing: Vec<(u32, String, Value)>,
    pub(crate) after: Vec<AfterLine>,
    pub(crate) answer: Map<String, Value>,
    pub(crate) secret_answer: Map<String, Value>,
    pub(crate) changed: bool,
    /// Whether any step began.
    pub(crate) acted: bool,
    /// The journal could not be written and may say something else than happened.
    pub(crate) journal_lost: bool,
    /// What happens right before the first step, see [`Run::ahead_of_the_first_step`].
    pub(crate) ahead: Option<Ahead<W>>,
    /// What comes behind all lines of the recipe, see [`Run::behind_the_last_line`].
    pub(crate) behind: Option<Afterwards<W>>,
}

/// Lines that go ahead of a recipe's first step.
pub(crate) type Ahead<W> = Box<dyn FnOnce(&mut Run<'_, W>) -> Result<(), Fault>>;

/// Proof that the point of no return was passed. Only [`Run::point_of_no_return`] makes one.
pub struct Committed(pub(crate) ());

impl<'a, W: Ground> Run<'a, W> {
    /// Looks at the world; refuses what is unsafe.
    pub fn check<C: Check<W>>(&mut self, check: C) -> Result<C::Output, Fault> {
        let line = self.next(C::NAME, C::LIMIT, Phase::Checking)?;
        let began = self.world.elapsed();
        self.drill.fail(line, When::Before)?;
        let found = check.look(self.world).inspect_err(|_| self.ended(line, C::NAME, Phase::Failed, began))?;
        self.drill.fail(line, When::After)?;
        self.ended(line, C::NAME, Phase::Checked, began);
        Ok(found)
    }

    /// Has `lines` happen right before the recipe's first step, so behind the checks that come before it; in a recipe
    /// that turns out to have no step, before the point of no return. They are undone last.
    pub fn ahead_of_the_first_step(&mut self, lines: impl FnOnce(&mut Run<'_, W>) -> Result<(), Fault> + 'static) {
        self.ahead = Some(Box::new(lines));
    }

    /// Has `afterwards` follow all that the recipe itself has follow its point of no return.
    pub fn behind_the_last_line(&mut self, afterwards: Afterwards<W>) {
        self.behind = Some(afterwards);
    }

    /// Changes the world; undone if a later line fails.
    pub fn step<S: Undo<W>>(&mut self, step: S) -> Result<S::Output, Fault> {
        self.go_ahead()?;
        self.lines.knows_step(S::NAME)?;
        let line = self.next(S::NAME, S::LIMIT, Phase::Doing)?;
        let began = self.world.elapsed();
        self.drill.fail(line, When::Before)?;
        let inputs = inputs_of(&step)?;
        self.write(&Record::Begun { line, name: S::NAME.into(), inputs: inputs.clone() }, true)?;
        // Pushed before `apply`: a step that fails half way must be undone too.
        self.standing.push((line, S::NAME.into(), inputs));
        self.acted = true;
        self.changed |= S::LASTS;
        let mut output = step.apply(self.world).inspect_err(|_| self.ended(line, S::NAME, Phase::Failed, began))?;
        if self.drill.apply_twice {
            output = step.apply(self.world)?;
        }
        self.drill.fail(line, When::After)?;
        // Not synced: a step that is done and one that is not are undone alike; the next record's sync carries it.
        self.write(&Record::Done { line }, false)?;
        self.ended(line, S::NAME, Phase::Done, began);
        Ok(output)
    }

    /// Ends the recipe: what follows is recorded whole, and from here on there is no way back.
    pub fn point_of_no_return(&mut self, afterwards: Afterwards<W>) -> Result<Committed, Fault> {
        self.go_ahead()?;
        let afterwards = afterwards.then(self.behind.take());
        if let Some(fault) = afterwards.fault {
            return Err(fault);
        }
        for line in &afterwards.lines {
            self.lines.knows_after(&line.name)?;
        }
        if self.world.cancelled() {
            return Err(Cancelled.into());
        }
        self.line += 1;
        self.drill.fail(self.line, When::Before)?;
        if self.acted {
            self.world.make_durable()?;
        }
        let record = Record::Committed {
            line: self.line,
            afterwards: afterwards.lines.clone(),
            answer: self.answer.clone(),
            changed: self.changed,
        };
        self.write(&record, self.acted || !afterwards.lines.is_empty())?;
        self.after = afterwards.lines;
        self.tell(self.line, "point-of-no-return", Phase::Committed, None);
        Ok(Committed(()))
    }

    /// The world, for what is chosen between lines. Lines alone change it.
    pub fn world(&self) -> &'a W {
        self.world
    }

    /// Adds to what the task has to say at its end.
    pub fn answer(&mut self, name: &str, value: impl Into<Value>) {
        self.answer.insert(name.into(), value.into());
    }

    /// Adds each field of `answer` to what the task has to say at its end.
    pub fn answer_with(&mut self, answer: &impl Serialize) {
        // What is no object has no names, and no task answers with such a thing.
        if let Ok(Value::Object(fields)) = serde_json::to_value(answer) {
            self.answer.extend(fields);
        }
    }

    /// Adds something to the answer that is given once and kept nowhere, such as a login link.
    pub fn secret_answer(&mut self, name: &str, value: impl Into<Value>) {
        self.secret_answer.insert(name.into(), value.into());
    }

    /// Says a sentence to the operator.
    pub fn say(&self, text: impl Into<String>) {
        self.teller.tell(Said::Log { level: aegir_domain::protocol::Level::Info, text: text.into(), output: None });
    }

    fn go_ahead(&mut self) -> Result<(), Fault> {
        // Taken first: its own steps come by here too.
        match self.ahead.take() {
            Some(lines) => lines(self),
            None => Ok(()),
        }
    }

    fn next(&mut self, name: &str, limit: std::time::Duration, phase: Phase) -> Result<u32, Fault> {
        if self.world.cancelled() {
            return Err(Cancelled.into());
        }
        self.line += 1;
        self.world.begin_line(name, limit);
        self.tell(self.line, name, phase, None);
        Ok(self.line)
    }

    fn write(&mut self, record: &Record, sync: bool) -> Result<(), Fault> {
        self.journal.append(record, sync).map_err(|error| {
            self.journal_lost |= matches!(error, JournalFault::Lost(_));
            journal::fault(error)
        })
    }

    fn ended(&self, line: u32, name: &str, phase: Phase, began: std::time::Duration) {
        let took = self.world.elapsed().saturating_sub(began);
        self.tell(line, name, phase, Some(took.as_millis() as u64));
    }

    fn tell(&self, line: u32, name: &str, phase: Phase, took: Option<u64>) {
        self.teller.tell(Said::Step { line, name: name.to_owned(), phase, took });
    }
}

/// The lines behind the point of no return, declared before it is passed.
pub struct Afterwards<W> {
    lines: Vec<AfterLine>,
    fault: Option<Fault>,
    world: PhantomData<fn(&W)>,
}

impl<W> Default for Afterwards<W> {
    fn default() -> Self {
        Afterwards::new()
    }
}

impl<W> Afterwards<W> {
    /// Nothing follows.
    pub fn new() -> Self {
        Afterwards { lines: Vec::new(), fault: None, world: PhantomData }
    }

    /// Then this, retried until done.
    pub fn finish<F: Finish<W>>(self, line: F) -> Self {
        self.with(AfterKind::Finish, F::NAME, &line)
    }

    /// Then this; owed after three tries.
    pub fn cleanup<C: Cleanup<W>>(self, line: C) -> Self {
        self.with(AfterKind::Cleanup, C::NAME, &line)
    }

    fn then(mut self, more: Option<Afterwards<W>>) -> Self {
        if let Some(more) = more {
            self.lines.extend(more.lines);
            self.fault = self.fault.or(more.fault);
        }
        self
    }

    fn with<L: serde::Serialize>(mut self, kind: AfterKind, name: &str, line: &L) -> Self {
        match inputs_of(line) {
            Ok(inputs) => self.lines.push(AfterLine { kind, name: name.into(), inputs }),
            Err(fault) => self.fault = Some(fault),
        }
        self
    }
}

fn inputs_of<L: serde::Serialize>(line: &L) -> Result<Value, Fault> {
    Ok(serde_json::to_value(line).map_err(NoInputs)?)
}

#[derive(Debug, thiserror::Error)]
#[error("the inputs of a line cannot be written down")]
struct NoInputs(#[source] serde_json::Error);

impl Remedy for NoInputs {}

/// Somebody asked for the task to be cancelled.
#[derive(Debug, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

impl Remedy for Cancelled {}
