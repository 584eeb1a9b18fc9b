//! How a task ended, in words and as an exit code.

use aegir_domain::{FaultReport, Left, Report, TaskState, exit_code};
use aegir_hosting::OperationId;
use aegir_hosting::view::{AttemptView, TaskView};
use serde_json::Value;

use super::table::one_line;
use super::when;
use crate::speak::plain;

/// The exit code of a task that ended.
pub(crate) fn code(task: &TaskView) -> u8 {
    match task.state.parse() {
        Ok(TaskState::Succeeded | TaskState::Untidy) => 0,
        Ok(TaskState::Refused) => exit_code::REFUSED,
        Ok(TaskState::RolledBack | TaskState::Cancelled) => exit_code::ROLLED_BACK,
        Ok(TaskState::Stuck) => exit_code::STUCK,
        Ok(TaskState::Waiting | TaskState::Running | TaskState::OutOfContact) => exit_code::DETACHED,
        // What a newer front end calls it: no promise that it is well.
        Err(_) => exit_code::ERROR,
    }
}

/// The same, where a task that changed nothing is to be told apart.
pub(crate) fn code_if_unchanged(task: &TaskView) -> u8 {
    match changed(task) {
        false if task.state == TaskState::Succeeded.as_str() => exit_code::UNCHANGED,
        _ => code(task),
    }
}

/// Whether its last attempt changed anything.
pub(crate) fn changed(task: &TaskView) -> bool {
    last(task).is_none_or(|attempt| attempt.changed)
}

/// The attempt that decided.
fn last(task: &TaskView) -> Option<&AttemptView> {
    task.attempts.iter().max_by_key(|attempt| attempt.number)
}

/// Why it did not come to what was asked.
pub(crate) fn fault(task: &TaskView) -> Option<FaultReport> {
    serde_json::from_value(last(task)?.fault.clone()?).ok()
}

/// A task in words: `site-verify of @example.org (task 42)`.
pub(crate) fn named(task: &TaskView) -> String {
    let what = task.title.as_deref().unwrap_or(&task.operation);
    format!("{} of {} (task {})", plain(what), plain(&task.object_name), task.id)
}

/// How it stands, in one line among many.
pub(crate) fn in_a_line(task: &TaskView) -> String {
    let why = match fault(task).filter(|_| task.state != TaskState::Succeeded.as_str()) {
        Some(fault) => format!(": {}", one_line(&fault.message)),
        None => String::new(),
    };
    format!("{:<11}  {} (task {}){why}", plain(&task.state), one_line(&task.object_name), task.id)
}

/// What is said when it ended: sentences for those who follow it, and what goes to standard error.
pub(crate) struct Said {
    /// What was reached.
    pub(crate) sentences: Vec<String>,
    /// What was not, why, and what to do.
    pub(crate) complaints: Vec<String>,
}

/// The words.
pub(crate) fn words(task: &TaskView) -> Said {
    let mut said = Said { sentences: Vec::new(), complaints: Vec::new() };
    let complain = &mut said.complaints;
    if let Some(fault) = fault(task) {
        let mark = if task.state == TaskState::Untidy.as_str() { "warning" } else { "error" };
        complain.push(plain(&format!("{mark}: {}", Report(&fault))));
    }
    if last(task).is_some_and(|attempt| attempt.recovered) {
        complain.push("Recovered: its back end died in the middle, and another one brought it to this end.".into());
    }
    let took = match (task.started, task.ended) {
        (Some(started), Some(ended)) => format!(" in {}", when::took(ended - started)),
        _ => String::new(),
    };
    let named = named(task);
    match task.state.parse() {
        Ok(TaskState::Succeeded) if !changed(task) && task.operation != OperationId::SiteLogin.declaration().slug() => {
            said.sentences.push(format!("Nothing was to change: {named} succeeded{took}."));
        }
        Ok(TaskState::Succeeded) => said.sentences.push(format!("Done: {named} succeeded{took}.")),
        Ok(TaskState::Untidy) => complain.push(format!(
            "Done, but for a clean-up that is still owed: {named}. The result stands, and the clean-up is tried again."
        )),
        Ok(TaskState::Refused) => complain.push(format!("Refused: {named}. Nothing was touched.")),
        Ok(TaskState::RolledBack) => {
            let why = if task.cancelling { " because it was cancelled" } else { "" };
            complain.push(format!("Taken back{why}: {named}. What was done is undone, and all is as it was."));
            complain.extend(undone(task));
        }
        Ok(TaskState::Cancelled) => complain.push(format!("Cancelled before it began: {named}. Nothing was touched.")),
        Ok(TaskState::Stuck) => {
            complain.push(format!("Stuck: {named}. Taking it back failed too. What is left, the last line first:"));
            complain.extend(left(task));
            complain.push(format!(
                "Put right what stands in the way, then run `aegir provision recover` on the machine of `{}`.",
                plain(&task.server)
            ));
        }
        _ => complain.push(format!("Not ended: {named} is {}.", plain(&task.state))),
    }
    if !task.children.is_empty() {
        let numbers: Vec<String> = task.children.iter().map(i64::to_string).collect();
        said.sentences.push(format!(
            "It called for {} more (task {}); see them with `aegir task list --parent {}`.",
            match numbers.len() {
                1 => "one task".to_owned(),
                count => format!("{count} tasks"),
            },
            numbers.join(", "),
            task.id
        ));
    }
    said
}

/// Which steps were undone, in the order in which that happened.
fn undone(task: &TaskView) -> Option<String> {
    let attempt = last(task)?;
    let names: Vec<String> =
        attempt.steps.iter().rev().filter(|step| step.phase == "undone").map(|step| plain(&step.name)).collect();
    (!names.is_empty()).then(|| format!("Undone: {}.", names.join(", ")))
}

fn left(task: &TaskView) -> Vec<String> {
    let left = last(task).and_then(|attempt| attempt.left.clone()).unwrap_or(Value::Null);
    let left: Vec<Left> = serde_json::from_value(left).unwrap_or_default();
    let tell = |left: &Left| {
        let why = left.fault.as_ref().map(|fault| format!(": {}", Report(fault).to_string().replace('\n', "\n    ")));
        plain(&format!("  {}{}", left.line, why.unwrap_or_default()))
    };
    left.iter().map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_code() {
        let code = |state: &str| {
            let task = serde_json::json!({
                "id": 1, "operation": "site-verify", "object": 2, "object_name": "@a.test", "state": state,
                "asked_by": "aegir", "server": "localhost", "queued": 0,
            });
            code(&serde_json::from_value(task).unwrap())
        };
        let table = [
            ("succeeded", 0),
            ("untidy", 0),
            ("refused", 4),
            ("rolled-back", 7),
            ("cancelled", 7),
            ("stuck", 8),
            ("running", 6),
            ("out-of-contact", 6),
            ("as yet unknown", 1),
        ];
        for (state, expected) in table {
            assert_eq!(code(state), expected, "{state}");
        }
        assert!(TaskState::ALL.into_iter().all(|state| code(state.as_str()) != 1));
    }
}
