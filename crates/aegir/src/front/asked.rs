//! What was asked on the command line, as values.

use std::path::PathBuf;

use aegir_hosting::{Call, Operation, Reads};
use serde_json::{Map, Value};

use super::archives::Archive;

/// A command that is asked of the front end.
#[derive(Debug)]
pub(crate) enum Asked {
    /// One of its operations.
    Operation(Box<Ask>),
    /// To be told what a task says until it ends.
    Follow(Follow),
    /// To work on the queue in this process.
    Dispatch(Dispatch),
    /// To have the archive of a backup, or to bring one.
    Archive(Archive),
}

/// An operation, and how it is asked.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Which.
    pub(crate) operation: Operation,
    /// The name of its object.
    pub(crate) name: Option<String>,
    /// Its parameters, but for secrets.
    pub(crate) parameters: Map<String, Value>,
    /// Files with secrets, by the name of their parameter.
    pub(crate) secrets: Vec<(&'static str, PathBuf)>,
    /// Which objects, where that is not one.
    pub(crate) selection: Option<Selection>,
    /// How.
    pub(crate) manner: Manner,
}

impl Ask {
    /// The call that crosses to the front end, without its secrets.
    pub(crate) fn call(&self) -> Call {
        Call {
            operation: self.operation.id,
            name: self.name.clone(),
            parameters: self.parameters.clone(),
            dry_run: self.manner.dry_run,
            reads: Reads::ALL,
        }
    }
}

/// Which objects a verb is about, where that is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Those that a filter finds.
    Where(String),
    /// All.
    All,
}

/// A task to follow.
#[derive(Clone, Debug)]
pub(crate) struct Follow {
    /// Its number.
    pub(crate) task: i64,
    /// The attempt to begin with, if not the newest.
    pub(crate) attempt: Option<u32>,
    /// The line of that attempt to begin with.
    pub(crate) from: u64,
    /// How.
    pub(crate) manner: Manner,
}

/// Work on the queue without a front end that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dispatch {
    /// Until nothing is left that could be done now.
    pub(crate) once: bool,
    /// What was done is told in JSON.
    pub(crate) json: bool,
}

/// How something is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// In JSON.
    pub(crate) json: bool,
    /// With every line.
    pub(crate) verbose: bool,
    /// Until the task ended.
    pub(crate) wait: bool,
    /// Only what would be done.
    pub(crate) dry_run: bool,
    /// Without questions.
    pub(crate) yes: bool,
    /// What a task says, until it ended.
    pub(crate) follow: bool,
    /// All pages of a list.
    pub(crate) all: bool,
    /// With a code of its own where nothing was to change.
    pub(crate) fail_if_unchanged: bool,
}
