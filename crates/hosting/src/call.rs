//! A question that any face asks of the front end, and what it is answered with.

use aegir_domain::{FaultReport, Remedy};
use serde_json::{Map, Value};

use crate::{BadParameters, Forbidden, OperationId, Unavailable};

/// An operation that somebody asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Which.
    pub operation: OperationId,
    /// The name of its object, where it names one, as it was given.
    pub name: Option<String>,
    /// Its parameters, as they were given.
    pub parameters: Map<String, Value>,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// How much of a list is read.
    pub reads: Reads,
}

/// How much of a list somebody in this process reads: what they do not is not looked up. Who asks over a network reads
/// all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reads {
    /// How many entries there are in all.
    pub total: bool,
    /// More of each object than its name and how it stands; else each entry is a [`crate::view::NodeView`]. Of lists
    /// of servers, platforms and sites.
    pub beside: bool,
}

impl Reads {
    /// All of it.
    pub const ALL: Reads = Reads { total: true, beside: true };
}

impl Call {
    /// An operation with nothing said of it.
    pub fn of(operation: OperationId) -> Call {
        Call { operation, name: None, parameters: Map::new(), dry_run: false, reads: Reads::ALL }
    }

    /// The same, about an object.
    pub fn about(mut self, name: impl Into<String>) -> Call {
        self.name = Some(name.into());
        self
    }

    /// The same, with a parameter more.
    pub fn with(mut self, parameter: &str, value: impl Into<Value>) -> Call {
        self.parameters.insert(parameter.to_owned(), value.into());
        self
    }

    /// The same, asked by somebody who does not read how many there are in all.
    pub fn uncounted(mut self) -> Call {
        self.reads.total = false;
        self
    }

    /// The same, asked by somebody who reads the names of objects and how they stand, and no more of them.
    pub fn nodes_alone(mut self) -> Call {
        self.reads.beside = false;
        self
    }
}

/// What an operation is answered with.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A page of a list.
    Page {
        /// Its entries.
        items: Vec<Value>,
        /// Where the next page begins; `None`: this is the last one.
        next: Option<String>,
        /// How many there are in all, if that was counted; counting ends at a bound.
        total: Option<u64>,
    },
    /// One object, or what became of it.
    Object(Value),
    /// A task was queued, or one like it waits already.
    Queued(Queued),
    /// What would be done, where that alone was asked.
    WouldQueue {
        /// The object it would be about.
        object: String,
        /// What the back end would be asked, one after the other.
        requests: Vec<Value>,
    },
}

/// A task that answers a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its number.
    pub task: i64,
    /// What it is about: `@example.org`.
    pub object: String,
    /// Whether it waited already, so that nothing was added.
    pub known: bool,
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What was given cannot be taken.
    #[error(transparent)]
    Bad(#[from] BadParameters),
    /// Whoever asks may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such object.
    #[error("there is no {what} `{name}`")]
    Unknown {
        /// What was looked for: `site`.
        what: &'static str,
        /// How it was called.
        name: String,
    },
    /// The name is taken.
    #[error("`{name}` is taken by {by}")]
    Taken {
        /// The name.
        name: String,
        /// By what.
        by: String,
    },
    /// Not as it stands now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// It was changed since.
    #[error("`{name}` was changed meanwhile: it has revision {now}, and the change was made from revision {from}")]
    Stale {
        /// The object.
        name: String,
        /// The revision that the change was made from.
        from: u64,
        /// The revision that it has.
        now: u64,
    },
    /// Something else stands against it.
    #[error("{what}")]
    Conflict {
        /// What.
        what: String,
        /// The way out.
        remedy: Option<String>,
    },
    /// What is remembered cannot be read or written.
    #[error("{}", .0.message)]
    Store(FaultReport),
    /// A back end cannot be asked.
    #[error(transparent)]
    Lost(#[from] crate::Lost),
}

/// What sort of refusal it is, for an exit code or a status of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The question is wrong.
    Question,
    /// Whoever asks may not.
    Permission,
    /// There is no such thing.
    Absence,
    /// It is right, but not now.
    Conflict,
    /// Ægir cannot, whoever asks.
    Trouble,
}

impl Refusal {
    /// What sort it is.
    pub fn sort(&self) -> Sort {
        match self {
            Refusal::Bad(_) => Sort::Question,
            Refusal::Forbidden(_) => Sort::Permission,
            Refusal::Unknown { .. } => Sort::Absence,
            Refusal::Taken { .. } | Refusal::Unavailable(_) | Refusal::Stale { .. } | Refusal::Conflict { .. } => {
                Sort::Conflict
            }
            Refusal::Store(_) | Refusal::Lost(_) => Sort::Trouble,
        }
    }

    /// A word for programs: `taken`, `stale`.
    pub fn word(&self) -> &'static str {
        match self {
            Refusal::Bad(_) => "bad-parameters",
            Refusal::Forbidden(_) => "forbidden",
            Refusal::Unknown { .. } => "unknown",
            Refusal::Taken { .. } => "taken",
            Refusal::Unavailable(_) => "unavailable",
            Refusal::Stale { .. } => "stale",
            Refusal::Conflict { .. } => "conflict",
            Refusal::Store(_) => "store",
            Refusal::Lost(_) => "no-contact",
        }
    }

    /// The same as data.
    pub fn report(&self) -> FaultReport {
        match self {
            Refusal::Store(report) => report.clone(),
            other => FaultReport::of(other),
        }
    }
}

impl Remedy for Refusal {
    fn remedy(&self) -> Option<String> {
        match self {
            Refusal::Bad(bad) => bad.remedy(),
            Refusal::Forbidden(forbidden) => forbidden.remedy(),
            Refusal::Unknown { what, .. } => Some(format!("see what there is with `aegir {what} list`")),
            Refusal::Taken { .. } => Some("choose another name, or delete what bears it".into()),
            Refusal::Unavailable(why) => why.remedy(),
            Refusal::Stale { .. } => Some("look at it anew, and make the change again".into()),
            Refusal::Conflict { remedy, .. } => remedy.clone(),
            Refusal::Store(report) => report.remedy.clone(),
            Refusal::Lost(lost) => lost.remedy(),
        }
    }
}
