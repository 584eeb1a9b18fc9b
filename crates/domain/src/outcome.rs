//! How a task ended: a closed set, each with its exit code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::FaultReport;

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// All of it happened.
    Succeeded,
    /// A check said no. Nothing was touched.
    Refused {
        /// Why.
        fault: FaultReport,
    },
    /// Failed or cancelled, and the world is as it was.
    RolledBack {
        /// Why.
        fault: FaultReport,
    },
    /// Failed, and an undo failed too. Says exactly what is left.
    Stuck {
        /// Why the task failed.
        fault: FaultReport,
        /// The lines that could not be undone, the first failure first, and why.
        left: Vec<Left>,
    },
    /// The result is in service; removing the old remains failed and will be retried.
    Untidy {
        /// What could not be removed.
        fault: FaultReport,
    },
}

/// A line that still stands after a failed undo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Left {
    /// The name of the line.
    pub line: String,
    /// Why it could not be undone; `None` if its undo was not tried, because an earlier one failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultReport>,
}

/// The five outcomes without their details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// See [`Outcome::Succeeded`].
    Succeeded,
    /// See [`Outcome::Refused`].
    Refused,
    /// See [`Outcome::RolledBack`].
    RolledBack,
    /// See [`Outcome::Stuck`].
    Stuck,
    /// See [`Outcome::Untidy`].
    Untidy,
}

impl Outcome {
    /// Which of the five.
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Outcome::Succeeded => OutcomeKind::Succeeded,
            Outcome::Refused { .. } => OutcomeKind::Refused,
            Outcome::RolledBack { .. } => OutcomeKind::RolledBack,
            Outcome::Stuck { .. } => OutcomeKind::Stuck,
            Outcome::Untidy { .. } => OutcomeKind::Untidy,
        }
    }

    /// The exit code of a program that ran the task.
    pub fn exit_code(&self) -> u8 {
        match self {
            Outcome::Succeeded | Outcome::Untidy { .. } => 0,
            Outcome::Refused { .. } => exit_code::REFUSED,
            Outcome::RolledBack { .. } => exit_code::ROLLED_BACK,
            Outcome::Stuck { .. } => exit_code::STUCK,
        }
    }

    /// What went wrong, if anything did.
    pub fn fault(&self) -> Option<&FaultReport> {
        match self {
            Outcome::Succeeded => None,
            Outcome::Refused { fault }
            | Outcome::RolledBack { fault }
            | Outcome::Stuck { fault, .. }
            | Outcome::Untidy { fault } => Some(fault),
        }
    }
}

/// Exit codes of the program, besides 0.
pub mod exit_code {
    /// An error outside any task.
    pub const ERROR: u8 = 1;
    /// Wrong usage, or a confirmation that is missing or does not match.
    pub const USAGE: u8 = 2;
    /// Nothing to do, where the caller asked for that to be told.
    pub const UNCHANGED: u8 = 3;
    /// A check said no; nothing was touched.
    pub const REFUSED: u8 = 4;
    /// Of many, some failed.
    pub const PARTLY_FAILED: u8 = 5;
    /// The task goes on without its caller.
    pub const DETACHED: u8 = 6;
    /// Failed or cancelled, and the world is as it was.
    pub const ROLLED_BACK: u8 = 7;
    /// Failed, and an undo failed too.
    pub const STUCK: u8 = 8;
}
