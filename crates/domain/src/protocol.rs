//! The seam: one JSON request in, JSON lines out.
//!
//! `aegir provision run` reads one [`Request`] from standard input and writes one [`Line`] per line
//! to standard output. A line's number is its offset: whoever has read up to line *n* goes on with
//! `attach ID --from n+1`, without loss or doubling. The JSON Schema of both is checked in as
//! `docs/protocol.schema.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AttemptId, FaultReport, Outcome, Secrets, Task, TaskKind};

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
    /// What the task found or made, by name.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub answer: serde_json::Map<String, serde_json::Value>,
    /// Whether the answer had a secret part, such as a login link. Whoever follows the attempt first gets it, once; it is kept nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_answer: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Ending {
    /// An ending without an answer.
    pub fn of(outcome: Outcome) -> Ending {
        let untidy = matches!(outcome, Outcome::Untidy { .. });
        Ending { outcome, untidy, changed: false, answer: serde_json::Map::new(), secret_answer: None }
    }

    /// Why, if something went wrong.
    pub fn fault(&self) -> Option<&FaultReport> {
        self.outcome.fault()
    }
}

/// The JSON Schema of the protocol: an object with `request` and `line`.
pub fn schema() -> serde_json::Value {
    serde_json::json!({
        "$comment": "printed by `aegir schema`",
        "version": VERSION,
        "request": schemars::schema_for!(Request),
        "line": schemars::schema_for!(Line),
    })
}
