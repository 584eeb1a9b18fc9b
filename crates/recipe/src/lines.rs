//! The one list that maps the names of lines to what takes them back or carries them on.

use std::collections::BTreeMap;
use std::time::Duration;

use aegir_domain::{Fault, Remedy};
use serde_json::Value;

use crate::{Cleanup, Finish, Undo};

type Act<W> = fn(&Value, &W) -> Result<(), Fault>;

struct Entry<W> {
    act: Act<W>,
    limit: Duration,
}

/// All lines that a journal may name. A line that is not listed here is refused before it acts.
pub struct Lines<W> {
    undos: BTreeMap<&'static str, Entry<W>>,
    afters: BTreeMap<&'static str, Entry<W>>,
}

impl<W> Default for Lines<W> {
    fn default() -> Self {
        Lines::new()
    }
}

impl<W> Lines<W> {
    /// An empty list.
    pub fn new() -> Self {
        Lines { undos: BTreeMap::new(), afters: BTreeMap::new() }
    }

    /// Lists a step.
    pub fn undo<S: Undo<W>>(mut self) -> Self {
        let before = self.undos.insert(S::NAME, Entry { act: undo::<W, S>, limit: S::LIMIT });
        assert!(before.is_none(), "two steps are named `{}`", S::NAME);
        self
    }

    /// Lists a line that finishes.
    pub fn finish<F: Finish<W>>(mut self) -> Self {
        let before = self.afters.insert(F::NAME, Entry { act: carry_on::<W, F>, limit: F::LIMIT });
        assert!(before.is_none(), "two lines behind the point of no return are named `{}`", F::NAME);
        self
    }

    /// Lists a line that cleans up.
    pub fn cleanup<C: Cleanup<W>>(mut self) -> Self {
        let before = self.afters.insert(C::NAME, Entry { act: carry_on::<W, C>, limit: C::LIMIT });
        assert!(before.is_none(), "two lines behind the point of no return are named `{}`", C::NAME);
        self
    }

    /// The names of all steps.
    pub fn steps(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.undos.keys().copied()
    }

    pub(crate) fn knows_step(&self, name: &str) -> Result<(), UnknownLine> {
        self.undos.get(name).map(|_| ()).ok_or_else(|| UnknownLine { name: name.to_owned() })
    }

    pub(crate) fn knows_after(&self, name: &str) -> Result<(), UnknownLine> {
        self.afters.get(name).map(|_| ()).ok_or_else(|| UnknownLine { name: name.to_owned() })
    }

    pub(crate) fn undo_of(&self, name: &str) -> Result<(Act<W>, Duration), UnknownLine> {
        let entry = self.undos.get(name).ok_or_else(|| UnknownLine { name: name.to_owned() })?;
        Ok((entry.act, entry.limit))
    }

    pub(crate) fn after_of(&self, name: &str) -> Result<(Act<W>, Duration), UnknownLine> {
        let entry = self.afters.get(name).ok_or_else(|| UnknownLine { name: name.to_owned() })?;
        Ok((entry.act, entry.limit))
    }
}

fn undo<W, S: Undo<W>>(inputs: &Value, world: &W) -> Result<(), Fault> {
    read::<S>(S::NAME, inputs)?.undo(world)
}

fn carry_on<W, A: crate::Action<W, Output = ()>>(inputs: &Value, world: &W) -> Result<(), Fault> {
    read::<A>(A::NAME, inputs)?.apply(world)
}

fn read<L: serde::de::DeserializeOwned>(name: &str, inputs: &Value) -> Result<L, UnreadableInputs> {
    serde_json::from_value(inputs.clone()).map_err(|source| UnreadableInputs { name: name.to_owned(), source })
}

/// Whether a journal says something that this build cannot read: trying again is no use.
pub(crate) fn is_foreign(fault: &Fault) -> bool {
    fault.downcast_ref::<UnknownLine>().is_some() || fault.downcast_ref::<UnreadableInputs>().is_some()
}

/// A journal names a line that this build does not have.
#[derive(Debug, thiserror::Error)]
#[error("this build has no line named `{name}`")]
pub struct UnknownLine {
    /// The name.
    pub name: String,
}

impl Remedy for UnknownLine {
    fn remedy(&self) -> Option<String> {
        Some("run `aegir provision recover` with the version of Ægir that began this task".into())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the journal's inputs of `{name}` cannot be read")]
struct UnreadableInputs {
    name: String,
    source: serde_json::Error,
}

impl Remedy for UnreadableInputs {
    fn remedy(&self) -> Option<String> {
        Some("run `aegir provision recover` with the version of Ægir that began this task".into())
    }
}
