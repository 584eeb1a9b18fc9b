//! Hooks: programs of an operator's own that run beside tasks, as lines of the task's recipe.
//!
//! ```text
//!   hooks/TASK/check.d     check-hook       first of all; one that fails: refused
//!   hooks/TASK/before.d    before-hook      right before the first step; one that fails: taken back
//!      … the task's own lines …
//!   hooks/TASK/after.d     after-hook       behind all clean-ups; one that fails: tried three times, then owed
//!   hooks/TASK/rollback.d  rollback-hook    a step that does nothing, undone behind everything else
//! ```
//!
//! `TASK` is the name of a kind of task at the seam, or `all`. A task without hooks has no line more, and costs one
//! look at the folder.
//!
//! ## Invariants
//!
//! - A line holds the hook's name and what was saved when the task began: whoever recovers the task runs the file that
//!   lies there then, so that a hook that does not work can be put right, or taken away.
//! - No hook runs that somebody other than root and us could have written: looked at for all of them before the
//!   first runs, and for each again right before it does.
//! - Whether a hook ran is known by its line alone: each may run twice.

mod find;
mod look;
pub(crate) mod told;

use std::time::Duration;

use aegir_domain::{Fault, HookObjects, HookPhase, Remedy, Task};
use aegir_host::Ended;
use aegir_recipe::{Action, Afterwards, Cancelled, Check, Cleanup, Committed, Recipe, Run, Undo};
use serde::{Deserialize, Serialize};

use self::find::{Found, Hook};
pub use self::look::look;
use crate::World;
use crate::own_program::{OwnProgram, output};

/// How long a line with a hook may take at the most, whatever the settings say.
const LONGEST: Duration = Duration::from_secs(3600);

/// A task with the hooks that are there for it.
pub(crate) struct Hooked {
    pub(crate) task: Task,
    pub(crate) recipe: Box<dyn Recipe<World>>,
}

impl Recipe<World> for Hooked {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        if find::may_be_any(run.world(), self.task.kind())? {
            self.surround(run)?;
        }
        self.recipe.run(run)
    }
}

impl Hooked {
    fn surround(&self, run: &mut Run<'_, World>) -> Result<(), Fault> {
        let found = run.check(HooksAreOurs { task: self.task.clone() })?;
        if found.hooks.is_empty() {
            return Ok(());
        }
        let was = told::objects(run.world(), &self.task);
        for hook in found.of(HookPhase::Check) {
            run.check(CheckHook { hook, was: was.clone() })?;
        }
        // Undone last line first: so they run in the order of their names, behind all that the task itself takes back.
        let rollback: Vec<Hook> = found.of(HookPhase::Rollback).rev().collect();
        let before: Vec<Hook> = found.of(HookPhase::Before).collect();
        let mut afterwards = Afterwards::new();
        for hook in found.of(HookPhase::After) {
            afterwards = afterwards.cleanup(AfterHook { hook, was: was.clone() });
        }
        run.behind_the_last_line(afterwards);
        run.ahead_of_the_first_step(move |run| {
            for hook in rollback {
                run.step(RollbackHook { hook, was: was.clone() })?;
            }
            for hook in before {
                run.step(BeforeHook { hook, was: was.clone() })?;
            }
            Ok(())
        });
        Ok(())
    }
}

/// No hook of this task could have been written by others than root and us. What is no hook is named.
struct HooksAreOurs {
    task: Task,
}

impl Check<World> for HooksAreOurs {
    type Output = Found;
    const NAME: &'static str = "hooks-are-ours";

    fn look(&self, world: &World) -> Result<Found, Fault> {
        let found = find::find(world.files(), &world.home().hooks(), aegir_host::own_uid(), self.task.kind())?;
        found.left_out.iter().for_each(|left_out| world.say(left_out.to_string()));
        match found.not_ours.first() {
            Some(not_ours) => Err(not_ours.clone().into()),
            None => Ok(found),
        }
    }
}

/// An operator's program says whether the task may begin.
struct CheckHook {
    hook: Hook,
    was: HookObjects,
}

impl Check<World> for CheckHook {
    type Output = ();
    const NAME: &'static str = "check-hook";
    const LIMIT: Duration = LONGEST;

    fn look(&self, world: &World) -> Result<(), Fault> {
        self.hook.must_run(world, &self.was)
    }
}

/// An operator's program runs before the task changes anything. What it did is taken back by [`RollbackHook`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BeforeHook {
    pub(crate) hook: Hook,
    pub(crate) was: HookObjects,
}

impl Action<World> for BeforeHook {
    type Output = ();
    const NAME: &'static str = "before-hook";
    const LIMIT: Duration = LONGEST;
    const LASTS: bool = false;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        self.hook.must_run(world, &self.was)
    }
}

impl Undo<World> for BeforeHook {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // What takes it back is a line of its own, undone behind this one.
        Ok(())
    }
}

/// Holds an operator's program ready, that runs when the task is taken back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RollbackHook {
    pub(crate) hook: Hook,
    pub(crate) was: HookObjects,
}

impl Action<World> for RollbackHook {
    type Output = ();
    const NAME: &'static str = "rollback-hook";
    // Undone, the line runs the hook.
    const LIMIT: Duration = LONGEST;
    const LASTS: bool = false;

    fn apply(&self, _: &World) -> Result<(), Fault> {
        Ok(())
    }
}

impl Undo<World> for RollbackHook {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        self.hook.run_if_there(world, &self.was)
    }
}

/// An operator's program runs when the task happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AfterHook {
    pub(crate) hook: Hook,
    pub(crate) was: HookObjects,
}

impl Action<World> for AfterHook {
    type Output = ();
    const NAME: &'static str = "after-hook";
    const LIMIT: Duration = LONGEST;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        self.hook.run_if_there(world, &self.was)
    }
}

impl Cleanup<World> for AfterHook {}

impl Hook {
    /// Runs before the task acts: whoever wishes to cancel it need not wait, and a hook that is gone is amiss.
    fn must_run(&self, world: &World, was: &HookObjects) -> Result<(), Fault> {
        match self.is_there(world)? {
            true => self.run(world, was, true),
            false => Err(HookFault::Gone { hook: self.clone() }.into()),
        }
    }

    /// Runs when the task ended, which nobody can cancel any more. One that was taken away is not missed.
    fn run_if_there(&self, world: &World, was: &HookObjects) -> Result<(), Fault> {
        match self.is_there(world)? {
            true => self.run(world, was, false),
            false => {
                world.warn(format!("The hook `{self}` is gone, and was not run"));
                Ok(())
            }
        }
    }

    fn is_there(&self, world: &World) -> Result<bool, Fault> {
        find::is_ours(world.files(), &world.home().hooks(), aegir_host::own_uid(), self)
    }

    fn run(&self, world: &World, was: &HookObjects, can_be_cancelled: bool) -> Result<(), Fault> {
        let variables = told::variables(world, self.phase)?;
        let program = OwnProgram {
            path: self.path(&world.home().hooks()),
            input: told::input(world, self.phase, was)?,
            variables: variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            time: Duration::from_secs(world.parts.settings.hook_limit).min(LONGEST),
            can_be_cancelled,
        };
        let ran = program.run(world)?;
        match ran.ended {
            Ended::Code(0) => {
                world.say_with(format!("The hook `{self}` ran"), output(&ran));
                Ok(())
            }
            Ended::Stopped => Err(Cancelled.into()),
            ref ended => {
                world.say_with(format!("The hook `{self}` {ended}"), output(&ran));
                Err(HookFault::Failed { hook: self.clone(), ended: ran.ended }.into())
            }
        }
    }
}

/// A hook that did not do what it is there for.
#[derive(Debug, thiserror::Error)]
enum HookFault {
    #[error("the hook `{hook}` {ended}")]
    Failed { hook: Hook, ended: Ended },
    #[error("the hook `{hook}` went away while the task began")]
    Gone { hook: Hook },
}

impl Remedy for HookFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            HookFault::Failed { hook, ended: Ended::TimedOut } => {
                format!(
                    "see in the log how far `hooks/{hook}` came; `hook_limit` in `hostmaster/aegir.toml` is its time"
                )
            }
            HookFault::Failed { hook, .. } => match hook.phase {
                HookPhase::Check | HookPhase::Before => {
                    format!("see in the log what `hooks/{hook}` says against it, then ask for the task again")
                }
                HookPhase::After | HookPhase::Rollback => format!(
                    "put right what `hooks/{hook}` complains of in the log, or take the hook away; then run \
                     `aegir provision recover`"
                ),
            },
            HookFault::Gone { .. } => "ask for the task again".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hook_may_take_what_the_settings_allow() {
        let limits = [
            <CheckHook as Check<World>>::LIMIT,
            <BeforeHook as Action<World>>::LIMIT,
            <RollbackHook as Action<World>>::LIMIT,
            <AfterHook as Action<World>>::LIMIT,
        ];
        assert_eq!(limits, [LONGEST; 4]);
    }
}
