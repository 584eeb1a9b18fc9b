//! Hooks: programs that an operator puts beside tasks, and what they are told.
//!
//! A hook lies in `hooks/TASK/PHASE.d/` of the home, where `TASK` is the name of a kind of task, or `all`. It reads
//! one [`HookInput`] as JSON from standard input; `hook` in `docs/protocol.schema.json`
//! is the JSON Schema of that.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AttemptId, ContextName, OutcomeKind, PlatformContext, ServerContext, SiteContext, Task};

/// The version of what hooks are told that this build writes.
pub const HOOK_VERSION: u32 = 1;

/// The folder of hooks for tasks of every kind. No kind has this name.
pub const EVERY_KIND: &str = "all";

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HookPhase {
    /// Before anything else. It reads only; if it fails the task is refused.
    Check,
    /// Right before the task changes anything. If it fails the task is taken back.
    Before,
    /// When the task happened. If it fails, it is owed.
    After,
    /// When the task was taken back, behind all else of that.
    Rollback,
}

impl HookPhase {
    /// All of them.
    pub const ALL: [HookPhase; 4] = [HookPhase::Check, HookPhase::Before, HookPhase::After, HookPhase::Rollback];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            HookPhase::Check => "check",
            HookPhase::Before => "before",
            HookPhase::After => "after",
            HookPhase::Rollback => "rollback",
        }
    }

    /// The name of the folder with its hooks.
    pub fn folder(self) -> &'static str {
        match self {
            HookPhase::Check => "check.d",
            HookPhase::Before => "before.d",
            HookPhase::After => "after.d",
            HookPhase::Rollback => "rollback.d",
        }
    }

    /// How the task ended, as far as that is known when the hook runs.
    pub fn outcome(self) -> Option<OutcomeKind> {
        match self {
            HookPhase::Check | HookPhase::Before => None,
            HookPhase::After => Some(OutcomeKind::Succeeded),
            HookPhase::Rollback => Some(OutcomeKind::RolledBack),
        }
    }
}

/// What a hook is told. No secret is in it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HookInput {
    /// [`HOOK_VERSION`]
    pub version: u32,
    /// Why it runs.
    pub phase: HookPhase,
    /// The attempt. A hook that runs twice for one attempt and phase is told the same.
    pub attempt: AttemptId,
    /// What was asked for, as at the seam; its kind is `task.kind`.
    pub task: Task,
    /// The object it is about.
    pub object: ContextName,
    /// Who asked, as the log says it.
    pub asked_by: Option<String>,
    /// The home.
    #[schemars(with = "String")]
    pub home: PathBuf,
    /// How the task ended; nothing while that is open.
    pub outcome: Option<OutcomeKind>,
    /// What was saved when the task began.
    pub was: HookObjects,
    /// What is saved now: another thing than `was` behind a task that happened.
    pub now: HookObjects,
}

/// What is saved of the objects of a task; of what is not there, nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HookObjects {
    /// The site that the task is about.
    pub site: Option<Box<SiteContext>>,
    /// The platform that it is about, or that the site lives on.
    pub platform: Option<Box<PlatformContext>>,
    /// The server that it is about, or that serves the platform.
    pub server: Option<Box<ServerContext>>,
    /// The server with the site's database.
    pub db_server: Option<Box<ServerContext>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TaskKind;

    #[test]
    fn no_kind_of_task_has_the_name_of_all_of_them() {
        assert!(TaskKind::ALL.iter().all(|kind| kind.as_str() != EVERY_KIND));
    }

    #[test]
    fn a_phase_has_the_name_that_it_is_told_by() {
        for phase in HookPhase::ALL {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.as_str());
            assert_eq!(phase.folder(), format!("{}.d", phase.as_str()));
        }
    }
}
