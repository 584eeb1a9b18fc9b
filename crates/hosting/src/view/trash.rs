//! What faces show of what lies in the trash of a machine.

use aegir_domain::{TrashState, TrashThing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A thing that was deleted, or let go of, and lies aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrashView {
    /// The name it has there, by which it is put back or removed. One that no task put there may have any.
    pub name: String,
    /// What it was: `site`, `platform`, `former-self`, `other`.
    pub kind: String,
    /// `kept`: until its date; `in-use`: a task that has not ended may still put it back; `half-removed`: the next
    /// emptying ends it; `not-ours`: no task put it there, and it is left alone.
    pub state: String,
    /// The attempt that may still put it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
    /// Since when it lies there.
    pub since: i64,
    /// Until when it is kept; nothing if it does not go by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// What it takes, in bytes; not counted to the end where there are very many files.
    pub bytes: u64,
    /// The task that put it there, as far as that is remembered: `delete-site @www.example.org`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The last backup that was made of what it belonged to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// The folder on the machine that it lies in.
    pub folder: String,
    /// Where it lay before, as far as that is remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lay: Option<String>,
}

impl TrashView {
    /// Of what a back end told.
    pub fn of(thing: &TrashThing) -> TrashView {
        let (state, attempt) = match &thing.state {
            TrashState::Kept => ("kept", None),
            TrashState::InUse(attempt) => ("in-use", Some(attempt.to_string())),
            TrashState::HalfRemoved => ("half-removed", None),
            TrashState::NotOurs => ("not-ours", None),
        };
        let path = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
        TrashView {
            name: thing.name.clone(),
            kind: thing.kind.as_str().replace(' ', "-"),
            state: state.into(),
            attempt,
            since: thing.since,
            until: thing.until,
            bytes: thing.bytes,
            by: thing.by.clone(),
            backup: thing.backup.as_ref().map(ToString::to_string),
            folder: path(&thing.folder),
            lay: thing.lay.as_ref().map(path),
        }
    }
}
