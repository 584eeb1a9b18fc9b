//! Why an attempt did not come to a good end: cause, what was taken back, what is left, what to do.

use aegir_domain::{FaultReport, Left, OutcomeKind, TaskState};
use aegir_hosting::view::AttemptView;

use super::steps::Step;

/// What somebody reads first of a task that failed.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// What failed.
    pub(super) title: String,
    /// Why, the nearest cause first.
    pub(super) causes: Vec<String>,
    /// What was taken back, in a sentence.
    pub(super) undone: String,
    /// The steps that were.
    pub(super) undone_steps: Vec<String>,
    /// What is left, if an undo failed.
    pub(super) left: Vec<Remains>,
    /// The way out.
    pub(super) remedy: String,
    /// The step that failed: its place and its name.
    pub(super) step: Option<(u32, String)>,
    /// Whether only a clean-up is owed.
    pub(super) is_untidy: bool,
}

/// A line that still stands.
#[derive(Clone, Debug)]
pub(super) struct Remains {
    pub(super) line: String,
    pub(super) why: String,
    pub(super) remedy: String,
}

/// What went wrong in `attempt`, if something did; `steps` are its.
pub(super) fn of(attempt: &AttemptView, steps: &[Step]) -> Option<Trouble> {
    let fault: FaultReport = serde_json::from_value(attempt.fault.clone()?).ok()?;
    let outcome = attempt.outcome.as_deref().and_then(|word| word.parse::<TaskState>().ok());
    let left: Vec<Left> = attempt.left.clone().and_then(|left| serde_json::from_value(left).ok()).unwrap_or_default();
    let is_undone = |step: &&Step| step.then_undone || step.state.word == "undone";
    Some(Trouble {
        title: fault.message,
        causes: fault.because,
        undone: undone(outcome).to_owned(),
        undone_steps: steps.iter().filter(is_undone).map(|step| step.name.clone()).collect(),
        left: left.into_iter().map(remains).collect(),
        remedy: fault.remedy.unwrap_or_default(),
        step: steps.iter().find(|step| step.is_failing).map(|step| (step.line, step.name.clone())),
        is_untidy: outcome == Some(TaskState::from(OutcomeKind::Untidy)),
    })
}

fn undone(outcome: Option<TaskState>) -> &'static str {
    match outcome {
        Some(TaskState::Refused) => "Nothing had to be: a check said no, and nothing was touched.",
        Some(TaskState::RolledBack) => "All that was done. Everything is as it was before.",
        Some(TaskState::Stuck) => "Not all of it: something is left, and waits for somebody.",
        Some(TaskState::Untidy) => "Nothing: the result is in service. A clean-up is still owed.",
        _ => "",
    }
}

fn remains(left: Left) -> Remains {
    match left.fault {
        Some(fault) => {
            let because: String = fault.because.iter().map(|cause| format!(", because {cause}")).collect();
            Remains {
                line: left.line,
                why: format!("{}{because}", fault.message),
                remedy: fault.remedy.unwrap_or_default(),
            }
        }
        None => Remains {
            line: left.line,
            why: "taking it back was not tried, because an earlier line could not be".into(),
            remedy: String::new(),
        },
    }
}
