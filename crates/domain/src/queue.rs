//! The queue in words: where a task stands, how urgent it is, what it holds while it runs.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{BadText, text_type, word_enum};
use crate::{LockMode, OutcomeKind};

word_enum! {
    /// Where a task stands.
    TaskState, "the state of a task" {
        /// Queued.
        Waiting = "waiting",
        /// An attempt runs.
        Running = "running",
        /// An attempt was started, and its machine does not answer: nobody knows how it goes.
        OutOfContact = "out-of-contact",
        /// All of it happened.
        Succeeded = "succeeded",
        /// A check said no; nothing was touched.
        Refused = "refused",
        /// Failed, or cancelled in the middle, and the world is as it was.
        RolledBack = "rolled-back",
        /// Failed, and an undo failed too.
        Stuck = "stuck",
        /// The result is in service; a clean-up is owed.
        Untidy = "untidy",
        /// Cancelled before it began.
        Cancelled = "cancelled",
    }
}

impl TaskState {
    /// Whether nothing more happens to it by itself.
    pub fn is_ended(self) -> bool {
        !matches!(self, TaskState::Waiting | TaskState::Running | TaskState::OutOfContact)
    }

    /// Whether it holds its object and its locks.
    pub fn is_active(self) -> bool {
        matches!(self, TaskState::Running | TaskState::OutOfContact)
    }
}

impl From<OutcomeKind> for TaskState {
    fn from(outcome: OutcomeKind) -> TaskState {
        match outcome {
            OutcomeKind::Succeeded => TaskState::Succeeded,
            OutcomeKind::Refused => TaskState::Refused,
            OutcomeKind::RolledBack => TaskState::RolledBack,
            OutcomeKind::Stuck => TaskState::Stuck,
            OutcomeKind::Untidy => TaskState::Untidy,
        }
    }
}

word_enum! {
    /// Who goes first.
    Priority, "a priority" {
        /// A person asked, and waits.
        Person = "person",
        /// A queue or another task asked.
        Scheduled = "scheduled",
    }
}

word_enum! {
    /// Where an attempt stands.
    AttemptState, "the state of an attempt" {
        /// Claimed; its back end has not spoken yet.
        Starting = "starting",
        /// Its back end has spoken.
        Running = "running",
        /// Its outcome is known.
        Ended = "ended",
    }
}

/// The name of an operation: `verify`, `install`.
///
/// Invariant: 1 to 64 bytes of `a-z`, `0-9` or `-`, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperationName(String);
text_type!(OperationName);

impl FromStr for OperationName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && text.starts_with(|c: char| c.is_ascii_lowercase());
        if !fits {
            return Err(BadText::new(text, "the name of an operation", "it is not 1 to 64 of `a-z`, `0-9` and `-`")
                .instead("give a name such as `verify`"));
        }
        Ok(OperationName(text.to_owned()))
    }
}

/// A lock that a task holds while it runs: the name its back end will lock, and whether others may hold it too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct TaskLock {
    /// As the back end names it: `site-www.example.org`, `platform-d10`.
    pub name: String,
    /// Alone, or with others.
    pub mode: LockMode,
}

impl TaskLock {
    /// One that is held alone.
    pub fn exclusive(name: impl Into<String>) -> TaskLock {
        TaskLock { name: name.into(), mode: LockMode::Exclusive }
    }

    /// One that others may hold shared too.
    pub fn shared(name: impl Into<String>) -> TaskLock {
        TaskLock { name: name.into(), mode: LockMode::Shared }
    }

    /// Whether the two keep each other out.
    pub fn excludes(&self, other: &TaskLock) -> bool {
        self.name == other.name && (self.mode == LockMode::Exclusive || other.mode == LockMode::Exclusive)
    }
}

impl fmt::Display for TaskLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mode {
            LockMode::Exclusive => write!(f, "{} (alone)", self.name),
            LockMode::Shared => write!(f, "{} (shared)", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_locks_keep_only_exclusive_ones_out() {
        let (shared, alone) = (TaskLock::shared("platform-d10"), TaskLock::exclusive("platform-d10"));

        assert!(!shared.excludes(&shared));
        assert!(shared.excludes(&alone) && alone.excludes(&shared) && alone.excludes(&alone));
        assert!(!alone.excludes(&TaskLock::exclusive("platform-d7")));
    }

    #[test]
    fn a_state_is_waiting_active_or_ended() {
        for state in TaskState::ALL {
            let ways = [state == TaskState::Waiting, state.is_active(), state.is_ended()];
            assert_eq!(ways.iter().filter(|way| **way).count(), 1, "{state}");
        }
    }
}
