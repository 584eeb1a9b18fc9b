//! Queues a task, in the transaction of the change that calls for it.

use aegir_domain::{ContextName, NodeId, OperationName, Priority, Task};
use aegir_store::{NewTask, Queued as Stored, Tx};
use serde_json::{Value, json};

use super::Asked;
use super::object::{KnownContexts, locks};
use crate::{Answer, Queued, Refusal};

/// A task that an operation calls for.
pub(crate) struct Wanted<'a> {
    pub(crate) object: NodeId,
    pub(crate) name: &'a ContextName,
    pub(crate) owner: NodeId,
    /// The server whose back end carries it out.
    pub(crate) server: NodeId,
    /// The platform that must be in service first.
    pub(crate) needs: Option<NodeId>,
    /// What the back end is asked.
    pub(crate) request: Task,
}

impl Asked<'_> {
    /// Queues it, or says that the same waits already. One that waits and was given something else is in the way: it
    /// is never changed behind the back of whoever asked for it.
    pub(crate) async fn queue(
        &self,
        tx: &mut Tx,
        wanted: Wanted<'_>,
        known: &KnownContexts,
        now: i64,
    ) -> Result<Answer, Refusal> {
        let operation = self.operation;
        let mut parameters = parameters(&self.given.as_json(), &wanted.request);
        if let Some(title) = self.title {
            // Kept with it: the type may be called otherwise, or be gone, when somebody looks.
            parameters["title"] = title.into();
        }
        let new = NewTask {
            operation: operation_name(&operation.slug())?,
            object: wanted.object,
            object_name: wanted.name.clone(),
            title: title(&operation.name(), &wanted),
            parameters: parameters.clone(),
            priority: Priority::Person,
            actor: self.actor.name.clone(),
            asker: self.actor.id.clone(),
            parent: None,
            owner: wanted.owner,
            server: wanted.server,
            needs: wanted.needs,
            locks: locks(&wanted.request, known),
        };
        let queued = tx.enqueue(&new, now).await?;
        let task = queued.task();
        if let Stored::Already(_) = queued
            && let Some(waiting) = tx.task(task).await?
            && is_another(&waiting.parameters, &parameters)
        {
            return Err(Refusal::Conflict {
                what: format!("task {task} waits to do the same to `{}`, with other parameters", wanted.name),
                remedy: Some(format!("wait until it has ended, or take it back with `aegir task cancel {task}`")),
            });
        }
        let known = matches!(queued, Stored::Already(_));
        Ok(Answer::Queued(Queued { task: task.0, object: wanted.name.to_string(), known }))
    }

    /// What would be asked, where only that is wanted.
    pub(crate) fn would_queue(&self, wanted: &Wanted<'_>) -> Answer {
        let request = serde_json::to_value(&wanted.request).unwrap_or_default();
        Answer::WouldQueue { object: wanted.name.to_string(), requests: vec![request] }
    }
}

/// What a task is called in lists: of a type of the operator's own, with that.
fn title(operation: &str, wanted: &Wanted<'_>) -> String {
    match &wanted.request {
        Task::Custom(custom) => format!("{operation} {} {}", custom.task_type, wanted.name),
        _ => format!("{operation} {}", wanted.name),
    }
}

/// Whether two tasks of one operation on one object are not the same. Which backup one is about is not given, but named.
fn is_another(one: &Value, other: &Value) -> bool {
    one["given"] != other["given"] || one["request"]["backup"] != other["request"]["backup"]
}

/// What is kept of a task: what was given, and what the back end is asked. No secret is in either. Beside them stands
/// `title`, of a task of a type of the operator's own.
pub(crate) fn parameters(given: &Value, request: &Task) -> Value {
    json!({ "given": given, "request": request })
}

/// The name of an operation, as tasks keep it.
pub(crate) fn operation_name(slug: &str) -> Result<OperationName, Refusal> {
    slug.parse().map_err(|bad: aegir_domain::BadText| Refusal::Conflict { what: bad.to_string(), remedy: None })
}
