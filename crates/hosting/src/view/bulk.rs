//! What faces show of bulk runs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A bulk run: one operation, asked of many objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BulkView {
    /// Its number.
    pub id: i64,
    /// What is asked of each: `site-verify`.
    pub operation: String,
    /// How its objects were chosen, in words.
    pub chosen: String,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub started: i64,
    /// When the last of its objects had been asked; absent: some are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<i64>,
    /// How many objects it has.
    pub all: u64,
    /// How many of them stand how: `not-asked`, `not-queued` (refused before a task was queued), `gone` (the task is too
    /// old to be remembered), or the state of the task; states without any are left out.
    pub states: BTreeMap<String, u64>,
    /// Whether all tasks have ended.
    pub ended: bool,
    /// How many objects it failed for: those that a retry would ask again.
    pub failed: u64,
    /// Its failures by their causes, the most frequent first; in lists, none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<BulkFailureView>,
}

/// Failures of a bulk run that have the same cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BulkFailureView {
    /// `not-queued`, or how the tasks ended.
    pub state: String,
    /// The cause; the name of an object in it is `…`.
    pub cause: String,
    /// The way out, if there is one for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// How many objects it happened to.
    pub count: u64,
    /// Some of them, with the task of each.
    pub objects: Vec<BulkObjectView>,
}

/// An object of a bulk run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BulkObjectView {
    /// Its name.
    pub name: String,
    /// Its task; absent: none was queued, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<i64>,
    /// `not-asked`, `not-queued`, `gone`, or the state of its task.
    pub state: String,
    /// Why, if something went wrong: message, causes, remedy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Value>,
}

/// What a bulk run would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BulkPlanView {
    /// What would be asked of each.
    pub operation: String,
    /// How many objects were chosen.
    pub all: u64,
    /// How many of them were looked at: with very many, only the first.
    pub looked_at: u64,
    /// How many of those would be asked.
    pub can: u64,
    /// Those that would be refused, by why.
    pub cannot: Vec<BulkFailureView>,
}
