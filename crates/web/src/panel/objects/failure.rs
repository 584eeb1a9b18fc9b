//! Why an object is not well: what its last task says that failed.

use aegir_domain::{FaultReport, Left, TaskState};
use aegir_hosting::view::TaskView;
use aegir_hosting::{Call, OperationId, Subject};

use crate::api::Problem;
use crate::panel::lists::name_of;
use crate::panel::visit::Visit;
use crate::panel::{address, states};

/// Why an object is not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// What failed, and how: `site verify (stuck): cannot write the vhost`.
    pub(super) title: String,
    /// Why, the nearest cause first.
    pub(super) causes: Vec<String>,
    /// What is left of it.
    pub(super) left: String,
    /// What to do.
    pub(super) remedy: String,
    /// The task that says more.
    pub(super) href: String,
    pub(super) link: String,
}

/// What the last of these tasks says, the newest first, if it did not go well; of an object that `has_failed`, the last
/// task that failed, however long ago that was.
pub(super) async fn failure(
    visit: &Visit,
    node: i64,
    context: &str,
    recent: &[TaskView],
    has_failed: bool,
) -> Result<Option<Failure>, Problem> {
    let last = recent.iter().find(|task| tells(&task.state)).cloned();
    let failed = match last {
        Some(task) if is_ill(&task.state) => Some(task),
        _ if has_failed => {
            let words: Vec<_> = states::FAILED.iter().map(|state| state.as_str()).collect();
            let call = Call::of(OperationId::TaskList).with("object", context).with("state", words).with("limit", 10);
            let (tasks, _, _) = visit.list::<TaskView>(call.uncounted()).await?;
            tasks.into_iter().find(|task| task.object == node)
        }
        _ => None,
    };
    let Some(task) = failed else { return Ok(None) };
    let whole: TaskView = visit.object(Call::of(OperationId::TaskShow).about(task.id.to_string())).await?;
    Ok(Some(of_task(&whole)))
}

/// Whether a task's state says something of its object: not while it goes on, and not where it never began.
fn tells(state: &str) -> bool {
    state.parse().is_ok_and(|state: TaskState| state.is_ended() && state != TaskState::Cancelled)
}

fn is_ill(state: &str) -> bool {
    states::has_failed(state) || state == TaskState::Untidy.as_str()
}

/// What a task says that did not go well.
fn of_task(task: &TaskView) -> Failure {
    let attempt = task.attempts.last();
    let fault: Option<FaultReport> =
        attempt.and_then(|attempt| attempt.fault.clone()).and_then(|fault| serde_json::from_value(fault).ok());
    let left: Vec<Left> = attempt
        .and_then(|attempt| attempt.left.clone())
        .and_then(|left| serde_json::from_value(left).ok())
        .unwrap_or_default();
    let state = states::of_task(&task.state);
    let lines: Vec<String> = left
        .iter()
        .map(|left| match &left.fault {
            Some(fault) => format!("`{}` ({fault})", left.line),
            None => format!("`{}`", left.line),
        })
        .collect();
    let left = if lines.is_empty() { state.about.to_owned() } else { format!("Not taken back: {}.", lines.join(", ")) };
    let what = format!("{} ({})", name_of(&task.operation), state.word);
    let (title, causes, remedy) = match fault {
        Some(fault) => (format!("{what}: {}", fault.message), fault.because, fault.remedy.unwrap_or_default()),
        None => (what, Vec::new(), String::new()),
    };
    Failure {
        title,
        causes,
        left,
        remedy,
        href: address::object(Subject::Task, &task.id.to_string()),
        link: format!("Task {}: what it did, its log, and how to try again", task.id),
    }
}
