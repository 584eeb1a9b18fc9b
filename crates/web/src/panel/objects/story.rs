//! What became of an object, the newest first.

use aegir_hosting::view::HistoryView;
use aegir_hosting::{Call, OperationId, Subject};
use serde_json::Value;

use crate::api::{Problem, ProblemKind};
use crate::panel::lists::name_of;
use crate::panel::visit::Visit;
use crate::panel::{address, states};

/// How many entries are shown at once.
const SHOWN: usize = 15;
/// The name in the address of where they begin.
const PLACE: &str = "history";

/// What became of an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Story {
    /// What happened.
    pub(super) deeds: Vec<Deed>,
    /// Older ones; empty: there are none.
    pub(super) older: String,
    /// The newest ones; empty where these are.
    pub(super) newest: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deed {
    pub(super) at: i64,
    pub(super) actor: String,
    pub(super) what: String,
    /// More of it, in words.
    pub(super) more: String,
    /// The number of the task that did it, and its page.
    pub(super) task: Option<(i64, String)>,
}

/// The history of the object of this number, from where the address says.
pub(super) async fn story(visit: &Visit, node: i64) -> Result<Story, Problem> {
    let call = Call::of(OperationId::NodeHistory).about(node.to_string()).with("limit", SHOWN);
    let place = visit.asked.query.get(PLACE).filter(|place| !place.is_empty());
    let asked = match place {
        Some(place) => visit.list::<HistoryView>(call.clone().with("cursor", place)).await,
        None => visit.list(call.clone()).await,
    };
    let (entries, next, place) = match asked {
        Ok((entries, next, _)) => (entries, next, place),
        // A place that there is not: the newest ones stand there too.
        Err(problem) if place.is_some() && problem.kind == ProblemKind::BadParameters => {
            let (entries, next, _) = visit.list(call).await?;
            (entries, next, None)
        }
        Err(problem) => return Err(problem),
    };
    let here = &visit.asked.path;
    Ok(Story {
        deeds: entries.into_iter().map(deed).collect(),
        older: next.map(|next| format!("{here}?{PLACE}={}#history", address::encoded(&next))).unwrap_or_default(),
        newest: place.map(|_| format!("{here}#history")).unwrap_or_default(),
    })
}

fn deed(entry: HistoryView) -> Deed {
    let detail = entry.detail.unwrap_or_default();
    let task = detail["task"].as_i64();
    let more: Vec<String> = match &detail {
        Value::Null => Vec::new(),
        Value::Object(members) => {
            members.iter().filter(|(name, _)| *name != "task").map(|(name, value)| words(name, value)).collect()
        }
        other => vec![other.to_string()],
    };
    Deed {
        at: entry.at,
        actor: entry.actor,
        what: name_of(&entry.what),
        more: more.join(", "),
        task: task.map(|task| (task, address::object(Subject::Task, &task.to_string()))),
    }
}

fn words(name: &str, value: &Value) -> String {
    match (name, value) {
        ("outcome", Value::String(outcome)) => states::of_task(outcome).word.to_owned(),
        (_, Value::String(text)) => format!("{}: {text}", name.replace('_', " ")),
        (_, other) => format!("{}: {other}", name.replace('_', " ")),
    }
}
