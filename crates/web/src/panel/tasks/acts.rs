//! What can be done about a task now, and why the rest cannot.

use aegir_domain::Remedy;
use aegir_hosting::view::TaskView;
use aegir_hosting::{Call, OperationId, Permission};

use super::words;
use crate::panel::address;
use crate::panel::states;
use crate::panel::visit::Visit;

/// Something that can be done about a task by a button.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// Where its form is sent.
    pub(super) action: String,
    pub(super) text: &'static str,
    pub(super) look: &'static str,
    pub(super) icon: &'static str,
    /// Why not; empty: it can be done.
    pub(super) why_not: String,
    /// What the form bears so that it is done once.
    pub(super) once: String,
}

/// What can be done about `task`: one that goes on is cancelled, one that has ended tried again.
pub(super) async fn of(visit: &Visit, task: &TaskView) -> Vec<Act> {
    let (id, text, icon) = match words::has_ended(&task.state) {
        true => (OperationId::TaskRetry, "Try again", "retry"),
        false => (OperationId::TaskCancel, "Cancel", "stop"),
    };
    let number = task.id.to_string();
    let look = match id {
        OperationId::TaskRetry if states::has_failed(&task.state) => "primary",
        OperationId::TaskCancel => "danger",
        _ => "plain",
    };
    vec![Act {
        action: address::doing(&id.declaration(), Some(&number)),
        text,
        look,
        icon,
        why_not: why_not(visit, task, id).await.unwrap_or_default(),
        once: visit.once(),
    }]
}

/// What stands against it.
async fn why_not(visit: &Visit, task: &TaskView, id: OperationId) -> Option<String> {
    // Whoever could ask for the task may; asked here, so that to look at a page is not told as an attempt.
    let needs = words::operation(&task.operation).map_or(Permission::Manage, |operation| operation.needs);
    for permission in [id.declaration().needs, needs] {
        if let Err(forbidden) = visit.actor().must(permission) {
            return Some(forbidden.to_string());
        }
    }
    if task.cancelling {
        return Some("it was asked to stop already".into());
    }
    let call = Call { dry_run: true, ..Call::of(id).about(task.id.to_string()) };
    let refusal = visit.panel.api.front.perform(visit.actor(), call).await.err()?;
    Some(match refusal.remedy() {
        Some(remedy) => format!("{refusal}: {remedy}"),
        None => refusal.to_string(),
    })
}
