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
    /// What is only tried out yet is `rehearsing`, and `rehearsed` until it is done in earnest.
    pub states: BTreeMap<String, u64>,
    /// `going`, `paused`, `stopped`, or `ended`.
    pub state: String,
    /// Whether all tasks have ended, and nothing is left to be asked.
    pub ended: bool,
    /// For how many objects it did what it asked.
    pub succeeded: u64,
    /// How many objects it failed for: those that a retry would ask again.
    pub failed: u64,
    /// Since when nothing more of it is asked, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt: Option<BulkHaltView>,
    /// How many tasks of it there are at once, at the most; absent: the queue alone decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u32>,
    /// After how many failures it pauses by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_after: Option<u32>,
    /// Whether each wave is tried out whole before any of it is done.
    pub rehearse: bool,
    /// How long it still takes, in milliseconds, if the rest takes as long as what was done; absent: nobody knows, or
    /// only a list is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_ms: Option<u64>,
    /// Its waves, in their order; in lists, none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<BulkWaveView>,
    /// Its failures by their causes, the most frequent first; in lists, none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<BulkFailureView>,
}

/// That nothing more of a bulk run is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BulkHaltView {
    /// Since when.
    pub at: i64,
    /// Who said so; absent: it paused by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why it paused by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A wave of a bulk run: it begins when the one before has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BulkWaveView {
    /// Its number, from 1 on.
    pub wave: u32,
    /// How many objects it has.
    pub all: u64,
    /// How many of them stand how, as in the run.
    pub states: BTreeMap<String, u64>,
    /// For how many the run did what it asked.
    pub succeeded: u64,
    /// For how many it failed.
    pub failed: u64,
    /// Whether it is at its end.
    pub ended: bool,
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
    /// Its wave, from 1 on.
    pub wave: u32,
    /// `not-asked`, `not-queued`, `rehearsing`, `rehearsed`, `gone`, or the state of its task.
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

/// What a batch of moves would be: who can go, who cannot and why, and how long it may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchPlanView {
    /// The platform on which they live.
    pub platform: String,
    /// The one that they are to live on.
    pub to: String,
    /// How many sites were chosen.
    pub all: u64,
    /// How many of them can go, those with warnings among them.
    pub can: u64,
    /// How many can go, and somebody should know something.
    pub with_warnings: u64,
    /// How many cannot.
    pub cannot: u64,
    /// How many of those that can go could not be compared; each is when its turn comes.
    pub not_compared: u64,
    /// Why they could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not_compared: Option<String>,
    /// What stands in the way, each reason with the sites that it holds for; a site can have several.
    pub reasons: Vec<BulkFailureView>,
    /// What somebody should know, likewise.
    pub warnings: Vec<BulkFailureView>,
    /// In which waves they would go.
    pub waves: Vec<PlannedWaveView>,
    /// How many would move at once.
    pub at_once: u32,
    /// After how many failures it would pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_after: Option<u32>,
    /// What is tried on copies first: `none`, `site`, `wave`.
    pub rehearse: String,
    /// What those that can go take, in bytes, as far as it is known: as much room is needed beside them.
    pub bytes: u64,
    /// Of how many of them that is not known.
    pub size_unknown: u64,
    /// How long it may take, in milliseconds, from how long the last moves took; absent: none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_ms: Option<u64>,
    /// From how many moves that is known.
    pub known_from: u64,
}

/// A wave of a batch that has not begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedWaveView {
    /// Its number, from 1 on.
    pub wave: u32,
    /// How many sites it has.
    pub count: u64,
    /// The first of them.
    pub sites: Vec<String>,
}
