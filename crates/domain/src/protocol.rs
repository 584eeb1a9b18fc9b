//! The seam: one JSON request in, JSON lines out.
//!
//! `aegir provision run` reads one [`Request`] from standard input and writes one [`Line`] per line
//! to standard output. A line's number is its offset: whoever has read up to line *n* goes on with
//! `attach ID --from n+1`, without loss or doubling. The JSON Schema of both is checked in as
//! `docs/protocol.schema.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ArchiveAnswer, AttemptId, BackupAnswer, Compared, Context, ContextName, FaultReport, FoundBackup, HookInput,
    ImportAnswer, LogAnswer, Outcome, OutcomeKind, PlatformAnswer, ReceivedAnswer, Secrets, ServerAnswer, SiteAnswer,
    Task, TaskKind, TaskManifest, TrashAnswer, TrashEmptied, TrashThing, Trial, Tried, TypeInput, WelcomeAnswer,
    WritesAnswer,
};

/// The version of the protocol that this build speaks.
pub const VERSION: u32 = 1;

/// The longest request that is read, in bytes.
pub const REQUEST_LIMIT: usize = 4 * 1024 * 1024;

/// What a front end, or a person's command line, asks of a back end.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// [`VERSION`]
    pub protocol: u32,
    /// The id of this attempt. One that ran already is attached to, never run again.
    pub attempt: AttemptId,
    /// What to do.
    pub task: Task,
    /// Secrets of the task, by name.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub secrets: Secrets,
    /// Who asked, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
}

impl Request {
    /// The request as text, secrets in the open: for standard input of a back end only.
    pub fn expose(&self) -> String {
        serde_json::json!({
            "protocol": self.protocol,
            "attempt": self.attempt,
            "task": self.task,
            "secrets": self.secrets.expose(),
            "asked_by": self.asked_by,
        })
        .to_string()
    }
}

/// One line of what a back end says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Its number, from 1 on, without gaps.
    pub n: u64,
    /// When it was said, in milliseconds since 1970.
    pub at: u64,
    /// What is said.
    #[serde(flatten)]
    pub said: Said,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Said {
    /// The first line: which attempt this is.
    Started {
        /// The version of the protocol.
        protocol: u32,
        /// The attempt.
        attempt: AttemptId,
        /// What it does.
        task: TaskKind,
        /// The object it does it to, such as `@example.org`.
        object: String,
    },
    /// A sentence for an operator.
    Log {
        /// How grave it is.
        level: Level,
        /// The sentence.
        text: String,
        /// A program's output that belongs to it, folded under its line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<String>,
    },
    /// A line of the recipe begins or ends.
    Step {
        /// Its place in the recipe, from 1 on.
        line: u32,
        /// Its name: `create-database`.
        name: String,
        /// What happens to it.
        phase: Phase,
        /// How long it took, in milliseconds, when it ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        took: Option<u64>,
    },
    /// How far a long line is.
    Progress {
        /// Units done.
        done: u64,
        /// Units in all; 0 when not known.
        total: u64,
        /// What is being done.
        text: String,
    },
    /// The last line: how it ended.
    Result(Box<Ending>),
}

/// How grave a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// What was done.
    Info,
    /// Something to look at; the task goes on.
    Warning,
    /// Why the task fails.
    Error,
}

/// What happens to a line of the recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// A check begins.
    Checking,
    /// A check said yes.
    Checked,
    /// A step begins.
    Doing,
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// The point of no return was recorded.
    Committed,
    /// Its undo begins.
    Undoing,
    /// It is undone.
    Undone,
    /// A line behind the point of no return begins.
    Finishing,
    /// It is done.
    Finished,
    /// It failed three times and is owed.
    Owed,
}

/// How a task ended, and what it has to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ending {
    /// How.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Whether a clean-up is owed.
    #[serde(default)]
    pub untidy: bool,
    /// Whether anything was changed.
    #[serde(default)]
    pub changed: bool,
    /// Whether its worker had died, and another one brought it to this end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recovered: bool,
    /// What the task found or made, by name.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub answer: serde_json::Map<String, serde_json::Value>,
    /// Whether the answer had a secret part, such as a login link. Whoever follows the attempt first gets it, once; it is kept nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_answer: Option<serde_json::Map<String, serde_json::Value>>,
    /// What is saved of the object now that the task ended. Absent if nothing is, or if it cannot be read; after a
    /// success that can only be the former.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
}

impl Ending {
    /// An ending without an answer.
    pub fn of(outcome: Outcome) -> Ending {
        let untidy = matches!(outcome, Outcome::Untidy { .. });
        Ending {
            outcome,
            untidy,
            changed: false,
            recovered: false,
            answer: serde_json::Map::new(),
            secret_answer: None,
            context: None,
        }
    }

    /// Why, if something went wrong.
    pub fn fault(&self) -> Option<&FaultReport> {
        self.outcome.fault()
    }
}

/// An attempt as `aegir provision tasks --json` lists it, a line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundAttempt {
    /// Its id.
    pub attempt: AttemptId,
    /// What it was asked to do, if that can be read; a reader that does not know the task takes it for absent.
    #[serde(default, deserialize_with = "if_understood")]
    pub task: Option<Task>,
    /// The object it is about, as far as the task can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ContextName>,
    /// Who asked, as was said there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// When it was asked for, in milliseconds since 1970, by the clock of that machine.
    pub asked_at: u64,
    /// How it stands.
    pub state: FoundState,
}

impl FoundAttempt {
    /// What it does to what, as far as that can be read: `install-site of @example.org`.
    pub fn what(&self) -> String {
        match &self.task {
            Some(task) => format!("{} of {}", task.kind().as_str(), task.object()),
            None => "a task that this version of Ægir does not know".into(),
        }
    }
}

/// How an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FoundState {
    /// Somebody works on it.
    Running,
    /// It has not ended, and nobody works on it: its worker died. To attach to it, or `recover`, ends it.
    Interrupted,
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

impl FoundState {
    /// Whether it has ended, for now: `recover` goes on with one that is stuck or untidy.
    pub fn has_ended(self) -> bool {
        !matches!(self, FoundState::Running | FoundState::Interrupted)
    }
}

impl From<OutcomeKind> for FoundState {
    fn from(outcome: OutcomeKind) -> FoundState {
        match outcome {
            OutcomeKind::Succeeded => FoundState::Succeeded,
            OutcomeKind::Refused => FoundState::Refused,
            OutcomeKind::RolledBack => FoundState::RolledBack,
            OutcomeKind::Stuck => FoundState::Stuck,
            OutcomeKind::Untidy => FoundState::Untidy,
        }
    }
}

/// What `aegir provision cancel --json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cancelled {
    /// The attempt.
    pub attempt: AttemptId,
    /// How it had ended, if it had: then there was nothing to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub had_ended: Option<FoundState>,
}

/// What a back end says on standard error, as its last line, when it cannot do what a front end asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotDone {
    /// Which case it is, where a front end must tell it from others.
    #[serde(default)]
    pub case: NotDoneCase,
    /// What was wrong, and the way out.
    #[serde(flatten)]
    pub fault: FaultReport,
}

/// What a front end must tell from other faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NotDoneCase {
    /// There is no attempt of this id: it was never asked for, or it was pruned.
    UnknownAttempt,
    /// It speaks another version of the protocol.
    OtherProtocol,
    /// Anything else.
    #[default]
    #[serde(other)]
    Other,
}

fn if_understood<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Task>, D::Error> {
    let value = serde_json::Value::deserialize(value)?;
    Ok(serde_json::from_value(value).ok())
}

/// The JSON Schema of the protocol: of `request` and `line`, of the lines of lists, of the trial of services, of the
/// comparison of a site with a platform, of what was written to one, of what logs have of one, of what lies in a trash, of archives on their way, of what programs of operators read, and of what tasks answer.
pub fn schema() -> serde_json::Value {
    serde_json::json!({
        "$comment": "printed by `aegir schema`",
        "version": VERSION,
        "request": schemars::schema_for!(Request),
        "line": schemars::schema_for!(Line),
        "found_attempt": schemars::schema_for!(FoundAttempt),
        "cancelled": schemars::schema_for!(Cancelled),
        "not_done": schemars::schema_for!(NotDone),
        "context": schemars::schema_for!(Context),
        "trial": schemars::schema_for!(Trial),
        "tried": schemars::schema_for!(Tried),
        "compared": schemars::schema_for!(Compared),
        "import": schemars::schema_for!(ImportAnswer),
        "writes": schemars::schema_for!(WritesAnswer),
        "welcome": schemars::schema_for!(WelcomeAnswer),
        "log": schemars::schema_for!(LogAnswer),
        "trash_thing": schemars::schema_for!(TrashThing),
        "trash_restored": schemars::schema_for!(TrashAnswer),
        "trash_emptied": schemars::schema_for!(TrashEmptied),
        "found_backup": schemars::schema_for!(FoundBackup),
        "archive": schemars::schema_for!(ArchiveAnswer),
        "received": schemars::schema_for!(ReceivedAnswer),
        "hook": schemars::schema_for!(HookInput),
        "task_type": schemars::schema_for!(TaskManifest),
        "task_type_input": schemars::schema_for!(TypeInput),
        "answers": {
            "verify-server": schemars::schema_for!(ServerAnswer),
            "verify-platform": schemars::schema_for!(PlatformAnswer),
            "import-site": schemars::schema_for!(SiteAnswer),
            "install-site": schemars::schema_for!(SiteAnswer),
            "verify-site": schemars::schema_for!(SiteAnswer),
            "backup-site": schemars::schema_for!(BackupAnswer),
            "verify-backup": schemars::schema_for!(BackupAnswer),
        },
    })
}
