//! What is to go wrong in a proof. Rollback is proved, not hoped for: every task is run with a
//! failure at each of its lines, with each line applied and undone twice, and killed at each record
//! of its journal.

use aegir_domain::{Fault, Remedy};

/// Whether a line fails before it acts or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before it acts.
    Before,
    /// After it acted, as if its last statement had failed.
    After,
}

/// What is to go wrong. Nothing, by default.
#[derive(Clone, Debug, Default)]
pub struct Drill {
    /// The line that fails, from 1 on; checks and the point of no return count as lines.
    pub fail_at: Option<(u32, When)>,
    /// The line behind the point of no return that fails, from 0 on, and how often.
    pub fail_after: Option<(u32, u32)>,
    /// Whether each line is applied twice.
    pub apply_twice: bool,
    /// Whether each undo runs twice.
    pub undo_twice: bool,
}

impl Drill {
    pub(crate) fn fail(&self, line: u32, when: When) -> Result<(), Fault> {
        match self.fail_at {
            Some(at) if at == (line, when) => Err(Drilled { line }.into()),
            _ => Ok(()),
        }
    }

    pub(crate) fn fail_after(&self, place: u32, tries: u32) -> Result<(), Fault> {
        match self.fail_after {
            Some((at, times)) if at == place && tries <= times => Err(Drilled { line: place }.into()),
            _ => Ok(()),
        }
    }
}

/// A failure that a proof asked for.
#[derive(Debug, thiserror::Error)]
#[error("a proof let line {line} fail")]
pub struct Drilled {
    /// Which line.
    pub line: u32,
}

impl Remedy for Drilled {}
