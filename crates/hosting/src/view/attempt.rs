//! What faces show of one run of a task: how it went, its steps, what it said.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One run of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptView {
    /// Its id, the same at the back end.
    pub id: String,
    /// Its place among the task's attempts, from 1 on.
    pub number: u32,
    /// `starting`, `running`, `ended`.
    pub state: String,
    /// When it began.
    pub started: i64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<i64>,
    /// How.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Why, if something went wrong: message, causes, remedy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Value>,
    /// What is left, if an undo failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Value>,
    /// What it found or made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// Whether it changed anything.
    pub changed: bool,
    /// Whether its back end died in the middle, and another one brought it to this end.
    #[serde(default)]
    pub recovered: bool,
    /// How many lines it has said.
    pub lines: u64,
    /// Its steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepView>,
}

/// A line of a task's recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    /// Its place.
    pub line: u32,
    /// Its name: `create-database`.
    pub name: String,
    /// What became of it: `done`, `undone`, `failed`.
    pub phase: String,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<i64>,
}

/// A line that a task said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LineView {
    /// The attempt that said it, by its place.
    pub attempt: u32,
    /// Its number there.
    pub n: u64,
    /// When it was said.
    pub at: i64,
    /// `started`, `log`, `step`, `progress`, `result`.
    pub kind: String,
    /// Of a log line, how grave it is; of a step, its phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What was said.
    pub text: String,
    /// A program's output that belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}
