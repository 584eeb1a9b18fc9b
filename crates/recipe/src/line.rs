//! The kinds of line, kept apart by their types, and what the engine asks of the world.

use std::time::Duration;

use aegir_domain::Fault;
use aegir_domain::protocol::Said;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Committed, Run};

/// A task: a function that reads as its recipe.
pub trait Recipe<W: Ground> {
    /// Runs the lines, in order. Ends with [`Run::point_of_no_return`].
    fn run(&self, run: &mut Run<'_, W>) -> Result<Committed, Fault>;
}

/// A line that reads only, and refuses what is unsafe before anything is touched.
pub trait Check<W> {
    /// What it found.
    type Output;
    /// Its name in the log: kebab-case.
    const NAME: &'static str;
    /// How long it may take.
    const LIMIT: Duration = Duration::from_secs(60);

    /// Looks, and touches nothing.
    fn look(&self, world: &W) -> Result<Self::Output, Fault>;
}

/// A line that changes the world. Its fields are its inputs, which hold no secret.
pub trait Action<W>: Serialize + DeserializeOwned {
    /// What later lines may need of it.
    type Output;
    /// Its name in journal and log: kebab-case, unique, for ever.
    const NAME: &'static str;
    /// How long it may take.
    const LIMIT: Duration = Duration::from_secs(60);
    /// Whether something of it stays when the task succeeds; what only the task itself needs does not.
    const LASTS: bool = true;

    /// Does it. May run twice.
    fn apply(&self, world: &W) -> Result<Self::Output, Fault>;
}

/// A line before the point of no return: it can be taken back.
pub trait Undo<W>: Action<W> {
    /// Takes it back, whether it was done, half done, or never begun. May run twice.
    fn undo(&self, world: &W) -> Result<(), Fault>;
}

/// A line behind the point of no return that puts the new state fully in service. Retried until done.
pub trait Finish<W>: Action<W, Output = ()> {}

/// A line behind the point of no return that removes what is no longer needed. Three tries, then owed.
pub trait Cleanup<W>: Action<W, Output = ()> {}

/// What the engine asks of the world that a task changes.
pub trait Ground {
    /// A line begins: what it starts must end within `limit`.
    fn begin_line(&self, name: &str, limit: Duration);

    /// Whether somebody asked for the task to be cancelled.
    fn cancelled(&self) -> bool;

    /// Syncs every file system that was touched, so that power loss right after the point of no
    /// return loses nothing of what came before it.
    fn make_durable(&self) -> Result<(), Fault>;

    /// A task is about to be taken back: gives up what was held ready for that, such as room on a disk.
    fn before_undo(&self) {}

    /// Whether `fault` may pass by itself, as of a service that is restarting.
    fn may_pass(&self, fault: &Fault) -> bool;

    /// Waits, between two tries.
    fn pause(&self, time: Duration);

    /// Time since some fixed moment, to measure how long a line took.
    fn elapsed(&self) -> Duration;
}

/// Hears what happens, for the log.
pub trait Teller {
    /// Something happened.
    fn tell(&self, said: Said);
}
