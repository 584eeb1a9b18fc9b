//! Ends what a dead process began: backwards, or, past the point of no return, forwards.

use aegir_domain::{FaultReport, Outcome};
use serde_json::Map;

use crate::execute::Ended;
use crate::journal::{Record, State};
use crate::{Executor, Ground, Journal};

/// Brings the task of `records` to an end. The caller holds the task's lock and has ended its programs.
///
/// Returns what was decided; nothing is done for a task that ended with nothing owed.
pub fn recover<W: Ground>(executor: &Executor<'_, W>, records: &[Record], journal: &mut dyn Journal) -> Ended {
    let state = State::of(records);
    let acted = state.may_have_acted();
    if let (true, Some(outcome)) = (state.is_closed(), &state.ended) {
        return Ended {
            outcome: outcome.clone(),
            answer: state.answer,
            secret_answer: Map::new(),
            changed: state.changed,
            acted,
        };
    }
    let outcome = match state.afterwards {
        Some(after) => executor.carry_on(after, state.committed_at, journal),
        None => {
            let fault = match state.ended {
                Some(Outcome::Stuck { fault, .. }) => fault,
                _ => interrupted(),
            };
            executor.take_back(state.standing, fault, journal)
        }
    };
    executor.close(journal, &outcome, acted);
    let changed = state.changed && matches!(outcome, Outcome::Succeeded | Outcome::Untidy { .. });
    Ended { outcome, answer: state.answer, secret_answer: Map::new(), changed, acted }
}

fn interrupted() -> FaultReport {
    FaultReport {
        message: "the task was interrupted: its process ended before it did".into(),
        because: Vec::new(),
        remedy: Some("nothing is left of it; ask for it again".into()),
    }
}
