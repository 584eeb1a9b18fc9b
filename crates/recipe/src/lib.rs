//! Runs a task line by line, remembers what was done, and takes it back on failure.
//!
//! ```text
//!   check … check   step … step   ══ point of no return ══   finish …   cleanup …
//!   reads only      undone in reverse order on failure       until done  three tries, then owed
//! ```
//!
//! A task is an ordinary function ([`Recipe::run`]). Each line that touches the world goes through
//! [`Run`], which writes to the journal before and after. When the process dies, another one finds
//! the journal and undoes what it lists, last line first, or carries on behind the point of no
//! return ([`recover`]). Nothing is replayed: undo works from a line's name and inputs alone.
//!
//! ## Invariants
//!
//! - A line's name and inputs are on disk before it acts.
//! - `undo` is written from the step's inputs alone, because the step may have stopped half way and
//!   left no output. So a name is chosen by an earlier line, and what is replaced is read by one.
//! - `apply` and `undo` may each run twice, and accept «already so».
//! - Inputs hold no secret; a line names where the secret lies.
//! - A line's name and the shape of its inputs are part of what is stored: a release that renames
//!   one keeps the old name readable.
//!
//! This crate knows no Drupal, no file and no clock; [`Ground`] is all that it asks of the world.

mod execute;
mod journal;
mod line;
mod lines;
pub mod proof;
mod recover;
mod run;

pub use execute::{Ended, Executor};
pub use journal::{AfterKind, AfterLine, Journal, JournalFault, MemoryJournal, ProcessGroup, Record, State};
pub use line::{Action, Check, Cleanup, Finish, Ground, Recipe, Teller, Undo};
pub use lines::{Lines, UnknownLine};
pub use recover::recover;
pub use run::{Afterwards, Cancelled, Committed, Run};
