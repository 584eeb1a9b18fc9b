//! What a bulk run is to do next. One pure function: whoever asks it may die, and another asks the same.

use std::collections::BTreeMap;

use aegir_domain::TaskState;
use aegir_store::{Asking, BulkCounts, BulkRecord};

/// How tasks end that count against a run. What somebody cancelled says nothing of the others.
const FAILED: [TaskState; 3] = [TaskState::Refused, TaskState::RolledBack, TaskState::Stuck];

/// What comes next of a bulk run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Objects of this wave are asked, so many at the most.
    Ask {
        /// Which wave.
        wave: u32,
        /// Whether they are only tried out.
        asking: Asking,
        /// How many.
        room: u64,
    },
    /// Nothing, until some of its tasks have ended.
    Wait,
    /// It pauses, for this reason.
    Pause(String),
    /// Nothing is left to be asked.
    Done,
}

/// What comes next of `run`, whose waves stand so.
pub(super) fn next(run: &BulkRecord, waves: &BTreeMap<u32, BulkCounts>) -> Next {
    if waves.values().all(|counts| counts.left() == 0) {
        return Next::Done;
    }
    if let Some(why) = why_pause(run, waves) {
        return Next::Pause(why);
    }
    let is_over = |counts: &BulkCounts| counts.left() == 0 && counts.outstanding() == 0;
    let Some((&wave, counts)) = waves.iter().find(|(_, counts)| !is_over(counts)) else { return Next::Done };
    let outstanding = waves.values().map(BulkCounts::outstanding).sum();
    let room = run.plan.at_once.map_or(u64::MAX, |at_once| u64::from(at_once).saturating_sub(outstanding));
    let asking = match run.plan.rehearse {
        true if counts.open > 0 => Asking::Rehearsal,
        // Nobody of a wave moves before all of it was tried out.
        true if counts.rehearsing > 0 => return Next::Wait,
        _ => Asking::Earnest,
    };
    match (asking, room) {
        (_, 0) => Next::Wait,
        (Asking::Earnest, _) if counts.left() == 0 => Next::Wait,
        _ => Next::Ask { wave, asking, room },
    }
}

/// How many objects failed so far.
pub(crate) fn failures(waves: &BTreeMap<u32, BulkCounts>) -> u64 {
    waves.values().map(failed).sum()
}

/// The last wave that has come to its end; 0: none.
pub(crate) fn last_over(waves: &BTreeMap<u32, BulkCounts>) -> u32 {
    let over = waves.iter().take_while(|(_, counts)| counts.left() == 0 && counts.outstanding() == 0);
    over.last().map_or(0, |(wave, _)| *wave)
}

fn failed(counts: &BulkCounts) -> u64 {
    counts.refused + FAILED.iter().filter_map(|state| counts.states.get(state)).sum::<u64>()
}

fn why_pause(run: &BulkRecord, waves: &BTreeMap<u32, BulkCounts>) -> Option<String> {
    let new = failures(waves).saturating_sub(run.forgiven);
    if run.plan.stop_after.is_some_and(|most| new >= u64::from(most)) {
        return Some(match new {
            1 => "1 object failed".into(),
            new => format!("{new} objects failed"),
        });
    }
    // A wave is asked to see whether the next one can be: one of which nothing succeeded says no.
    let over = last_over(waves);
    let asked = waves.get(&over).filter(|_| over > run.passed)?;
    let cancelled = asked.states.get(&TaskState::Cancelled).copied().unwrap_or_default();
    let tells = asked.all > asked.refused + cancelled;
    (asked.succeeded() == 0 && tells).then(|| format!("nothing of wave {over} succeeded"))
}

#[cfg(test)]
mod tests {
    use aegir_store::{BulkAsker, BulkPlan};
    use serde_json::json;

    use super::*;

    fn run(plan: BulkPlan) -> BulkRecord {
        BulkRecord {
            id: 1,
            operation: "site-migrate".parse().unwrap(),
            parameters: json!({}),
            chosen: json!({}),
            asker: BulkAsker { name: String::new(), id: String::new(), door: String::new(), may: Vec::new() },
            started: 0,
            asked: None,
            plan,
            halt: None,
            forgiven: 0,
            passed: 0,
        }
    }

    fn planned() -> BulkRecord {
        run(BulkPlan { at_once: Some(4), stop_after: Some(2), rehearse: false })
    }

    fn counts(open: u64, states: &[(TaskState, u64)]) -> BulkCounts {
        let all = open + states.iter().map(|(_, count)| count).sum::<u64>();
        BulkCounts { all, open, states: states.iter().copied().collect(), ..BulkCounts::default() }
    }

    fn ask(wave: u32, asking: Asking, room: u64) -> Next {
        Next::Ask { wave, asking, room }
    }

    #[test]
    fn a_run_without_a_plan_is_asked_at_once() {
        let plain = run(BulkPlan::default());

        let some_left = BTreeMap::from([(1, counts(7, &[(TaskState::RolledBack, 90), (TaskState::Waiting, 3)]))]);
        assert_eq!(next(&plain, &some_left), ask(1, Asking::Earnest, u64::MAX));
        let all_asked = BTreeMap::from([(1, counts(0, &[(TaskState::Waiting, 3)]))]);
        assert_eq!(next(&plain, &all_asked), Next::Done);
    }

    #[test]
    fn the_next_wave_waits_for_the_end_of_the_one_before_and_never_more_run_than_may() {
        use TaskState::{Running, Succeeded, Waiting};
        for (first, second, expected) in [
            (counts(1, &[]), counts(9, &[]), ask(1, Asking::Earnest, 4)),
            (counts(0, &[(Running, 1)]), counts(9, &[]), Next::Wait),
            (counts(0, &[(Succeeded, 1)]), counts(9, &[]), ask(2, Asking::Earnest, 4)),
            (counts(0, &[(Succeeded, 1)]), counts(6, &[(Running, 2), (Waiting, 1)]), ask(2, Asking::Earnest, 1)),
            (counts(0, &[(Succeeded, 1)]), counts(5, &[(Running, 4)]), Next::Wait),
            // One of the first was retried by hand.
            (counts(0, &[(Waiting, 1)]), counts(6, &[(Running, 2), (Succeeded, 1)]), Next::Wait),
            (counts(0, &[(Succeeded, 1)]), counts(0, &[(Running, 4)]), Next::Done),
        ] {
            let waves = BTreeMap::from([(1, first), (2, second)]);
            assert_eq!(next(&planned(), &waves), expected, "{waves:?}");
        }
    }

    #[test]
    fn it_pauses_at_so_many_failures_and_goes_on_with_those_that_somebody_has_seen() {
        use TaskState::{Cancelled, Refused, RolledBack, Succeeded};
        let waves = |failed| {
            let second = counts(5, &[(RolledBack, failed), (Refused, 1), (Cancelled, 9), (Succeeded, 1)]);
            BTreeMap::from([(1, counts(0, &[(Succeeded, 1)])), (2, second)])
        };
        assert_eq!(next(&planned(), &waves(0)), ask(2, Asking::Earnest, 4));
        assert_eq!(next(&planned(), &waves(1)), Next::Pause("2 objects failed".into()));
        let seen = BulkRecord { forgiven: 2, ..planned() };
        assert_eq!(next(&seen, &waves(2)), ask(2, Asking::Earnest, 4));
        assert_eq!(next(&seen, &waves(3)), Next::Pause("2 objects failed".into()));
        assert_eq!(failures(&waves(3)), 4);
    }

    #[test]
    fn it_pauses_behind_a_wave_of_which_nothing_succeeded() {
        let waves = BTreeMap::from([(1, counts(0, &[(TaskState::RolledBack, 1)])), (2, counts(9, &[]))]);
        assert_eq!(next(&planned(), &waves), Next::Pause("nothing of wave 1 succeeded".into()));
        assert_eq!(last_over(&waves), 1);
        let passed = BulkRecord { passed: 1, ..planned() };
        assert_eq!(next(&passed, &waves), ask(2, Asking::Earnest, 4));

        let never_stops = run(BulkPlan { at_once: Some(4), ..BulkPlan::default() });
        assert_eq!(next(&never_stops, &waves), Next::Pause("nothing of wave 1 succeeded".into()));

        // Who was left out before tells nothing, and neither does what somebody cancelled.
        let left_out = BulkCounts { all: 1, refused: 1, ..BulkCounts::default() };
        for silent in [left_out, counts(0, &[(TaskState::Cancelled, 1)])] {
            let waves = BTreeMap::from([(1, silent), (2, counts(9, &[]))]);
            assert_eq!(next(&BulkRecord { forgiven: 1, ..planned() }, &waves), ask(2, Asking::Earnest, 4));
        }
    }

    #[test]
    fn a_wave_is_tried_out_whole_before_any_of_it_is_done() {
        let run = run(BulkPlan { at_once: Some(4), stop_after: None, rehearse: true });
        let wave = |open, rehearsing, rehearsed, states: &[(TaskState, u64)]| {
            let counts = BulkCounts { rehearsing, rehearsed, ..counts(open, states) };
            next(&run, &BTreeMap::from([(1, counts)]))
        };
        assert_eq!(wave(9, 0, 0, &[]), ask(1, Asking::Rehearsal, 4));
        assert_eq!(wave(5, 1, 3, &[]), ask(1, Asking::Rehearsal, 3));
        assert_eq!(wave(5, 4, 0, &[]), Next::Wait);
        assert_eq!(wave(0, 1, 8, &[]), Next::Wait);
        assert_eq!(wave(0, 0, 8, &[(TaskState::RolledBack, 1)]), ask(1, Asking::Earnest, 4));
        assert_eq!(wave(0, 0, 4, &[(TaskState::Running, 4)]), Next::Wait);
        assert_eq!(wave(0, 0, 0, &[(TaskState::Running, 4)]), Next::Done);
    }
}
