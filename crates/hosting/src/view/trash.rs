//! What faces show of what lies in the trash of a machine.

use aegir_domain::{FaultReport, ServerName, TrashEmptied, TrashState, TrashThing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OUT_OF_CONTACT;
use crate::Lost;

/// A thing that was deleted, or let go of, and lies aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrashView {
    /// The name it has there, by which it is put back or removed. One that no task put there may have any.
    pub name: String,
    /// What it was: `site`, `platform`, `former-self`, `other`. `out-of-contact` is none: the machine of `server` does not
    /// answer, so that what lies there is missing in the list.
    pub kind: String,
    /// The server on whose machine it lies.
    pub server: String,
    /// `kept`: until its date; `unknown`: its machine does not answer; `in-use`: a task that has not ended may still put it back; `half-removed`: the next
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
    /// Why the machine does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl TrashView {
    /// Of a machine that does not answer.
    pub fn of_lost(lost: &Lost) -> TrashView {
        let because = std::iter::once(&lost.source.message).chain(&lost.source.because);
        TrashView {
            name: String::new(),
            kind: OUT_OF_CONTACT.into(),
            server: lost.server.to_string(),
            state: "unknown".into(),
            attempt: None,
            since: 0,
            until: None,
            bytes: 0,
            by: None,
            backup: None,
            folder: String::new(),
            lay: None,
            fault: Some(because.cloned().collect::<Vec<_>>().join(": ")),
        }
    }

    /// Of what the back end of `server` told.
    pub fn of(server: &ServerName, thing: &TrashThing) -> TrashView {
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
            server: server.to_string(),
            state: state.into(),
            attempt,
            since: thing.since,
            until: thing.until,
            bytes: thing.bytes,
            by: thing.by.clone(),
            backup: thing.backup.as_ref().map(ToString::to_string),
            folder: path(&thing.folder),
            lay: thing.lay.as_ref().map(path),
            fault: None,
        }
    }
}

/// What came of emptying the trash of a machine, or would come of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrashEmptiedView {
    /// The server whose machine it is.
    pub server: String,
    /// What went for good, or would go.
    pub removed: Vec<TrashView>,
    /// How much that is, in bytes.
    pub bytes: u64,
    /// Whether it goes on, since that takes a while: what is told is what goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub goes_on: bool,
    /// Why others that were to go did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stayed: Vec<FaultReport>,
}

impl TrashEmptiedView {
    /// Of what the back end of `server` told.
    pub fn of(server: &ServerName, emptied: &TrashEmptied) -> TrashEmptiedView {
        TrashEmptiedView {
            server: server.to_string(),
            removed: emptied.removed.iter().map(|thing| TrashView::of(server, thing)).collect(),
            bytes: emptied.removed.iter().map(|thing| thing.bytes).sum(),
            goes_on: false,
            stayed: emptied.faults.clone(),
        }
    }
}
