//! What each state is called on pages, and how it looks: said once, for lists, objects and tasks alike.

use aegir_domain::{AttemptState, ObjectStatus, TaskState};

use super::frame::Tone;

/// A state, as pages show it: never by its colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// How it looks.
    pub(crate) tone: Tone,
    /// What it is called.
    pub(crate) word: &'static str,
    /// What it means, in a sentence.
    pub(crate) about: &'static str,
}

const fn state(tone: Tone, word: &'static str, about: &'static str) -> State {
    State { tone, word, about }
}

const UNKNOWN: State = state(Tone::Plain, "unknown", "This page does not know the state.");

/// The state of a task, as [`TaskState`] writes it; outcomes of attempts are written the same.
pub(crate) fn of_task(word: &str) -> State {
    let Ok(task) = word.parse::<TaskState>() else { return UNKNOWN };
    match task {
        TaskState::Waiting => state(Tone::Plain, "waiting", "It has not begun."),
        TaskState::Running => state(Tone::Busy, "running", "It goes on now."),
        TaskState::OutOfContact => state(
            Tone::Warning,
            "out of contact",
            "Its machine does not answer. It may go on there, and nothing is run again.",
        ),
        TaskState::Succeeded => state(Tone::Good, "succeeded", "All of it happened."),
        TaskState::Untidy => state(Tone::Warning, "untidy", "The result is in service; a clean-up is owed."),
        TaskState::Refused => state(Tone::Bad, "refused", "A check said no, and nothing was touched."),
        TaskState::RolledBack => state(Tone::Bad, "rolled back", "It did not go through, and all is as it was."),
        TaskState::Stuck => state(Tone::Bad, "stuck", "It failed, and so did taking it back: something is left."),
        TaskState::Cancelled => state(Tone::Plain, "cancelled", "It was taken out of the queue before it began."),
    }
}

/// Whether a task so called has failed, and somebody may have to act.
pub(crate) fn has_failed(word: &str) -> bool {
    FAILED.iter().any(|failed| failed.as_str() == word)
}

/// The states of tasks that failed.
pub(crate) const FAILED: [TaskState; 3] = [TaskState::Refused, TaskState::RolledBack, TaskState::Stuck];

/// The state of an attempt: how it ended, else where it stands.
pub(crate) fn of_attempt(word: &str, outcome: Option<&str>) -> State {
    match (outcome, word.parse::<AttemptState>()) {
        (Some(outcome), _) => of_task(outcome),
        (None, Ok(AttemptState::Starting)) => {
            state(Tone::Busy, "starting", "It was handed to its machine, which has said nothing yet.")
        }
        (None, Ok(AttemptState::Running)) => of_task(TaskState::Running.as_str()),
        (None, _) => UNKNOWN,
    }
}

/// The status of a site, a platform or a server, as [`ObjectStatus`] writes it.
pub(crate) fn of_object(word: &str) -> State {
    let Ok(status) = word.parse::<ObjectStatus>() else { return UNKNOWN };
    match status {
        ObjectStatus::New => state(Tone::Plain, "new", "It is not made yet."),
        ObjectStatus::Enabled => state(Tone::Good, "enabled", "It is in service."),
        ObjectStatus::Disabled => {
            state(Tone::Warning, "disabled", "It is out of service: visitors get a page that says so.")
        }
        ObjectStatus::Failed => state(Tone::Bad, "failed", "It was not made; its last task says why."),
        ObjectStatus::Deleted => state(Tone::Plain, "deleted", "It is gone; what became of it is kept."),
    }
}

/// How far a line of a recipe came, as the protocol writes its phase. While its attempt goes on, what began
/// is at work.
pub(crate) fn of_step(phase: &str, goes_on: Going) -> State {
    match (phase, goes_on) {
        ("checking" | "doing" | "finishing", Going::On) => state(Tone::Busy, "running", "It goes on now."),
        ("undoing", Going::On) => state(Tone::Busy, "being undone", "It is being taken back now."),
        ("checking" | "doing" | "finishing", Going::Over) => {
            state(Tone::Bad, "not finished", "The attempt ended while it was at work.")
        }
        ("undoing", Going::Over) => state(Tone::Bad, "not undone", "The attempt ended while it was being taken back."),
        ("checked", _) => state(Tone::Good, "checked", "The check said yes."),
        ("done" | "finished", _) => state(Tone::Good, "done", "It is done."),
        ("committed", _) => state(Tone::Good, "reached", "From here on the task is not taken back but carried on."),
        ("undone", _) => state(Tone::Plain, "undone", "It was taken back."),
        ("failed", _) => state(Tone::Bad, "failed", "It failed."),
        ("owed", _) => state(Tone::Warning, "owed", "It failed three times, and is still owed."),
        _ => UNKNOWN,
    }
}

/// Whether an attempt goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Going {
    /// It does.
    On,
    /// It has ended.
    Over,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_word_and_a_failed_one_looks_so() {
        for task in TaskState::ALL {
            let shown = of_task(task.as_str());
            assert_ne!(shown, UNKNOWN, "{task}");
            assert_eq!(shown.tone == Tone::Bad, has_failed(task.as_str()), "{task}");
            assert_eq!(shown.word.replace(' ', "-"), task.as_str());
        }
        for status in ObjectStatus::ALL {
            assert_eq!(of_object(status.as_str()).word, status.as_str());
        }
        assert_eq!(of_task("of-tomorrow"), UNKNOWN);
    }

    #[test]
    fn a_step_that_was_cut_off_is_not_at_work() {
        assert_eq!(of_step("doing", Going::On).tone, Tone::Busy);
        assert_eq!(of_step("doing", Going::Over).tone, Tone::Bad);
        assert_eq!(of_step("done", Going::Over).tone, Tone::Good);
    }

    #[test]
    fn an_attempt_is_called_by_its_end() {
        assert_eq!(of_attempt("ended", Some("rolled-back")).word, "rolled back");
        assert_eq!(of_attempt("starting", None).word, "starting");
    }
}
